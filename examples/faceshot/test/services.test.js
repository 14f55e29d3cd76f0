// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const { openDatabase } = require('../1/lib/database');
const { createLogger } = require('../1/lib/logger');
const { A2EClient, CircuitBreaker } = require('../1/services/a2e-enhanced');
const { JobProcessor } = require('../1/services/job-processor');

const MIGRATION = path.join(__dirname, '..', '1', 'migrations', '001_add_sku_tool_configs.sql');
const SILENT = { info() {}, warn() {}, error() {} };
const CONFIG = { sku_code: 'A4-BR', tools: ['image', 'avatar_video'] };

function migrated() {
  const db = openDatabase(':memory:');
  db.exec(fs.readFileSync(MIGRATION, 'utf8'));
  return db;
}

/** What A2E would be asked, and what it answers. */
function fakeA2E(state = 'success') {
  const started = [];
  return {
    started,
    breaker: { state: 'CLOSED' },
    async start(tool) {
      started.push(tool);
      return { task: `task-${started.length}` };
    },
    result: async () => ({ state, url: 'https://cdn.a2e.example/1.mp4' }),
  };
}

function processor(db, a2e) {
  const jobs = new JobProcessor(db, a2e, SILENT);
  // As if it had been started, without polling.
  jobs.timer = true;
  return jobs;
}

test('a breaker opens after 5 failures, tries once after a minute, and closes', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const breaker = new CircuitBreaker();
  const fail = () => assert.rejects(breaker.run(() => Promise.reject(new Error('no'))));
  for (let failure = 0; failure < 4; failure += 1) await fail();
  assert.equal(breaker.state, 'CLOSED');
  await fail();
  assert.equal(breaker.state, 'OPEN');
  await assert.rejects(breaker.run(() => assert.fail('called')), /is OPEN/);
  t.mock.timers.tick(59999);
  assert.equal(breaker.state, 'OPEN');
  t.mock.timers.tick(1);
  assert.equal(breaker.state, 'HALF_OPEN');
  await fail();
  assert.equal(breaker.state, 'OPEN');
  t.mock.timers.tick(60000);
  await breaker.run(async () => {});
  assert.deepEqual([breaker.state, breaker.failures], ['CLOSED', 0]);
});

test('results are asked for three times, and starts once', async (t) => {
  const db = migrated();
  const a2e = new A2EClient(db, { A2E_BASE_URL: 'http://a2e', A2E_API_KEY: 'key' }, 0);
  const answers = [500, 200];
  t.mock.method(globalThis, 'fetch', async () => Response.json({ data: 'done' }, { status: answers.shift() ?? 500 }));
  assert.equal(await a2e.result('task'), 'done');
  await assert.rejects(a2e.start('image', {}), /A2E \/api\/v1\/video\/generate answered 500/);
  await assert.rejects(a2e.result('task'));
  assert.equal(fetch.mock.callCount(), 6);
  const calls = db.prepare('SELECT success, status FROM a2e_api_calls ORDER BY id').all();
  assert.deepEqual(calls.map(({ success, status }) => [success, status]), [
    ...[[0, 500], [1, 200], [0, 500]],
    ...[[0, 500], [0, 500], [0, 500]],
  ]);
});

test('of two processes, one starts each step', async () => {
  const db = migrated();
  const a2e = fakeA2E();
  const [one, other] = [processor(db, a2e), processor(db, a2e)];
  one.create({ email: 'ada@example.com' }, CONFIG, {});
  const job = db.prepare('SELECT id, inputs FROM jobs').get();
  // Both have seen it before one of them begins.
  const step = db.prepare('SELECT * FROM job_steps ORDER BY position').get();
  assert.deepEqual([await one.begin(job, step), await other.begin(job, step)], [true, false]);
  await one.poll();
  assert.deepEqual(a2e.started, ['image', 'avatar_video']);
  assert.equal(db.prepare('SELECT status FROM jobs').get().status, 'completed');
  // What is settled stays so.
  await one.poll();
  assert.equal(a2e.started.length, 2);
});

test('jobs wait while the breaker is open, and while A2E works', async () => {
  const db = migrated();
  const a2e = fakeA2E('running');
  const jobs = processor(db, a2e);
  const status = () => db.prepare('SELECT status FROM jobs').get().status;
  jobs.create({ email: 'ada@example.com' }, CONFIG, {});
  a2e.breaker.state = 'OPEN';
  await jobs.poll();
  assert.deepEqual([status(), a2e.started], ['queued', []]);
  a2e.breaker.state = 'CLOSED';
  await jobs.poll();
  await jobs.poll();
  assert.deepEqual([status(), a2e.started], ['processing', ['image']]);
});

test('the log holds what is as grave as LOG_LEVEL, also after it was rotated', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'faceshot-log-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  t.mock.method(process.stdout, 'write', () => true);
  const file = path.join(folder, 'logs', 'application.log');
  const logger = createLogger(path.dirname(file), 'warn');
  logger.info('not this');
  logger.error('before');
  fs.renameSync(file, `${file}.1`);
  logger.warn('after', { job: 1 });
  const { time, ...line } = JSON.parse(fs.readFileSync(file, 'utf8'));
  assert.ok(Date.parse(time));
  assert.deepEqual(line, { level: 'warn', message: 'after', job: 1 });
  assert.match(fs.readFileSync(`${file}.1`, 'utf8'), /^\{"level":"error",[^\n]*"before"\}\n$/);
});
