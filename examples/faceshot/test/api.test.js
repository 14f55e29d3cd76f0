// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { DatabaseSync } = require('node:sqlite');
const test = require('node:test');
const { issueToken } = require('../1/lib/auth');
const { Application, SECRET, until } = require('./application');

const SKUS = ['A1-IG', 'A4-BR', 'C1-15', 'C2-30', 'C3-60', 'D1-VO30', 'D2-CLONE', 'D3-CLPRO', 'E2-LAUNCHKIT'];

test('health tells the version', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  for (const address of ['/health', '/ready']) {
    const { status, json } = await app.ask(address);
    assert.deepEqual([status, json.status, json.version], [200, 'ok', '1.0.0']);
  }
  assert.equal((await app.ask('/alive')).status, 200);
});

test('who asks decides what is answered', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const user = app.token('someone@example.com');
  const foreign = issueToken('ada@example.com', 'another-secret');
  const old = issueToken('ada@example.com', SECRET, -1);
  const closed = ['/api/a2e/credits', '/api/admin/skus/C1-15/config', '/api/monitoring/api-calls', '/api/nothing'];
  for (const address of closed)
    for (const token of [undefined, foreign, old, 'nonsense'])
      assert.equal((await app.ask(address, { token })).status, 401, `${address} ${token}`);
  const admins = [
    '/api/admin/skus/C1-15/config',
    '/api/monitoring/api-calls',
    '/api/monitoring/errors',
    '/api/health/circuit-breakers',
  ];
  for (const address of admins) {
    assert.equal((await app.ask(address, { token: user })).status, 403, address);
    assert.equal((await app.ask(address, { token: app.token('Grace@example.com') })).status, 200, address);
  }
  for (const address of ['/api/health/a2e', '/api/a2e/avatars', '/api/a2e/voices', '/api/a2e/credits'])
    assert.equal((await app.ask(address, { token: user })).status, 200, address);
});

test('SKUs are configured, changed and validated', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const token = app.token();
  for (const code of SKUS) assert.equal((await app.ask(`/api/skus/${code}/config`, { token })).json.sku_code, code);
  assert.equal((await app.ask('/api/skus/Z9/config', { token })).status, 404);
  const { json } = await app.ask('/api/skus/C1-15/config', { token });
  assert.deepEqual([json.credits, json.minimum_price, json.tools], [15, 0.28, ['avatar_video']]);

  const address = '/api/skus/C1-15/validate';
  const script = '<script>alert(1)</script><b onclick="x()">Hello</b>';
  const answer = await app.ask(address, { token, body: { customer_inputs: { script } } });
  assert.deepEqual(answer.json, { valid: true, errors: [], sanitized_inputs: { script: 'alert(1)Hello' } });
  const wrong = await app.ask(address, { token, body: { customer_inputs: { avatar: 'x'.repeat(101) } } });
  assert.deepEqual(wrong.json.errors, ['script is missing', 'avatar is longer than 100 characters']);
  assert.equal((await app.ask(address, { token, body: '{' })).status, 400);

  const changed = { token, method: 'PUT', body: { credits: 20 } };
  assert.equal((await app.ask('/api/admin/skus/C1-15/config', changed)).json.credits, 20);
  assert.equal((await app.ask('/api/skus/C1-15/config', { token })).json.credits, 20);
  app.run('scripts/seed-sku-configs.js');
  await app.ask('/api/admin/cache/clear', { token, method: 'POST' });
  assert.equal((await app.ask('/api/skus/C1-15/config', { token })).json.credits, 20);
});

test('jobs are carried out step by step', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const token = app.token();
  const create = (script, code = 'D1-VO30') =>
    app.ask('/api/jobs/create-advanced', {
      token,
      body: { sku_code: code, customer_inputs: { script }, order_id: 7 },
    });
  const settled = async (answer) => {
    const ask = async () => (await app.ask(`/api/jobs/${answer.json.job_id}/status`, { token })).json;
    return until(async () => ['completed', 'failed'].includes((await ask()).status) && ask());
  };
  const created = await create('Hello');
  assert.equal(created.status, 201);
  const done = await settled(created);
  assert.deepEqual(
    done.steps.map(({ tool, status }) => [tool, status]),
    [['text_to_speech', 'completed'], ['avatar_video', 'completed']],
  );
  assert.equal((await settled(await create('unrenderable'))).status, 'failed');
  assert.match((await app.ask('/api/monitoring/errors', { token })).json.errors[0].message, /^Job 2: A2E could not/);
  assert.equal((await create('')).status, 400);
  assert.equal((await create('Hello', 'Z9')).status, 404);
  const others = { token: app.token('someone@example.com') };
  assert.equal((await app.ask(`/api/jobs/${created.json.job_id}/status`, others)).status, 404);
});

