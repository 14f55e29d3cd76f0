// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// As much of Mailgun's and OpenAI's APIs as the application uses, so that nothing leaves the machine:
//   MAILGUN_API_KEY=… MAILGUN_DOMAIN=… OPENAI_API_KEY=… PORT=5010 node vendor/server.js
// A message to somebody at bounce.example is refused.

const http = require('node:http');

const { PORT = '5010', HOST = '127.0.0.1', MAILGUN_API_KEY, MAILGUN_DOMAIN, OPENAI_API_KEY } = process.env;
const mailgun = `Basic ${Buffer.from(`api:${MAILGUN_API_KEY}`).toString('base64')}`;
const ROUTES = {
  [`GET /v3/domains/${MAILGUN_DOMAIN}`]: [mailgun, () => ({ domain: { name: MAILGUN_DOMAIN, state: 'active' } })],
  [`POST /v3/${MAILGUN_DOMAIN}/messages`]: [
    mailgun,
    (body) => (/%40bounce\.example/.test(body) ? null : { id: '<1@mailgun>', message: 'Queued. Thank you.' }),
  ],
  'POST /v1/chat/completions': [
    `Bearer ${OPENAI_API_KEY}`,
    () => ({ choices: [{ message: { role: 'assistant', content: 'Thank you. We will call you.' } }] }),
  ],
};

const server = http.createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  const [login, handle] = ROUTES[`${request.method} ${request.url}`] ?? [];
  const answer = request.headers.authorization === login ? handle?.(body) : undefined;
  const status = !handle ? 404 : answer === undefined ? 401 : answer === null ? 400 : 200;
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer ?? { message: 'refused' }));
});
server.listen(Number(PORT), HOST, () => console.log(`The stand-in of Mailgun and OpenAI listens on ${HOST}:${PORT}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => process.exit(0)));
