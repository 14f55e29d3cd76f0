# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Every statement here is written in this file.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.prisma import PrismaRunner
from tests.unit.migrate.fake_tools import Application, Catalogue, Tool, digest, kinds, pending

LEDGER = """
CREATE TABLE _prisma_migrations (
    id INTEGER PRIMARY KEY, checksum TEXT, finished_at DATETIME, migration_name TEXT, logs TEXT,
    rolled_back_at DATETIME, started_at DATETIME DEFAULT 1, applied_steps_count INTEGER
);
"""

FIRST, SECOND, THIRD = "CREATE TABLE a (id);\n", "CREATE TABLE b (id);\nCREATE TABLE c (id);\n", "CREATE TABLE d (id);"

FOLDERS: Mapping[str, str | None] = {
    "20260102_b/migration.sql": SECOND,
    "20260101_a/migration.sql": FIRST,
    "20260103_c/migration.sql": THIRD,
    "migration_lock.toml": 'provider = "sqlite"',
}

DONE, FAILED, TAKEN_BACK = ("5", "NULL"), ("NULL", "NULL"), ("NULL", "6")

A = ("20260101_a", digest(FIRST), DONE)
B = ("20260102_b", digest(SECOND), DONE)
C = ("20260103_c", digest(THIRD), DONE)


def ledger(*rows: tuple[str, str, tuple[str, str]]) -> str:
    """A ledger with these rows: name, checksum, and when it was finished and rolled back."""
    values = ", ".join(
        f"('{name}', '{checksum}', {finished}, {rolled_back})" for name, checksum, (finished, rolled_back) in rows
    )
    columns = "migration_name, checksum, finished_at, rolled_back_at"
    return LEDGER + (f"INSERT INTO _prisma_migrations ({columns}) VALUES {values};" if rows else "")


@pytest.fixture
def application(tmp_path: Path) -> Application:
    application = Application(tmp_path)
    application.write(FOLDERS)
    return application


@pytest.mark.parametrize(
    ("script", "applied", "to_do", "problems"),
    [
        pytest.param("", [], ["a", "b", "c"], [], id="no ledger"),
        pytest.param(ledger(), [], ["a", "b", "c"], [], id="empty ledger"),
        pytest.param(ledger(A), ["a"], ["b", "c"], [], id="one applied"),
        pytest.param(ledger(A, B, C), ["a", "b", "c"], [], [], id="all applied"),
        pytest.param(ledger(A, ("20260102_b", "0" * 64, DONE)), ["a", "b"], ["c"], [("edited", "b")], id="edited"),
        pytest.param(
            ledger(A, ("20260102_b", digest(SECOND.replace("\n", "\r\n")), DONE)),
            ["a", "b"],
            ["c"],
            [],
            id="other ends of lines",
        ),
        pytest.param(
            ledger(A, ("20260102_b", digest(SECOND.replace("\n", "\r\n", 1)), DONE)),
            ["a", "b"],
            ["c"],
            [("edited", "b")],
            id="ends of lines mixed",
        ),
        pytest.param(ledger(A, ("20260102_b", digest(SECOND).upper(), DONE)), ["a", "b"], ["c"], [], id="in capitals"),
        pytest.param(
            ledger(A, ("20260101_x", "0" * 64, DONE)), ["a", "20260101_x"], ["b", "c"], [("deleted", "20260101_x")]
        ),
        pytest.param(ledger(A, C), ["a", "c"], ["b"], [("late", "b")], id="late"),
        pytest.param(
            ledger(C), ["c"], ["a", "b"], [("late", "a"), ("late", "b")], id="two that are late, in their order"
        ),
        pytest.param(
            ledger(A, ("20260109_x", "0" * 64, DONE)),
            ["a", "20260109_x"],
            ["b", "c"],
            [("deleted", "20260109_x"), ("late", "b"), ("late", "c")],
            id="late beside one that is deleted",
        ),
        pytest.param(
            ledger(A, ("20260102_b", digest(SECOND), FAILED)), ["a"], ["b", "c"], [("failed", "b")], id="failed"
        ),
        pytest.param(
            ledger(A, ("20260102_x", "0" * 64, FAILED)),
            ["a"],
            ["b", "c"],
            [("failed", "20260102_x")],
            id="failed and gone",
        ),
        pytest.param(
            ledger(A, ("20260102_b", digest(SECOND), TAKEN_BACK)), ["a"], ["b", "c"], [], id="rolled back is pending"
        ),
        pytest.param(
            ledger(A, ("20260102_b", "0" * 64, TAKEN_BACK), C), ["a", "c"], ["b"], [("late", "b")], id="and may be late"
        ),
        pytest.param(
            ledger(A, ("20260102_x", "0" * 64, TAKEN_BACK)), ["a"], ["b", "c"], [], id="rolled back and gone is nothing"
        ),
        pytest.param(
            ledger(A, ("20260102_b", "0" * 64, TAKEN_BACK), B), ["a", "b"], ["c"], [], id="rolled back, then applied"
        ),
        pytest.param(
            ledger(A, ("20260102_b", "0" * 64, TAKEN_BACK), ("20260102_b", digest(SECOND), FAILED)),
            ["a"],
            ["b", "c"],
            [("failed", "b")],
            id="rolled back, then failed again",
        ),
        pytest.param(
            ledger(A, ("20260102_b", "0" * 64, ("5", "6"))), ["a"], ["b", "c"], [], id="applied and then rolled back"
        ),
    ],
)
def test_standing(
    application: Application, script: str, applied: list[str], to_do: list[str], problems: list[tuple[str, str]]
) -> None:
    full = {"a": "20260101_a", "b": "20260102_b", "c": "20260103_c"}

    standing = application.observe(PrismaRunner(), script)

    assert list(standing.applied) == [full.get(name, name) for name in applied]
    assert pending(standing) == [full[name] for name in to_do]
    assert kinds(standing) == [(kind, full.get(name, name)) for kind, name in problems]


