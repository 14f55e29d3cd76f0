// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The configuration, which comes from the environment alone. All that is wrong with it is told at once, without values.

const path = require('node:path');

const isUrl = (value) => /^https?:\/\//.test(value) && URL.canParse(value);
const isEmails = (value) => value.split(',').every((email) => /^[^@\s]+@[^@\s]+$/.test(email.trim()));
const between = (least, most) => (value) => value !== '' && Number(value) >= least && Number(value) <= most;

// Name: what it has to be, the test for that, and the default if there is one.
const VARIABLES = {
  NODE_ENV: ['production, development or test', (v) => /^(production|development|test)$/.test(v), 'development'],
  PORT: ['a port', (v) => /^\d+$/.test(v) && between(1, 65535)(v), '3000'],
  DB_PATH: ['a path', Boolean, 'production.db'],
  SESSION_SECRET: ['at least 32 characters', (v) => v.length >= 32],
  LOG_LEVEL: ['error, warn, info or debug', (v) => /^(error|warn|info|debug)$/.test(v), 'info'],
  FRONTEND_URL: ['a URL', isUrl],
  A2E_API_KEY: ['set', Boolean],
  A2E_BASE_URL: ['a URL', isUrl],
  CLOUDINARY_CLOUD_NAME: ['set', Boolean],
  CLOUDINARY_API_KEY: ['set', Boolean],
  CLOUDINARY_API_SECRET: ['set', Boolean],
  STRIPE_SECRET_KEY: ['set', Boolean],
  STRIPE_WEBHOOK_SECRET: ['set', Boolean],
  ADMIN_EMAILS: ['addresses with commas between them', isEmails],
  COST_PER_CREDIT: ['a positive number', between(Number.MIN_VALUE, Infinity), '0.0111'],
  MIN_MARGIN: ['a number from 0 to 0.99', between(0, 0.99), '0.40'],
  LOG_DIR: ['a path', Boolean, path.join(__dirname, 'logs')],
  UPLOAD_DIR: ['a path', Boolean, path.join(__dirname, 'uploads')],
};

function readConfig(environment, names = Object.keys(VARIABLES)) {
  const config = {};
  const problems = [];
  for (const name of names) {
    const [meaning, isRight, byDefault] = VARIABLES[name];
    config[name] = environment[name] || byDefault;
    if (config[name] === undefined) problems.push(`${name} is missing`);
    else if (/^<.*>$/.test(config[name])) problems.push(`${name} is still the placeholder of the guide`);
    else if (!isRight(config[name])) problems.push(`${name} must be ${meaning}`);
  }
  if (problems.length) throw new Error(`${problems.join('; ')}.`);
  return config;
}

module.exports = { readConfig };
