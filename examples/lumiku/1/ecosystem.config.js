// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// pm2 start ecosystem.config.js --env production
module.exports = {
  apps: [
    {
      name: 'lumiku',
      script: 'dist/server.mjs',
      exec_mode: 'fork',
      instances: 1,
      // The application says when it listens, and needs a moment to finish what is under way.
      wait_ready: true,
      listen_timeout: 15000,
      kill_timeout: 12000,
      max_memory_restart: '500M',
      env: { NODE_ENV: 'development' },
      env_production: { NODE_ENV: 'production' },
    },
  ],
};
