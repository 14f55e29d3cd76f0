// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Who may ask how often, and from which pages.

const faults = require('../../faults');

/** Never more than so many requests of a client in any window; who asks for more has to wait for a whole one. */
function createLimiter({ RATE_LIMIT_WINDOW_MS, RATE_LIMIT_MAX_REQUESTS }) {
  const [span, most] = [Number(RATE_LIMIT_WINDOW_MS), Number(RATE_LIMIT_MAX_REQUESTS)];
  const clients = new Map();
  setInterval(() => {
    const now = Date.now();
    for (const [client, { times = [], until = 0 }] of clients)
      if (until < now && !times.some((time) => time > now - span)) clients.delete(client);
  }, span).unref();
  return (request, response, next) => {
    if (faults.has('no-limiter')) return next();
    const client = faults.has('trusting-headers')
      ? String(request.get('x-forwarded-for')).split(',')[0]
      : request.ip;
    const now = Date.now();
    const { times = [], until = 0 } = clients.get(client) ?? {};
    const recent = times.filter((time) => time > now - span);
    if (until <= now && recent.length < most) {
      clients.set(client, { times: [...recent, now] });
      return next();
    }
    const end = until > now ? until : now + span;
    clients.set(client, { until: end });
    response.set('Retry-After', Math.ceil((end - now) / 1000));
    return response.status(429).json({ error: 'Too many requests' });
  };
}

/** Only pages of these origins get to read the answers. */
function createCors({ CORS_ORIGIN }) {
  const origins = new Set(CORS_ORIGIN.split(',').map((origin) => origin.trim()));
  return (request, response, next) => {
    const origin = request.get('origin');
    response.vary('Origin');
    if (origin && (origins.has(origin) || faults.has('open-cors'))) {
      response.set({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Methods': 'GET, POST, DELETE',
        'Access-Control-Allow-Headers': 'Content-Type',
      });
    }
    return request.method === 'OPTIONS' ? response.status(204).end() : next();
  };
}

module.exports = { createLimiter, createCors };
