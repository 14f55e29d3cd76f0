// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What is measured of requests since the start, as JSON and as Prometheus reads it.

const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const KEPT = 1000;
const SLOW = 2000;

export class Metrics {
  constructor() {
    Object.assign(this, { requests: {}, buckets: BUCKETS.map(() => 0), count: 0, seconds: 0, slow: 0, recent: [] });
    this.emails = { sent: 0, failed: 0 };
  }

  measure(status, ms) {
    const kind = `${Math.floor(status / 100)}xx`;
    this.requests[kind] = (this.requests[kind] ?? 0) + 1;
    this.count += 1;
    this.seconds += ms / 1000;
    if (ms > SLOW) this.slow += 1;
    BUCKETS.forEach((most, at) => {
      if (ms / 1000 <= most) this.buckets[at] += 1;
    });
    this.recent.push(ms);
    if (this.recent.length > KEPT) this.recent.shift();
  }

  performance() {
    const sorted = [...this.recent].sort((one, other) => one - other);
    const errors = this.requests['5xx'] ?? 0;
    return {
      requests: this.count,
      errors,
      errorRate: this.count ? errors / this.count : 0,
      averageMs: this.count ? (1000 * this.seconds) / this.count : 0,
      p95Ms: sorted[Math.ceil(0.95 * sorted.length) - 1] ?? 0,
      slowRequests: this.slow,
    };
  }

  /** The page, with these numbers of the moment: name with labels, and value. */
  page(gauges) {
    const lines = [];
    const add = (name, type, samples) => {
      lines.push(`# TYPE ccl_${name} ${type}`);
      for (const [labels, value, suffix = ''] of samples) lines.push(`ccl_${name}${suffix}${labels} ${value}`);
    };
    for (const [name, samples] of Object.entries(gauges)) add(name, 'gauge', samples);
    const kinds = ['2xx', '3xx', '4xx', '5xx'];
    add('http_requests_total', 'counter', kinds.map((kind) => [`{status="${kind}"}`, this.requests[kind] ?? 0]));
    add('emails_total', 'counter', Object.entries(this.emails).map(([outcome, n]) => [`{outcome="${outcome}"}`, n]));
    add('http_request_duration_seconds', 'histogram', [
      ...BUCKETS.map((most, at) => [`{le="${most}"}`, this.buckets[at], '_bucket']),
      ['{le="+Inf"}', this.count, '_bucket'],
      ['', this.seconds, '_sum'],
      ['', this.count, '_count'],
    ]);
    return `${lines.join('\n')}\n`;
  }
}
