# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application in a temporary directory, and a tool that says what a test wants it to say."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column, Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project, Runner
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed, Connection


@dataclass
class Tool:
    """A program that ends as it is told, and what it was started with."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    error: CommandError | None = None
    argv: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        self.argv, self.options = tuple(argv), options
        if self.error is not None:
            raise self.error
        return Completed(self.argv, self.code, self.stdout, self.stderr)

    def find(self, *programs: str) -> str | None:
        raise AssertionError("no runner looks for programs")

    @property
    def was_run(self) -> bool:
        return bool(self.argv)

    @property
    def host(self) -> Host:
        """This host, with this tool as the only program."""
        return replace(this_host(), commands=self)


@dataclass(frozen=True)
class Application:
    """A directory with migrations, and a database."""

    root: Path

    @property
    def project(self) -> Project:
        return Project(Address("sqlite", str(self.root / "shop.db")), str(self.root / "migrations"), str(self.root))

    def write(self, files: Mapping[str, str | None]) -> None:
        """Files below the directory of migrations; those of None are folders."""
        for name, content in files.items():
            path = self.root / "migrations" / name
            if content is None:
                path.mkdir(parents=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode())

    def observe(self, runner: Runner, script: str = "", project: Project | None = None) -> Standing:
        """How far a database has come that this script makes."""
        path = self.root / "shop.db"
        with contextlib.closing(sqlite3.connect(path)) as made:
            made.executescript(f"CREATE TABLE orders (id INTEGER PRIMARY KEY); {script}")
        engine, chosen = Sqlite(), project or self.project
        with contextlib.closing(open_connection(self.project.address, engine, read_only=True)) as connection:
            return runner.observe(chosen, connection, engine, Tool().host)


class Catalogue:
    """An engine that knows some tables, which all have the same columns, and a session that returns what is asked."""

    def __init__(
        self, *tables: Table, columns: Sequence[str] = ("id", "name"), row: tuple[Any, ...] = ("1_a",)
    ) -> None:
        self._tables, self._columns, self._row = tables, columns, row
        self.all_asked: list[str] = []

    @property
    def asked(self) -> str:
        """The last of it."""
        return self.all_asked[-1] if self.all_asked else ""

    @property
    def connection(self) -> Connection:
        return cast(Connection, self)

    @property
    def engine(self) -> Engine:
        return cast(Engine, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(Postgresql(), name)

    def tables(self, connection: Connection) -> list[Table]:
        return list(self._tables)

    def columns(self, connection: Connection, table: Table) -> list[Column]:
        return [Column(name, "text", True, None) for name in self._columns]

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.all_asked.append(sql)
        return [self._row]


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def pending(standing: Standing) -> list[str]:
    return [migration.name for migration in standing.pending]


def kinds(standing: Standing) -> list[tuple[str, str]]:
    return [(problem.kind, problem.migration) for problem in standing.problems]
