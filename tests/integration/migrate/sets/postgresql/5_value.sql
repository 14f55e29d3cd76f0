-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

ALTER TYPE kind ADD VALUE 'c';
UPDATE orders SET kind = 'c' WHERE id = 1;
