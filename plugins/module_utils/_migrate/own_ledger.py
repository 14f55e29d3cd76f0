# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table in which our own runner lists what it has carried out. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

RUNNING, REVERTING, APPLIED, BASELINE = "running", "reverting", "applied", "baseline"

TABLE = "schema_ledger"

# Of the versions, because the collations of MySQL take different texts for the same.
_BINARY = {"mysql": " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"}

_COLUMNS = {
    "version": "VARCHAR(190){binary} NOT NULL PRIMARY KEY",
    "name": "VARCHAR(250){binary} NOT NULL",
    "checksum": "CHAR(64) NOT NULL",
    "state": "VARCHAR(16) NOT NULL",
    # How many statements are done, a checksum over these, and which one was begun, from 1; only while it is running.
    "done": "INTEGER NOT NULL",
    "done_checksum": "CHAR(64)",
    "begun": "INTEGER",
    # What tells whether the one that was begun was carried out.
    "witness": "CHAR(64)",
    "seconds": "DOUBLE PRECISION",
    "applied_at": "VARCHAR(32)",
    "applied_by": "VARCHAR(250)",
}


@dataclass(frozen=True)
class Entry:
    """A migration as the ledger has it."""

    version: str
    name: str
    checksum: str
    state: str
    done: int = 0
    done_checksum: str | None = None
    begun: int | None = None
    witness: str | None = None
    seconds: float | None = None
    applied_at: str | None = None
    applied_by: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the migration is in the database, wholly."""
        return self.state in (APPLIED, BASELINE)


class OwnLedger:
    """The ledger in one database."""

    def __init__(self, engine: Engine, name: str | None) -> None:
        name = name or TABLE
        schema, _dot, table = name.rpartition(".")
        self.name = name
        self._engine = engine
        self._table = Table(table, schema or None)
        self._quoted = engine.qualified(self._table)

    def entries(self, connection: Connection) -> list[Entry] | None:
        """All that it lists, or None if there is no such table. Raises MigrationError if it is another's table."""
        columns = {column.name.lower() for column in self._engine.columns(connection, self._table)}
        if not columns:
            return None
        missing = [name for name in _COLUMNS if name not in columns]
        if missing:
            raise MigrationError(
                f"The table {self.name} is no ledger of migrations: it has no column {missing[0]}. Name another one in"
                " ledger_table, or rename this table."
            )
        names = ", ".join(_COLUMNS)
        return [Entry(*row) for row in connection.rows(f"SELECT {names} FROM {self._quoted}")]  # noqa: S608 (names are quoted)

    def create(self, connection: Connection) -> None:
        """Make the table."""
        binary = _BINARY.get(self._engine.name, "")
        columns = ", ".join(f"{name} {kind.format(binary=binary)}" for name, kind in _COLUMNS.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {self._quoted} ({columns})")

    def drop(self, connection: Connection) -> None:
        """Take the table away."""
        connection.execute(f"DROP TABLE {self._quoted}")

    def statement(self, rows: Sequence[Mapping[str, str]], *, is_new: bool = False) -> str:
        """SQL that has it list these, in the place of what it says of the same versions; each value is SQL itself.

        Of what `is_new` it says nothing yet, which costs the server less.
        """
        names = ", ".join(_COLUMNS)
        values = ", ".join(f"({', '.join(row[name] for name in _COLUMNS)})" for row in rows)
        # The server quotes the rest of a line where a migration before this has left a quote open.
        listed = f"INTO {self._quoted}\n({names}) VALUES {values}"
        if self._engine.name == "mysql":
            return f"REPLACE {listed}"
        if is_new:
            return f"INSERT {listed}"
        changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
        return f"INSERT {listed} ON CONFLICT (version) DO UPDATE SET {changes}"

    def putting(self, entries: Sequence[Entry]) -> tuple[str, list[object]]:
        """What has it list these, in the place of what it says of the same versions: SQL and its parameters."""
        values = [getattr(entry, name) for entry in entries for name in _COLUMNS]
        return self.statement([dict.fromkeys(_COLUMNS, "?")] * len(entries)), values

    def remove(self, connection: Connection, version: str) -> None:
        """List it no longer."""
        connection.execute(f"DELETE FROM {self._quoted} WHERE version = ?", [version])  # noqa: S608 (names are quoted)
