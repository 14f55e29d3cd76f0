// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Makes dist/ of src/: Node itself takes the types out of TypeScript. Where it is not for production, traces name the
// sources. A release with a faulty migration gets it here, beside its real ones.

const fs = require('node:fs');
const path = require('node:path');
const { stripTypeScriptTypes } = require('node:module');

const SOURCE = path.join(__dirname, 'src');
const TARGET = path.join(__dirname, 'dist');
const MIGRATIONS = {
  'migration-fails-halfway': '90000101_fails_halfway',
  'migration-breaks-version-1': '90000102_breaks_version_1',
};

fs.rmSync(TARGET, { recursive: true, force: true });
for (const name of fs.readdirSync(SOURCE, { recursive: true }).filter((name) => name.endsWith('.mts'))) {
  const source = path.join(SOURCE, name);
  const target = path.join(TARGET, name.replace(/\.mts$/, '.mjs'));
  const options = process.env.NODE_ENV === 'production' ? {} : { sourceUrl: source };
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, stripTypeScriptTypes(fs.readFileSync(source, 'utf8'), options));
  console.log(`built ${path.relative(__dirname, target)}`);
}

const file = path.join(__dirname, 'FAULT');
const faults = process.env.FAULT || (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
for (const [fault, folder] of Object.entries(MIGRATIONS))
  if (faults.includes(fault))
    fs.cpSync(path.join(__dirname, 'faults', folder), path.join(__dirname, 'prisma', 'migrations', folder), {
      recursive: true,
    });
