// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Deletes sessions that have expired, and notes in ChatSessionCleanupLog how many they were.

const faults = require('../../faults');
const { OF_DATABASE, readConfig } = require('../src/config');
const { withConnection } = require('../src/database');
const logger = require('../src/logger');
const { EXPIRES } = require('../src/schema');

// So few at a time that nobody has to wait for it.
const BATCH = 1000;

async function cleanUp(connection) {
  const expired = `DELETE FROM ChatSession WHERE ${EXPIRES} <= NOW() LIMIT ${BATCH}`;
  let deleted = 0;
  for (let last = BATCH; last === BATCH; deleted += last) [{ affectedRows: last }] = await connection.query(expired);
  await connection.query('INSERT INTO ChatSessionCleanupLog (sessions_deleted) VALUES (?)', [deleted]);
  return deleted;
}

async function main() {
  const config = readConfig([...OF_DATABASE, 'SESSION_CLEANUP_ENABLED']);
  if (config.SESSION_CLEANUP_ENABLED === 'false') return logger.info('The cleanup is switched off');
  if (faults.has('cleanup-fails')) throw new Error('the sessions cannot be read');
  return logger.info(`${await withConnection(config, cleanUp)} sessions cleaned`);
}

main().catch((error) => {
  logger.error(`The cleanup failed: ${error.code ?? error.message}`);
  process.exitCode = 1;
});
