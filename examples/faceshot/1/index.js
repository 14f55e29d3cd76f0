// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const path = require('node:path');
const express = require('express');
const { version } = require('./package.json');
const { readConfig } = require('./config');
const faults = require('./faults');
const { createGuards } = require('./lib/auth');
const { assertSchema, openDatabase, recordError } = require('./lib/database');
const { serve } = require('./lib/lifecycle');
const { createLogger } = require('./lib/logger');
const { A2EClient } = require('./services/a2e-enhanced');
const { ConfigManager } = require('./services/config-manager');
const { JobProcessor } = require('./services/job-processor');

function main() {
  const config = readConfig(process.env);
  const logger = createLogger(config.LOG_DIR, config.LOG_LEVEL);
  faults.atStart(logger);
  const db = openDatabase(config.DB_PATH);
  try {
    assertSchema(db);
  } catch (error) {
    throw new Error(`The database is not migrated (${error.message}). Run: node scripts/run-migrations.js`);
  }
  const { authenticateToken, isAdmin } = createGuards(config);
  const a2e = new A2EClient(db, config);
  const configs = new ConfigManager(db, config);
  const jobs = new JobProcessor(db, a2e, logger);
  let state = { isStopping: false };

  const app = express();
  app.disable('x-powered-by');
  // nginx on this host says for whom it asks.
  app.set('trust proxy', 'loopback');

  app.use((request, response, next) => {
    if (faults.errorsNow()) throw new Error('the renderer does not answer');
    response.set({ 'Access-Control-Allow-Origin': config.FRONTEND_URL, 'X-Content-Type-Options': 'nosniff' });
    next();
  });

  app.get('/alive', (request, response) => response.json({ status: 'alive' }));
  app.get(['/health', '/ready'], (request, response) => {
    if (faults.has('unhealthy')) return response.status(503).json({ status: 'unhealthy', version });
    if (state.isStopping) return response.status(503).json({ status: 'stopping', version });
    try {
      assertSchema(db);
    } catch (error) {
      return response.status(503).json({ status: 'no database', version });
    }
    return response.json({ status: 'ok', version, uptime: Math.round(process.uptime()) });
  });

  // Enhanced API Routes
  const services = { a2e, configs, jobs, logger, UPLOAD_DIR: config.UPLOAD_DIR };
  const enhancedApiRoutes = require('./routes/enhanced-api')(db, authenticateToken, isAdmin, services);
  app.use(enhancedApiRoutes);
  logger.info('Enhanced API routes registered');

  // Static files
  app.use(express.static(path.join(__dirname, 'frontend', 'dist')));

  app.use((request, response) => response.status(404).json({ error: 'Not found' }));
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error.status < 500) return response.status(error.status).json({ error: 'The request cannot be read' });
    logger.error('Request failed', { method: request.method, path: request.path, reason: error.message });
    recordError(db, 'high', `${request.method} ${request.path}: ${error.message}`);
    return response.status(500).json({ error: 'Something went wrong' });
  });

  async function cleanUp() {
    await jobs.stop();
    db.close();
  }

  if (faults.has('never-listens')) return setInterval(() => {}, 60000);
  const listen = () => {
    jobs.start();
    state = serve(app, { port: Number(config.PORT), logger, cleanUp });
  };
  return faults.has('slow-start') ? setTimeout(listen, faults.amount('slow-start') * 1000) : listen();
}

try {
  main();
} catch (error) {
  console.error(`Cannot start: ${error.message}`);
  process.exit(1);
}
