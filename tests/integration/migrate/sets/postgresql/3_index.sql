-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE INDEX CONCURRENTLY orders_by_user ON orders (user_id);
