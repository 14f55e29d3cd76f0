// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Credits are bought through Duitku, which says at DUITKU_CALLBACK_URL that somebody has paid, as often as it likes.

import crypto from 'node:crypto';
import express, { Router } from 'express';
import { add } from '../credits.mjs';
import { inTransaction } from '../database.mjs';
import type { Services } from './services.mjs';

const PRICE = 1000;

export function payments({ config, db, logger, guard }: Services) {
  const router = Router();
  const { DUITKU_MERCHANT_CODE: merchant, DUITKU_API_KEY: key } = config;

  router.get('/api/credits', guard, (request, response) =>
    response.json({ creditBalance: response.locals.user.credit_balance }),
  );
  router.post('/api/payments', guard, async (request, response) => {
    const credits = request.body?.credits;
    if (!Number.isInteger(credits) || credits < 1 || credits > 10000)
      return response.status(400).json({ error: 'How many credits?' });
    const order = crypto.randomUUID();
    await db.query('INSERT INTO payments (order_id, user_id, amount, credits) VALUES ($1, $2, $3, $4)', [
      order, response.locals.user.id, credits * PRICE, credits,
    ]);
    return response.status(201).json({
      merchantOrderId: order,
      amount: credits * PRICE,
      callbackUrl: config.DUITKU_CALLBACK_URL,
      returnUrl: config.DUITKU_RETURN_URL,
    });
  });

  // Duitku signs with MD5.
  router.post('/api/payments/callback', express.urlencoded({ extended: false }), async (request, response) => {
    const { merchantOrderId: order = '', amount = '', resultCode, signature = '' } = request.body ?? {};
    const right = crypto.createHash('md5').update(`${merchant}${amount}${order}${key}`).digest();
    const given = Buffer.from(String(signature), 'hex');
    if (given.length !== right.length || !crypto.timingSafeEqual(given, right))
      return response.status(400).json({ error: 'The signature is wrong' });
    const status = resultCode === '00' ? 'paid' : 'failed';
    await inTransaction(db, async (session) => {
      const settle = `UPDATE payments SET status = $3 WHERE order_id = $1 AND amount::text = $2 AND status = 'pending'
        RETURNING user_id, credits`;
      const [payment] = (await session.query(settle, [order, String(amount), status])).rows;
      if (payment && status === 'paid') await add(session, payment.user_id, payment.credits, `payment ${order}`);
    });
    logger.info(`Payment ${order.replace(/[^\w-]/g, '')} is ${status}`);
    return response.json({ received: true });
  });
  return router;
}
