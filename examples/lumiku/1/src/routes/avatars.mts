// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import express, { Router } from 'express';
import { noteUse, refund, spend } from '../credits.mjs';
import { inTransaction } from '../database.mjs';
import { picture } from '../queue.mjs';
import { FILE } from '../schema.mjs';
import type { Services } from './services.mjs';

const APP = 'avatar-creator';
const COST = { generate: 2, upload: 1 };
const PICTURES: Record<string, string> = { 'image/jpeg': '.jpg', 'image/png': '.png', 'image/webp': '.webp' };

/** The avatar creator. */
export function avatars({ config, db, logger, guard }: Services) {
  const router = Router();
  const folder = path.join(config.UPLOAD_DIR, APP);
  router.use(`/api/apps/${APP}`, guard);

  router.get(`/api/apps/${APP}/presets`, async (request, response) => {
    const [presets, personas] = await Promise.all(
      ['avatar_presets', 'persona_examples'].map((table) => db.query(`SELECT * FROM ${table} ORDER BY id`)),
    );
    response.json({ presets: presets.rows, personas: personas.rows });
  });
  router.post(`/api/apps/${APP}/projects`, async (request, response) => {
    const name = String(request.body?.name ?? '').trim().slice(0, 100);
    if (!name) return response.status(400).json({ error: 'The project needs a name' });
    const insert = 'INSERT INTO avatar_projects (user_id, name) VALUES ($1, $2) RETURNING id, name';
    return response.status(201).json((await db.query(insert, [response.locals.user.id, name])).rows[0]);
  });

  router.param('project', async (request, response, next, id) => {
    const own = 'SELECT id FROM avatar_projects WHERE id::text = $1 AND user_id = $2';
    response.locals.project = (await db.query(own, [id, response.locals.user.id])).rows[0]?.id;
    if (response.locals.project) return next();
    return response.status(404).json({ error: 'No such project' });
  });
  router.get(`/api/apps/${APP}/projects/:project/avatars`, async (request, response) => {
    const all = 'SELECT id, name, source, created_at FROM avatars WHERE project_id = $1 ORDER BY id';
    response.json({ avatars: (await db.query(all, [response.locals.project])).rows });
  });

  const keep = async (project: number, name: string, source: string, file: string, generation?: number) =>
    inTransaction(db, async (session) => {
      const insert = `INSERT INTO avatars (project_id, name, source, ${FILE}) VALUES ($1, $2, $3, $4)
        RETURNING id, name`;
      const avatar = (await session.query(insert, [project, name, source, file])).rows[0];
      await session.query('INSERT INTO avatar_usage_history (avatar_id, action) VALUES ($1, $2)', [avatar.id, source]);
      if (generation)
        await session.query(`UPDATE avatar_generations SET status = 'completed', avatar_id = $2 WHERE id = $1`, [
          generation, avatar.id,
        ]);
      return avatar;
    });

  router.post(`/api/apps/${APP}/projects/:project/avatars/generate`, async (request, response) => {
    const { prompt, name } = request.body ?? {};
    if (typeof prompt !== 'string' || typeof name !== 'string' || !prompt || !name)
      return response.status(400).json({ error: 'A prompt and a name are needed' });
    const { user, project } = response.locals;
    let generation = 0;
    const creditBalance = await spend(db, user.id, COST.generate, 'avatar', async (session) => {
      const insert = `INSERT INTO avatar_generations (project_id, prompt, status) VALUES ($1, $2, 'processing')
        RETURNING id`;
      generation = (await session.query(insert, [project, prompt])).rows[0].id;
    });
    try {
      if (/unrenderable/.test(prompt)) throw new Error('the model cannot do that');
      const file = `${crypto.randomUUID()}.svg`;
      await fs.writeFile(path.join(folder, file), picture(prompt));
      const avatar = await keep(project, name, 'generated', file, generation);
      logger.good(`Avatar generation completed: ${generation}`);
      await noteUse(db, logger, APP);
      return response.json({ avatar, creditUsed: COST.generate, creditBalance });
    } catch (error) {
      logger.info(`Avatar generation ${generation} failed: ${(error as Error).message}`);
      await refund(db, logger, user.id, COST.generate, `avatar ${generation}`);
      await db.query(`UPDATE avatar_generations SET status = 'failed' WHERE id = $1`, [generation]);
      return response.status(502).json({ error: 'The avatar could not be made; its credits are given back' });
    }
  });

  const multipart = express.raw({ type: 'multipart/form-data', limit: '10mb' });
  router.post(`/api/apps/${APP}/projects/:project/avatars/upload`, multipart, async (request, response) => {
    const headers = { 'Content-Type': request.get('content-type') ?? '' };
    const form = await new Response(request.body, { headers }).formData().catch(() => null);
    const image = form?.get('image');
    if (!(image instanceof Blob)) return response.status(400).json({ error: 'There is no image' });
    const ending = PICTURES[image.type];
    if (!ending) return response.status(415).json({ error: 'Not a picture' });
    const { user, project } = response.locals;
    const creditBalance = await spend(db, user.id, COST.upload, 'upload');
    try {
      const file = crypto.randomUUID() + ending;
      await fs.writeFile(path.join(folder, file), Buffer.from(await image.arrayBuffer()));
      const avatar = await keep(project, 'upload', 'uploaded', file);
      await noteUse(db, logger, APP);
      return response.json({ avatar, creditUsed: COST.upload, creditBalance });
    } catch (error) {
      await refund(db, logger, user.id, COST.upload, 'upload');
      throw error;
    }
  });
  return router;
}
