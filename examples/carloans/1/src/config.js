// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The configuration, which comes from the environment alone. All that is wrong with it is told at once, without values.

import path from 'node:path';

const ROOT = path.join(__dirname, '..');
const isUrl = (value) => /^https?:\/\//.test(value) && URL.canParse(value);
const isNumber = (least, most) => (value) => /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most;
const oneOf = (...words) => (value) => words.includes(value);
const isKey = (value) => value.length >= 16;

/** 32 bytes, once decoded: hexadecimal has 64 characters for them, base64 has 43. */
const is256Bit = (value) => Buffer.from(value, /^[0-9a-f]+$/i.test(value) ? 'hex' : 'base64').length >= 32;

export const DEFAULT_KEY = 'ccl-internal-2025';

// Name: what it has to be, the test for that, and the default if there is one.
const VARIABLES = {
  NODE_ENV: ['production, development or test', oneOf('production', 'development', 'test'), 'development'],
  HOST: ['an address to listen at', Boolean, '127.0.0.1'],
  PORT: ['a port', isNumber(1, 65535), '5000'],
  DATABASE_URL: ['a PostgreSQL URL', (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value)],
  DB_POOL_SIZE: ['a number from 1', isNumber(1, 1000), '20'],
  DB_POOLS: ['a number from 1', isNumber(1, 1000), '1'],
  REDIS_URL: ['a URL that begins with redis:', (value) => /^rediss?:\/\//.test(value) && URL.canParse(value)],
  REDIS_PREFIX: ['set', Boolean, 'ccl:'],
  INTERNAL_API_KEY: ['another than the published one, of at least 16 characters', (v) => v !== DEFAULT_KEY && isKey(v)],
  JWT_SECRET: ['at least 256 bits, in hexadecimal or base64', is256Bit],
  SESSION_SECRET: ['at least 256 bits, in hexadecimal or base64', is256Bit],
  MAILGUN_API_KEY: ['set', Boolean],
  MAILGUN_DOMAIN: ['set', Boolean],
  MAILGUN_BASE_URL: ['a URL', isUrl, 'https://api.mailgun.net'],
  OPENAI_API_KEY: ['set', Boolean],
  OPENAI_BASE_URL: ['a URL', isUrl, 'https://api.openai.com'],
  CORS_ORIGIN: ['a URL', isUrl],
  TRUST_PROXY: ['true or false', oneOf('true', 'false'), 'false'],
  RATE_LIMIT_WINDOW_MS: ['a number from 1000', isNumber(1000, 86400000), '60000'],
  RATE_LIMIT_MAX_REQUESTS: ['a number from 1', isNumber(1, 1000000), '100'],
  LOG_LEVEL: ['error, warn, info or debug', oneOf('error', 'warn', 'info', 'debug'), 'warn'],
  LOG_DIR: ['a path', Boolean, path.join(ROOT, 'logs')],
  METRICS_ENABLED: ['true or false', oneOf('true', 'false'), 'true'],
  METRICS_HISTORY_MS: ['a number from 100', isNumber(100, 86400000), '60000'],
};

export function readConfig(environment, names = Object.keys(VARIABLES)) {
  const config = {};
  const problems = [];
  for (const name of names) {
    const [meaning, isRight, byDefault] = VARIABLES[name];
    config[name] = environment[name] || byDefault;
    if (config[name] === undefined) problems.push(`${name} is missing`);
    else if (/(^|\/)your-|user:password@host/.test(config[name])) problems.push(`${name} is still a placeholder`);
    else if (!isRight(config[name])) problems.push(`${name} must be ${meaning}`);
  }
  if (problems.length) throw new Error(`${problems.join('; ')}.`);
  return config;
}
