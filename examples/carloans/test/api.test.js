// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');
const { Application, KEY, freePort, until } = require('./application');
const { connect } = require('./socket');

const MONITORING = ['metrics', 'performance', 'metrics/prometheus', 'config', 'production-readiness', 'mail'];

test('balancers see how it is, without a key', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  for (const name of ['health', 'ready', 'live'])
    for (const address of [`/${name}`, `/api/monitoring/${name}`]) {
      const { status, json } = await app.ask(address, { key: '' });
      assert.deepEqual([status, json.version], [200, '1.0.0'], address);
    }
  const { uptime, ...told } = (await app.ask('/health', { key: '' })).json;
  assert.deepEqual(told, { status: 'ok', database: 'connected', redis: 'connected', version: '1.0.0' });
});

test('nobody else gets in without the key', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  for (const address of [...MONITORING.map((name) => `/api/monitoring/${name}`), '/api/leads', '/api/test', '/api/x'])
    for (const key of ['', 'ccl-internal-2025', `${KEY}x`]) {
      const { status, json } = await app.ask(address, { key });
      assert.deepEqual([status, json.error.code], [401, 'unauthorized'], `${address} ${key}`);
    }
  assert.equal((await app.ask('/api/test', { key: '', headers: { Authorization: `Bearer ${KEY}` } })).status, 200);
});

test('monitoring tells what the guide names', async (t) => {
  const app = await new Application(t).prepare();
  await app.vendor();
  await app.start();
  await app.ask('/api/nothing');
  const told = async (name) => (await app.ask(`/api/monitoring/${name}`)).json;
  const { ready, checks } = await told('production-readiness');
  assert.ok(ready, JSON.stringify(checks));
  const metrics = await told('metrics');
  assert.equal(metrics.requests['4xx'], 1);
  assert.ok(metrics.memory.rss > 0 && metrics.database.open > 0 && metrics.database.size === 20);
  const performance = await told('performance');
  assert.deepEqual([performance.errors, performance.errorRate], [0, 0]);
  assert.ok(performance.requests >= 3 && performance.p95Ms >= 0);
  const config = await app.ask('/api/monitoring/config', { headers: { 'X-Forwarded-For': '10.0.0.1, 192.0.2.1' } });
  assert.deepEqual([config.json.client, config.json.RATE_LIMIT_MAX_REQUESTS], ['192.0.2.1', '1000']);
  assert.doesNotMatch(config.text, /canary|c0ffee/);
  assert.deepEqual(await told('mail'), { mailgun: 'active', sent: 0, failed: 0 });
  const page = await app.ask('/api/monitoring/metrics/prometheus');
  assert.match(page.headers.get('content-type'), /^text\/plain/);
  assert.match(page.text, /^# TYPE ccl_http_request_duration_seconds histogram$/m);
  const found = await app.metrics();
  assert.deepEqual([found.ccl_database_up, found.ccl_redis_up, found.ccl_database_pool_size], ['1', '1', '20']);
  const duration = 'ccl_http_request_duration_seconds';
  assert.equal(found[`${duration}_bucket{le="+Inf"}`], found[`${duration}_count`]);
});

test('pools that do not fit into the database are told', async (t) => {
  const app = await new Application(t).prepare({ environment: { DB_POOL_SIZE: '50', DB_POOLS: '4' } });
  await app.start();
  const { json } = await app.ask('/api/monitoring/production-readiness');
  assert.equal(json.ready, false);
  const [wrong, ...others] = json.checks.filter(({ ok }) => !ok).map(({ name }) => name);
  assert.match(wrong, /^4 pools of 50 connections fit into \d+$/);
  assert.deepEqual(others, []);
});

test('figures are kept, unless they are not wanted', async (t) => {
  const app = await new Application(t).prepare({ environment: { METRICS_HISTORY_MS: '100' } });
  const without = await app.start({ METRICS_ENABLED: 'false' });
  for (const name of ['metrics', 'performance', 'metrics/prometheus'])
    assert.equal((await app.ask(`/api/monitoring/${name}`)).status, 404, name);
  assert.equal((await app.ask('/api/monitoring/config')).status, 200);
  await app.stop(without);
  assert.deepEqual(await app.sql('SELECT * FROM system_metrics'), []);
  await app.start();
  const names = () => app.sql('SELECT DISTINCT name FROM system_metrics ORDER BY 1');
  await until(async () => (await names()).length);
  assert.deepEqual((await names()).map(({ name }) => name), ['errors', 'p95Ms', 'requests', 'rss']);
});

test('every answer has the headers, and errors show nothing', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const wanted = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'x-xss-protection': '1; mode=block',
    'strict-transport-security': 'max-age=31536000',
    'referrer-policy': 'strict-origin-when-cross-origin',
  };
  const asked = { '/health': 200, '/api/%ff': 400, '/api/nothing': 404, '/favicon.ico': 200 };
  for (const [address, status] of Object.entries(asked)) {
    const answer = await app.ask(address);
    assert.equal(answer.status, status, address);
    for (const [name, value] of Object.entries(wanted)) assert.equal(answer.headers.get(name), value, address);
    assert.equal(answer.headers.get('x-powered-by'), null);
    if (status >= 400) assert.deepEqual(Object.keys(answer.json.error), ['code', 'message']);
  }
  assert.equal((await app.ask('/favicon.ico')).headers.get('cache-control'), 'public, max-age=86400');
  assert.equal((await app.ask('/api/test', { body: '{' })).status, 400);
  assert.equal((await app.ask('/api/test', { body: `"${'x'.repeat(10.5 * 1024 * 1024)}"` })).status, 413);
  const { json } = await app.ask(`/api/test?q=${encodeURIComponent('<script>alert(1)</script>Hello')}`);
  assert.equal(json.q, 'alert(1)Hello');
});

