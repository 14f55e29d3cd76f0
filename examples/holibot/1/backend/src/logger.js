// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// A line per event, which PM2 keeps: errors on standard error, the rest on standard output. Nothing of what people ask
// is ever written.

const line = (message) => `${new Date().toISOString().replace('T', ' ').replace(/\..*/, '')} ${message}`;

module.exports = {
  info: (message) => console.log(line(message)),
  error: (message) => console.error(line(message)),
};
