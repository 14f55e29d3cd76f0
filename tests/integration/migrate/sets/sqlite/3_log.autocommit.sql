-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TABLE log (id INTEGER PRIMARY KEY, said TEXT);
INSERT INTO log (said) VALUES ('three');
UPDATE log SET said = said || '!' WHERE said = 'three';
