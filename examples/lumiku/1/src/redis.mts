// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What several processes share: limits, the queue, and the news about progress. The application lives on without it,
// with less.

import { Redis } from 'ioredis';
import type { Config } from './config.mjs';
import * as faults from './faults.mjs';
import type { Logger } from './logger.mjs';
import { count } from './metrics.mjs';

export class Shared {
  readonly client: Redis | null = null;
  private readonly config: Config;
  private readonly logger: Logger;
  private readonly all: Redis[] = [];
  private since = 0;

  constructor(config: Config, logger: Logger) {
    this.config = config;
    this.logger = logger;
    if (config.REDIS_ENABLED === 'true') this.client = this.connection();
  }

  /** One more connection: who waits or listens on one cannot ask anything else there. */
  connection(): Redis {
    const { REDIS_HOST: host, REDIS_PORT: port, REDIS_PASSWORD: password } = this.config;
    const redis = new Redis({
      host,
      port: Number(port),
      password: password || undefined,
      lazyConnect: true,
      connectTimeout: 3000,
      // Whoever asks is told at once that nobody answers.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => (faults.isTime('redis-lost') ? null : 200),
    });
    this.all.push(redis);
    redis.on('error', () => {});
    return redis;
  }

  /** Connect, and say how it goes from now on. */
  async start() {
    if (!this.client) return;
    let isDown = false;
    this.client.on('ready', () => {
      isDown = false;
      this.since = Date.now();
      this.logger.good('Redis connection ready');
    });
    this.client.on('close', () => {
      this.since = 0;
      if (isDown || this.client?.status === 'end') return;
      isDown = true;
      count('redis_connection_failures_total');
      this.logger.warn('Redis connection error');
    });
    await this.client.connect();
  }

  get state(): 'disabled' | 'connected' | 'down' {
    if (!this.client) return 'disabled';
    return this.client.status === 'ready' ? 'connected' : 'down';
  }

  /** For how many seconds it has been connected. */
  get uptime() {
    return this.since ? Math.round((Date.now() - this.since) / 1000) : 0;
  }

  /** How something is called in Redis, where others may have the same. */
  name(name: string) {
    return this.config.REDIS_PREFIX + name;
  }

  /** Break all connections. */
  lose() {
    for (const redis of this.all) redis.disconnect(true);
  }

  stop() {
    this.client?.removeAllListeners('close');
    for (const redis of this.all) redis.disconnect();
  }
}
