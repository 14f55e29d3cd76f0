# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of migrations. This module is private to the collection."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import TRANSACTIONS
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.expect import Expectation, Query
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.plan import Policies
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.request import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project

RUNNERS = ("sql", "prisma", "drizzle", "knex", "command")
STATES = ("applied", "reverted", "baseline", "repaired")

_QUERY = {
    "name": {"type": "str"},
    "sql": {"type": "str", "required": True},
    "equals": {"type": "raw", "required": True},
}
_EXPECT = {
    "tables": {"type": "list", "elements": "str", "default": []},
    "columns": {"type": "dict", "default": {}},
    "counts": {"type": "dict", "default": {}},
    "queries": {"type": "list", "elements": "dict", "default": [], "options": _QUERY},
}
_BACKUP = {
    "directory": {"type": "path", "required": True},
    "name": {"type": "str"},
    "verify": {"type": "str", "choices": ["checksum", "structure", "restore"], "default": "restore"},
    "max_age": {"type": "str"},
    "scratch_directory": {"type": "path", "default": "/var/tmp"},  # noqa: S108 (what is made there is private)
}


# Where to say it to those that take no notice of a schema in the database's address.
_WITHOUT_SCHEMA = {
    "sql": "Leave it out, and say SET search_path in session, and the schema before the table in ledger_table.",
    "drizzle": "Leave it out, and name the schema in the code, by pgSchema.",
    "knex": "Leave it out, and name the schema in the knexfile, as searchPath.",
}


def migrate_argument_spec() -> ArgumentSpec:
    """The options of the module alone."""
    return ArgumentSpec(
        {
            "runner": {"type": "str", "choices": list(RUNNERS), "default": "sql"},
            "state": {"type": "str", "choices": list(STATES), "default": "applied"},
            "directory": {"type": "path"},
            "project": {"type": "path"},
            "run": {"type": "str"},
            "environment": {"type": "dict", "no_log": True, "default": {}},
            "timeout": {"type": "int"},
            "target": {"type": "str"},
            "steps": {"type": "int"},
            "transaction": {"type": "str", "choices": list(TRANSACTIONS), "default": "auto"},
            "ledger_table": {"type": "str"},
            "session": {"type": "list", "elements": "str", "default": []},
            "lock_timeout": {"type": "int", "default": 10},
            "statement_timeout": {"type": "int"},
            "wait": {"type": "int", "default": 60},
            "on_drift": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
            "out_of_order": {"type": "str", "choices": ["fail", "apply"], "default": "fail"},
            "allow_destructive": {"type": "list", "elements": "str", "default": []},
            "may_lose_rows": {"type": "list", "elements": "str", "default": []},
            "unless_tables": {"type": "list", "elements": "str", "default": []},
            "says": {"type": "list", "elements": "str", "default": []},
            "expect": {"type": "dict", "default": {}, "options": _EXPECT},
            "backup": {"type": "dict", "options": _BACKUP},
            "without_backup": {"type": "bool", "default": False},
            "on_failure": {"type": "str", "choices": ["stop", "restore"], "default": "stop"},
            "loss_budget": {"type": "raw", "default": 0},
            "statement_done": {"type": "bool"},
        },
        mutually_exclusive=[("target", "steps")],
        required_if=[("runner", "sql", ("directory",)), ("runner", "command", ("project", "run"))],
    )


def request_of(params: Mapping[str, Any], address: Address) -> Request:
    """What the options ask for. Raises InvalidInput with every problem."""
    if address.schema == "public" and params["runner"] != "prisma":
        # Whoever does not know the word begins there anyway; postgres.js fails at it.
        address = replace(address, schema=None)
    problems = list(_problems(params, address))
    if problems:
        raise InvalidInput("The migration", problems)
    root = params["project"] or params["directory"]
    alike = ("transaction", "ledger_table", "lock_timeout", "statement_timeout", "timeout", "wait")
    project = Project(
        address=address,
        directory=params["directory"] or root,
        root=root,
        run=tuple(shlex.split(params["run"] or "")),
        environment={str(name): str(value) for name, value in params["environment"].items()},
        session=tuple(params["session"]),
        says=tuple(params["says"]),
        unless_tables=tuple(_within(address.schema, table) for table in params["unless_tables"]),
        **{option: params[option] for option in alike},
    )
    return Request(
        project=project,
        policies=Policies(params["on_drift"], params["out_of_order"]),
        allow_destructive=tuple(params["allow_destructive"]),
        expect=_expectation(params["expect"], address.schema),
        may_lose_rows=tuple(params["may_lose_rows"]),
        restore_on_failure=params["on_failure"] == "restore",
        is_backup_waived=params["without_backup"],
        **{option: params[option] for option in ("state", "target", "steps", "statement_done")},
    )


def _problems(params: Mapping[str, Any], address: Address) -> Iterator[str]:
    runner = params["runner"]
    if address.schema and runner in _WITHOUT_SCHEMA:
        yield f"database: its schema is for Prisma, and {runner} would begin in public. {_WITHOUT_SCHEMA[runner]}"
    if runner == "drizzle" and params["out_of_order"] == "apply":
        yield (
            "out_of_order: drizzle-kit never applies what is dated before the newest migration that is applied. Leave"
            " it out, and give such a migration a newer when in meta/_journal.json, or generate it anew."
        )
    for option in ("directory", "project"):
        if params[option] is not None and not posixpath.isabs(params[option]):
            yield f"{option} is not absolute: which one it is depends on who runs the module."
    if params["runner"] != "sql" and not (params["project"] and (params["directory"] or params["runner"] == "command")):
        yield f"project and directory: say where {params['runner']} is run, and where its migrations are."
    if params["steps"] is not None and params["steps"] < 1:
        yield "steps: take at least 1."
    if params["backup"] and params["without_backup"]:
        yield "without_backup: there is a backup."
    if params["on_failure"] == "restore" and not params["backup"]:
        yield "on_failure: restore needs backup."
    try:
        shlex.split(params["run"] or "")
    except ValueError:
        yield "run: a quote is not closed."
    for table, count in (params["expect"].get("counts") or {}).items():
        if _bounds(count) is None:
            yield f"expect.counts.{table}: give a number, or min and max."


def _expectation(expect: Mapping[str, Any], schema: str | None) -> Expectation:
    counts = {table: _bounds(count) for table, count in (expect.get("counts") or {}).items()}
    return Expectation(
        tables=tuple(_within(schema, table) for table in expect.get("tables") or ()),
        columns={_within(schema, table): columns for table, columns in (expect.get("columns") or {}).items()},
        counts={_within(schema, table): bounds for table, bounds in counts.items() if bounds},
        queries=tuple(Query(query["sql"], query["equals"], query["name"]) for query in expect.get("queries") or ()),
    )


def _within(schema: str | None, table: str) -> str:
    # Another schema may have a table of the same name.
    return table if schema is None or "." in table else f"{schema}.{table}"


def _bounds(count: object) -> tuple[int | None, int | None] | None:
    """The least and the greatest number, or None if that is none."""
    if isinstance(count, Mapping):
        least, most = _whole(count.get("min")), _whole(count.get("max"))
        return None if set(count) - {"min", "max"} or (least is None and most is None) else (least, most)
    exact = _whole(count)
    return None if exact is None else (exact, exact)


def _whole(value: object) -> int | None:
    return int(str(value)) if str(value).isdigit() else None
