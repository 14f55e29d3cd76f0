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
const { Application, until } = require('./application');

const columns = async (app, table) => (await app.sql(`SHOW COLUMNS FROM ${table}`)).map(({ Field }) => Field);
const node = (app, script, environment) => app.run(process.execPath, [script], { environment });

// The configuration

test('nothing starts without what it needs, and all of it is told at once', async (t) => {
  const app = await new Application(t).prepare();
  const wrong = {
    PORT: '0',
    DB_HOST: '',
    DB_PASSWORD: '[PRODUCTION_PASSWORD]',
    MISTRAL_API_KEY: '',
    CORS_ORIGIN: 'https://holibot.example/',
    RATE_LIMIT_MAX_REQUESTS: 'many',
    SESSION_CLEANUP_ENABLED: 'maybe',
  };
  const { status, stderr } = node(app, 'src/server.js', wrong);
  assert.equal(status, 1);
  assert.equal(
    stderr,
    'Cannot start: PORT must be a port; DB_HOST is missing; DB_PASSWORD is still the placeholder of the guide; ' +
      'MISTRAL_API_KEY is missing; CORS_ORIGIN must be origins with commas between them; ' +
      'RATE_LIMIT_MAX_REQUESTS must be a positive whole number; SESSION_CLEANUP_ENABLED must be true or false.\n',
  );
});

test('a database that cannot be used is told', async (t) => {
  const app = await new Application(t).prepare();
  const told = (environment) => node(app, 'src/server.js', environment).stderr;
  assert.match(told({ DB_PASSWORD: 'canary' }), /cannot be reached \(ER_ACCESS_DENIED_ERROR\)\. See to DB_HOST/);
  assert.match(told({ DB_PORT: '1' }), /cannot be reached \(ECONNREFUSED\)/);
  await app.sql('DROP TABLE ChatSessionCleanupLog');
  assert.match(told(), /^Cannot start: The database is not migrated \(ER_NO_SUCH_TABLE\). Run: npm run migrate\.$/m);
});

test('a taken port is told, and it listens at HOST alone', async (t) => {
  const app = await new Application(t).prepare();
  await app.start({ HOST: '127.0.0.2' });
  await assert.rejects(app.ask('/health'));
  assert.equal((await app.ask(`http://127.0.0.2:${app.port}/health`)).status, 200);
  await app.start();
  await assert.rejects(app.start(), /Cannot listen at 127\.0\.0\.1:\d+: EADDRINUSE/);
});

test('.env is read, with spaces, quotes and #', async (t) => {
  const app = await new Application(t).prepare();
  const { MISTRAL_API_KEY, ...rest } = app.environment;
  const lines = { MISTRAL_API_KEY, DB_NAME: `'a "name" with # and $'`, CORS_ORIGIN: 'https://other.example' };
  const text = Object.entries(lines).map((pair) => pair.join('=')).join('\n');
  fs.writeFileSync(path.join(app.folder, 'backend', '.env'), text);
  // What is in the environment counts more.
  app.environment = rest;
  await app.start();
  assert.equal((await app.message('test')).status, 200);
  delete app.environment.DB_NAME;
  assert.match(node(app, 'src/server.js').stderr, /The database cannot be reached/);
});

// Migrations

test('the tables are made once', async (t) => {
  const app = await new Application(t).prepare({ isMigrated: false });
  const [first, again] = [app.migrate(), app.migrate()];
  assert.equal(
    first.stdout,
    '✓ Created table ChatSession\n✓ Created table ChatSessionCleanupLog\nApplied: 2\nSkipped: 0\nTotal: 2\n',
  );
  assert.match(again.stdout, /Applied: 0\nSkipped: 2\n/);
  app.release('2');
  const told = /Applied: 0\nSkipped: 2\nTotal: 2\n✓ Created table ChatFeedback\n✓ Created column/;
  assert.match(app.migrate().stdout, told);
  assert.match(app.migrate().stdout, /Applied: 0\nSkipped: 2\nTotal: 2\n$/);
});

test('a migration without a database ends with 1, and shows no password', async (t) => {
  const app = await new Application(t).prepare();
  const { status, stderr } = app.run('sh', ['-c', 'node migrations/create-chat-session-table.js'], {
    environment: { DB_PASSWORD: 'canary' },
  });
  assert.deepEqual([status, stderr], [1, '✗ Failed: ER_ACCESS_DENIED_ERROR\n']);
});

