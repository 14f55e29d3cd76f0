// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
module.exports = {
  apps: [
    {
      name: "shop-backend",
      script: "./app.js",
      args: "--verbose 'two words'",
      exec_mode: "cluster",
      instances: 2,
      node_args: "--max-old-space-size=200",
      max_memory_restart: "300M",
      kill_timeout: 2000,
      watch: true,
      cron_restart: "0 3 * * *",
      env: { NODE_ENV: "development", GREETING: "hello" },
      env_production: { NODE_ENV: "production" },
    },
  ],
};
