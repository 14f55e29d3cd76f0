// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Keys are kept as AES-256-GCM makes them: nonce, tag and text, in hexadecimal digits with colons between them.

import crypto from 'node:crypto';

export type Cipher = { encrypt(text: string): string; decrypt(kept: string): string };

export function createCipher(secret: string): Cipher {
  const key = crypto.createHash('sha256').update(secret).digest();
  return {
    encrypt(text) {
      const nonce = crypto.randomBytes(12);
      const cipher = crypto.createCipheriv('aes-256-gcm', key, nonce);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return [nonce, cipher.getAuthTag(), body].map((part) => part.toString('hex')).join(':');
    },
    decrypt(kept) {
      const [nonce, tag, body] = kept.split(':').map((part) => Buffer.from(part, 'hex'));
      const decipher = crypto.createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAuthTag(tag);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    },
  };
}
