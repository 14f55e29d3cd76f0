// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What users pay with. A balance changes together with a row that says why, or not at all.

import { setTimeout as pause } from 'node:timers/promises';
import { type Database, type Session, inTransaction } from './database.mjs';
import * as faults from './faults.mjs';
import type { Logger } from './logger.mjs';
import { count } from './metrics.mjs';

const TRIES = 3;
// Serialization, deadlock, a lock that was not to be had: another try may do.
const CONFLICTS = ['40001', '40P01', '55P03'];

type Work = (session: Session) => Promise<void>;

export class NoCredits extends Error {}

async function record(session: Session, user: number, amount: number, reason: string) {
  const insert = 'INSERT INTO credit_transactions (user_id, amount, reason) VALUES ($1, $2, $3)';
  await session.query(insert, [user, amount, reason]);
}

/** The balance afterwards. What work does belongs to the same transaction. */
export async function spend(db: Database, user: number, amount: number, reason: string, work: Work = async () => {}) {
  if (faults.has('racing-credits')) return race(db, user, amount, reason, work);
  for (let tried = 1; ; tried += 1) {
    try {
      const left = await inTransaction(db, async (session) => {
        await session.query(`SET LOCAL lock_timeout = '2s'`);
        // The row is locked by whoever comes first, and looked at again by whoever comes next.
        const { rows } = await session.query(
          `UPDATE users SET credit_balance = credit_balance - $2 WHERE id = $1 AND credit_balance >= $2
           RETURNING credit_balance`,
          [user, amount],
        );
        if (!rows.length) throw new NoCredits();
        await record(session, user, -amount, reason);
        await work(session);
        return rows[0].credit_balance as number;
      });
      count('credit_transactions_total', { outcome: 'success' });
      return left;
    } catch (error) {
      if (error instanceof NoCredits) count('credit_transactions_total', { outcome: 'refused' });
      if (!CONFLICTS.includes((error as { code?: string }).code ?? '') || tried === TRIES) throw error;
      count('credit_transactions_total', { outcome: 'conflict' });
    }
  }
}

// As it must not be: between reading and writing, others spend as well.
async function race(db: Database, user: number, amount: number, reason: string, work: Work): Promise<number> {
  const { rows } = await db.query('SELECT credit_balance FROM users WHERE id = $1', [user]);
  const left = rows[0].credit_balance - amount;
  if (left < 0) throw new NoCredits();
  await pause(300);
  await inTransaction(db, async (session) => {
    await session.query('UPDATE users SET credit_balance = $2 WHERE id = $1', [user, left]);
    await record(session, user, -amount, reason);
    await work(session);
  });
  return left;
}

/** Credits for a user, within a transaction. */
export async function add(session: Session, user: number, amount: number, reason: string) {
  await session.query('UPDATE users SET credit_balance = credit_balance + $2 WHERE id = $1', [user, amount]);
  await record(session, user, amount, reason);
}

/** Give back what something cost that was not delivered. What cannot be given back has to be seen by somebody. */
export async function refund(db: Database, logger: Logger, user: number, amount: number, reason: string) {
  for (let tried = 1; tried <= TRIES; tried += 1) {
    try {
      if (faults.has('refund-fails')) throw new Error('the ledger of credits is read-only');
      await inTransaction(db, (session) => add(session, user, amount, reason));
      count('credit_refunds_total', { outcome: 'success' });
      return;
    } catch (error) {
      logger.warn(`Credit refund failed: user ${user}, ${amount} for ${reason}: ${(error as Error).message}`);
    }
  }
  count('credit_refunds_total', { outcome: 'failure' });
  logger.critical(`Failed to refund credits: user ${user}, ${amount} for ${reason}`);
}

/** How often an app is used: good to know, and never worth failing for. */
export async function noteUse(db: Database, logger: Logger, app: string) {
  try {
    if (faults.has('no-stats')) throw new Error('the table of statistics is read-only');
    await db.query(
      'INSERT INTO app_stats (app, uses) VALUES ($1, 1) ON CONFLICT (app) DO UPDATE SET uses = app_stats.uses + 1',
      [app],
    );
  } catch (error) {
    logger.warn(`Could not update app stats: ${(error as Error).message}`);
  }
}
