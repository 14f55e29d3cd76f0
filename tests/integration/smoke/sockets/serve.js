// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// Servers of WebSockets and of Socket.IO in two versions, each of which lets in whoever has the token.
"use strict";

const http = require("node:http");
const { WebSocketServer } = require("ws");

const TOKEN = "letmein";

function webSockets() {
  const server = http.createServer((request, response) => response.end("no socket here"));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has("v1") ? "v1" : false) });
  server.on("upgrade", (request, socket, head) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/private" && request.headers.authorization !== `Bearer ${TOKEN}`) {
      const body = JSON.stringify({ error: "no token" });
      const type = "Content-Type: application/json\r\n";
      socket.end(`HTTP/1.1 401 Unauthorized\r\n${type}Content-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      if (url.pathname === "/kick") client.close(4401, "no token");
      if (url.pathname === "/greet") client.send(JSON.stringify({ hello: client.protocol }));
      if (url.pathname === "/ping") {
        client.on("pong", (data) => client.send(`pong ${data}`));
        client.ping("are you there");
      }
      if (url.pathname === "/parts") {
        client.send("x".repeat(70000), { fin: false });
        client.ping("between");
        client.send("y".repeat(70000), { fin: true });
      }
      client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
      client.on("close", (code) => console.log(`closed with ${code}`));
    });
  });
  return server;
}

function newSocketIo() {
  const server = http.createServer();
  const io = new (require("socketio4").Server)(server, { pingInterval: 100, pingTimeout: 1000 });
  io.on("connection", (socket) => socket.on("echo", (...data) => socket.emit("echoed", ...data)));
  const guarded = io.of("/pose-generator");
  guarded.use((socket, next) => {
    if (socket.handshake.auth.token === TOKEN) return next();
    const error = new Error("unauthorized");
    error.data = { code: 7 };
    return next(error);
  });
  guarded.on("connection", (socket) => {
    socket.emit("ready");
    setTimeout(() => socket.emit("generation:progress", { percent: 5 }, Buffer.from("image")), 300);
  });
  io.of("/kick").on("connection", (socket) => socket.disconnect(true));
  return server;
}

function oldSocketIo() {
  const server = http.createServer();
  const io = require("socketio2")(server, { pingInterval: 200, pingTimeout: 800 });
  io.on("connection", (socket) => socket.on("echo", (...data) => socket.emit("echoed", ...data)));
  const guarded = io.of("/pose-generator");
  guarded.use((socket, next) => {
    if (socket.handshake.query.token === TOKEN) return next();
    return next(new Error("unauthorized"));
  });
  guarded.on("connection", (socket) => {
    // Only who goes on pinging is still there by then.
    setTimeout(() => socket.emit("generation:progress", { percent: 5 }), 1500);
  });
  return server;
}

const servers = [webSockets(), newSocketIo(), oldSocketIo()];
let open = 0;
servers.forEach((server, at) => {
  server.listen(Number(process.argv[2 + at] || 0), "127.0.0.1", () => {
    open += 1;
    if (open === servers.length) console.log(JSON.stringify(servers.map((each) => each.address().port)));
  });
});
