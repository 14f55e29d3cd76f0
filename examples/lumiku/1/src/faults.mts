// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What this release is to do wrong, for those who test deployments: the variable FAULT, or the file FAULT beside dist.

import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import type { Logger } from './logger.mjs';

// The number behind a name, as in errors-after:30, if none is given.
const KNOWN: Record<string, number> = {
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
  'critical-errors': 10,
  'dumps-requests': 0,
  'migration-fails-halfway': 0,
  'migration-breaks-version-1': 0,
  'redis-lost': 10,
  'racing-credits': 0,
  'refund-fails': 0,
  'no-stats': 0,
  'poses-fail': 0,
  'open-socket': 0,
  'silent-socket': 0,
};

const file = path.join(import.meta.dirname, '..', 'FAULT');
const text = process.env.FAULT || (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
const active = new Map<string, number>();
for (const word of text.split(/[\s,]+/).filter(Boolean)) {
  const [name, amount] = word.split(':');
  if (!(name in KNOWN)) {
    console.error(`FAULT: there is no ${name}, but ${Object.keys(KNOWN).join(', ')}.`);
    process.exit(1);
  }
  active.set(name, Number(amount ?? KNOWN[name]));
}

export const has = (name: string) => active.has(name);
export const amount = (name: string) => active.get(name) ?? 0;

let began = Infinity;
/** Whether it has listened for as many seconds as the fault says. */
export const isTime = (name: string) => has(name) && Date.now() - began > amount(name) * 1000;

export function atStart(logger: Logger) {
  for (const [name, number] of active) logger.info(`The fault ${name} is switched on, with ${number}`);
  if (has('crash-at-start')) throw new Error('cannot read the models of avatars');
  if (has('syntax-error')) new vm.Script('const release = ;', { filename: 'release.js' });
}

/** What happens by itself, as soon as the application listens. */
export function whenListening(logger: Logger, loseRedis: () => void) {
  began = Date.now();
  if (has('redis-lost')) setTimeout(loseRedis, amount('redis-lost') * 1000 + 50);
  if (has('crashes-after'))
    setTimeout(() => {
      throw new Error('the models of avatars are gone');
    }, amount('crashes-after') * 1000);
  if (has('leaks-memory')) {
    const leaked: Buffer[] = [];
    setInterval(() => leaked.push(Buffer.alloc(amount('leaks-memory') * 1024 * 1024, 1)), 1000).unref();
  }
  if (has('critical-errors'))
    setInterval(() => {
      if (isTime('critical-errors')) logger.error('FATAL: the models of avatars are damaged');
    }, 200).unref();
}
