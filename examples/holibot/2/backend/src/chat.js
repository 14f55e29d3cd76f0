// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// What the widget asks, below /api/v1/chat.

const express = require('express');
const { findPois } = require('./services/poiService');

const LONGEST = 500;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

module.exports = function chat({ sessions, mistral, limiter, feedback }) {
  const router = express.Router();
  const missing = (response) => response.status(404).json({ error: 'No such session' });

  router.post('/message', limiter, express.json({ limit: '10kb' }), async (request, response) => {
    const { query, sessionId } = request.body ?? {};
    if (typeof query !== 'string' || !query.trim() || query.length > LONGEST)
      return response.status(400).json({ error: `A query is a text of at most ${LONGEST} characters` });
    if (sessionId !== undefined && !ID.test(sessionId))
      return response.status(400).json({ error: 'This is not the id of a session' });
    // One that has expired is followed by another.
    const before = sessionId && (await sessions.get(sessionId));
    const pois = findPois(query, before?.pois);
    const question = { role: 'user', content: query };
    const message = await mistral.answer([...(before?.history ?? []), question], pois);
    const said = [question, { role: 'assistant', content: message }];
    if (before) await sessions.add(sessionId, said, pois);
    const id = before ? sessionId : await sessions.create(said, pois);
    return response.json({ sessionId: id, message, pois });
  });

  router.param('id', (request, response, next, id) => (ID.test(id) ? next() : missing(response)));
  router.get('/session/:id', async (request, response) => {
    const session = await sessions.get(request.params.id);
    if (!session) return missing(response);
    const { id: sessionId, history, pois, created_at: createdAt, expires_at: expiresAt } = session;
    return response.json({ sessionId, history, pois, createdAt, expiresAt });
  });
  router.post('/session/:id/feedback', limiter, express.json({ limit: '10kb' }), async (request, response) => {
    const rating = request.body?.rating;
    if (![1, 2, 3, 4, 5].includes(rating)) return response.status(400).json({ error: 'A rating is 1 to 5' });
    return (await feedback.add(request.params.id, rating)) ? response.status(201).json({ rating }) : missing(response);
  });
  router.delete('/session/:id', async (request, response) =>
    (await sessions.remove(request.params.id)) ? response.json({ deleted: true }) : missing(response),
  );
  return router;
};
