-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- Only what still has the default.
UPDATE `api_credentials` SET `priority` = 10 WHERE `provider` = 'gemini' AND `priority` = 100;
--> statement-breakpoint
UPDATE `api_credentials` SET `priority` = 20 WHERE `provider` = 'groq' AND `priority` = 100;
--> statement-breakpoint
UPDATE `api_credentials` SET `priority` = 30 WHERE `provider` = 'openrouter' AND `priority` = 100;
--> statement-breakpoint
UPDATE `api_credentials` SET `priority` = 40 WHERE `provider` = 'openai' AND `priority` = 100;
--> statement-breakpoint
UPDATE `api_credentials` SET `priority` = 50 WHERE `provider` = 'anthropic' AND `priority` = 100;
