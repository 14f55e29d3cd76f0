// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Backends in one process, one at each port, that say which they are: backends.js PORT...
"use strict";

const fs = require("node:fs");
const http = require("node:http");

function answer(port, request, response) {
  if (request.url === "/health") {
    // A backend that knows only its own name, as one with several sites does.
    const isWell = request.headers.host === "shop.example.com" && !fs.existsSync(`/run/sick-${port}`);
    response.writeHead(isWell ? 204 : 503).end();
  } else if (request.url === "/held") {
    // As long as the file is there that is made here.
    fs.writeFileSync("/run/held", "");
    const looking = setInterval(() => {
      if (fs.existsSync("/run/held")) return;
      clearInterval(looking);
      response.end(`${port}`);
    }, 50);
  } else {
    response.end(`${port}`);
  }
}

for (const port of process.argv.slice(2).map(Number)) {
  http
    .createServer((request, response) => answer(port, request, response))
    .on("upgrade", (request, socket) => {
      socket.on("error", () => socket.destroy());
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
      socket.write(`${port}`);
    })
    .listen(port, "127.0.0.1");
}
