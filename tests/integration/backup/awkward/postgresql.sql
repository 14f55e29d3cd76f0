-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- What has to go on where it was, and who may do what.

CREATE TABLE large (id int PRIMARY KEY, b bytea, t text);
ALTER TABLE large ALTER b SET STORAGE EXTERNAL;
INSERT INTO large VALUES (1, decode(repeat('00ff0a275c', :repeats), 'hex'), NULL), (2, '', repeat('ä😀', 10000));
CREATE TABLE "or""der" ("select" serial PRIMARY KEY, "from" int REFERENCES large ON DELETE RESTRICT);
INSERT INTO "or""der" ("from") VALUES (1), (2), (NULL);
DELETE FROM "or""der" WHERE "from" IS NULL;
CREATE SEQUENCE cycling AS smallint MINVALUE -2 MAXVALUE 2 START 2 CYCLE;
SELECT nextval('cycling');
CREATE FUNCTION told() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user || (SELECT count(*) FROM large)';
