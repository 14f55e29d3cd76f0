// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// As much of Jira's API and of the providers' as the application uses, so that nothing leaves the machine:
//   JIRA_TOKEN=… PORT=4010 node vendor/server.js
// A provider takes any key but one with the word "revoked" in it.

const http = require('node:http');

const { PORT = '4010', HOST = '127.0.0.1', JIRA_TOKEN } = process.env;
if (!JIRA_TOKEN) {
  console.error('Cannot start: JIRA_TOKEN is missing.');
  process.exit(1);
}

const tickets = [];
const inProject = (jql = '') => {
  const [, key] = /^project\s*=\s*"?(\w+)"?$/.exec(jql) ?? [];
  return tickets.filter(({ fields }) => fields.project.key === key);
};
const isJira = ({ authorization }) => authorization === `Bearer ${JIRA_TOKEN}`;
const isProvider = ({ authorization = '' }) => /^Bearer (?!.*revoked)./.test(authorization);

// Method and path, whom it lets in, what it answers, and with which status.
const ROUTES = [
  [/^GET \/rest\/api\/2\/search$/, isJira, ({ query }) => {
    const found = inProject(query.get('jql'));
    return { startAt: 0, maxResults: 50, total: found.length, issues: found.slice(0, 50) };
  }],
  [/^POST \/rest\/api\/2\/issue$/, isJira, ({ body }) => {
    const { key } = body.fields.project;
    const ticket = { id: String(tickets.length + 1), key: `${key}-${inProject(`project=${key}`).length + 1}`, ...body };
    tickets.push(ticket);
    return { id: ticket.id, key: ticket.key };
  }, 201],
  [/^POST \/\w+\/explain$/, isProvider, ({ body }) => ({ text: `Somebody should look at this: ${body.message}` })],
];

const server = http.createServer(async (request, response) => {
  const chunks = await request.toArray();
  const { pathname, searchParams: query } = new URL(request.url, 'http://localhost');
  const [, isKnown, handle, well = 200] = ROUTES.find(([route]) => route.test(`${request.method} ${pathname}`)) ?? [];
  const status = !handle ? 404 : isKnown(request.headers) ? well : 401;
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : null;
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(status === well ? handle({ query, body }) : { errorMessages: [`This is a ${status}`] }));
});
server.listen(Number(PORT), HOST, () => console.log(`Jira's and the providers' stand-in listens on ${HOST}:${PORT}`));
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => server.close(() => process.exit(0)));
