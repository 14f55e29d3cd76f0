// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Session cookies and tokens are signed by HMAC-SHA256.

import crypto from 'node:crypto';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'HS256', typ: 'JWT' });
const sign = (text, secret) => crypto.createHmac('sha256', secret).update(text).digest('base64url');

export function isSame(one, other) {
  const [given, right] = [one, other].map((text) => crypto.createHash('sha256').update(String(text)).digest());
  return crypto.timingSafeEqual(given, right);
}

export const seal = (text, secret) => `${text}.${sign(text, secret)}`;

/** What was sealed, or null. */
export function unseal(sealed, secret) {
  const at = String(sealed).lastIndexOf('.');
  const text = String(sealed).slice(0, Math.max(at, 0));
  return at > 0 && isSame(sealed, seal(text, secret)) ? text : null;
}

/** A JSON Web Token for the sockets of an agent. */
export function issueToken(agent, secret, seconds = 3600) {
  return seal(`${HEADER}.${encode({ agent, exp: Math.floor(Date.now() / 1000) + seconds })}`, secret);
}

/** To whom the token was given, or null if it is not valid. */
export function readToken(token, secret) {
  const [header, payload] = (unseal(token, secret) ?? '').split('.');
  if (header !== HEADER) return null;
  const { agent, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return exp > Date.now() / 1000 ? agent : null;
}
