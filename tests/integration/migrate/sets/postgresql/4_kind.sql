-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TYPE kind AS ENUM ('a', 'b');
ALTER TABLE orders ADD COLUMN kind kind;
