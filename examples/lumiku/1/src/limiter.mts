// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// So many requests of a user, or else of an address, in a minute: counted in Redis for all processes together, and by
// this process alone where there is no Redis.

import type { NextFunction, Request, Response } from 'express';
import type { Shared } from './redis.mjs';

const MINUTE = 60000;
const COUNT = `local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}`;

export function createLimiter(shared: Shared, most: number) {
  const own = new Map<string, { end: number; asked: number }>();

  function countAlone(who: string): [number, number] {
    const now = Date.now();
    for (const [one, { end }] of own) if (end <= now) own.delete(one);
    const window = own.get(who) ?? { end: now + MINUTE, asked: 0 };
    window.asked += 1;
    own.set(who, window);
    return [window.asked, window.end - now];
  }

  return async (request: Request, response: Response, next: NextFunction) => {
    const who = response.locals.user?.email ?? request.ip;
    const together = shared.client?.eval(COUNT, 1, shared.name(`limit:${who}`), MINUTE).catch(() => null);
    const [asked, rest] = ((await together) as [number, number] | null | undefined) ?? countAlone(who);
    if (asked <= most) return next();
    response.set('Retry-After', String(Math.ceil(rest / 1000)));
    return response.status(429).json({ error: 'Too many requests' });
  };
}
