// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The application in a folder of its own, as a deployment would lay it out, and the stand-in of A2E beside it.
// Packages are those of ../1/node_modules, or of the folder that NODE_MODULES names.

const { once } = require('node:events');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const EXAMPLE = path.join(__dirname, '..');
const PACKAGES = process.env.NODE_MODULES || path.join(EXAMPLE, '1', 'node_modules');
const SECRET = 'canary-session-secret-of-more-than-32-characters';
const ADMIN = 'ada@example.com';

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
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'faceshot-'));
    this.children = [];
    test.after(() => this.remove());
  }

  async prepare({ versions = ['1'] } = {}) {
    this.port = await freePort();
    const vendorPort = await freePort();
    this.environment = {
      PATH: process.env.PATH,
      // Node 22 warns of node:sqlite.
      NODE_NO_WARNINGS: '1',
      PORT: String(this.port),
      DB_PATH: path.join(this.root, 'production.db'),
      SESSION_SECRET: SECRET,
      FRONTEND_URL: 'https://faceshot.example',
      A2E_API_KEY: 'canary-a2e',
      A2E_BASE_URL: `http://127.0.0.1:${vendorPort}`,
      CLOUDINARY_CLOUD_NAME: 'faceshot',
      CLOUDINARY_API_KEY: 'canary-cloudinary',
      CLOUDINARY_API_SECRET: 'canary-cloudinary',
      STRIPE_SECRET_KEY: 'canary-stripe',
      STRIPE_WEBHOOK_SECRET: 'canary-stripe',
      ADMIN_EMAILS: `${ADMIN}, grace@example.com`,
    };
    for (const version of versions) {
      this.release(version);
      this.run('scripts/run-migrations.js');
    }
    this.run('scripts/seed-sku-configs.js');
    this.vendor = this.spawn(path.join(EXAMPLE, 'vendor', 'server.js'), { PORT: String(vendorPort) });
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
        filter: (name) => path.basename(name) !== 'node_modules',
      });
    fs.symlinkSync(PACKAGES, path.join(this.folder, 'node_modules'));
    if (fault) fs.writeFileSync(path.join(this.folder, 'FAULT'), `${fault}\n`);
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
    const child = this.spawn('index.js', environment);
    await until(() => child.exitCode !== null || child.said.includes('Server started'));
    if (child.exitCode !== null) throw new Error(child.said);
    return child;
  }

  async stop(child, signal = 'SIGTERM') {
    child.kill(signal);
    if (child.exitCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  token(email = ADMIN) {
    return this.run('scripts/issue-token.js', { args: [email] }).stdout.trim();
  }

  /** The answer to a request, with its JSON if it is that. */
  async ask(address, { token, body, method = body ? 'POST' : 'GET', headers = {} } = {}) {
    const response = await fetch(`http://127.0.0.1:${this.port}${address}`, {
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

  log() {
    return fs.readFileSync(path.join(this.folder, 'logs', 'application.log'), 'utf8');
  }

  async remove() {
    await Promise.all(this.children.map((child) => this.stop(child, 'SIGKILL')));
    fs.rmSync(this.root, { recursive: true });
  }
}

module.exports = { Application, until, SECRET, ADMIN };
