# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import (
    Step,
    digests,
    is_one_transaction,
    steps_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect_mysql import _defined
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import DIALECTS
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.standing import outlives_its_session


def migration(script: str, *, is_autocommit: bool = False) -> Migration:
    """A file that holds this."""
    return Migration(
        "1", "x", "1_x.sql", "0" * 64, script, script, up_line=10, down_line=20, is_autocommit=is_autocommit
    )


def step(script: str, dialect: str) -> Step:
    """The only statement of a script."""
    [found] = steps_of(migration(script), dialect)
    return found


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("BEGIN", "begin"),
        ("begin immediate", "begin"),
        ("START TRANSACTION", "begin"),
        ("COMMIT", "commit"),
        ("END", "commit"),
        ("ROLLBACK", "rollback"),
        ("ROLLBACK TO SAVEPOINT a", "other"),
        ("ROLLBACK TRANSACTION TO a", "other"),
        ("SAVEPOINT a", "other"),
        ("/* x */ insert INTO a VALUES (1)", "rows"),
        ("-- y\nUPDATE a SET b = 1", "rows"),
        ("WITH a AS (SELECT 1) DELETE FROM b", "rows"),
        ("SET a = 1", "session"),
        ("PRAGMA foreign_keys = OFF", "session"),
        ("CREATE TABLE a (b INT)", "other"),
        ("CALL a()", "other"),
    ],
)
def test_kinds(statement: str, kind: str) -> None:
    assert step(statement, "postgresql").kind == kind


def test_lines_are_those_of_the_file() -> None:
    script = "SELECT 1;\n\nSELECT 2;\n"

    assert [one.statement.line for one in steps_of(migration(script), "sqlite")] == [10, 12]
    assert [one.statement.line for one in steps_of(migration(script), "sqlite", is_down=True)] == [20, 22]


def test_what_only_a_client_understands_is_told_with_its_file() -> None:
    with pytest.raises(MigrationError, match=r"^1_x\.sql: .*\\connect"):
        steps_of(migration("\\connect shop\n"), "postgresql")


@pytest.mark.parametrize(
    ("dialect", "statement", "told"),
    [
        ("postgresql", "CREATE INDEX CONCURRENTLY a ON b (c)", "works CONCURRENTLY"),
        ("postgresql", "CREATE UNIQUE INDEX concurrently IF NOT EXISTS a ON b (c)", "works CONCURRENTLY"),
        ("postgresql", "DROP INDEX CONCURRENTLY a", "works CONCURRENTLY"),
        ("postgresql", "REINDEX TABLE CONCURRENTLY a", "works CONCURRENTLY"),
        ("postgresql", "REFRESH MATERIALIZED VIEW CONCURRENTLY a", None),
        ("postgresql", "ALTER TABLE a DETACH PARTITION b CONCURRENTLY", "works CONCURRENTLY"),
        ("postgresql", "ALTER TYPE a ADD VALUE IF NOT EXISTS 'b'", "only after a commit"),
        ("postgresql", "ALTER TYPE shop.a ADD VALUE 'b'", "only after a commit"),
        ("postgresql", "ALTER TYPE a RENAME VALUE 'b' TO 'c'", None),
        ("postgresql", "VACUUM", "VACUUM out alone"),
        ("postgresql", "CREATE DATABASE a", "creates databases"),
        ("postgresql", "ALTER SYSTEM SET a = 1", "its settings"),
        ("postgresql", "INSERT INTO a VALUES ('CONCURRENTLY')", None),
        ("postgresql", 'CREATE INDEX "CONCURRENTLY" ON b (c)', None),
        ("postgresql", "CREATE TABLE a (b INT)", None),
        ("sqlite", "VACUUM INTO 'x'", "VACUUM out alone"),
        ("sqlite", "PRAGMA journal_mode = WAL", "journal's mode"),
        ("sqlite", "PRAGMA user_version = 3", None),
        ("sqlite", "ATTACH 'x' AS y", "attaches files"),
        ("sqlite", "CREATE TABLE a (b INT)", None),
        ("mysql", "CREATE TABLE a (b INT)", None),
    ],
)
def test_what_is_carried_out_alone(dialect: str, statement: str, told: str | None) -> None:
    found = DIALECTS[dialect].why_alone(step(statement, dialect))

    assert (found is None) if told is None else (found is not None and told in found)


