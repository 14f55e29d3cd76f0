// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const express = require('express');
const { version } = require('../package.json');
const faults = require('../../faults');
const chat = require('./chat');
const { readConfig } = require('./config');
const { assertSchema, createPool } = require('./database');
const { serve } = require('./lifecycle');
const { createCors, createLimiter } = require('./limits');
const logger = require('./logger');
const { MistralService } = require('./services/mistralService');
const { createSessions } = require('./services/sessionService');

async function assertDatabase(db) {
  try {
    await assertSchema(db);
  } catch (error) {
    const isThere = ['ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR'].includes(error.code);
    const what = isThere ? 'is not migrated' : 'cannot be reached';
    const how = isThere ? 'Run: npm run migrate' : 'See to DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME';
    throw new Error(`The database ${what} (${error.code}). ${how}.`);
  }
}

async function main() {
  const config = readConfig();
  faults.atStart(logger);
  const db = createPool(config);
  await assertDatabase(db);
  const services = {
    sessions: createSessions(db, config),
    mistral: new MistralService(config, logger),
    limiter: createLimiter(config),
  };
  let state = { isStopping: false };

  const app = express();
  app.disable('x-powered-by');
  // nginx on this host says for whom it asks. What the client itself says of that stands before, and is not believed.
  app.set('trust proxy', (address, hop) => hop === 0 && /^(::ffff:)?127\.|^::1$/.test(address));

  app.use((request, response, next) => {
    if (faults.errorsNow()) throw new Error('the guide of the town does not answer');
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });
  app.get(['/health', '/api/v1/health'], async (request, response) => {
    if (faults.has('unhealthy')) return response.status(503).json({ status: 'unhealthy', version });
    if (state.isStopping) return response.status(503).json({ status: 'stopping', version });
    try {
      await assertSchema(db);
    } catch {
      return response.status(503).json({ status: 'no database', version });
    }
    return response.json({ status: 'ok', version, uptime: Math.round(process.uptime()) });
  });
  app.use('/api/v1/chat', createCors(config), chat(services));

  app.use((request, response) => response.status(404).json({ error: 'Not found' }));
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error.status === 503) return response.status(503).json({ error: error.message });
    if (error.status < 500) return response.status(error.status).json({ error: 'The request cannot be read' });
    logger.error(`${request.method} ${request.path} failed: ${error.code ?? error.message}`);
    return response.status(500).json({ error: 'Something went wrong' });
  });

  logger.info('Chat routes registered');
  if (faults.has('never-listens')) return setInterval(() => {}, 60000);
  if (faults.has('slow-start')) await new Promise((resolve) => setTimeout(resolve, faults.amount('slow-start') * 1000));
  const { HOST: host, PORT: port } = config;
  state = serve(app, { host, port: Number(port), logger, cleanUp: () => db.end() });
  return undefined;
}

main().catch((error) => {
  console.error(`Cannot start: ${error.message}`);
  process.exit(1);
});
