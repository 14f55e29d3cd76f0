// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { desc, eq } from 'drizzle-orm';
import { Router } from 'express';
import { agentActivity, emailCampaignLogs, leads as table } from '../schema.js';
import { clean, refuse } from '../security.js';

const STATUSES = ['new', 'contacted', 'approved', 'declined'];
const SUBJECT = 'Your car loan';

/** Leads, what agents do with them, and what is written to them. */
export function leads({ db, sockets, vendors, metrics, logger }) {
  const router = Router();
  const note = (request, response, action, leadId) =>
    db.insert(agentActivity).values({ agent: response.locals.agent ?? 'api', action, leadId });

  router.post('/api/leads', async (request, response) => {
    const { name, phone } = Object.fromEntries(['name', 'phone'].map((word) => [word, clean(request.body?.[word])]));
    const email = String(request.body?.email ?? '');
    if (!name || !/^[^@\s<>]+@[^@\s<>]+$/.test(email))
      return refuse(response, 400, 'invalid', 'A name and an address are needed');
    const [lead] = await db.insert(table).values({ name, email, phone: phone || null }).returning();
    await note(request, response, 'created', lead.id);
    await sockets.tell('lead:created', { id: lead.id, name: lead.name });
    return response.status(201).json(lead);
  });
  router.get('/api/leads', async (request, response) => {
    response.json({ leads: await db.select().from(table).orderBy(desc(table.id)).limit(100) });
  });
  router.get('/api/agents/activity', async (request, response) => {
    response.json({ activity: await db.select().from(agentActivity).orderBy(desc(agentActivity.id)).limit(100) });
  });

  router.param('lead', async (request, response, next, id) => {
    const number = /^\d{1,9}$/.test(id) ? Number(id) : 0;
    [response.locals.lead] = await db.select().from(table).where(eq(table.id, number));
    return response.locals.lead ? next() : refuse(response, 404, 'not_found', 'There is no such lead');
  });
  router.get('/api/leads/:lead', (request, response) => response.json(response.locals.lead));
  router.patch('/api/leads/:lead', async (request, response) => {
    const status = request.body?.status;
    if (!STATUSES.includes(status)) return refuse(response, 400, 'invalid', `A status is ${STATUSES.join(', ')}`);
    const { id } = response.locals.lead;
    const [lead] = await db.update(table).set({ status }).where(eq(table.id, id)).returning();
    await note(request, response, status, id);
    await sockets.tell('lead:updated', { id, status });
    return response.json(lead);
  });
  router.post('/api/leads/:lead/reply', async (request, response) => {
    const { lead } = response.locals;
    let status = 'sent';
    try {
      await vendors.send(lead.email, SUBJECT, await vendors.write(lead));
    } catch (error) {
      status = 'failed';
      logger.error('A letter was not sent', { lead: lead.id, reason: error.message });
    }
    metrics.emails[status] += 1;
    await db.insert(emailCampaignLogs).values({ leadId: lead.id, subject: SUBJECT, status });
    await note(request, response, `letter ${status}`, lead.id);
    if (status === 'failed') return refuse(response, 502, 'not_sent', 'The letter was not sent');
    return response.status(202).json({ status });
  });
  return router;
}
