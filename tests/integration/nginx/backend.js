// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// An application that says who it is and what it was asked, and gives back what it was sent: backend.js NAME ADDRESS PORT
// It dies at once when it is stopped, as whoever does not expect to be stopped.
"use strict";

const { execFile } = require("node:child_process");
const http = require("node:http");

const LINES = 40;
// Longer than it takes to stop a backend that traffic has just left.
const PAUSE = 3000;

const [name, address, port] = process.argv.slice(2);

function answer(request, response, body) {
  const line = `${name}/${process.pid} ${request.url}\n`;
  const content = Buffer.concat([Buffer.from(line.repeat(LINES)), ...body]);
  response.writeHead(200, { "Content-Length": content.length });
  if (!request.url.startsWith("/answer/")) return response.end(content);
  response.write(content.subarray(0, line.length));
  setTimeout(() => response.end(content.subarray(line.length)), PAUSE);
}

http
  .createServer((request, response) => {
    const body = [];
    request.on("data", (part) => body.push(part));
    request.on("end", () => answer(request, response, body));
  })
  // systemd is told, so that whoever starts this waits until it listens.
  .listen(port, address, () => execFile("systemd-notify", ["--ready"]));
