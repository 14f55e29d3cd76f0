// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const { DatabaseSync } = require('node:sqlite');
const { COLUMNS } = require('./schema');

// What the application had before there were migrations.
const BASE = `
  CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    order_id INTEGER,
    type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued',
    inputs TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
  );
  CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status);
`;

function openDatabase(file) {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;');
  db.exec(BASE);
  return db;
}

/** Do it in one transaction, which nobody else's writing can come into. */
function inTransaction(db, work) {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Fail if the database is not one that this version can work with. */
function assertSchema(db) {
  for (const [table, columns] of Object.entries(COLUMNS)) db.prepare(`SELECT ${columns} FROM ${table} LIMIT 0`).all();
}

function recordError(db, severity, message) {
  db.prepare('INSERT INTO error_logs (severity, message) VALUES (?, ?)').run(severity, message);
}

module.exports = { openDatabase, inTransaction, assertSchema, recordError };
