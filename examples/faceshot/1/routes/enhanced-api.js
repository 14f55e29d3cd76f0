// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const express = require('express');

const maxRequestsPerMinute = 60; // Adjust based on load
const MINUTE = 60000;
const MEDIA = { 'image/jpeg': '.jpg', 'image/png': '.png', 'audio/mpeg': '.mp3', 'video/mp4': '.mp4' };

/** Never more than so many requests of a user in any minute; who asks for more has to wait for a whole one. */
function createLimiter(logger) {
  const users = new Map();
  return (request, response, next) => {
    const now = Date.now();
    const { times = [], until = 0 } = users.get(request.user.email) ?? {};
    const recent = times.filter((time) => time > now - MINUTE);
    if (until <= now && recent.length < maxRequestsPerMinute) {
      users.set(request.user.email, { times: [...recent, now] });
      return next();
    }
    const end = until > now ? until : now + MINUTE;
    users.set(request.user.email, { until: end });
    logger.warn('Rate limit reached', { path: request.path, ip: request.ip });
    response.set('Retry-After', Math.ceil((end - now) / 1000));
    return response.status(429).json({ error: 'Too many requests' });
  };
}

module.exports = function enhancedApi(db, authenticateToken, isAdmin, { a2e, configs, jobs, logger, UPLOAD_DIR }) {
  const router = express.Router();
  router.use('/api', authenticateToken, createLimiter(logger), express.json({ limit: '100kb' }));
  router.use(['/api/monitoring', '/api/admin', '/api/health/circuit-breakers'], isAdmin);

  // A2E
  const relay = (ask) => async (request, response) => {
    try {
      response.json(await ask());
    } catch (error) {
      response.status(503).json({ error: error.message });
    }
  };
  const health = async () => ({ status: 'ok', credits: (await a2e.credits()).coins });
  router.get('/api/health/a2e', relay(health));
  router.get('/api/a2e/avatars', relay(async () => ({ avatars: await a2e.avatars() })));
  router.get('/api/a2e/voices', relay(async () => ({ voices: await a2e.voices() })));
  router.get('/api/a2e/credits', relay(async () => ({ credits: (await a2e.credits()).coins })));

  // SKUs
  router.param('code', (request, response, next, code) => {
    request.config = configs.get(code);
    if (request.config) return next();
    return response.status(404).json({ error: 'No such SKU' });
  });
  router.get('/api/skus/:code/config', (request, response) => response.json(request.config));
  router.post('/api/skus/:code/validate', (request, response) =>
    response.json(configs.validate(request.params.code, request.body?.customer_inputs)),
  );

  // Jobs
  router.post('/api/jobs/create-advanced', (request, response) => {
    const { sku_code: code, customer_inputs: inputs, order_id: order } = request.body ?? {};
    const config = configs.get(String(code));
    if (!config) return response.status(404).json({ error: 'No such SKU' });
    const { valid, errors, sanitized_inputs: clean } = configs.validate(config.sku_code, inputs);
    if (!valid) return response.status(400).json({ error: 'The inputs do not fit', errors });
    const job = jobs.create(request.user, config, clean, Number.isInteger(order) ? order : null);
    jobs.poll();
    return response.status(201).json({ job_id: job.id, status: job.status });
  });
  router.get('/api/jobs/:id/status', (request, response) => {
    const job = db
      .prepare('SELECT id, type, status, created_at FROM jobs WHERE id = ? AND email = ?')
      .get(Number(request.params.id), request.user.email);
    if (!job) return response.status(404).json({ error: 'No such job' });
    const steps = db
      .prepare('SELECT tool, status, result FROM job_steps WHERE job_id = ? ORDER BY position')
      .all(job.id);
    return response.json({ ...job, steps });
  });

  // Uploads: kept in a folder, where the real application hands them on to Cloudinary.
  const multipart = express.raw({ type: 'multipart/form-data', limit: '10mb' });
  router.post('/api/upload/media', multipart, async (request, response) => {
    const headers = { 'Content-Type': request.get('content-type') ?? '' };
    const form = await new Response(request.body, { headers }).formData().catch(() => null);
    const file = form?.get('file');
    if (!(file instanceof Blob)) return response.status(400).json({ error: 'There is no file' });
    if (!MEDIA[file.type]) return response.status(415).json({ error: 'Neither a picture nor sound nor a film' });
    const name = crypto.randomUUID() + MEDIA[file.type];
    await fs.promises.mkdir(UPLOAD_DIR, { recursive: true });
    await fs.promises.writeFile(path.join(UPLOAD_DIR, name), Buffer.from(await file.arrayBuffer()));
    return response.status(201).json({ public_id: name, bytes: file.size });
  });

  // Monitoring and administration
  const latest = (table) => (request) => {
    const limit = Math.min(Math.max(Number.parseInt(request.query.limit, 10) || 50, 1), 500);
    return db.prepare(`SELECT * FROM ${table} ORDER BY id DESC LIMIT ?`).all(limit);
  };
  const [calls, errors] = [latest('a2e_api_calls'), latest('error_logs')];
  router.get('/api/monitoring/api-calls', (request, response) => response.json({ calls: calls(request) }));
  router.get('/api/monitoring/errors', (request, response) => response.json({ errors: errors(request) }));
  router.get('/api/health/circuit-breakers', (request, response) => {
    const { name, state, failures, threshold, timeout } = a2e.breaker;
    response.json({ breakers: [{ name, state, failures, threshold, timeout }] });
  });
  router.get('/api/admin/skus/:code/config', (request, response) => response.json(request.config));
  router.put('/api/admin/skus/:code/config', (request, response) => {
    const credits = request.body?.credits;
    if (!Number.isInteger(credits) || credits < 1) return response.status(400).json({ error: 'How many credits?' });
    configs.setCredits(request.params.code, credits);
    return response.json(configs.get(request.params.code));
  });
  router.post('/api/admin/cache/clear', (request, response) => {
    configs.clearCache();
    response.json({ cleared: true });
  });
  return router;
};
