# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, Tls, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import text
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    InvalidInput,
    MigrationError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.command import CommandRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.drizzle import DrizzleRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.knex import KnexRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.prisma import PrismaRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool import carry_out, url_with_password
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import (
    ledger_rows,
    ledger_table,
    standing_without_ledger,
)
from tests.unit.migrate.fake_tools import Catalogue, Tool

PASSWORD = " '\"$ #;%\\`!=&?/@:\tcanary-ä€😀' "
ENCODED = "%20%27%22%24%20%23%3B%25%5C%60%21%3D%26%3F%2F%40%3A%09canary-%C3%A4%E2%82%AC%F0%9F%98%80%27%20"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("sqlite", "/srv/app/data.db"), "file:/srv/app/data.db"),
        (Address("sqlite", "/srv/the app/ü.db"), "file:/srv/the app/ü.db"),
        (Address("postgresql", "shop", "db", 5432), "postgresql://db:5432/shop"),
        (Address("postgresql", "shop", "db", 5432, user="app"), "postgresql://app@db:5432/shop"),
        (Address("postgresql", "shop", "db", 5432, user="app", password="x"), "postgresql://app:x@db:5432/shop"),
        (Address("postgresql", "shop", "db", 5432, user="app", password=""), "postgresql://app:@db:5432/shop"),
        (
            Address("postgresql", "my 'shop'/ü", "db", 1, user="the app", password=PASSWORD),
            f"postgresql://the%20app:{ENCODED}@db:1/my%20%27shop%27%2F%C3%BC",
        ),
        (Address("mysql", "shop", "db", 3306, user="a", password=PASSWORD), f"mysql://a:{ENCODED}@db:3306/shop"),
        (Address("mysql", "shop", "2001:db8::1", 3306, user="a"), "mysql://a@[2001:db8::1]:3306/shop"),
        (
            Address("postgresql", "shop", socket="/run/postgresql", user="a", password="p"),
            "postgresql://a:p@localhost/shop?host=%2Frun%2Fpostgresql",
        ),
        (Address("mysql", "shop", socket="/run/my sql.sock"), "mysql://localhost/shop?socket=%2Frun%2Fmy%20sql.sock"),
        (Address("mysql", "shop", "db", 3306, tls=Tls("disable")), "mysql://db:3306/shop"),
        (Address("postgresql", "shop", "db", 5432, tls=Tls("disable")), "postgresql://db:5432/shop?sslmode=disable"),
        (
            Address("postgresql", "shop", "db", 5432, tls=Tls("verify-full", "/ca.pem", "/c.pem", "/c.key")),
            "postgresql://db:5432/shop?sslmode=verify-full&sslrootcert=%2Fca.pem&sslcert=%2Fc.pem&sslkey=%2Fc.key",
        ),
        (Address("postgresql", "shop", "db", 5432, schema="public"), "postgresql://db:5432/shop?schema=public"),
        (
            Address("postgresql", "shop", "db", 5432, schema="the app's"),
            "postgresql://db:5432/shop?schema=the%20app%27s",
        ),
    ],
)
def test_url(address: Address, url: str) -> None:
    assert url_with_password(address) == url


@pytest.mark.parametrize(
    "address",
    [
        Address("sqlite", "/srv/app/data.db"),
        Address("postgresql", "my 'shop' ü%", "db", 1, user="the app", password=PASSWORD),
        Address("postgresql", "shop", socket="/run/my postgresql", user="a", password="p", tls=Tls("require")),
        Address("postgresql", "shop", "db", 5432, tls=Tls("require"), schema="my+ 'schema' &ü%"),
        Address("mysql", "shop", "2001:db8::1", 3306, user="a:@/", password=PASSWORD),
        Address("mysql", "shop", socket="/run/my sql.sock"),
    ],
)
def test_url_is_read_back(address: Address) -> None:
    assert parse_address(url_with_password(address)) == address


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_that_no_url_can_ask_of_all_libraries_is_refused(mode: str) -> None:
    with pytest.raises(InvalidInput, match="own DATABASE_URL"):
        url_with_password(Address("mysql", "shop", "db", 3306, tls=Tls(mode)))


def test_runners_have_the_names_by_which_they_are_asked_for() -> None:
    runners = (CommandRunner(), DrizzleRunner(), KnexRunner(), PrismaRunner())

    assert [runner.name for runner in runners] == ["command", "drizzle", "knex", "prisma"]


@pytest.mark.parametrize("path", ["/srv/100%/shop.db", "/srv/shop#1.db", "/srv/shop?.db"])
def test_path_that_not_all_libraries_read_alike_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="own DATABASE_URL"):
        url_with_password(Address("sqlite", path))


def project_of(**changes: Any) -> Project:
    address = Address("postgresql", "shop", "db", 5432, user="app", password=PASSWORD)
    return replace(Project(address, "/srv/app/migrations", "/srv/app"), **changes)


def run(project: Project, tool: Tool, says: Sequence[str] = ()) -> str:
    return carry_out("The tool", ("tool", "go"), project, tool.host, url_of=url_with_password, says=says)


