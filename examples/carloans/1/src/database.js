// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { TABLES } from './schema.js';

export function openDatabase({ DATABASE_URL, DB_POOL_SIZE }, logger) {
  const pool = new pg.Pool({
    connectionString: DATABASE_URL,
    max: Number(DB_POOL_SIZE),
    idleTimeoutMillis: 30000,
    connectionTimeoutMillis: 60000,
    application_name: 'carloans',
  });
  const state = { errors: 0 };
  // A connection that the server has closed is replaced by the next question.
  pool.on('error', (error) => {
    state.errors += 1;
    logger.warn('A connection to the database is lost', { code: error.code });
  });
  return { db: drizzle(pool), pool, state };
}

/** Fail if the database is not one that this version can work with. */
export async function assertSchema(db) {
  for (const table of TABLES) await db.select().from(table).limit(0);
}

/** What the server grants to all ordinary users together. */
export async function mostConnections(pool) {
  const { rows } = await pool.query(
    `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most`,
  );
  return rows[0].most;
}
