// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import http from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import pg from 'pg';
import { version } from '../package.json';
import { readConfig } from './config.js';
import { assertSchema, openDatabase } from './database.js';
import * as faults from './faults.js';
import { serve } from './lifecycle.js';
import { createLogger } from './logger.js';
import { Metrics } from './metrics.js';
import { routes } from './routes/index.js';
import { keepHistory, monitoring, probes } from './routes/monitoring.js';
import { headers, keyHolder, limiter, refuse } from './security.js';
import { sessions } from './sessions.js';
import { Shared } from './shared.js';
import { openSockets } from './sockets.js';
import { Vendors } from './vendors.js';

/** A path as people write it. */
function readable(asked) {
  try {
    return decodeURIComponent(asked);
  } catch (error) {
    throw Object.assign(error, { status: 400 });
  }
}

async function main() {
  const config = readConfig(process.env);
  const logger = createLogger(config.LOG_DIR, config.LOG_LEVEL, version);
  faults.atStart(logger);
  const { db, pool, state: databaseState } = openDatabase(config, logger);
  await assertSchema(db).catch((error) => {
    throw new Error(`The database is not ready (${error.cause?.message || error.cause?.code || error.message}).`);
  });
  const shared = new Shared(config, logger);
  await shared.client.connect().catch((error) => {
    if (config.NODE_ENV === 'production') throw new Error(`Redis does not answer (${error.message}).`);
  });

  const state = { isStopping: false };
  const metrics = new Metrics();
  const vendors = new Vendors(config);
  const app = express();
  const server = http.createServer(app);
  const sockets = await openSockets(server, shared, config);
  const services = { config, db, pool, databaseState, shared, sockets, vendors, metrics, logger, state, version };

  app.disable('x-powered-by');
  // One proxy is before this process, and what it says of the client is true. What comes before that, anybody can say.
  app.set('trust proxy', faults.has('trusts-headers') ? true : config.TRUST_PROXY === 'true' ? 1 : false);
  app.use(headers(config), (request, response, next) => {
    const began = performance.now();
    const { method } = request;
    let asked = request.path;
    response.on('finish', () => {
      const ms = Math.round(performance.now() - began);
      metrics.measure(response.statusCode, ms);
      logger.audit({ method, path: asked, status: response.statusCode, ms, ip: request.ip });
    });
    asked = readable(asked);
    return method === 'OPTIONS' ? response.status(204).end() : next();
  });
  app.use(async (request, response, next) => {
    if (faults.isTime('errors-after')) throw new Error('the rates of the lenders do not answer');
    if (faults.has('slow')) await pause(faults.amount('slow'));
    next();
  });
  app.use(express.static(path.join(__dirname, '..', 'public'), { maxAge: '1d' }));
  app.use(probes(services));
  app.use('/api', limiter(shared, config), keyHolder(config));
  app.use(express.json({ limit: '10mb' }));
  app.use(sessions(config, shared), monitoring(services), routes(services));
  app.use((request, response) => refuse(response, 404, 'not_found', 'There is no such page'));
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    const status = error.status >= 400 && error.status < 500 ? error.status : 500;
    if (faults.has('shows-stacks')) return response.status(status).send(error.stack);
    if (status === 413) return refuse(response, status, 'too_large', 'The request is larger than 10 MB');
    if (status < 500) return refuse(response, status, 'invalid', 'The request cannot be read');
    const reason = error.cause?.message ?? error.message;
    logger.error('Request failed', { method: request.method, path: request.path, reason });
    return refuse(response, 500, 'internal', 'Something went wrong');
  });

  keepHistory(services);
  const cleanUp = async () => {
    shared.stop();
    await pool.end();
  };
  const leak = () => new pg.Client({ connectionString: config.DATABASE_URL }).connect().catch(() => {});
  const options = {
    host: config.HOST,
    port: Number(config.PORT),
    logger,
    onListening: () => faults.whenListening(leak),
    closeSockets: () => sockets.io.engine.close(),
    cleanUp,
  };
  console.log('Complete Car Loans is prepared');
  if (faults.has('never-listens')) return setInterval(() => {}, 60000);
  const listen = () => serve(server, state, options);
  return faults.has('slow-start') ? setTimeout(listen, faults.amount('slow-start') * 1000) : listen();
}

main().catch((error) => {
  console.error(`Cannot start: ${error.message}`);
  process.exit(1);
});
