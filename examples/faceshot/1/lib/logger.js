// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// A line of JSON per event, in logs/application.log and on standard output. The file is opened anew for each line, so
// that it can be rotated by renaming. Nothing of a request but its method, path and address is ever written.

const fs = require('node:fs');
const path = require('node:path');

const LEVELS = ['error', 'warn', 'info', 'debug'];

function createLogger(folder, threshold) {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'application.log');
  const write = (level) => (message, details = {}) => {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(threshold)) return;
    const line = JSON.stringify({ level, time: new Date().toISOString(), message, ...details });
    process.stdout.write(`${line}\n`);
    try {
      fs.appendFileSync(file, `${line}\n`);
    } catch (error) {
      // A full disk is no reason to stop serving.
      process.stderr.write(`${file}: ${error.code}\n`);
    }
  };
  return Object.fromEntries(LEVELS.map((level) => [level, write(level)]));
}

module.exports = { createLogger };