def test_file_that_git_gave_other_ends_of_lines_is_not_edited(application: Application) -> None:
    application.write({"20260102_b/migration.sql": SECOND.replace("\n", "\r\n")})

    assert application.observe(PrismaRunner(), ledger(A, B, C)).problems == []


def test_file_with_mixed_ends_of_lines_is_what_it_was(application: Application) -> None:
    mixed = SECOND.replace("\n", "\r\n", 1)
    application.write({"20260102_b/migration.sql": mixed})

    assert application.observe(PrismaRunner(), ledger(A, ("20260102_b", digest(mixed), DONE), C)).problems == []


def test_pending_migration_is_told_whole(application: Application) -> None:
    assert application.observe(PrismaRunner(), ledger(A, B)).pending == [
        Migration("20260103_c", "20260103_c", "20260103_c/migration.sql", digest(THIRD), THIRD)
    ]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (ledger(("20260101_a", "0", DONE), B, C), "20260101_a was edited after it was applied, and Prisma does"),
        (ledger(A, B, C, ("20260104_x", "0", DONE)), "20260104_x is applied and has no file"),
        (ledger(A, C), "20260102_b is not applied and comes before 20260103_c, which is: Prisma would"),
        (ledger(A, ("20260102_b", "0", FAILED)), "run npx prisma migrate resolve --rolled-back 20260102_b"),
    ],
)
def test_problem_says_what_to_do(application: Application, script: str, sentence: str) -> None:
    [problem] = application.observe(PrismaRunner(), script).problems

    assert sentence in problem.sentence


def test_folder_without_file_stops_prisma(application: Application) -> None:
    application.write({"20260104_hollow": None})

    standing = application.observe(PrismaRunner(), ledger(A, B, C))

    assert kinds(standing) == [("deleted", "20260104_hollow")]
    assert "remove the folder" in standing.problems[0].sentence


def test_applied_migration_whose_folder_is_empty_is_deleted_once(application: Application) -> None:
    (application.root / "migrations/20260101_a/migration.sql").unlink()

    assert kinds(application.observe(PrismaRunner(), ledger(A, B, C))) == [("deleted", "20260101_a")]


