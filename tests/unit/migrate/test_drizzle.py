# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Every statement here is written in this file.
# ruff: noqa: S608

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.drizzle import DrizzleRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import keeps_no_ledger
from tests.unit.migrate.fake_tools import Application, Catalogue, Tool, digest, kinds, pending

LEDGER = "CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);"

SCRIPTS = {
    "0000_a": "CREATE TABLE `a` (`id` integer);\n--> statement-breakpoint\nCREATE TABLE `b` (`id` integer);\n",
    "0001_b": "ALTER TABLE `a` ADD `x` text;",
    "0002_c": "ALTER TABLE `a` ADD `y` text;",
}
DATES = {"0000_a": 1000, "0001_b": 2000, "0002_c": 3000}

A, B, C = ((digest(SCRIPTS[tag]), when) for tag, when in DATES.items())


def journal(dates: Mapping[str, object] | None = None) -> str:
    entries = [
        {"idx": number, "version": "6", "when": when, "tag": tag, "breakpoints": True}
        for number, (tag, when) in enumerate((DATES if dates is None else dates).items())
    ]
    return json.dumps({"version": "7", "dialect": "sqlite", "entries": entries})


def ledger(*rows: tuple[str, int]) -> str:
    values = ", ".join(f"('{hashed}', {created})" for hashed, created in rows)
    return LEDGER + (f"INSERT INTO __drizzle_migrations (hash, created_at) VALUES {values};" if rows else "")


def application(
    root: Path, dates: Mapping[str, object] | None = None, scripts: Mapping[str, str] | None = None
) -> Application:
    made, files = Application(root), SCRIPTS if scripts is None else scripts
    made.write({"meta/_journal.json": journal(dates), **{f"{tag}.sql": script for tag, script in files.items()}})
    return made


@pytest.mark.parametrize(
    ("script", "applied", "to_do", "problems"),
    [
        pytest.param("", [], ["0000_a", "0001_b", "0002_c"], [], id="no ledger"),
        pytest.param(ledger(), [], ["0000_a", "0001_b", "0002_c"], [], id="empty ledger"),
        pytest.param(ledger(A), ["0000_a"], ["0001_b", "0002_c"], [], id="one applied"),
        pytest.param(ledger(C, B, A), ["0000_a", "0001_b", "0002_c"], [], [], id="all applied"),
        pytest.param(
            ledger(A, ("0" * 64, 2000)), ["0000_a", "0001_b"], ["0002_c"], [("edited", "0001_b")], id="edited"
        ),
        pytest.param(
            ledger((digest(SCRIPTS["0000_a"].replace("\n", "\r\n")), 1000)),
            ["0000_a"],
            ["0001_b", "0002_c"],
            [],
            id="other ends of lines",
        ),
        pytest.param(
            ledger(A, B, ("0" * 64, 2500)),
            ["0000_a", "0001_b", "The migration of 2500"],
            ["0002_c"],
            [("deleted", "The migration of 2500")],
            id="deleted",
        ),
        pytest.param(ledger(A, C), ["0000_a", "0002_c"], ["0001_b"], [("late", "0001_b")], id="late"),
        pytest.param(
            ledger(A, B, ("0" * 64, 3001)),
            ["0000_a", "0001_b", "The migration of 3001"],
            ["0002_c"],
            [("deleted", "The migration of 3001"), ("late", "0002_c")],
            id="late after one that is gone",
        ),
        pytest.param(
            ledger(A, (B[0], 1999)),
            ["0000_a", "0001_b"],
            ["0002_c"],
            [("edited", "0001_b")],
            id="another date in the journal",
        ),
        pytest.param(
            f"{LEDGER} INSERT INTO __drizzle_migrations VALUES (1, 'x', NULL);", [], [*DATES], [], id="no date"
        ),
        pytest.param(
            f"{LEDGER} INSERT INTO __drizzle_migrations VALUES (1, '{A[0]}', '1000');",
            ["0000_a"],
            ["0001_b", "0002_c"],
            [],
            id="a date that is text",
        ),
    ],
)
def test_standing(
    tmp_path: Path, script: str, applied: list[str], to_do: list[str], problems: list[tuple[str, str]]
) -> None:
    standing = application(tmp_path).observe(DrizzleRunner(), script)

    assert (list(standing.applied), pending(standing), kinds(standing)) == (applied, to_do, problems)


