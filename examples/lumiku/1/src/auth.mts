// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Tokens are JSON Web Tokens, signed with JWT_SECRET by HMAC-SHA256.

import crypto from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Database } from './database.mjs';

export type User = { id: number; email: string; credit_balance: number };

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encode({ alg: 'HS256', typ: 'JWT' });
const signatureOf = (text: string, secret: string) =>
  crypto.createHmac('sha256', secret).update(text).digest('base64url');
const now = () => Math.floor(Date.now() / 1000);

export function issueToken(email: string, secret: string, days = 30) {
  const text = `${HEADER}.${encode({ email, exp: now() + days * 86400 })}`;
  return `${text}.${signatureOf(text, secret)}`;
}

/** For whom the token was issued, or null if it is not valid. */
function emailOf(token: string, secret: string): string | null {
  const [header, payload, signature = ''] = token.split('.');
  const [given, right] = [signature, signatureOf(`${header}.${payload}`, secret)].map((text) => Buffer.from(text));
  if (header !== HEADER || given.length !== right.length || !crypto.timingSafeEqual(given, right)) return null;
  const { email, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return exp > now() ? email : null;
}

/** The user to whom a token belongs. */
export async function userOf(db: Database, secret: string, token: unknown): Promise<User | null> {
  const email = typeof token === 'string' ? emailOf(token, secret) : null;
  if (email === null) return null;
  const { rows } = await db.query('SELECT id, email, credit_balance FROM users WHERE email = $1', [email]);
  return rows[0] ?? null;
}

export function createGuard(db: Database, secret: string) {
  return async (request: Request, response: Response, next: NextFunction) => {
    const [, token] = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '') ?? [];
    response.locals.user = await userOf(db, secret, token);
    if (response.locals.user) return next();
    return response.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'A valid token is needed' });
  };
}
