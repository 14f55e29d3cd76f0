# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our own runner: a directory of SQL files. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._lazy import Lazy
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import is_one_transaction, steps_of
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.folder import migrations
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Migration, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import Entry, OwnLedger
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_run import Run
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.standing import is_whole, standing_of
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


def _mysql() -> Dialect:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect_mysql import MysqlDialect

    return MysqlDialect()


def _postgresql() -> Dialect:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect_postgresql import PostgresqlDialect

    return PostgresqlDialect()


def _sqlite() -> Dialect:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect_sqlite import SqliteDialect

    return SqliteDialect()


DIALECTS: Mapping[str, Dialect] = Lazy(_mysql, _postgresql, _sqlite)


class SqlRunner:
    """Files of SQL, carried out by ourselves."""

    name = "sql"

    def refuse(self, project: Project) -> None:
        """There is nothing that it would not do: each statement is judged by itself."""

    def observe(
        self,
        project: Project,
        connection: Connection,
        engine: Engine,
        host: Host,
        files: Sequence[Migration] | None = None,
    ) -> Standing:
        """How far the database has come, by our own ledger; files that were read before are not read again."""
        entries = OwnLedger(engine, project.ledger_table).entries(connection) or []
        return standing_of(_files_of(project, host) if files is None else files, entries, engine.name)

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        """Carry out what of this is still pending once nobody else is migrating."""
        with _begun(project, host) as run:
            entries = run.session.entries()
            # What was judged is carried out, whatever has become of the files since.
            pending = [migration for migration in standing.pending if not is_whole(entries, migration)]
            return run.carry_out(pending, entries)

    def refuse_unfit(self, project: Project, pending: Sequence[Migration]) -> None:
        """Raise MigrationError if these cannot be carried out in the transactions that were asked for."""
        dialect = DIALECTS[project.address.engine]
        if project.transaction == "all" and not dialect.undoes_definitions:
            raise MigrationError(
                "transaction: all cannot be had of this database: every definition commits what went before. Use auto."
            )
        for migration in pending:
            steps = steps_of(migration, dialect.engine.name)
            is_one_transaction(migration, steps, project.transaction, dialect.why_alone)

    def revert(self, project: Project, taken_back: Sequence[Migration], host: Host) -> Sequence[Applied]:
        """Take these back, in this order."""
        with _begun(project, host) as run:
            return run.take_back(taken_back, run.session.entries())

    def note(
        self,
        project: Project,
        host: Host,
        *,
        baseline: Sequence[Migration] = (),
        edited: Sequence[Migration] = (),
        gone: Sequence[str] = (),
        stopped: tuple[Migration, bool] | None = None,
    ) -> None:
        """Change what the ledger says, and nothing else.

        `stopped` is the migration that stopped in a statement, and whether that statement was carried out after all.
        """
        with _begun(project, host) as run:
            run.note(baseline, edited, gone, stopped)

    def entries(self, project: Project, host: Host) -> list[Entry]:
        """What the ledger lists; nothing is changed."""
        engine = DIALECTS[project.address.engine].engine
        opened = host.connect(project.address, engine)
        with closing(opened) as connection, connection.transaction(read_only=True):
            return OwnLedger(engine, project.ledger_table).entries(connection) or []


def _files_of(project: Project, host: Host) -> list[Migration]:
    """The migrations of the directory, in their order."""
    found: dict[str, bytes] = {}
    entries = host.folders.entries(project.directory)
    if not entries:
        raise InvalidInput("The migrations", [f"directory: there is nothing in {project.directory}."])
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_file:
            names = [entry.name]
        else:
            inner = host.folders.entries(f"{project.directory}/{entry.name}")
            names = [f"{entry.name}/{file.name}" for file in inner if file.is_file]
        for name in names:
            if name.lower().endswith(".sql"):
                read = host.files.read(f"{project.directory}/{name}")
                found[name] = read.content if read else b""
    return migrations(found, project.address.engine)


def _begun(project: Project, host: Host) -> AbstractContextManager[Run]:
    return Run.begun(project, DIALECTS[project.address.engine], host)