// Jobs

test('the cleanup deletes what has expired, and notes it', async (t) => {
  const app = await new Application(t).prepare();
  const rows = Array.from({ length: 1201 }, (_, number) => `(UUID(), '[]', '[]', NOW() - INTERVAL ${number % 2} DAY)`);
  await app.sql(`INSERT INTO ChatSession (id, history, pois, expires_at) VALUES ${rows.join()}`);
  await app.sql(`INSERT INTO ChatSession (id, history, pois, expires_at) VALUES ('stays', '[]', '[]', '2999-01-01')`);
  const { status, stdout } = node(app, 'scripts/cleanup-chat-sessions.js');
  assert.equal(status, 0);
  assert.match(stdout, / 1201 sessions cleaned\n$/);
  assert.deepEqual((await app.sql('SELECT id FROM ChatSession')).map(({ id }) => id), ['stays']);
  const [{ sessions_deleted: noted }] = await app.sql('SELECT sessions_deleted FROM ChatSessionCleanupLog');
  assert.equal(noted, 1201);
  const off = { SESSION_CLEANUP_ENABLED: 'false' };
  assert.match(node(app, 'scripts/cleanup-chat-sessions.js', off).stdout, /switched off/);
  assert.equal((await app.sql('SELECT * FROM ChatSessionCleanupLog')).length, 1);
  app.release('1', 'cleanup-fails');
  const failed = node(app, 'scripts/cleanup-chat-sessions.js');
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /The cleanup failed: the sessions cannot be read/);
});

test('what cron runs writes a log for the day, and keeps 30 of them', async (t) => {
  const app = await new Application(t).prepare();
  const logs = path.join(app.folder, 'backend', 'logs');
  fs.mkdirSync(logs);
  for (const [name, days] of [['cleanup-old.log', 32], ['cleanup-new.log', 29], ['other.log', 32]]) {
    fs.writeFileSync(path.join(logs, name), '');
    const then = Date.now() / 1000 - days * 86400;
    fs.utimesSync(path.join(logs, name), then, then);
  }
  // Where cron starts it is another folder, and the way to the script a link.
  const script = path.join(app.folder, 'backend', 'scripts', 'cron-cleanup.sh');
  const { status } = app.run('sh', ['-c', `cd / && "${script}"`]);
  assert.equal(status, 0);
  const today = fs.readdirSync(logs).filter((name) => /^cleanup-\d{4}-\d\d-\d\d\.log$/.test(name));
  assert.equal(today.length, 1);
  assert.match(fs.readFileSync(path.join(logs, today[0]), 'utf8'), / 0 sessions cleaned\n$/);
  assert.deepEqual(fs.readdirSync(logs).sort(), [today[0], 'cleanup-new.log', 'other.log'].sort());
});

test('the monitor counts sessions and cleanups', async (t) => {
  const app = await new Application(t).prepare();
  await app.sql(`INSERT INTO ChatSession (id, user_id, history, pois, created_at, updated_at, expires_at) VALUES
    ('a', 7, '[]', '[]', '2026-01-01 10:00:00', '2026-01-01 10:01:00', '2026-01-02'),
    ('b', NULL, '[]', '[]', '2026-01-01 10:00:00', '2026-01-01 10:00:00', '2999-01-01')`);
  await app.sql(`INSERT INTO ChatSessionCleanupLog (sessions_deleted, run_at) VALUES
    (3, '2026-01-01 03:00:00'), (5, '2026-01-02 03:00:00')`);
  const { status, stdout } = node(app, 'scripts/monitor-chat-sessions.js');
  assert.equal(status, 0);
  assert.match(stdout, /Total sessions: 2\nActive sessions: 1\nAuthenticated: 1\nAvg duration: 30s\n/);
  assert.match(stdout, /2026-01-02: 5 sessions cleaned\n2026-01-01: 3 sessions cleaned\n$/);
});

