// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

/** What guests say of their conversations; the last word counts. */
class FeedbackService {
  constructor(db) {
    this.db = db;
  }

  /** Whether there is such a session. */
  async add(id, rating) {
    const [{ affectedRows }] = await this.db.execute('UPDATE ChatSession SET rating = ? WHERE id = ?', [rating, id]);
    if (affectedRows === 0) return false;
    await this.db.execute('INSERT INTO ChatFeedback (session_id, rating) VALUES (?, ?)', [id, rating]);
    return true;
  }
}

module.exports = { FeedbackService };
