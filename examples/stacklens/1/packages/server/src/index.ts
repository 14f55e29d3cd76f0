// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import path from 'node:path';
import express, { type NextFunction, type Request, type Response } from 'express';
import faults from '../../../faults.js';
import { version } from '../../../package.json';
import { AIService } from './ai.ts';
import { createApi } from './api.ts';
import { createGuards } from './auth.ts';
import { readConfig } from './config.ts';
import { CredentialService } from './credentials.ts';
import { createCipher } from './crypto.ts';
import { assertSchema, lockDatabase, openDatabase } from './database.ts';
import { Jira } from './jira.ts';
import { serve } from './lifecycle.ts';
import { createLogger } from './logger.ts';

const PAGES = path.join(__dirname, 'public');
const seconds = (name: string) => faults.amount(name) * 1000;

async function main() {
  const config = readConfig(process.env);
  const logger = createLogger(config.LOG_DIR);
  faults.atStart(logger);
  const { client, db } = await openDatabase(config.DATABASE_URL);
  try {
    await assertSchema(db);
  } catch (error) {
    const { cause, message } = error as Error;
    throw new Error(`The database is not migrated (${(cause as Error)?.message ?? message}). Run: pnpm db:migrate`);
  }
  const guards = createGuards(config);
  const credentials = new CredentialService(db, createCipher(config.ENCRYPTION_KEY), logger);
  const ai = new AIService(credentials, logger, config.AI_BASE_URL);
  await ai.initialize();
  let state = { isStopping: false };

  const app = express();
  app.disable('x-powered-by');
  // nginx on this host says for whom it asks.
  app.set('trust proxy', 'loopback');

  app.use(async (request, response, next) => {
    if (faults.has('slow-answers')) await new Promise((resolve) => setTimeout(resolve, faults.amount('slow-answers')));
    if (faults.has('logs-errors')) logger.error('The analyser has lost a line');
    if (faults.errorsNow()) throw new Error('the analyser does not answer');
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });

  app.get('/health', async (request, response) => {
    if (faults.has('unhealthy')) return response.status(503).json({ status: 'unhealthy', version });
    if (state.isStopping) return response.status(503).json({ status: 'stopping', version });
    try {
      await assertSchema(db);
    } catch {
      return response.status(503).json({ status: 'no database', version });
    }
    return response.json({ status: 'ok', version, uptime: Math.round(process.uptime()) });
  });
  app.use('/api', createApi({ config, guards, credentials, ai, jira: new Jira(config), logger }));
  app.use(express.static(PAGES, { index: false }));
  app.get(['/', '/admin', '/admin/*rest'], (request, response) => response.sendFile('index.html', { root: PAGES }));

  app.use((request, response) => response.status(404).json({ error: 'Not found' }));
  app.use((error: any, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    if (error.status < 500) return response.status(error.status).json({ error: 'The request cannot be read' });
    const reason = error.cause?.message ?? error.message;
    if (/UNIQUE constraint failed/.test(reason)) return response.status(409).json({ error: 'This name is taken' });
    logger.error(`${request.method} ${request.path} failed: ${reason}`);
    return response.status(500).json({ error: 'Something went wrong' });
  });

  if (faults.has('never-listens')) return setInterval(() => {}, 60000);
  if (faults.has('slow-start')) await new Promise((resolve) => setTimeout(resolve, seconds('slow-start')));
  if (faults.has('locks-database')) await lockDatabase(config.DATABASE_URL);
  const { HOST: host, PORT: port } = config;
  state = serve(app, { host, port: Number(port), logger, cleanUp: () => client.close() });
  return undefined;
}

main().catch((error: Error) => {
  console.error(`Cannot start: ${error.message}`);
  process.exit(1);
});
