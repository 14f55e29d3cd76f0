// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { DatabaseSync } = require('node:sqlite');
const test = require('node:test');
const { ADMIN, Application, until } = require('./application');

const columns = (app, table) => {
  const db = new DatabaseSync(app.environment.DB_PATH, { readOnly: true });
  const found = db.prepare(`PRAGMA table_info(${table})`).all();
  db.close();
  return found.map(({ name }) => name);
};

// The configuration

test('nothing starts without what it needs, and all of it is told at once', async (t) => {
  const app = await new Application(t).prepare();
  const wrong = {
    PORT: '0',
    SESSION_SECRET: 'canary',
    A2E_API_KEY: '',
    STRIPE_SECRET_KEY: '<your-stripe-secret>',
    ADMIN_EMAILS: 'nobody',
    FRONTEND_URL: 'faceshot',
    MIN_MARGIN: '1',
  };
  const { status, stderr } = app.run('index.js', { environment: wrong });
  assert.equal(status, 1);
  assert.equal(
    stderr.split('\n')[0],
    'Cannot start: PORT must be a port; SESSION_SECRET must be at least 32 characters; FRONTEND_URL must be a URL; ' +
      'A2E_API_KEY is missing; STRIPE_SECRET_KEY is still the placeholder of the guide; ' +
      'ADMIN_EMAILS must be addresses with commas between them; MIN_MARGIN must be a number from 0 to 0.99.',
  );
});

test('nothing starts with a database that is not migrated', async (t) => {
  const app = await new Application(t).prepare();
  const { status, stderr } = app.run('index.js', { environment: { DB_PATH: path.join(app.root, 'empty.db') } });
  assert.equal(status, 1);
  assert.match(stderr, /Cannot start: The database is not migrated \(no such table: sku_tool_configs\)/);
});

test('a taken port is told', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  await assert.rejects(app.start(), /Cannot listen.*EADDRINUSE/);
});

test('a token needs somebody to be for, and the secret', async (t) => {
  const app = await new Application(t).prepare();
  assert.equal(app.run('scripts/issue-token.js').status, 1);
  const { status, stderr } = app.run('scripts/issue-token.js', { args: [ADMIN], environment: { SESSION_SECRET: '' } });
  assert.deepEqual([status, stderr], [1, 'SESSION_SECRET is missing.\n']);
});

// Migrations and seeds

test('the scripts say what the guide shows', async (t) => {
  const app = await new Application(t).prepare();
  const environment = { DB_PATH: 'production.db' };
  const run = (script) => app.run(`scripts/${script}.js`, { environment }).stdout;
  const text = (applied, skipped, lines) => `=== Database Migration Runner ===
Database: production.db
Migrations directory: ${app.folder}/migrations

Found ${applied + skipped} migration file(s):

${lines}

=== Migration Summary ===
Applied: ${applied}
Skipped: ${skipped}
Total: ${applied + skipped}
`;
  const applying = (version, name) =>
    `Applying migration ${version}: ${version}_${name}.sql...\n✓ Successfully applied migration ${version}`;
  const skipping = '- Skipping migration 001 (already applied)';
  assert.equal(run('run-migrations'), text(1, 0, applying('001', 'add_sku_tool_configs')));
  assert.equal(run('run-migrations'), text(0, 1, skipping));
  for (let time = 0; time < 2; time += 1)
    assert.equal(
      run('seed-sku-configs'),
      '=== Seeding SKU Tool Configurations ===\n✓ Successfully seeded SKU tool configurations\n✓ Configured 9 SKUs\n',
    );
  const first = app.folder;
  app.release('2');
  fs.copyFileSync(path.join(first, 'production.db'), path.join(app.folder, 'production.db'));
  assert.equal(run('run-migrations'), text(1, 1, `${skipping}\n${applying('002', 'add_job_feedback')}`));
});

test('a migration that fails leaves nothing and ends with 1', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2');
  fs.appendFileSync(path.join(app.folder, 'migrations', '002_add_job_feedback.sql'), 'ALTER TABLE missing ADD COLUMN x;');
  const { status, stdout, stderr } = app.run('scripts/run-migrations.js');
  assert.deepEqual([status, stderr], [1, '✗ Failed to apply migration 002: no such table: missing\n']);
  assert.doesNotMatch(stdout, /Summary/);
  assert.ok(!columns(app, 'jobs').includes('rating'));
});

test('seeds without tables end with 1', async (t) => {
  const app = await new Application(t).prepare();
  const environment = { DB_PATH: path.join(app.root, 'empty.db') };
  const { status, stderr } = app.run('scripts/seed-sku-configs.js', { environment });
  assert.deepEqual([status, stderr], [1, '✗ Failed to seed SKU tool configurations: no such table: sku_tool_configs\n']);
});

// The page

