// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { Router } from 'express';
import { leads } from './leads.js';
import { notes } from './notes.js';
import { tests } from './tests.js';

/** All that whoever has the key may ask for, besides monitoring. */
export function routes(services) {
  const router = Router();
  for (const part of [tests, leads, notes]) router.use(part(services));
  return router;
}
