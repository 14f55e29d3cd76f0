// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { asc, eq, sql } from 'drizzle-orm';
import { Router } from 'express';
import { leadNotes, leads } from '../schema.js';
import { clean, refuse } from '../security.js';

/** What agents note of a lead; each note makes it more interesting. */
export function notes({ db }) {
  const router = Router();
  router.param('lead', async (request, response, next, id) => {
    const number = /^\d{1,9}$/.test(id) ? Number(id) : 0;
    [response.locals.lead] = await db.select().from(leads).where(eq(leads.id, number));
    return response.locals.lead ? next() : refuse(response, 404, 'not_found', 'There is no such lead');
  });
  router.get('/api/leads/:lead/notes', async (request, response) => {
    const { id, score } = response.locals.lead;
    const found = await db.select().from(leadNotes).where(eq(leadNotes.leadId, id)).orderBy(asc(leadNotes.id));
    response.json({ score, notes: found.map(({ text }) => text) });
  });
  router.post('/api/leads/:lead/notes', async (request, response) => {
    const text = clean(request.body?.text, 1000);
    if (!text) return refuse(response, 400, 'invalid', 'A note has a text');
    const { id } = response.locals.lead;
    await db.transaction(async (session) => {
      await session.insert(leadNotes).values({ leadId: id, text });
      await session.update(leads).set({ score: sql`${leads.score} + 1` }).where(eq(leads.id, id));
    });
    return response.status(201).json({ text });
  });
  return router;
}
