// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Applies what is pending of migrations/, each file in a transaction of its own together with its line in the ledger.

const fs = require('node:fs');
const path = require('node:path');
const faults = require('../faults');
const { inTransaction, openDatabase } = require('../lib/database');

const DIRECTORY = path.join(__dirname, '..', 'migrations');
const database = process.env.DB_PATH || 'production.db';

function apply(db, version, file) {
  const isApplied = () => db.prepare('SELECT 1 FROM schema_migrations WHERE version = ?').get(version);
  if (isApplied()) return false;
  const name = path.basename(file);
  console.log(`Applying migration ${version}: ${name}...`);
  const sql = fs.readFileSync(file, 'utf8');
  if (faults.has('migration-fails-halfway')) db.exec(sql);
  inTransaction(db, () => {
    // Somebody else may have been faster.
    if (isApplied()) return;
    if (!faults.has('migration-fails-halfway')) db.exec(sql);
    db.prepare('INSERT INTO schema_migrations (version, name) VALUES (?, ?)').run(version, name);
  });
  console.log(`✓ Successfully applied migration ${version}`);
  return true;
}

function main() {
  console.log('=== Database Migration Runner ===');
  console.log(`Database: ${database}`);
  console.log(`Migrations directory: ${DIRECTORY}\n`);
  const names = fs.readdirSync(DIRECTORY).filter((name) => /^\d+_.*\.sql$/.test(name));
  const files = [...names.sort().map((name) => path.join(DIRECTORY, name)), ...faults.migrations];
  console.log(`Found ${files.length} migration file(s):\n`);

  const db = openDatabase(database);
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations
           (version TEXT PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)`);
  let applied = 0;
  for (const file of files) {
    const [version] = path.basename(file).split('_');
    try {
      if (apply(db, version, file)) applied += 1;
      else console.log(`- Skipping migration ${version} (already applied)`);
    } catch (error) {
      console.error(`✗ Failed to apply migration ${version}: ${error.message}`);
      process.exitCode = 1;
      break;
    }
  }
  db.close();
  if (process.exitCode) return;

  console.log('\n=== Migration Summary ===');
  console.log(`Applied: ${applied}`);
  console.log(`Skipped: ${files.length - applied}`);
  console.log(`Total: ${files.length}`);
}

main();
