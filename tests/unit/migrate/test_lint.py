# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint import lint
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import words
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.reading import tables_touched
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.rules import RULES, Finding, refused

SQLITE, MYSQL, POSTGRESQL = ENGINES = ("sqlite", "mysql", "postgresql")

TYPES = {
    "sqlite": ("TEXT", "NUMERIC(10,2)", "INTEGER", "TIMESTAMP"),
    "mysql": ("varchar(255)", "decimal(10,2)", "int(11)", "datetime"),
    "postgresql": ("character varying(255)", "numeric(10,2)", "integer", "timestamp without time zone"),
}


def schema(dialect: str) -> dict[str, list[Column]]:
    """The live database of most tests."""
    text, decimal, integer, moment = TYPES[dialect]
    return {
        "users": [
            Column("id", integer, False, None),
            Column("email", text, False, None),
            Column("Name", text, True, None),
            Column("age", integer, True, None),
            Column("balance", decimal, True, None),
            Column("created", moment, True, None),
        ],
        "orders": [Column("id", integer, False, None), Column("user_id", integer, True, None)],
    }


def migration(sql: str, *, path: str = "1_x.sql", up_line: int = 1) -> Migration:
    return Migration("1", "x", path, "0" * 64, up=sql, up_line=up_line)


def found(dialect: str, sql: str, tables: Mapping[str, Sequence[Column]] | None = None) -> list[str]:
    """The rules and their objects."""
    live = schema(dialect) if tables is None else tables
    return [f"{finding.rule} {finding.object}" for finding in lint([migration(sql)], dialect, live)]


ALL = [
    # drop_table
    ("DROP TABLE users", ["drop_table users"]),
    ("drop table if exists Users;", ["drop_table Users"]),
    ("DROP TABLE elsewhere", ["drop_table elsewhere"]),
    ("DROP TABLE IF EXISTS elsewhere", ["drop_table elsewhere"]),
    ("/* c */ DROP /* d */ TABLE -- e\n users", ["drop_table users"]),
    ("CREATE TABLE t (a int); DROP TABLE t", []),
    ("CREATE TABLE IF NOT EXISTS t (a int); DROP TABLE t", []),
    ("DROP TABLE IF EXISTS t; CREATE TABLE t (a int)", []),
    ("DROP TABLE IF EXISTS old; ALTER TABLE users RENAME TO old; CREATE VIEW users AS SELECT * FROM old", []),
    ("DROP TABLE t; CREATE TABLE t (a int)", ["drop_table t"]),
    ("DROP TABLE IF EXISTS users; CREATE TABLE users (a int)", ["drop_table users"]),
    ("CREATE TABLE t (a int); ALTER TABLE t RENAME TO s; DROP TABLE s", []),
    ("CREATE TABLE IF NOT EXISTS users (id int); DROP TABLE users", ["drop_table users"]),
    ("CREATE TEMPORARY TABLE t (a int); DROP TABLE t", []),
    ("INSERT INTO users (email) VALUES ('DROP TABLE users')", []),
    ("SELECT 1; -- DROP TABLE users", []),
    ("SELECT 1 /* ; DROP TABLE users; */", []),
    ("DROP VIEW v", []),
    ("DROP INDEX i", []),
    # drop_column
    ("ALTER TABLE users DROP COLUMN age", ["drop_column users.age"]),
    ("ALTER TABLE users DROP age", ["drop_column users.age"]),
    ("ALTER TABLE users ADD COLUMN x int; ALTER TABLE users DROP COLUMN x", []),
    ("CREATE TABLE t (a int, b int); ALTER TABLE t DROP COLUMN b", []),
    ("ALTER TABLE elsewhere DROP COLUMN a", ["drop_column elsewhere.a"]),
    (
        "ALTER TABLE users DROP COLUMN age; ALTER TABLE users ADD COLUMN age int; UPDATE users SET age = 1",
        ["drop_column users.age"],
    ),
    ("ALTER TABLE users ADD 7, DROP COLUMN age", ["drop_column users.age"]),
    # delete_without_where
    ("DELETE FROM users", ["delete_without_where users"]),
    ("DELETE FROM users WHERE 1 = 1", ["delete_without_where users"]),
    ("DELETE FROM users WHERE (TRUE)", ["delete_without_where users"]),
    ("DELETE FROM users WHERE ((1 = 1))", ["delete_without_where users"]),
    ("DELETE FROM users WHERE NOT 0 ORDER BY id LIMIT 5", ["delete_without_where users"]),
    ("DELETE FROM users WHERE id = 1", []),
    ("DELETE FROM users WHERE id = id", []),
    ("DELETE FROM users WHERE id IN (SELECT user_id FROM orders)", []),
    ("CREATE TABLE t (a int); DELETE FROM t", []),
    (
        "CREATE TABLE t (id int, user_id int); INSERT INTO t SELECT * FROM orders; DELETE FROM t",
        ["delete_without_where t"],
    ),
    ("INSERT INTO users (email) SELECT 'a' WHERE NOT EXISTS (SELECT 1 FROM users)", []),
    # update_without_where
    ("UPDATE users SET age = 1", ["update_without_where users"]),
    ("UPDATE users SET age = (SELECT max(id) FROM orders WHERE user_id = 1)", ["update_without_where users"]),
    ("UPDATE users SET age = 1 WHERE 1", ["update_without_where users"]),
    ("UPDATE users SET age = 1 WHERE id = 2", []),
    ("ALTER TABLE users ADD COLUMN x int; UPDATE users SET x = age", []),
    ("ALTER TABLE users ADD COLUMN x int; UPDATE users SET x = age, age = 2", ["update_without_where users"]),
    ("ALTER TABLE users ADD COLUMN x int; UPDATE users SET age = x", ["update_without_where users"]),
    ("CREATE TABLE t (a int); UPDATE t SET a = 1", []),
    (
        "CREATE TABLE t (id int, x int); INSERT INTO t (id, x) SELECT id, 1 FROM orders; UPDATE t SET x = 2",
        [],
    ),
    (
        "CREATE TABLE t (id int, x int); INSERT INTO t (id, x) SELECT id, 1 FROM orders; UPDATE t SET id = 2",
        ["update_without_where t"],
    ),
    ("CREATE TABLE t AS SELECT id FROM orders; UPDATE t SET id = 2", ["update_without_where t"]),
    # rename
    ("ALTER TABLE users RENAME TO people", ["rename_table users"]),
    ("ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people", []),
    ("ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME TO users", []),
    ("ALTER TABLE users RENAME TO people; CREATE TABLE users (id int)", ["rename_table users"]),
    ("ALTER TABLE users RENAME TO people; DROP TABLE people", ["drop_table people"]),
    ("ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME TO folk", ["rename_table users"]),
    ("CREATE TABLE t (a int); ALTER TABLE t RENAME TO s", []),
    ("ALTER TABLE users RENAME COLUMN age TO years", ["rename_column users.age"]),
    ("ALTER TABLE users ADD x int; ALTER TABLE users RENAME COLUMN x TO y", []),
    ("CREATE TABLE t (a int); ALTER TABLE t RENAME COLUMN a TO b", []),
    ("CREATE TABLE t AS SELECT id FROM orders; ALTER TABLE t RENAME COLUMN id TO b", []),
    ("ALTER TABLE elsewhere RENAME COLUMN a TO b", []),
    # not_null_without_default
    ("ALTER TABLE users ADD COLUMN x int NOT NULL", ["not_null_without_default users.x"]),
    ("ALTER TABLE users ADD x int NOT NULL DEFAULT NULL", ["not_null_without_default users.x"]),
    ("ALTER TABLE users ADD COLUMN x int NOT NULL DEFAULT 0", []),
    ("ALTER TABLE users ADD COLUMN x int NULL", []),
    ("ALTER TABLE users ADD COLUMN x int DEFAULT 1", []),
    ("CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN x int NOT NULL", []),
    # A WITH before the statement.
    ("WITH x AS (SELECT 1 AS a) DELETE FROM users", ["delete_without_where users"]),
    ("WITH x AS (SELECT 1 AS a) SELECT a FROM x WHERE a = 1", []),
    ("WITH RECURSIVE x AS (SELECT 1 AS a), y AS (SELECT 2) DELETE FROM users", ["delete_without_where users"]),
    # Nothing to say.
    ("", []),
    ("-- only words", []),
    ("CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL, UNIQUE (a))", []),
    ("INSERT INTO users (id, email) VALUES (1, 'a;b'), (2, 'c')", []),
    ("ALTER TABLE users ADD COLUMN x int", []),
]

BODY = "BEGIN DELETE FROM orders; UPDATE users SET age = 1; END"

