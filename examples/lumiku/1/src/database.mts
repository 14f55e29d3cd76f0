// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import pg from 'pg';
import { COLUMNS } from './schema.mjs';

export type Database = pg.Pool;
export type Session = pg.PoolClient;

export function openDatabase({ DATABASE_URL, DB_POOL_SIZE }: Record<string, string>): Database {
  const pool = new pg.Pool({
    connectionString: DATABASE_URL,
    max: Number(DB_POOL_SIZE),
    idleTimeoutMillis: 30000,
    connectionTimeoutMillis: 5000,
    application_name: 'lumiku',
  });
  // A connection that the server has closed is replaced by the next question.
  pool.on('error', () => {});
  return pool;
}

/** Do it in one transaction. */
export async function inTransaction<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await db.connect();
  let broken: Error | undefined;
  try {
    await session.query('BEGIN');
    const result = await work(session);
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK').catch((lost) => {
      broken = lost;
    });
    throw error;
  } finally {
    session.release(broken);
  }
}

/** Fail if the database is not one that this version can work with. */
export async function assertSchema(db: Database) {
  const parts = Object.entries(COLUMNS).map(([table, columns]) => `SELECT ${columns} FROM ${table} LIMIT 0`);
  await db.query(parts.join(';'));
}
