// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { Router } from 'express';
import { avatars } from './avatars.mjs';
import { payments } from './payments.mjs';
import { poses } from './poses.mjs';
import type { Services } from './services.mjs';

/** All that a user may ask for. */
export function routes(services: Services) {
  const router = Router();
  for (const part of [payments, avatars, poses]) router.use(part(services));
  return router;
}
