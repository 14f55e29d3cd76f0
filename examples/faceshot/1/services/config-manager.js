// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// What each SKU is made with, from the table sku_tool_configs, and whether a customer's inputs fit.

class ConfigManager {
  constructor(db, { COST_PER_CREDIT, MIN_MARGIN }) {
    this.db = db;
    this.cost = Number(COST_PER_CREDIT);
    this.margin = Number(MIN_MARGIN);
    this.cache = new Map();
  }

  clearCache() {
    this.cache.clear();
  }

  /** The configuration, or undefined if there is no such SKU. */
  get(code) {
    if (!this.cache.has(code)) {
      const row = this.db.prepare('SELECT * FROM sku_tool_configs WHERE sku_code = ?').get(code);
      if (!row) return undefined;
      const cost = row.credits * this.cost;
      const minimum_price = Math.ceil((cost / (1 - this.margin)) * 100) / 100;
      this.cache.set(code, { ...row, tools: JSON.parse(row.tools), inputs: JSON.parse(row.inputs), minimum_price });
    }
    return this.cache.get(code);
  }

  setCredits(code, credits) {
    this.db
      .prepare('UPDATE sku_tool_configs SET credits = ?, updated_at = CURRENT_TIMESTAMP WHERE sku_code = ?')
      .run(credits, code);
    this.clearCache();
  }

  validate(code, given) {
    const inputs = sanitize(given);
    const errors = [];
    for (const [name, { required, max }] of Object.entries(this.get(code).inputs)) {
      if (required && !inputs[name]) errors.push(`${name} is missing`);
      else if (String(inputs[name] ?? '').length > max) errors.push(`${name} is longer than ${max} characters`);
    }
    return { valid: errors.length === 0, errors, sanitized_inputs: inputs };
  }
}

/** Texts without markup, and nothing but texts and numbers, under names that are no markup either. */
function sanitize(inputs) {
  const clean = (text) => text.replace(/<[^>]*>/g, '').replace(/[<>"'`&]|javascript:|\bon\w+\s*=/gi, '').trim();
  const pairs = Object.entries(inputs ?? {})
    .filter(([, value]) => ['string', 'number'].includes(typeof value))
    .map(([name, value]) => [clean(name), typeof value === 'string' ? clean(value) : value]);
  return Object.fromEntries(pairs);
}

module.exports = { ConfigManager, sanitize };
