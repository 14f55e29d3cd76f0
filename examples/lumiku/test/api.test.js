// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Application, USER, freePort, until } = require('./application');
const { connect } = require('./socket');

test('health tells the version, the database and Redis', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const { status, json } = await app.ask('/health', { token: '' });
  const { uptime, ...told } = json;
  assert.deepEqual([status, told], [
    200, { status: 'ok', database: 'connected', version: '1.0.0', redis: 'connected' },
  ]);
  const poses = await app.ask('/api/apps/pose-generator/health', { token: '' });
  assert.deepEqual(poses.json, { status: 'ok', queue: { pending: 0, active: 0, completed: 0, failed: 0 } });
});

test('nobody gets in without a token of theirs', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const [header, payload, signature] = app.token.split('.');
  const other = Buffer.from(JSON.stringify({ email: USER, exp: 9999999999 })).toString('base64url');
  const environment = { JWT_SECRET: 'x'.repeat(32) };
  const foreign = JSON.parse(app.run('dist/scripts/test-user.mjs', { args: [USER], environment }).stdout).token;
  const tokens = ['', 'nonsense', `${header}.${other}.${signature}`, `${header}.${payload}.`, foreign];
  for (const address of ['/api/credits', '/api/apps/avatar-creator/presets', '/api/apps/pose-generator/poses'])
    for (const token of tokens) assert.equal((await app.ask(address, { token })).status, 401, `${address} ${token}`);
  const others = app.testUser('grace@example.com', 1);
  const address = `/api/apps/avatar-creator/projects/${app.project}/avatars`;
  assert.equal((await app.ask(address, { token: others.token })).status, 404);
  assert.equal((await app.ask(address)).status, 200);
});

test('avatars are made and uploaded for credits', async (t) => {
  const app = await new Application(t).prepare({ credits: 4 });
  await app.start();
  const { status, json } = await app.generate();
  assert.deepEqual([status, json.creditUsed, json.creditBalance, json.avatar.name], [200, 2, 2, 'test']);
  const uploaded = await app.upload();
  assert.deepEqual([uploaded.status, uploaded.json.creditUsed, uploaded.json.creditBalance], [200, 1, 1]);
  assert.equal((await app.upload('text/html')).status, 415);
  assert.equal((await app.upload('image/png', 'other')).status, 400);
  assert.equal((await app.generate('')).status, 400);
  const poor = await app.generate();
  assert.deepEqual([poor.status, poor.json], [402, { error: 'Not enough credits' }]);
  assert.equal(await app.credits(), 1);
  const { avatars } = (await app.ask(`/api/apps/avatar-creator/projects/${app.project}/avatars`)).json;
  assert.deepEqual(avatars.map(({ source }) => source), ['generated', 'uploaded']);
  assert.equal(fs.readdirSync(path.join(app.folder, 'uploads', 'avatar-creator')).length, 2);
  assert.match(app.log(), /✅ Avatar generation completed/);
  const rows = await app.sql(`SELECT amount FROM credit_transactions WHERE reason <> 'tests' ORDER BY id`);
  assert.deepEqual(rows.map(({ amount }) => amount), [-2, -1]);
});

test('what cannot be made is given back', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  assert.equal((await app.generate('unrenderable')).status, 502);
  assert.equal(await app.credits(), 100);
  const poses = await app.pose([1, 2, 3], 'unrenderable');
  assert.equal(poses.json.creditBalance, 97);
  assert.equal((await app.settled(poses)).status, 'failed');
  await until(async () => (await app.credits()) === 100);
  assert.equal((await app.metrics())['lumiku_credit_refunds_total{outcome="success"}'], '2');
});

test('credits are never spent twice, and never overdrawn', async (t) => {
  const app = await new Application(t).prepare({ credits: 7 });
  await app.start();
  // Two processes, as during a deployment.
  const port = await freePort();
  await app.start({ PORT: String(port) });
  const address = `/api/apps/avatar-creator/projects/${app.project}/avatars/upload`;
  const upload = (at) => {
    const body = new FormData();
    body.append('image', new Blob(['picture'], { type: 'image/png' }), 'x.png');
    return app.ask(address, { body, port: at });
  };
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => upload(n % 2 ? port : app.port)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(7).fill(200), ...Array(13).fill(402)]);
  assert.equal(await app.credits(), 0);
  const found = (await app.metrics())['lumiku_credit_transactions_total{outcome="success"}'];
  assert.ok(Number(found) > 0 && Number(found) <= 7);
});

