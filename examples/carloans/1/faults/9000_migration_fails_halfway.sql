-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Not in Drizzle's transaction: what comes before the mistake stays.
CREATE TABLE "half_done" ("id" integer PRIMARY KEY);
--> statement-breakpoint
UPDATE "leads" SET "name" = upper("name");
--> statement-breakpoint
COMMIT;
--> statement-breakpoint
ALTER TABLE "loan_queue" ADD COLUMN "priority" integer;
