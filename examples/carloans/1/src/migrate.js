// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Has Drizzle apply what is pending of drizzle/, and only one of several at a time. It needs DATABASE_URL alone.

import path from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { readConfig } from './config.js';

const LOCK = 5000;

async function main() {
  const client = new pg.Client({ connectionString: readConfig(process.env, ['DATABASE_URL']).DATABASE_URL });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await migrate(drizzle(client), { migrationsFolder: path.join(__dirname, '..', 'drizzle') });
  } finally {
    await client.end();
  }
  console.log('migrations applied successfully');
}

main().catch((error) => {
  console.error(`Migrations failed: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
});
