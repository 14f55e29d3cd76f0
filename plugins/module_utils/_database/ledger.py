# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables in which tools for migrations list what they have applied. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Ledger:
    """How far the schema's migrations had come: the table that lists them, how many it lists, and the last."""

    table: str
    applied: int
    last: str | None


@dataclass(frozen=True)
class _Form:
    """The columns by which a tool names a migration and puts it in order; others, where NULL means applied or not."""

    name: str
    order: str
    is_set: str | None = None
    is_null: str | None = None

    @property
    def columns(self) -> set[str]:
        """All of them."""
        return {self.name, self.order} | {column for column in (self.is_set, self.is_null) if column}


_KNOWN = {
    "_prisma_migrations": _Form("migration_name", "finished_at", is_set="finished_at", is_null="rolled_back_at"),
    "__drizzle_migrations": _Form("created_at", "created_at"),
    "knex_migrations": _Form("name", "id"),
    "schema_migrations": _Form("version", "version"),
    "SequelizeMeta": _Form("name", "name"),
    # Our own, unless it was given another name.
    "schema_ledger": _Form("version", "applied_at", is_set="applied_at"),
}


def read_ledger(engine: Engine, connection: Connection, tables: Iterable[Table]) -> Ledger | None:
    """The ledger of the first tool that has one here, or None."""
    for table in tables:
        form = _KNOWN.get(table.name)
        if form and form.columns <= {column.name for column in engine.columns(connection, table)}:
            return _read(engine, connection, table, form)
    return None


def _read(engine: Engine, connection: Connection, table: Table, form: _Form) -> Ledger:
    conditions = [
        *([f"{engine.quote(form.is_set)} IS NOT NULL"] if form.is_set else []),
        *([f"{engine.quote(form.is_null)} IS NULL"] if form.is_null else []),
    ]
    applied = f"FROM {engine.qualified(table)} WHERE {' AND '.join(conditions) or '1 = 1'}"
    [(count,)] = connection.rows(f"SELECT COUNT(*) {applied}")
    name, order = engine.quote(form.name), engine.quote(form.order)
    # PostgreSQL has NULL before all others then. Of two of the same moment, the last by name is the later one.
    last = connection.rows(
        f"SELECT {name} {applied} AND {order} IS NOT NULL ORDER BY {order} DESC, {name} DESC LIMIT 1"
    )
    return Ledger(str(table), int(count), text(last[0][0]) if last else None)


def text(value: object) -> str:
    """What a driver gives for a text; some columns of MySQL come as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
