-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

ALTER TABLE orders ADD COLUMN note TEXT;
UPDATE orders SET note = 'n' || id WHERE id > 0;
CREATE INDEX orders_by_user ON orders (user_id);
