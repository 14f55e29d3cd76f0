-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Avatars and poses: all of it, or nothing.
BEGIN;

CREATE TABLE avatar_projects (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE avatars (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  project_id INTEGER NOT NULL REFERENCES avatar_projects (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  file TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX avatars_by_project ON avatars (project_id);

CREATE TABLE avatar_presets (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name TEXT NOT NULL,
  prompt TEXT NOT NULL
);

CREATE TABLE persona_examples (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name TEXT NOT NULL,
  description TEXT NOT NULL
);

CREATE TABLE avatar_usage_history (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  avatar_id INTEGER NOT NULL REFERENCES avatars (id) ON DELETE CASCADE,
  action TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE avatar_generations (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  project_id INTEGER NOT NULL REFERENCES avatar_projects (id) ON DELETE CASCADE,
  avatar_id INTEGER REFERENCES avatars (id) ON DELETE SET NULL,
  prompt TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE pose_categories (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name TEXT NOT NULL
);

CREATE TABLE pose_library (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  category_id INTEGER NOT NULL REFERENCES pose_categories (id),
  name TEXT NOT NULL
);

CREATE TABLE pose_generator_projects (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE pose_generations (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  project_id INTEGER NOT NULL REFERENCES pose_generator_projects (id) ON DELETE CASCADE,
  status TEXT NOT NULL DEFAULT 'queued',
  prompt TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE pose_selections (
  generation_id INTEGER NOT NULL REFERENCES pose_generations (id) ON DELETE CASCADE,
  pose_id INTEGER NOT NULL REFERENCES pose_library (id),
  PRIMARY KEY (generation_id, pose_id)
);

CREATE TABLE generated_poses (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  generation_id INTEGER NOT NULL REFERENCES pose_generations (id) ON DELETE CASCADE,
  pose_id INTEGER NOT NULL REFERENCES pose_library (id),
  file TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  UNIQUE (generation_id, pose_id)
);

CREATE TABLE pose_requests (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  description TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO avatar_presets (name, prompt) VALUES ('Studio', 'portrait in a studio'), ('Outdoor', 'portrait in a park');
INSERT INTO persona_examples (name, description) VALUES ('Teacher', 'explains patiently'), ('Host', 'welcomes guests');
INSERT INTO pose_categories (name) VALUES ('Standing'), ('Sitting');
INSERT INTO pose_library (category_id, name)
SELECT pose_categories.id, poses.name
FROM (VALUES
  (1, 'Standing', 'arms crossed'), (2, 'Standing', 'waving'), (3, 'Sitting', 'at a desk'), (4, 'Sitting', 'reading')
) AS poses (position, category, name)
JOIN pose_categories ON pose_categories.name = poses.category
ORDER BY poses.position;

COMMIT;
