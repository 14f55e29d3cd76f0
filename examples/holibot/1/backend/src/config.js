// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The configuration, which comes from the environment and from .env beside package.json. All that is wrong with it is
// told at once, without values.

const path = require('node:path');
const dotenv = require('dotenv');

const isSet = (value) => value !== '';
const isCount = (value) => /^[1-9]\d*$/.test(value);
const isPort = (value) => isCount(value) && Number(value) <= 65535;
const isUrl = (value) => /^https?:\/\//.test(value) && URL.canParse(value);
const isOrigin = (value) => isUrl(value) && new URL(value).origin === value;

// Name: what it has to be, the test for that, and the default if there is one.
const VARIABLES = {
  NODE_ENV: ['production, development or test', (v) => /^(production|development|test)$/.test(v), 'development'],
  HOST: ['an address', isSet, '127.0.0.1'],
  PORT: ['a port', isPort, '3002'],
  DB_HOST: ['a host', isSet],
  DB_PORT: ['a port', isPort, '3306'],
  DB_USER: ['set', isSet],
  DB_PASSWORD: ['set', isSet],
  DB_NAME: ['set', isSet],
  MISTRAL_API_KEY: ['set', isSet],
  MISTRAL_MODEL: ['a model', isSet, 'mistral-small-latest'],
  MISTRAL_BASE_URL: ['a URL', isUrl, 'https://api.mistral.ai'],
  CORS_ORIGIN: ['origins with commas between them', (v) => v.split(',').every((origin) => isOrigin(origin.trim()))],
  RATE_LIMIT_WINDOW_MS: ['a positive whole number', isCount, '60000'],
  RATE_LIMIT_MAX_REQUESTS: ['a positive whole number', isCount, '30'],
  SESSION_EXPIRY_HOURS: ['a positive whole number', isCount, '24'],
  SESSION_CLEANUP_ENABLED: ['true or false', (v) => /^(true|false)$/.test(v), 'true'],
};
const OF_DATABASE = ['DB_HOST', 'DB_PORT', 'DB_USER', 'DB_PASSWORD', 'DB_NAME'];

function readConfig(names = Object.keys(VARIABLES)) {
  // What is in the environment counts more.
  dotenv.config({ path: path.join(__dirname, '..', '.env'), quiet: true });
  const config = {};
  const problems = [];
  for (const name of names) {
    const [meaning, isRight, byDefault] = VARIABLES[name];
    config[name] = process.env[name] || byDefault;
    if (config[name] === undefined) problems.push(`${name} is missing`);
    else if (/^\[.*\]$|^<.*>$/.test(config[name])) problems.push(`${name} is still the placeholder of the guide`);
    else if (!isRight(config[name])) problems.push(`${name} must be ${meaning}`);
  }
  if (problems.length) throw new Error(`${problems.join('; ')}.`);
  return config;
}

module.exports = { readConfig, OF_DATABASE };
