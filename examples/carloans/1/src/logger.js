// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Lines of JSON: app.log for what happens, also on standard output, and audit.log for every request. The files are
// opened anew for each line, so that they can be rotated by renaming. Of a request nothing is written but its method,
// path, address, and how it ended.

import fs from 'node:fs';
import path from 'node:path';

const LEVELS = ['error', 'warn', 'info', 'debug'];

export function createLogger(folder, threshold, version) {
  fs.mkdirSync(folder, { recursive: true });
  const append = (name, line) => {
    try {
      fs.appendFileSync(path.join(folder, name), line);
    } catch (error) {
      // A full disk is no reason to stop serving.
      process.stderr.write(`${name}: ${error.code}\n`);
    }
  };
  const write = (level) => (message, details = {}) => {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(threshold)) return;
    const line = `${JSON.stringify({ level, time: new Date().toISOString(), version, message, ...details })}\n`;
    process.stdout.write(line);
    append('app.log', line);
  };
  const audit = (details) => append('audit.log', `${JSON.stringify({ time: new Date().toISOString(), ...details })}\n`);
  return { ...Object.fromEntries(LEVELS.map((level) => [level, write(level)])), audit };
}
