// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const BetterSqlite3 = require("knex/lib/dialects/better-sqlite3");

// The same interface as that of better-sqlite3, which would have to be compiled first.
class Libsql extends BetterSqlite3 {
  _driver() {
    return require("libsql");
  }
}

const url = process.env.DATABASE_URL;
const clients = { mysql: "mysql2", postgresql: "pg" };
const client = clients[url.split(":", 1)[0]];
module.exports = client
  ? { client, connection: url }
  : { client: Libsql, connection: { filename: url }, useNullAsDefault: true };
