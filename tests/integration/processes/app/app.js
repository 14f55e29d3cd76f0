// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// An application that tells what it runs with, and has the fault that the variable FAULT names.
"use strict";
const { spawn } = require("node:child_process");
const http = require("node:http");
const vm = require("node:vm");

const fault = process.env.FAULT || "";
const wait = Number(process.env.SECONDS || 0) * 1000;
const kept = [];

function told() {
  return {
    pid: process.pid,
    parent: process.ppid,
    cwd: process.cwd(),
    release: __dirname,
    node_arguments: process.execArgv,
    arguments: process.argv.slice(2),
    variables: Object.keys(process.env).sort(),
    greeting: process.env.GREETING,
    has_secret: process.env.SECRET !== undefined,
  };
}

const server = http.createServer((request, response) => {
  response.statusCode = fault === "unhealthy" && request.url === "/health" ? 503 : 200;
  response.setHeader("Connection", "close");
  response.end(JSON.stringify(told()));
});

function listen(port) {
  server.listen(port, "127.0.0.1", () => {
    console.log("Server started");
    if (process.send && fault !== "ready_late") process.send("ready");
  });
}

process.on("SIGINT", () => {
  if (fault === "ignores_sigint") return;
  console.log("Stopped");
  process.exit(0);
});

const faults = {
  crash: () => {
    throw new Error("no database");
  },
  tells: () => {
    console.error(`The password ${process.env.SECRET} is wrong`);
    // In a cluster PM2 writes it only after a moment.
    setTimeout(() => process.exit(4), 200);
  },
  syntax: () => new vm.Script("const = 1;", { filename: "broken.js" }),
  never_listens: () => setInterval(() => {}, 1000),
  wrong_port: () => listen(Number(process.env.PORT) + 1000),
  slow: () => setTimeout(() => listen(process.env.PORT), wait),
  ready_late: () => {
    listen(process.env.PORT);
    setTimeout(() => process.send("ready"), wait);
  },
  leak: () => {
    listen(process.env.PORT);
    setInterval(() => kept.push(Buffer.alloc(20 * 2 ** 20, 1)), 100);
  },
  exits: () => {
    listen(process.env.PORT);
    setTimeout(() => process.exit(3), wait);
  },
  // Leaves a process behind that nobody asked to end.
  spawns: () => {
    spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).unref();
    listen(process.env.PORT);
  },
};

(faults[fault] || (() => listen(process.env.PORT)))();