def test_pending_migration_is_told_whole(tmp_path: Path) -> None:
    [migration] = application(tmp_path).observe(DrizzleRunner(), ledger(A, B)).pending

    assert migration == Migration(
        "3000", "0002_c", "0002_c.sql", digest(SCRIPTS["0002_c"]), "ALTER TABLE `a` ADD `y` text;"
    )


DESCENDING = {"0000_a": 1000, "0001_b": 3000, "0002_c": 2000}
SAME = {"0000_a": 1000, "0001_b": 3000, "0002_c": 3000}
LATE = [("late", "0002_c")]


@pytest.mark.parametrize(
    ("dates", "script", "to_do", "problems"),
    [
        pytest.param(DESCENDING, "", [*DATES], LATE, id="not ascending"),
        pytest.param(SAME, "", [*DATES], LATE, id="the same date"),
        pytest.param(DESCENDING, ledger(A, (B[0], 3000)), ["0002_c"], LATE, id="not ascending, told once"),
        pytest.param(DESCENDING, ledger(A, (C[0], 2000), (B[0], 3000)), [], [], id="not ascending, and all applied"),
        pytest.param(SAME, ledger(A, (B[0], 3000)), ["0002_c"], LATE, id="the same date, and the first is applied"),
        pytest.param(
            {**DATES, "0003_d": 4000}, ledger(A, B, C), [], [("deleted", "0003_d")], id="entry without a file"
        ),
        pytest.param(
            {**DATES, "0003_d": 4000},
            ledger(A, B, C, ("0" * 64, 4000)),
            [],
            [("deleted", "0003_d")],
            id="applied, without a file",
        ),
        pytest.param(
            {"0000_a": 1000, "0001_b": 2000}, ledger(A, B), [], [("ignored", "0002_c.sql")], id="file without an entry"
        ),
    ],
)
def test_journal(
    tmp_path: Path, dates: Mapping[str, object], script: str, to_do: list[str], problems: list[tuple[str, str]]
) -> None:
    standing = application(tmp_path, dates).observe(DrizzleRunner(), script)

    assert (pending(standing), kinds(standing)) == (to_do, problems)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        '{"entries": {"a": 1}}',
        '{"entries": [{"tag": "0000_a"}]}',
        '{"entries": [{"when": 1}]}',
        '{"entries": [{"tag": "0000_a", "when": "1000"}]}',
        '{"entries": [{"tag": "0000_a", "when": 1.5}]}',
        '{"entries": [{"tag": "0000_a", "when": true}]}',
        '{"entries": [{"tag": "", "when": 1}]}',
        '{"entries": [{"tag": 1, "when": 1}]}',
        '{"entries": ["0000_a"]}',
    ],
)
def test_journal_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    made = application(tmp_path)
    made.write({"meta/_journal.json": content})

    with pytest.raises(MigrationError, match=r"_journal\.json is no journal of drizzle-kit"):
        made.observe(DrizzleRunner())


def test_migration_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    made = application(tmp_path)
    made.write({"meta/_journal.json": '{"entries": [{"tag": "0000_a", "when": 1}, {"tag": "0000_a", "when": 2}]}'})

    with pytest.raises(MigrationError, match="lists 0000_a twice"):
        made.observe(DrizzleRunner())


def test_files_of_other_kinds_are_left_alone(tmp_path: Path) -> None:
    made = application(tmp_path)
    made.write({"README.md": "# Migrations", "old.sql/0000_a.sql": "SELECT 1", "schema.ts": ""})

    assert made.observe(DrizzleRunner(), ledger(A, B, C)).problems == []


