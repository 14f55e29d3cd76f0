// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { Router } from 'express';
import { noteUse, refund, spend } from '../credits.mjs';
import { progressOf } from '../queue.mjs';
import type { Services } from './services.mjs';

const APP = 'pose-generator';
const MOST = 20;

/** The pose generator, which needs Redis. */
export function poses({ db, logger, queue, guard }: Services) {
  const router = Router();
  router.get(`/api/apps/${APP}/health`, async (request, response) => {
    const counts = await queue?.counts().catch(() => null);
    if (counts) return response.json({ status: 'ok', queue: counts });
    return response.status(503).json({ status: queue ? 'no Redis' : 'disabled' });
  });
  router.use(`/api/apps/${APP}`, guard, (request, response, next) => {
    if (queue) return next();
    return response.status(503).json({ error: 'The pose generator is disabled' });
  });

  router.get(`/api/apps/${APP}/poses`, async (request, response) => {
    const all = `SELECT l.id, l.name, c.name AS category FROM pose_library l
      JOIN pose_categories c ON c.id = l.category_id ORDER BY l.id`;
    response.json({ poses: (await db.query(all)).rows });
  });
  router.post(`/api/apps/${APP}/requests`, async (request, response) => {
    const description = String(request.body?.description ?? '').trim().slice(0, 500);
    if (!description) return response.status(400).json({ error: 'Which pose?' });
    const insert = 'INSERT INTO pose_requests (user_id, description) VALUES ($1, $2) RETURNING id';
    return response.status(201).json((await db.query(insert, [response.locals.user.id, description])).rows[0]);
  });
  router.post(`/api/apps/${APP}/projects`, async (request, response) => {
    const name = String(request.body?.name ?? '').trim().slice(0, 100);
    if (!name) return response.status(400).json({ error: 'The project needs a name' });
    const insert = 'INSERT INTO pose_generator_projects (user_id, name) VALUES ($1, $2) RETURNING id, name';
    return response.status(201).json((await db.query(insert, [response.locals.user.id, name])).rows[0]);
  });

  router.post(`/api/apps/${APP}/projects/:project/generate`, async (request, response) => {
    const { user } = response.locals;
    const own = 'SELECT id FROM pose_generator_projects WHERE id::text = $1 AND user_id = $2';
    const project = (await db.query(own, [request.params.project, user.id])).rows[0];
    if (!project) return response.status(404).json({ error: 'No such project' });
    const wanted = [...new Set(Array.isArray(request.body?.poses) ? request.body.poses : [])].filter(Number.isInteger);
    const known = (await db.query('SELECT id FROM pose_library WHERE id = ANY($1::int[])', [wanted])).rows;
    if (!known.length || known.length !== wanted.length || known.length > MOST)
      return response.status(400).json({ error: `Up to ${MOST} poses of the library are needed` });

    let generation = 0;
    const creditBalance = await spend(db, user.id, known.length, 'poses', async (session) => {
      const insert = 'INSERT INTO pose_generations (project_id, prompt) VALUES ($1, $2) RETURNING id';
      generation = (await session.query(insert, [project.id, String(request.body.prompt ?? '')])).rows[0].id;
      await session.query('INSERT INTO pose_selections SELECT $1, unnest($2::int[])', [generation, wanted]);
    });
    try {
      await queue!.add(generation);
    } catch {
      await refund(db, logger, user.id, known.length, `poses ${generation}`);
      await db.query(`UPDATE pose_generations SET status = 'failed' WHERE id = $1`, [generation]);
      return response.status(503).json({ error: 'The queue cannot be reached; the credits are given back' });
    }
    await noteUse(db, logger, APP);
    return response.status(202).json({ generationId: generation, creditUsed: known.length, creditBalance });
  });
  router.get(`/api/apps/${APP}/generations/:id`, async (request, response) => {
    const progress = await progressOf(db, Number.parseInt(request.params.id, 10) || 0);
    if (progress?.userId !== response.locals.user.id) return response.status(404).json({ error: 'No such generation' });
    const made = 'SELECT pose_id, file FROM generated_poses WHERE generation_id = $1 ORDER BY id';
    const { rows } = await db.query(made, [progress!.generationId]);
    return response.json({ status: progress!.status, done: progress!.done, total: progress!.total, poses: rows });
  });
  return router;
}
