// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// What this release is to do wrong, for those who test deployments: the variable FAULT, or the file FAULT beside this
// one.

const fs = require('node:fs');
const path = require('node:path');

// The number behind a name, as in errors-after:30, if none is given.
const KNOWN = {
  'crash-at-start': 0,
  'syntax-error': 0,
  'never-listens': 0,
  'wrong-port': 0,
  'slow-start': 20,
  unhealthy: 0,
  'errors-after': 10,
  'crashes-after': 10,
  'leaks-memory': 20,
  'hangs-on-sigterm': 0,
  'migration-fails-halfway': 0,
  'migration-breaks-version-1': 0,
  'memory-sessions': 0,
  'no-limiter': 0,
  'trusting-headers': 0,
  'open-cors': 0,
  'listens-everywhere': 0,
  'cleanup-fails': 0,
  'page-without-widget': 0,
};

const file = path.join(__dirname, 'FAULT');
const text = process.env.FAULT || (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
const active = new Map();
for (const word of text.split(/[\s,]+/).filter(Boolean)) {
  const [name, amount] = word.split(':');
  if (!(name in KNOWN)) {
    console.error(`FAULT: there is no ${name}, but ${Object.keys(KNOWN).join(', ')}.`);
    process.exit(1);
  }
  active.set(name, Number(amount ?? KNOWN[name]));
}

let began;

function atStart(logger) {
  began = Date.now();
  if (active.has('crash-at-start')) throw new Error('cannot read the points of interest');
  if (active.has('syntax-error')) new (require('node:vm').Script)('const release = ;', { filename: 'release.js' });
  if (active.has('crashes-after'))
    setTimeout(() => {
      throw new Error('the guide of the town is gone');
    }, active.get('crashes-after') * 1000);
  if (active.has('leaks-memory')) {
    const leaked = [];
    setInterval(() => leaked.push(Buffer.alloc(active.get('leaks-memory') * 1024 * 1024, 1)), 1000).unref();
  }
  for (const [name, amount] of active) logger.info(`A fault is switched on: ${name}:${amount}`);
}

const errorsNow = () => active.has('errors-after') && Date.now() - began > active.get('errors-after') * 1000;
const has = (name) => active.has(name);
const amount = (name) => active.get(name);

module.exports = { has, amount, atStart, errorsNow };
