// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// How many sessions there are, and what the last cleanups have deleted.

const { OF_DATABASE, readConfig } = require('../src/config');
const { withConnection } = require('../src/database');
const { EXPIRES } = require('../src/schema');

const STATISTICS = `
  SELECT
    COUNT(*) AS total_sessions,
    COUNT(CASE WHEN ${EXPIRES} > NOW() THEN 1 END) AS active_sessions,
    COUNT(CASE WHEN user_id IS NOT NULL THEN 1 END) AS authenticated_sessions,
    COALESCE(AVG(TIMESTAMPDIFF(SECOND, created_at, updated_at)), 0) AS avg_session_duration
  FROM ChatSession
`;
const CLEANUPS = `
  SELECT sessions_deleted, DATE_FORMAT(run_at, '%Y-%m-%d') AS date
  FROM ChatSessionCleanupLog ORDER BY run_at DESC, id DESC LIMIT 7
`;

async function monitorSessions(connection) {
  const [[stats]] = await connection.query(STATISTICS);
  console.log('\n📊 Chat Session Statistics');
  console.log('===========================');
  console.log(`Total sessions: ${stats.total_sessions}`);
  console.log(`Active sessions: ${stats.active_sessions}`);
  console.log(`Authenticated: ${stats.authenticated_sessions}`);
  console.log(`Avg duration: ${Math.round(stats.avg_session_duration)}s`);

  const [cleanups] = await connection.query(CLEANUPS);
  console.log('\n🧹 Recent Cleanups (Last 7 Days)');
  console.log('==================================');
  for (const { date, sessions_deleted: deleted } of cleanups) console.log(`${date}: ${deleted} sessions cleaned`);
}

async function main() {
  await withConnection(readConfig(OF_DATABASE), monitorSessions);
}

main().catch((error) => {
  console.error(`The sessions cannot be counted: ${error.code ?? error.message}`);
  process.exitCode = 1;
});
