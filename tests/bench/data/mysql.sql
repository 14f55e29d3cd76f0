-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
-- About 1 GB. Half of a row is text that can be compressed well, half of it is not.
-- As a server is set up for a database of this size: what is read often is in its memory.
SET GLOBAL innodb_buffer_pool_size = 2147483648;
CREATE DATABASE bench;
USE bench;
CREATE TABLE events (id INT PRIMARY KEY, told TEXT, code TEXT);
INSERT INTO events
SELECT seq, CONCAT('{"user": ', seq, ', "action": "view", "page": "/products/', seq % 1000, '"}'), HEX(RANDOM_BYTES(256))
FROM seq_1_to_1700000;
