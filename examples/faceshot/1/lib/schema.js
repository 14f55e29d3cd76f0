// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The tables and columns without which this version does not work.

const faults = require('../faults');

const ENDPOINT = faults.has('migration-breaks-version-1') ? 'path' : 'endpoint';

const COLUMNS = {
  jobs: 'id, email, order_id, type, status, inputs, created_at',
  sku_tool_configs: 'sku_code, name, tools, inputs, credits, updated_at',
  job_steps: 'id, job_id, position, tool, status, task, result',
  a2e_api_calls: `id, ${ENDPOINT}, success, status, duration_ms, created_at`,
  error_logs: 'id, severity, message, created_at',
};

module.exports = { COLUMNS, ENDPOINT };
