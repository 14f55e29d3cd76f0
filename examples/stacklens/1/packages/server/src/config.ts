// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The configuration, which comes from the environment alone. All that is wrong with it is told at once, without values.

import path from 'node:path';

export type Config = Record<string, string>;
type Rule = [meaning: string, isRight: (value: string) => boolean, byDefault?: string];

const isSet = (value: string) => value !== '';
const isUrl = (value: string) => /^https?:\/\//.test(value) && URL.canParse(value);
const isPort = (value: string) => /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 65535;
const isSecret = (value: string) => value.length >= 32;
const isEmails = (value: string) => value.split(',').every((email) => /^[^@\s]+@[^@\s]+$/.test(email.trim()));

// Of a bundle this is the release, because the bundle is in its dist/.
export const ROOT = path.join(__dirname, '..');

const VARIABLES: Record<string, Rule> = {
  NODE_ENV: ['production, development or test', (v) => /^(production|development|test)$/.test(v), 'development'],
  HOST: ['an address', isSet, '127.0.0.1'],
  PORT: ['a port', isPort, '4000'],
  DATABASE_URL: ['the URL of a file', (v) => /^file:./.test(v), 'file:stacklens.db'],
  ENCRYPTION_KEY: ['at least 32 characters', isSecret],
  JWT_SECRET: ['at least 32 characters', isSecret],
  ADMIN_EMAILS: ['addresses with commas between them', isEmails],
  JIRA_URL: ['a URL', isUrl],
  JIRA_PROJECT: ['the key of a project', (v) => /^[A-Z][A-Z0-9_]+$/.test(v)],
  JIRA_TOKEN: ['set', isSet],
  AI_BASE_URL: ['a URL', isUrl],
  LOG_DIR: ['a path', isSet, path.join(ROOT, 'logs')],
  UPLOAD_DIR: ['a path', isSet, path.join(ROOT, 'uploads')],
};

export function readConfig(environment: NodeJS.ProcessEnv, names = Object.keys(VARIABLES)): Config {
  const config: Config = {};
  const problems: string[] = [];
  for (const name of names) {
    const [meaning, isRight, byDefault] = VARIABLES[name];
    const value = environment[name] || byDefault;
    if (value === undefined) problems.push(`${name} is missing`);
    else if (/^<.*>$/.test(value)) problems.push(`${name} is still a placeholder`);
    else if (!isRight(value)) problems.push(`${name} must be ${meaning}`);
    config[name] = value ?? '';
  }
  if (problems.length) throw new Error(`${problems.join('; ')}.`);
  return config;
}
