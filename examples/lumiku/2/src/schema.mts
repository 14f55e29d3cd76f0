// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The tables and columns without which this version does not work.

import * as faults from './faults.mjs';

export const FILE = faults.has('migration-breaks-version-1') ? 'path' : 'file';

export const COLUMNS: Record<string, string> = {
  users: 'id, email, credit_balance',
  credit_transactions: 'user_id, amount, reason',
  payments: 'order_id, user_id, amount, credits, status',
  app_stats: 'app, uses',
  avatar_projects: 'id, user_id, name',
  avatars: `id, project_id, name, source, ${FILE}`,
  avatar_presets: 'id, name, prompt',
  persona_examples: 'id, name, description',
  avatar_usage_history: 'avatar_id, action',
  avatar_generations: 'id, project_id, avatar_id, prompt, status',
  pose_categories: 'id, name',
  pose_library: 'id, category_id, name, favorites',
  pose_generator_projects: 'id, user_id, name',
  pose_generations: 'id, project_id, status, prompt',
  pose_selections: 'generation_id, pose_id',
  generated_poses: 'id, generation_id, pose_id, file',
  pose_requests: 'id, user_id, description',
  pose_favorites: 'user_id, pose_id',
};
