// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// node dist/issue-token.js EMAIL [DAYS]: prints a token for the user, with which the API lets them in.

import { issueToken } from './auth.ts';
import { readConfig } from './config.ts';

const [email, days = '30'] = process.argv.slice(2);
try {
  if (!email) throw new Error('Whose token? node dist/issue-token.js EMAIL [DAYS]');
  console.log(issueToken(email, readConfig(process.env, ['JWT_SECRET']).JWT_SECRET, Number(days)));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
