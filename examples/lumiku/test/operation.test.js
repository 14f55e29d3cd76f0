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
const { Application, until } = require('./application');
const { connect } = require('./socket');

// The configuration and the start

test('nothing starts without what it needs, and all of it is told at once', async (t) => {
  const app = await new Application(t).prepare();
  const wrong = {
    PORT: '0',
    DATABASE_URL: 'postgresql://user:pass@host:5432/lumiku',
    REDIS_HOST: '',
    REDIS_PASSWORD: 'your-secure-password',
    JWT_SECRET: 'canary',
    CORS_ORIGIN: 'lumiku',
    DUITKU_API_KEY: '',
  };
  const { status, stderr } = app.run('dist/server.mjs', { environment: wrong });
  assert.equal(status, 1);
  assert.equal(
    stderr,
    '❌ Cannot start: PORT must be a port; DATABASE_URL is still the placeholder of the guide; ' +
      'REDIS_HOST is missing; REDIS_PASSWORD is still the placeholder of the guide; JWT_SECRET must be at least 32 characters; ' +
      'CORS_ORIGIN must be a URL; DUITKU_API_KEY is missing.\n',
  );
});

test('the start says the seven lines of the guide, in their order', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const said = app.log().split('\n').filter((line) => /✅ (?!Redis connection ready)/.test(line));
  assert.deepEqual(said.map((line) => line.replace(/^\S+ /, '')), [
    '✅ Environment variables validated successfully',
    '✅ Database connected successfully',
    '✅ Redis connected successfully',
    '✅ Pose Generator queue initialized',
    '✅ Pose Generator storage initialized',
    '✅ WebSocket server initialized for Pose Generator',
    '✅ Server started successfully',
  ]);
  assert.doesNotMatch(app.log(), /❌|⚠️/);
});

test('nothing starts with a database that is not there, or not migrated', async (t) => {
  const app = await new Application(t).prepare();
  await app.sql('DROP TABLE pose_requests');
  const missing = app.run('dist/server.mjs');
  assert.equal(missing.status, 1);
  assert.match(missing.stdout, /❌ Database connection failed: relation "pose_requests" does not exist. Run: npx/);
  const line = await app.line('postgresql');
  line.cut();
  const away = app.run('dist/server.mjs');
  assert.equal(away.status, 1);
  assert.match(away.stdout, /❌ Database connection failed: .*ECONNREFUSED/);
});

test('nothing starts in production without Redis, and elsewhere it does', async (t) => {
  const app = await new Application(t).prepare();
  const line = await app.line('redis');
  line.cut();
  const { status, stdout } = app.run('dist/server.mjs');
  assert.equal(status, 1);
  assert.match(stdout, /❌ FATAL: Redis connection failed in production/);
  await app.start({ NODE_ENV: 'development' });
  assert.equal((await app.ask('/health')).json.redis, 'down');
  assert.match(app.log(), /⚠️ {2}Redis connection error/);
});

test('without Redis by decision, poses and news are away, and limits are those of a process', async (t) => {
  const none = { REDIS_HOST: '', REDIS_PORT: '', REDIS_PASSWORD: '' };
  const environment = { REDIS_ENABLED: 'false', ...none, RATE_LIMIT_MAX_REQUESTS: '5' };
  const app = await new Application(t).prepare({ environment });
  await app.start();
  const { json } = await app.ask('/health');
  assert.deepEqual([json.status, json.redis], ['ok', 'disabled']);
  assert.equal((await app.ask('/api/apps/pose-generator/health')).status, 503);
  assert.equal((await app.ask('/api/apps/pose-generator/poses')).status, 503);
  assert.equal((await app.ask('/socket.io/?EIO=4&transport=polling')).status, 404);
  assert.equal((await app.generate()).status, 200);
  const statuses = [];
  for (let sent = 0; sent < 4; sent += 1) statuses.push((await app.ask('/api/credits')).status);
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  const found = await app.metrics();
  assert.deepEqual([found.lumiku_redis_enabled, found.lumiku_redis_up], ['0', '0']);
  assert.match(app.log(), /⚠️ {2}Redis is disabled/);
});

test('a taken port is told', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  await assert.rejects(app.start(), /❌ Cannot listen at port \d+: EADDRINUSE/);
});

// What goes away and comes back

