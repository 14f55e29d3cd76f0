// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Makes frontend/dist of frontend/src: Node itself takes the types out of TypeScript.

const fs = require('node:fs');
const path = require('node:path');
const { stripTypeScriptTypes } = require('node:module');

const SOURCE = path.join(__dirname, 'src');
const TARGET = path.join(__dirname, 'dist');

fs.rmSync(TARGET, { recursive: true, force: true });
for (const name of fs.readdirSync(SOURCE, { recursive: true }).filter((name) => /\.(ts|html)$/.test(name))) {
  const text = fs.readFileSync(path.join(SOURCE, name), 'utf8');
  const target = path.join(TARGET, name.replace(/\.ts$/, '.js'));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, name.endsWith('.ts') ? stripTypeScriptTypes(text) : text);
  console.log(`built ${path.relative(__dirname, target)}`);
}
