-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

BEGIN TRANSACTION;
INSERT INTO log (said) VALUES ('six');
UPDATE log SET said = said || '.' WHERE said = 'six';
COMMIT;
INSERT INTO log (said) VALUES ('after six');