def failure(project: Project, tool: Tool) -> str:
    """The message of the failure, after a look for the password in all that it shows."""
    with pytest.raises(MigrationError) as caught:
        run(project, tool)
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb, limit=0))
    assert "canary" not in f"{shown}{caught.value.__dict__}"
    return caught.value.message


def test_how_the_program_is_run() -> None:
    tool = Tool("fine")

    assert run(project_of(timeout=5.0), tool) == "fine"

    assert tool.argv == ("tool", "go")
    assert tool.options == {
        "env": {
            "CI": "1",
            "NO_COLOR": "1",
            "CHECKPOINT_DISABLE": "1",
            "PRISMA_HIDE_UPDATE_MESSAGE": "1",
            "DATABASE_URL": f"postgresql://app:{ENCODED}@db:5432/shop",
        },
        "cwd": "/srv/app",
        "stdin": "",
        "timeout": 5.0,
    }


@pytest.mark.parametrize(
    ("environment", "name", "value"),
    [
        ({"DATABASE_URL": "mine"}, "DATABASE_URL", "mine"),
        ({"CI": ""}, "CI", ""),
        ({"NODE_ENV": "production"}, "NODE_ENV", "production"),
    ],
)
def test_the_users_environment_wins(environment: Mapping[str, str], name: str, value: str) -> None:
    tool, given = Tool(), dict(environment)

    run(project_of(environment=given), tool)

    assert tool.options["env"][name] == value
    assert given == environment


def test_url_that_cannot_be_made_is_not_missed_where_the_user_gives_one() -> None:
    tool = Tool()
    address = Address("mysql", "shop", "db", 3306, tls=Tls("require"))

    run(project_of(address=address, environment={"DATABASE_URL": "mysql://db/shop?ssl={}"}), tool)

    assert tool.was_run


@pytest.mark.parametrize(
    ("stderr", "stdout", "told"),
    [
        ("", "", " and did not say why"),
        ("npm warn Unknown config\n\n", "[⣷] applying", " and did not say why"),
        ("boom", "before\nafter", ": boom."),
        ("", "before\nafter\n", ": after."),
        ("one\nError: two.\nthree", "", ": Error: two."),
        ("one\ntwo", "fatal: three", ": fatal: three."),
        ("\x1b[31mError: red\x1b[39m", "", ": Error: red."),
        ("", "[⣷] applying...\x1b[2K\x1b[1GError: x", ": Error: x."),
        ("", "[⣷] applying...\rError: x", ": Error: x."),
        ("Error: x 'secret' y", "", ": Error: x (a value) y."),
        ("Error: x 'it''s' y", "", ": Error: x (a value) y."),
        ("Error: Table 'shop.users' already exists", "", ": Error: Table 'shop.users' already exists."),
        ("Error: can't open it's", "", ": Error: can't open it's."),
        ("", "Using 'pg' driver for database querying", " and did not say why"),
        ("Error: P3012\n\nMigration `1_a` cannot be rolled back.", "", ": Migration `1_a` cannot be rolled back."),
        (
            "migration failed with error: insert into x - no such table: x",
            "",
            ": migration failed with error: no such",
        ),
        ("Error: with x as (select 1) select 5 - no such table: y", "", ": Error: no such table: y."),
        ("Error: update t set a = 5 where b = 'x - y' - column c is not there", "", ": Error: column c is not there."),
    ],
)
def test_line_that_says_why(stderr: str, stdout: str, told: str) -> None:
    assert f"exit code 1{told}" in failure(project_of(), Tool(stdout, stderr, 1))


@pytest.mark.parametrize(
    "line",
    [
        f"Error: no login with {PASSWORD}!",
        f"Error: cannot open postgresql://app:{ENCODED}@db:5432/shop",
        f"Error: cannot open postgresql://app:{ENCODED.replace('%21', '!').replace('%27', chr(39))}@db:5432/shop",
        'Error: {"password": " \'\\"$ #;%\\\\`!=&?/@:\\tcanary-\\u00e4\\u20ac\\ud83d\\ude00\' "}',
    ],
)
def test_line_with_the_password_is_not_shown(line: str) -> None:
    assert "there is a password in it" in failure(project_of(), Tool("", line, 1))


def test_line_with_a_part_of_a_password_of_several_lines_is_not_shown() -> None:
    address = Address("postgresql", "shop", "db", 5432, user="app", password="one\ncanary\n")

    assert "there is a password in it" in failure(project_of(address=address), Tool("", "Error: one", 1))


