// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const url = process.env.DATABASE_URL;
const dialects = { file: "turso", mysql: "mysql", postgresql: "postgresql" };
module.exports = {
  dialect: dialects[url.split(":", 1)[0]],
  schema: "./schema.js",
  out: "./migrations",
  dbCredentials: { url },
};
