# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Every statement here is written in this file.
# ruff: noqa: S608

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import Ledger, read_ledger
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite

PRISMA = """
CREATE TABLE "_prisma_migrations" (
    "id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL,
    "logs" TEXT, "rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0
);
"""
DRIZZLE = "CREATE TABLE `__drizzle_migrations` (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);"
KNEX = """
CREATE TABLE `knex_migrations` (
    `id` integer not null primary key autoincrement, `name` varchar(255), `batch` integer, `migration_time` datetime
);
CREATE TABLE `knex_migrations_lock` (`index` integer not null primary key autoincrement, `is_locked` integer);
INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
"""
RAILS = 'CREATE TABLE "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);'
DBMATE = 'CREATE TABLE "schema_migrations" (version varchar(128) primary key);'
GOLANG = (
    "CREATE TABLE schema_migrations (version uint64, dirty bool); CREATE UNIQUE INDEX u ON schema_migrations (version);"
)
SEQUELIZE = "CREATE TABLE `SequelizeMeta` (`name` VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);"


def prisma(*rows: tuple[str, int | None, int | None]) -> str:
    """Rows with a name, and when it was finished and rolled back."""
    values = ", ".join(
        f"('{number}', 'c', {finished or 'NULL'}, '{name}', {rolled_back or 'NULL'}, 1)"
        for number, (name, finished, rolled_back) in enumerate(rows)
    )
    columns = "id, checksum, finished_at, migration_name, rolled_back_at, started_at"
    return f"{PRISMA} INSERT INTO _prisma_migrations ({columns}) VALUES {values};"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@contextlib.contextmanager
def database(path: Path, script: str) -> Iterator[Ledger | None]:
    """What is read of a database that this script makes."""
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.executescript(f"CREATE TABLE orders (id INTEGER PRIMARY KEY); {script}")
    engine = Sqlite()
    with contextlib.closing(open_connection(Address("sqlite", str(path)), engine)) as connection:
        yield read_ledger(engine, connection, engine.tables(connection))


@pytest.mark.parametrize(
    ("script", "ledger"),
    [
        pytest.param("", None, id="none"),
        pytest.param(
            "CREATE TABLE schema_ledger (version TEXT, applied_at TEXT);"
            "INSERT INTO schema_ledger VALUES ('9', '2026-01-01T00:00Z'), ('10', '2026-01-02T00:00Z'), ('11', NULL);",
            Ledger("schema_ledger", 2, "10"),
            id="our own, one of which is running",
        ),
        pytest.param(PRISMA, Ledger("_prisma_migrations", 0, None), id="prisma, empty"),
        pytest.param(
            prisma(("2_b", 1700000000002, None), ("1_a", 1700000000001, None)),
            Ledger("_prisma_migrations", 2, "2_b"),
            id="prisma",
        ),
        pytest.param(
            prisma(("1_a", 5, None), ("2_failed", None, None), ("3_taken_back", 7, 8)),
            Ledger("_prisma_migrations", 1, "1_a"),
            id="prisma, with one that failed and one that was taken back",
        ),
        pytest.param(
            prisma(("1_a", 5, None), ("3_c", 5, None), ("2_b", 5, None)),
            Ledger("_prisma_migrations", 3, "3_c"),
            id="prisma, in one moment",
        ),
        pytest.param(
            f"{DRIZZLE} INSERT INTO __drizzle_migrations VALUES (1, 'z', 1700000000001), (2, 'a', 1700000000002);",
            Ledger("__drizzle_migrations", 2, "1700000000002"),
            id="drizzle",
        ),
        pytest.param(
            f"{DRIZZLE} INSERT INTO __drizzle_migrations VALUES (1, 'z', NULL);",
            Ledger("__drizzle_migrations", 1, None),
            id="drizzle, without a time",
        ),
        pytest.param(
            f"{KNEX} INSERT INTO knex_migrations (name) VALUES ('2_b.js'), ('10_c.js'), ('1_a.js');",
            Ledger("knex_migrations", 3, "1_a.js"),
            id="knex, in the order in which they were applied",
        ),
        pytest.param(
            f"{RAILS} INSERT INTO schema_migrations VALUES ('20260102000000'), ('20260101000000');",
            Ledger("schema_migrations", 2, "20260102000000"),
            id="rails",
        ),
        pytest.param(
            f"{DBMATE} INSERT INTO schema_migrations VALUES ('20260102000000'), ('20260101000000');",
            Ledger("schema_migrations", 2, "20260102000000"),
            id="dbmate",
        ),
        pytest.param(
            f"{GOLANG} INSERT INTO schema_migrations VALUES (10, 0);", Ledger("schema_migrations", 1, "10"), id="golang"
        ),
        pytest.param(
            f"{SEQUELIZE} INSERT INTO SequelizeMeta VALUES ('1-a.js'), ('2-b.js');",
            Ledger("SequelizeMeta", 2, "2-b.js"),
            id="sequelize",
        ),
        pytest.param(
            f"{RAILS} INSERT INTO schema_migrations VALUES (CAST('2026' AS BLOB));",
            Ledger("schema_migrations", 1, "2026"),
            id="bytes",
        ),
    ],
)
def test_the_ledger_of_a_known_tool_is_read(path: Path, script: str, ledger: Ledger | None) -> None:
    with database(path, script) as found:
        assert found == ledger


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE _prisma_migrations (id, migration_name, finished_at);",
        "CREATE TABLE _prisma_migrations (id, migration_name, rolled_back_at);",
        "CREATE TABLE _prisma_migrations (id, finished_at, rolled_back_at);",
        "CREATE TABLE __drizzle_migrations (id, hash);",
        "CREATE TABLE knex_migrations (id, batch);",
        "CREATE TABLE knex_migrations (name, batch);",
        "CREATE TABLE schema_migrations (id, filename);",
        "CREATE TABLE SequelizeMeta (id);",
        "CREATE VIEW schema_migrations AS SELECT 1 AS version;",
        "CREATE TABLE a_schema_migrations (version);",
    ],
)
def test_a_table_of_the_same_name_is_no_ledger(path: Path, script: str) -> None:
    with database(path, script) as found:
        assert found is None


def test_one_that_is_no_ledger_does_not_hide_another(path: Path) -> None:
    script = f"CREATE TABLE __drizzle_migrations (id); {RAILS} INSERT INTO schema_migrations VALUES ('1');"

    with database(path, script) as found:
        assert found == Ledger("schema_migrations", 1, "1")
