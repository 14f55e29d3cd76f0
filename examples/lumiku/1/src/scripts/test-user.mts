// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// node dist/scripts/test-user.mjs EMAIL [CREDITS]: prints a token and a project with which the application can be
// proved. The user has a generation of poses, of which the socket tells, and at least so many credits.

import { issueToken } from '../auth.mjs';
import { readConfig } from '../config.mjs';
import { add } from '../credits.mjs';
import { inTransaction, openDatabase } from '../database.mjs';

const [email, credits = '100'] = process.argv.slice(2);
try {
  if (!email) throw new Error('Who is the user? node dist/scripts/test-user.mjs EMAIL [CREDITS]');
  const config = readConfig(process.env, ['DATABASE_URL', 'DB_POOL_SIZE', 'JWT_SECRET']);
  const db = openDatabase(config);
  const project = await inTransaction(db, async (session) => {
    const insert = 'INSERT INTO users (email) VALUES ($1) ON CONFLICT (email) DO UPDATE SET email = $1 RETURNING *';
    const user = (await session.query(insert, [email])).rows[0];
    const missing = Number(credits) - user.credit_balance;
    if (missing > 0) await add(session, user.id, missing, 'tests');

    const first = async (table: string) => {
      const found = await session.query(`SELECT id FROM ${table} WHERE user_id = $1 ORDER BY id LIMIT 1`, [user.id]);
      const made = `INSERT INTO ${table} (user_id, name) VALUES ($1, 'Tests') RETURNING id`;
      return (found.rows[0] ?? (await session.query(made, [user.id])).rows[0]).id;
    };
    const poses = await first('pose_generator_projects');
    await session.query(
      `INSERT INTO pose_generations (project_id, prompt, status) SELECT $1, 'test', 'completed'
       WHERE NOT EXISTS (SELECT FROM pose_generations WHERE project_id = $1)`,
      [poses],
    );
    return first('avatar_projects');
  });
  await db.end();
  console.log(JSON.stringify({ token: issueToken(email, config.JWT_SECRET), project }));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