SOME = [
    (SQLITE, 'DROP TABLE "users"', ["drop_table users"]),
    (SQLITE, "DROP TABLE [users]", ["drop_table users"]),
    (SQLITE, "DROP TABLE main.users", ["drop_table main.users"]),
    (SQLITE, "CREATE UNIQUE INDEX i ON users (email)", []),
    (SQLITE, f"CREATE TRIGGER t AFTER DELETE ON users {BODY}", []),
    (SQLITE, "CREATE TABLE t (key text PRIMARY KEY, value text); ALTER TABLE t DROP COLUMN key", []),
    (SQLITE, "INSERT OR REPLACE INTO users (id) VALUES (1)", []),
    (SQLITE, "ALTER TABLE users ADD COLUMN x int GENERATED ALWAYS AS (age * 2) VIRTUAL NOT NULL", []),
    (SQLITE, "UPDATE OR IGNORE users SET age = 1", ["update_without_where users"]),
    (SQLITE, "CREATE INDEX i ON users (email) WHERE lock = exclusive", []),
    (MYSQL, "DROP TABLE `users`, orders", ["drop_table users", "drop_table orders"]),
    (MYSQL, "DROP TABLE only", ["drop_table only"]),
    (MYSQL, "DROP TABLES users, orders", ["drop_table users", "drop_table orders"]),
    (MYSQL, "/*!40000 DROP TABLE users */", ["drop_table users"]),
    (MYSQL, "# DROP TABLE users\nSELECT 1", []),
    (MYSQL, "SELECT 'it\\'s; DROP TABLE users'", []),
    (MYSQL, "CREATE OR REPLACE TABLE users (id int)", ["drop_table users"]),
    (MYSQL, "CREATE TEMPORARY TABLE users (id int); DROP TEMPORARY TABLE users", []),
    (MYSQL, "DROP DATABASE shop", ["drop_database shop"]),
    (MYSQL, "DROP SCHEMA IF EXISTS shop", ["drop_database shop"]),
    (MYSQL, "TRUNCATE users", ["truncate users"]),
    (MYSQL, "TRUNCATE TABLE users", ["truncate users"]),
    (MYSQL, "CREATE TABLE t (a int); TRUNCATE t", []),
    (MYSQL, "ALTER TABLE users DROP PARTITION p0", ["truncate users"]),
    (MYSQL, "ALTER TABLE users TRUNCATE PARTITION p0", ["truncate users"]),
    (MYSQL, "ALTER TABLE users DROP age, DROP INDEX i", ["drop_column users.age"]),
    (MYSQL, "ALTER TABLE users DROP PRIMARY KEY, DROP FOREIGN KEY f, DROP KEY k, DROP CHECK c", []),
    (MYSQL, "ALTER TABLE users DROP COLUMN IF EXISTS gone", []),
    (MYSQL, "ALTER TABLE users DROP COLUMN IF EXISTS age", ["drop_column users.age"]),
    (MYSQL, f"CREATE PROCEDURE p() {BODY}", []),
    *(
        (MYSQL, f"CREATE DEFINER=a {body} p() BEGIN CREATE TABLE t (a int); END; DROP TABLE t", ["drop_table t"])
        for body in ("PROCEDURE", "FUNCTION")
    ),
    (
        MYSQL,
        f"DELIMITER $$\nCREATE DEFINER=`a`@`b` TRIGGER t AFTER DELETE ON users FOR EACH ROW {BODY}$$\nDELIMITER ;",
        [],
    ),
    (MYSQL, "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders", []),
    (MYSQL, "DELETE u FROM users AS u JOIN orders o ON o.user_id = u.id", []),
    (MYSQL, "DELETE u FROM users u LEFT JOIN orders o ON o.user_id = u.id", ["delete_without_where users"]),
    (MYSQL, "DELETE u FROM orders o RIGHT JOIN users u ON o.user_id = u.id", ["delete_without_where users"]),
    (MYSQL, "DELETE FROM users LIMIT 10", ["delete_without_where users"]),
    (MYSQL, "DELETE LOW_PRIORITY QUICK IGNORE FROM users", ["delete_without_where users"]),
    (MYSQL, "UPDATE users JOIN (SELECT 1 AS a) AS o SET age = 1", []),
    (
        MYSQL,
        "CREATE TABLE t (id int, x int); INSERT INTO t (id, x) SELECT id, user_id FROM orders; UPDATE orders, t SET x"
        " = 2",
        ["update_without_where orders"],
    ),
    (MYSQL, "UPDATE users u JOIN orders o ON o.user_id = u.id SET u.age = 1", []),
    (MYSQL, "UPDATE users, orders SET age = 1", ["update_without_where users"]),
    (MYSQL, "RENAME TABLE users TO people", ["rename_table users"]),
    (MYSQL, "RENAME TABLE IF EXISTS users TO people", ["rename_table users"]),
    (MYSQL, "ALTER TABLE users RENAME people", ["rename_table users"]),
    (MYSQL, "ALTER TABLE users RENAME INDEX a TO b, RENAME KEY c TO d", []),
    (MYSQL, "ALTER TABLE users CHANGE age years int(11)", ["rename_column users.age"]),
    (MYSQL, "ALTER TABLE users CHANGE age age bigint", []),
    (MYSQL, "ALTER TABLE users MODIFY email varchar(100) NOT NULL", ["narrowing users.email"]),
    (MYSQL, "ALTER TABLE users MODIFY COLUMN email varchar(255) CHARACTER SET utf8mb4 NOT NULL", []),
    (MYSQL, "ALTER TABLE users MODIFY email varchar(255) CHAR SET utf8mb4 NOT NULL", []),
    (MYSQL, "ALTER TABLE users WAIT 5 DROP COLUMN age", ["drop_column users.age"]),
    (MYSQL, "ALTER ONLINE TABLE users NOWAIT DROP COLUMN age", ["drop_column users.age"]),
    (MYSQL, "ALTER TABLE users MODIFY email text NOT NULL", []),
    (
        MYSQL,
        "CREATE TABLE t LIKE users; ALTER TABLE t MODIFY email varchar(10); ALTER TABLE users MODIFY email"
        " varchar(20) NOT NULL",
        ["narrowing users.email"],
    ),
    (MYSQL, "ALTER TABLE users MODIFY email json NOT NULL", ["narrowing users.email"]),
    (MYSQL, "ALTER TABLE users MODIFY age smallint", ["narrowing users.age"]),
    (MYSQL, "ALTER TABLE users MODIFY age int unsigned", ["narrowing users.age"]),
    (MYSQL, "ALTER TABLE users MODIFY age int(4)", []),
    (MYSQL, "ALTER TABLE users MODIFY age bigint unsigned", ["narrowing users.age"]),
    (MYSQL, "ALTER TABLE users MODIFY age int NOT NULL", ["set_not_null users.age"]),
    (MYSQL, "ALTER TABLE users MODIFY id int NOT NULL", []),
    (
        MYSQL,
        "ALTER TABLE users MODIFY age int NOT NULL;\nALTER TABLE users MODIFY age int NOT NULL",
        ["set_not_null users.age"],
    ),
    (MYSQL, "CREATE TABLE t (a int); UPDATE t, users SET age = 1", ["update_without_where t"]),
    (MYSQL, "ALTER TABLE users MODIFY created date", ["narrowing users.created"]),
    (MYSQL, "ALTER TABLE users MODIFY created timestamp", ["narrowing users.created"]),
    (MYSQL, "ALTER TABLE users MODIFY created datetime(3)", []),
    (MYSQL, "ALTER TABLE users MODIFY elsewhere int", ["narrowing users.elsewhere"]),
    (MYSQL, "ALTER TABLE users ADD x int; ALTER TABLE users MODIFY x smallint NOT NULL", []),
    (MYSQL, "ALTER TABLE users ADD (a int NOT NULL, b int, KEY k (b))", ["not_null_without_default users.a"]),
    (MYSQL, "ALTER TABLE users ADD COLUMN n int NOT NULL AUTO_INCREMENT", []),
    (MYSQL, "ALTER TABLE users ADD INDEX i (age), ADD UNIQUE KEY k (email)", []),
    (MYSQL, "ALTER TABLE users ADD FULLTEXT INDEX i (email)", ["blocking_index users"]),
    (MYSQL, "ALTER TABLE users ADD SPATIAL KEY i (place)", ["blocking_index users"]),
    (MYSQL, "CREATE FULLTEXT INDEX i ON users (email)", ["blocking_index users"]),
    (MYSQL, "CREATE SPATIAL INDEX i ON users (place)", ["blocking_index users"]),
    (MYSQL, "ALTER TABLE users RENAME TO p; CREATE DEFINER=a SQL SECURITY INVOKER VIEW users AS SELECT * FROM p", []),
    (MYSQL, "CREATE INDEX i ON users (email) ALGORITHM=COPY", ["blocking_index users"]),
    (MYSQL, "CREATE INDEX i ON users (email) ALGORITHM = INPLACE LOCK = NONE", []),
    (MYSQL, "ALTER TABLE users ADD COLUMN x int, LOCK=EXCLUSIVE", ["blocking_index users"]),
    (MYSQL, "CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN x int, LOCK=EXCLUSIVE", []),
    (MYSQL, "CREATE TABLE t (a text); CREATE FULLTEXT INDEX i ON t (a)", []),
    (MYSQL, "ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)", []),
    (MYSQL, "INSERT INTO users (id) VALUES (1) ON DUPLICATE KEY UPDATE age = 1", []),
    (POSTGRESQL, 'DROP TABLE public.users, "Orders" CASCADE', ["drop_table public.users", "drop_table Orders"]),
    (POSTGRESQL, "DO $$ BEGIN DROP TABLE users; END $$", []),
    (POSTGRESQL, "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $a$ DELETE FROM users; $a$", []),
    (POSTGRESQL, "CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC DELETE FROM users; END", []),
    (POSTGRESQL, "CREATE RULE r AS ON DELETE TO users DO INSTEAD DELETE FROM orders", []),
    (POSTGRESQL, "/* a /* b */ DROP TABLE users; */ SELECT 1", []),
    (POSTGRESQL, "COMMENT ON TABLE users IS 'DELETE FROM users'", []),
    (POSTGRESQL, "GRANT DELETE, TRUNCATE ON users TO app", []),
    (POSTGRESQL, "DROP DATABASE shop", ["drop_database shop"]),
    (POSTGRESQL, "DROP SCHEMA IF EXISTS audit, other CASCADE", ["drop_schema audit", "drop_schema other"]),
    (POSTGRESQL, "DROP OWNED BY app", ["drop_schema app"]),
    (POSTGRESQL, "DROP TYPE mood CASCADE", ["drop_column mood"]),
    (POSTGRESQL, "DROP TYPE mood", []),
    (POSTGRESQL, "ALTER TABLE users ADD x int CHECK (x > 0)", ["blocking_constraint users"]),
    (POSTGRESQL, "TRUNCATE users, ONLY orders", ["truncate users", "truncate orders"]),
    (POSTGRESQL, "TRUNCATE users *, orders", ["truncate users", "truncate orders"]),
    (POSTGRESQL, "DROP EXTENSION IF EXISTS hstore CASCADE", ["drop_column hstore"]),
    (POSTGRESQL, "DROP FOREIGN TABLE users", []),
    *(
        (POSTGRESQL, f"CREATE {kind} TABLE t (a int); DROP TABLE t", [])
        for kind in ("TEMP", "UNLOGGED", "GLOBAL TEMPORARY", "LOCAL TEMP")
    ),
    (POSTGRESQL, "DROP DOMAIN mood CASCADE", ["drop_column mood"]),
    (POSTGRESQL, "ALTER TABLE users RENAME TO p; CREATE RECURSIVE VIEW users (a) AS SELECT 1", []),
    (POSTGRESQL, "ALTER TABLE users RENAME TO p; CREATE MATERIALIZED VIEW users AS SELECT 1", ["rename_table users"]),
    (POSTGRESQL, "DROP MATERIALIZED VIEW users", []),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE integer ARRAY USING ARRAY[age]", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE users ADD CONSTRAINT p PRIMARY KEY (id)", ["blocking_constraint users"]),
    (POSTGRESQL, "ALTER TABLE users ADD EXCLUDE USING gist (a WITH &&)", ["blocking_constraint users"]),
    (POSTGRESQL, "TRUNCATE ONLY users, orders RESTART IDENTITY", ["truncate users", "truncate orders"]),
    (POSTGRESQL, "ALTER TABLE ONLY users DROP CONSTRAINT c", []),
    (POSTGRESQL, "ALTER TABLE IF EXISTS users DROP COLUMN age CASCADE", ["drop_column users.age"]),
    (POSTGRESQL, "ALTER TABLE IF EXISTS ONLY users * DROP COLUMN IF EXISTS age", ["drop_column users.age"]),
    (POSTGRESQL, 'ALTER TABLE users DROP COLUMN "Name"', ["drop_column users.Name"]),
    (POSTGRESQL, "DELETE FROM users USING orders", ["delete_without_where users"]),
    (POSTGRESQL, "DELETE FROM users USING (SELECT 1) AS o", ["delete_without_where users"]),
    (POSTGRESQL, "DELETE FROM ONLY users u USING orders o WHERE o.user_id = u.id", []),
    (POSTGRESQL, "WITH d AS (DELETE FROM users RETURNING *) SELECT count(*) FROM d", ["delete_without_where users"]),
    (POSTGRESQL, "WITH d AS MATERIALIZED (DELETE FROM users WHERE id = 1 RETURNING id) SELECT id FROM d", []),
    (
        POSTGRESQL,
        "UPDATE users SET age = o.id FROM orders o JOIN orders p ON p.id = o.id",
        ["update_without_where users"],
    ),
    (POSTGRESQL, "UPDATE users SET (age, balance) = (1, 2)", ["update_without_where users"]),
    (POSTGRESQL, "UPDATE ONLY users SET age = 1", ["update_without_where users"]),
    (POSTGRESQL, "ALTER TABLE users ADD a int, ADD b int; UPDATE users SET (a, b) = (1, 2)", []),
    (POSTGRESQL, "ALTER TABLE users SET SCHEMA old", ["rename_table users"]),
    (POSTGRESQL, "ALTER TABLE users RENAME age TO years", ["rename_column users.age"]),
    (POSTGRESQL, "ALTER TABLE users RENAME CONSTRAINT a TO b", []),
    (POSTGRESQL, "ALTER INDEX a RENAME TO b", []),
    (POSTGRESQL, "ALTER TABLE users ALTER COLUMN email TYPE varchar(100)", ["narrowing users.email"]),
    (POSTGRESQL, "ALTER TABLE users ALTER email SET DATA TYPE varchar(300)", []),
    (POSTGRESQL, "ALTER TABLE users ALTER email TYPE text", []),
    (POSTGRESQL, "ALTER TABLE users ALTER email TYPE citext", []),
    (POSTGRESQL, "ALTER TABLE users ALTER email TYPE char(255)", ["blocking_rewrite users.email"]),
    (POSTGRESQL, "ALTER TABLE users ALTER email TYPE uuid USING email::uuid", ["narrowing users.email"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE smallint", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE bigint", ["blocking_rewrite users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE int4", []),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE boolean USING age > 0", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE real", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE double precision", ["blocking_rewrite users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE numeric(9,0)", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE numeric(10,0)", ["blocking_rewrite users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE varchar(5)", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER balance TYPE integer", ["narrowing users.balance"]),
    (POSTGRESQL, "ALTER TABLE users ALTER balance TYPE numeric(12,2)", []),
    (POSTGRESQL, "ALTER TABLE users ALTER balance TYPE numeric", []),
    (POSTGRESQL, "ALTER TABLE users ALTER balance TYPE numeric(10,4)", ["narrowing users.balance"]),
    (POSTGRESQL, "ALTER TABLE users ALTER balance TYPE numeric(9,2)", ["narrowing users.balance"]),
    (POSTGRESQL, "ALTER TABLE users ALTER balance TYPE numeric(12,4)", ["blocking_rewrite users.balance"]),
    (POSTGRESQL, "ALTER TABLE users ALTER created TYPE date", ["narrowing users.created"]),
    (POSTGRESQL, "ALTER TABLE users ALTER created TYPE timestamp(3)", ["narrowing users.created"]),
    (POSTGRESQL, "ALTER TABLE users ALTER created TYPE timestamptz", ["blocking_rewrite users.created"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age TYPE integer[] USING ARRAY[age]", ["narrowing users.age"]),
    (POSTGRESQL, "ALTER TABLE elsewhere ALTER a TYPE int", ["narrowing elsewhere.a"]),
    (POSTGRESQL, "CREATE TABLE t (a text); ALTER TABLE t ALTER a TYPE int", []),
    (POSTGRESQL, "ALTER TABLE users ADD COLUMN IF NOT EXISTS x int NOT NULL", ["not_null_without_default users.x"]),
    (POSTGRESQL, "ALTER TABLE users ADD x bigserial", ["blocking_rewrite users.x"]),
    (POSTGRESQL, "CREATE TABLE t (a int); ALTER TABLE t ADD x bigserial", []),
    (POSTGRESQL, "ALTER TABLE users ADD x int GENERATED BY DEFAULT AS IDENTITY", ["blocking_rewrite users.x"]),
    (POSTGRESQL, "ALTER TABLE users ADD x int GENERATED ALWAYS AS (age) STORED", ["blocking_rewrite users.x"]),
    (POSTGRESQL, "ALTER TABLE users ADD x uuid NOT NULL DEFAULT gen_random_uuid()", ["blocking_rewrite users.x"]),
    (POSTGRESQL, "ALTER TABLE users ADD x int DEFAULT (1 + random())", ["blocking_rewrite users.x"]),
    (POSTGRESQL, "ALTER TABLE users ADD x timestamptz NOT NULL DEFAULT now()", []),
    (POSTGRESQL, "ALTER TABLE users ADD x int REFERENCES orders (id)", []),
    (POSTGRESQL, "ALTER TABLE users ADD x int UNIQUE", ["blocking_constraint users"]),
    (POSTGRESQL, "ALTER TABLE users ALTER age SET NOT NULL", ["set_not_null users.age"]),
    (POSTGRESQL, "ALTER TABLE users ALTER COLUMN email SET NOT NULL", []),
    (POSTGRESQL, "ALTER TABLE users ADD x int; ALTER TABLE users ALTER x SET NOT NULL", []),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CONSTRAINT c CHECK (age IS NOT NULL) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT c;"
        " ALTER TABLE users ALTER age SET NOT NULL",
        [],
    ),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CONSTRAINT c CHECK (age IS NOT NULL) NOT VALID; ALTER TABLE users ALTER age SET NOT"
        " NULL",
        ["set_not_null users.age"],
    ),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CONSTRAINT c CHECK (age IS NOT NULL OR id > 1) NOT VALID;"
        " ALTER TABLE users VALIDATE CONSTRAINT c; ALTER TABLE users ALTER age SET NOT NULL",
        ["set_not_null users.age"],
    ),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CHECK (age IS NOT NULL); ALTER TABLE users ALTER age SET NOT NULL",
        ["blocking_constraint users"],
    ),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CONSTRAINT c CHECK ((age IS NOT NULL)) NOT VALID;"
        " ALTER TABLE users VALIDATE CONSTRAINT d; ALTER TABLE users ALTER age SET NOT NULL",
        ["set_not_null users.age"],
    ),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CHECK (age IS NOT NULL) NOT VALID; ALTER TABLE users ALTER age SET NOT NULL",
        ["set_not_null users.age"],
    ),
    (
        POSTGRESQL,
        "ALTER TABLE users ADD CHECK (age IS NOT NULL) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT"
        " users_age_check; ALTER TABLE users ALTER age SET NOT NULL",
        [],
    ),
    (POSTGRESQL, "ALTER TABLE users ALTER age SET DEFAULT 1, ALTER age DROP NOT NULL", []),
    (POSTGRESQL, "CREATE INDEX i ON users (age)", ["blocking_index users"]),
    (POSTGRESQL, "CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY public.users (age)", ["blocking_index public.users"]),
    (POSTGRESQL, "CREATE INDEX ON users (age)", ["blocking_index users"]),
    (POSTGRESQL, "CREATE INDEX CONCURRENTLY i ON users (age)", []),
    (POSTGRESQL, "CREATE INDEX CONCURRENTLY ON users (age)", []),
    (POSTGRESQL, "CREATE INDEX i ON elsewhere (a)", []),
    (POSTGRESQL, "CREATE TABLE t (a int); CREATE INDEX i ON t (a)", []),
    (POSTGRESQL, "ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)", ["blocking_constraint users"]),
    (POSTGRESQL, "ALTER TABLE users ADD CHECK (age > 0) NOT VALID", []),
    (POSTGRESQL, "ALTER TABLE users ADD FOREIGN KEY (age) REFERENCES orders (id)", ["blocking_constraint users"]),
    (POSTGRESQL, "ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (age) REFERENCES orders NOT VALID", []),
    (POSTGRESQL, "ALTER TABLE users ADD CONSTRAINT u UNIQUE (email)", ["blocking_constraint users"]),
    (POSTGRESQL, "ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX i", []),
    (POSTGRESQL, "ALTER TABLE users VALIDATE CONSTRAINT c", []),
    (POSTGRESQL, "CREATE TABLE t (a int); ALTER TABLE t ADD CHECK (a > 0), ADD UNIQUE (a)", []),
    (POSTGRESQL, "CREATE PUBLICATION p FOR TABLE users; DROP TABLE users", ["drop_table users"]),
]


