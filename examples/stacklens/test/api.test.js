// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Application, until } = require('./application');

const PLACE = '/api/admin/credentials';
const PROVIDERS = ['openai', 'gemini', 'anthropic', 'openrouter', 'groq'];
const EXECUTE = '/api/automation/execute';
const ERROR = { errorType: 'CriticalError', severity: 'critical', message: 'Production error detected' };

/** The application with a credential of each of these providers, and a token of its administrator. */
async function started(t, { providers = PROVIDERS, ...options } = {}) {
  const app = await new Application(t).prepare(options);
  app.child = await app.start();
  const token = app.token();
  for (const provider of providers)
    await app.ask(PLACE, { token, body: { name: `${provider}-main`, provider, apiKey: `sk-${provider}-canary-0123` } });
  return { app, token };
}

test('it works, and tells the version', async (t) => {
  const { app } = await started(t, { providers: [] });
  const { status, json } = await app.ask('/api/test');
  assert.deepEqual([status, json.message], [200, 'Server is working']);
  assert.ok(Date.parse(json.timestamp));
  const health = await app.ask('/health');
  assert.deepEqual([health.status, health.json.status, health.json.version], [200, 'ok', '1.0.0']);
  assert.equal((await app.ask('/api/nothing')).status, 404);
});

test('who asks decides what is answered', async (t) => {
  const { app, token } = await started(t, { providers: [] });
  const [header, payload] = token.split('.');
  const user = app.token('someone@example.com');
  for (const wrong of [undefined, 'nonsense', `${header}.${payload}.x`, app.token('ada@example.com', -1)]) {
    assert.equal((await app.ask(PLACE, { token: wrong })).status, 401, wrong);
    assert.equal((await app.ask('/api/files/upload', { token: wrong, method: 'POST' })).status, 401, wrong);
  }
  assert.equal((await app.ask(PLACE, { token: user })).status, 403);
  assert.equal((await app.ask(PLACE, { token: app.token('Grace@example.com') })).status, 200);
  // Programs of this machine report errors, and nobody else without a token.
  const headers = { 'X-Forwarded-For': '203.0.113.1' };
  assert.equal((await app.ask(EXECUTE, { body: ERROR })).status, 201);
  assert.equal((await app.ask(EXECUTE, { body: ERROR, headers })).status, 401);
  assert.equal((await app.ask(EXECUTE, { body: ERROR, headers, token: user })).status, 201);
});

test('credentials stand in the order of their priorities, and show no key', async (t) => {
  const { app, token } = await started(t);
  const listed = async (query = '') => (await app.ask(`${PLACE}${query}`, { token })).json;
  const order = async (query) => (await listed(query)).map(({ provider, priority }) => [provider, priority]);
  const all = [['gemini', 10], ['groq', 20], ['openrouter', 30], ['openai', 40], ['anthropic', 50]];
  assert.deepEqual(await order(), all);
  assert.deepEqual(await order('?provider=gemini'), [['gemini', 10]]);
  assert.equal((await listed())[0].apiKey, 'sk-…0123');

  const { id } = (await listed('?provider=anthropic'))[0];
  const edited = await app.ask(`${PLACE}/${id}`, { token, method: 'PUT', body: { priority: 5 } });
  assert.deepEqual([edited.status, edited.json.priority, edited.json.name], [200, 5, 'anthropic-main']);
  assert.deepEqual((await order())[0], ['anthropic', 5]);
  assert.equal((await app.ask(`${PLACE}/${id}`, { token })).json.priority, 5);
  assert.equal((await app.ask(`${PLACE}/${id}`, { token, method: 'DELETE' })).status, 204);
  for (const method of ['GET', 'PUT', 'DELETE'])
    assert.equal((await app.ask(`${PLACE}/${id}`, { token, method })).status, 404, method);

  const [{ api_key: kept }] = await app.sql("SELECT api_key FROM api_credentials WHERE provider = 'gemini'");
  assert.match(kept, /^[0-9a-f]{24}:[0-9a-f]{32}:[0-9a-f]+$/);
});

