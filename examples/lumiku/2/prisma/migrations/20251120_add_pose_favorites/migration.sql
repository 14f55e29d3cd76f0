-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Only adds, so that version 1 goes on beside it and after it.
BEGIN;

ALTER TABLE pose_library ADD COLUMN favorites INTEGER NOT NULL DEFAULT 0;

CREATE TABLE pose_favorites (
  user_id INTEGER NOT NULL REFERENCES users (id),
  pose_id INTEGER NOT NULL REFERENCES pose_library (id),
  PRIMARY KEY (user_id, pose_id)
);

COMMIT;