test('a lock that is not to be had is a conflict, and tried again', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const conflicts = async () => (await app.metrics())['lumiku_credit_transactions_total{outcome="conflict"}'] === '1';
  const { Client } = require('node:module').createRequire(path.join(app.folder, 'x.js'))('pg');
  const holder = new Client({ connectionString: String(app.database) });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM users FOR UPDATE');
  const spent = app.upload();
  await until(conflicts);
  await holder.end();
  assert.equal((await spent).status, 200);
  assert.equal(await app.credits(), 99);
});

test('a payment is believed if it is signed, and counts once', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const { json } = await app.ask('/api/payments', { body: { credits: 50 } });
  assert.deepEqual([json.amount, json.returnUrl], [50000, 'https://lumiku.example/payment/success']);
  const callback = (fields, key = 'canary-duitku') => {
    const all = { merchantOrderId: json.merchantOrderId, amount: String(json.amount), resultCode: '00', ...fields };
    const signature = crypto.createHash('md5').update(`D1234${all.amount}${all.merchantOrderId}${key}`).digest('hex');
    return app.ask('/api/payments/callback', {
      token: '',
      body: String(new URLSearchParams({ ...all, signature })),
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
  };
  assert.equal((await callback({}, 'wrong')).status, 400);
  assert.equal((await callback({ amount: '1' })).status, 200);
  assert.equal(await app.credits(), 100);
  assert.equal((await callback({})).status, 200);
  assert.equal((await callback({})).status, 200);
  assert.equal(await app.credits(), 150);
  assert.equal((await app.ask('/api/payments', { body: { credits: 0 } })).status, 400);
});

test('poses are generated, and the socket tells how far they are', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const socket = await connect(app.port, app.token);
  const other = await connect(app.port, app.testUser('grace@example.com', 1).token);
  assert.equal(socket.error, null);
  // Who connects is told of the newest generation, which here is one that was there for tests.
  await until(() => socket.events.length === 1 && other.events.length === 1);
  const created = await app.pose([1, 3, 4]);
  assert.deepEqual([created.status, created.json.creditUsed, created.json.creditBalance], [202, 3, 97]);
  const settled = await app.settled(created);
  assert.deepEqual([settled.status, settled.done], ['completed', 3]);
  assert.deepEqual(settled.poses.map((pose) => pose.pose_id), [1, 3, 4]);
  await until(() => socket.events.at(-1)[0] === 'generation:completed');
  const progress = socket.events.slice(1).filter(([name]) => name === 'generation:progress');
  assert.deepEqual(progress.map(([, told]) => told.progress), [33, 67, 100, 100]);
  assert.equal(other.events.length, 1);
  assert.ok(fs.existsSync(path.join(app.folder, 'outputs', settled.poses[0].file)));

  for (const poses of [[], [99], 'all', [1, 99]]) assert.equal((await app.pose(poses)).status, 400, String(poses));
  assert.equal((await app.ask('/api/apps/pose-generator/poses')).json.poses.length, 4);
  assert.equal((await app.ask('/api/apps/pose-generator/requests', { body: { description: 'Jumping' } })).status, 201);
});

test('no socket without a token', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  for (const token of [undefined, 'nonsense'])
    assert.equal((await connect(app.port, token)).error, 'A valid token is needed');
  const one = await connect(app.port, app.token);
  assert.equal((await app.metrics()).lumiku_websocket_connections, '1');
  one.close();
  await until(async () => (await app.metrics()).lumiku_websocket_disconnects_total === '1');
  assert.equal((await app.metrics()).lumiku_websocket_connections, '0');
});

test('another process makes poses, and the news gets to the right socket', async (t) => {
  const app = await new Application(t).prepare();
  const port = await freePort();
  await Promise.all([app.start(), app.start({ PORT: String(port) })]);
  const sockets = [await connect(app.port, app.token), await connect(port, app.token)];
  await app.settled(await app.pose([1, 2]));
  for (const socket of sockets) await until(() => socket.events.some(([name]) => name === 'generation:completed'));
});

