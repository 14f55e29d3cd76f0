// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// A small application, as sound or as broken as the path asks for.

const http = require('http');

let flying = 0, most = 0, credits = 0, windows = {};

function send(response, status, value, headers = {}) {
  const body = JSON.stringify(value);
  response.writeHead(status, {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers});
  response.end(body);
}

// So many in each window of so many milliseconds, for each client.
function limited(request, response, url) {
  const client = url.searchParams.get('believes') ? request.headers['x-forwarded-for'] : 'all';
  const key = `${url.searchParams.get('name')} ${client}`, window = +url.searchParams.get('window'), now = Date.now();
  if (!windows[key] || windows[key].ends <= now) windows[key] = {ends: now + window, count: 0};
  if (++windows[key].count <= +url.searchParams.get('limit')) return send(response, 200, {status: 'ok'});
  send(response, 429, {error: 'slow down'}, {'Retry-After': Math.ceil((windows[key].ends - now) / 1000)});
}

const routes = {
  '/health': (request, response) => send(response, 200, {status: 'ok', uptime: 12.5, database: 'connected'}),
  '/slow': (request, response) => setTimeout(() => send(response, 200, {status: 'ok'}), 20),
  '/reset': (request, response, url) => {
    [flying, most, credits] = [0, 0, +url.searchParams.get('credits')];
    send(response, 200, {});
  },
  '/facts': (request, response) => send(response, 200, {most}),
  '/credits': (request, response) => send(response, 200, {creditBalance: credits}),
  // Takes a credit in one step.
  '/sound': (request, response) => credits > 0 ? send(response, 201, {left: --credits}) : send(response, 402, {}),
  // Looks first and takes later, between which others look.
  '/racing': (request, response) => {
    most = Math.max(most, ++flying);
    const seen = credits;
    setTimeout(() => {
      flying--;
      if (seen <= 0) return send(response, 402, {});
      credits--;
      send(response, 201, {});
    }, 1000);
  },
  '/limited': limited,
};

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  request.resume();
  request.on('end', () => (routes[url.pathname] || ((_, response) => send(response, 404, {})))(request, response, url));
}).listen(8100);
