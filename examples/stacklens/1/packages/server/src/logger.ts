// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// A line per event, in logs/stacklens.log and on standard output; errors are in logs/error.log as well. The files are
// opened anew for each line, so that they can be rotated by renaming.

import fs from 'node:fs';
import path from 'node:path';

export type Logger = Record<'error' | 'warn' | 'info', (message: string) => void>;

export function createLogger(folder: string): Logger {
  fs.mkdirSync(folder, { recursive: true });
  // Whoever watches it wants to know that there are none.
  fs.appendFileSync(path.join(folder, 'error.log'), '');
  const append = (name: string, line: string) => {
    try {
      fs.appendFileSync(path.join(folder, name), line);
    } catch (error) {
      // A full disk is no reason to stop serving.
      process.stderr.write(`${name}: ${(error as NodeJS.ErrnoException).code}\n`);
    }
  };
  const write = (level: string) => (message: string) => {
    const line = `${new Date().toISOString()} [${level}] ${message.replace(/\s+/g, ' ')}\n`;
    process.stdout.write(line);
    append('stacklens.log', line);
    if (level === 'error') append('error.log', line);
  };
  return { error: write('error'), warn: write('warn'), info: write('info') };
}
