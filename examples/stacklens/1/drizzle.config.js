// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

module.exports = {
  dialect: 'turso',
  schema: './packages/schema/src/index.ts',
  out: './drizzle',
  dbCredentials: { url: process.env.DATABASE_URL || 'file:stacklens.db' },
};