test('a generation goes on in the next process, also after a crash', async (t) => {
  const app = await new Application(t).prepare();
  const active = async () => (await app.redis.llen(`${app.name}:poses:active`)) === 1;
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    const child = await app.start();
    const created = await app.pose([1, 2, 3, 4]);
    await until(active);
    await app.stop(child, signal);
    const next = await app.start();
    const settled = await app.settled(created);
    assert.deepEqual([settled.status, settled.poses.length], ['completed', 4]);
    await app.stop(next);
  }
  assert.deepEqual(await app.sql('SELECT credit_balance FROM users'), [{ credit_balance: 92 }]);
});

test('a minute has so many requests of a user, whichever process is asked', async (t) => {
  const app = await new Application(t).prepare({ environment: { RATE_LIMIT_MAX_REQUESTS: '10' } });
  const port = await freePort();
  await Promise.all([app.start(), app.start({ PORT: String(port) })]);
  const statuses = [];
  for (let sent = 0; sent < 12; sent += 1) {
    const headers = { 'X-Forwarded-For': `10.0.0.${sent}` };
    statuses.push((await app.ask('/api/credits', { port: sent % 2 ? port : app.port, headers })).status);
  }
  assert.deepEqual(statuses, [...Array(10).fill(200), 429, 429]);
  assert.ok(Number((await app.ask('/api/credits')).headers.get('retry-after')) > 50);
  assert.equal((await app.ask('/api/credits', { token: app.testUser('grace@example.com', 1).token })).status, 200);
});

test('JSON that cannot be read is refused and counted', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  for (const address of ['/api/apps/avatar-creator/projects', '/api/apps/pose-generator/projects', '/api/payments'])
    assert.equal((await app.ask(address, { body: '{' })).status, 400);
  const found = await app.metrics();
  for (const name of ['avatar-creator', 'pose-generator', 'payments'])
    assert.equal(found[`lumiku_json_parse_errors_total{app="${name}"}`], '1', name);
});

test('figures are for this host alone', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  await app.settled(await app.pose([1]));
  await until(async () => (await app.metrics())['lumiku_queue_jobs{state="completed"}'] === '1');
  const found = await app.metrics();
  assert.deepEqual([found.lumiku_redis_up, found.lumiku_redis_enabled], ['1', '1']);
  assert.equal(found['lumiku_queue_jobs{state="failed"}'], '0');
  assert.equal((await app.ask('/metrics', { headers: { 'X-Forwarded-For': '192.0.2.1' } })).status, 404);
});

test('no secret is in the log', async (t) => {
  const app = await new Application(t).prepare();
  const child = await app.start();
  await app.generate();
  await app.ask('/api/nothing?token=canary');
  await app.stop(child);
  for (const text of [child.said, app.log()]) assert.doesNotMatch(text, /canary|eyJ/);
});

test('version 2 adds favorites, and version 1 goes on with its database', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  const address = '/api/apps/pose-generator/favorites';
  assert.equal((await app.ask(address)).status, 404);
  app.release('2');
  await app.migrate();
  // The first one still runs.
  assert.equal((await app.ask('/health')).json.status, 'ok');
  assert.equal((await app.settled(await app.pose([1]))).status, 'completed');
  await app.stop(first);

  const second = await app.start();
  assert.equal((await app.ask('/health')).json.version, '2.0.0');
  for (const time of [1, 2]) assert.equal((await app.ask(`${address}/2`, { method: 'PUT' })).status, 204, time);
  assert.equal((await app.ask(`${address}/99`, { method: 'PUT' })).status, 404);
  assert.deepEqual((await app.ask(address)).json.favorites, [{ id: 2, name: 'waving', favorites: 1 }]);
  assert.equal((await app.ask(address, { token: '' })).status, 401);
  await app.stop(second);

  app.release('1');
  await app.start();
  assert.equal((await app.ask('/health')).json.version, '1.0.0');
  assert.equal((await app.settled(await app.pose([2]))).status, 'completed');
});
