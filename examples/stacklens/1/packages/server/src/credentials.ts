// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The credentials of providers: kept with encrypted keys, shown without them, used in the order of their priorities.

import { PRIORITIES, apiCredentials } from '@stacklens/schema';
import { and, asc, eq, isNotNull, sql } from 'drizzle-orm';
import faults from '../../../faults.js';
import type { Cipher } from './crypto.ts';
import type { Database } from './database.ts';
import type { Logger } from './logger.ts';

type Row = typeof apiCredentials.$inferSelect;
type Given = Record<string, unknown>;
export type Usable = Row & { key: string };

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isTextOrNull = (value: unknown) => value === null || isText(value);
const isCount = (value: unknown) => Number.isInteger(value) && Number(value) >= 0;
const isCountOrNull = (value: unknown) => value === null || isCount(value);
const isFlag = (value: unknown) => typeof value === 'boolean';

/** What may be said of a credential, and what it has to be. */
const FIELDS: Record<string, [test: (value: unknown) => boolean, meaning: string]> = {
  name: [isText, 'a text'],
  provider: [isText, 'a text'],
  apiKey: [isTextOrNull, 'a text'],
  apiSecret: [isTextOrNull, 'a text'],
  endpoint: [(value) => value === null || (isText(value) && URL.canParse(String(value))), 'a URL'],
  priority: [isCount, 'a whole number'],
  isActive: [isFlag, 'true or false'],
  isGlobal: [isFlag, 'true or false'],
  userId: [isCountOrNull, 'the number of a user'],
  rateLimit: [isCountOrNull, 'a whole number'],
};
const SECRETS = ['apiKey', 'apiSecret'];

// The first use of a month begins its count anew.
const { usageCount, currentMonthUsage, lastUsed } = apiCredentials;
const isOfThisMonth = sql`${lastUsed} >= unixepoch('now', 'start of month')`;
const usedThisMonth = sql`CASE WHEN ${isOfThisMonth} THEN ${currentMonthUsage} ELSE 0 END`;

/** The beginning and the end of a long one, and nothing of a short one. */
const masked = (key: string) => (key.length < 12 ? '…' : `${key.slice(0, 3)}…${key.slice(-4)}`);

export class CredentialService {
  constructor(
    private readonly db: Database,
    private readonly cipher: Cipher,
    private readonly logger: Logger,
  ) {}

  /** What is wrong with what somebody says of a credential; nothing if nothing is. */
  problems(given: Given, { isNew }: { isNew: boolean }): string[] {
    const needed = isNew ? ['name', 'provider'].filter((name) => !(name in given)) : [];
    const wrong = Object.entries(given).filter(([name, value]) => !FIELDS[name]?.[0](value));
    return [
      ...needed.map((name) => `${name} is missing`),
      ...wrong.map(([name]) => (FIELDS[name] ? `${name} must be ${FIELDS[name][1]}` : `there is no field ${name}`)),
    ];
  }

  async list(provider?: string) {
    const { name, priority, id } = apiCredentials;
    const order = faults.has('unsorted') ? [asc(name)] : [asc(priority), asc(id)];
    const which = provider === undefined ? undefined : eq(apiCredentials.provider, provider);
    const rows = await this.db.select().from(apiCredentials).where(which).orderBy(...order);
    return rows.map((row) => this.shown(row));
  }

  async get(id: number) {
    const [row] = await this.db.select().from(apiCredentials).where(eq(apiCredentials.id, id));
    return row && this.shown(row);
  }

  async create(given: Given) {
    const now = new Date();
    const priority = PRIORITIES[String(given.provider)] ?? 100;
    const values = { priority, ...this.kept(given), createdAt: now, updatedAt: now };
    const [row] = await this.db.insert(apiCredentials).values(values as typeof apiCredentials.$inferInsert).returning();
    return this.shown(row);
  }

  /** The credential with what was said of it, or undefined if there is none. */
  async update(id: number, given: Given) {
    const values = { ...this.kept(given), updatedAt: new Date() };
    const [row] = await this.db.update(apiCredentials).set(values).where(eq(apiCredentials.id, id)).returning();
    return row && this.shown(row);
  }

  async remove(id: number): Promise<boolean> {
    const { rowsAffected } = await this.db.delete(apiCredentials).where(eq(apiCredentials.id, id));
    return rowsAffected === 1;
  }

  /** Those that can be used for everybody, the first to be used first. */
  async usable(): Promise<Usable[]> {
    const { isActive, isGlobal, apiKey, priority, id } = apiCredentials;
    const rows = await this.db
      .select()
      .from(apiCredentials)
      .where(and(eq(isActive, true), eq(isGlobal, true), isNotNull(apiKey)))
      .orderBy(asc(priority), asc(id));
    return rows.flatMap((row) => {
      const key = this.decrypted(row, row.apiKey);
      return key === null ? [] : [{ ...row, key }];
    });
  }

  async recordUse(id: number): Promise<void> {
    await this.db
      .update(apiCredentials)
      .set({ usageCount: sql`${usageCount} + 1`, currentMonthUsage: sql`${usedThisMonth} + 1`, lastUsed: new Date() })
      .where(eq(apiCredentials.id, id));
  }

  private kept(given: Given): Given {
    const encrypted = (name: string, value: unknown) =>
      SECRETS.includes(name) && value !== null ? this.cipher.encrypt(String(value)) : value;
    return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, encrypted(name, value)]));
  }

  private shown(row: Row) {
    const [apiKey, apiSecret] = [row.apiKey, row.apiSecret].map((kept) => {
      const key = this.decrypted(row, kept);
      return key === null ? null : masked(key);
    });
    return { ...row, apiKey, apiSecret };
  }

  private decrypted(row: Row, kept: string | null): string | null {
    try {
      return kept === null ? null : this.cipher.decrypt(kept);
    } catch {
      this.logger.error(`The key of the credential ${row.name} cannot be decrypted: is ENCRYPTION_KEY another one?`);
      return null;
    }
  }
}
