// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import faults from '../../../faults.js';
import type { Logger } from './logger.ts';

const LONGEST_STOP = 10000;

type Options = { host: string; port: number; logger: Logger; cleanUp: () => void };

/** Listen until SIGTERM or SIGINT, answer what is under way, clean up and end. */
export function serve(app: Express, { host, port, logger, cleanUp }: Options) {
  const state = { isStopping: false };
  const server = app.listen(faults.has('wrong-port') ? 0 : port, host, (error?: Error) => {
    if (error) {
      logger.error(`Cannot listen at ${host}:${port}: ${(error as NodeJS.ErrnoException).code}`);
      process.exit(1);
    }
    logger.info(`Server started at ${host}:${(server.address() as AddressInfo).port}`);
    process.send?.('ready');
  });
  // Longer than nginx keeps its connections, so that it is never nginx that finds one closed.
  server.keepAliveTimeout = 75000;
  server.headersTimeout = 80000;

  const open = new Set<import('node:http').ServerResponse>();
  server.prependListener('request', (request, response) => {
    if (state.isStopping) response.setHeader('Connection', 'close');
    open.add(response);
    response.on('close', () => open.delete(response));
  });

  function stop(signal: string) {
    if (faults.has('hangs-on-sigterm')) return logger.warn(`Not stopping at ${signal}`);
    if (state.isStopping) return undefined;
    state.isStopping = true;
    logger.info(`Stopping at ${signal}`);
    for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
    setTimeout(() => process.exit(1), LONGEST_STOP).unref();
    // This closes idle connections as well.
    server.close(() => {
      cleanUp();
      logger.info('Stopped');
      process.exit(0);
    });
    return undefined;
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  return state;
}
