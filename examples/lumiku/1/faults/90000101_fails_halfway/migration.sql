-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Not in one transaction: what comes before the mistake stays.
BEGIN;
CREATE TABLE half_done (id INTEGER PRIMARY KEY);
UPDATE pose_library SET name = upper(name);
COMMIT;
ALTER TABLE render_queue ADD COLUMN priority INTEGER;
