// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { Router } from 'express';
import { inTransaction } from '../database.mjs';
import type { Services } from './services.mjs';

/** The poses that users like best; who may ask, poses.mts has decided. */
export function favorites({ db }: Services) {
  const router = Router();
  router.get('/api/apps/pose-generator/favorites', async (request, response) => {
    const own = `SELECT l.id, l.name, l.favorites FROM pose_favorites f JOIN pose_library l ON l.id = f.pose_id
      WHERE f.user_id = $1 ORDER BY l.id`;
    response.json({ favorites: (await db.query(own, [response.locals.user.id])).rows });
  });
  router.put('/api/apps/pose-generator/favorites/:pose', async (request, response) => {
    const pose = Number.parseInt(request.params.pose, 10) || 0;
    const isKnown = await inTransaction(db, async (session) => {
      if (!(await session.query('SELECT FROM pose_library WHERE id = $1 FOR UPDATE', [pose])).rows.length) return false;
      const insert = 'INSERT INTO pose_favorites (user_id, pose_id) VALUES ($1, $2) ON CONFLICT DO NOTHING';
      const { rowCount } = await session.query(insert, [response.locals.user.id, pose]);
      await session.query('UPDATE pose_library SET favorites = favorites + $2 WHERE id = $1', [pose, rowCount]);
      return true;
    });
    return isKnown ? response.status(204).end() : response.status(404).json({ error: 'No such pose' });
  });
  return router;
}
