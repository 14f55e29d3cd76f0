-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
-- About 1 GB. Half of a row is text that can be compressed well, half of it is not.
PRAGMA journal_mode = WAL;
CREATE TABLE events (id INTEGER PRIMARY KEY, told TEXT, code TEXT);
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1700000)
INSERT INTO events
SELECT n, '{"user": ' || n || ', "action": "view", "page": "/products/' || (n % 1000) || '"}', hex(randomblob(256))
FROM numbers;
PRAGMA wal_checkpoint(TRUNCATE);
