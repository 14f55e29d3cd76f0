// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The application in a folder of its own, as a deployment would lay it out, with a database of its own.
//
// DATABASE_URL names a PostgreSQL server and a user who may create databases there, and REDIS_URL a Redis, in which
// each test has names of its own. Packages are those of ../1/node_modules, or of the folder that NODE_MODULES names.

const { once } = require('node:events');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after } = require('node:test');

const EXAMPLE = path.join(__dirname, '..');
const PACKAGES = process.env.NODE_MODULES || path.join(EXAMPLE, '1', 'node_modules');
const { DATABASE_URL, REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;
const KEY = 'canary-key-of-operators';
const SECRETS = { JWT_SECRET: 'c0ffee00'.repeat(8), SESSION_SECRET: Buffer.alloc(32, 'canary').toString('base64') };
const MAIL = { MAILGUN_API_KEY: 'canary-mailgun', MAILGUN_DOMAIN: 'mg.example.com', OPENAI_API_KEY: 'canary-openai' };
let made = 0;

const packaged = createRequire(path.join(PACKAGES, '..', 'package.json'));
const { Client } = packaged('pg');
const { Redis } = packaged('ioredis');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function until(holds, seconds = 10) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const found = await holds();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`This did not come to be: ${holds}`);
}

/** What a server answers to these statements. */
async function sql(url, ...statements) {
  const client = new Client({ connectionString: String(url) });
  await client.connect();
  try {
    let rows;
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** The way to a server, which can be cut. */
class Line {
  constructor(host, port) {
    this.sockets = new Set();
    this.server = net.createServer((near) => {
      const far = net.connect(port, host);
      for (const [one, other] of [[near, far], [far, near]]) {
        this.sockets.add(one);
        one.pipe(other);
        one.on('error', () => {});
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  async open(port = 0) {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
  }

  cut() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

const builds = fs.mkdtempSync(path.join(os.tmpdir(), 'carloans-built-'));
after(() => fs.rmSync(builds, { recursive: true }));

/** A version as it is built, once for all tests: version 1, and what later ones change laid over it. */
function built(version) {
  const folder = path.join(builds, version);
  if (fs.existsSync(folder)) return folder;
  const filter = (file) => !['node_modules', 'dist', 'logs'].includes(path.basename(file));
  for (let layer = 1; layer <= Number(version); layer += 1)
    fs.cpSync(path.join(EXAMPLE, String(layer)), folder, { recursive: true, filter });
  fs.symlinkSync(PACKAGES, path.join(folder, 'node_modules'));
  const { status, stderr } = spawnSync(process.execPath, ['build.js'], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return folder;
}

/** A database with version 1, of which each test gets a copy. */
const template = {
  async make(app) {
    this.name = app.name;
    await sql(DATABASE_URL, `CREATE DATABASE ${this.name}`);
    const { status, stderr } = app.run('dist/migrate.js');
    if (status !== 0) throw new Error(stderr);
    this.isMade = true;
  },
};
after(() => template.name && sql(DATABASE_URL, `DROP DATABASE ${template.name}`));

/** Everything that a test starts and makes; it is gone after the test. */
class Application {
  constructor(test) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'carloans-'));
    this.children = [];
    this.lines = [];
    test.after(() => this.remove());
  }

  /** Whose database it is. */
  call(name) {
    const url = new URL(DATABASE_URL);
    url.pathname = name;
    Object.assign(this, { name, database: url });
    Object.assign(this.environment, { DATABASE_URL: String(url), REDIS_PREFIX: `${name}:` });
  }

  async prepare({ environment = {} } = {}) {
    this.redis = new Redis(REDIS_URL);
    this.port = await freePort();
    this.vendorPort = await freePort();
    this.environment = {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: String(this.port),
      REDIS_URL,
      INTERNAL_API_KEY: KEY,
      ...SECRETS,
      ...MAIL,
      MAILGUN_BASE_URL: `http://127.0.0.1:${this.vendorPort}`,
      OPENAI_BASE_URL: `http://127.0.0.1:${this.vendorPort}`,
      CORS_ORIGIN: 'https://loans.example',
      TRUST_PROXY: 'true',
      RATE_LIMIT_MAX_REQUESTS: '1000',
      ...environment,
    };
    this.release('1');
    if (!template.isMade) {
      this.call(`carloans_${process.pid}`);
      await template.make(this);
    }
    this.call(`carloans_${process.pid}_${(made += 1)}`);
    await sql(DATABASE_URL, `CREATE DATABASE ${this.name} TEMPLATE ${template.name}`);
    return this;
  }

  /** The release of a version, with a fault in its file. */
  release(version, fault = '') {
    this.folder = path.join(this.root, `release-${version}${fault && '-'}${fault.replace(':', '-')}`);
    if (fs.existsSync(this.folder)) return;
    fs.cpSync(built(version), this.folder, { recursive: true });
    if (!fault) return;
    fs.writeFileSync(path.join(this.folder, 'FAULT'), `${fault}\n`);
    // Of faults, only migrations are built.
    if (fault.startsWith('migration')) this.run('build.js');
  }

  sql(...statements) {
    return sql(this.database, ...statements);
  }

  /** Have the application reach Redis or PostgreSQL over a line of its own. */
  async line(server) {
    const url = new URL(DATABASE_URL);
    const redis = new URL(REDIS_URL);
    const [name, far] = server === 'redis' ? ['REDIS_URL', redis] : ['DATABASE_URL', url];
    const line = new Line(far.hostname, far.port || { redis: 6379, postgresql: 5432 }[server]);
    this.lines.push(line);
    await line.open();
    const near = server === 'redis' ? redis : new URL(this.database);
    near.host = `127.0.0.1:${line.port}`;
    this.environment[name] = String(near);
    return line;
  }

  /** What a script says, and how it ended. */
  run(script, { args = [], environment = {} } = {}) {
    const env = { ...this.environment, ...environment };
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
      cwd: this.folder,
      env,
      encoding: 'utf8',
      timeout: 20000,
    });
    return { status, stdout, stderr };
  }

  spawn(environment = {}, script = 'dist/server.js') {
    const env = { ...this.environment, ...environment };
    const child = spawn(process.execPath, [script], { cwd: this.folder, env });
    child.said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        child.said += data;
      });
    this.children.push(child);
    return child;
  }

  /** The application, as soon as it answers. */
  async start(environment) {
    const child = this.spawn(environment);
    await until(() => child.exitCode !== null || child.said.includes('listens on'));
    if (child.exitCode !== null) throw new Error(child.said);
    return child;
  }

  /** The stand-in of Mailgun and OpenAI. */
  async vendor() {
    const child = this.spawn({ PORT: String(this.vendorPort) }, path.join(EXAMPLE, 'vendor', 'server.js'));
    await until(() => child.said.includes('listens on'));
    return child;
  }

  async stop(child, signal = 'SIGTERM') {
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  /** The answer to a request with the key, or with another or none, with its JSON if it is that. */
  async ask(address, { key = KEY, body, method, headers = {}, port = this.port } = {}) {
    const response = await fetch(`http://127.0.0.1:${port}${address}`, {
      method: method ?? (body ? 'POST' : 'GET'),
      body: body?.constructor === Object ? JSON.stringify(body) : body,
      headers: {
        ...(body && { 'Content-Type': 'application/json' }),
        ...(key && { 'X-API-Key': key }),
        ...headers,
      },
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
  }

  /** A lead that was not there before. */
  async lead(email = 'grace@example.com') {
    return (await this.ask('/api/leads', { body: { name: 'Grace', email, phone: '555' } })).json;
  }

  log(name = 'app.log') {
    return fs.readFileSync(path.join(this.folder, 'logs', name), 'utf8');
  }

  async metrics() {
    const { text } = await this.ask('/api/monitoring/metrics/prometheus');
    const lines = text.split('\n').filter((line) => line && line[0] !== '#');
    return Object.fromEntries(lines.map((line) => line.split(' ')));
  }

  async remove() {
    await Promise.all(this.children.map((child) => this.stop(child, 'SIGKILL')));
    for (const line of this.lines) line.cut();
    const names = (await this.redis?.keys(`${this.name}:*`)) ?? [];
    if (names.length) await this.redis.del(names);
    this.redis?.disconnect();
    await sql(DATABASE_URL, `DROP DATABASE IF EXISTS ${this.name}`);
    fs.rmSync(this.root, { recursive: true });
  }
}

module.exports = { Application, until, freePort, KEY };