test('a job goes on in the next process', async (t) => {
  const app = await new Application(t).prepare();
  const child = await app.start();
  const token = app.token();
  const body = { sku_code: 'C1-15', customer_inputs: { script: 'endless' } };
  const { json } = await app.ask('/api/jobs/create-advanced', { token, body });
  const status = async () => (await app.ask(`/api/jobs/${json.job_id}/status`, { token })).json;
  await until(async () => (await status()).steps[0].status === 'processing');
  assert.equal(await app.stop(child), 0);
  const db = new DatabaseSync(app.environment.DB_PATH);
  db.exec(`UPDATE job_steps SET task = 'forgotten'`);
  db.close();
  await app.start();
  await until(async () => (await status()).status === 'failed');
});

test('media is taken', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const token = app.token();
  const upload = (type, name = 'file') => {
    const body = new FormData();
    body.append(name, new Blob(['picture'], { type }), '../../x.png');
    return app.ask('/api/upload/media', { token, body });
  };
  const { status, json } = await upload('image/png');
  assert.deepEqual([status, json.bytes], [201, 7]);
  assert.equal(fs.readFileSync(path.join(app.folder, 'uploads', json.public_id), 'utf8'), 'picture');
  assert.equal((await upload('text/html')).status, 415);
  assert.equal((await upload('image/png', 'other')).status, 400);
});

test('a minute has 60 requests of a user', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const [token, other] = [app.token(), app.token('someone@example.com')];
  const statuses = [];
  for (let sent = 0; sent < 65; sent += 1)
    statuses.push((await app.ask('/api/a2e/voices', { token, headers: { 'X-Forwarded-For': `10.0.0.${sent}` } })).status);
  assert.deepEqual(statuses, [...Array(60).fill(200), ...Array(5).fill(429)]);
  const limited = await app.ask('/api/health/a2e', { token });
  assert.ok(Number(limited.headers.get('retry-after')) > 50);
  assert.equal((await app.ask('/api/health/a2e', { token: other })).status, 200);
  assert.equal(app.log().match(/Rate limit reached/g).length, 6);
});

test('the breaker opens after five failures, and no call is made then', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const token = app.token();
  const state = async () => (await app.ask('/api/health/circuit-breakers', { token })).json.breakers[0].state;
  const calls = async () => (await app.ask('/api/monitoring/api-calls?limit=50', { token })).json.calls;
  await app.ask('/api/health/a2e', { token });
  assert.equal(await state(), 'CLOSED');
  await app.stop(app.vendor);
  for (let call = 0; call < 5; call += 1)
    assert.equal((await app.ask('/api/health/a2e', { token })).status, 503);
  assert.equal(await state(), 'OPEN');
  assert.equal((await app.ask('/api/health/a2e', { token })).status, 503);
  assert.deepEqual((await calls()).map((call) => call.success), [0, 0, 0, 0, 0, 1]);
  assert.equal((await app.ask('/api/monitoring/api-calls?limit=2', { token })).json.calls.length, 2);
});

test('no secret is in the logs', async (t) => {
  const app = await new Application(t).prepare();
  const child = await app.start({ LOG_LEVEL: 'debug' });
  const token = app.token();
  await app.ask('/api/health/a2e?token=canary', { token });
  await app.stop(child);
  for (const text of [child.said, app.log()]) assert.doesNotMatch(text, /canary|eyJ/);
});

test('version 2 adds feedback, and version 1 goes on with its database', async (t) => {
  const app = await new Application(t).prepare({ versions: ['1', '2'] });
  const second = await app.start();
  const token = app.token();
  assert.equal((await app.ask('/health')).json.version, '2.0.0');
  const body = { sku_code: 'A1-IG', customer_inputs: { script: 'Hello' } };
  const { json } = await app.ask('/api/jobs/create-advanced', { token, body });
  const address = `/api/jobs/${json.job_id}/feedback`;
  assert.equal((await app.ask(address, { token, body: { rating: 6 } })).status, 400);
  assert.equal((await app.ask(address, { token, body: { rating: 5, comment: '<b>Nice</b>' } })).status, 201);
  const { rating, comments } = (await app.ask(address, { token })).json;
  assert.deepEqual([rating, comments.map(({ comment }) => comment)], [5, ['Nice']]);
  assert.equal((await app.ask(address)).status, 401);
  assert.equal((await app.ask(address, { token: app.token('someone@example.com') })).status, 404);
  await app.stop(second);

  app.release('1');
  await app.start();
  assert.equal((await app.ask('/health')).json.version, '1.0.0');
  assert.equal((await app.ask('/api/jobs/create-advanced', { token, body })).status, 201);
  assert.equal((await app.ask(address, { token })).status, 404);
});