@pytest.mark.parametrize("dialect", ENGINES)
@pytest.mark.parametrize(("sql", "expected"), ALL)
def test_what_every_engine_loses(dialect: str, sql: str, expected: list[str]) -> None:
    assert found(dialect, sql) == expected


@pytest.mark.parametrize(("dialect", "sql", "expected"), SOME)
def test_what_one_engine_loses(dialect: str, sql: str, expected: list[str]) -> None:
    assert found(dialect, sql) == expected


def test_types_are_compared_by_what_they_can_hold() -> None:
    wider = [
        ("tinyint(4)", "smallint"),
        ("int unsigned", "bigint"),
        ("varchar(255)", "mediumtext"),
        ("text", "longtext"),
        ("enum('a','b')", "enum('a','b','c')"),
        ("enum('a','b')", "varchar(1)"),
        ("date", "datetime"),
        ("binary(16)", "varbinary(16)"),
        ("float", "double"),
        ("json", "longtext"),
        ("mediumint", "float"),
        ("timestamp", "datetime"),
        ("decimal(10,2)", "varchar(12)"),
        ("tinytext", "varchar(255)"),
        ("text", "varchar(65535)"),
        ("float", "real"),
        ("float(25)", "double"),
        ("bigint", "decimal(19)"),
        ("tinyint", "mediumint"),
        ("tinyblob", "blob"),
        ("blob", "mediumblob"),
        ("mediumblob", "longblob"),
    ]
    narrower = [
        ("longtext", "mediumtext"),
        ("text", "varchar(1000)"),
        ("enum('a','b','c')", "enum('a','c')"),
        ("enum('a','bcd')", "varchar(2)"),
        ("double", "float"),
        ("varbinary(32)", "binary(16)"),
        ("bit(8)", "bit"),
        ("blob", "text"),
        ("decimal", "decimal(9)"),
        ("int", "float"),
        ("decimal(10,2)", "varchar(11)"),
        ("char(36)", "char(32)"),
        ("time", "datetime"),
        ("tinytext", "varchar(254)"),
        ("text", "varchar(65534)"),
        ("real", "float"),
        ("float(25)", "float(24)"),
        ("float(25)", "float(7,4)"),
        ("bigint", "decimal(18)"),
        ("mediumint", "smallint"),
        ("blob", "tinyblob"),
        ("mediumblob", "blob"),
        ("longblob", "mediumblob"),
        ("int", "int zerofill"),
        ("date", "timestamp"),
        ("timestamp(3)", "datetime(2)"),
        ("set('a','b')", "set('a')"),
    ]

    def judged(old: str, new: str) -> list[str]:
        return found(MYSQL, f"ALTER TABLE t MODIFY a {new}", {"t": [Column("a", old, True, None)]})

    assert [(old, new) for old, new in wider if judged(old, new)] == []
    assert [(old, new) for old, new in narrower if judged(old, new) != ["narrowing t.a"]] == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("boolean", "varchar(5)", "blocking_rewrite"),
        ("boolean", "varchar(4)", "narrowing"),
        ("uuid", "varchar(36)", "blocking_rewrite"),
        ("uuid", "varchar(35)", "narrowing"),
        ("timestamptz", "varchar(32)", "blocking_rewrite"),
        ("timestamptz", "varchar(31)", "narrowing"),
        ("real", "varchar(255)", "blocking_rewrite"),
        ("real", "varchar(254)", "narrowing"),
        ("float4", "float", "blocking_rewrite"),
        ("float", "float4", "narrowing"),
        ("real", "float(24)", ""),
        ("numeric", "numeric(10,2)", "narrowing"),
        ("numeric(10,2)", "numeric(10)", "narrowing"),
        ("json", "jsonb", "blocking_rewrite"),
        ("jsonb", "json", "blocking_rewrite"),
        ("cidr", "inet", ""),
        ("date", "timestamp(3)", "blocking_rewrite"),
        ("time", "time with time zone", "blocking_rewrite"),
        ("bool", "boolean", ""),
        ("smallint", "int2", ""),
        ("bigint", "int8", ""),
        ("double precision", "float8", ""),
        ("varchar", "text", ""),
        ("bpchar", "bpchar(2)", "blocking_rewrite"),
        ("bit varying(5)", "bit varying(8)", ""),
        ("bit varying", "bit varying(8)", "narrowing"),
        ("character(5)", "character(6)", "blocking_rewrite"),
        ("integer[]", "integer ARRAY", ""),
        ("public.citext", "citext", ""),
    ],
)
def test_types_of_postgresql(old: str, new: str, rule: str) -> None:
    tables = {"t": [Column("a", old, True, None)]}
    assert found(POSTGRESQL, f"ALTER TABLE t ALTER a TYPE {new}", tables) == ([f"{rule} t.a"] if rule else [])


