// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { describe, test } = require('node:test');
const { ADMIN, Application, until } = require('./application');

const PLACE = '/api/admin/credentials';
const EXECUTE = '/api/automation/execute';
const ERROR = { errorType: 'CriticalError', severity: 'critical', message: 'Production error detected' };
const columns = async (app, table) => (await app.sql(`PRAGMA table_info(${table})`)).map(({ name }) => name);

// The configuration

test('nothing starts without what it needs, and all of it is told at once', async (t) => {
  const app = await new Application(t).prepare();
  const wrong = {
    PORT: '0',
    DATABASE_URL: 'stacklens.db',
    ENCRYPTION_KEY: '',
    JWT_SECRET: 'canary',
    ADMIN_EMAILS: 'nobody',
    JIRA_URL: 'jira',
    JIRA_TOKEN: '<your-token>',
  };
  const { status, stderr } = app.run('dist/index.js', { environment: wrong });
  assert.equal(status, 1);
  assert.equal(
    stderr,
    'Cannot start: PORT must be a port; DATABASE_URL must be the URL of a file; ENCRYPTION_KEY is missing; ' +
      'JWT_SECRET must be at least 32 characters; ADMIN_EMAILS must be addresses with commas between them; ' +
      'JIRA_URL must be a URL; JIRA_TOKEN is still a placeholder.\n',
  );
});

test('nothing starts with a database that is not migrated', async (t) => {
  const app = await new Application(t).prepare();
  const environment = { DATABASE_URL: `file:${path.join(app.root, 'empty.db')}` };
  const { status, stderr } = app.run('dist/index.js', { environment });
  assert.equal(status, 1);
  assert.match(stderr, /Cannot start: The database is not migrated \(.*no such table: users\)/);
});

test('a taken port is told', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  await assert.rejects(app.start(), /Cannot listen at 127.0.0.1:\d+: EADDRINUSE/);
});

test('it listens at HOST alone', async (t) => {
  const app = await new Application(t).prepare();
  await app.start({ HOST: '127.0.0.2' });
  await assert.rejects(app.ask('/health'));
  assert.equal((await app.ask(`http://127.0.0.2:${app.port}/health`)).status, 200);
});

test('a token needs somebody to be for, and the secret', async (t) => {
  const app = await new Application(t).prepare();
  assert.equal(app.run('dist/issue-token.js').status, 1);
  const { status, stderr } = app.run('dist/issue-token.js', { args: [ADMIN], environment: { JWT_SECRET: '' } });
  assert.deepEqual([status, stderr], [1, 'JWT_SECRET is missing.\n']);
});

// Migrations

const LEGACY = `
  CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, email text NOT NULL, created_at integer NOT NULL);
  CREATE TABLE api_credentials (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, name text NOT NULL,
    provider text NOT NULL, api_key text, api_secret text, endpoint text, is_active integer DEFAULT true NOT NULL,
    is_global integer DEFAULT true NOT NULL, user_id integer REFERENCES users (id), rate_limit integer,
    usage_count integer DEFAULT 0 NOT NULL, current_month_usage integer DEFAULT 0 NOT NULL, last_used integer,
    created_at integer NOT NULL, updated_at integer NOT NULL);
  INSERT INTO users VALUES (7, 'ada@example.com', 1);
  INSERT INTO api_credentials (name, provider, user_id, created_at, updated_at)
    VALUES ('a', 'groq', 7, 1, 1), ('b', 'mistral', NULL, 1, 1), ('c', 'gemini', NULL, 1, 1);
`;

