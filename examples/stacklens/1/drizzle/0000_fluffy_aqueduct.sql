-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- What there was before there were migrations: where it is, nothing happens.
CREATE TABLE IF NOT EXISTS `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`email` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS `users_email_unique` ON `users` (`email`);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS `api_credentials` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`provider` text NOT NULL,
	`api_key` text,
	`api_secret` text,
	`endpoint` text,
	`is_active` integer DEFAULT true NOT NULL,
	`is_global` integer DEFAULT true NOT NULL,
	`user_id` integer,
	`rate_limit` integer,
	`usage_count` integer DEFAULT 0 NOT NULL,
	`current_month_usage` integer DEFAULT 0 NOT NULL,
	`last_used` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint

-- The table with the priority. The copy leaves it to the default: the old table has none.
CREATE TABLE `__new_api_credentials` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`provider` text NOT NULL,
	`api_key` text,
	`api_secret` text,
	`endpoint` text,
	`priority` integer DEFAULT 100 NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`is_global` integer DEFAULT true NOT NULL,
	`user_id` integer,
	`rate_limit` integer,
	`usage_count` integer DEFAULT 0 NOT NULL,
	`current_month_usage` integer DEFAULT 0 NOT NULL,
	`last_used` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `__new_api_credentials` ("id", "name", "provider", "api_key", "api_secret", "endpoint", "is_active",
	"is_global", "user_id", "rate_limit", "usage_count", "current_month_usage", "last_used", "created_at", "updated_at")
SELECT "id", "name", "provider", "api_key", "api_secret", "endpoint", "is_active",
	"is_global", "user_id", "rate_limit", "usage_count", "current_month_usage", "last_used", "created_at", "updated_at"
FROM `api_credentials`;
--> statement-breakpoint
DROP TABLE `api_credentials`;
--> statement-breakpoint
ALTER TABLE `__new_api_credentials` RENAME TO `api_credentials`;
--> statement-breakpoint
CREATE UNIQUE INDEX `api_credentials_name_unique` ON `api_credentials` (`name`);