def test_a_type_is_known_after_it_was_changed() -> None:
    tables = {"t": [Column("a", "enum('A','b')", True, None)]}
    sql = "ALTER TABLE t MODIFY a ENUM ('A', 'b', 'c'); ALTER TABLE t MODIFY a"
    assert found(MYSQL, f"{sql} enum('A','b','c','d')", tables) == []
    assert found(MYSQL, f"{sql} enum('A','b')", tables) == ["narrowing t.a"]


@pytest.mark.parametrize(
    ("dialect", "sql", "told"),
    [
        (POSTGRESQL, "DROP OWNED BY app", "drops all that the role app owns with everything in it."),
        (POSTGRESQL, "DROP SCHEMA audit", "drops the schema audit with everything in it."),
        (MYSQL, "DROP SCHEMA audit", "drops the database audit with everything in it."),
        (POSTGRESQL, "TRUNCATE users", "empties the table users. Delete only"),
        (POSTGRESQL, "TRUNCATE users CASCADE", "empties the table users and every table that refers to it."),
        (MYSQL, "ALTER TABLE users DROP PARTITION p", "empties a partition of the table users."),
        (MYSQL, "ALTER TABLE users TRUNCATE PARTITION p", "empties a partition of the table users."),
        (POSTGRESQL, "CREATE INDEX i ON users (age)", "makes an index of the table users, to which nobody can write"),
        (POSTGRESQL, "CREATE INDEX i ON users (age)", "Use CREATE INDEX CONCURRENTLY, outside of a transaction."),
        (MYSQL, "CREATE FULLTEXT INDEX i ON users (email)", "makes a FULLTEXT index of the table users,"),
        (MYSQL, "ALTER TABLE users ADD SPATIAL (place)", "makes a SPATIAL index of the table users,"),
        (MYSQL, "ALTER TABLE users ADD x int, LOCK SHARED", "LOCK=SHARED keeps others from writing to the table users"),
        (POSTGRESQL, "ALTER TABLE users ADD CHECK (age > 0)", "a constraint (CHECK) that is proved for all rows"),
        (
            POSTGRESQL,
            "ALTER TABLE users ADD PRIMARY KEY (id)",
            "(PRIMARY KEY) that is proved for all rows while nobody",
        ),
        (POSTGRESQL, "ALTER TABLE users ADD FOREIGN KEY (age) REFERENCES o", "Add it as NOT VALID, and VALIDATE it"),
        (POSTGRESQL, "ALTER TABLE users ADD UNIQUE (id)", "Make a unique index CONCURRENTLY,"),
        (
            POSTGRESQL,
            "ALTER TABLE users ALTER email TYPE VarChar ( 100 )",
            "the column email of users from character varying(255) to varchar(100), which cannot hold",
        ),
        (POSTGRESQL, "ALTER TABLE users ALTER age TYPE public.Mood [ ]", "from integer to public.mood[], which cannot"),
        (MYSQL, "ALTER TABLE users MODIFY age enum ('x', 'y')", "from int(11) to enum(...), which cannot hold"),
        (SQLITE, 'CREATE INDEX i ON users ("zz")', "the index is of one text that is the same in every row."),
        (SQLITE, "DELETE FROM users WHERE \"zz\" = 'x'", "takes it for a text: it stands for the text 'zz'."),
    ],
)
def test_what_is_told(dialect: str, sql: str, told: str) -> None:
    [finding] = lint([migration(sql)], dialect, schema(dialect))
    assert told in finding.sentence