test('a database from before the priorities keeps its rows, and gets the defaults', async (t) => {
  const app = await new Application(t).prepare();
  app.environment.DATABASE_URL = `file:${path.join(app.root, 'legacy.db')}`;
  for (const statement of LEGACY.split(/;\s/).filter(Boolean)) await app.sql(statement);
  for (let time = 0; time < 2; time += 1) assert.match(app.migrate().stdout, /migrations applied successfully/);
  const rows = await app.sql('SELECT id, name, priority, user_id FROM api_credentials ORDER BY id');
  assert.deepEqual(rows.map((row) => Object.values(row)), [[1, 'a', 20, 7], [2, 'b', 100, null], [3, 'c', 10, null]]);
  assert.equal((await app.sql('PRAGMA foreign_key_list(api_credentials)')).length, 1);
  const names = (await app.sql('PRAGMA index_list(api_credentials)')).map(({ name }) => name);
  assert.deepEqual(names, ['api_credentials_name_unique']);
  assert.equal((await app.sql('SELECT * FROM __drizzle_migrations')).length, 2);
});

for (const version of ['1', '2'])
  test(`the migrations of version ${version} are what its schema asks for`, async (t) => {
    const app = await new Application(t).prepare({ version });
    const { stdout } = app.run('node_modules/drizzle-kit/bin.cjs', { args: ['generate'] });
    assert.match(stdout, /No schema changes, nothing to migrate/);
  });

