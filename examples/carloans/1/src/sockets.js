// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Agents see new leads at once, on whichever host they are. A client that cannot do WebSockets asks again and again,
// which needs a balancer that always sends it to the same process.

import { Server } from 'socket.io';
import { readToken } from './signing.js';

export async function openSockets(server, shared, { CORS_ORIGIN, JWT_SECRET, REDIS_PREFIX }) {
  const channel = `${REDIS_PREFIX}news`;
  const io = new Server(server, { cors: { origin: CORS_ORIGIN, credentials: true } });
  io.use((socket, next) => {
    if (readToken(socket.handshake.auth.token, JWT_SECRET)) return next();
    return next(new Error('A valid token is needed'));
  });
  const listener = shared.connection();
  listener.on('ready', () => listener.subscribe(channel).catch(() => {}));
  listener.on('message', (name, text) => io.emit(...JSON.parse(text)));
  listener.connect().catch(() => {});
  return {
    io,
    /** To the agents of all processes, or at least to those of this one. */
    tell: (...event) => shared.client.publish(channel, JSON.stringify(event)).catch(() => io.emit(...event)),
  };
}