@pytest.mark.parametrize("dialect", ENGINES)
def test_what_cannot_be_read_can_be_anything(dialect: str) -> None:
    assert tables_touched("DELETE FROM 7", dialect) is None
    assert tables_touched("UPDATE users SET age = 1; ALTER TABLE users RENAME TO 7", dialect) is None
    assert tables_touched("WITH RECURSIVE c (n) AS (SELECT 1) INSERT INTO users SELECT n FROM c", dialect) == {"users"}
    assert tables_touched("MERGE INTO ONLY users USING orders ON true WHEN MATCHED THEN DELETE", dialect) == {"users"}
    assert tables_touched("DROP OPERATOR === (int, int); COPY (SELECT 1) TO '/x'", dialect) == set()
    assert tables_touched("(SELECT 1) UNION (SELECT 2)", dialect) == set()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * INTO TEMP TABLE t FROM users", {"t"}),
        ("SELECT * INTO UNLOGGED t FROM users", {"t"}),
        ("WITH RECURSIVE c (n) AS (SELECT 1) SEARCH DEPTH FIRST BY n SET o DELETE FROM users", {"users"}),
        ("CREATE FOREIGN TABLE t (a int) SERVER s", set()),
        ("CREATE CONSTRAINT TRIGGER t AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION f()", None),
    ],
)
def test_what_a_script_of_postgresql_touches(sql: str, expected: set[str] | None) -> None:
    assert tables_touched(sql, POSTGRESQL) == expected


CREATE = "CREATE TABLE new_users (id int, email text, name text, age int, balance int, created int);"
COPY = (
    "INSERT INTO new_users (id, email, name, age, balance, created)"
    " SELECT id, email, name, age, balance, created FROM users"
)


def copied_age(value: str) -> str:
    """The same with this as what becomes of the age."""
    return COPY.replace("SELECT id, email, name, age", f"SELECT id, email, name, {value}")


COPY_ALL = "INSERT INTO new_users SELECT * FROM users;"
COPY_BACK = "INSERT INTO users SELECT * FROM new_users"
TAKE_ALL = "CREATE TABLE new_users AS SELECT * FROM users;"
TAKE_BRACKETED = "CREATE TABLE new_users AS (SELECT * FROM users);"
TAKE_SOME = "CREATE TABLE new_users AS SELECT id, email FROM users;"
UNION = "UNION SELECT 1, 2, 3, 4, 5, 6 FROM users;"
LIKE = "CREATE TABLE new_users (LIKE users INCLUDING ALL); INSERT INTO new_users (SELECT * FROM users);"
SWAP = "DROP TABLE users; ALTER TABLE new_users RENAME TO users;"


