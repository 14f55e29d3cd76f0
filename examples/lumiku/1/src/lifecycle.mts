// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import type { Server, ServerResponse } from 'node:http';
import * as faults from './faults.mjs';
import type { Logger } from './logger.mjs';

const LONGEST_STOP = 10000;

type Options = {
  host: string;
  port: number;
  logger: Logger;
  onListening: () => void;
  closeSockets: () => void;
  cleanUp: () => Promise<void>;
};

/** Listen until SIGTERM or SIGINT, answer what is under way, clean up and end. */
export function serve(server: Server, state: { isStopping: boolean }, options: Options) {
  const { host, port, logger, onListening, closeSockets, cleanUp } = options;
  server.on('error', (error: NodeJS.ErrnoException) => {
    logger.error(`Cannot listen at port ${port}: ${error.code}`);
    process.exit(1);
  });
  server.listen(faults.has('wrong-port') ? 0 : port, host, () => {
    onListening();
    logger.good('Server started successfully');
    process.send?.('ready');
  });
  // Longer than nginx keeps its connections, so that it is never nginx that finds one closed.
  server.keepAliveTimeout = 75000;
  server.headersTimeout = 80000;

  const open = new Set<ServerResponse>();
  server.prependListener('request', (request, response) => {
    if (state.isStopping) response.setHeader('Connection', 'close');
    open.add(response);
    response.on('close', () => open.delete(response));
  });

  async function stop(signal: string) {
    if (faults.has('hangs-on-sigterm')) return logger.info(`Not stopping on ${signal}`);
    if (state.isStopping) return undefined;
    state.isStopping = true;
    logger.info(`Stopping on ${signal}`);
    for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
    setTimeout(() => process.exit(1), LONGEST_STOP).unref();
    // This closes idle connections as well.
    const closed = new Promise((resolve) => server.close(resolve));
    closeSockets();
    await closed;
    await cleanUp();
    logger.info('Stopped');
    return process.exit(0);
  }
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
}
