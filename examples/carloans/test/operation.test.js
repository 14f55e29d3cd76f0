// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const test = require('node:test');
const { Application, KEY, freePort, until } = require('./application');
const { connect } = require('./socket');

// The configuration, the build and the start

test('nothing starts without what it needs, and all of it is told at once', async (t) => {
  const app = await new Application(t).prepare();
  const wrong = {
    PORT: '0',
    DATABASE_URL: 'postgresql://user:password@host:5432/database',
    REDIS_URL: '',
    INTERNAL_API_KEY: 'ccl-internal-2025',
    JWT_SECRET: 'c0ffee',
    SESSION_SECRET: 'your-256-bit-session-secret',
    CORS_ORIGIN: 'https://your-domain.com',
    TRUST_PROXY: 'yes',
  };
  const { status, stderr } = app.run('dist/server.js', { environment: wrong });
  assert.equal(status, 1);
  assert.equal(
    stderr,
    'Cannot start: PORT must be a port; DATABASE_URL is still a placeholder; REDIS_URL is missing; ' +
      'INTERNAL_API_KEY must be another than the published one, of at least 16 characters; ' +
      'JWT_SECRET must be at least 256 bits, in hexadecimal or base64; SESSION_SECRET is still a placeholder; ' +
      'CORS_ORIGIN is still a placeholder; TRUST_PROXY must be true or false.\n',
  );
});

test('a build needs what is there for development only', async (t) => {
  const app = await new Application(t).prepare();
  fs.unlinkSync(path.join(app.folder, 'node_modules'));
  const { status, stderr } = app.run('build.js');
  assert.equal(status, 1);
  assert.match(stderr, /Cannot find module 'esbuild'/);
});

test('nothing starts with a database that is not there, or not migrated, or without Redis', async (t) => {
  const app = await new Application(t).prepare();
  const start = () => app.run('dist/server.js');
  const { REDIS_URL } = app.environment;
  (await app.line('redis')).cut();
  assert.match(start().stderr, /Cannot start: Redis does not answer/);
  app.environment.REDIS_URL = REDIS_URL;
  await app.sql('DROP TABLE system_metrics');
  assert.match(start().stderr, /Cannot start: The database is not ready \(relation "system_metrics" does not exist\)/);
  (await app.line('postgresql')).cut();
  const { status, stderr } = start();
  assert.equal(status, 1);
  assert.match(stderr, /Cannot start: The database is not ready \(connect ECONNREFUSED/);
});

test('a taken port is told', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  await assert.rejects(app.start(), /Cannot listen.*EADDRINUSE/);
});

// Migrations

test('of two that migrate at once, one does, and both are well', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2');
  const two = [app.spawn({}, 'dist/migrate.js'), app.spawn({}, 'dist/migrate.js')];
  await until(() => two.every((child) => child.exitCode !== null));
  for (const child of two) assert.deepEqual([child.exitCode, child.said], [0, 'migrations applied successfully\n']);
  assert.deepEqual(await app.sql('SELECT count(*)::int AS count FROM drizzle.__drizzle_migrations'), [{ count: 2 }]);
});

test('a migration that fails leaves nothing and ends with 1', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2');
  fs.appendFileSync(path.join(app.folder, 'drizzle', '0001_notes.sql'), '--> statement-breakpoint\nSELECT missing;');
  const { status, stderr } = app.run('dist/migrate.js');
  assert.deepEqual([status, stderr], [1, 'Migrations failed: column "missing" does not exist\n']);
  await assert.rejects(app.sql('SELECT score FROM leads'), /does not exist/);
});

// What goes away and comes back

test('Redis goes and comes', async (t) => {
  const app = await new Application(t).prepare({ environment: { RATE_LIMIT_MAX_REQUESTS: '5' } });
  const line = await app.line('redis');
  await app.start();
  const state = async () => (await app.ask('/health')).json;
  line.cut();
  await until(async () => (await state()).redis === 'down');
  assert.deepEqual([(await app.ask('/ready')).status, (await state()).status], [200, 'degraded']);
  assert.equal((await app.ask('/api/session', { body: { agent: 'Ada' } })).status, 503);
  assert.equal((await app.lead()).id, 1);
  const statuses = [];
  for (let sent = 0; sent < 4; sent += 1) statuses.push((await app.ask('/api/test')).status);
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  assert.match(app.log(), /Redis is lost/);
  await line.open(line.port);
  await until(async () => (await state()).redis === 'connected');
  assert.equal((await app.ask('/api/session', { body: { agent: 'Ada' } })).status, 201);
});

