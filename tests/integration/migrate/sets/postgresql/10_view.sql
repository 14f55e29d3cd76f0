-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE VIEW paid AS SELECT user_id, price FROM orders WHERE price IS NOT NULL;
