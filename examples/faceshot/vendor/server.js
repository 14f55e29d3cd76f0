// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// As much of A2E's API as the application uses, so that nothing leaves the machine:
//   A2E_API_KEY=… PORT=4010 node vendor/server.js
// A script with the word "unrenderable" cannot be done, and one with "endless" never ends.

const http = require('node:http');

const { PORT = '4010', HOST = '127.0.0.1', A2E_API_KEY } = process.env;
if (!A2E_API_KEY) {
  console.error('Cannot start: A2E_API_KEY is missing.');
  process.exit(1);
}

const STATES = [
  [/endless/, 'running'],
  [/unrenderable/, 'failed'],
];
const tasks = new Map();
const ROUTES = {
  'GET /api/v1/user/remainingCoins': () => ({ coins: 5000 }),
  'GET /api/v1/anchor/character_list': () => [{ id: 'ava', name: 'Ava' }, { id: 'leo', name: 'Leo' }],
  'GET /api/v1/anchor/voice_list': () => [{ id: 'warm', name: 'Warm' }, { id: 'clear', name: 'Clear' }],
  'POST /api/v1/video/generate': ({ body }) => {
    const task = `task-${process.pid}-${tasks.size + 1}`;
    const [, state = 'success'] = STATES.find(([pattern]) => pattern.test(body.inputs.script)) ?? [];
    tasks.set(task, { state, url: `https://cdn.a2e.example/${task}.mp4` });
    return { task };
  },
  'GET /api/v1/video/result': ({ query }) => tasks.get(query.get('task')) ?? { state: 'failed' },
};

const server = http.createServer(async (request, response) => {
  const chunks = await request.toArray();
  const { pathname, searchParams: query } = new URL(request.url, 'http://localhost');
  const handle = ROUTES[`${request.method} ${pathname}`];
  const isKnown = request.headers.authorization === `Bearer ${A2E_API_KEY}`;
  const status = !isKnown ? 401 : handle ? 200 : 404;
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : null;
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(status === 200 ? { code: 0, data: handle({ query, body }) } : { code: status }));
});
server.listen(Number(PORT), HOST, () => console.log(`A2E's stand-in listens on ${HOST}:${PORT}`));
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => server.close(() => process.exit(0)));
