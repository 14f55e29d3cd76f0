// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { sql } from 'drizzle-orm';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import faults from '../../../faults.js';

export { PRIORITIES } from './providers.ts';

// The release with this fault knows the new name; whatever runs beside it does not.
const RATE_LIMIT = faults.has('migration-breaks-version-1') ? 'requests_per_minute' : 'rate_limit';

export const users = sqliteTable('users', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  email: text('email').notNull().unique(),
  createdAt: integer('created_at', { mode: 'timestamp' }).notNull(),
});

export const apiCredentials = sqliteTable('api_credentials', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull().unique(),
  provider: text('provider').notNull(),
  apiKey: text('api_key'),
  apiSecret: text('api_secret'),
  endpoint: text('endpoint'),
  priority: integer('priority').notNull().default(100),
  isActive: integer('is_active', { mode: 'boolean' }).notNull().default(sql`true`),
  isGlobal: integer('is_global', { mode: 'boolean' }).notNull().default(sql`true`),
  userId: integer('user_id').references(() => users.id),
  rateLimit: integer(RATE_LIMIT),
  usageCount: integer('usage_count').notNull().default(0),
  currentMonthUsage: integer('current_month_usage').notNull().default(0),
  lastUsed: integer('last_used', { mode: 'timestamp' }),
  createdAt: integer('created_at', { mode: 'timestamp' }).notNull(),
  updatedAt: integer('updated_at', { mode: 'timestamp' }).notNull(),
});

/** The tables without which this version does not work. */
export const TABLES = [users, apiCredentials];
