// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The client of A2E's API. Each request is recorded in the table a2e_api_calls.

const faults = require('../faults');
const { ENDPOINT } = require('../lib/schema');

class CircuitBreaker {
  constructor(threshold = 5, timeout = 60000) {
    Object.assign(this, { name: 'a2e', threshold, timeout, failures: 0, openedAt: null });
  }

  get state() {
    if (this.openedAt === null) return 'CLOSED';
    return Date.now() - this.openedAt < this.timeout ? 'OPEN' : 'HALF_OPEN';
  }

  async run(work) {
    if (this.state === 'OPEN') throw new Error('The circuit breaker of A2E is OPEN');
    try {
      const result = await work();
      Object.assign(this, { failures: 0, openedAt: null });
      return result;
    } catch (error) {
      this.failures += 1;
      if (this.failures >= this.threshold) this.openedAt = Date.now();
      throw error;
    }
  }
}

class A2EClient {
  constructor(db, { A2E_BASE_URL, A2E_API_KEY }, pause = 200) {
    this.breaker = new CircuitBreaker();
    if (faults.has('breaker-open')) this.breaker.openedAt = Infinity;
    this.address = A2E_BASE_URL;
    this.key = A2E_API_KEY;
    this.pause = pause;
    const insert = `INSERT INTO a2e_api_calls (${ENDPOINT}, success, status, duration_ms) VALUES (?, ?, ?, ?)`;
    this.record = (...values) => db.prepare(insert).run(...values);
  }

  avatars = () => this.call('/api/v1/anchor/character_list');
  voices = () => this.call('/api/v1/anchor/voice_list');
  credits = () => this.call('/api/v1/user/remainingCoins');
  start = (tool, inputs) => this.call('/api/v1/video/generate', { tool, inputs });
  // To ask again does no harm, so a moment of trouble is waited for.
  result = (task) => this.retried(() => this.call(`/api/v1/video/result?task=${encodeURIComponent(task)}`));

  call(path, body) {
    return this.breaker.run(() => this.request(path, body));
  }

  async request(path, body) {
    const began = performance.now();
    const endpoint = path.split('?')[0];
    let status = null;
    let answer;
    try {
      const response = await fetch(new URL(path, this.address), {
        method: body ? 'POST' : 'GET',
        headers: { Authorization: `Bearer ${this.key}`, 'Content-Type': 'application/json' },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(10000),
      });
      status = response.status;
      if (response.ok) answer = (await response.json()).data;
    } catch {
      // A connection that fails is a call without an answer.
    }
    this.record(endpoint, answer === undefined ? 0 : 1, status, Math.round(performance.now() - began));
    if (answer === undefined) throw new Error(`A2E ${endpoint} answered ${status ?? 'nothing'}`);
    return answer;
  }

  async retried(work, tries = 3) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await work();
      } catch (error) {
        if (tried === tries || this.breaker.state === 'OPEN') throw error;
        await new Promise((resolve) => setTimeout(resolve, this.pause * 2 ** tried));
      }
    }
  }
}

module.exports = { A2EClient, CircuitBreaker };