@pytest.mark.parametrize("url", ["mysql://app:c%61nary@db/x", "mysql://app:canary@db/x"])
def test_line_with_the_password_of_another_url_is_not_shown(url: str) -> None:
    tool = Tool("", "Error: no login with canary", 1)

    assert "there is a password in it" in failure(project_of(environment={"OTHER": url}), tool)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TOKEN": "canary"}, "Error: no (a value) here."),
        ({"TOKEN": "cana"}, "Error: no (a value)ry here."),
        ({"SHORT": "n", "TOKEN": "canary"}, "Error: no (a value) here."),
        ({"PART": "canar", "TOKEN": "canary"}, "Error: no (a value) here."),
        ({"BROKEN": "http://[", "TOKEN": "canary"}, "Error: no (a value) here."),
    ],
)
def test_values_of_the_environment_are_not_shown(environment: Mapping[str, str], told: str) -> None:
    assert told in failure(project_of(environment=environment), Tool("", "Error: no canary here", 1))


def test_program_that_cannot_be_run() -> None:
    error = CommandError("tool was not done after 5 seconds and was stopped.", argv=["tool", "go"])

    assert failure(project_of(), Tool(error=error)) == (
        "The tool could not be run to its end: tool was not done after 5 seconds and was stopped."
    )


@pytest.mark.parametrize(("engine", "is_told"), [("mysql", True), ("postgresql", False), ("sqlite", False)])
def test_mysql_may_be_left_in_between(engine: str, is_told: bool) -> None:
    message = failure(project_of(address=Address(engine, "shop", "db", 1)), Tool(code=1))

    assert ("a part of the migration may be there" in message) == is_told


@pytest.mark.parametrize(
    ("said", "is_question"),
    [
        ("Interactive prompts require a TTY terminal", True),
        ("Are you sure you want to drop it?", True),
        ("? Do you want to continue? (y/N)", True),
        ("  ? Which one", True),
        ("\x1b[36m?\x1b[39m Which one", True),
        ("Ready? Go", False),
        ("You are sure", False),
    ],
)
@pytest.mark.parametrize("is_error", [False, True])
def test_question_is_a_failure_whatever_the_exit_code(said: str, is_question: bool, is_error: bool) -> None:
    said = f"done\n{said}\ndone"
    tool = Tool("", said) if is_error else Tool(said)

    if is_question:
        assert "asked a question" in failure(project_of(), tool)
    else:
        run(project_of(), tool)


def read(catalogue: Catalogue, columns: Sequence[str] = ("name",)) -> list[tuple[Any, ...]]:
    table = ledger_table(catalogue.connection, catalogue.engine, "m", home="drizzle")
    return ledger_rows(catalogue.connection, catalogue.engine, table, columns, order="id")


@pytest.mark.parametrize(
    ("tables", "asked"),
    [
        ([], ""),
        ([Table("n", "drizzle")], ""),
        ([Table("m")], 'SELECT "name" FROM "m" ORDER BY "id"'),
        ([Table("m", "other")], 'SELECT "name" FROM "other"."m" ORDER BY "id"'),
        ([Table("m", "a"), Table("m", "drizzle")], 'SELECT "name" FROM "drizzle"."m" ORDER BY "id"'),
    ],
)
def test_ledger(tables: Sequence[Table], asked: str) -> None:
    catalogue = Catalogue(*tables)

    assert read(catalogue) == ([("1_a",)] if asked else [])
    assert catalogue.asked == asked


def test_one_of_several_ledgers_is_not_guessed() -> None:
    with pytest.raises(MigrationError, match="several tables m, in the schemas a, b, and none in drizzle"):
        read(Catalogue(Table("m", "a"), Table("m", "b")))


def test_ledger_is_in_the_schema_public_unless_the_tool_has_one_of_its_own() -> None:
    catalogue = Catalogue(Table("m", "app"), Table("m", "public"))

    assert ledger_table(catalogue.connection, catalogue.engine, "m") == Table("m", "public")


@pytest.mark.parametrize(
    ("name", "schema"), [("app.m", "app"), ("b.c.m", "b.c"), ("other.m", None), ("c.m", None), ("public.m", "public")]
)
def test_ledger_is_only_in_the_schema_that_is_named(name: str, schema: str | None) -> None:
    catalogue = Catalogue(Table("m", "app"), Table("m", "b.c"), Table("m", "public"))

    table = ledger_table(catalogue.connection, catalogue.engine, name)

    assert table == (schema and Table("m", schema))


def test_ledger_without_an_order_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"a\.m has no column id"):
        read(Catalogue(Table("m", "a"), columns=["name"]))


def test_ledger_without_a_column_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"a\.m has no column hash"):
        read(Catalogue(Table("m", "a")), ("name", "hash"))


@pytest.mark.parametrize(
    ("unless_tables", "is_done"), [(("users",), True), (("app.users",), True), (("other.users",), False)]
)
def test_tables_are_named_with_or_without_their_schema(unless_tables: tuple[str, ...], is_done: bool) -> None:
    catalogue, project = Catalogue(Table("users", "app")), project_of(run=("x",), unless_tables=unless_tables)

    standing = standing_without_ledger(project, catalogue.connection, catalogue.engine)

    assert bool(standing.pending) != is_done


@pytest.mark.parametrize(("value", "shown"), [("a", "a"), (b"\xc3\xa4", "ä"), (b"\xff", "\ufffd"), (5, "5")])
def test_text(value: object, shown: str) -> None:
    assert text(value) == shown