test('what is no credential is refused', async (t) => {
  const { app, token } = await started(t, { providers: ['gemini'] });
  const create = (body) => app.ask(PLACE, { token, body });
  const { status, json } = await create({ provider: '', priority: 1.5, isGlobal: 'yes', endpoint: 'x', colour: 'red' });
  assert.equal(status, 422);
  assert.deepEqual(json.errors, [
    'name is missing',
    'provider must be a text',
    'priority must be a whole number',
    'isGlobal must be true or false',
    'endpoint must be a URL',
    'there is no field colour',
  ]);
  assert.equal((await create({ name: 'gemini-main', provider: 'gemini' })).status, 409);
  assert.equal((await app.ask(PLACE, { token, body: '{' })).status, 400);
  assert.equal((await create({ name: 'other', provider: 'mistral' })).json.priority, 100);
});

test('an error that happens now opens a ticket if it is grave, and an uploaded file none', async (t) => {
  const { app, token } = await started(t);
  const body = new FormData();
  body.append('file', new Blob(['FATAL: a\nError: b\n']), 'x.log');
  const uploaded = await app.ask('/api/files/upload', { token, body });
  assert.deepEqual([uploaded.status, uploaded.json.bytes, uploaded.json.errors], [201, 18, 2]);
  assert.match(fs.readFileSync(path.join(app.folder, 'uploads', uploaded.json.file), 'utf8'), /^FATAL/);
  assert.equal((await app.ask('/api/files/upload', { token, body: new FormData() })).status, 400);
  assert.equal(await app.tickets(), 0);

  assert.equal((await app.ask(EXECUTE, { body: { ...ERROR, severity: 'low' } })).json.ticket, null);
  assert.equal(await app.tickets(), 0);
  const { status, json } = await app.ask(EXECUTE, { body: ERROR });
  assert.deepEqual([status, json.ticket, json.explanation.provider], [201, 'OPS-1', 'gemini']);
  assert.equal(await app.tickets(), 1);
  assert.equal((await app.ask(EXECUTE, { body: { ...ERROR, severity: 'mild' } })).status, 422);
  assert.match(app.log('error.log'), /CriticalError \(critical\): Production error detected\n$/);

  await app.stop(app.vendor);
  const failed = await app.ask(EXECUTE, { body: ERROR });
  assert.deepEqual([failed.status, failed.json], [502, { error: 'No ticket could be opened', explanation: null }]);
});

test('the provider with the lowest priority is asked, and the next one if it does not answer', async (t) => {
  const { app, token } = await started(t, { providers: ['groq', 'openai'] });
  const more = { apiKey: 'none', priority: 0 };
  for (const body of [
    { name: 'revoked', provider: 'gemini', ...more, apiKey: 'revoked' },
    { name: 'inactive', provider: 'anthropic', ...more, isActive: false },
    { name: 'private', provider: 'anthropic', ...more, isGlobal: false },
    { name: 'keyless', provider: 'anthropic', priority: 0 },
  ])
    assert.equal((await app.ask(PLACE, { token, body })).status, 201);
  assert.equal((await app.ask(EXECUTE, { body: ERROR })).json.explanation.provider, 'groq');
  const [used] = await app.sql(`SELECT usage_count, current_month_usage, last_used > unixepoch() - 60 AS is_now
                                FROM api_credentials WHERE provider = 'groq'`);
  assert.deepEqual({ ...used }, { usage_count: 1, current_month_usage: 1, is_now: 1 });
  const told = /gemini \| Priority: 0\n.*gemini cannot be used: it answered 401\n.*Provider: groq \| Priority: 20/;
  assert.match(app.log(), told);

  // The month before counts no more.
  await app.sql(`UPDATE api_credentials SET current_month_usage = 7, last_used = unixepoch('now', '-32 days')`);
  await app.ask(EXECUTE, { body: ERROR });
  const [again] = await app.sql(`SELECT usage_count, current_month_usage FROM api_credentials WHERE provider = 'groq'`);
  assert.deepEqual({ ...again }, { usage_count: 2, current_month_usage: 1 });
});

