# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true of a database after its migration. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import text
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Query:
    """A query and what it must give: rows, values of a single column, or one single value."""

    sql: str
    equals: object
    name: str | None = None


@dataclass(frozen=True)
class Expectation:
    """What the user expects; a number of rows is exact or a least and a greatest one."""

    tables: Sequence[str] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    counts: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    queries: Sequence[Query] = ()


def unmet(expectation: Expectation, connection: Connection, engine: Engine) -> list[str]:
    """What is not as expected, a sentence each, that never holds a value of the database's."""
    return list(_unmet(expectation, connection, engine))


def _unmet(expectation: Expectation, connection: Connection, engine: Engine) -> Iterator[str]:
    present = {name: table for table in engine.tables(connection) for name in (table.name, str(table))}
    wanted = dict.fromkeys([*expectation.tables, *expectation.columns, *expectation.counts])
    for name in wanted:
        if name not in present:
            yield f"There is no table {name}. {did_you_mean(name, present)}".strip()
    for name, columns in expectation.columns.items():
        if name in present:
            found = {column.name for column in engine.columns(connection, present[name])}
            for column in columns:
                if column not in found:
                    yield f"The table {name} has no column {column}. {did_you_mean(column, found)}".strip()
    counted = {name: present[name] for name in expectation.counts if name in present}
    rows = engine.count_rows(connection, counted.values())
    for name, table in counted.items():
        least, most = expectation.counts[name]
        if (least is not None and rows[table] < least) or (most is not None and rows[table] > most):
            yield f"The table {name} has {rows[table]} rows instead of {_bounds(least, most)}."
    for number, query in enumerate(expectation.queries, 1):
        if _plain(connection.rows(query.sql)) != _plain(_as_rows(query.equals)):
            yield f"The query {query.name or number} does not give what was expected."


def _bounds(least: int | None, most: int | None) -> str:
    if least == most:
        return str(least)
    return " and ".join(
        [*([f"at least {least}"] if least is not None else []), *([f"at most {most}"] if most is not None else [])]
    )


def _as_rows(equals: object) -> list[tuple[object, ...]]:
    if not isinstance(equals, list):
        return [(equals,)]
    return [tuple(row) if isinstance(row, list) else (row,) for row in equals]


def _plain(rows: Sequence[Sequence[object]]) -> list[list[str | None]]:
    """As text, because a number can come as another type from each driver; True is 1, as in most databases."""
    return [[None if value is None else _text(value) for value in row] for row in rows]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return text(value)


def lost_rows(
    before: Mapping[Table, int], after: Mapping[Table, int], touched: Collection[str], allowed: Collection[str]
) -> list[str]:
    """The tables that have lost rows though nothing was meant to touch them, a sentence each."""
    spared = {name.lower() for name in (*touched, *allowed)}
    told = []
    for table, count in sorted(before.items()):
        left = after.get(table)
        if {table.name.lower(), str(table).lower()} & spared or (left is not None and left >= count):
            continue
        found = "is gone" if left is None else f"has {left} rows instead of {count}"
        told.append(
            f"The table {table} {found}, and no migration was meant to touch it: name it in may_lose_rows if one was."
        )
    return told
