// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What PM2 runs for the guides: one application has two instances, of which each has a port of its own.
"use strict";

const app = (name, APP, PORT, instances = 1) => ({
  name,
  script: `${__dirname}/server.js`,
  exec_mode: "fork",
  instances,
  increment_var: "PORT",
  env: { APP, PORT },
});

module.exports = {
  apps: [
    app("faceshot-chopshop", "faceshot", 3000),
    app("stacklens-api", "stacklens", 4000),
    app("jira", "jira", 4001),
    app("holibot-backend", "holibot", 3002, 2),
  ],
};
