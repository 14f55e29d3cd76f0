// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// What migrations have in common. MySQL undoes no definition, so each step looks whether it is done.

const faults = require('../../faults');
const { OF_DATABASE, readConfig } = require('../src/config');
const { withConnection } = require('../src/database');

const one = async (connection, sql, values) => (await connection.query(sql, values))[0].length > 0;
const hasTable = (table) => (connection) => one(connection, 'SHOW TABLES LIKE ?', [table]);
const hasColumn = (table, column) => (connection) => one(connection, `SHOW COLUMNS FROM ${table} LIKE ?`, [column]);

// Name, whether it is done, and the statement.
const OF_FAULTS = {
  'migration-fails-halfway': [
    ['table HalfDone', hasTable('HalfDone'), 'CREATE TABLE HalfDone (id INT PRIMARY KEY)'],
    ['column RenderQueue.priority', async () => false, 'ALTER TABLE RenderQueue ADD COLUMN priority INT'],
  ],
  // The release with this fault knows the new name; whatever runs beside it does not.
  'migration-breaks-version-1': [
    [
      'column ChatSession.valid_until',
      hasColumn('ChatSession', 'valid_until'),
      'ALTER TABLE ChatSession CHANGE COLUMN expires_at valid_until DATETIME NOT NULL',
    ],
  ],
};

async function apply(steps) {
  const faulty = Object.entries(OF_FAULTS).flatMap(([name, more]) => (faults.has(name) ? more : []));
  let applied = 0;
  try {
    await withConnection(readConfig(OF_DATABASE), async (connection) => {
      for (const [name, isDone, statement] of [...steps, ...faulty]) {
        if (await isDone(connection)) {
          console.log(`- Skipping ${name} (exists)`);
        } else {
          await connection.query(statement);
          applied += 1;
          console.log(`✓ Created ${name}`);
        }
      }
    });
  } catch (error) {
    console.error(`✗ Failed: ${error.code ?? error.message}`);
    process.exitCode = 1;
    return;
  }
  const total = steps.length + faulty.length;
  console.log(`Applied: ${applied}\nSkipped: ${total - applied}\nTotal: ${total}`);
}

module.exports = { apply, hasTable, hasColumn };
