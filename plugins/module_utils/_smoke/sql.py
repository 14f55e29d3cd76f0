# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of databases. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.file import newest
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import (
    Observed,
    Setting,
    Unobserved,
    World,
    excerpt,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# Rows of which the values are observed; all are counted.
_MOST_ROWS = 1000


class _Session(Connection, Protocol):
    """What all drivers can do beyond the port."""

    def table(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of a query's columns, and all its rows."""


class Sql:
    """Asks a query, or for tables and columns, in a session that cannot write."""

    name = "sql"
    options: Mapping[str, Option] = {
        "query": Option(),
        "params": Option("list", default=()),
        "tables": Option("list", default=()),
        "columns": Option("mapping", default={}),
        "database": Option(),
    }
    shorthand = "query"
    is_each = True
    observes: Sequence[str] = ("rows", "count", "value", "missing", "ms")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is asked, and of which database."""
        names = [*options["tables"], *(one for listed in options["columns"].values() for one in _listed(listed))]
        if bool(options["query"]) == bool(names):
            yield "Give either query, or the names in tables or columns."
        if not all(isinstance(name, str) for name in names):
            yield "tables, columns: every name is a text."
        if options["database"] is not None:
            try:
                parse_address(options["database"])
            except InvalidInput as error:
                yield from error.details["problems"]

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That nothing is missing, or that the query finds something."""
        return {"count": {"ge": 1}} if options["query"] else {"missing": []}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What the database answers."""
        address = _address(options, setting, world)
        # What a host imports it compiles in each run, and most suites have no query.
        from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES

        engine = ENGINES[address.engine]
        begun = world.clock()
        # SQLite could not read what a process that was killed has left, were its file not opened for writing.
        is_read_only = address.engine != "sqlite"
        limits = {"statement_timeout": setting.timeout, "lock_timeout": setting.timeout}
        connection = world.connect(address, engine, read_only=is_read_only, **limits)
        with closing(connection) as session, session.transaction(read_only=True):
            if options["query"]:
                values, told = _answer(cast(_Session, session), options, address)
            else:
                values, told = _lacking(session, engine, options, address)
        return Observed(
            {**dict.fromkeys(self.observes), **values, "ms": round((world.clock() - begun) * 1000, 3)}, told
        )


def _address(options: Mapping[str, Any], setting: Setting, world: World) -> Address:
    given = options["database"]
    address = setting.database if given is None else parse_address(given)
    if address is None:
        raise Unobserved("There is no database to ask: give database, to the check or to the whole suite.")
    if address.engine != "sqlite":
        return address
    path = newest(world.paths, address.name)
    if path is None:
        raise Unobserved(f"There is no database at {address.name}: check the path.")
    return replace(address, name=path)


def _answer(session: _Session, options: Mapping[str, Any], address: Address) -> tuple[dict[str, Any], str]:
    try:
        names, found = session.table(options["query"], tuple(options["params"]))
    except DatabaseError as error:
        if error.reason == "read_only":
            error.add("A check may only read: change data with another task.")
        raise
    rows = [dict(zip(names, map(_plain, row))) for row in found[:_MOST_ROWS]]
    told = f"{address} answered with {len(found)} rows"
    if len(found) > _MOST_ROWS:
        told += f", of which the first {_MOST_ROWS} are looked at"
    return {"rows": rows, "count": len(found), "value": _plain(found[0][0]) if found and names else None}, told


def _lacking(
    connection: Connection, engine: Engine, options: Mapping[str, Any], address: Address
) -> tuple[dict[str, Any], str]:
    """The names of tables that are not there and of columns that are not in theirs, and in words what is there."""
    tables = engine.tables(connection)
    present = {name: table for table in tables for name in (table.name, str(table))}
    missing, told = [], [f"{address} has the tables {_some(map(str, tables))}"]
    for table in dict.fromkeys([*options["tables"], *options["columns"]]):
        if table not in present:
            missing.append(table)
            continue
        columns = [column.name for column in engine.columns(connection, present[table])]
        lacking = [column for column in _listed(options["columns"].get(table, [])) if column not in columns]
        missing += [f"{table}.{column}" for column in lacking]
        told += [f"{table} has the columns {_some(columns)}"] if lacking else []
    return {"missing": missing}, "; ".join(told)


def _some(names: Iterable[str]) -> str:
    return excerpt(", ".join(names) or "(none)")


def _listed(names: Any) -> list[Any]:
    return list(names) if isinstance(names, (list, tuple)) else [names]


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value))
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return str(value)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()
