-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TABLE log (said VARCHAR(50));
START TRANSACTION;
INSERT INTO log (said) VALUES ('four');
UPDATE log SET said = CONCAT(said, '.') WHERE said = 'four';
COMMIT;
INSERT INTO log (said) VALUES ('after four');