test('the page is built and served', async (t) => {
  const app = await new Application(t).prepare();
  assert.equal(app.run('frontend/build.js').status, 0);
  await app.start();
  assert.match((await app.ask('/')).text, /<title>FaceShot/);
  assert.match((await app.ask('/main.js')).text, /import { ApiClient } from '.\/lib\/api.js'/);
  const { ApiClient } = await import(`data:text/javascript,${encodeURIComponent((await app.ask('/lib/api.js')).text)}`);
  const methods = Object.getOwnPropertyNames(ApiClient.prototype);
  for (const name of ['getSKUConfig', 'validateSKUInputs', 'createAdvancedJob', 'getJobStatus', 'uploadMedia'])
    assert.ok(methods.includes(name), name);
  for (const name of ['getA2EAvatars', 'getA2EVoices']) assert.ok(methods.includes(name), name);
});

// The end

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} ends it after what is under way`, async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const agent = new http.Agent({ keepAlive: true });
    const address = { port: app.port, path: '/api/skus/C1-15/validate', method: 'POST', agent };
    const headers = { Authorization: `Bearer ${app.token()}`, 'Content-Type': 'application/json', Expect: '100-continue' };
    const answered = new Promise((resolve, reject) => {
      const request = http.request({ ...address, headers }, resolve);
      request.on('error', reject);
      request.flushHeaders();
      // The body comes once the application knows of the request, and then that it has to end.
      request.on('continue', () => {
        child.kill(signal);
        until(() => child.said.includes('Stopping')).then(() => request.end('{}'), reject);
      });
    });
    const response = await answered;
    response.resume();
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers.connection, 'close');
    await until(() => child.exitCode !== null);
    assert.equal(child.exitCode, 0);
    assert.match(child.said, /"Stopped"/);
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
  socket.write('GET /alive HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ready HTTP/1.1\r\n');
  await until(() => said.includes('"alive"'));
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
    const began = Date.now();
    await until(() => child.said.includes('registered'));
    assert.ok(await refused(app));
    await started(child);
    assert.ok(Date.now() - began > 900);
    assert.equal((await app.ask('/health')).status, 200);
  },
  unhealthy: async (app, child) => {
    await started(child);
    assert.deepEqual((await app.ask('/health')).json, { status: 'unhealthy', version: '2.0.0' });
    assert.equal((await app.ask('/ready')).status, 503);
  },
  'errors-after:3': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await until(async () => (await app.ask('/health')).status === 500);
    assert.match(app.log(), /"level":"error"/);
  },
  'crashes-after:3': async (app, child) => {
    await started(child);
    assert.equal((await app.ask('/health')).status, 200);
    await ended(child);
    assert.match(child.said, /^Error: the renderer is gone/m);
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
  'breaker-open': async (app, child) => {
    await started(child);
    const { json } = await app.ask('/api/health/circuit-breakers', { token: app.token() });
    assert.deepEqual([json.breakers[0].name, json.breakers[0].state], ['a2e', 'OPEN']);
    assert.equal((await app.ask('/api/health/a2e', { token: app.token() })).status, 503);
  },
  'stuck-job': async (app, child) => {
    await started(child);
    const db = new DatabaseSync(app.environment.DB_PATH, { readOnly: true });
    const stuck = `SELECT id FROM jobs WHERE status = 'processing' AND created_at < datetime('now', '-1 hour')`;
    assert.equal(db.prepare(stuck).all().length, 1);
    db.close();
  },
};

for (const [fault, shows] of Object.entries(FAULTS))
  test(`a release does ${fault}`, async (t) => {
    const app = await new Application(t).prepare({ versions: ['1', '2'] });
    app.release('2', fault);
    await shows(app, app.spawn('index.js'));
  });

test('FAULT in the environment counts more than the file, and has to be known', async (t) => {
  const app = await new Application(t).prepare();
  app.release('1', 'crash-at-start');
  await app.start({ FAULT: 'unhealthy' });
  assert.equal((await app.ask('/health')).status, 503);
  const { status, stderr } = app.run('index.js', { environment: { FAULT: 'mischief' } });
  assert.equal(status, 1);
  assert.match(stderr, /^FAULT: there is no mischief, but crash-at-start, /);
});

test('a migration that fails halfway leaves its half', async (t) => {
  const app = await new Application(t).prepare();
  app.release('2', 'migration-fails-halfway');
  const { status, stderr } = app.run('scripts/run-migrations.js');
  assert.deepEqual([status, stderr], [1, '✗ Failed to apply migration 900: no such table: render_queue\n']);
  assert.ok(columns(app, 'half_done').length);
  assert.ok(columns(app, 'jobs').includes('rating'));
});

test('a migration breaks version 1, which runs', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  assert.equal((await app.ask('/health')).status, 200);
  app.release('2', 'migration-breaks-version-1');
  assert.equal(app.run('scripts/run-migrations.js').status, 0);
  const { status, json } = await app.ask('/health');
  assert.deepEqual([status, json.status], [503, 'no database']);
  assert.equal((await app.ask('/api/health/a2e', { token: app.token() })).status, 503);
  await app.stop(first);
  await app.start();
  assert.equal((await app.ask('/health')).status, 200);
  assert.equal((await app.ask('/api/health/a2e', { token: app.token() })).status, 200);
});