@pytest.mark.parametrize("dialect", ENGINES)
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"{CREATE} {COPY}; {SWAP}", []),
        (f"{CREATE} {COPY_ALL} {SWAP}", []),
        (f"{CREATE} {COPY.replace('age, balance', 'balance, age')}; {SWAP}", []),
        (f"{CREATE} {COPY.replace('SELECT id,', 'SELECT coalesce(id, 0) AS id,')}; {SWAP}", []),
        (f"{CREATE} {COPY} WHERE 1 = 1; {SWAP}", []),
        (f"{CREATE} {COPY} ORDER BY id; {SWAP}", []),
        (
            f"{CREATE} {COPY.replace('FROM users', 'FROM users AS u').replace('SELECT id', 'SELECT u.id AS x')};"
            f" {SWAP}",
            [],
        ),
        # The other way around: the old table goes aside first.
        (
            f"ALTER TABLE users RENAME TO old_users;{CREATE} {COPY.replace('FROM users', 'FROM old_users')}; ALTER"
            " TABLE new_users RENAME TO users; DROP TABLE old_users;",
            [],
        ),
        (
            f"ALTER TABLE users RENAME TO old_users; {CREATE.replace('new_users', 'users')}"
            f" {COPY.replace('FROM users', 'FROM old_users').replace('new_users', 'users')};",
            [],
        ),
        # Over a table between.
        (
            f"{CREATE} {COPY}; DROP TABLE users; {CREATE.replace('new_users', 'users')}"
            f" {COPY_BACK}; DROP TABLE new_users;",
            [],
        ),
        (
            f"{CREATE} {COPY}; DROP TABLE users; {CREATE.replace('new_users', 'users')}"
            f" {COPY_BACK} WHERE id > 1; DROP TABLE new_users;",
            ["rebuild_loses_rows users"],
        ),
        (f"{TAKE_ALL} {SWAP}", []),
        (f"{TAKE_BRACKETED} {SWAP}", []),
        (f"{TAKE_BRACKETED.replace('AS ', '')} {SWAP}", []),
        (
            f"{TAKE_SOME} {SWAP}",
            [
                "rebuild_loses_column users.age",
                "rebuild_loses_column users.balance",
                "rebuild_loses_column users.created",
                "rebuild_loses_column users.name",
            ],
        ),
        # A column that is new, of whatever value.
        (
            f"{CREATE.replace('id int', 'id int, x int')}"
            f" {COPY.replace('(id', '(x, id').replace('SELECT id', 'SELECT 100, id')}; {SWAP}",
            [],
        ),
        (
            f"{CREATE.replace('id int', 'id int, x int')}"
            f" {COPY.replace('(id', '(x, id').replace('SELECT id', 'SELECT age, id')}; {SWAP}",
            [],
        ),
        # rebuild_loses_column
        (f"{CREATE} {COPY.replace(', age', '')}; {SWAP}", ["rebuild_loses_column users.age"]),
        (f"{CREATE.replace(' age int,', '')} {COPY.replace(', age', '')}; {SWAP}", ["rebuild_loses_column users.age"]),
        (
            f"{CREATE} {copied_age('0')}; {SWAP}",
            ["rebuild_loses_column users.age"],
        ),
        # Under another name.
        (
            f"{CREATE.replace('age int', 'years int')} {COPY.replace('name, age', 'name, years', 1)}; {SWAP}",
            ["rename_column users.age"],
        ),
        # rebuild_loses_rows
        (f"{CREATE} {COPY} WHERE id > 5; {SWAP}", ["rebuild_loses_rows users"]),
        (f"{CREATE} {COPY} LIMIT 10; {SWAP}", ["rebuild_loses_rows users"]),
        (f"{CREATE} {COPY} GROUP BY id; {SWAP}", ["rebuild_loses_rows users"]),
        (f"{CREATE} {COPY.replace('SELECT', 'SELECT DISTINCT')}; {SWAP}", ["rebuild_loses_rows users"]),
        (f"{CREATE} {COPY} ON CONFLICT DO NOTHING; {SWAP}", ["rebuild_loses_rows users"]),
        (f"{CREATE} {COPY} WHERE id > 5; {COPY}; {SWAP}", []),
        # rebuild_mixes_columns
        (
            f"{CREATE} {COPY.replace('SELECT id, email, name', 'SELECT id, name, email')}; {SWAP}",
            [
                "rebuild_mixes_columns users.email",
                "rebuild_mixes_columns users.name",
            ],
        ),
        (f"{CREATE} {COPY.replace('SELECT id,', 'SELECT id, 1,')}; {SWAP}", ["rebuild_mixes_columns users"]),
        (
            f"{CREATE.replace('id int', 'id int, x int')} {COPY_ALL} {SWAP}",
            ["rebuild_mixes_columns users"],
        ),
        (
            f"{CREATE.replace(' age int,', '')} {COPY.replace('age, balance, created)', 'balance, created)')}; {SWAP}",
            ["rebuild_mixes_columns users", "rebuild_loses_column users.age"],
        ),
        (
            f"{CREATE.replace('age int', 'years int')}"
            f" {COPY.replace('age, balance, created)', 'years, balance)')}; {SWAP}",
            ["rebuild_mixes_columns users", "rebuild_loses_column users.age"],
        ),
        # A column that was added on the way, and has nothing in it yet.
        (f"ALTER TABLE users ADD COLUMN x int; {CREATE} {COPY}; {SWAP}", []),
        (
            f"{CREATE} {COPY}; DROP TABLE users; CREATE TABLE users (id int); {COPY_BACK.replace('*', 'id')};",
            [
                "rebuild_loses_column users.age",
                "rebuild_loses_column users.balance",
                "rebuild_loses_column users.created",
                "rebuild_loses_column users.email",
                "rebuild_loses_column users.name",
            ],
        ),
        (
            "CREATE TABLE new_users (id int, name text, email text, age int, balance int, created int);"
            f" {COPY_ALL} {SWAP}",
            ["rebuild_mixes_columns users.email", "rebuild_mixes_columns users.name"],
        ),
        (
            "CREATE TABLE t (id int, user_id int); INSERT INTO t SELECT * FROM orders UNION SELECT * FROM orders;"
            " DROP TABLE orders; ALTER TABLE t RENAME TO orders",
            ["drop_table orders"],
        ),
        (
            f"{CREATE} {COPY.replace('SELECT id, email, name', 'SELECT id, name AS email, email name')}; {SWAP}",
            ["rebuild_mixes_columns users.email", "rebuild_mixes_columns users.name"],
        ),
        (
            f"{CREATE} {copied_age('0 AS age')}; {SWAP}",
            ["rebuild_loses_column users.age"],
        ),
        (
            f"{CREATE} {copied_age('0 age')}; {SWAP}",
            ["rebuild_loses_column users.age"],
        ),
        (
            f"{CREATE} {copied_age('lower(email) age')}; {SWAP}",
            ["rebuild_loses_column users.age"],
        ),
        (
            f"{CREATE} {COPY.replace('SELECT id, email, name', 'SELECT users.id x, email y, NOT name')}; {SWAP}",
            [],
        ),
        (
            f"{CREATE} {copied_age('CAST(age AS int)')}; {SWAP}",
            [],
        ),
        (f"{CREATE} {copied_age('1 + age')}; {SWAP}", []),
        # No rebuilding.
        (f"{CREATE} {SWAP}", ["drop_table users"]),
        (f"{CREATE} {COPY.replace('FROM users', 'FROM orders')}; {SWAP}", ["drop_table users"]),
        (f"{CREATE} {COPY.replace('FROM users', 'FROM users, orders')}; {SWAP}", ["drop_table users"]),
        (f"{CREATE} {COPY.replace('FROM users', 'FROM users JOIN orders ON 1 = 1')}; {SWAP}", ["drop_table users"]),
        (f"{CREATE} {COPY} {UNION} {SWAP}", ["drop_table users"]),
        (f"{CREATE} {COPY}; DROP TABLE users;", ["drop_table users"]),
        (f"{CREATE} {COPY}; {SWAP} DROP TABLE users;", ["drop_table users"]),
        (f"{CREATE} {COPY}; DROP TABLE users; ALTER TABLE new_users RENAME TO people;", ["drop_table users"]),
        (f"{CREATE} DROP TABLE users; {COPY}; ALTER TABLE new_users RENAME TO users;", ["drop_table users"]),
        (
            "CREATE TABLE a (id int); CREATE TABLE b (id int); INSERT INTO a SELECT id FROM b; INSERT INTO b SELECT"
            " id FROM a; DROP TABLE users; ALTER TABLE a RENAME TO users",
            ["drop_table users"],
        ),
    ],
)
def test_a_table_that_is_built_anew(dialect: str, sql: str, expected: list[str]) -> None:
    assert found(dialect, sql) == expected


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        (SQLITE, f"{CREATE} {COPY.replace('INSERT', 'INSERT OR IGNORE')}; {SWAP}", ["rebuild_loses_rows users"]),
        (SQLITE, f"{CREATE} {COPY.replace('INSERT', 'REPLACE')}; {SWAP}", ["rebuild_loses_rows users"]),
        (SQLITE, f"{CREATE} {COPY.replace('INSERT', 'INSERT OR REPLACE')}; {SWAP}", ["rebuild_loses_rows users"]),
        (SQLITE, f"{CREATE} {COPY} WHERE NOT FALSE; {SWAP}", []),
        (
            SQLITE,
            f"{CREATE} {COPY.replace('name, age', 'name, CAST(age AS text)')}; {SWAP}".replace(
                "name, CAST(age AS text)", "name, age", 1
            ),
            [],
        ),
        (MYSQL, f"{CREATE} {COPY.replace('INSERT', 'INSERT IGNORE')}; {SWAP}", ["rebuild_loses_rows users"]),
        (MYSQL, f"{CREATE} {COPY}; RENAME TABLE users TO old_users, new_users TO users; DROP TABLE old_users", []),
        (MYSQL, f"{CREATE} RENAME TABLE users TO old_users, new_users TO users", ["rename_table users"]),
        (MYSQL, f"CREATE TABLE new_users LIKE users; INSERT INTO new_users TABLE users; {SWAP}", []),
        (MYSQL, f"{CREATE} {COPY.replace('(id', 'PARTITION (p) (id')}; {SWAP}", []),
        (POSTGRESQL, f"{CREATE} {COPY.replace('(id', 'AS n (id')}; {SWAP}", []),
        (
            POSTGRESQL,
            f"{CREATE} {COPY.replace('SELECT', '(SELECT')}) ON CONFLICT DO NOTHING; {SWAP}",
            ["rebuild_loses_rows users"],
        ),
        (
            POSTGRESQL,
            f"{LIKE} {SWAP}",
            [],
        ),
        (POSTGRESQL, f"CREATE TABLE new_users () INHERITS (base); {COPY}; {SWAP}", ["drop_table users"]),
        (POSTGRESQL, f"CREATE TABLE new_users () INHERITS (base); {COPY_ALL} {SWAP}", ["drop_table users"]),
        (POSTGRESQL, f"{CREATE} {COPY.replace('SELECT', 'OVERRIDING SYSTEM VALUE SELECT')}; {SWAP}", []),
        (
            SQLITE,
            "CREATE TABLE new_users (id int, email text, name text, age int AS (id * 2), balance int, created int);"
            f" {COPY.replace(', age', '')}; {SWAP}",
            [],
        ),
    ],
)
def test_how_an_engine_builds_a_table_anew(dialect: str, sql: str, expected: list[str]) -> None:
    assert found(dialect, sql) == expected


# What tools write.
PRISMA = """\
-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_orders" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "user_id" INTEGER NOT NULL DEFAULT 0,
    "note" TEXT,
    CONSTRAINT "orders_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE
);
INSERT INTO "new_orders" ("id", "user_id") SELECT "id", coalesce("user_id", 0) AS "user_id" FROM "orders";
DROP TABLE "orders";
ALTER TABLE "new_orders" RENAME TO "orders";
CREATE UNIQUE INDEX "orders_user_id_key" ON "orders"("user_id");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
"""

DRIZZLE = """\
CREATE TABLE "notes" (
\t"id" serial PRIMARY KEY NOT NULL,
\t"order_id" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "a" FOREIGN KEY ("order_id") REFERENCES "public"."orders"("id") ON DELETE cascade;
--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "b" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null;
--> statement-breakpoint
CREATE INDEX "notes_order" ON "notes" USING btree ("order_id");
"""


def test_what_tools_write_is_understood() -> None:
    assert found(SQLITE, PRISMA) == []
    assert found(
        SQLITE, PRISMA.replace('("id", "user_id")', '("id")').replace(', coalesce("user_id", 0) AS "user_id"', "")
    ) == ["rebuild_loses_column orders.user_id"]
    assert found(POSTGRESQL, DRIZZLE) == ["blocking_constraint orders"]


