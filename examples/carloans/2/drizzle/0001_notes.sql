-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Only adds, so that version 1 goes on beside it and after it.
ALTER TABLE "leads" ADD COLUMN "score" integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
CREATE TABLE "lead_notes" (
  "id" serial PRIMARY KEY,
  "lead_id" integer NOT NULL REFERENCES "leads" ("id"),
  "text" text NOT NULL,
  "created_at" timestamp with time zone DEFAULT now() NOT NULL
);
