// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { createClient } = require('@libsql/client');

const { PORT = '4000', ADMIN_EMAILS = '', DATABASE_URL = 'file:stacklens.db' } = process.env;
const ROOT = path.join(__dirname, '..');
const PLACE = '/api/admin/credentials';
const PRIORITIES = { anthropic: 50, gemini: 10, openai: 40, groq: 20, openrouter: 30 };
const PREFIX = `test-credential-priority-${process.pid}`;

async function ask(token, method, address, body) {
  const response = await fetch(`http://127.0.0.1:${PORT}${address}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${address} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

async function main() {
  const issue = [path.join(ROOT, 'dist', 'issue-token.js'), ADMIN_EMAILS.split(',')[0].trim(), '1'];
  const token = execFileSync(process.execPath, issue, { encoding: 'utf8' }).trim();
  const made = [];
  try {
    for (const [provider, priority] of Object.entries(PRIORITIES)) {
      // Inactive, so that nobody is answered with them meanwhile.
      const name = `${PREFIX}-${provider}`;
      const body = { name, provider, apiKey: 'none', priority, isGlobal: true, isActive: false };
      made.push(await ask(token, 'POST', PLACE, body));
    }
    console.log('All credentials created successfully');

    const listed = (await ask(token, 'GET', PLACE)).filter(({ name }) => name.startsWith(PREFIX));
    const wanted = Object.values(PRIORITIES).sort((one, other) => one - other);
    assert.deepEqual(listed.map(({ priority }) => priority), wanted, 'The order is another one');
    console.log('Credentials listed in priority order');
  } finally {
    for (const { id } of made) await ask(token, 'DELETE', `${PLACE}/${id}`);
  }

  const error = { errorType: 'TestError', severity: 'critical', message: 'smoke probe of test-credential-priority.sh' };
  assert.ok((await ask(token, 'POST', '/api/automation/execute', error)).ticket, 'No ticket was opened');
  console.log('Real-time error automation works');

  const client = createClient({ url: DATABASE_URL });
  const { rows } = await client.execute('PRAGMA table_info(api_credentials)');
  client.close();
  assert.ok(rows.some(({ name }) => name === 'priority'), 'There is no column priority');
  console.log('Database schema verified');
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
