// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { type Client, createClient } from '@libsql/client';
import { drizzle } from 'drizzle-orm/libsql';
import { TABLES } from '@stacklens/schema';
import faults from '../../../faults.js';

export type Database = ReturnType<typeof drizzle>;

export async function openDatabase(url: string): Promise<{ client: Client; db: Database }> {
  const client = createClient({ url });
  await client.execute('PRAGMA busy_timeout = 5000');
  await client.execute('PRAGMA journal_mode = WAL');
  await client.execute('PRAGMA foreign_keys = ON');
  return { client, db: drizzle(client) };
}

/** Fail if the database is not one that this version can work with. */
export async function assertSchema(db: Database): Promise<void> {
  for (const table of TABLES) await db.select().from(table).limit(0);
}

/** As somebody who has left a transaction open. */
export async function lockDatabase(url: string): Promise<void> {
  const client = createClient({ url });
  await client.execute('BEGIN IMMEDIATE');
  setTimeout(() => client.execute('ROLLBACK'), faults.amount('locks-database') * 1000);
}
