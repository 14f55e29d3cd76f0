// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What the application answers below /api.

import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import express, { type Request, type Response } from 'express';
import faults from '../../../faults.js';
import type { AIService } from './ai.ts';
import type { createGuards } from './auth.ts';
import type { Config } from './config.ts';
import type { CredentialService } from './credentials.ts';
import type { Jira } from './jira.ts';
import type { Logger } from './logger.ts';

export type Services = {
  config: Config;
  guards: ReturnType<typeof createGuards>;
  credentials: CredentialService;
  ai: AIService;
  jira: Jira;
  logger: Logger;
};

const SEVERITIES = ['low', 'medium', 'high', 'critical'];

export function createApi({ config, guards, credentials, ai, jira, logger }: Services) {
  const router = express.Router();
  const json = express.json({ limit: '100kb' });
  router.get('/test', (request, response) => {
    response.json({ message: 'Server is working', timestamp: new Date().toISOString() });
  });

  // Credentials
  const place = '/admin/credentials';
  router.use('/admin', guards.isAdmin, json);
  const missing = (response: Response) => response.status(404).json({ error: 'No such credential' });
  const isRefused = (request: Request, response: Response, isNew: boolean) => {
    const errors = credentials.problems(request.body ?? {}, { isNew });
    if (errors.length) response.status(422).json({ error: 'This is no credential', errors });
    return errors.length > 0;
  };
  router.get(place, async (request, response) => {
    const { provider } = request.query;
    response.json(await credentials.list(typeof provider === 'string' ? provider : undefined));
  });
  router.get(`${place}/:id`, async (request, response) => {
    const found = await credentials.get(Number(request.params.id));
    return found ? response.json(found) : missing(response);
  });
  router.post(place, async (request, response) => {
    if (isRefused(request, response, true)) return;
    response.status(201).json(await credentials.create(request.body));
  });
  const change = async (request: Request, response: Response) => {
    if (isRefused(request, response, false)) return;
    const changed = await credentials.update(Number(request.params.id), request.body ?? {});
    if (changed) response.json(changed);
    else missing(response);
  };
  router.put(`${place}/:id`, change);
  router.patch(`${place}/:id`, change);
  router.get(`${place}/:id/uses`, async (request, response) => {
    const id = Number(request.params.id);
    if (await credentials.get(id)) response.json(await credentials.uses(id));
    else missing(response);
  });
  router.delete(`${place}/:id`, async (request, response) =>
    (await credentials.remove(Number(request.params.id))) ? response.status(204).end() : missing(response),
  );

  // Logs that somebody uploads are looked through, and open no ticket.
  const multipart = express.raw({ type: 'multipart/form-data', limit: '10mb' });
  router.post('/files/upload', guards.isUser, multipart, async (request, response) => {
    const headers = { 'Content-Type': request.get('content-type') ?? '' };
    const form = await new globalThis.Response(request.body, { headers }).formData().catch(() => null);
    const file = form?.get('file');
    if (!(file instanceof Blob)) return response.status(400).json({ error: 'There is no file' });
    const content = Buffer.from(await file.arrayBuffer());
    const name = `${crypto.randomUUID()}.log`;
    await fs.mkdir(config.UPLOAD_DIR, { recursive: true });
    await fs.writeFile(path.join(config.UPLOAD_DIR, name), content);
    const errors = content.toString('utf8').match(/\b(error|fatal|critical)\b/gi)?.length ?? 0;
    if (faults.has('tickets-for-uploads')) await jira.open('An uploaded file', name);
    return response.status(201).json({ file: name, bytes: file.size, errors });
  });

  // An error that happens now is explained, and opens a ticket if it is grave.
  router.post('/automation/execute', guards.isUserOrLocal, json, async (request, response) => {
    const { errorType, severity, message } = request.body ?? {};
    if (![errorType, message].every((text) => typeof text === 'string' && text) || !SEVERITIES.includes(severity))
      return response.status(422).json({ error: 'errorType, severity and message are needed' });
    logger.error(`${errorType} (${severity}): ${message}`);
    const explanation = await ai.explain(message);
    const isGrave = ['high', 'critical'].includes(severity) && !faults.has('no-tickets');
    try {
      const summary = `${errorType}: ${message}`;
      const ticket = isGrave ? await jira.open(summary, explanation?.text ?? 'No provider has an explanation.') : null;
      return response.status(isGrave ? 201 : 200).json({ ticket, explanation });
    } catch (error) {
      logger.error(`No ticket could be opened: ${(error as Error).message}`);
      return response.status(502).json({ error: 'No ticket could be opened', explanation });
    }
  });
  return router;
}
