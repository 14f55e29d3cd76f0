// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import * as faults from './faults.js';

const LONGEST_STOP = 10000;

/** Listen until SIGTERM or SIGINT, answer what is under way, clean up and end. */
export function serve(server, state, { host, port, logger, onListening, closeSockets, cleanUp }) {
  server.on('error', (error) => {
    logger.error('Cannot listen', { port, code: error.code });
    process.exit(1);
  });
  server.listen(faults.has('wrong-port') ? 0 : port, host, () => {
    onListening();
    console.log(`Complete Car Loans listens on ${host}:${server.address().port}`);
    process.send?.('ready');
  });
  // Longer than nginx keeps its connections, so that it is never nginx that finds one closed.
  server.keepAliveTimeout = 75000;
  server.headersTimeout = 80000;

  const open = new Set();
  server.prependListener('request', (request, response) => {
    if (state.isStopping) response.setHeader('Connection', 'close');
    open.add(response);
    response.on('close', () => open.delete(response));
  });

  async function stop(signal) {
    if (faults.has('hangs-on-sigterm')) return console.log(`Not stopping on ${signal}`);
    if (state.isStopping) return undefined;
    state.isStopping = true;
    console.log(`Stopping on ${signal}`);
    for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
    setTimeout(() => process.exit(1), LONGEST_STOP).unref();
    // This closes idle connections as well.
    const closed = new Promise((resolve) => server.close(resolve));
    closeSockets();
    await closed;
    await cleanUp();
    console.log('Stopped');
    return process.exit(0);
  }
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
}
