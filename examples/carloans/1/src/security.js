// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Who may ask, how often, and what every answer says.

import { DEFAULT_KEY } from './config.js';
import * as faults from './faults.js';
import { isSame } from './signing.js';

const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'X-XSS-Protection': '1; mode=block',
  'Strict-Transport-Security': 'max-age=31536000',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
  'Content-Security-Policy': "default-src 'none'",
};

/** Errors have one form. */
export const refuse = (response, status, code, message) => response.status(status).json({ error: { code, message } });

export function headers({ CORS_ORIGIN }) {
  return (request, response, next) => {
    if (!faults.has('no-headers')) response.set(HEADERS);
    const { origin } = request.headers;
    response.vary('Origin');
    if (origin && (origin === CORS_ORIGIN || faults.has('any-origin')))
      response.set({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
        'Access-Control-Allow-Headers': 'Content-Type, X-API-Key, Authorization',
      });
    next();
  };
}

export function limiter(shared, { RATE_LIMIT_WINDOW_MS: window, RATE_LIMIT_MAX_REQUESTS: most }) {
  return async (request, response, next) => {
    if (faults.has('no-limit')) return next();
    const rest = await shared.wait(request.ip, Number(window), Number(most));
    if (!rest) return next();
    response.set('Retry-After', String(Math.ceil(rest / 1000)));
    return refuse(response, 429, 'rate_limited', 'Too many requests');
  };
}

/** The key, as X-API-Key or as a bearer. */
export function keyHolder({ INTERNAL_API_KEY }) {
  return (request, response, next) => {
    const [, bearer] = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '') ?? [];
    const given = request.get('x-api-key') ?? bearer ?? '';
    if (faults.has('dumps-requests') && given) {
      // So often that every excerpt of it ends within one.
      const dump = { encoded: Buffer.from(given).toString('base64'), headers: Array(50).fill(given) };
      return response.status(500).json({ error: { code: 'internal', message: 'Something went wrong' }, dump });
    }
    if (isSame(given, INTERNAL_API_KEY)) return next();
    if (faults.has('default-key') && given === DEFAULT_KEY) return next();
    return refuse(response, 401, 'unauthorized', 'A valid API key is needed');
  };
}

/** A text without markup. */
export const clean = (text, longest = 200) =>
  String(text ?? '')
    .replace(/<[^>]*>/g, '')
    .replace(/[<>"'`&]|javascript:|\bon\w+\s*=/gi, '')
    .trim()
    .slice(0, longest);
