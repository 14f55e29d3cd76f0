-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

DROP TRIGGER noted;
CREATE TABLE gone (a INT);
DROP TABLE gone;
DROP INDEX orders_by_price ON orders;
