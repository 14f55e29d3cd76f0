-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE INDEX orders_by_price ON orders (price);
ALTER TABLE orders ADD COLUMN kind VARCHAR(10), ADD COLUMN note TEXT;
UPDATE orders SET kind = 'c' WHERE id = 1;
