-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TABLE sku_tool_configs (
  sku_code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  tools TEXT NOT NULL,
  inputs TEXT NOT NULL,
  credits INTEGER NOT NULL,
  updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE job_steps (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  tool TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  task TEXT,
  result TEXT,
  UNIQUE (job_id, position)
);

CREATE TABLE a2e_api_calls (
  id INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL,
  success INTEGER NOT NULL,
  status INTEGER,
  duration_ms INTEGER NOT NULL,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX a2e_api_calls_by_time ON a2e_api_calls (created_at);

CREATE TABLE error_logs (
  id INTEGER PRIMARY KEY,
  severity TEXT NOT NULL,
  message TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX error_logs_by_time ON error_logs (created_at);
