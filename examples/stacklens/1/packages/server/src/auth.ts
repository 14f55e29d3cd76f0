// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Tokens are JSON Web Tokens, signed with JWT_SECRET by HMAC-SHA256.

import crypto from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Config } from './config.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'HS256', typ: 'JWT' });
const signatureOf = (text: string, secret: string) =>
  crypto.createHmac('sha256', secret).update(text).digest('base64url');
const now = () => Math.floor(Date.now() / 1000);

export function issueToken(email: string, secret: string, days = 30): string {
  const text = `${HEADER}.${encode({ email, exp: now() + days * 86400 })}`;
  return `${text}.${signatureOf(text, secret)}`;
}

/** The user to whom the token was given, or null if it is not valid. */
function readToken(token: string, secret: string): { email: string } | null {
  const [header, payload, signature = ''] = token.split('.');
  const [given, right] = [signature, signatureOf(`${header}.${payload}`, secret)].map((text) => Buffer.from(text));
  if (header !== HEADER || given.length !== right.length || !crypto.timingSafeEqual(given, right)) return null;
  const user = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return user.exp > now() ? user : null;
}

export function createGuards({ JWT_SECRET, ADMIN_EMAILS }: Config) {
  const admins = new Set(ADMIN_EMAILS.split(',').map((email) => email.trim().toLowerCase()));

  function userOf(request: Request) {
    const [, token] = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '') ?? [];
    return token ? readToken(token, JWT_SECRET) : null;
  }

  const unauthorized = (response: Response) =>
    response.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'A valid token is needed' });

  function isUser(request: Request, response: Response, next: NextFunction) {
    return userOf(request) ? next() : unauthorized(response);
  }

  function isAdmin(request: Request, response: Response, next: NextFunction) {
    const user = userOf(request);
    if (!user) return unauthorized(response);
    if (admins.has(user.email.toLowerCase())) return next();
    return response.status(403).json({ error: 'Only administrators may do this' });
  }

  /** Programs on this machine need no token, as long as they do not come through a proxy. */
  function isUserOrLocal(request: Request, response: Response, next: NextFunction) {
    const isLocal = /^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
    if (isLocal && !request.get('x-forwarded-for')) return next();
    return isUser(request, response, next);
  }

  return { isUser, isAdmin, isUserOrLocal };
}
