// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Conversations, in the table ChatSession: any process can go on with one, and a restart loses none.

const crypto = require('node:crypto');
const faults = require('../../../faults');
const { EXPIRES } = require('../schema');

// MariaDB keeps JSON as text.
const parsed = (value) => (typeof value === 'string' ? JSON.parse(value) : value);

class SessionService {
  constructor(db, { SESSION_EXPIRY_HOURS }) {
    this.db = db;
    this.hours = Number(SESSION_EXPIRY_HOURS);
  }

  /** The session, or null if there is none that is still valid. */
  async get(id) {
    const [[row]] = await this.db.execute(
      `SELECT id, history, pois, created_at, ${EXPIRES} AS expires_at FROM ChatSession
       WHERE id = ? AND ${EXPIRES} > NOW()`,
      [id],
    );
    return row ? { ...row, history: parsed(row.history), pois: parsed(row.pois) } : null;
  }

  /** The id of a new session. */
  async create(messages, pois) {
    const id = crypto.randomUUID();
    await this.db.execute(
      `INSERT INTO ChatSession (id, history, pois, ${EXPIRES}) VALUES (?, ?, ?, NOW() + INTERVAL ? HOUR)`,
      [id, JSON.stringify(messages), JSON.stringify(pois), this.hours],
    );
    return id;
  }

  /** Add messages to what is there, also if somebody else has done so meanwhile. */
  async add(id, messages, pois) {
    const places = messages.map(() => `, '$', JSON_EXTRACT(?, '$')`).join('');
    await this.db.execute(
      `UPDATE ChatSession SET history = JSON_ARRAY_APPEND(history${places}), pois = ?,
       updated_at = NOW(), ${EXPIRES} = NOW() + INTERVAL ? HOUR WHERE id = ?`,
      [...messages.map((message) => JSON.stringify(message)), JSON.stringify(pois), this.hours, id],
    );
  }

  async remove(id) {
    const [{ affectedRows }] = await this.db.execute('DELETE FROM ChatSession WHERE id = ?', [id]);
    return affectedRows === 1;
  }
}

/** The same in the memory of one process, for the fault memory-sessions. */
class MemorySessions {
  sessions = new Map();

  get = async (id) => this.sessions.get(id) ?? null;

  create = async (history, pois) => {
    const id = crypto.randomUUID();
    this.sessions.set(id, { id, history, pois, created_at: new Date(), expires_at: null });
    return id;
  };

  add = async (id, messages, pois) => {
    const session = this.sessions.get(id);
    this.sessions.set(id, { ...session, history: [...session.history, ...messages], pois });
  };

  remove = async (id) => this.sessions.delete(id);
}

const createSessions = (db, config) =>
  faults.has('memory-sessions') ? new MemorySessions() : new SessionService(db, config);

module.exports = { createSessions };
