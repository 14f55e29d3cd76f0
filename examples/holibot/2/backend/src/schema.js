// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// The tables and columns without which this version does not work.

const faults = require('../../faults');

const EXPIRES = faults.has('migration-breaks-version-1') ? 'valid_until' : 'expires_at';

const COLUMNS = {
  ChatSession: `id, user_id, history, pois, created_at, updated_at, ${EXPIRES}, rating`,
  ChatFeedback: 'id, session_id, rating, created_at',
  ChatSessionCleanupLog: 'id, sessions_deleted, run_at',
};

module.exports = { COLUMNS, EXPIRES };