def test_journal_without_entries_is_nothing_to_do(tmp_path: Path) -> None:
    assert application(tmp_path, {}, {}).observe(DrizzleRunner()) == Standing([], [], [])


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "holds no migrations of Drizzle"),
        ({"0000_a.sql": "SELECT 1"}, "holds no migrations of Drizzle"),
        ({"20260101120000_a/migration.sql": "SELECT 1"}, "Drizzle 1.0"),
        ({"old/0000_a.sql": "SELECT 1"}, "holds no migrations of Drizzle"),
        ({"20260101120000_a.sql": "SELECT 1"}, "holds no migrations of Drizzle"),
    ],
)
def test_directory_without_a_journal_is_refused(tmp_path: Path, files: Mapping[str, str], told: str) -> None:
    made = Application(tmp_path)
    made.write(files)

    with pytest.raises(MigrationError, match=told):
        made.observe(DrizzleRunner())


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (ledger(A, B, ("0", 3000)), "0002_c was edited after it was applied, and drizzle-kit does"),
        (ledger(A, B, (C[0], 2999)), "0002_c was dated 2999 when it was applied"),
        (ledger(A, C), "would leave it out for ever"),
        (ledger(A, B, C, ("0", 5)), "The migration of 5 is applied and has no file"),
    ],
)
def test_problem_says_what_is_wrong(tmp_path: Path, script: str, sentence: str) -> None:
    [problem] = application(tmp_path).observe(DrizzleRunner(), script).problems

    assert sentence in problem.sentence


TWO = Standing((), [Migration("1", "0000_a", "", ""), Migration("2", "0001_b", "", "")])

SPINNER = "Reading config file 'drizzle.config.js'\n[⣷] applying migrations..."
APPLIED = f"{SPINNER}\x1b[2K\x1b[1G[✓] migrations applied successfully!"


@pytest.mark.parametrize("stdout", [APPLIED, "[\x1b[32m✓\x1b[39m] \x1b[1mmigrations\x1b[22m applied successfully!"])
def test_migrate(tmp_path: Path, stdout: str) -> None:
    made, tool = application(tmp_path), Tool(stdout)

    applied = DrizzleRunner().apply(made.project, TWO, tool.host)

    assert [one.name for one in applied] == ["0000_a", "0001_b"]
    assert tool.argv == ("npx", "--no-install", "drizzle-kit", "migrate")
    assert tool.options["env"]["DATABASE_URL"] == f"file:{tmp_path}/shop.db"


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (Tool(f"{SPINNER}\x1b[2K\x1b[1G[⣷] applying migrations...", "npm warn x\n", 1), "1 and did not say why"),
        (Tool(SPINNER), "drizzle-kit ended as if all were well, and did not say what it then says"),
        (Tool("", APPLIED), "did not say what it then says"),
        (Tool(SPINNER, "Error: Interactive prompts require a TTY terminal"), "asked a question"),
        (Tool(APPLIED, code=1), "exit code 1"),
        (Tool(SPINNER, 'error: relation "a" already exists\n    at Parser.x', 1), '1: error: relation "a" already'),
    ],
)
def test_migrate_that_failed(tmp_path: Path, tool: Tool, told: str) -> None:
    with pytest.raises(MigrationError) as caught:
        DrizzleRunner().apply(application(tmp_path).project, TWO, tool.host)

    assert told in caught.value.message


PUSH = ("npx", "drizzle-kit", "push")


@pytest.mark.parametrize(
    ("unless_tables", "expected"),
    [((), ["drizzle-kit"]), (("orders",), []), (("orders", "users"), ["drizzle-kit"])],
)
def test_push_keeps_no_ledger(tmp_path: Path, unless_tables: tuple[str, ...], expected: list[str]) -> None:
    made = Application(tmp_path)
    project = replace(made.project, run=PUSH, unless_tables=unless_tables)

    standing = made.observe(DrizzleRunner(), "", project)

    assert pending(standing) == expected
    assert all(keeps_no_ledger(migration) for migration in standing.pending)