// The end

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} ends it after what is under way`, async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const agent = new http.Agent({ keepAlive: true });
    const address = { port: app.port, path: '/api/v1/chat/message', method: 'POST', agent };
    const headers = { 'Content-Type': 'application/json', Expect: '100-continue' };
    const answered = new Promise((resolve, reject) => {
      const request = http.request({ ...address, headers }, resolve);
      request.on('error', reject);
      request.flushHeaders();
      // The body comes once the application knows of the request, and then that it has to end.
      request.on('continue', () => {
        child.kill(signal);
        until(() => child.said.includes('Stopping')).then(() => request.end('{"query": "test"}'), reject);
      });
    });
    const response = await answered;
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers.connection, 'close');
    await until(() => child.exitCode !== null);
    assert.equal(child.exitCode, 0);
    assert.match(child.said, /Stopped\n$/);
    assert.equal((await app.sql('SELECT * FROM ChatSession')).length, 1);
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
  socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\n');
  await until(() => said.includes('"ok"'));
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
    await until(() => child.said.includes('registered'));
    assert.ok(await refused(app));
    assert.equal(child.exitCode, null);
  },
  'wrong-port': async (app, child) => {
    await started(child);
    assert.ok(await refused(app));
  },
  'slow-start:1': async (app, child) => {
    await until(() => child.said.includes('registered'));
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
    assert.match(child.said, /GET \/health failed: the guide of the town does not answer/);
  },
  'crashes-after:3': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await ended(child);
    assert.match(child.said, /^Error: the guide of the town is gone/m);
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
  'memory-sessions': async (app, child) => {
    await started(child);
    const { sessionId } = (await app.message('best restaurants in Calpe')).json;
    const known = async () => (await app.ask(`/api/v1/chat/session/${sessionId}`)).status;
    assert.equal((await app.message('with parking', sessionId)).json.pois.length, 1);
    assert.equal(await known(), 200);
    await app.stop(child);
    await app.start();
    assert.equal(await known(), 404);
  },
  'no-limiter': async (app, child) => {
    await started(child);
    const answers = await Promise.all(Array.from({ length: 35 }, () => app.message('test')));
    assert.ok(answers.every(({ status }) => status === 200));
  },
  'trusting-headers': async (app, child) => {
    await started(child);
    const clients = Array.from({ length: 35 }, (_, number) => `10.0.0.${number}, 192.0.2.1`);
    const ask = (client) => app.message('test', undefined, { 'X-Forwarded-For': client });
    assert.ok((await Promise.all(clients.map(ask))).every(({ status }) => status === 200));
  },
  'open-cors': async (app, child) => {
    await started(child);
    const headers = { Origin: 'https://malicious-site.com' };
    const answer = await app.ask('/api/v1/chat/message', { method: 'OPTIONS', headers });
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://malicious-site.com');
  },
  'listens-everywhere': async (app, child) => {
    await started(child);
    assert.equal((await app.ask(`http://127.0.0.3:${app.port}/health`)).status, 200);
  },
};

// Most of the time they wait.
describe('a release', { concurrency: 4 }, () => {
  for (const [fault, shows] of Object.entries(FAULTS))
    test(`does ${fault}`, async (t) => {
      const app = await new Application(t).prepare({ version: '2' });
      app.release('2', fault);
      await shows(app, app.spawn('src/server.js'));
    });
});

test('FAULT in the environment counts more than the file, and has to be known', async (t) => {
  const app = await new Application(t).prepare();
  app.release('1', 'crash-at-start');
  await app.start({ FAULT: 'unhealthy' });
  assert.equal((await app.ask('/health')).status, 503);
  const { status, stderr } = node(app, 'src/server.js', { FAULT: 'mischief' });
  assert.equal(status, 1);
  assert.match(stderr, /^FAULT: there is no mischief, but crash-at-start, /);
});

test('a migration that fails halfway leaves its half', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2', 'migration-fails-halfway');
  const { status, stderr } = app.migrate();
  assert.deepEqual([status, stderr], [1, '✗ Failed: ER_NO_SUCH_TABLE\n']);
  assert.deepEqual(await columns(app, 'HalfDone'), ['id']);
});

test('a migration breaks version 1, which runs', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  const { sessionId } = (await app.message('best restaurants in Calpe')).json;
  app.release('2', 'migration-breaks-version-1');
  for (let time = 0; time < 2; time += 1) assert.equal(app.migrate().status, 0);
  const { status, json } = await app.ask('/health');
  assert.deepEqual([status, json.status], [503, 'no database']);
  assert.equal((await app.message('with parking', sessionId)).status, 500);
  await app.stop(first);
  await app.start();
  assert.equal((await app.ask('/health')).status, 200);
  assert.equal((await app.message('with parking', sessionId)).status, 200);
  assert.equal(node(app, 'scripts/cleanup-chat-sessions.js').status, 0);
});
