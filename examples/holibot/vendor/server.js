// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// As much of Mistral's API as the application uses, so that nothing leaves the machine:
//   MISTRAL_API_KEY=… PORT=4020 node vendor/server.js
// A question with the word "unanswerable" gets an error, and one with "endless" no answer at all.

const http = require('node:http');

const { PORT = '4020', HOST = '127.0.0.1', MISTRAL_API_KEY } = process.env;
if (!MISTRAL_API_KEY) {
  console.error('Cannot start: MISTRAL_API_KEY is missing.');
  process.exit(1);
}

/** What it says to the last question: the places of the list that it was given. */
function completion({ model, messages }) {
  const [{ content: role }] = messages;
  const places = [...role.matchAll(/(?:list: |; )([^(;]+) \(/g)].map(([, name]) => name);
  const nothing = 'Ask me for a restaurant, a beach or a hotel.';
  const content = places.length ? `I would go to ${places.join(' or ')}.` : nothing;
  return { model, choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }] };
}

const server = http.createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  const answer = (status, value) =>
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  if (request.headers.authorization !== `Bearer ${MISTRAL_API_KEY}`) return answer(401, { message: 'Unauthorized' });
  if (request.method === 'GET' && request.url === '/v1/models')
    return answer(200, { object: 'list', data: [{ id: 'mistral-small-latest' }] });
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') return answer(404, { message: 'Not found' });
  const asked = JSON.parse(body);
  const { content } = asked.messages.at(-1);
  if (/unanswerable/.test(content)) return answer(500, { message: 'Internal server error' });
  return /endless/.test(content) ? undefined : answer(200, completion(asked));
});
server.listen(Number(PORT), HOST, () => console.log(`Mistral's stand-in listens on ${HOST}:${PORT}`));
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
