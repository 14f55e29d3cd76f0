// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The application in a folder of its own, as a deployment would lay it out, and the stand-in of Jira beside it.
// Packages are those that pnpm has installed in ../1, or in the folder that INSTALLED names.

const { once } = require('node:events');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const EXAMPLE = path.join(__dirname, '..');
const INSTALLED = process.env.INSTALLED || path.join(EXAMPLE, '1');
const { createClient } = require(path.join(INSTALLED, 'node_modules', '@libsql/client'));
const MIGRATE = path.join('node_modules', 'drizzle-kit', 'bin.cjs');
const ADMIN = 'ada@example.com';
const JIRA_TOKEN = 'canary-jira';

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

// What takes its time is done once, and copied for each test.
const kept = fs.mkdtempSync(path.join(os.tmpdir(), 'stacklens-kept-'));
process.on('exit', () => fs.rmSync(kept, { recursive: true }));

function must(folder, ...argv) {
  const env = { ...process.env, DATABASE_URL: 'file:stacklens.db', FAULT: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: folder, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout + stderr);
}

/** The folder with a version as a deployment lays it out and builds it. */
function built(version) {
  const folder = path.join(kept, version);
  if (fs.existsSync(folder)) return folder;
  for (let layer = 1; layer <= Number(version); layer += 1)
    fs.cpSync(path.join(EXAMPLE, String(layer)), folder, {
      recursive: true,
      filter: (name) => !['node_modules', 'dist', 'logs'].includes(path.basename(name)),
    });
  fs.symlinkSync(path.join(INSTALLED, 'node_modules'), path.join(folder, 'node_modules'));
  for (const name of ['admin', 'server']) {
    const place = path.join('packages', name, 'node_modules');
    fs.cpSync(path.join(INSTALLED, place), path.join(folder, place), { recursive: true, verbatimSymlinks: true });
  }
  must(folder, 'scripts/build.js');
  return folder;
}

/** An empty database of a version. */
function migrated(version) {
  const file = path.join(kept, `${version}.db`);
  if (fs.existsSync(file)) return file;
  const made = path.join(built(version), 'stacklens.db');
  must(built(version), MIGRATE, 'migrate');
  fs.renameSync(made, file);
  return file;
}

/** Everything that a test starts and makes; it is gone after the test. */
class Application {
  constructor(test) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'stacklens-'));
    this.children = [];
    test.after(() => this.remove());
  }

  async prepare({ version = '1' } = {}) {
    this.port = await freePort();
    const vendorPort = await freePort();
    this.vendorAddress = `http://127.0.0.1:${vendorPort}`;
    this.environment = {
      PATH: process.env.PATH,
      PORT: String(this.port),
      DATABASE_URL: `file:${path.join(this.root, 'stacklens.db')}`,
      ENCRYPTION_KEY: 'canary-encryption-key-of-more-than-32-characters',
      JWT_SECRET: 'canary-jwt-secret-of-more-than-32-characters',
      ADMIN_EMAILS: `${ADMIN}, grace@example.com`,
      JIRA_URL: this.vendorAddress,
      JIRA_PROJECT: 'OPS',
      JIRA_TOKEN,
      AI_BASE_URL: this.vendorAddress,
    };
    this.release(version);
    fs.copyFileSync(migrated(version), path.join(this.root, 'stacklens.db'));
    this.vendor = this.spawn(path.join(EXAMPLE, 'vendor', 'server.js'), { PORT: String(vendorPort) });
    await until(() => this.vendor.said.includes('listens'));
    return this;
  }

  /** The release of a version: that is version 1, and what later ones change laid over it. */
  release(version, fault = '') {
    this.folder = path.join(this.root, `release-${version}${fault && '-'}${fault.replace(':', '-')}`);
    if (fs.existsSync(this.folder)) return;
    fs.cpSync(built(version), this.folder, { recursive: true, verbatimSymlinks: true });
    if (!fault) return;
    fs.writeFileSync(path.join(this.folder, 'FAULT'), `${fault}\n`);
    if (fault.startsWith('migration-')) this.run('scripts/build.js');
  }

  /** As pnpm db:migrate does it. */
  migrate() {
    return this.run(MIGRATE, { args: ['migrate'] });
  }

  /** What a script says, and how it ended. */
  run(script, { args = [], environment = {} } = {}) {
    const env = { ...this.environment, ...environment };
    const [file, ...more] = script.endsWith('.sh') ? ['sh', script] : [process.execPath, script];
    const options = { cwd: this.folder, env, encoding: 'utf8', timeout: 20000 };
    const { status, stdout, stderr } = spawnSync(file, [...more, ...args], options);
    return { status, stdout, stderr };
  }

  spawn(script, environment = {}) {
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
    const child = this.spawn('dist/index.js', environment);
    await until(() => child.exitCode !== null || child.said.includes('Server started'));
    if (child.exitCode !== null) throw new Error(child.said);
    return child;
  }

  async stop(child, signal = 'SIGTERM') {
    child.kill(signal);
    if (child.exitCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  token(email = ADMIN, days = 30) {
    return this.run('dist/issue-token.js', { args: [email, String(days)] }).stdout.trim();
  }

  /** The answer to a request, with its JSON if it is that. */
  async ask(address, { token, body, method = body ? 'POST' : 'GET', headers = {} } = {}) {
    const response = await fetch(new URL(address, `http://127.0.0.1:${this.port}`), {
      method,
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

  /** How many tickets there are. */
  async tickets() {
    const address = `${this.vendorAddress}/rest/api/2/search?jql=project%3DOPS`;
    return (await this.ask(address, { token: JIRA_TOKEN })).json.total;
  }

  /** What the database answers. */
  async sql(text) {
    const client = createClient({ url: this.environment.DATABASE_URL });
    const { rows } = await client.execute(text);
    client.close();
    return rows;
  }

  log(name = 'stacklens.log') {
    return fs.readFileSync(path.join(this.folder, 'logs', name), 'utf8');
  }

  async remove() {
    await Promise.all(this.children.map((child) => this.stop(child, 'SIGKILL')));
    fs.rmSync(this.root, { recursive: true });
  }
}

module.exports = { Application, until, ADMIN };