@pytest.mark.parametrize("files", [{}, {"1.sql": "SELECT 1"}, {"migration_lock.toml": ""}, {"20260101_a": None}])
def test_directory_without_migrations_is_refused(tmp_path: Path, files: Mapping[str, str | None]) -> None:
    application = Application(tmp_path)
    application.write(files)

    with pytest.raises(MigrationError, match="holds no migration of Prisma"):
        application.observe(PrismaRunner(), ledger(A))


def test_table_of_another_tool_is_refused(application: Application) -> None:
    with pytest.raises(MigrationError, match="_prisma_migrations has no column finished_at"):
        application.observe(
            PrismaRunner(), "CREATE TABLE _prisma_migrations (migration_name, checksum, rolled_back_at, started_at);"
        )


@pytest.mark.parametrize(
    ("schema", "environment", "is_refused"),
    [
        (None, {}, False),
        ("public", {}, False),
        ("app", {}, True),
        ("app", {"NODE_ENV": "production"}, True),
        ("app", {"DATABASE_URL": "postgresql://db/shop?schema=app"}, False),
    ],
)
def test_ledger_of_which_the_url_says_nothing_is_refused(
    application: Application, schema: str | None, environment: Mapping[str, str], is_refused: bool
) -> None:
    columns = ("migration_name", "checksum", "finished_at", "rolled_back_at", "started_at")
    catalogue = Catalogue(Table("_prisma_migrations", schema), columns=columns, row=("20260101_a", A[1], "5", None))
    project = replace(application.project, environment=environment)

    if is_refused:
        with pytest.raises(InvalidInput, match="own DATABASE_URL here, with schema=app") as caught:
            PrismaRunner().observe(project, catalogue.connection, catalogue.engine, Tool().host)
        assert "Say schema=app there" in caught.value.message
    else:
        standing = PrismaRunner().observe(project, catalogue.connection, catalogue.engine, Tool().host)
        assert (standing.applied, standing.problems) == (["20260101_a"], [])


@pytest.mark.parametrize(
    ("schema", "asked"),
    [
        (None, '"public"."_prisma_migrations"'),
        ("public", '"public"."_prisma_migrations"'),
        ("the app", '"the app"."_prisma_migrations"'),
        # Others have begun, and this one has not.
        ("new", ""),
    ],
)
@pytest.mark.parametrize("environment", [{}, {"DATABASE_URL": "postgresql://db/shop?schema=x"}])
def test_ledger_of_the_schema_in_the_address_is_read(
    application: Application, schema: str | None, asked: str, environment: Mapping[str, str]
) -> None:
    tables = [Table("_prisma_migrations", name) for name in ("other", "public", "the app")]
    columns = ("migration_name", "checksum", "finished_at", "rolled_back_at", "started_at")
    catalogue = Catalogue(*tables, columns=columns, row=("20260101_a", A[1], "5", None))
    address = Address("postgresql", "shop", "db", 5432, schema=schema)
    project = replace(application.project, address=address, environment=environment)

    standing = PrismaRunner().observe(project, catalogue.connection, catalogue.engine, Tool().host)

    assert asked in catalogue.asked
    assert bool(standing.applied) == bool(asked) == bool(catalogue.asked)


@pytest.mark.parametrize("schema", ["public", "app"])
def test_prisma_is_told_the_schema(application: Application, schema: str) -> None:
    tool, address = Tool(APPLIED), Address("postgresql", "shop", "db", 5432, schema=schema)

    PrismaRunner().apply(replace(application.project, address=address), TWO, tool.host)

    assert tool.options["env"]["DATABASE_URL"] == f"postgresql://db:5432/shop?schema={schema}"


def test_ledger_of_bytes_is_read(application: Application) -> None:
    columns = ("migration_name", "checksum", "finished_at", "rolled_back_at", "started_at")
    row = (b"20260101_a", A[1].encode(), "5", None)
    catalogue = Catalogue(Table("_prisma_migrations"), columns=columns, row=row)

    standing = PrismaRunner().observe(application.project, catalogue.connection, catalogue.engine, Tool().host)

    assert (standing.applied, standing.problems) == (["20260101_a"], [])


