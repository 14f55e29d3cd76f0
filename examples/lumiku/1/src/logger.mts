// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// A line per event, in lumiku.log and on standard output. The file is opened anew for each line, so that it can be
// rotated by renaming. Nothing of a request but its method, path and address is ever written.

import fs from 'node:fs';
import path from 'node:path';

export type Logger = ReturnType<typeof createLogger>;

export function createLogger(folder: string) {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'lumiku.log');
  const write = (mark: string) => (message: string) => {
    const line = `${new Date().toISOString()} ${mark} ${message}\n`;
    process.stdout.write(line);
    try {
      fs.appendFileSync(file, line);
    } catch (error) {
      // A full disk is no reason to stop serving.
      process.stderr.write(`${file}: ${(error as NodeJS.ErrnoException).code}\n`);
    }
  };
  return {
    info: write('  '),
    good: write('✅'),
    warn: write('⚠️ '),
    error: write('❌'),
    critical: write('❌❌❌ CRITICAL:'),
  };
}