test('the database goes and comes', async (t) => {
  const app = await new Application(t).prepare();
  const line = await app.line('postgresql');
  await app.start();
  line.cut();
  await until(async () => (await app.ask('/health')).status === 503);
  assert.equal((await app.ask('/live')).status, 200);
  const failed = await app.ask('/api/leads');
  assert.deepEqual([failed.status, failed.json.error.code], [500, 'internal']);
  assert.equal((await app.metrics()).ccl_database_up, '0');
  await line.open(line.port);
  await until(async () => (await app.ask('/ready')).status === 200);
});

// The end

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} ends it after what is under way`, async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const { headers: begun } = await app.ask('/api/session', { body: { agent: 'Ada' } });
    const Cookie = begun.get('set-cookie').split(';')[0];
    const socket = await connect(app.port, (await app.ask('/api/session', { headers: { Cookie } })).json.socketToken);
    const agent = new http.Agent({ keepAlive: true });
    const address = { port: app.port, path: '/api/leads', method: 'POST', agent };
    const headers = { 'X-API-Key': KEY, 'Content-Type': 'application/json', Expect: '100-continue' };
    const answered = new Promise((resolve, reject) => {
      const request = http.request({ ...address, headers }, resolve);
      request.on('error', reject);
      request.flushHeaders();
      // The body comes once the application knows of the request, and then that it has to end.
      request.on('continue', () => {
        child.kill(signal);
        const body = '{"name": "Last", "email": "x@example.com"}';
        until(() => child.said.includes('Stopping')).then(() => request.end(body), reject);
      });
    });
    const response = await answered;
    response.resume();
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers.connection, 'close');
    await until(() => child.exitCode !== null);
    assert.equal(child.exitCode, 0);
    assert.match(child.said, /Stopped\n$/);
    assert.doesNotMatch(child.said, /"level"/);
    assert.ok(socket.isClosed);
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
  socket.write('GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ready HTTP/1.1\r\n');
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
const started = (child) => until(() => child.said.includes('listens on'));
const prepared = (child) => until(() => child.said.includes('is prepared'));

const FAULTS = {
  'crash-at-start': async (app, child) => {
    await ended(child);
    assert.deepEqual([child.exitCode, child.said.includes('cannot read the rates')], [1, true]);
  },
  'syntax-error': async (app, child) => {
    await ended(child);
    assert.match(child.said, /Unexpected token ';'/);
  },
  'never-listens': async (app, child) => {
    await prepared(child);
    assert.ok(await refused(app));
    assert.equal(child.exitCode, null);
  },
  'wrong-port': async (app, child) => {
    await started(child);
    assert.ok(await refused(app));
  },
  'slow-start:1': async (app, child) => {
    await prepared(child);
    const began = Date.now();
    assert.ok(await refused(app));
    await started(child);
    assert.ok(Date.now() - began > 800);
    assert.equal((await app.ask('/health')).status, 200);
  },
  unhealthy: async (app, child) => {
    await started(child);
    assert.deepEqual([(await app.ask('/health')).status, (await app.ask('/ready')).status], [503, 200]);
  },
  'not-ready': async (app, child) => {
    await started(child);
    assert.deepEqual([(await app.ask('/health')).status, (await app.ask('/ready')).status], [200, 503]);
  },
  'errors-after:2': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await until(async () => (await app.ask('/health')).status === 500);
    assert.match(app.log(), /"level":"error"/);
  },
  'crashes-after:2': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await ended(child);
    assert.match(child.said, /^Error: the rates of the lenders are gone/m);
  },
  'leaks-memory:50': async (app, child) => {
    await started(child);
    const resident = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]);
    const before = resident();
    await until(() => resident() > before + 90 * 1024);
  },
  'leaks-connections:7': async (app, child) => {
    await started(child);
    const open = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND application_name <> 'carloans' AND pid <> pg_backend_pid()`;
    await until(async () => (await app.sql(open))[0].n === 7);
  },
  'hangs-on-sigterm': async (app, child) => {
    await started(child);
    child.kill();
    await until(() => child.said.includes('Not stopping'));
    assert.equal((await app.ask('/health')).status, 200);
  },
  'slow:2100': async (app, child) => {
    await started(child);
    await app.ask('/live');
    assert.equal((await app.ask('/api/monitoring/performance')).json.slowRequests, 1);
  },
  'default-key': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/api/test', { key: 'ccl-internal-2025' })).status, 200);
  },
  'shows-stacks': async (app, child) => {
    await started(child);
    assert.match((await app.ask('/api/%ff')).text, /at .+\.js:\d+/);
  },
  'no-headers': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).headers.get('x-frame-options'), null);
  },
  'reflects-input': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/api/test?q=%3Cb%3E')).json.q, '<b>');
  },
  'any-origin': async (app, child) => {
    await started(child);
    const { headers } = await app.ask('/api/test', { headers: { Origin: 'https://evil.example' } });
    assert.equal(headers.get('access-control-allow-origin'), 'https://evil.example');
  },
  'no-limit': async (app, child) => {
    await started(child);
    for (let sent = 0; sent < 4; sent += 1) assert.equal((await app.ask('/api/test')).status, 200);
    assert.equal((await app.ask('/api/monitoring/production-readiness')).json.ready, false);
  },
  'trusts-headers': async (app, child) => {
    await started(child);
    const ask = (sent) => app.ask('/api/test', { headers: { 'X-Forwarded-For': `10.0.0.${sent}, 192.0.2.1` } });
    for (let sent = 0; sent < 4; sent += 1) assert.equal((await ask(sent)).status, 200);
  },
  'own-limits': async (app, child) => {
    await started(child);
    const port = await freePort();
    await app.start({ PORT: String(port) });
    for (let sent = 0; sent < 6; sent += 1)
      assert.equal((await app.ask('/api/test', { port: sent % 2 ? port : app.port })).status, 200);
    assert.equal((await app.ask('/api/test')).status, 429);
  },
  'own-sessions': async (app, child) => {
    await started(child);
    const port = await freePort();
    await app.start({ PORT: String(port) });
    const { headers } = await app.ask('/api/session', { body: { agent: 'Ada' } });
    const Cookie = headers.get('set-cookie').split(';')[0];
    assert.equal((await app.ask('/api/session', { headers: { Cookie } })).status, 200);
    assert.equal((await app.ask('/api/session', { headers: { Cookie }, port })).status, 404);
  },
  'dumps-requests': async (app, child) => {
    await started(child);
    const { status, text } = await app.ask('/api/test');
    assert.deepEqual([status, text.includes(KEY)], [500, true]);
  },
};

