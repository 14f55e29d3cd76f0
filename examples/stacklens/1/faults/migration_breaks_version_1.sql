-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

ALTER TABLE `api_credentials` RENAME COLUMN `rate_limit` TO `requests_per_minute`;