# A guide of an application, as it is.
GUIDE = """\
-- Create temporary table with new schema
CREATE TABLE `__new_api_credentials` (
    `id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    `name` text NOT NULL,
    `provider` text NOT NULL,
    `api_key` text,
    `api_secret` text,
    `endpoint` text,
    `priority` integer DEFAULT 100 NOT NULL,
    `is_active` integer DEFAULT true NOT NULL,
    `is_global` integer DEFAULT true NOT NULL,
    `user_id` integer,
    `rate_limit` integer,
    `usage_count` integer DEFAULT 0 NOT NULL,
    `current_month_usage` integer DEFAULT 0 NOT NULL,
    `last_used` integer,
    `created_at` integer NOT NULL,
    `updated_at` integer NOT NULL,
    FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);

-- Copy data from old table
INSERT INTO `__new_api_credentials`("id", "name", "provider", "api_key", "api_secret", "endpoint",
    "priority", "is_active", "is_global", "user_id", "rate_limit", "usage_count", "current_month_usage",
    "last_used", "created_at", "updated_at")
SELECT "id", "name", "provider", "api_key", "api_secret", "endpoint", "priority", "is_active", "is_global",
    "user_id", "rate_limit", "usage_count", "current_month_usage", "last_used", "created_at", "updated_at"
FROM `api_credentials`;

-- Replace old table with new one
DROP TABLE `api_credentials`;
ALTER TABLE `__new_api_credentials` RENAME TO `api_credentials`;
CREATE UNIQUE INDEX `api_credentials_name_unique` ON `api_credentials` (`name`);
"""

CREDENTIALS = [
    "id",
    "name",
    "provider",
    "api_key",
    "api_secret",
    "endpoint",
    "is_active",
    "is_global",
    "user_id",
    "rate_limit",
    "usage_count",
    "current_month_usage",
    "last_used",
    "created_at",
    "updated_at",
]


def credentials(*more: str) -> dict[str, list[Column]]:
    names = [*CREDENTIALS, *more]
    return {"api_credentials": [Column(name, "integer", True, None) for name in names], "users": []}


def test_the_rebuilding_of_a_guide_is_refused() -> None:
    assert refused(lint([migration(GUIDE)], SQLITE, credentials()), []) == [
        Finding(
            "double_quoted_text",
            "1_x.sql",
            23,
            "priority",
            '1_x.sql, line 23: "priority" in the statement of line 23 is no column of the tables that it reads, so that'
            " SQLite takes it for a text: every row gets the text 'priority'. Name a column that is there, or write the"
            " value itself. If this is meant, allow double_quoted_text:1_x.sql.",
            is_destructive=True,
        )
    ]


@pytest.mark.parametrize("value", ["100", "'100'", "NULL", '100 AS "priority"', "coalesce(NULL, 100)"])
def test_the_rebuilding_of_a_guide_passes_once_it_is_right(value: str) -> None:
    listed, _quoted, selected = GUIDE.partition("SELECT")
    right = listed + "SELECT" + selected.replace('"priority"', value)
    assert lint([migration(right)], SQLITE, credentials()) == []


def test_the_rebuilding_of_a_guide_passes_where_the_column_is_there() -> None:
    assert lint([migration(GUIDE)], SQLITE, credentials("priority")) == []


QUOTED = [
    ('SELECT "zz" FROM users', ["zz"]),
    ('SELECT "Email", "AGE" FROM users', []),
    ("SELECT `zz`, [zz] FROM users", []),
    ('SELECT users."zz" FROM users', []),
    ('SELECT "users"."id" FROM users', []),
    ('SELECT "users" FROM users', ["users"]),
    ('SELECT "rowid", "oid", "_rowid_" FROM users', []),
    ('SELECT "id" FROM "users" AS "u" WHERE "u"."id" = 1', []),
    ('SELECT age AS "years" FROM users ORDER BY "years"', []),
    ('SELECT age "years" FROM users WHERE "years" > 1', []),
    ('SELECT id FROM users ORDER BY "zz"', ["zz"]),
    ('SELECT id FROM users GROUP BY "zz"', ["zz"]),
    ('SELECT "user_id", "email" FROM users JOIN orders ON "user_id" = users."id"', []),
    ('SELECT "user_id" FROM users, orders', []),
    ('SELECT 1 FROM users JOIN orders USING ("id")', []),
    ('SELECT "user_id" FROM (users JOIN orders ON users.id = orders.id)', []),
    ('SELECT "user_id" FROM (users), orders', []),
    ('SELECT "zz" FROM (users JOIN orders ON users.id = orders.id)', ["zz"]),
    ('SELECT 1 FROM users JOIN orders USING ("zz")', []),
    ('SELECT id FROM (SELECT id FROM users) "s"', []),
    ('SELECT 1 "one", \'a\' "two" FROM users', []),
    ('SELECT id, "zz" = 1 FROM users', ["zz"]),
    ('SELECT 1 FROM users WHERE id IN (SELECT "user_id" FROM orders WHERE "age" = 1)', []),
    ('SELECT "user_id" FROM users WHERE id IN (SELECT user_id FROM orders)', ["user_id"]),
    ('SELECT id FROM users WHERE EXISTS (SELECT 1 FROM orders WHERE "zz" = 1)', ["zz"]),
    ('SELECT "m" FROM (SELECT id AS "m" FROM users)', []),
    ('SELECT "id" FROM (SELECT * FROM users)', []),
    ('SELECT "zz" FROM (SELECT * FROM users)', ["zz"]),
    ('WITH c("q") AS (SELECT 1) SELECT "q" FROM c', []),
    ('WITH c AS (SELECT id AS q FROM users) SELECT "q", "id" FROM c', ["id"]),
    ('WITH c AS (SELECT "zz" FROM users) SELECT 1 FROM c', ["zz"]),
    ('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT "n" + 1 FROM c) SELECT "n" FROM c', []),
    ('SELECT 1 FROM users WHERE id IN (WITH c AS (SELECT 1 AS q) SELECT "q" FROM c)', []),
    ('SELECT 1 FROM users WHERE id IN (WITH c AS (SELECT 1 AS q) SELECT "zz" FROM c)', ["zz"]),
    ('WITH RECURSIVE c(n) AS (SELECT 1) SELECT "zz" FROM c', ["zz"]),
    ('SELECT "zz" FROM (WITH c AS (SELECT 1 AS q) SELECT q FROM c)', ["zz"]),
    ('WITH c AS (SELECT 1 AS q) SELECT 1 FROM (SELECT "zz" FROM c)', ["zz"]),
    ('SELECT "column1" FROM (VALUES (1))', []),
    ('SELECT "id" FROM (SELECT 1 AS id LIMIT 1)', []),
    ('WITH a AS (SELECT 1 AS q), b AS (SELECT id FROM users) SELECT "q", "id", "zz" FROM a, b', ["zz"]),
    ('DELETE FROM main."users" WHERE "zz" = 1', ["zz"]),
    ('SELECT "zz" FROM unknown', []),
    ('SELECT "zz" FROM unknown, users', []),
    ('SELECT "zz" FROM users ORDER BY id, email', ["zz"]),
    ('SELECT "user_id" FROM users u JOIN users v ON u.id = v.id, orders', []),
    ("SELECT \"key\" FROM json_each('{}')", []),
    ('SELECT "upper"(email) FROM users', []),
    ('SELECT email COLLATE "nocase" FROM users', []),
    ('SELECT CAST(age AS "text") FROM users', []),
    ('SELECT id FROM users WHERE email = "admin"', [None]),
    ("SELECT id FROM users WHERE \"emial\" = 'x'", ["emial"]),
    ("SELECT id FROM users WHERE \"emial\" IN ('x')", ["emial"]),
    ('SELECT id FROM users WHERE "a""b" LIKE \'x\'', ['a"b']),
    ('INSERT INTO users ("id", "zz") VALUES (1, 2)', []),
    ('INSERT INTO users (id, email) VALUES (1, "email")', [None]),
    ('INSERT INTO users (id, email) SELECT id, "email" FROM orders', ["email"]),
    ('REPLACE INTO users (id, email) SELECT id, "email" FROM orders', ["email"]),
    ('INSERT INTO users (id) SELECT "zz" FROM orders WHERE true ON CONFLICT (id) DO UPDATE SET age = 1', ["zz"]),
    ('INSERT INTO users (id) SELECT id FROM orders WHERE true ON CONFLICT (id) DO UPDATE SET age = "zz"', [None]),
    ('INSERT INTO users (id) VALUES (1) ON CONFLICT ("zz") DO NOTHING', []),
    ('INSERT INTO users (id) SELECT id FROM orders WHERE true ON CONFLICT ("id") DO UPDATE SET age = "age" + 1', []),
    ('INSERT INTO users (id) VALUES (1) ON CONFLICT DO UPDATE SET age = excluded."id" RETURNING "id", "zz"', ["zz"]),
    ('UPDATE users SET "zz" = 1, "age" = 2 WHERE "id" = 1', []),
    ('UPDATE users SET age = 1 + "zz" = 2 WHERE id = 1', ["zz"]),
    ('UPDATE users SET ("zz", age) = (1, 2) WHERE id = 1', []),
    ('UPDATE users SET age = "zz" WHERE id = 1', [None]),
    ('UPDATE OR IGNORE users SET age = "id" WHERE id = 1', []),
    ('UPDATE users SET age = "user_id" FROM orders WHERE orders.id = users.id', []),
    ('DELETE FROM "users" WHERE "email" = \'a\'', []),
    ('DELETE FROM users WHERE email = "x"', [None]),
    ('SELECT id FROM users WHERE email IS DISTINCT FROM "zz"', [None]),
    ('UPDATE OR IGNORE users SET age = "zz"', [None]),
    ('VALUES ("zz")', [None]),
    ('DELETE FROM main."users" WHERE "id" = 1', []),
    ('CREATE INDEX i ON users ("zz")', ["zz"]),
    ('CREATE INDEX "i" ON "users" ("email" COLLATE "nocase" DESC) WHERE "age" > 1', []),
    ('CREATE INDEX i ON users (email) WHERE "zz" = 1', ["zz"]),
    ('CREATE VIEW v AS SELECT "zz" FROM users', ["zz"]),
    ('CREATE TABLE t AS SELECT "zz" FROM users', ["zz"]),
    (
        'CREATE TABLE "t" ("a" text DEFAULT "zz", CHECK ("a" <> \'\'), PRIMARY KEY ("a"), FOREIGN KEY ("a")'
        ' REFERENCES "users" ("id"))',
        [],
    ),
    ('CREATE TABLE t (a text CHECK ("a" IN ("x")))', [None]),
    ('CREATE TABLE t (a text, b text AS ("c"))', [None]),
    ('ALTER TABLE users ADD COLUMN x int CHECK ("x" > "age")', []),
    ('ALTER TABLE users ADD x int CHECK ("zz" > 1)', ["zz"]),
    ('CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE orders SET id = "zz" WHERE id = 1; END', []),
    ('CREATE TABLE t ("a" int); SELECT "a" FROM t', []),
    ('CREATE TABLE t ("a" int); SELECT "b" FROM t', ["b"]),
    ('ALTER TABLE users ADD x int; SELECT "x" FROM users', []),
    ('ALTER TABLE users ADD x int; ALTER TABLE users RENAME x TO y; SELECT "x" FROM users', ["x"]),
    ('PRAGMA table_info("users")', []),
    ('SELECT \'"zz"\' FROM users -- "zz"', []),
]


