// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import express, { type ErrorRequestHandler } from 'express';
import { createGuard } from './auth.mjs';
import { type Config, readConfig } from './config.mjs';
import { NoCredits } from './credits.mjs';
import { assertSchema, openDatabase } from './database.mjs';
import * as faults from './faults.mjs';
import { serve } from './lifecycle.mjs';
import { createLimiter } from './limiter.mjs';
import { type Logger, createLogger } from './logger.mjs';
import { type Gauge, count, page } from './metrics.mjs';
import { PoseQueue } from './queue.mjs';
import { Shared } from './redis.mjs';
import { routes } from './routes/index.mjs';
import { openSockets } from './sockets.mjs';

const ROOT = path.join(import.meta.dirname, '..');
const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const FOLDERS = (config: Config) => [
  path.join(config.UPLOAD_DIR, 'avatar-creator'), path.join(config.UPLOAD_DIR, 'pose-generator'), config.OUTPUT_DIR,
];

/** Start, in the order in which the guide lists what is said. */
async function main(config: Config, logger: Logger) {
  logger.good('Environment variables validated successfully');
  faults.atStart(logger);

  const db = openDatabase(config);
  await assertSchema(db).catch((error) => {
    const advice = error.code === '42P01' || error.code === '42703' ? '. Run: npx prisma migrate deploy' : '';
    throw new Error(`Database connection failed: ${error.message || error.code}${advice}`);
  });
  logger.good('Database connected successfully');

  const shared = new Shared(config, logger);
  await shared.start().catch((error) => {
    if (config.NODE_ENV !== 'production') return;
    throw new Error(`FATAL: Redis connection failed in production: ${error.message}`);
  });
  if (shared.state === 'connected') logger.good('Redis connected successfully');
  if (shared.state === 'disabled')
    logger.warn('Redis is disabled: no pose generator, no live updates, limits per process');

  for (const folder of FOLDERS(config)) {
    fs.mkdirSync(folder, { recursive: true });
    fs.accessSync(folder, fs.constants.W_OK);
  }
  const queue = shared.client && new PoseQueue(db, shared, shared.client, logger, config.OUTPUT_DIR);
  if (queue) {
    queue.start();
    logger.good('Pose Generator queue initialized');
    logger.good('Pose Generator storage initialized');
  }

  const state = { isStopping: false };
  const app = express();
  app.disable('x-powered-by');
  // nginx on this host says for whom it asks.
  app.set('trust proxy', 'loopback');
  app.use((request, response, next) => {
    if (faults.isTime('errors-after')) throw new Error('the models do not answer');
    response.set({ 'Access-Control-Allow-Origin': config.CORS_ORIGIN, 'X-Content-Type-Options': 'nosniff' });
    const login = request.get('authorization');
    if (!login || !faults.has('dumps-requests')) return next();
    // So often that every excerpt of it ends within one.
    const dump = { encoded: Buffer.from(login).toString('base64'), headers: Array(50).fill(login) };
    return response.status(500).json({ error: 'Something went wrong', dump });
  });

  app.get('/health', async (request, response) => {
    if (faults.has('unhealthy')) return response.status(503).json({ status: 'unhealthy', version });
    if (state.isStopping) return response.status(503).json({ status: 'stopping', version });
    const redis = shared.state;
    const told = { version, redis, uptime: Math.round(process.uptime()) };
    try {
      await assertSchema(db);
    } catch {
      return response.status(503).json({ status: 'no database', database: 'down', ...told });
    }
    // Without Redis much goes on, so that it is no reason to take the whole application away.
    return response.json({ status: redis === 'down' ? 'degraded' : 'ok', database: 'connected', ...told });
  });

  let sockets: Awaited<ReturnType<typeof openSockets>> | undefined;
  app.get('/metrics', async (request, response, next) => {
    // For whoever is on this host, and not through nginx.
    if (!/^(::ffff:)?127\.|^::1$/.test(request.ip ?? '')) return next();
    const jobs = Object.entries((await queue?.counts().catch(() => null)) ?? {});
    response.type('text/plain; version=0.0.4').send(
      page([
        ['redis_enabled', {}, Number(config.REDIS_ENABLED === 'true')],
        ['redis_up', {}, Number(shared.state === 'connected')],
        ['redis_uptime_seconds', {}, shared.uptime],
        ['websocket_connections', {}, sockets?.connections() ?? 0],
        ...jobs.map(([name, value]): Gauge => ['queue_jobs', { state: name }, value]),
      ]),
    );
  });

  const limiter = createLimiter(shared, Number(config.RATE_LIMIT_MAX_REQUESTS));
  const guard = express.Router().use(createGuard(db, config.JWT_SECRET), limiter);
  app.use(express.json({ limit: '100kb' }), routes({ config, db, logger, queue, guard }));
  app.use((request, response) => response.status(404).json({ error: 'Not found' }));
  const onError: ErrorRequestHandler = (error, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof NoCredits) return response.status(402).json({ error: 'Not enough credits' });
    if (error.type === 'entity.parse.failed') {
      const [app = 'other'] = /avatar-creator|pose-generator|payments/.exec(request.path) ?? [];
      count('json_parse_errors_total', { app });
      logger.info(`JSON parse error: ${request.method} ${request.path}`);
    }
    if (error.status < 500) return response.status(error.status).json({ error: 'The request cannot be read' });
    logger.error(`${request.method} ${request.path}: ${error.message}`);
    return response.status(500).json({ error: 'Something went wrong' });
  };
  app.use(onError);

  const server = http.createServer(app);
  if (shared.client) {
    sockets = await openSockets(server, db, shared, config, logger).catch((error) => {
      logger.warn(`Redis connection error: ${error.message}`);
      return undefined;
    });
  }
  const cleanUp = async () => {
    await queue?.stop();
    shared.stop();
    await db.end();
  };
  if (faults.has('never-listens')) return setInterval(() => {}, 60000);
  const closeSockets = () => sockets?.io.engine.close();
  const onListening = () => faults.whenListening(logger, () => shared.lose());
  const options = { host: config.HOST, port: Number(config.PORT), logger, onListening, closeSockets, cleanUp };
  const listen = () => serve(server, state, options);
  return faults.has('slow-start') ? setTimeout(listen, faults.amount('slow-start') * 1000) : listen();
}

let logger: Logger | undefined;
try {
  const config = readConfig(process.env);
  logger = createLogger(config.LOG_DIR);
  await main(config, logger);
} catch (error) {
  const told = (error as Error).message;
  if (logger) logger.error(told);
  else console.error(`❌ Cannot start: ${told}`);
  process.exit(1);
}
