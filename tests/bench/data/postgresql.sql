-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
-- About 1 GB. Half of a row is text that can be compressed well, half of it is not.
CREATE DATABASE bench;
\connect bench
CREATE TABLE events (id int PRIMARY KEY, told text, code text);
INSERT INTO events
SELECT
    n,
    format('{"user": %s, "action": "view", "page": "/products/%s"}', n, n % 1000),
    (SELECT string_agg(md5(random()::text || n || i), '') FROM generate_series(1, 16) AS i)
FROM generate_series(1, 1700000) AS n;
CHECKPOINT;
