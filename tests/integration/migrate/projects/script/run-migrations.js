// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// As applications without a tool do it: every file that its own table does not list.
"use strict";
const { readdirSync, readFileSync } = require("node:fs");
const Database = require("libsql");

const database = new Database(process.env.DATABASE_URL.replace(/^file:/, ""));
database.exec("CREATE TABLE IF NOT EXISTS done (name TEXT PRIMARY KEY)");
const done = new Set(database.prepare("SELECT name FROM done").all().map(({ name }) => name));
const names = readdirSync("migrations").sort();
const counts = { Applied: 0, Skipped: 0, Failed: 0, Total: names.length };
for (const name of names) {
  if (done.has(name)) {
    counts.Skipped += 1;
    continue;
  }
  try {
    database.exec(readFileSync(`migrations/${name}`, "utf8"));
    database.prepare("INSERT INTO done VALUES (?)").run(name);
    counts.Applied += 1;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    counts.Failed += 1;
  }
}
console.log("=== Migration Summary ===");
for (const [word, number] of Object.entries(counts)) console.log(`${word}: ${number}`);
