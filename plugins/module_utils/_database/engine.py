# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every engine can do for the modules. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Stage


@dataclass(frozen=True)
class Failure:
    """What a driver or a tool said: its code (an SQLSTATE, an error number, a name; or nothing) and its words."""

    code: str
    message: str


@dataclass(frozen=True, order=True)
class Version:
    """The version of a server or a tool, and which product it is: MariaDB is not MySQL."""

    numbers: tuple[int, ...]
    product: str
    text: str = field(compare=False)


@dataclass(frozen=True, order=True)
class Table:
    """A table that holds rows of its own; no view, and nothing that belongs to the engine."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Column:
    """A column of a table, with its type as the engine writes it."""

    name: str
    type: str
    is_nullable: bool
    default: str | None


@dataclass(frozen=True)
class ClientAccess:
    """How a command-line tool of the engine gets to the database.

    The password is in none of the arguments: it is in the private file that the tool is given.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    file: str | None = field(default=None, repr=False)

    def stage(self, tool: str, *arguments: str) -> Stage:
        """The tool with these arguments, as a program of a pipe."""
        return Stage((tool, *self.arguments, *arguments), self.environment, self.file)


class Connect(Protocol):
    """Opens sessions with databases, as _connection does."""

    def __call__(
        self,
        address: Address,
        engine: Engine,
        *,
        read_only: bool = False,
        statement_timeout: float | None = None,
        lock_timeout: float | None = None,
    ) -> Connection:
        """A session with these limits. Raises DatabaseError."""


class Engine(Protocol):
    """One kind of database. An engine only writes SQL and arguments, and understands what comes back."""

    name: str

    def quote(self, identifier: str) -> str:
        """The identifier as SQL takes it literally. Raises InvalidInput if it can be none."""

    def qualified(self, table: Table) -> str:
        """The table's name as SQL takes it literally."""

    def version(self, connection: Connection) -> Version:
        """The server's version."""

    def tables(self, connection: Connection) -> list[Table]:
        """All tables, in order of their names."""

    def columns(self, connection: Connection, table: Table) -> list[Column]:
        """The columns of the table in their order; none if there is no such table."""

    def count_rows(self, connection: Connection, tables: Iterable[Table]) -> dict[Table, int]:
        """How many rows each table holds, exactly, in one round trip."""

    def size(self, connection: Connection) -> int:
        """How many bytes the database takes on its disk, about."""

    def schema_fingerprint(self, connection: Connection) -> str:
        """A SHA-256 over everything that defines the schema and over nothing that merely describes its contents.

        The same for a database and for a restored copy of it, other after any change of the schema.
        """

    def session(
        self, *, statement_timeout: float | None = None, lock_timeout: float | None = None, read_only: bool = False
    ) -> Sequence[str]:
        """The statements that set this up for a new session."""

    def maintenance(self, action: str, tables: Iterable[Table]) -> Sequence[str]:
        """The statements of vacuum or analyze, the whole database where no tables are given."""

    def client(self, address: Address) -> ClientAccess:
        """How the engine's tools get to this address."""

    def explain(self, failure: Failure, address: Address) -> DatabaseError:
        """The failure as a sentence: what failed, on what, what to do. It never holds a password."""
