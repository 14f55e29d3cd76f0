// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const faults = require('../../faults');

const LONGEST_STOP = 15000;

/** Listen until SIGTERM or SIGINT, answer what is under way, clean up and end. */
function serve(app, { host, port, logger, cleanUp }) {
  const state = { isStopping: false };
  const address = faults.has('listens-everywhere') ? '0.0.0.0' : host;
  const server = app.listen(faults.has('wrong-port') ? 0 : port, address, (error) => {
    if (error) {
      logger.error(`Cannot listen at ${address}:${port}: ${error.code}`);
      process.exit(1);
    }
    logger.info(`Server started at ${address}:${server.address().port}`);
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

  function stop(signal) {
    if (faults.has('hangs-on-sigterm')) return logger.info(`Not stopping at ${signal}`);
    if (state.isStopping) return undefined;
    state.isStopping = true;
    logger.info(`Stopping at ${signal}`);
    for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
    setTimeout(() => process.exit(1), LONGEST_STOP).unref();
    server.close(async () => {
      await cleanUp();
      logger.info('Stopped');
      process.exit(0);
    });
    // Node 18 closes idle connections only when it is told to.
    server.closeIdleConnections();
    return undefined;
  }
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
  return state;
}

module.exports = { serve };
