# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.reading import tables_touched

SQLITE, MYSQL, POSTGRESQL = ENGINES = ("sqlite", "mysql", "postgresql")


@pytest.mark.parametrize("dialect", ENGINES)
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", set()),
        ("-- nothing", set()),
        ("SELECT count(*) FROM users; BEGIN; COMMIT; VACUUM; PRAGMA x; SET a = 1", set()),
        ("CREATE INDEX i ON users (a); ALTER TABLE users ADD COLUMN b int; DROP INDEX i; DROP VIEW v", set()),
        ("CREATE VIEW v AS SELECT * FROM users", set()),
        ("INSERT INTO Users (a) VALUES (1)", {"users"}),
        ("INSERT INTO users SELECT * FROM orders", {"users"}),
        ("UPDATE users SET a = (SELECT max(b) FROM orders) WHERE id = 1", {"users"}),
        ("DELETE FROM main.users WHERE id IN (SELECT id FROM orders)", {"users"}),
        ("CREATE TABLE t (a int); DROP TABLE users", {"t", "users"}),
        ("CREATE TABLE t AS SELECT * FROM users", {"t"}),
        ("ALTER TABLE users RENAME TO people", {"users", "people"}),
        ("SELECT 'DELETE FROM users' /* DROP TABLE users */", set()),
        ("WITH x (a) AS (SELECT 1) INSERT INTO users (a) SELECT a FROM x", {"users"}),
        ("WITH x (a) AS (SELECT 1), y (b) AS (SELECT 2) INSERT INTO users (a) SELECT a FROM x, y", {"users"}),
        ("CREATE TRIGGER t AFTER DELETE ON users BEGIN DELETE FROM orders; END", None),
        ("DELETE FROM users; what is this", None),
    ],
)
def test_what_a_script_touches(dialect: str, sql: str, expected: set[str] | None) -> None:
    assert tables_touched(sql, dialect) == expected


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        (SQLITE, "REPLACE INTO users (a) VALUES (1)", {"users"}),
        (SQLITE, "INSERT OR IGNORE INTO users (a) VALUES (1)", {"users"}),
        (SQLITE, "SELECT load(1)", set()),
        (SQLITE, "ATTACH DATABASE 'x' AS y", None),
        (MYSQL, "TRUNCATE users", {"users"}),
        (MYSQL, "INSERT LOW_PRIORITY IGNORE INTO users (a) VALUES (1)", {"users"}),
        (MYSQL, "RENAME TABLE a TO b, c TO d", {"a", "b", "c", "d"}),
        (MYSQL, "UPDATE users u JOIN orders o ON o.id = u.id SET u.a = 1", {"users", "orders"}),
        (MYSQL, "DELETE u, o FROM users AS u JOIN orders AS o ON o.id = u.id", {"users", "orders"}),
        (MYSQL, "DELETE u.* FROM users AS u WHERE u.id = 1", {"users"}),
        (MYSQL, "LOAD DATA LOCAL INFILE 'x' INTO TABLE users", {"users"}),
        (MYSQL, "ALTER TABLE users DROP PARTITION p", {"users"}),
        (MYSQL, "ALTER TABLE users EXCHANGE PARTITION p WITH TABLE orders", {"users", "orders"}),
        (MYSQL, "/*!50001 DELETE FROM users */", {"users"}),
        (MYSQL, "CALL p()", None),
        (MYSQL, "DO f()", None),
        (MYSQL, "SET @x = f(1)", None),
        (MYSQL, "SET @x = 'DROP TABLE users'; PREPARE s FROM @x; EXECUTE s", None),
        (MYSQL, "DROP DATABASE shop", None),
        (MYSQL, "CREATE PROCEDURE p() BEGIN DELETE FROM users; END", set()),
        (MYSQL, "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM users", None),
        (POSTGRESQL, "TRUNCATE ONLY users, orders", {"users", "orders"}),
        (POSTGRESQL, "TRUNCATE users CASCADE", None),
        (POSTGRESQL, "MERGE INTO users u USING orders o ON o.id = u.id WHEN MATCHED THEN DELETE", {"users"}),
        (POSTGRESQL, "COPY users (a) FROM '/x'; COPY orders TO '/x'", {"users"}),
        (
            POSTGRESQL,
            "WITH d AS (DELETE FROM users RETURNING *) INSERT INTO orders SELECT * FROM d",
            {"users", "orders"},
        ),
        (POSTGRESQL, "SELECT * INTO t FROM users", {"t"}),
        (POSTGRESQL, "SELECT setval('s', (SELECT max(id) FROM users))", set()),
        (POSTGRESQL, "SELECT f()", None),
        (POSTGRESQL, 'SELECT "F"()', None),
        (POSTGRESQL, "WITH x AS (SELECT f()) SELECT * FROM x", None),
        (POSTGRESQL, "DO $$ BEGIN DELETE FROM users; END $$", None),
        (POSTGRESQL, "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM users $$", set()),
        (POSTGRESQL, "CREATE RULE r AS ON DELETE TO users DO INSTEAD DELETE FROM orders", None),
        (POSTGRESQL, "DROP SCHEMA audit CASCADE", None),
        (POSTGRESQL, "ALTER TABLE users DETACH PARTITION p", {"users"}),
        (POSTGRESQL, "CREATE PUBLICATION p FOR TABLE users", set()),
        (POSTGRESQL, "ALTER TABLE users SET SCHEMA old", {"users"}),
    ],
)
def test_what_a_script_of_one_engine_touches(dialect: str, sql: str, expected: set[str] | None) -> None:
    assert tables_touched(sql, dialect) == expected