test('at the start the providers are told in their order', async (t) => {
  const { app } = await started(t);
  await app.stop(app.child);
  const child = await app.start();
  const told = child.said.match(/Provider: .*/g);
  const order = ['gemini | Priority: 10', 'groq | Priority: 20', 'openrouter | Priority: 30', 'openai | Priority: 40'];
  assert.deepEqual(told, [...order, 'anthropic | Priority: 50'].map((line) => `Provider: ${line}`));
});

test('with another ENCRYPTION_KEY no credential is used, and the log says why', async (t) => {
  const { app, token } = await started(t, { providers: ['gemini'] });
  await app.stop(app.child);
  await app.start({ ENCRYPTION_KEY: 'another-encryption-key-of-32-characters' });
  const { json } = await app.ask(EXECUTE, { body: ERROR });
  assert.deepEqual(json, { ticket: 'OPS-1', explanation: null });
  assert.equal((await app.ask(PLACE, { token })).json[0].apiKey, null);
  assert.match(app.log('error.log'), /The key of the credential gemini-main cannot be decrypted/);
});

test('the script of the guide finds all that it expects, and leaves only the ticket', async (t) => {
  const { app } = await started(t, { providers: ['gemini'] });
  const { status, stdout, stderr } = app.run('test-credential-priority.sh');
  assert.deepEqual([status, stdout, stderr], [
    0,
    'All credentials created successfully\nCredentials listed in priority order\nReal-time error automation works\n' +
      'Database schema verified\n',
    '',
  ]);
  assert.equal((await app.sql('SELECT * FROM api_credentials')).length, 1);
  assert.equal(await app.tickets(), 1);
});

test('the pages of the administrators are built and served', async (t) => {
  const { app } = await started(t, { providers: [] });
  for (const address of ['/', '/admin', '/admin/credentials'])
    assert.match((await app.ask(address)).text, /<title>StackLens/, address);
  assert.match((await app.ask('/main.js')).text, /gemini: 10/);
});

test('no secret is in the logs', async (t) => {
  const { app, token } = await started(t);
  await app.ask(`${PLACE}?token=canary`, { token });
  await app.ask(EXECUTE, { token, body: ERROR });
  await app.stop(app.child);
  for (const text of [app.child.said, app.log(), app.log('error.log')]) assert.doesNotMatch(text, /canary|eyJ/);
});

test('version 2 adds limits and uses, and version 1 goes on with its database', async (t) => {
  const { app, token } = await started(t, { providers: ['gemini', 'groq'] });
  await app.stop(app.child);
  app.release('2');
  assert.equal(app.migrate().status, 0);
  const second = await app.start();
  assert.equal((await app.ask('/health')).json.version, '2.0.0');
  const [{ id }] = (await app.ask(PLACE, { token })).json;
  await app.ask(`${PLACE}/${id}`, { token, method: 'PUT', body: { monthlyLimit: 1 } });
  const provider = async () => (await app.ask(EXECUTE, { body: ERROR })).json.explanation.provider;
  assert.deepEqual([await provider(), await provider()], ['gemini', 'groq']);
  assert.equal((await app.ask(`${PLACE}/${id}/uses`, { token })).json.length, 1);
  assert.equal((await app.ask(`${PLACE}/99/uses`, { token })).status, 404);
  await app.stop(second);

  app.release('1');
  await app.start();
  assert.equal((await app.ask('/health')).json.version, '1.0.0');
  assert.equal(await provider(), 'gemini');
  assert.equal((await app.ask(PLACE, { token, body: { name: 'new', provider: 'openai' } })).status, 201);
  assert.equal((await app.ask(`${PLACE}/${id}`, { token, method: 'PUT', body: { monthlyLimit: 1 } })).status, 422);
  await until(async () => (await app.sql('SELECT * FROM credential_uses')).length === 2);
});
