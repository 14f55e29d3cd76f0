// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What PM2 runs for the guides.
"use strict";

const app = (name, APP, PORT) => ({ name, script: `${__dirname}/server.js`, exec_mode: "fork", env: { APP, PORT } });

module.exports = {
  apps: [app("faceshot-chopshop", "faceshot", 3000)],
};
