# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a process of Node reads its environment file by itself. This module is private to the collection.

What PM2 is told it keeps, shows to whoever asks, and writes into its dump. And what a process is started with, the
kernel shows to its user. Neither holds for what the process reads.
"""

from __future__ import annotations

FILE_VARIABLE = "SHIPSHAPE_ENVIRONMENT_FILE"
LOADER_NAME = "load-environment.cjs"

# For `node --require`. It reads as npm's dotenv does, which applications would use otherwise.
LOADER = r"""// Written by the Ansible collection shipshape.webapp: reads the file that SHIPSHAPE_ENVIRONMENT_FILE
// names into the environment, before the application begins. What is set already stays.
"use strict";
const { appendFileSync, readFileSync } = require("fs");

// PM2 hands a worker of a cluster its variables and the path of its log as one text, which it unpacks only later.
const record = JSON.parse(process.env.pm2_env || "{}");
const path = record.SHIPSHAPE_ENVIRONMENT_FILE || process.env.SHIPSHAPE_ENVIRONMENT_FILE;

const LINE =
  /^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*(["'`])(?:\\\3|(?!\3)[^])*\3|[^#\n]+)?\s*(?:#.*)?$/gm;

function read(text) {
  const found = new Map();
  for (const [, name, written = ""] of text.replace(/\r\n?/g, "\n").matchAll(LINE)) {
    const value = written.trim();
    const bare = value.replace(/^(["'`])([^]*)\1$/, "$2");
    found.set(name, value[0] === '"' ? bare.replace(/\\n/g, "\n").replace(/\\r/g, "\r") : bare);
  }
  return found;
}

let text = "";
try {
  text = path ? readFileSync(path, "utf8") : "";
} catch (error) {
  // Where the log of a worker is, nobody has opened yet.
  appendFileSync(record.pm_err_log_path || 2, `The environment file cannot be read: ${error.message}.\n`);
  process.exit(1);
}
for (const [name, value] of read(text)) if (!(name in process.env)) process.env[name] = value;
"""