def test_file_that_is_no_text_is_refused(application: Application) -> None:
    (application.root / "migrations/20260101_a/migration.sql").write_bytes(b"SELECT '\xe9'")

    with pytest.raises(MigrationError, match=r"20260101_a/migration\.sql is no text in UTF-8"):
        application.observe(PrismaRunner())


TWO = Standing((), [Migration("1", "1_a", "", ""), Migration("2", "2_b", "", "")])

APPLIED = """
The following migration(s) have been applied:

migrations/
  └─ 20260101_a/
    └─ migration.sql

All migrations have been successfully applied.
"""


@pytest.mark.parametrize(
    "stdout", [APPLIED, "No pending migrations to apply.", "The following migration have been applied:"]
)
def test_deploy(application: Application, stdout: str) -> None:
    tool = Tool(stdout)

    applied = PrismaRunner().apply(application.project, TWO, tool.host)

    assert [one.name for one in applied] == ["1_a", "2_b"]
    assert tool.argv == ("npx", "--no-install", "prisma", "migrate", "deploy")
    assert tool.options["env"]["DATABASE_URL"] == f"file:{application.root}/shop.db"


P3018 = """Error: P3018

A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how to
resolve migration issues in a production database: https://pris.ly/d/migrate-resolve

Migration name: 20260102_b

Database error code: 23505

Database error:
ERROR: could not create unique index "i"
DETAIL: Key (a)=(me@x.y) is duplicated.
"""

P3009 = """Error: P3009

migrate found failed migrations in the target database, new migrations will not be applied.
The `20260102_b` migration started at 2026-11-21 14:06:26 UTC failed
"""


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (Tool(""), "Prisma ended as if all were well, and did not say"),
        (Tool("", P3018, 1), 'exit code 1: Database error: ERROR: could not create unique index "i".'),
        (Tool("", P3009, 1), "exit code 1: The `20260102_b` migration started at 2026-11-21 14:06:26 UTC failed."),
        (Tool("", "Error: P1001: Can't reach database server at `db:5432`", 1), "1: Error: P1001: Can't reach"),
        (Tool("Prisma schema loaded\n1 migration found"), "did not say"),
        (Tool("All migrations have been successfully applied.", code=1), "exit code 1"),
        (Tool(f"? Are you sure you want to go on?\n{APPLIED}"), "asked a question"),
    ],
)
def test_deploy_that_failed(application: Application, tool: Tool, told: str) -> None:
    with pytest.raises(MigrationError) as caught:
        PrismaRunner().apply(application.project, TWO, tool.host)

    assert told in caught.value.message
    assert "me@x.y" not in f"{caught.value.message}{caught.value.details}"


@pytest.mark.parametrize(
    "run",
    [
        ("npx", "prisma", "migrate", "reset"),
        ("npx", "prisma", "migrate", "reset", "--force"),
        ("npx", "prisma", "db", "push"),
        ("npx", "prisma", "db", "push", "--accept-data-loss"),
        ("npx", "prisma", "migrate", "dev"),
        ("npm", "run", "db:push"),
        ("sh", "-c", "npx prisma migrate reset --force"),
        ("sh", "-c", "cd app; (prisma migrate reset)"),
    ],
)
def test_program_that_loses_data_is_refused_before_it_runs(application: Application, run: tuple[str, ...]) -> None:
    tool, project = Tool(APPLIED), replace(application.project, run=run)

    with pytest.raises(InvalidInput):
        PrismaRunner().apply(project, TWO, tool.host)
    with pytest.raises(InvalidInput, match="run: "):
        application.observe(PrismaRunner(), "", project)

    assert not tool.was_run


def test_the_users_program_need_not_speak_as_prisma_does(application: Application) -> None:
    tool, project = Tool("done"), replace(application.project, run=("node", "migrate.js"))

    assert len(PrismaRunner().apply(project, TWO, tool.host)) == 2
    assert tool.argv == ("node", "migrate.js")
