// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const mysql = require('mysql2/promise');
const { COLUMNS } = require('./schema');

const settings = ({ DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME }) => ({
  host: DB_HOST,
  port: Number(DB_PORT),
  user: DB_USER,
  password: DB_PASSWORD,
  database: DB_NAME,
  connectTimeout: 10000,
});

const createPool = (config) => mysql.createPool({ ...settings(config), connectionLimit: 10 });

/** Do it with a connection, which is closed afterwards. */
async function withConnection(config, work) {
  const connection = await mysql.createConnection(settings(config));
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/** Fail if the database is not one that this version can work with. */
async function assertSchema(db) {
  for (const [table, columns] of Object.entries(COLUMNS)) await db.query(`SELECT ${columns} FROM ${table} LIMIT 0`);
}

module.exports = { createPool, withConnection, assertSchema };
