-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TABLE `half_done` (`id` integer PRIMARY KEY NOT NULL);
--> statement-breakpoint
-- The column exists.
ALTER TABLE `api_credentials` ADD COLUMN `priority` integer DEFAULT 100 NOT NULL;