for (const [fault, shows] of Object.entries(FAULTS))
  test(`a release does ${fault}`, async (t) => {
    const app = await new Application(t).prepare({ environment: { RATE_LIMIT_MAX_REQUESTS: '3' } });
    app.release('1', fault);
    await shows(app, app.spawn());
  });

test('FAULT in the environment counts more than the file, and has to be known', async (t) => {
  const app = await new Application(t).prepare();
  app.release('1', 'crash-at-start');
  await app.start({ FAULT: 'unhealthy' });
  assert.equal((await app.ask('/health')).status, 503);
  const { status, stderr } = app.run('dist/server.js', { environment: { FAULT: 'mischief' } });
  assert.equal(status, 1);
  assert.match(stderr, /^FAULT: there is no mischief, but crash-at-start, /);
});

test('a migration that fails halfway leaves its half', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2', 'migration-fails-halfway');
  const { status, stderr } = app.run('dist/migrate.js');
  assert.deepEqual([status, stderr], [1, 'Migrations failed: relation "loan_queue" does not exist\n']);
  assert.deepEqual(await app.sql('SELECT * FROM half_done'), []);
});

test('a migration breaks version 1, which runs', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  app.release('2', 'migration-breaks-version-1');
  assert.equal(app.run('dist/migrate.js').status, 0);
  const { status, json } = await app.ask('/ready');
  assert.deepEqual([status, json.status], [503, 'no database']);
  assert.equal((await app.ask('/api/leads')).status, 500);
  await app.stop(first);
  await app.start();
  assert.equal((await app.ask('/ready')).status, 200);
  assert.equal((await app.lead()).phone, '555');
});
