// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Only adds, so that version 1 goes on beside it and after it.

const { apply, hasColumn, hasTable } = require('./steps');

const FEEDBACK = `
  CREATE TABLE ChatFeedback (
    id INT AUTO_INCREMENT PRIMARY KEY,
    session_id CHAR(36) NOT NULL,
    rating TINYINT NOT NULL,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    INDEX ChatFeedback_session_id (session_id)
  ) CHARACTER SET utf8mb4
`;

const RATING = 'ALTER TABLE ChatSession ADD COLUMN rating TINYINT';

apply([
  ['table ChatFeedback', hasTable('ChatFeedback'), FEEDBACK],
  ['column ChatSession.rating', hasColumn('ChatSession', 'rating'), RATING],
]);
