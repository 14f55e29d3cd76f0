// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Generates poses, one after the other, in whatever process of this application has time. What is waiting and who works
// at it stands in Redis, and how far a generation is in the database: any other process can go on with it.

import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import * as credits from './credits.mjs';
import { type Database, inTransaction } from './database.mjs';
import * as faults from './faults.mjs';
import type { Logger } from './logger.mjs';
import type { Shared } from './redis.mjs';

export type Progress = { generationId: number; userId: number; status: string; done: number; total: number };

export const NEWS = 'poses:news';

const LEASE = 2000;
const RENDERING = 100;

const PROGRESS = `SELECT g.id AS "generationId", p.user_id AS "userId", g.status, g.prompt,
    (SELECT count(*)::int FROM pose_selections WHERE generation_id = g.id) AS total,
    (SELECT count(*)::int FROM generated_poses WHERE generation_id = g.id) AS done
  FROM pose_generations g JOIN pose_generator_projects p ON p.id = g.project_id`;

export async function progressOf(db: Database, id: number): Promise<(Progress & { prompt: string }) | undefined> {
  return (await db.query(`${PROGRESS} WHERE g.id = $1`, [id])).rows[0];
}

/** How far the newest generation of a user is. */
export async function newestProgress(db: Database, user: number): Promise<Progress | undefined> {
  return (await db.query(`${PROGRESS} WHERE p.user_id = $1 ORDER BY g.id DESC LIMIT 1`, [user])).rows[0];
}

export class PoseQueue {
  private isStopping = false;
  private working: Promise<void> = Promise.resolve();
  private recovering: NodeJS.Timeout | undefined;
  private readonly db: Database;
  private readonly redis: Redis;
  private readonly waiting: Redis;
  private readonly logger: Logger;
  private readonly folder: string;
  private readonly pending: string;
  private readonly active: string;
  private readonly ended: string;
  private readonly news: string;
  private readonly lease: (id: string) => string;

  constructor(db: Database, shared: Shared, redis: Redis, logger: Logger, folder: string) {
    Object.assign(this, { db, redis, logger, folder });
    this.waiting = shared.connection();
    this.pending = shared.name('poses:pending');
    this.active = shared.name('poses:active');
    this.ended = shared.name('poses:ended');
    this.news = shared.name(NEWS);
    this.lease = (id) => shared.name(`poses:lease:${id}`);
  }

  async add(id: number) {
    await this.redis.lpush(this.pending, String(id));
  }

  /** How many are in which state. */
  async counts(): Promise<Record<string, number>> {
    const [pending, active, ended] = await Promise.all([
      this.redis.llen(this.pending), this.redis.llen(this.active), this.redis.hgetall(this.ended),
    ]);
    return { pending, active, completed: Number(ended.completed ?? 0), failed: Number(ended.failed ?? 0) };
  }

  start() {
    this.working = this.work();
    this.recovering = setInterval(() => this.recover().catch(() => {}), LEASE / 2);
  }

  /** No new work; the pose under way is finished, and the rest left to others. */
  async stop() {
    this.isStopping = true;
    clearInterval(this.recovering);
    this.waiting.disconnect();
    await this.working;
  }

  private async work() {
    while (!this.isStopping) {
      try {
        if (this.waiting.status === 'wait') await this.waiting.connect();
        const id = await this.waiting.blmove(this.pending, this.active, 'RIGHT', 'LEFT', 1);
        if (id) await this.carryOut(id);
      } catch (error) {
        // Redis is away, or the database: what is active is taken up again once nobody holds it any more.
        if (!this.isStopping) await pause(200);
      }
    }
  }

  private async carryOut(id: string) {
    // Two may have it after a crash.
    if (!(await this.redis.set(this.lease(id), process.pid, 'PX', LEASE, 'NX'))) return;
    let left = await progressOf(this.db, Number(id));
    try {
      while (left && left.done < left.total && !this.isStopping) {
        await this.render(left);
        await this.redis.pexpire(this.lease(id), LEASE);
        left = await this.tell(left);
      }
      if (!left || left.done === left.total) return await this.settle(id, left, 'completed');
    } catch (error) {
      if ((error as Error).message !== 'unrenderable') throw error;
      return await this.settle(id, left, 'failed');
    }
    // Somebody else goes on with it.
    await this.redis.multi().lrem(this.active, 0, id).rpush(this.pending, id).del(this.lease(id)).exec();
    return undefined;
  }

  private async render({ generationId: id, prompt }: { generationId: number; prompt: string }) {
    if (faults.has('poses-fail') || /unrenderable/.test(prompt)) throw new Error('unrenderable');
    await pause(RENDERING);
    const next = `SELECT l.id, l.name FROM pose_selections s JOIN pose_library l ON l.id = s.pose_id
      WHERE s.generation_id = $1 AND l.id NOT IN (SELECT pose_id FROM generated_poses WHERE generation_id = $1)
      ORDER BY l.id LIMIT 1`;
    const pose = (await this.db.query(next, [id])).rows[0];
    const file = `pose-${id}-${pose.id}.svg`;
    await fs.writeFile(path.join(this.folder, file), picture(pose.name));
    await inTransaction(this.db, async (session) => {
      await session.query(`UPDATE pose_generations SET status = 'processing' WHERE id = $1`, [id]);
      await session.query(
        'INSERT INTO generated_poses (generation_id, pose_id, file) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [id, pose.id, file],
      );
    });
  }

  private async settle(id: string, generation: Progress | undefined, status: string) {
    const rest = this.redis.multi().lrem(this.active, 0, id).del(this.lease(id));
    if (generation) {
      const ended = await this.db.query(
        `UPDATE pose_generations SET status = $2 WHERE id = $1 AND status IN ('queued', 'processing') RETURNING id`,
        [generation.generationId, status],
      );
      if (ended.rows.length) rest.hincrby(this.ended, status, 1);
      if (ended.rows.length && status === 'failed') {
        this.logger.info(`Pose generation ${id} failed`);
        const missing = generation.total - generation.done;
        await credits.refund(this.db, this.logger, generation.userId, missing, `poses ${id}`);
      }
      await this.tell(generation);
    }
    await rest.exec();
  }

  /** To all processes, because any of them may have the user's socket. */
  private async tell({ generationId }: Progress) {
    const now = await progressOf(this.db, generationId);
    await this.redis.publish(this.news, JSON.stringify(now));
    return now;
  }

  /** Put back what nobody works at any more. */
  private async recover() {
    for (const id of await this.redis.lrange(this.active, 0, -1)) {
      if (await this.redis.exists(this.lease(id))) continue;
      if (await this.redis.lrem(this.active, 1, id)) await this.redis.rpush(this.pending, id);
    }
  }
}

/** As a picture is made here: a text on a ground. */
export function picture(text: string) {
  const escaped = text.replace(/[<>&]/g, ' ');
  const line = `<text x="16" y="128">${escaped}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">${line}</svg>\n`;
}