@pytest.mark.parametrize(("stdout", "number"), [("[✓] Changes applied", 2), ("[i] No changes detected", 0)])
@pytest.mark.parametrize("run", [PUSH, ("npm", "run", "db:push")])
def test_push(tmp_path: Path, run: tuple[str, ...], stdout: str, number: int) -> None:
    project = replace(Application(tmp_path).project, run=run)

    assert len(DrizzleRunner().apply(project, TWO, Tool(stdout).host)) == number
    with pytest.raises(MigrationError, match="did not say what it then says: verified"):
        DrizzleRunner().apply(replace(project, says=("verified",)), TWO, Tool(stdout).host)


def test_mysql_is_migrated_all_the_same(tmp_path: Path) -> None:
    made = application(tmp_path)
    project = replace(made.project, address=replace(made.project.address, engine="mysql", host="db"))

    assert len(made.observe(DrizzleRunner(), "", project).pending) == 3
    assert len(DrizzleRunner().apply(project, TWO, Tool(APPLIED).host)) == 2


def test_ledger_in_the_schema_of_drizzle_is_read(tmp_path: Path) -> None:
    tables = [Table("__drizzle_migrations", schema) for schema in ("drizzle", "public")]
    catalogue = Catalogue(*tables, columns=("hash", "created_at"), row=(A[0].encode(), 1000))

    project = application(tmp_path).project
    standing = DrizzleRunner().observe(project, catalogue.connection, catalogue.engine, Tool().host)

    assert (standing.applied, standing.problems) == (["0000_a"], [])
    assert '"drizzle"."__drizzle_migrations"' in catalogue.asked


@pytest.mark.parametrize(
    ("named", "asked"),
    [("steps", '"drizzle"."steps"'), ("app.steps", '"app"."steps"'), ("app.__drizzle_migrations", ""), (None, "")],
)
def test_ledger_of_another_name_is_read(tmp_path: Path, named: str | None, asked: str) -> None:
    tables = [Table("steps", schema) for schema in ("app", "drizzle", "public")]
    catalogue = Catalogue(*tables, columns=("hash", "created_at"), row=(A[0], 1000))

    project = replace(application(tmp_path).project, ledger_table=named)
    standing = DrizzleRunner().observe(project, catalogue.connection, catalogue.engine, Tool().host)

    assert asked in catalogue.asked
    assert bool(standing.applied) == bool(asked) == bool(catalogue.asked)


@pytest.mark.parametrize("stdout", ["", "[✓] Pulling schema from database", APPLIED])
@pytest.mark.parametrize("run", [PUSH, ("npm", "run", "db:push")])
def test_push_that_does_not_say_what_it_did(tmp_path: Path, run: tuple[str, ...], stdout: str) -> None:
    project = replace(Application(tmp_path).project, run=run)

    with pytest.raises(MigrationError, match="did not say"):
        DrizzleRunner().apply(project, TWO, Tool(stdout).host)


@pytest.mark.parametrize(
    ("run", "engine"),
    [
        ((*PUSH, "--force"), "postgresql"),
        (("sh", "-c", "npx drizzle-kit push --force"), "sqlite"),
        (PUSH, "mysql"),
        (("npm", "run", "db:push"), "mysql"),
        (("npm", "run", "db:reset"), "sqlite"),
    ],
)
def test_program_that_loses_data_is_refused_before_it_runs(tmp_path: Path, run: tuple[str, ...], engine: str) -> None:
    made, tool = application(tmp_path), Tool("Changes applied")
    project = replace(made.project, run=run, address=replace(made.project.address, engine=engine))

    with pytest.raises(InvalidInput):
        DrizzleRunner().apply(project, TWO, tool.host)
    with pytest.raises(InvalidInput, match="run: "):
        made.observe(DrizzleRunner(), "", project)

    assert not tool.was_run


def test_the_users_program_says_what_the_user_declares(tmp_path: Path) -> None:
    project = replace(application(tmp_path).project, run=("node", "dist/migrate.js"), says=("schema is at .*",))

    tool = Tool("schema is at 0001. No changes detected in the code.")
    assert len(DrizzleRunner().apply(project, TWO, tool.host)) == 2
    assert tool.argv == ("node", "dist/migrate.js")
    with pytest.raises(MigrationError, match="did not say"):
        DrizzleRunner().apply(project, TWO, Tool("nothing").host)
