// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What all processes on all hosts share through Redis: limits, sessions, and news. Without it, limits count per
// process.

import { Redis } from 'ioredis';
import * as faults from './faults.js';

const COUNT = `local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - ARGV[1])
local asked = redis.call('ZCARD', KEYS[1])
if asked >= tonumber(ARGV[2]) then
  return {0, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + ARGV[1] - now}
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {1, 0}`;

export class Shared {
  constructor({ REDIS_URL, REDIS_PREFIX }, logger) {
    this.url = REDIS_URL;
    this.prefix = REDIS_PREFIX;
    this.all = [];
    this.own = new Map();
    this.sent = 0;
    this.client = this.connection();
    let isDown = false;
    this.client.on('ready', () => {
      isDown = false;
    });
    this.client.on('close', () => {
      if (isDown || this.client.status === 'end') return;
      isDown = true;
      logger.warn('Redis is lost: limits count per process');
    });
  }

  connection() {
    // Whoever asks is told at once that nobody answers.
    const options = { lazyConnect: true, connectTimeout: 3000, enableOfflineQueue: false, maxRetriesPerRequest: 0 };
    const redis = new Redis(this.url, { ...options, retryStrategy: () => 200 });
    redis.on('error', () => {});
    this.all.push(redis);
    return redis;
  }

  get isUp() {
    return this.client.status === 'ready';
  }

  /** How long to wait before asking again, or 0 for whoever may ask now: never more than most in any such window. */
  async wait(who, window, most) {
    if (faults.has('own-limits')) return this.waitAlone(who, window, most);
    const member = `${process.pid}-${(this.sent += 1)}-${Math.random()}`;
    try {
      const [isFree, rest] = await this.client.eval(COUNT, 1, `${this.prefix}limit:${who}`, window, most, member);
      return isFree ? 0 : Math.max(rest, 1);
    } catch {
      return this.waitAlone(who, window, most);
    }
  }

  waitAlone(who, window, most) {
    const now = Date.now();
    for (const [one, times] of this.own) if (times.at(-1) <= now - window) this.own.delete(one);
    const times = (this.own.get(who) ?? []).filter((time) => time > now - window);
    if (times.length >= most) return times[0] + window - now;
    this.own.set(who, [...times, now]);
    return 0;
  }

  stop() {
    this.client.removeAllListeners('close');
    for (const redis of this.all) redis.disconnect();
  }
}
