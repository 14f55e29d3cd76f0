// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// node scripts/issue-token.js EMAIL [DAYS]: prints a token for the user, with which the API lets them in.

const { readConfig } = require('../config');
const { issueToken } = require('../lib/auth');

const [email, days = '30'] = process.argv.slice(2);
try {
  if (!email) throw new Error('Whose token? node scripts/issue-token.js EMAIL [DAYS]');
  console.log(issueToken(email, readConfig(process.env, ['SESSION_SECRET']).SESSION_SECRET, Number(days)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
