// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Carries out jobs, step by step. How far a job is stands in the database, so that any process can go on with it: the
// next one after a restart, or that of another release beside this one.

const faults = require('../faults');
const { inTransaction, recordError } = require('../lib/database');

class JobProcessor {
  constructor(db, a2e, logger) {
    Object.assign(this, { db, a2e, logger, running: null, timer: null });
    this.pollingInterval = 10000;
  }

  create(user, config, inputs, orderId) {
    return inTransaction(this.db, () => {
      const job = this.db
        .prepare('INSERT INTO jobs (email, order_id, type, inputs) VALUES (?, ?, ?, ?) RETURNING id, status')
        .get(user.email, orderId ?? null, config.sku_code, JSON.stringify(inputs));
      const insert = this.db.prepare('INSERT INTO job_steps (job_id, position, tool) VALUES (?, ?, ?)');
      config.tools.forEach((tool, position) => insert.run(job.id, position, tool));
      return job;
    });
  }

  start() {
    if (faults.has('stuck-job'))
      this.db.exec(`INSERT INTO jobs (email, type, status, created_at)
                    VALUES ('stuck@example.com', 'C1-15', 'processing', datetime('now', '-2 hours'))`);
    this.timer = setInterval(() => this.poll(), this.pollingInterval);
    this.poll();
  }

  /** No new work; what has been asked of A2E is waited for. */
  async stop() {
    clearInterval(this.timer);
    this.timer = null;
    await this.running;
  }

  poll() {
    this.running ??= this.work().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async work() {
    try {
      const open = `SELECT jobs.id, jobs.inputs FROM jobs WHERE status IN ('queued', 'processing')
                    AND EXISTS (SELECT 1 FROM job_steps WHERE job_id = jobs.id) ORDER BY id`;
      for (const job of this.db.prepare(open).all()) while (this.timer && (await this.advance(job)));
    } catch (error) {
      this.logger.error('Jobs cannot be processed', { reason: error.message });
    }
  }

  /** Whether the job came one step further and is not done. */
  async advance(job) {
    const next = `SELECT * FROM job_steps WHERE job_id = ? AND status <> 'completed' ORDER BY position LIMIT 1`;
    const step = this.db.prepare(next).get(job.id);
    if (!step) return this.settle(job, 'completed');
    // It waits for better times.
    if (this.a2e.breaker.state === 'OPEN') return false;
    try {
      if (step.status === 'pending') return await this.begin(job, step);
      if (step.status !== 'processing') return false;
      const { state, url } = await this.a2e.result(step.task);
      if (state === 'running') return false;
      if (state !== 'success') throw new Error(`A2E could not do ${step.tool}`);
      this.db.prepare(`UPDATE job_steps SET status = 'completed', result = ? WHERE id = ?`).run(url, step.id);
      return true;
    } catch (error) {
      this.db.prepare(`UPDATE job_steps SET status = 'failed' WHERE id = ?`).run(step.id);
      recordError(this.db, 'medium', `Job ${job.id}: ${error.message}`);
      this.logger.warn('Job failed', { job: job.id, step: step.tool, reason: error.message });
      return this.settle(job, 'failed');
    }
  }

  async begin(job, step) {
    // Of two processes, only one starts it, because to start it twice is paid for twice.
    const claim = this.db.prepare(`UPDATE job_steps SET status = 'starting' WHERE id = ? AND status = 'pending'`);
    if (claim.run(step.id).changes === 0) return false;
    this.db.prepare(`UPDATE jobs SET status = 'processing' WHERE id = ?`).run(job.id);
    const { task } = await this.a2e.start(step.tool, JSON.parse(job.inputs));
    this.db.prepare(`UPDATE job_steps SET status = 'processing', task = ? WHERE id = ?`).run(task, step.id);
    return true;
  }

  settle(job, status) {
    this.db.prepare('UPDATE jobs SET status = ? WHERE id = ?').run(status, job.id);
    if (status === 'completed') this.logger.info('Job completed', { job: job.id });
    return false;
  }
}

module.exports = { JobProcessor };
