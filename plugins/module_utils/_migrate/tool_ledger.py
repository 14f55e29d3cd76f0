# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a tool's ledger is read and compared with its files. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Problem, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Recorded:
    """A line of a tool's ledger: the migration that it says is applied, with its checksum if the tool keeps one."""

    name: str
    sha256: str | None = None


def ledger_table(connection: Connection, engine: Engine, name: str, *, home: str = "public") -> Table | None:
    """The tool's ledger, if there is one, by its name alone or behind that of its schema and a dot.

    Where several schemas have one of the name alone, it is that of the schema `home`.

    Raises MigrationError if it cannot be told which is meant.
    """
    found = [table for table in engine.tables(connection) if name in (table.name, str(table))]
    if len(found) > 1:
        at_home = [table for table in found if table.schema == home]
        if not at_home:
            schemas = ", ".join(str(table.schema) for table in found)
            raise MigrationError(
                f"There are several tables {name}, in the schemas {schemas}, and none in {home}: which of them counts"
                " cannot be told. Name its schema in ledger_table, or for Prisma as schema=… in the database's address."
                " Or drop those that are no longer used."
            )
        found = at_home
    return found[0] if found else None


def lock_of(ledger: str) -> str:
    """The table by which Knex keeps others from migrating."""
    return f"{ledger}_lock"


def ledger_rows(
    connection: Connection, engine: Engine, table: Table | None, columns: Sequence[str], *, order: str
) -> list[tuple[Any, ...]]:
    """These columns of all rows of a ledger; no rows if there is none.

    Raises MigrationError if the table is no ledger of the tool.
    """
    if table is None:
        return []
    present = {column.name for column in engine.columns(connection, table)}
    missing = [name for name in (*columns, order) if name not in present]
    if missing:
        raise MigrationError(
            f"The table {table} has no column {missing[0]}, so that it cannot be read. See whether it belongs to"
            " another tool, or to a version of the tool that is not supported yet."
        )
    names = ", ".join(map(engine.quote, columns))
    return connection.rows(f"SELECT {names} FROM {engine.qualified(table)} ORDER BY {engine.quote(order)}")  # noqa: S608 (names are quoted)


def script(path: str, host: Host) -> str | None:
    """A migration's SQL, or None if there is no such file. Raises ShipshapeError if it cannot be read as text."""
    state = host.files.read(path)
    if state is None:
        return None
    try:
        return state.content.decode("utf-8")
    except UnicodeDecodeError:
        raise MigrationError(f"{path} is no text in UTF-8: save it as such.") from None


def checksum(content: str) -> str:
    """The SHA-256 by which tools recognise a file."""
    return sha256(content.encode()).hexdigest()


def is_same(content: str, recorded: str) -> bool:
    """Whether a file is what the checksum was taken of; git may have exchanged the ends of its lines since."""
    unix = content.replace("\r\n", "\n")
    return recorded.lower() in map(checksum, (content, unix, unix.replace("\n", "\r\n")))


def edited(tool: str, recorded: Iterable[Recorded], files: Mapping[str, Migration]) -> list[Problem]:
    """The applied migrations whose files are no longer what was applied."""
    return [
        Problem(
            "edited",
            one.name,
            f"{one.name} was edited after it was applied, and {tool} does not notice: restore its file, and put the"
            " change into a new migration.",
        )
        for one in recorded
        if one.sha256 is not None and one.name in files and not is_same(files[one.name].up or "", one.sha256)
    ]


def deleted(recorded: Iterable[Recorded], files: Mapping[str, Migration], consequence: str) -> list[Problem]:
    """The applied migrations that have no file; the consequence is what the tool makes of that."""
    return [
        Problem("deleted", one.name, f"{one.name} is applied and has no file: restore it. {consequence}")
        for one in recorded
        if one.name not in files
    ]


def late(tool: str, pending: Iterable[Migration], applied: Sequence[str]) -> list[Problem]:
    """The pending migrations that come before an applied one, in the order of their names."""
    newest = max(applied, default="")
    return [
        Problem(
            "late",
            migration.name,
            f"{migration.name} is not applied and comes before {newest}, which is: {tool} would apply it out of order."
            " Give it a newer name, or see that it fits after all others.",
        )
        for migration in pending
        if migration.name < newest
    ]


def own_program(project: Project) -> Migration:
    """What stands for a program that keeps no ledger: it has no version, and nobody can see what it does."""
    program = _program_name(project.run)
    return Migration(version="", name=program, path=program, sha256="")


def keeps_no_ledger(migration: Migration) -> bool:
    """Whether this stands for a program that decides by itself what it does."""
    return migration.version == ""


def _program_name(argv: Sequence[str]) -> str:
    words = [word for word in argv[1:] if not word.startswith("-") and word not in ("run", "exec")] or list(argv)
    file = next((word for word in words if re.search(r"\.[A-Za-z]{1,4}$", word)), words[0])
    return file.rsplit("/", 1)[-1]


def standing_without_ledger(project: Project, connection: Connection, engine: Engine) -> Standing:
    """All there is to know of such a program: whether the tables that it makes are there."""
    present = {name for table in engine.tables(connection) for name in (table.name, str(table))}
    is_done = bool(project.unless_tables) and present.issuperset(project.unless_tables)
    return Standing((), () if is_done else (own_program(project),))