test('one origin is let in', async (t) => {
  const app = await new Application(t).prepare();
  await app.start();
  const allowed = async (method, Origin) => {
    const key = method === 'OPTIONS' ? '' : KEY;
    const { headers } = await app.ask('/api/test', { method, key, headers: { Origin } });
    return headers.get('access-control-allow-origin');
  };
  for (const method of ['GET', 'OPTIONS']) {
    assert.equal(await allowed(method, 'https://loans.example'), 'https://loans.example');
    assert.equal(await allowed(method, 'https://evil.example'), null);
  }
});

test('leads are kept, worked at, and written to', async (t) => {
  const app = await new Application(t).prepare();
  await app.vendor();
  await app.start();
  const lead = await app.lead();
  assert.deepEqual([lead.id, lead.status, lead.phone], [1, 'new', '555']);
  assert.equal((await app.ask('/api/leads', { body: { name: '<b></b>', email: 'x@example.com' } })).status, 400);
  assert.equal((await app.ask('/api/leads', { body: { name: 'X', email: 'nobody' } })).status, 400);
  const change = (status) => app.ask('/api/leads/1', { method: 'PATCH', body: { status } });
  assert.equal((await change('approved')).json.status, 'approved');
  assert.equal((await change('sold')).status, 400);
  assert.equal((await app.ask('/api/leads/9')).status, 404);
  assert.equal((await app.ask('/api/leads/1/reply', { method: 'POST' })).status, 202);
  const other = await app.lead('x@bounce.example');
  assert.equal((await app.ask(`/api/leads/${other.id}/reply`, { method: 'POST' })).status, 502);
  const logs = await app.sql('SELECT lead_id, status FROM email_campaign_logs ORDER BY id');
  assert.deepEqual(logs, [{ lead_id: 1, status: 'sent' }, { lead_id: 2, status: 'failed' }]);
  const { activity } = (await app.ask('/api/agents/activity')).json;
  assert.deepEqual(activity.map(({ action }) => action).reverse(), [
    'created', 'approved', 'letter sent', 'created', 'letter failed',
  ]);
  assert.equal((await app.metrics())['ccl_emails_total{outcome="failed"}'], '1');
});

test('a session is known to every process, and cannot be made up', async (t) => {
  const app = await new Application(t).prepare();
  const port = await freePort();
  await Promise.all([app.start(), app.start({ PORT: String(port) })]);
  const proxied = { 'X-Forwarded-Proto': 'https' };
  const begun = await app.ask('/api/session', { body: { agent: 'Ada' }, headers: proxied });
  const set = begun.headers.get('set-cookie');
  assert.match(set, /; HttpOnly; Secure; SameSite=Lax/);
  const cookie = set.split(';')[0];
  const session = (Cookie, at = port, method = 'GET') =>
    app.ask('/api/session', { headers: { Cookie }, port: at, method });
  assert.equal((await session(cookie)).json.agent, 'Ada');
  assert.equal((await session(`${cookie}x`)).status, 404);
  await app.ask('/api/leads', { body: { name: 'X', email: 'x@example.com' }, headers: { Cookie: cookie }, port });
  assert.equal((await app.ask('/api/agents/activity')).json.activity[0].agent, 'Ada');
  assert.equal((await session(cookie, app.port, 'DELETE')).status, 204);
  assert.equal((await session(cookie)).status, 404);
});

