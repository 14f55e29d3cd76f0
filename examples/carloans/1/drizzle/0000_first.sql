-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TABLE "leads" (
  "id" serial PRIMARY KEY,
  "name" text NOT NULL,
  "email" text NOT NULL,
  "phone" text,
  "status" text DEFAULT 'new' NOT NULL,
  "created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "email_campaign_logs" (
  "id" serial PRIMARY KEY,
  "lead_id" integer NOT NULL REFERENCES "leads" ("id"),
  "subject" text NOT NULL,
  "status" text NOT NULL,
  "created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "agent_activity" (
  "id" serial PRIMARY KEY,
  "agent" text NOT NULL,
  "action" text NOT NULL,
  "lead_id" integer REFERENCES "leads" ("id"),
  "created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "system_metrics" (
  "id" serial PRIMARY KEY,
  "host" text NOT NULL,
  "name" text NOT NULL,
  "value" double precision NOT NULL,
  "created_at" timestamp with time zone DEFAULT now() NOT NULL
);
