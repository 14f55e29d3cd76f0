// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { Router } from 'express';
import * as faults from '../faults.js';
import { clean } from '../security.js';

/** What whoever proves a deployment asks for. */
export function tests() {
  const router = Router();
  router.all('/api/test', (request, response) => {
    const { q } = request.query;
    response.json({ message: 'It works', ...(q !== undefined && { q: faults.has('reflects-input') ? q : clean(q) }) });
  });
  return router;
}
