# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.expect import Expectation
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.options import (
    RUNNERS as NAMES,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.options import (
    migrate_argument_spec,
    request_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import OwnLedger
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.registry import RUNNERS

ADDRESS = parse_address("sqlite:///srv/shop.db", None)
TOOL = {"project": "/srv/app", "run": "x"}
DEFAULTS = {name: option.get("default") for name, option in migrate_argument_spec().options.items()}


def options(**given: Any) -> dict[str, Any]:
    """What the module gets of Ansible."""
    return {**DEFAULTS, "directory": "/srv/migrations", **given}


def test_every_runner_can_be_asked_for() -> None:
    assert sorted(RUNNERS) == sorted(NAMES)


def test_defaults() -> None:
    request = request_of(options(), ADDRESS)

    assert (request.state, request.restore_on_failure, request.is_backup_waived) == ("applied", False, False)
    assert (request.project.root, request.project.directory) == ("/srv/migrations", "/srv/migrations")
    ledger = OwnLedger(Sqlite(), request.project.ledger_table)
    assert (request.project.transaction, ledger.name) == ("auto", "schema_ledger")


def test_a_command_is_split_as_a_shell_would() -> None:
    project = request_of(
        options(runner="command", project="/srv/app", run="node 'a b.js' --fast", environment={"N": 1}), ADDRESS
    ).project

    assert (project.run, project.root) == (("node", "a b.js", "--fast"), "/srv/app")
    assert project.environment == {"N": "1"}


@pytest.mark.parametrize("runner", ["sql", "prisma", "knex"])
def test_others_apply_out_of_order(runner: str) -> None:
    request = request_of(options(**TOOL, runner=runner, out_of_order="apply"), ADDRESS)

    assert request.policies.out_of_order == "apply"


def in_schema(schema: str) -> Address:
    return parse_address(f"postgresql://db/shop?schema={schema}")


@pytest.mark.parametrize("runner", ["knex", "drizzle"])
def test_the_ledger_of_a_tool_can_be_named(runner: str) -> None:
    def named(**given: Any) -> str | None:
        return request_of(options(**TOOL, runner=runner, **given), ADDRESS).project.ledger_table

    assert (named(), named(ledger_table="app.steps")) == (None, "app.steps")


@pytest.mark.parametrize(
    ("runner", "schema", "told"),
    [
        ("prisma", "app", "app"),
        ("prisma", "public", "public"),
        ("command", "app", "app"),
        # Not all libraries take the word, and all of them begin there.
        ("command", "public", None),
        ("drizzle", "public", None),
        ("knex", "public", None),
        ("sql", "public", None),
    ],
)
def test_the_schema_is_told_to_those_that_may_know_the_word(runner: str, schema: str, told: str | None) -> None:
    assert request_of(options(**TOOL, runner=runner), in_schema(schema)).project.address.schema == told


@pytest.mark.parametrize(
    ("runner", "instead"),
    [("sql", "SET search_path in session"), ("drizzle", "by pgSchema"), ("knex", "as searchPath")],
)
def test_a_schema_of_which_the_runner_knows_nothing_is_refused(runner: str, instead: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        request_of(options(**TOOL, runner=runner), in_schema("canary"))

    assert f"database: its schema is for Prisma, and {runner} would begin in public." in caught.value.message
    assert instead in caught.value.message
    assert "canary" not in caught.value.message


def test_whoever_expects_nothing_has_nothing_looked_at() -> None:
    assert request_of(options(), ADDRESS).expect == Expectation()
    assert request_of(options(expect={"tables": [], "counts": {}}), ADDRESS).expect == Expectation()


EXPECT = {"tables": ["a", "other.b"], "columns": {"a": ["id"]}, "counts": {"a": 1, "other.b": 2}}


@pytest.mark.parametrize(("address", "a"), [(in_schema("app"), "app.a"), (ADDRESS, "a")])
def test_what_is_expected_is_expected_in_the_schema(address: Address, a: str) -> None:
    request = request_of(options(**TOOL, runner="prisma", expect=EXPECT, unless_tables=["a", "other.b"]), address)
    expect = request.expect

    assert request.project.unless_tables == (a, "other.b")
    assert (expect.tables, expect.columns) == ((a, "other.b"), {a: ["id"]})
    assert expect.counts == {a: (1, 1), "other.b": (2, 2)}


@pytest.mark.parametrize(
    ("count", "bounds"),
    [(3, (3, 3)), ("3", (3, 3)), ({"min": 1}, (1, None)), ({"max": "9"}, (None, 9)), ({"min": 0, "max": 2}, (0, 2))],
)
def test_counts(count: object, bounds: tuple[int | None, int | None]) -> None:
    assert request_of(options(expect={"counts": {"t": count}}), ADDRESS).expect.counts == {"t": bounds}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"directory": "migrations"}, "directory is not absolute"),
        ({"runner": "prisma", "directory": None}, "project and directory: say where prisma is run"),
        ({"runner": "knex", "project": "/srv/app", "directory": None}, "project and directory: say where knex is run"),
        ({"runner": "command", "project": "app", "run": "x"}, "project is not absolute"),
        ({"steps": 0}, "steps: take at least 1."),
        ({"on_failure": "restore"}, "on_failure: restore needs backup."),
        ({"backup": {"directory": "/b"}, "without_backup": True}, "without_backup: there is a backup."),
        (
            {**TOOL, "runner": "drizzle", "out_of_order": "apply"},
            "give such a migration a newer when in meta/_journal",
        ),
        ({"run": "node 'x"}, "run: a quote is not closed."),
        ({"expect": {"counts": {"t": "many"}}}, "expect.counts.t: give a number, or min and max."),
        ({"expect": {"counts": {"t": {"least": 1}}}}, "expect.counts.t: give a number, or min and max."),
        ({"expect": {"counts": {"t": {}}}}, "expect.counts.t: give a number, or min and max."),
        ({"expect": {"counts": {"t": -1}}}, "expect.counts.t: give a number, or min and max."),
    ],
)
def test_problems(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        request_of(options(**given), ADDRESS)

    assert problem in caught.value.message


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidInput, match="The migration: 2 problems"):
        request_of(options(directory="x", steps=0), ADDRESS)