// The end

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} ends it after what is under way`, async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const agent = new http.Agent({ keepAlive: true });
    const address = { port: app.port, path: EXECUTE, method: 'POST', agent };
    const headers = { 'Content-Type': 'application/json', Expect: '100-continue' };
    const answered = new Promise((resolve, reject) => {
      const request = http.request({ ...address, headers }, resolve);
      request.on('error', reject);
      request.flushHeaders();
      // The body comes once the application knows of the request, and then that it has to end.
      request.on('continue', () => {
        child.kill(signal);
        until(() => child.said.includes('Stopping')).then(() => request.end(JSON.stringify(ERROR)), reject);
      });
    });
    const response = await answered;
    response.resume();
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers.connection, 'close');
    await until(() => child.exitCode !== null);
    assert.equal(child.exitCode, 0);
    assert.match(child.said, /Stopped\n$/);
    assert.equal(await app.tickets(), 1);
  });

test('while it ends, it is not ready', async (t) => {
  const app = await new Application(t).prepare();
  const child = await app.start();
  const socket = net.connect(app.port, '127.0.0.1');
  let said = '';
  socket.on('data', (data) => {
    said += data;
  });
  await once(socket, 'connect');
  // A request that began before, and that the application knows of because it answers the first one.
  socket.write('GET /api/test HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\n');
  await until(() => said.includes('is working'));
  child.kill();
  await until(() => child.said.includes('Stopping'));
  socket.write('Host: localhost\r\n\r\n');
  await once(socket, 'end');
  assert.match(said, /Keep-Alive: timeout=75/);
  assert.match(said, /HTTP\/1.1 503 .*Connection: close.*"status":"stopping"/s);
  await until(() => child.exitCode === 0);
});

// The faults

const refused = (app) => app.ask('/health').then(() => false, () => true);
const ended = (child) => until(() => child.exitCode !== null);
const started = (child) => until(() => child.said.includes('Server started'));

async function withCredentials(app) {
  const token = app.token();
  for (const [name, provider] of [['b', 'gemini'], ['a', 'groq']])
    await app.ask(PLACE, { token, body: { name, provider, apiKey: 'none' } });
  return (await app.ask(PLACE, { token })).json;
}

const FAULTS = {
  'crash-at-start': async (app, child) => {
    await ended(child);
    assert.equal(child.exitCode, 1);
  },
  'syntax-error': async (app, child) => {
    await ended(child);
    assert.match(child.said, /Unexpected token ';'/);
  },
  'never-listens': async (app, child) => {
    await until(() => child.said.includes('initialized'));
    assert.ok(await refused(app));
    assert.equal(child.exitCode, null);
  },
  'wrong-port': async (app, child) => {
    await started(child);
    assert.ok(await refused(app));
  },
  'slow-start:1': async (app, child) => {
    await until(() => child.said.includes('initialized'));
    const began = Date.now();
    assert.ok(await refused(app));
    await started(child);
    assert.ok(Date.now() - began > 800);
    assert.equal((await app.ask('/health')).status, 200);
  },
  unhealthy: async (app, child) => {
    await started(child);
    const { status, json } = await app.ask('/health');
    assert.deepEqual([status, json], [503, { status: 'unhealthy', version: '2.0.0' }]);
  },
  'errors-after:3': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await until(async () => (await app.ask('/health')).status === 500);
    assert.match(app.log('error.log'), /GET \/health failed: the analyser does not answer/);
  },
  'crashes-after:3': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await ended(child);
    assert.match(child.said, /^Error: the analyser is gone/m);
  },
  'leaks-memory:50': async (app, child) => {
    await started(child);
    const resident = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]);
    const before = resident();
    await until(() => resident() > before + 90 * 1024);
  },
  'hangs-on-sigterm': async (app, child) => {
    await started(child);
    child.kill();
    await until(() => child.said.includes('Not stopping'));
    assert.equal((await app.ask('/health')).status, 200);
  },
  'slow-answers:200': async (app, child) => {
    await started(child);
    const began = Date.now();
    assert.equal((await app.ask('/api/test')).status, 200);
    assert.ok(Date.now() - began >= 199);
  },
  'logs-errors': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/api/test')).status, 200);
    assert.match(app.log('error.log'), /\[error\] The analyser has lost a line\n$/);
  },
  unsorted: async (app, child) => {
    await started(child);
    assert.deepEqual((await withCredentials(app)).map(({ priority }) => priority), [20, 10]);
  },
  'tickets-for-uploads': async (app, child) => {
    await started(child);
    const body = new FormData();
    body.append('file', new Blob(['Error']), 'x.log');
    assert.equal((await app.ask('/api/files/upload', { token: app.token(), body })).status, 201);
    assert.equal(await app.tickets(), 1);
  },
  'no-tickets': async (app, child) => {
    await started(child);
    assert.equal((await app.ask(EXECUTE, { body: ERROR })).status, 200);
    assert.equal(await app.tickets(), 0);
  },
  'locks-database:2': async (app, child) => {
    await started(child);
    await assert.rejects(app.sql('DELETE FROM users'), /locked/);
    await until(() => app.sql('DELETE FROM users').then(() => true, () => false));
  },
};

// Most of the time they wait.
describe('a release', { concurrency: 4 }, () => {
  for (const [fault, shows] of Object.entries(FAULTS))
    test(`does ${fault}`, async (t) => {
      const app = await new Application(t).prepare({ version: '2' });
      app.release('2', fault);
      await shows(app, app.spawn('dist/index.js'));
    });
});

test('FAULT in the environment counts more than the file, and has to be known', async (t) => {
  const app = await new Application(t).prepare();
  app.release('1', 'crash-at-start');
  await app.start({ FAULT: 'unhealthy' });
  assert.equal((await app.ask('/health')).status, 503);
  const { status, stderr } = app.run('dist/index.js', { environment: { FAULT: 'mischief' } });
  assert.equal(status, 1);
  assert.match(stderr, /^FAULT: there is no mischief, but crash-at-start, /);
});

test('a migration fails halfway, and SQLite takes all of it back', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2', 'migration-fails-halfway');
  assert.equal(app.migrate().status, 1);
  assert.deepEqual(await columns(app, 'half_done'), []);
  assert.deepEqual(await columns(app, 'credential_uses'), []);
  assert.equal((await app.sql('SELECT * FROM __drizzle_migrations')).length, 2);
});

test('a migration breaks version 1, which runs', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  assert.equal((await app.ask('/health')).status, 200);
  app.release('2', 'migration-breaks-version-1');
  // To build it twice makes one migration.
  app.run('scripts/build.js');
  assert.equal(app.migrate().status, 0);
  assert.equal((await app.sql('SELECT * FROM __drizzle_migrations')).length, 4);
  const { status, json } = await app.ask('/health');
  assert.deepEqual([status, json.status], [503, 'no database']);
  assert.equal((await app.ask(PLACE, { token: app.token() })).status, 500);
  await app.stop(first);
  await app.start();
  assert.equal((await app.ask('/health')).status, 200);
  assert.equal((await app.ask(PLACE, { token: app.token() })).status, 200);
});