@pytest.mark.parametrize(
    ("script", "wanted", "is_autocommit", "expected"),
    [
        ("CREATE TABLE a (b INT)", "auto", False, True),
        ("CREATE TABLE a (b INT)", "auto", True, False),
        ("CREATE TABLE a (b INT)", "file", True, True),
        ("CREATE TABLE a (b INT)", "none", False, False),
        ("VACUUM", "auto", False, False),
        ("VACUUM", "none", False, False),
        ("BEGIN; SELECT 1; COMMIT", "auto", False, False),
        ("SELECT 1; ROLLBACK", "auto", False, False),
        ("", "auto", False, True),
    ],
)
def test_one_transaction(script: str, wanted: str, *, is_autocommit: bool, expected: bool) -> None:
    file = migration(script, is_autocommit=is_autocommit)
    steps = steps_of(file, "postgresql")

    assert is_one_transaction(file, steps, wanted, DIALECTS["postgresql"].why_alone) is expected


@pytest.mark.parametrize("wanted", ["file", "all"])
def test_what_cannot_be_one_transaction_is_refused(wanted: str) -> None:
    file = migration("SELECT 1;\nVACUUM;\n")

    with pytest.raises(MigrationError, match=r"1_x\.sql, line 11: PostgreSQL carries VACUUM out alone, so that it"):
        is_one_transaction(file, steps_of(file, "postgresql"), wanted, DIALECTS["postgresql"].why_alone)


def test_checksums_are_of_all_that_went_before() -> None:
    one, two, other = (digests(steps_of(migration(text), "mysql")) for text in ("A; B", "A; B; C", "B; A"))

    assert (one == two[:2], len(set(two)), set(one) & set(other)) == (True, 3, set())


@pytest.mark.parametrize(
    ("statement", "outlives"),
    [
        ("SET FOREIGN_KEY_CHECKS = 0", True),
        ("SET @old = @@sql_mode", True),
        ("SET @n = (SELECT COUNT(*) FROM a)", False),
        ("CREATE TEMPORARY TABLE a (b INT)", False),
        ("CREATE OR REPLACE TEMPORARY TABLE a (b INT)", False),
        ("PREPARE a FROM 'SELECT 1'", False),
        ("CREATE TABLE a (temporary INT)", True),
    ],
)
def test_what_is_gone_with_its_session(statement: str, *, outlives: bool) -> None:
    assert outlives_its_session(step(statement, "mysql")) is outlives


@pytest.mark.parametrize(
    ("statement", "defined"),
    [
        ("CREATE TABLE a (b INT)", ("TABLE", Table("a"))),
        ("CREATE TABLE IF NOT EXISTS `a ``b` (b INT)", ("TABLE", Table("a `b"))),
        ("CREATE OR REPLACE TABLE shop.a (b INT)", ("TABLE", Table("a", "shop"))),
        ("ALTER TABLE a ADD INDEX b (c)", ("TABLE", Table("a"))),
        ("ALTER ONLINE TABLE a ADD b INT", ("TABLE", Table("a"))),
        ("DROP TABLE IF EXISTS a", ("TABLE", Table("a"))),
        ("DROP TABLE a, b", None),
        ("RENAME TABLE a TO b, c TO d", ("TABLE", Table("a"))),
        ("CREATE UNIQUE INDEX i ON a (b)", ("TABLE", Table("a"))),
        ("CREATE FULLTEXT INDEX i ON shop.a (b)", ("TABLE", Table("a", "shop"))),
        ("DROP INDEX i ON `a`", ("TABLE", Table("a"))),
        ("CREATE ALGORITHM = MERGE DEFINER = `a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT 1", ("VIEW", Table("v"))),
        (
            "CREATE DEFINER = root@localhost TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1",
            ("TRIGGER", Table("t")),
        ),
        ("CREATE DEFINER = CURRENT_USER PROCEDURE p() SELECT 1", ("PROCEDURE", Table("p"))),
        ("CREATE AGGREGATE FUNCTION f() RETURNS INT RETURN 1", ("FUNCTION", Table("f"))),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1", ("EVENT", Table("e"))),
        ("CREATE SEQUENCE s", ("SEQUENCE", Table("s"))),
        ("CREATE DATABASE d", None),
        ("CREATE USER u", None),
        ("DROP ROLE r", None),
        ("TRUNCATE TABLE a", None),
        ("GRANT ALL ON TABLE a TO b", None),
        ("CALL p()", None),
    ],
)
def test_what_a_statement_defines(statement: str, defined: tuple[str, Table] | None) -> None:
    assert _defined(step(statement, "mysql")) == defined
