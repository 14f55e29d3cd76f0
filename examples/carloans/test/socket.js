// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// As much of a client of Socket.IO as the tests need, over Node's own WebSocket.

const { until } = require('./application');

/** A socket with the events that came; it is refused if it has an error. */
async function connect(port, token) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
  const state = { events: [], error: null, isClosed: false, close: () => socket.close() };
  let isIn = false;
  socket.addEventListener('close', () => {
    state.isClosed = true;
  });
  socket.addEventListener('message', ({ data }) => {
    if (data[0] === '0') socket.send(`40${JSON.stringify(token ? { token } : {})}`);
    else if (data === '2') socket.send('3');
    else if (data.startsWith('40')) isIn = true;
    else if (data.startsWith('44')) state.error = JSON.parse(data.slice(2)).message;
    else if (data.startsWith('42')) state.events.push(JSON.parse(data.slice(2)));
  });
  await until(() => isIn || state.error || state.isClosed);
  return state;
}

module.exports = { connect };
