# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Every statement here is written in this file.
# ruff: noqa: S608

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.knex import KnexRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Standing
from tests.unit.migrate.fake_tools import Application, Catalogue, Tool, digest, kinds, pending

LEDGER = """
CREATE TABLE knex_migrations (
    id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime
);
CREATE TABLE knex_migrations_lock (`index` integer not null primary key autoincrement, is_locked integer);
"""

FILES = {
    "2_b.ts": "export const up = () => {}",
    "1_a.js": "exports.up = () => {}",
    "3_c.mjs": "export const up = 0",
    "0_helpers.d.ts": "declare const x: number",
    "README.md": "# Migrations",
    "4_d.js.map": "{}",
    "old/9_x.js": "exports.up = () => {}",
    "5_e.js/index.js": "exports.up = () => {}",
}


def ledger(*names: str, locks: tuple[int, ...] = (0,)) -> str:
    done = "".join(f"INSERT INTO knex_migrations (name, batch) VALUES ('{name}', 1);" for name in names)
    return LEDGER + done + "".join(f"INSERT INTO knex_migrations_lock (is_locked) VALUES ({lock});" for lock in locks)


@pytest.fixture
def application(tmp_path: Path) -> Application:
    application = Application(tmp_path)
    application.write(FILES)
    return application


@pytest.mark.parametrize(
    ("script", "applied", "to_do", "problems"),
    [
        pytest.param("", [], ["1_a.js", "2_b.ts", "3_c.mjs"], [], id="no ledger"),
        pytest.param(ledger(locks=()), [], ["1_a.js", "2_b.ts", "3_c.mjs"], [], id="empty ledger"),
        pytest.param(ledger("1_a.js"), ["1_a.js"], ["2_b.ts", "3_c.mjs"], [], id="one applied"),
        pytest.param(ledger("1_a.js", "2_b.ts", "3_c.mjs"), ["1_a.js", "2_b.ts", "3_c.mjs"], [], [], id="all applied"),
        pytest.param(ledger("2_b.ts", "1_a.js"), ["2_b.ts", "1_a.js"], ["3_c.mjs"], [], id="applied in another order"),
        pytest.param(
            ledger("1_a.js", "2_b.ts", "2_x.js"),
            ["1_a.js", "2_b.ts", "2_x.js"],
            ["3_c.mjs"],
            [("deleted", "2_x.js")],
            id="deleted",
        ),
        pytest.param(ledger("1_a.js", "3_c.mjs"), ["1_a.js", "3_c.mjs"], ["2_b.ts"], [("late", "2_b.ts")], id="late"),
        pytest.param(
            ledger("1_a.js", locks=(1,)),
            ["1_a.js"],
            ["2_b.ts", "3_c.mjs"],
            [("locked", "knex_migrations_lock")],
            id="locked",
        ),
        pytest.param(
            ledger("1_a.js", locks=(0, 1)),
            ["1_a.js"],
            ["2_b.ts", "3_c.mjs"],
            [("locked", "knex_migrations_lock")],
            id="locked once of two",
        ),
        pytest.param(
            ledger("1_a.js", "2_b.js", "3_c.mjs"),
            ["1_a.js", "2_b.js", "3_c.mjs"],
            ["2_b.ts"],
            [("deleted", "2_b.js"), ("late", "2_b.ts")],
            id="renamed",
        ),
    ],
)
def test_standing(
    application: Application, script: str, applied: list[str], to_do: list[str], problems: list[tuple[str, str]]
) -> None:
    standing = application.observe(KnexRunner(), script)

    assert (list(standing.applied), pending(standing), kinds(standing)) == (applied, to_do, problems)


def test_pending_migration_has_no_sql(application: Application) -> None:
    assert application.observe(KnexRunner(), ledger("1_a.js", "2_b.ts")).pending == [
        Migration("3_c.mjs", "3_c.mjs", "3_c.mjs", digest(FILES["3_c.mjs"]))
    ]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (ledger("1_a.js", "2_b.ts", "3_c.mjs", "4_x.js"), "Until then Knex refuses to apply anything."),
        (ledger("1_a.js", "3_c.mjs"), "Knex would apply it out of order"),
        (ledger("1_a.js", locks=(1,)), "when no other runs, free it with npx knex migrate:unlock"),
    ],
)
def test_problem_says_what_to_do(application: Application, script: str, sentence: str) -> None:
    [problem] = application.observe(KnexRunner(), script).problems

    assert sentence in problem.sentence


def test_directory_without_migrations_is_refused(tmp_path: Path) -> None:
    application = Application(tmp_path)
    application.write({"README.md": "", "1_a.d.ts": "", "1_a.sql": ""})

    with pytest.raises(MigrationError, match="holds no migration of Knex"):
        application.observe(KnexRunner())


def test_ledger_of_another_name_is_read_with_its_lock(application: Application) -> None:
    project = replace(application.project, ledger_table="steps")
    # What another application keeps beside it is not this one's.
    script = ledger("1_a.js").replace("knex_migrations", "steps") + ledger("2_b.ts", "9_x.js", locks=(1,))

    standing = application.observe(KnexRunner(), script, project)
    assert (standing.applied, pending(standing), standing.problems) == (["1_a.js"], ["2_b.ts", "3_c.mjs"], [])

    (application.root / "shop.db").unlink()
    [problem] = application.observe(
        KnexRunner(), ledger(locks=(1,)).replace("knex_migrations", "steps"), project
    ).problems
    assert (problem.kind, problem.migration) == ("locked", "steps_lock")
    assert problem.sentence.startswith("steps_lock says that somebody is migrating.")


