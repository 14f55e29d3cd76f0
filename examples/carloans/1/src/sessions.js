// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Sessions of agents, which any process on any host knows, because they are in Redis.

import crypto from 'node:crypto';
import { Router } from 'express';
import * as faults from './faults.js';
import { clean, refuse } from './security.js';
import { issueToken, seal, unseal } from './signing.js';

const COOKIE = 'ccl.sid';
const HOURS = 8;

export function sessions({ SESSION_SECRET, JWT_SECRET, REDIS_PREFIX }, shared) {
  const own = new Map();
  const key = (id) => `${REDIS_PREFIX}session:${id}`;
  const isOwn = faults.has('own-sessions');
  const read = async (id) => (isOwn ? own.get(id) : shared.client.get(key(id)));
  const write = async (id, agent) =>
    isOwn ? own.set(id, agent) : shared.client.set(key(id), agent, 'EX', HOURS * 3600);

  const idOf = (request) => {
    const [, sealed] = new RegExp(`(?:^|; )${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '') ?? [];
    return unseal(sealed, SESSION_SECRET);
  };
  const router = Router();
  // Who asks, if they have said so before.
  router.use(async (request, response, next) => {
    const id = idOf(request);
    response.locals.agent = id ? await read(id).catch(() => null) : null;
    next();
  });
  router.post('/api/session', async (request, response) => {
    const agent = clean(request.body?.agent, 60);
    if (!agent) return refuse(response, 400, 'invalid', 'Who is the agent?');
    const id = crypto.randomBytes(24).toString('base64url');
    try {
      await write(id, agent);
    } catch {
      return refuse(response, 503, 'unavailable', 'There are no sessions without Redis');
    }
    const lasting = { maxAge: HOURS * 3600000, encode: String };
    const safe = { httpOnly: true, sameSite: 'lax', secure: request.secure };
    response.cookie(COOKIE, seal(id, SESSION_SECRET), { ...lasting, ...safe });
    return response.status(201).json({ agent });
  });
  router.get('/api/session', (request, response) => {
    if (!response.locals.agent) return refuse(response, 404, 'not_found', 'There is no session');
    const { agent } = response.locals;
    return response.json({ agent, socketToken: issueToken(agent, JWT_SECRET) });
  });
  router.delete('/api/session', async (request, response) => {
    const id = idOf(request);
    if (id) await (isOwn ? own.delete(id) : shared.client.del(key(id)).catch(() => {}));
    response.clearCookie(COOKIE).status(204).end();
  });
  return router;
}
