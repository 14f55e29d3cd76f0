// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import os from 'node:os';
import { Router } from 'express';
import { assertSchema, mostConnections } from '../database.js';
import * as faults from '../faults.js';
import { systemMetrics } from '../schema.js';

const memory = () => {
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  return { rss, heapUsed, heapTotal, percentOfHost: (100 * rss) / os.totalmem() };
};
const connections = ({ totalCount: open, idleCount: idle, waitingCount: waiting }) => ({ open, idle, waiting });

/** For balancers, which have no key. */
export function probes({ db, shared, state, version }) {
  const router = Router();
  const both = (name) => [`/${name}`, `/api/monitoring/${name}`];
  const answer = async (response, isStill) => {
    const told = { version, uptime: Math.round(process.uptime()) };
    if (state.isStopping && !isStill) return response.status(503).json({ status: 'stopping', ...told });
    try {
      await assertSchema(db);
    } catch {
      return response.status(503).json({ status: 'no database', database: 'down', ...told });
    }
    // Both hosts would be taken away if Redis were a reason.
    const redis = shared.isUp ? 'connected' : 'down';
    return response.json({ status: shared.isUp ? 'ok' : 'degraded', database: 'connected', redis, ...told });
  };
  router.get(both('live'), (request, response) => response.json({ status: 'alive', version }));
  router.get(both('health'), (request, response) =>
    faults.has('unhealthy') ? response.status(503).json({ status: 'unhealthy', version }) : answer(response, true),
  );
  router.get(both('ready'), (request, response) =>
    faults.has('not-ready') ? response.status(503).json({ status: 'not ready', version }) : answer(response, false),
  );
  return router;
}

/** For operators, who have one. */
export function monitoring({ config, db, pool, databaseState, shared, metrics, vendors, version }) {
  const router = Router();

  async function readiness() {
    const size = Number(config.DB_POOL_SIZE);
    const total = size * Number(config.DB_POOLS);
    const most = await mostConnections(pool).catch(() => 0);
    return [
      { name: 'NODE_ENV is production', ok: config.NODE_ENV === 'production' },
      { name: 'the proxy is trusted', ok: config.TRUST_PROXY === 'true' },
      { name: 'the origin is https', ok: config.CORS_ORIGIN.startsWith('https://') },
      { name: 'the database is migrated', ok: await assertSchema(db).then(() => true, () => false) },
      { name: `${config.DB_POOLS} pools of ${size} connections fit into ${most}`, ok: total <= most },
      { name: 'Redis is connected', ok: shared.isUp },
      { name: 'requests are limited', ok: Number(config.RATE_LIMIT_MAX_REQUESTS) > 0 && !faults.has('no-limit') },
    ];
  }
  router.get('/api/monitoring/production-readiness', async (request, response) => {
    const checks = await readiness();
    response.json({ ready: checks.every(({ ok }) => ok), version, checks });
  });
  router.get('/api/monitoring/config', (request, response) => {
    const open = ['NODE_ENV', 'PORT', 'DB_POOL_SIZE', 'DB_POOLS', 'CORS_ORIGIN', 'TRUST_PROXY', 'LOG_LEVEL'];
    const limits = ['RATE_LIMIT_WINDOW_MS', 'RATE_LIMIT_MAX_REQUESTS', 'METRICS_ENABLED', 'MAILGUN_DOMAIN'];
    const told = Object.fromEntries([...open, ...limits].map((name) => [name, config[name]]));
    response.json({ version, host: os.hostname(), client: request.ip, protocol: request.protocol, ...told });
  });
  router.get('/api/monitoring/mail', async (request, response) => {
    const isActive = await vendors.canSend().catch(() => false);
    response.status(isActive ? 200 : 503).json({ mailgun: isActive ? 'active' : 'refused', ...metrics.emails });
  });
  if (config.METRICS_ENABLED !== 'true') return router;

  router.get('/api/monitoring/metrics', (request, response) => {
    const { errors } = databaseState;
    const database = { ...connections(pool), size: Number(config.DB_POOL_SIZE), errors };
    const system = { uptime: process.uptime(), load: os.loadavg()[0], redis: shared.isUp };
    const { requests, emails } = metrics;
    response.json({ version, memory: memory(), database, ...system, requests, emails });
  });
  router.get('/api/monitoring/performance', (request, response) => response.json(metrics.performance()));
  router.get('/api/monitoring/metrics/prometheus', async (request, response) => {
    const { rss, heapUsed, heapTotal, percentOfHost } = memory();
    const isUp = await assertSchema(db).then(() => 1, () => 0);
    const gauges = {
      info: [[`{version="${version}"}`, 1]],
      uptime_seconds: [['', Math.round(process.uptime())]],
      memory_bytes: [['{kind="rss"}', rss], ['{kind="heap_used"}', heapUsed], ['{kind="heap_total"}', heapTotal]],
      memory_percent_of_host: [['', percentOfHost]],
      database_up: [['', isUp]],
      database_pool_size: [['', Number(config.DB_POOL_SIZE)]],
      database_connections: Object.entries(connections(pool)).map(([kind, n]) => [`{state="${kind}"}`, n]),
      database_errors: [['', databaseState.errors]],
      redis_up: [['', Number(shared.isUp)]],
    };
    response.type('text/plain; version=0.0.4').send(metrics.page(gauges));
  });
  return router;
}

/** Keep how it was, minute by minute. */
export function keepHistory({ config, db, metrics }) {
  if (config.METRICS_ENABLED !== 'true') return;
  setInterval(() => {
    const { requests, errors, p95Ms } = metrics.performance();
    const values = { requests, errors, p95Ms, rss: process.memoryUsage().rss };
    const rows = Object.entries(values).map(([name, value]) => ({ host: os.hostname(), name, value }));
    db.insert(systemMetrics).values(rows).catch(() => {});
  }, Number(config.METRICS_HISTORY_MS)).unref();
}
