// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The application in a folder of its own, as a deployment would lay it out, with a database of its own and the stand-in
// of Mistral AI beside it. The server of the database is the one that DB_HOST, DB_PORT, DB_USER and DB_PASSWORD name;
// the user has to be allowed to make databases whose names begin with DB_NAME. Packages are those of ../1/backend,
// ../1/frontend and this folder, or of the folders that BACKEND_MODULES, FRONTEND_MODULES and TEST_MODULES name.

const { once } = require('node:events');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const EXAMPLE = path.join(__dirname, '..');
const MODULES = {
  backend: process.env.BACKEND_MODULES || path.join(EXAMPLE, '1', 'backend', 'node_modules'),
  frontend: process.env.FRONTEND_MODULES || path.join(EXAMPLE, '1', 'frontend', 'node_modules'),
  test: process.env.TEST_MODULES || path.join(__dirname, 'node_modules'),
};
const mysql = require(path.join(MODULES.backend, 'mysql2', 'promise'));
const { DB_HOST = '127.0.0.1', DB_PORT = '3306', DB_USER = 'holibot', DB_PASSWORD } = process.env;
const { DB_NAME = 'holibot_test' } = process.env;

let made = 0;
// The statements that make the tables of a version, so that they need not be found out for each test.
const tables = new Map();

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

/** Everything that a test starts and makes; it is gone after the test. */
class Application {
  constructor(test) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'holibot-'));
    this.children = [];
    test.after(() => this.remove());
  }

  async prepare({ version = '1', isMigrated = true } = {}) {
    made += 1;
    this.database = `${DB_NAME}_${process.pid}_${made}`;
    this.server = await mysql.createConnection({
      host: DB_HOST,
      port: Number(DB_PORT),
      user: DB_USER,
      password: DB_PASSWORD,
    });
    await this.server.query(`CREATE DATABASE ${this.database}`);
    await this.server.query(`USE ${this.database}`);
    this.port = await freePort();
    const vendorPort = await freePort();
    this.environment = {
      PATH: process.env.PATH,
      PORT: String(this.port),
      ...{ DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME: this.database },
      MISTRAL_API_KEY: 'canary-mistral',
      MISTRAL_BASE_URL: `http://127.0.0.1:${vendorPort}`,
      CORS_ORIGIN: 'https://holibot.example',
    };
    this.release(version);
    if (isMigrated) await this.makeTables(version);
    const options = { environment: { PORT: String(vendorPort) } };
    this.vendor = this.spawn(path.join(EXAMPLE, 'vendor', 'server.js'), options);
    await until(() => this.vendor.said.includes('listens'));
    return this;
  }

  /** The release of a version: that is version 1, and what later ones change laid over it. */
  release(version, fault = '') {
    this.folder = path.join(this.root, `release-${version}${fault && '-'}${fault.replace(':', '-')}`);
    if (fs.existsSync(this.folder)) return;
    for (let layer = 1; layer <= Number(version); layer += 1)
      fs.cpSync(path.join(EXAMPLE, String(layer)), this.folder, {
        recursive: true,
        filter: (name) => !['node_modules', 'dist', 'logs', '.env'].includes(path.basename(name)),
      });
    for (const part of ['backend', 'frontend'])
      fs.symlinkSync(MODULES[part], path.join(this.folder, part, 'node_modules'));
    if (fault) fs.writeFileSync(path.join(this.folder, 'FAULT'), `${fault}\n`);
  }

  async makeTables(version) {
    if (!tables.has(version)) {
      this.migrate();
      const names = (await this.sql('SHOW TABLES')).flatMap(Object.values);
      const found = await Promise.all(names.map((name) => this.sql(`SHOW CREATE TABLE ${name}`)));
      tables.set(version, found.map(([row]) => row['Create Table']));
    } else for (const statement of tables.get(version)) await this.sql(statement);
  }

  /** As npm run migrate does it. */
  migrate() {
    const { scripts } = JSON.parse(fs.readFileSync(path.join(this.folder, 'backend', 'package.json')));
    return this.run('sh', ['-c', scripts.migrate]);
  }

  /** What a program says in a folder of the release, and how it ended. */
  run(program, args, { environment = {}, part = 'backend' } = {}) {
    const env = { ...this.environment, ...environment };
    const options = { cwd: path.join(this.folder, part), env, encoding: 'utf8', timeout: 30000 };
    const { status, stdout, stderr } = spawnSync(program, args, options);
    return { status, stdout, stderr };
  }

  spawn(script, { args = [], environment = {}, part = 'backend' } = {}) {
    const env = { ...this.environment, ...environment };
    const child = spawn(process.execPath, [script, ...args], { cwd: path.join(this.folder, part), env });
    child.said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        child.said += data;
      });
    this.children.push(child);
    return child;
  }

  /** The backend, as soon as it answers. */
  async start(environment) {
    const child = this.spawn('src/server.js', { environment });
    await until(() => child.exitCode !== null || child.said.includes('Server started'));
    if (child.exitCode !== null) throw new Error(child.said);
    return child;
  }

  async stop(child, signal = 'SIGTERM') {
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  /** The answer to a request, with its JSON if it is that. */
  async ask(address, { body, method = body ? 'POST' : 'GET', headers = {} } = {}) {
    const response = await fetch(new URL(address, `http://127.0.0.1:${this.port}`), {
      method,
      body: body?.constructor === Object ? JSON.stringify(body) : body,
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
  }

  message = (query, sessionId, headers) =>
    this.ask('/api/v1/chat/message', { body: { query, ...(sessionId && { sessionId }) }, headers });

  /** What the database answers. */
  sql = async (text) => (await this.server.query(text))[0];

  async remove() {
    await Promise.all(this.children.map((child) => this.stop(child, 'SIGKILL')));
    await this.server.query(`DROP DATABASE ${this.database}`);
    await this.server.end();
    fs.rmSync(this.root, { recursive: true });
  }
}

module.exports = { Application, MODULES, freePort, until };
