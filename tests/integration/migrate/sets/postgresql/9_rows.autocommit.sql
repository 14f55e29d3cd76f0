-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

INSERT INTO log (said) VALUES ('nine');
DELETE FROM log WHERE said = 'after six';
ALTER TABLE log ADD COLUMN note text;
DROP INDEX orders_by_user;