@pytest.mark.parametrize(("sql", "expected"), QUOTED)
def test_names_that_become_texts(sql: str, expected: list[str | None]) -> None:
    findings = lint([migration(sql)], SQLITE, schema(SQLITE))
    assert [finding.object for finding in findings if finding.rule == "double_quoted_text"] == expected


@pytest.mark.parametrize(("sql", "expected"), [case for case in QUOTED if not re.search("TABLE|VIEW|unknown", case[0])])
def test_sqlite_itself_knows_what_becomes_a_text(sql: str, expected: list[str | None]) -> None:
    """Of the same statements, SQLite is asked which would not have run if it took no name for a text."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE users (id integer PRIMARY KEY, email, Name, age, balance, created)")
        connection.execute("CREATE TABLE orders (id integer PRIMARY KEY, user_id)")
        if failure(connection, sql):
            # What fails anyway does no harm.
            return
        connection.execute("DROP INDEX IF EXISTS i")
        connection.execute("DROP TRIGGER IF EXISTS t")
        # A name in backticks is never a text.
        strict = re.sub('"((?:[^"]|"")*)"', lambda match: f"`{match[1].replace(chr(34) * 2, chr(34))}`", sql)
        assert ("no such column" in failure(connection, strict)) is bool(expected)


def failure(connection: sqlite3.Connection, sql: str) -> str:
    try:
        connection.execute(sql)
    except sqlite3.OperationalError as error:
        return str(error)
    return ""


def test_only_sqlite_takes_names_for_texts() -> None:
    assert found(POSTGRESQL, 'SELECT "zz" FROM users') == []
    assert found(MYSQL, 'SELECT "zz" FROM users') == []


def test_what_may_be_a_secret_is_not_repeated() -> None:
    [finding] = lint([migration('UPDATE users SET email = "hunter2" WHERE id = 1')], SQLITE, schema(SQLITE))
    assert "hunter2" not in f"{finding}"
    [finding] = lint(
        [migration("ALTER TABLE t MODIFY a enum('hunter2')")],
        MYSQL,
        {"t": [Column("a", "enum('hunter3')", True, None)]},
    )
    assert "hunter" not in f"{finding}"


def test_lines_are_those_of_the_file() -> None:
    sql = "\n-- first\nSELECT 1;\n\nDROP TABLE\n  users;\nSELECT 2; TRUNCATE orders;"
    findings = lint([migration(sql, path="0007_shrink/up.sql", up_line=10)], POSTGRESQL, schema(POSTGRESQL))
    assert [(finding.line, finding.rule) for finding in findings] == [(14, "drop_table"), (16, "truncate")]
    assert findings[0].sentence == (
        "0007_shrink/up.sql, line 14: drops the table users with all its rows. Keep it until no release uses it."
        " If this is meant, allow drop_table:0007_shrink/up.sql."
    )
    assert findings[0].file == "0007_shrink/up.sql"


def test_what_only_a_client_understands_is_told() -> None:
    with pytest.raises(MigrationError):
        lint([migration("COPY users FROM stdin;\n1\n\\.")], POSTGRESQL, schema(POSTGRESQL))


@pytest.mark.parametrize("dialect", ENGINES)
def test_an_empty_database_has_nothing_to_lose(dialect: str) -> None:
    sql = "DROP TABLE IF EXISTS a; DELETE FROM b; UPDATE c SET d = 1; ALTER TABLE e DROP COLUMN f; DROP TABLE e"
    assert found(dialect, sql, {}) == []


SOUP = sorted(
    words(
        "ADD ALTER AS CHANGE CHECK COLUMN CONSTRAINT COPY CREATE DELETE DISTINCT DROP EXISTS FROM IF INDEX INSERT"
        " INTO JOIN LIKE LIMIT MODIFY NOT NULL ON OR OVERRIDING PARTITION RENAME REPLACE SELECT SET TABLE TO TRUNCATE"
        " TYPE UNION UPDATE USING VALUES VIEW WHERE WITH ( ) , . = ; * 1 'a' \"b\" `c` users orders id age t"
    )
)


@given(st.lists(st.sampled_from(SOUP), max_size=40), st.sampled_from(ENGINES))
def test_nothing_that_is_written_makes_it_fail(pieces: list[str], dialect: str) -> None:
    sql = " ".join(pieces)
    with suppress(MigrationError):
        lint([migration(sql)], dialect, schema(dialect))
        tables_touched(sql, dialect)


def test_each_migration_is_judged_by_what_those_before_it_do() -> None:
    first = migration("CREATE TABLE t (a int); ALTER TABLE users RENAME TO people", path="1_a.sql")
    second = migration("DROP TABLE t; DROP TABLE people; CREATE INDEX i ON t (a)", path="2_b.sql")
    without = Migration("3", "x", "3_x.js", "0" * 64)
    findings = lint([first, without, second], POSTGRESQL, schema(POSTGRESQL))
    assert [(finding.file, finding.rule, finding.object) for finding in findings] == [
        ("1_a.sql", "rename_table", "users"),
        ("2_b.sql", "drop_table", "people"),
    ]


def test_a_table_is_found_with_its_schema() -> None:
    columns = [Column("a", "integer", True, None)]
    tables = {"audit.log": columns}
    assert found(POSTGRESQL, "CREATE INDEX i ON audit.log (a)", tables) == ["blocking_index audit.log"]
    assert found(POSTGRESQL, "CREATE INDEX i ON other.log (a)", tables) == []


def test_the_rules_of_loss_and_those_of_waiting() -> None:
    waiting = {rule for rule in RULES if rule.startswith(("blocking_", "rename_", "not_null_", "set_not_null"))}
    lost = lint([migration("DROP TABLE users; ALTER TABLE orders RENAME TO x")], SQLITE, schema(SQLITE))
    assert [finding.is_destructive for finding in lost] == [True, False]
    assert len(waiting) == 7
    assert all(sentence.endswith(".") for sentence in RULES.values())


def test_every_rule_is_found_by_a_test() -> None:
    tables = [expected for case in (*ALL, *SOME) for expected in case[-1]]
    assert {entry.split(" ")[0] for entry in tables} >= {
        rule for rule in RULES if not rule.startswith("rebuild_") and rule != "double_quoted_text"
    }


FINDINGS = lint([migration("DROP TABLE users; ALTER TABLE orders DROP user_id", path="a.sql")], SQLITE, schema(SQLITE))


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([], ["drop_table", "drop_column"]),
        (["drop_table"], ["drop_column"]),
        (["drop_table:a.sql"], ["drop_column"]),
        (["drop_table:b.sql"], ["drop_table", "drop_column"]),
        (["drop_table", "drop_column"], []),
        (["truncate"], ["drop_table", "drop_column"]),
    ],
)
def test_what_is_allowed_is_not_refused(allowed: list[str], expected: list[str]) -> None:
    assert [finding.rule for finding in refused(FINDINGS, allowed)] == expected


def test_only_rules_can_be_allowed() -> None:
    with pytest.raises(InvalidInput) as caught:
        refused([], ["drop_tabel", "drop_table", "truncat:1_x.sql"])
    assert caught.value.details["problems"] == [
        "allow_destructive[1]: there is no such rule. Did you mean drop_table?",
        "allow_destructive[3]: there is no such rule. Did you mean truncate?",
    ]
