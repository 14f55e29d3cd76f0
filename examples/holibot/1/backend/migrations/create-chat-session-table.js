// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const { apply, hasTable } = require('./steps');

const SESSIONS = `
  CREATE TABLE ChatSession (
    id CHAR(36) PRIMARY KEY,
    user_id INT NULL,
    history JSON NOT NULL,
    pois JSON NOT NULL,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at DATETIME NOT NULL,
    INDEX ChatSession_expires_at (expires_at)
  ) CHARACTER SET utf8mb4
`;
const CLEANUPS = `
  CREATE TABLE ChatSessionCleanupLog (
    id INT AUTO_INCREMENT PRIMARY KEY,
    sessions_deleted INT NOT NULL,
    run_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
  ) CHARACTER SET utf8mb4
`;

apply([
  ['table ChatSession', hasTable('ChatSession'), SESSIONS],
  ['table ChatSessionCleanupLog', hasTable('ChatSessionCleanupLog'), CLEANUPS],
]);
