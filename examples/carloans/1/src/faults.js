// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What this release is to do wrong, for those who test deployments: the variable FAULT, or the file FAULT beside dist.

import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

// The number behind a name, as in errors-after:30, if none is given.
const KNOWN = {
  'crash-at-start': 0,
  'syntax-error': 0,
  'never-listens': 0,
  'wrong-port': 0,
  'slow-start': 20,
  unhealthy: 0,
  'not-ready': 0,
  'errors-after': 10,
  'crashes-after': 10,
  'leaks-memory': 20,
  'leaks-connections': 30,
  'hangs-on-sigterm': 0,
  slow: 3000,
  'migration-fails-halfway': 0,
  'migration-breaks-version-1': 0,
  'default-key': 0,
  'shows-stacks': 0,
  'no-headers': 0,
  'reflects-input': 0,
  'any-origin': 0,
  'no-limit': 0,
  'trusts-headers': 0,
  'own-limits': 0,
  'own-sessions': 0,
  'dumps-requests': 0,
};

const file = path.join(__dirname, '..', 'FAULT');
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

export const has = (name) => active.has(name);
export const amount = (name) => active.get(name);

let began = Infinity;
/** Whether it has listened for as many seconds as the fault says. */
export const isTime = (name) => has(name) && Date.now() - began > amount(name) * 1000;

export function atStart(logger) {
  for (const [fault, number] of active) logger.warn('A fault is switched on', { fault, amount: number });
  if (has('crash-at-start')) throw new Error('cannot read the rates of the lenders');
  if (has('syntax-error')) new vm.Script('const release = ;', { filename: 'release.js' });
}

/** What happens by itself, as soon as the application listens. */
export function whenListening(connect) {
  began = Date.now();
  if (has('crashes-after'))
    setTimeout(() => {
      throw new Error('the rates of the lenders are gone');
    }, amount('crashes-after') * 1000);
  if (has('leaks-memory')) {
    const leaked = [];
    setInterval(() => leaked.push(Buffer.alloc(amount('leaks-memory') * 1024 * 1024, 1)), 1000).unref();
  }
  if (has('leaks-connections')) for (let opened = 0; opened < amount('leaks-connections'); opened += 1) connect();
}