test('agents hear of leads on whichever process they are', async (t) => {
  const app = await new Application(t).prepare();
  const port = await freePort();
  await Promise.all([app.start(), app.start({ PORT: String(port) })]);
  const begun = await app.ask('/api/session', { body: { agent: 'Ada' } });
  const headers = { Cookie: begun.headers.get('set-cookie').split(';')[0] };
  const { socketToken } = (await app.ask('/api/session', { headers })).json;
  const sockets = [await connect(app.port, socketToken), await connect(port, socketToken)];
  const lead = await app.lead();
  for (const { events } of sockets) {
    await until(() => events.length);
    assert.deepEqual(events, [['lead:created', { id: lead.id, name: 'Grace' }]]);
  }
  assert.equal((await connect(app.port)).error, 'A valid token is needed');
});

test('who polls has to stay with one process', async (t) => {
  const app = await new Application(t).prepare();
  const port = await freePort();
  await Promise.all([app.start(), app.start({ PORT: String(port) })]);
  const address = '/socket.io/?EIO=4&transport=polling';
  const { sid } = JSON.parse((await app.ask(address, { key: '' })).text.slice(1));
  assert.equal((await app.ask(`${address}&sid=${sid}`, { key: '', port })).status, 400);
  const told = await fetch(`http://127.0.0.1:${app.port}${address}&sid=${sid}`, { method: 'POST', body: '40{}' });
  assert.equal(told.status, 200);
});

test('a window has so many requests of an address, whichever process is asked', async (t) => {
  const environment = { RATE_LIMIT_MAX_REQUESTS: '10', RATE_LIMIT_WINDOW_MS: '3000' };
  const app = await new Application(t).prepare({ environment });
  const port = await freePort();
  await Promise.all([app.start(), app.start({ PORT: String(port) })]);
  const ask = (sent, from = '192.0.2.1') =>
    app.ask('/api/test', {
      port: sent % 2 ? port : app.port,
      headers: { 'X-Forwarded-For': `10.0.0.${sent}, ${from}` },
    });
  const answers = await Promise.all(Array.from({ length: 15 }, (_, sent) => ask(sent)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(10).fill(200), ...Array(5).fill(429)]);
  const limited = answers.find(({ status }) => status === 429);
  assert.ok(Number(limited.headers.get('retry-after')) <= 3);
  assert.equal((await ask(1, '192.0.2.2')).status, 200);
  assert.equal((await app.ask('/health', { key: '' })).status, 200);
  await until(async () => (await ask(1)).status === 200);
});

test('each request leaves a line in the audit log, without secrets', async (t) => {
  const app = await new Application(t).prepare({ environment: { LOG_LEVEL: 'debug' } });
  const child = await app.start();
  await app.ask('/api/leads?token=canary', { headers: { 'X-Forwarded-For': '192.0.2.7' } });
  await app.ask('/api/leads', { key: 'canary-wrong' });
  await app.stop(child);
  const lines = app.log('audit.log').trim().split('\n').map((line) => JSON.parse(line));
  const told = lines.map(({ method, path, status, ip }) => [method, path, status, ip]);
  assert.deepEqual(told[0], ['GET', '/api/leads', 200, '192.0.2.7']);
  assert.equal(told[1][2], 401);
  assert.doesNotMatch(child.said + app.log('audit.log'), /canary/);
});

test('version 2 adds notes, and version 1 goes on with its database', async (t) => {
  const app = await new Application(t).prepare();
  const first = await app.start();
  const { id } = await app.lead();
  app.release('2');
  const { status, stdout } = app.run('dist/migrate.js');
  assert.deepEqual([status, stdout], [0, 'migrations applied successfully\n']);
  const address = `/api/leads/${id}/notes`;
  // The first one still runs.
  assert.equal((await app.ask('/ready')).status, 200);
  assert.equal((await app.lead()).id, 2);
  assert.equal((await app.ask(address)).status, 404);
  await app.stop(first);

  const second = await app.start();
  assert.equal((await app.ask('/health')).json.version, '2.0.0');
  assert.equal((await app.ask(address, { body: { text: '<b>Calls</b> back' } })).status, 201);
  assert.equal((await app.ask(address, { body: {} })).status, 400);
  assert.deepEqual((await app.ask(address)).json, { score: 1, notes: ['Calls back'] });
  await app.stop(second);

  app.release('1');
  await app.start();
  assert.equal((await app.ask('/health')).json.version, '1.0.0');
  assert.equal((await app.lead()).id, 3);
});
