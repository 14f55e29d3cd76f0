// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Started with --env-file=FILE: prints what Node itself and npm's dotenv, old and new, read from that file.
"use strict";
const { readFileSync } = require("node:fs");
const text = readFileSync(process.argv[2], "utf8");
const dotenv = require("dotenv");
process.stdout.write(
  JSON.stringify({
    node: process.env,
    dotenv18: dotenv.parse(text),
    dotenv18fast: dotenv.parse(text, { fast: true }),
    dotenv16: require("dotenv16").parse(text),
  }),
);
