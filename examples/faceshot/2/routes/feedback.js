// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const express = require('express');
const { inTransaction } = require('../lib/database');
const { sanitize } = require('../services/config-manager');

/** What customers say of their jobs. */
module.exports = function feedback(db) {
  const router = express.Router();
  router.use('/api/jobs/:id/feedback', (request, response, next) => {
    const own = 'SELECT id, rating FROM jobs WHERE id = ? AND email = ?';
    request.job = db.prepare(own).get(Number(request.params.id), request.user.email);
    if (request.job) return next();
    return response.status(404).json({ error: 'No such job' });
  });
  router.get('/api/jobs/:id/feedback', (request, response) => {
    const comments = db.prepare('SELECT comment, created_at FROM job_feedback WHERE job_id = ? ORDER BY id');
    response.json({ rating: request.job.rating, comments: comments.all(request.job.id) });
  });
  router.post('/api/jobs/:id/feedback', (request, response) => {
    const { rating, comment = '' } = sanitize(request.body);
    if (![1, 2, 3, 4, 5].includes(rating)) return response.status(400).json({ error: 'A rating is 1 to 5' });
    inTransaction(db, () => {
      db.prepare('UPDATE jobs SET rating = ? WHERE id = ?').run(rating, request.job.id);
      db.prepare('INSERT INTO job_feedback (job_id, comment) VALUES (?, ?)').run(request.job.id, String(comment));
    });
    return response.status(201).json({ rating });
  });
  return router;
};
