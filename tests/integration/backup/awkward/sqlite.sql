-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- What has to go on where it was.

CREATE TABLE large (id INTEGER PRIMARY KEY, b BLOB);
INSERT INTO large VALUES (1, randomblob(5 * :repeats)), (2, zeroblob(1));
CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, large REFERENCES large ON DELETE RESTRICT);
INSERT INTO counted (large) VALUES (1), (2), (2);
DELETE FROM counted WHERE id = 3;
CREATE VIEW writable AS SELECT id, large FROM counted;
CREATE TRIGGER written INSTEAD OF INSERT ON writable BEGIN INSERT INTO counted (large) VALUES (new.large); END;
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE found USING fts5 (body, content = notes, content_rowid = id, tokenize = 'trigram');
CREATE TRIGGER indexed AFTER INSERT ON notes BEGIN INSERT INTO found (rowid, body) VALUES (new.id, new.body); END;
INSERT INTO notes (body) VALUES ('größer 😀'), ('kleiner');