@pytest.mark.parametrize(
    ("named", "asked"),
    [("app.steps", ['"app"."steps"', '"app"."steps_lock"']), ("steps", ['"public"."steps"', '"public"."steps_lock"'])],
)
def test_ledger_and_lock_are_of_one_schema(application: Application, named: str, asked: list[str]) -> None:
    tables = [Table(name, schema) for name in ("steps", "steps_lock") for schema in ("app", "public")]
    catalogue = Catalogue(*tables, columns=("id", "index", "name", "is_locked"), row=(0,))
    project = replace(application.project, ledger_table=named)

    KnexRunner().observe(project, catalogue.connection, catalogue.engine, Tool().host)

    assert [re.findall(r"FROM (\S+)", sql) for sql in catalogue.all_asked] == [[name] for name in asked]


def test_ledger_of_bytes_is_read(application: Application) -> None:
    columns = ("id", "index", "name", "is_locked")
    catalogue = Catalogue(Table("knex_migrations"), columns=columns, row=(b"1_a.js",))

    standing = KnexRunner().observe(application.project, catalogue.connection, catalogue.engine, Tool().host)

    assert (standing.applied, standing.problems) == (["1_a.js"], [])


TWO = Standing((), [Migration("1", "1_a.js", "", ""), Migration("2", "2_b.js", "", "")])


@pytest.mark.parametrize("stdout", ["Batch 12 run: 2 migrations\n", "Using environment: x\nAlready up to date\n"])
def test_latest(application: Application, stdout: str) -> None:
    tool = Tool(stdout)

    applied = KnexRunner().apply(application.project, TWO, tool.host)

    assert [one.name for one in applied] == ["1_a.js", "2_b.js"]
    assert tool.argv == ("npx", "--no-install", "knex", "migrate:latest")
    # The library takes the path of a file, not a URL.
    assert tool.options["env"]["DATABASE_URL"] == f"{application.root}/shop.db"


def test_server_is_told_as_a_url(application: Application) -> None:
    tool = Tool("Already up to date")
    address = Address("mysql", "shop", "db", 3306, user="app", password="a/b")

    KnexRunner().apply(replace(application.project, address=address), TWO, tool.host)

    assert tool.options["env"]["DATABASE_URL"] == "mysql://app:a%2Fb@db:3306/shop"


DUPLICATE = "insert into `users` (`email`) values ('me@x.y') - Duplicate entry 'me@x.y' for key 'users.email'"


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (Tool(""), "Knex ended as if all were well, and did not say"),
        (Tool("Batch run"), "did not say"),
        (Tool("Nothing: Already up to date"), "did not say"),
        (Tool("Batch 1 run: 1 migrations", code=1), "exit code 1"),
        (
            Tool(f"migration failed with error: {DUPLICATE}", f"Error: {DUPLICATE}\n    at x", 1),
            "exit code 1: Error: Duplicate entry (a value) for key 'users.email'.",
        ),
        (
            Tool("Can't take lock to run migrations", "MigrationLocked: Migration table is already locked\n  at x", 1),
            "Migration table is already locked",
        ),
        (
            Tool("", "Error: The migration directory is corrupt, the following files are missing: 1_a.js", 1),
            "the following files are missing: 1_a.js.",
        ),
    ],
)
def test_latest_that_failed(application: Application, tool: Tool, told: str) -> None:
    with pytest.raises(MigrationError) as caught:
        KnexRunner().apply(application.project, TWO, tool.host)

    assert told in caught.value.message
    assert "me@x.y" not in f"{caught.value.message}{caught.value.details}"


@pytest.mark.parametrize("run", [("npm", "run", "db:reset"), ("npx", "knex", "migrate:dev")])
def test_program_that_loses_data_is_refused_before_it_runs(application: Application, run: tuple[str, ...]) -> None:
    tool, project = Tool("Already up to date"), replace(application.project, run=run)

    with pytest.raises(InvalidInput):
        KnexRunner().apply(project, TWO, tool.host)
    with pytest.raises(InvalidInput, match="run: "):
        application.observe(KnexRunner(), "", project)

    assert not tool.was_run


@pytest.mark.parametrize(
    ("run", "is_knex"),
    [
        (("npm", "run", "migrate"), False),
        (("./node_modules/.bin/knex", "migrate:latest"), True),
        (("npx", "knex", "migrate:latest"), True),
    ],
)
def test_knex_by_any_path_must_speak_as_knex_does(
    application: Application, run: tuple[str, ...], is_knex: bool
) -> None:
    project = replace(application.project, run=run)

    if is_knex:
        with pytest.raises(MigrationError, match="did not say"):
            KnexRunner().apply(project, TWO, Tool("done").host)
    else:
        tool = Tool("done")
        assert KnexRunner().apply(project, TWO, tool.host)
        assert tool.argv == run
