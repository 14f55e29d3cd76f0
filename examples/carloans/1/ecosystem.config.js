// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// pm2 start ecosystem.config.js --env production
//
// Each process has a port of its own, from PORT on. Each has a pool of connections, and during a deployment two
// releases run side by side, so hosts x INSTANCES_PER_HOST x 2 x DB_POOL_SIZE has to fit into PostgreSQL's
// max_connections: with two hosts, one process each and pools of 20 these are 80 of 100. DB_POOLS says how many there
// are, and production-readiness does the sum.
module.exports = {
  apps: [
    {
      name: 'carloans',
      script: 'dist/server.js',
      exec_mode: 'fork',
      instances: Number(process.env.INSTANCES_PER_HOST || 1),
      increment_var: 'PORT',
      wait_ready: true,
      listen_timeout: 15000,
      kill_timeout: 12000,
      max_memory_restart: '500M',
      node_args: process.env.NODE_OPTIONS ? [] : ['--max-old-space-size=400'],
      env: { NODE_ENV: 'development', PORT: process.env.PORT || 5000 },
      env_production: { NODE_ENV: 'production' },
    },
  ],
};
