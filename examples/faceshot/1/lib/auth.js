// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Tokens are JSON Web Tokens, signed with SESSION_SECRET by HMAC-SHA256.

const crypto = require('node:crypto');

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'HS256', typ: 'JWT' });
const signatureOf = (text, secret) => crypto.createHmac('sha256', secret).update(text).digest('base64url');
const now = () => Math.floor(Date.now() / 1000);

function issueToken(email, secret, days = 30) {
  const text = `${HEADER}.${encode({ email, exp: now() + days * 86400 })}`;
  return `${text}.${signatureOf(text, secret)}`;
}

/** The user to whom the token was given, or null if it is not valid. */
function readToken(token, secret) {
  const [header, payload, signature = ''] = token.split('.');
  const [given, right] = [signature, signatureOf(`${header}.${payload}`, secret)].map((text) => Buffer.from(text));
  if (header !== HEADER || given.length !== right.length || !crypto.timingSafeEqual(given, right)) return null;
  const user = JSON.parse(Buffer.from(payload, 'base64url'));
  return user.exp > now() ? user : null;
}

function createGuards({ SESSION_SECRET, ADMIN_EMAILS }) {
  const admins = new Set(ADMIN_EMAILS.split(',').map((email) => email.trim().toLowerCase()));

  function authenticateToken(request, response, next) {
    const [, token] = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '') ?? [];
    request.user = token ? readToken(token, SESSION_SECRET) : null;
    if (request.user) return next();
    return response.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'A valid token is needed' });
  }

  function isAdmin(request, response, next) {
    if (admins.has(request.user.email.toLowerCase())) return next();
    return response.status(403).json({ error: 'Only administrators may do this' });
  }

  return { authenticateToken, isAdmin };
}

module.exports = { issueToken, createGuards };
