// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// application.js PORT LOG: serves the figures that it is told of, answers /health as it is told, and logs what it is told.
const fs = require('fs');
const http = require('http');

const [, , port, log] = process.argv;
const figures = new Map();
let status = 200;

const add = (series, amount) => figures.set(series, (figures.get(series) || 0) + amount);
for (const state of ['failed', 'completed']) add(`queue_jobs_total{queue="avatars",state="${state}"}`, 0);
for (const code of ['200', '500']) add(`http_requests_total{status="${code}"}`, 0);
for (const limit of ['0.5', '2', '10', '+Inf']) add(`http_request_seconds_bucket{le="${limit}"}`, 0);

const answers = {
    '/metrics': () => [200, [...figures].map(([name, value]) => `${name} ${value}\n`).join('')],
    '/health': () => [status, '{}\n'],
    '/add': (query) => {
        add(query.get('series'), Number(query.get('amount')));
        return [200, ''];
    },
    '/be': (query) => {
        status = Number(query.get('status'));
        return [200, ''];
    },
    '/log': (query) => {
        fs.appendFileSync(log, `${query.get('line')}\n`.repeat(Number(query.get('times') || 1)));
        return [200, ''];
    },
};

fs.appendFileSync(log, 'started\n');
http.createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const [code, body] = (answers[url.pathname] || (() => [404, '']))(url.searchParams);
    response.writeHead(code, { 'Content-Type': 'text/plain' });
    response.end(body);
}).listen(Number(port), '127.0.0.1');
