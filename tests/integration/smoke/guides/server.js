// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Applications of the guides, as small as their suites allow. APP says which it is. The words in the file of faults make
// it misbehave, from the next request on.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");

const { APP, PORT } = process.env;
const ROOT = `/srv/${APP}`;
const LIMITS = { faceshot: 60 };
const { token, redisPassword, window } = JSON.parse(fs.readFileSync("/srv/settings.json"));

const faulty = (fault) => fs.readFileSync("/shared/faults", "utf8").split(" ").includes(fault);
const log = (file, line) => fs.appendFileSync(`${ROOT}/logs/${file}`, `${line}\n`);
const answer = (status, value, headers = {}) => ({
  status,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(value),
});

/** One command on a connection of its own; what comes back is a number, a text or null. */
function redis(...words) {
  const packed = (command) =>
    `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
  return new Promise((resolve, reject) => {
    let said = "";
    const socket = net.connect(6379, "127.0.0.1", () =>
      socket.write(packed(["AUTH", redisPassword]) + packed(words.map(String))),
    );
    socket.on("error", reject);
    socket.on("data", (data) => {
      said += data;
      const [, first, second] = said.split("\r\n");
      if (
        first === undefined ||
        (first[0] === "$" && first !== "$-1" && second === undefined) ||
        !said.endsWith("\r\n")
      )
        return;
      socket.end();
      resolve(first[0] === ":" ? Number(first.slice(1)) : first[0] === "$" && first !== "$-1" ? second : null);
    });
  });
}

// The window ends so long after the last request that is let through: on a slow machine too, a burst is within one.
const COUNT =
  "local n = redis.call('INCR', KEYS[1]) " +
  "if n <= tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n";

async function isLimited(request) {
  if (!LIMITS[APP] || faulty("no-limiter")) return false;
  const forwarded = (request.headers["x-forwarded-for"] || "local").split(", ");
  // The last is what nginx has added, and what is before it is what anybody can say.
  const client = forwarded.at(-1);
  return (await redis("EVAL", COUNT, 1, `${APP}:${client}`, window, LIMITS[APP])) > LIMITS[APP];
}

function isKnown({ headers }) {
  return headers.authorization?.split(" ")[1] === token[APP];
}

// So often that every excerpt of it ends within one.
const echo = (credentials) =>
  answer(418, { encoded: Buffer.from(credentials).toString("base64"), said: Array(50).fill(credentials) });
const fine = () => answer(200, { status: "ok" });
const health = () => (faulty("unhealthy") ? answer(503, { status: "unhealthy" }) : fine());

// Method and path, who may ask, whether the limiter counts, and what is answered.
const ROUTES = {
  faceshot: [
    [/^GET \/(health|ready|alive)$/, {}, health],
    [/^GET \/api\/health\/a2e$/, { known: true, limited: true }, fine],
    [/^GET \/api\/skus\/C1-15\/config$/, { known: true }, fine],
    [/^GET \/api\/(a2e\/credits|admin\/skus\/C1-15\/config)$/, { known: () => !faulty("open-admin") }, fine],
    [
      /^GET \/api\/monitoring\/api-calls$/,
      { known: true },
      () => answer(200, { calls: Array(50).fill({ success: faulty("failing-calls") ? 0 : 1 }) }),
    ],
    [
      /^GET \/api\/health\/circuit-breakers$/,
      { known: true },
      () => answer(200, { breakers: [{ name: "a2e", state: faulty("breaker") ? "OPEN" : "CLOSED" }] }),
    ],
    [
      /^POST \/api\/skus\/C1-15\/validate$/,
      { known: true },
      ({ body }) =>
        answer(200, {
          script: faulty("reflecting") ? body.customer_inputs.script : body.customer_inputs.script.replace(/[<>]/g, ""),
        }),
    ],
  ],
};
const BAD_LINES = {
  faceshot: ["application.log", `{"level":"error","msg":"boom"}${"\nRate limit reached".repeat(100)}`],
};

async function answered(request, content) {
  const { pathname, searchParams: query } = new URL(request.url, "http://localhost");
  const path = decodeURIComponent(pathname);
  if (BAD_LINES[APP] && faulty("bad-log")) log(...BAD_LINES[APP]);
  const [pattern, { known, limited } = {}, handle] =
    ROUTES[APP].find(([route]) => route.test(`${request.method} ${path}`)) ?? [];
  const credentials = request.headers.authorization;
  if (credentials && faulty("echo")) return echo(credentials);
  if (!pattern) return answer(404, { error: "not found" });
  if ((typeof known === "function" ? known() : known) && !isKnown(request))
    return answer(401, { error: "who are you?" });
  if (limited && (await isLimited(request)))
    return answer(429, { error: "too many" }, { "Retry-After": Math.ceil(window / 1000) });
  const isJson = request.headers["content-type"]?.startsWith("application/json");
  const id = pattern.exec(`${request.method} ${path}`)[1];
  return handle({ id, query, body: isJson && content.length ? JSON.parse(content) : null });
}

function outcomeOf(error) {
  const isTheirs = error instanceof URIError || error instanceof SyntaxError;
  return answer(isTheirs ? 400 : 500, { error: "cannot be done" });
}

const server = http.createServer((request, response) => {
  const chunks = [];
  if (!["GET", "HEAD", "OPTIONS"].includes(request.method))
    fs.appendFileSync("/shared/writes", `${APP} ${request.method} ${request.url}\n`);
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    const content = Buffer.concat(chunks);
    const { status, headers, body } =
      request.method === "OPTIONS" ? { status: 204, headers: {} } : await answered(request, content).catch(outcomeOf);
    response.writeHead(status, headers).end(body);
  });
});

server.listen(Number(PORT), "0.0.0.0");