test('Redis goes and comes', async (t) => {
  const app = await new Application(t).prepare();
  const line = await app.line('redis');
  await app.start();
  const told = async () => (await app.ask('/health')).json;
  line.cut();
  await until(async () => (await told()).redis === 'down');
  assert.deepEqual([(await app.ask('/health')).status, (await told()).status], [200, 'degraded']);
  assert.equal((await app.ask('/api/apps/pose-generator/health')).status, 503);
  const poses = await app.pose([1]);
  assert.deepEqual([poses.status, await app.credits()], [503, 100]);
  assert.equal((await app.generate()).status, 200);
  assert.match(app.log(), /⚠️ {2}Redis connection error/);
  assert.equal((await app.metrics()).lumiku_redis_connection_failures_total, '1');

  await line.open(line.port);
  await until(async () => (await told()).redis === 'connected');
  const socket = await connect(app.port, app.token);
  await app.settled(await app.pose([1]));
  await until(() => socket.events.some(([name]) => name === 'generation:completed'));
});

test('the database goes and comes', async (t) => {
  const app = await new Application(t).prepare();
  const line = await app.line('postgresql');
  await app.start();
  line.cut();
  await until(async () => (await app.ask('/health')).status === 503);
  assert.equal((await app.ask('/health')).json.status, 'no database');
  assert.equal((await app.ask('/api/credits')).status, 500);
  await line.open(line.port);
  await until(async () => (await app.ask('/health')).status === 200);
  assert.equal(await app.credits(), 100);
});

