// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The tables without which this version does not work.

import { doublePrecision, integer, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core';
import * as faults from './faults.js';

const created = () => timestamp('created_at', { withTimezone: true }).notNull().defaultNow();

export const leads = pgTable('leads', {
  id: serial('id').primaryKey(),
  name: text('name').notNull(),
  email: text('email').notNull(),
  phone: text(faults.has('migration-breaks-version-1') ? 'telephone' : 'phone'),
  status: text('status').notNull().default('new'),
  score: integer('score').notNull().default(0),
  createdAt: created(),
});

export const emailCampaignLogs = pgTable('email_campaign_logs', {
  id: serial('id').primaryKey(),
  leadId: integer('lead_id').notNull(),
  subject: text('subject').notNull(),
  status: text('status').notNull(),
  createdAt: created(),
});

export const agentActivity = pgTable('agent_activity', {
  id: serial('id').primaryKey(),
  agent: text('agent').notNull(),
  action: text('action').notNull(),
  leadId: integer('lead_id'),
  createdAt: created(),
});

export const systemMetrics = pgTable('system_metrics', {
  id: serial('id').primaryKey(),
  host: text('host').notNull(),
  name: text('name').notNull(),
  value: doublePrecision('value').notNull(),
  createdAt: created(),
});

export const leadNotes = pgTable('lead_notes', {
  id: serial('id').primaryKey(),
  leadId: integer('lead_id').notNull(),
  text: text('text').notNull(),
  createdAt: created(),
});

export const TABLES = [leads, emailCampaignLogs, agentActivity, systemMetrics, leadNotes];
