-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

SET FOREIGN_KEY_CHECKS = 0;
RENAME TABLE log TO said;
ALTER TABLE said ADD COLUMN at INT NOT NULL DEFAULT 7;
SET FOREIGN_KEY_CHECKS = 1;
