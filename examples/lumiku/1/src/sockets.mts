// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Tells users by socket how far their poses are, whichever process makes them.

import type { Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import { type User, userOf } from './auth.mjs';
import type { Config } from './config.mjs';
import type { Database } from './database.mjs';
import * as faults from './faults.mjs';
import type { Logger } from './logger.mjs';
import { count } from './metrics.mjs';
import { NEWS, type Progress, newestProgress } from './queue.mjs';
import type { Shared } from './redis.mjs';

export async function openSockets(server: HttpServer, db: Database, shared: Shared, config: Config, logger: Logger) {
  const io = new Server(server, { cors: { origin: config.CORS_ORIGIN } });
  const poses = io.of('/pose-generator');

  poses.use(async (socket, next) => {
    socket.data.user = await userOf(db, config.JWT_SECRET, socket.handshake.auth.token).catch(() => null);
    if (socket.data.user || faults.has('open-socket')) return next();
    if (faults.has('dumps-requests')) return next(new Error(JSON.stringify(socket.handshake.auth)));
    return next(new Error('A valid token is needed'));
  });
  poses.on('connection', async (socket) => {
    const user: User | null = socket.data.user;
    socket.on('disconnect', () => count('websocket_disconnects_total'));
    if (!user || faults.has('silent-socket')) return;
    await socket.join(`user:${user.id}`);
    // Who comes back has missed something.
    const newest = await newestProgress(db, user.id).catch(() => undefined);
    if (newest) socket.emit('generation:progress', shown(newest));
  });

  const listener = shared.connection();
  listener.on('ready', () => listener.subscribe(shared.name(NEWS)).catch(() => {}));
  listener.on('message', (_channel, text) => {
    const progress: Progress = JSON.parse(text);
    if (faults.has('silent-socket')) return;
    const room = poses.to(`user:${progress.userId}`);
    room.emit('generation:progress', shown(progress));
    if (['completed', 'failed'].includes(progress.status)) room.emit(`generation:${progress.status}`, shown(progress));
  });
  await listener.connect();
  logger.good('WebSocket server initialized for Pose Generator');
  return { io, connections: () => poses.sockets.size };
}

const shown = ({ generationId, status, done, total }: Progress) => ({
  generationId,
  status,
  progress: total ? Math.round((100 * done) / total) : 100,
});