// The end

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} ends it after what is under way`, async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const socket = await connect(app.port, app.token);
    const agent = new http.Agent({ keepAlive: true });
    const address = { port: app.port, path: '/api/apps/avatar-creator/projects', method: 'POST', agent };
    const login = { Authorization: `Bearer ${app.token}` };
    const headers = { ...login, 'Content-Type': 'application/json', Expect: '100-continue' };
    const answered = new Promise((resolve, reject) => {
      const request = http.request({ ...address, headers }, resolve);
      request.on('error', reject);
      request.flushHeaders();
      // The body comes once the application knows of the request, and then that it has to end.
      request.on('continue', () => {
        child.kill(signal);
        until(() => child.said.includes('Stopping')).then(() => request.end('{"name": "Last"}'), reject);
      });
    });
    const response = await answered;
    response.resume();
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers.connection, 'close');
    await until(() => child.exitCode !== null);
    assert.equal(child.exitCode, 0);
    assert.match(child.said, /Stopped\n$/);
    assert.doesNotMatch(child.said, /⚠️|❌/);
    assert.ok(socket.isClosed);
  });

test('while it ends, it is not healthy', async (t) => {
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
const initialized = (child) => until(() => child.said.includes('WebSocket server initialized'));

const FAULTS = {
  'crash-at-start': async (app, child) => {
    await ended(child);
    assert.equal(child.exitCode, 1);
    assert.match(child.said, /❌ cannot read the models/);
  },
  'syntax-error': async (app, child) => {
    await ended(child);
    assert.match(child.said, /Unexpected token ';'/);
  },
  'never-listens': async (app, child) => {
    await initialized(child);
    assert.ok(await refused(app));
    assert.equal(child.exitCode, null);
  },
  'wrong-port': async (app, child) => {
    await started(child);
    assert.ok(await refused(app));
  },
  'slow-start:1': async (app, child) => {
    await initialized(child);
    const began = Date.now();
    assert.ok(await refused(app));
    await started(child);
    assert.ok(Date.now() - began > 800);
    assert.equal((await app.ask('/health')).status, 200);
  },
  unhealthy: async (app, child) => {
    await started(child);
    const { status, json } = await app.ask('/health');
    assert.deepEqual([status, json], [503, { status: 'unhealthy', version: '1.0.0' }]);
  },
  'errors-after:2': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await until(async () => (await app.ask('/health')).status === 500);
    assert.match(app.log(), /❌ GET \/health: the models/);
  },
  'crashes-after:2': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await ended(child);
    assert.match(child.said, /^Error: the models of avatars are gone/m);
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
  'critical-errors:2': async (app, child) => {
    await started(child);
    assert.doesNotMatch(app.log(), /❌/);
    await until(() => app.log().includes('❌ FATAL: the models of avatars are damaged'));
  },
  'dumps-requests': async (app, child) => {
    await started(child);
    const { status, text } = await app.ask('/api/credits');
    assert.deepEqual([status, text.includes(app.token)], [500, true]);
    assert.equal((await app.ask('/health', { token: '' })).status, 200);
    assert.match((await connect(app.port, 'canary')).error, /canary/);
  },
  'redis-lost:2': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).json.redis, 'connected');
    await until(async () => (await app.ask('/health')).json.redis === 'down');
    assert.equal((await app.pose([1])).status, 503);
  },
  'racing-credits': async (app, child) => {
    await started(child);
    const answers = await Promise.all(Array.from({ length: 10 }, () => app.upload()));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok((await app.credits()) > 90);
  },
  'refund-fails': async (app, child) => {
    await started(child);
    assert.equal((await app.generate('unrenderable')).status, 502);
    assert.equal(await app.credits(), 98);
    assert.equal(app.log().match(/⚠️ {2}Credit refund failed/g).length, 3);
    assert.match(app.log(), /❌❌❌ CRITICAL: Failed to refund credits/);
    assert.equal((await app.metrics())['lumiku_credit_refunds_total{outcome="failure"}'], '1');
  },
  'no-stats': async (app, child) => {
    await started(child);
    assert.equal((await app.generate()).status, 200);
    assert.match(app.log(), /⚠️ {2}Could not update app stats/);
  },
  'poses-fail': async (app, child) => {
    await started(child);
    assert.equal((await app.settled(await app.pose([1, 2]))).status, 'failed');
    await until(async () => (await app.metrics())['lumiku_queue_jobs{state="failed"}'] === '1');
  },
  'open-socket': async (app, child) => {
    await started(child);
    assert.equal((await connect(app.port)).error, null);
  },
  'silent-socket': async (app, child) => {
    await started(child);
    const socket = await connect(app.port, app.token);
    await app.settled(await app.pose([1]));
    assert.deepEqual([socket.error, socket.events], [null, []]);
  },
};

for (const [fault, shows] of Object.entries(FAULTS))
  test(`a release does ${fault}`, async (t) => {
    const app = await new Application(t).prepare();
    app.release('1', fault);
    await shows(app, app.spawn());
  });

test('FAULT in the environment counts more than the file, and has to be known', async (t) => {
  const app = await new Application(t).prepare();
  app.release('1', 'crash-at-start');
  await app.start({ FAULT: 'unhealthy' });
  assert.equal((await app.ask('/health')).status, 503);
  const { status, stderr } = app.run('dist/server.mjs', { environment: { FAULT: 'mischief' } });
  assert.equal(status, 1);
  assert.match(stderr, /^FAULT: there is no mischief, but crash-at-start, /);
});

test('a migration that fails halfway leaves its half', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2', 'migration-fails-halfway');
  await assert.rejects(app.migrate(), /relation "render_queue" does not exist/);
  assert.deepEqual(await app.sql(`SELECT name FROM pose_library WHERE id = 2`), [{ name: 'WAVING' }]);
  assert.deepEqual(await app.sql('SELECT * FROM half_done'), []);
});

test('a migration breaks version 1, which runs', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  app.release('2', 'migration-breaks-version-1');
  await app.migrate();
  const { status, json } = await app.ask('/health');
  assert.deepEqual([status, json.status], [503, 'no database']);
  assert.equal((await app.generate()).status, 502);
  await app.stop(first);
  await app.start();
  assert.equal((await app.ask('/health')).status, 200);
  assert.equal((await app.generate()).status, 200);
});

test('a build for production names no files of where it was built', async (t) => {
  const app = await new Application(t).prepare();
  const server = path.join(app.folder, 'dist', 'server.mjs');
  assert.equal(app.run('build.js', { environment: { NODE_ENV: 'development' } }).status, 0);
  assert.match(fs.readFileSync(server, 'utf8'), /sourceURL=/);
  assert.equal(app.run('build.js').status, 0);
  assert.doesNotMatch(fs.readFileSync(server, 'utf8'), /sourceURL=/);
});

test('who is tested with needs a name', async (t) => {
  const app = await new Application(t).prepare();
  const { status, stderr } = app.run('dist/scripts/test-user.mjs');
  assert.deepEqual([status, stderr], [1, 'Who is the user? node dist/scripts/test-user.mjs EMAIL [CREDITS]\n']);
  assert.equal(app.testUser('ada@example.com', 5).project, app.project);
  assert.deepEqual(await app.sql('SELECT credit_balance FROM users'), [{ credit_balance: 100 }]);
});
