// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The configuration, which comes from the environment alone. All that is wrong with it is told at once, without values.

import path from 'node:path';

export type Config = Record<string, string>;
type Rule = [meaning: string, isRight: (value: string) => boolean, byDefault?: string];

const ROOT = path.join(import.meta.dirname, '..');
const isSet = (value: string) => value !== '';
const isUrl = (value: string) => /^https?:\/\//.test(value) && URL.canParse(value);
const isNumber = (least: number, most: number) => (value: string) =>
  /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most;
const oneOf = (...words: string[]) => (value: string) => words.includes(value);

// Name: what it has to be, the test for that, and the default if there is one.
const VARIABLES: Record<string, Rule> = {
  NODE_ENV: ['production, development or test', oneOf('production', 'development', 'test'), 'development'],
  HOST: ['an address to listen at', isSet, '127.0.0.1'],
  PORT: ['a port', isNumber(1, 65535), '3000'],
  DATABASE_URL: ['a PostgreSQL URL', (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value)],
  DB_POOL_SIZE: ['a number from 1', isNumber(1, 1000), '10'],
  REDIS_ENABLED: ['true or false', oneOf('true', 'false'), 'true'],
  REDIS_HOST: ['a host', isSet],
  REDIS_PORT: ['a port', isNumber(1, 65535)],
  REDIS_PASSWORD: ['set', isSet],
  REDIS_PREFIX: ['set', isSet, 'lumiku:'],
  JWT_SECRET: ['at least 32 characters', (value) => value.length >= 32],
  CORS_ORIGIN: ['a URL', isUrl],
  DUITKU_MERCHANT_CODE: ['set', isSet],
  DUITKU_API_KEY: ['set', isSet],
  DUITKU_CALLBACK_URL: ['a URL', isUrl],
  DUITKU_RETURN_URL: ['a URL', isUrl],
  RATE_LIMIT_MAX_REQUESTS: ['a number from 1', isNumber(1, 1000000), '300'],
  LOG_DIR: ['a path', isSet, path.join(ROOT, 'logs')],
  UPLOAD_DIR: ['a path', isSet, path.join(ROOT, 'uploads')],
  OUTPUT_DIR: ['a path', isSet, path.join(ROOT, 'outputs')],
};
// Redis has to be there in production, unless somebody has decided otherwise.
const REDIS: Record<string, string> = { REDIS_HOST: '127.0.0.1', REDIS_PORT: '6379', REDIS_PASSWORD: '' };

// As the guide has them: your-secure-password, user:pass@host.
const PLACEHOLDER = /(^|\/)your-|user:pass@host/;

export function readConfig(environment: NodeJS.ProcessEnv, names = Object.keys(VARIABLES)): Config {
  const isOptional = environment.NODE_ENV !== 'production' || environment.REDIS_ENABLED === 'false';
  const config: Config = {};
  const problems: string[] = [];
  for (const name of names) {
    const [meaning, isRight, byDefault] = VARIABLES[name];
    const value = environment[name] || byDefault || (isOptional ? REDIS[name] : undefined);
    if (value === undefined) problems.push(`${name} is missing`);
    else if (PLACEHOLDER.test(value)) problems.push(`${name} is still the placeholder of the guide`);
    else if (!isRight(value) && !(isOptional && name in REDIS)) problems.push(`${name} must be ${meaning}`);
    else config[name] = value;
  }
  if (problems.length) throw new Error(`${problems.join('; ')}.`);
  return config;
}
