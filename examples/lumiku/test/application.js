// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The application in a folder of its own, as a deployment would lay it out, with a database of its own.
//
// DATABASE_URL names a PostgreSQL server and a user who may create databases there. REDIS_HOST, REDIS_PORT and
// REDIS_PASSWORD name a Redis, in which each test has names of its own. Packages are those of ../1/node_modules, or of
// the folder that NODE_MODULES names.

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
const { DATABASE_URL, REDIS_HOST = '127.0.0.1', REDIS_PORT = '6379', REDIS_PASSWORD } = process.env;
const SECRET = 'canary-jwt-secret-of-more-than-32-characters';
const USER = 'ada@example.com';
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

const builds = fs.mkdtempSync(path.join(os.tmpdir(), 'lumiku-built-'));
after(() => fs.rmSync(builds, { recursive: true }));

/** A version as it is built, once for all tests: version 1, and what later ones change laid over it. */
function built(version) {
  const folder = path.join(builds, version);
  if (fs.existsSync(folder)) return folder;
  const filter = (file) => !['node_modules', 'dist', 'logs', 'uploads', 'outputs'].includes(path.basename(file));
  for (let layer = 1; layer <= Number(version); layer += 1)
    fs.cpSync(path.join(EXAMPLE, String(layer)), folder, { recursive: true, filter });
  const { status, stderr } = spawnSync(process.execPath, ['build.js'], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return folder;
}

/** A database with version 1 and a user of 100 credits, of which each test gets a copy. */
const template = {
  async make(app) {
    this.name = app.name;
    await sql(DATABASE_URL, `CREATE DATABASE ${this.name}`);
    await app.migrate();
    this.user = app.testUser(USER, 100);
    this.migrated = app.migrated;
  },
};
after(() => template.name && sql(DATABASE_URL, `DROP DATABASE ${template.name}`));

/** Everything that a test starts and makes; it is gone after the test. */
class Application {
  constructor(test) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'lumiku-'));
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

  async prepare({ credits = 100, environment = {} } = {}) {
    this.redis = new Redis({ host: REDIS_HOST, port: REDIS_PORT, password: REDIS_PASSWORD });
    this.port = await freePort();
    this.environment = {
      PATH: process.env.PATH,
      NODE_NO_WARNINGS: '1',
      NODE_ENV: 'production',
      PORT: String(this.port),
      REDIS_HOST,
      REDIS_PORT,
      REDIS_PASSWORD,
      JWT_SECRET: SECRET,
      CORS_ORIGIN: 'https://lumiku.example',
      DUITKU_MERCHANT_CODE: 'D1234',
      DUITKU_API_KEY: 'canary-duitku',
      DUITKU_CALLBACK_URL: 'https://lumiku.example/api/payments/callback',
      DUITKU_RETURN_URL: 'https://lumiku.example/payment/success',
      ...environment,
    };
    this.release('1');
    if (!template.user) {
      this.call(`lumiku_${process.pid}`);
      await template.make(this);
    }
    this.call(`lumiku_${process.pid}_${(made += 1)}`);
    this.migrated = new Set(template.migrated);
    Object.assign(this, template.user);
    const copy = `CREATE DATABASE ${this.name} TEMPLATE ${template.name}`;
    await sql(DATABASE_URL, copy);
    if (credits !== 100) await this.sql(`UPDATE users SET credit_balance = ${credits}`);
    return this;
  }

  /** The release of a version, with a fault in its file. */
  release(version, fault = '') {
    this.folder = path.join(this.root, `release-${version}${fault && '-'}${fault.replace(':', '-')}`);
    if (fs.existsSync(this.folder)) return;
    fs.cpSync(built(version), this.folder, { recursive: true });
    fs.symlinkSync(PACKAGES, path.join(this.folder, 'node_modules'));
    if (!fault) return;
    fs.writeFileSync(path.join(this.folder, 'FAULT'), `${fault}\n`);
    // Of faults, only migrations are built.
    if (fault.startsWith('migration')) this.run('build.js');
  }

  /** Carry out the release's migrations that were not, one by one, without Prisma and its ledger. */
  async migrate() {
    this.migrated ??= new Set();
    const folder = path.join(this.folder, 'prisma', 'migrations');
    for (const name of fs.readdirSync(folder).filter((one) => /^\d/.test(one) && !this.migrated.has(one)).sort()) {
      await this.sql(fs.readFileSync(path.join(folder, name, 'migration.sql'), 'utf8'));
      this.migrated.add(name);
    }
  }

  sql(...statements) {
    return sql(this.database, ...statements);
  }

  /** Have the application reach Redis or PostgreSQL over a line of its own. */
  async line(server) {
    const url = new URL(DATABASE_URL);
    const line = new Line(...(server === 'redis' ? [REDIS_HOST, REDIS_PORT] : [url.hostname, url.port || 5432]));
    this.lines.push(line);
    await line.open();
    if (server === 'redis')
      Object.assign(this.environment, { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(line.port) });
    else {
      const near = new URL(this.database);
      near.host = `127.0.0.1:${line.port}`;
      this.environment.DATABASE_URL = String(near);
    }
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

  /** A user who can be tested with: a token, and a project. */
  testUser(email, credits) {
    const { stdout, stderr } = this.run('dist/scripts/test-user.mjs', { args: [email, String(credits)] });
    if (stderr) throw new Error(stderr);
    return JSON.parse(stdout);
  }

  spawn(environment = {}) {
    const env = { ...this.environment, ...environment };
    const child = spawn(process.execPath, ['dist/server.mjs'], { cwd: this.folder, env });
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
    await until(() => child.exitCode !== null || child.said.includes('Server started'));
    if (child.exitCode !== null) throw new Error(child.said);
    return child;
  }

  async stop(child, signal = 'SIGTERM') {
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  /** The answer to a request of a user, or without a token, with its JSON if it is that. */
  async ask(address, { token = this.token, body, method, headers = {}, port = this.port } = {}) {
    const response = await fetch(`http://127.0.0.1:${port}${address}`, {
      method: method ?? (body ? 'POST' : 'GET'),
      body: body?.constructor === Object ? JSON.stringify(body) : body,
      headers: {
        ...(body && !(body instanceof FormData) && { 'Content-Type': 'application/json' }),
        ...(token && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
  }

  async credits() {
    return (await this.ask('/api/credits')).json.creditBalance;
  }

  upload(type = 'image/png', name = 'image') {
    const body = new FormData();
    body.append(name, new Blob(['picture'], { type }), '../../x.png');
    return this.ask(`/api/apps/avatar-creator/projects/${this.project}/avatars/upload`, { body });
  }

  generate(prompt = 'test') {
    const body = { prompt, name: 'test' };
    return this.ask(`/api/apps/avatar-creator/projects/${this.project}/avatars/generate`, { body });
  }

  /** A generation of these poses that is on its way. */
  async pose(poses = [1, 2], prompt = '') {
    const { json } = await this.ask('/api/apps/pose-generator/projects', { body: { name: 'Poses' } });
    return this.ask(`/api/apps/pose-generator/projects/${json.id}/generate`, { body: { poses, prompt } });
  }

  /** The generation, once it has ended. */
  settled({ json: { generationId } }) {
    const ask = async () => (await this.ask(`/api/apps/pose-generator/generations/${generationId}`)).json;
    return until(async () => {
      const now = await ask();
      return ['completed', 'failed'].includes(now.status) && now;
    }, 20);
  }

  log() {
    return fs.readFileSync(path.join(this.folder, 'logs', 'lumiku.log'), 'utf8');
  }

  async metrics() {
    const { text } = await this.ask('/metrics', { token: '' });
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

module.exports = { Application, until, freePort, SECRET, USER };
