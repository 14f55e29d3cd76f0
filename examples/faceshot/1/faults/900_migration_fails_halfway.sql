-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- With FAULT=migration-fails-halfway, what comes before the mistake stays.
CREATE TABLE half_done (id INTEGER PRIMARY KEY);
UPDATE sku_tool_configs SET name = upper(name);
ALTER TABLE render_queue ADD COLUMN priority INTEGER;
