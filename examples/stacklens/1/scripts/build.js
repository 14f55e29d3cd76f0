// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Makes dist/ of packages/: the server, the script that issues tokens, and the page of the administrators.

const fs = require('node:fs');
const path = require('node:path');
const esbuild = require('esbuild');
const faults = require('../faults');

const ROOT = path.join(__dirname, '..');
const at = (...parts) => path.join(ROOT, ...parts);

/** The migrations of faults come after all that there are, as drizzle-kit would have generated them. */
function addFaultyMigrations() {
  const file = at('drizzle', 'meta', '_journal.json');
  const journal = JSON.parse(fs.readFileSync(file, 'utf8'));
  for (const source of faults.migrations) {
    const { idx, when, ...last } = journal.entries.at(-1);
    const tag = `${String(idx + 1).padStart(4, '0')}_${path.basename(source, '.sql')}`;
    if (journal.entries.some((entry) => entry.tag.endsWith(path.basename(source, '.sql')))) continue;
    fs.copyFileSync(source, at('drizzle', `${tag}.sql`));
    journal.entries.push({ ...last, idx: idx + 1, when: when + 1, tag });
  }
  if (faults.migrations.length) fs.writeFileSync(file, `${JSON.stringify(journal, null, 2)}\n`);
}

fs.rmSync(at('dist'), { recursive: true, force: true });
addFaultyMigrations();
const common = { absWorkingDir: ROOT, bundle: true, logLevel: 'info' };
esbuild.buildSync({
  ...common,
  entryPoints: ['packages/server/src/index.ts', 'packages/server/src/issue-token.ts'],
  outdir: 'dist',
  platform: 'node',
  target: 'node20',
  // What pnpm installs stays there, and a fault is found beside the release and not in the bundle.
  external: ['express', 'drizzle-orm', '@libsql/client', './faults.js'],
});
esbuild.buildSync({
  ...common,
  entryPoints: ['packages/admin/src/main.ts', 'packages/admin/src/index.html'],
  outdir: 'dist/public',
  format: 'esm',
  target: 'es2022',
  loader: { '.html': 'copy' },
  entryNames: '[name]',
});
