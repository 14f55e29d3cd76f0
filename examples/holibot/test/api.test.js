// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Application, until } = require('./application');

const SESSION = '/api/v1/chat/session';
const UNKNOWN = '00000000-0000-0000-0000-000000000000';

describe('the API', { concurrency: 4 }, () => {
  test('health tells the version', async (t) => {
    const app = await new Application(t).prepare();
    await app.start();
    for (const address of ['/health', '/api/v1/health']) {
      const { status, json } = await app.ask(address);
      assert.deepEqual([status, json.status, json.version], [200, 'ok', '1.0.0']);
    }
    assert.equal((await app.ask('/api/v1/nothing')).status, 404);
  });

  test('a conversation narrows down what it is about, can be read, and be deleted', async (t) => {
    const app = await new Application(t).prepare();
    await app.start();
    const first = await app.message('best restaurants in Calpe');
    const names = ({ json }) => json.pois.map(({ name }) => name);
    assert.deepEqual(names(first), ['El Mirador', 'Casa Marina', 'La Lonja']);
    assert.equal(first.json.message, 'I would go to El Mirador or Casa Marina or La Lonja.');
    const { sessionId } = first.json;
    const second = await app.message('which one has outdoor seating?', sessionId);
    assert.deepEqual([second.json.sessionId, names(second)], [sessionId, ['El Mirador', 'La Lonja']]);
    const { status, json } = await app.ask(`${SESSION}/${sessionId}`);
    assert.deepEqual([status, json.sessionId, json.pois.length], [200, sessionId, 2]);
    assert.deepEqual(
      json.history.map(({ role }) => role),
      ['user', 'assistant', 'user', 'assistant'],
    );
    const hours = (Date.parse(json.expiresAt) - Date.parse(json.createdAt)) / 3600000;
    assert.ok(hours > 23.9 && hours < 24.1);
    const third = await app.message('and a beach?', sessionId);
    assert.deepEqual(names(third), ['Playa de la Fossa', 'Cala del Racó']);

    const remove = () => app.ask(`${SESSION}/${sessionId}`, { method: 'DELETE' });
    assert.deepEqual([(await remove()).status, (await remove()).status], [200, 404]);
    for (const id of [sessionId, UNKNOWN, 'nonsense']) assert.equal((await app.ask(`${SESSION}/${id}`)).status, 404);
  });

  test('what is said at once is all kept', async (t) => {
    const app = await new Application(t).prepare();
    await app.start();
    const { sessionId } = (await app.message('best restaurants in Calpe')).json;
    await Promise.all(Array.from({ length: 5 }, (_, number) => app.message(`Beach ${number}?`, sessionId)));
    assert.equal((await app.ask(`${SESSION}/${sessionId}`)).json.history.length, 12);
  });

  test('a session goes on in the next process, and ends with its time', async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const { sessionId } = (await app.message('best restaurants in Calpe')).json;
    assert.equal(await app.stop(child), 0);
    await app.start();
    assert.equal((await app.message('with parking', sessionId)).json.pois.length, 1);
    await app.sql('UPDATE ChatSession SET expires_at = NOW() - INTERVAL 1 SECOND');
    assert.equal((await app.ask(`${SESSION}/${sessionId}`)).status, 404);
    const { status, json } = await app.message('with parking', sessionId);
    assert.equal(status, 200);
    assert.notEqual(json.sessionId, sessionId);
  });

  test('what is no question is refused', async (t) => {
    const app = await new Application(t).prepare();
    await app.start();
    for (const query of ['', ' ', 'x'.repeat(501), 7]) assert.equal((await app.message(query)).status, 400, query);
    assert.equal((await app.message('test', 'nonsense')).status, 400);
    assert.equal((await app.ask('/api/v1/chat/message', { body: '{' })).status, 400);
    const body = { query: 'test', more: 'x'.repeat(10240) };
    assert.equal((await app.ask('/api/v1/chat/message', { body })).status, 413);
    assert.deepEqual(await app.sql('SELECT * FROM ChatSession'), []);
  });

  test('where Mistral AI fails, nothing is kept, and the log says so', async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const { status, json } = await app.message('unanswerable');
    assert.deepEqual([status, json], [503, { error: 'Mistral AI does not answer' }]);
    await app.stop(app.vendor);
    assert.equal((await app.message('test')).status, 503);
    assert.deepEqual(await app.sql('SELECT * FROM ChatSession'), []);
    const lines = child.said.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Mistral AI failed: .*$/gm);
    assert.deepEqual(lines.map((line) => line.slice(20)), [
      'Mistral AI failed: it answered 500',
      'Mistral AI failed: fetch failed',
    ]);
  });

  test('who does not answer within 10 seconds is not waited for', async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    const began = Date.now();
    assert.equal((await app.message('endless')).status, 503);
    const seconds = (Date.now() - began) / 1000;
    assert.ok(seconds >= 9.9 && seconds < 13, String(seconds));
    assert.match(child.said, /Mistral AI failed: no answer in time/);
  });

  test('a client has so many requests in a window, whatever it says of others', async (t) => {
    const app = await new Application(t).prepare();
    await app.start({ RATE_LIMIT_WINDOW_MS: '2000', RATE_LIMIT_MAX_REQUESTS: '3' });
    // As nginx hands it on: what the client says, and then who it is.
    const ask = async (client, more = '') =>
      app.message('test', undefined, { 'X-Forwarded-For': `${more}${client}` });
    for (const client of ['192.0.2.1', '127.0.0.1']) {
      const statuses = [];
      for (let sent = 0; sent < 5; sent += 1) statuses.push((await ask(client, `10.0.0.${sent}, `)).status);
      assert.deepEqual(statuses, [200, 200, 200, 429, 429], client);
    }
    assert.equal((await ask('192.0.2.1')).headers.get('retry-after'), '2');
    assert.equal((await ask('192.0.2.2')).status, 200);
    await until(async () => (await ask('192.0.2.1')).status === 200);
  });

  test('only pages of the declared origins get to read answers', async (t) => {
    const app = await new Application(t).prepare();
    await app.start({ CORS_ORIGIN: 'https://holibot.example, https://www.holibot.example' });
    const allowed = async (origin, method) => {
      const { status, headers } = await app.ask('/api/v1/chat/message', {
        method,
        headers: { Origin: origin },
        ...(method === 'POST' && { body: { query: 'test' } }),
      });
      return [status, headers.get('access-control-allow-origin')];
    };
    for (const origin of ['https://holibot.example', 'https://www.holibot.example']) {
      assert.deepEqual(await allowed(origin, 'OPTIONS'), [204, origin]);
      assert.deepEqual(await allowed(origin, 'POST'), [200, origin]);
    }
    for (const origin of ['https://malicious-site.com', 'null', 'https://holibot.example.evil.example'])
      for (const method of ['OPTIONS', 'POST']) assert.equal((await allowed(origin, method))[1], null, origin);
  });

  test('nothing that people ask, and no secret, is in the log', async (t) => {
    const app = await new Application(t).prepare();
    const child = await app.start();
    await app.message('private matters');
    await app.message('unanswerable private matters');
    await app.stop(child);
    assert.match(child.said, /Mistral AI answered after \d+ ms/);
    assert.doesNotMatch(child.said, /canary|private/);
    assert.ok(!child.said.includes(app.environment.DB_PASSWORD));
  });

  test('version 2 adds feedback, and version 1 goes on with its database', async (t) => {
    const app = await new Application(t).prepare({ version: '2' });
    const second = await app.start();
    assert.equal((await app.ask('/health')).json.version, '2.0.0');
    const { sessionId } = (await app.message('best restaurants in Calpe')).json;
    const rate = async (id, rating) => (await app.ask(`${SESSION}/${id}/feedback`, { body: { rating } })).status;
    assert.deepEqual([await rate(sessionId, 5), await rate(sessionId, 6), await rate(UNKNOWN, 5)], [201, 400, 404]);
    const [{ rating }] = await app.sql('SELECT rating FROM ChatFeedback');
    assert.equal(rating, 5);
    await app.stop(second);

    app.release('1');
    await app.start();
    assert.equal((await app.ask('/health')).json.version, '1.0.0');
    assert.equal((await app.message('with parking', sessionId)).json.sessionId, sessionId);
    assert.equal(await rate(sessionId, 5), 404);
  });
});
