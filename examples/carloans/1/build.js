// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Makes dist/ of src/ with esbuild, which is there for development only: npm ci, npm run build, and only then
// npm prune --omit=dev. A release with a faulty migration gets it here, at the end of Drizzle's journal.

const fs = require('node:fs');
const path = require('node:path');
const { buildSync } = require('esbuild');

const here = (...names) => path.join(__dirname, ...names);
fs.rmSync(here('dist'), { recursive: true, force: true });
buildSync({
  entryPoints: ['server', 'migrate'].map((name) => here('src', `${name}.js`)),
  outdir: here('dist'),
  bundle: true,
  platform: 'node',
  packages: 'external',
  logLevel: 'info',
});

const file = here('FAULT');
const faults = process.env.FAULT || (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
const journal = here('drizzle', 'meta', '_journal.json');
for (const fault of ['migration-fails-halfway', 'migration-breaks-version-1']) {
  const tag = `9000_${fault.replaceAll('-', '_')}`;
  const { entries, ...rest } = JSON.parse(fs.readFileSync(journal, 'utf8'));
  if (!faults.includes(fault) || entries.some((entry) => entry.tag === tag)) continue;
  fs.copyFileSync(here('faults', `${tag}.sql`), here('drizzle', `${tag}.sql`));
  entries.push({ idx: entries.length, version: '7', when: entries.at(-1).when + 1, tag, breakpoints: true });
  fs.writeFileSync(journal, `${JSON.stringify({ ...rest, entries }, null, 2)}\n`);
}
