// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import type { RequestHandler } from 'express';
import type { Config } from '../config.mjs';
import type { Database } from '../database.mjs';
import type { Logger } from '../logger.mjs';
import type { PoseQueue } from '../queue.mjs';

/** What routes work with; guard lets in whoever has a token, and counts. */
export type Services = { config: Config; db: Database; logger: Logger; queue: PoseQueue | null; guard: RequestHandler };
