// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// For each text of a list: what the loader makes of it in an empty environment, and what npm's dotenv does.
"use strict";
const { mkdtempSync, readFileSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

const [loader, ...packages] = process.argv.slice(2);
const file = join(mkdtempSync(join(tmpdir(), "read-")), "test.env");
const path = require.resolve(loader);

function loaded(text) {
  writeFileSync(file, text);
  for (const name of Object.keys(process.env)) delete process.env[name];
  process.env.SHIPSHAPE_ENVIRONMENT_FILE = file;
  delete require.cache[path];
  require(path);
  delete process.env.SHIPSHAPE_ENVIRONMENT_FILE;
  return { ...process.env };
}

const texts = JSON.parse(readFileSync(0, "utf8"));
const answers = texts.map((text) => [loaded(text), ...packages.map((name) => require(name).parse(text))]);
process.stdout.write(JSON.stringify(answers));
