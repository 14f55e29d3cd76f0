# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of our own runner. This module is private to the collection.

Where the engine can, a migration and its line in the ledger are one transaction. Where it cannot, the migration is
carried out statement by statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import (
    Step,
    digests,
    is_one_transaction,
    steps_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import (
    APPLIED,
    BASELINE,
    REVERTING,
    RUNNING,
    Entry,
    OwnLedger,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_session import Session, failed
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_shared import NOTHING_LEFT, Shared
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_steps import Stepwise
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Run:
    """What is done in a session that alone may migrate."""

    project: Project
    session: Session
    host: Host
    who: str

    @classmethod
    @contextmanager
    def begun(cls, project: Project, dialect: Dialect, host: Host) -> Iterator[Run]:
        """Connect, wait for the lock, and have the ledger's table."""
        opened = host.connect(
            project.address,
            dialect.engine,
            statement_timeout=project.statement_timeout,
            lock_timeout=project.lock_timeout,
        )
        with closing(opened) as connection, ExitStack() as stack:
            stack.enter_context(dialect.locked(connection, project.address, host, project.wait))
            ledger = OwnLedger(dialect.engine, project.ledger_table)
            if ledger.entries(connection) is None:
                ledger.create(connection)
                stack.callback(_drop_if_empty, ledger, connection)
            stack.enter_context(dialect.prepared(connection))
            for statement in project.session:
                connection.execute(statement)
            yield cls(project, Session(connection, dialect, ledger), host, host.who())

    def carry_out(self, pending: Sequence[Migration], entries: Mapping[str, Entry]) -> list[Applied]:
        """Carry these out, each from where it stands."""
        if self.project.transaction == "all":
            _refuse_begun(pending, entries)
            with self.session.transaction():
                return [self._within(migration, _nothing_left_of_any) for migration in pending]
        done: list[Applied] = []
        shared = Shared(self.session, self.host.now, done)
        try:
            for migration in pending:
                done.append(self._one(migration, entries.get(migration.version), done, shared))
                shared.end(if_long=True)
            shared.end()
        finally:
            # If the session is lost, the next run finds out by itself.
            with suppress(DatabaseError, MigrationError):
                shared.end()
                self.session.put()
        return done

    def _one(self, migration: Migration, entry: Entry | None, done: Sequence[Applied], shared: Shared) -> Applied:
        steps = self._steps(migration)
        begun = self.host.now()
        is_one = self._is_undone_as_one(migration, steps) and entry is None
        if is_one and self.session.dialect.shares and self.project.transaction == "auto":
            with shared.migration(begun) as undo:
                return self._within(migration, undo, done)
        shared.end()
        if is_one:
            return self._in_one(migration, steps, begun, done)
        entry = entry or Entry(migration.version, migration.path, migration.sha256, RUNNING)
        stepwise = Stepwise(self.session, migration, steps, entry)
        stepwise.carry_out(done, lambda: self._ended(migration, steps, begun))
        return self._told(migration, steps, begun)

    def _in_one(self, migration: Migration, steps: Sequence[Step], begun: datetime, done: Sequence[Applied]) -> Applied:
        """One transaction for a migration and its line, in as few messages as the server lets us tell what failed."""
        entry = _entry(migration, self._applied(migration, len(steps), begun))
        end = self.session.dialect.end(self.session.ledger, entry) if steps else None
        if end is None:
            with self.session.transaction():
                return self._within(migration, _nothing_left, done)
        texts = [step.statement.text for step in steps]
        # To begin cannot fail, and to end only by what the statements have done.
        texts[0] = f"{self.session.dialect.begin};\n{texts[0]}"
        texts[-1] = f"{texts[-1]};\n{end}"
        with self.session.undone_if_it_fails():
            self._each(migration, steps, texts, _nothing_left, done)
        return self._told(migration, steps, begun)

    def _within(self, migration: Migration, undo: Callable[[], str], done: Sequence[Applied] = ()) -> Applied:
        """One migration and its line in the ledger, in a transaction that is open."""
        steps, begun = self._steps(migration), self.host.now()
        self._each(migration, steps, [step.statement.text for step in steps], undo, done)
        self.session.put(_entry(migration, self._ended(migration, steps, begun)))
        return self._told(migration, steps, begun)

    def _each(
        self,
        migration: Migration,
        steps: Sequence[Step],
        texts: Sequence[str],
        undo: Callable[[], str],
        done: Sequence[Applied],
    ) -> None:
        """Each statement, as it is to be sent; what undoes them says what is left."""
        for number, (step, text) in enumerate(zip(steps, texts), 1):
            try:
                self.session.execute(text)
            except DatabaseError as error:
                raise failed(migration, number, step, error, undo(), done) from error

    def take_back(self, taken_back: Sequence[Migration], entries: Mapping[str, Entry]) -> list[Applied]:
        """Carry out the ways down of these."""
        done: list[Applied] = []
        for migration in taken_back:
            entry, steps, begun = entries[migration.version], self._steps(migration, is_down=True), self.host.now()
            if self._is_undone_as_one(migration, steps) and entry.is_whole:
                with self.session.transaction():
                    self._each(migration, steps, [step.statement.text for step in steps], _nothing_left, done)
                    self.session.remove(migration.version)
            else:
                if entry.is_whole:
                    entry = replace(entry, state=REVERTING, done=0, done_checksum=None, begun=None, witness=None)
                    self.session.put(entry)
                Stepwise(self.session, migration, steps, entry).carry_out(done, lambda: None)
            done.append(self._told(migration, steps, begun))
        return done

    def note(
        self,
        baseline: Sequence[Migration],
        edited: Sequence[Migration],
        gone: Sequence[str],
        stopped: tuple[Migration, bool] | None,
    ) -> None:
        """Change what the ledger says, and nothing else."""
        entries, now = self.session.entries(), self.host.now()
        with self.session.transaction():
            self.session.put(
                *(_entry(one, {**self._applied(one, 0, now), "state": BASELINE}) for one in baseline),
                *(replace(entries[migration.version], checksum=migration.sha256) for migration in edited),
            )
            for version in gone:
                self.session.remove(version)
            if stopped:
                self.session.put(self._placed(*stopped, self.session.entries()[stopped[0].version]))

    def _placed(self, migration: Migration, is_done: bool, entry: Entry) -> Entry:
        """Where a migration stands that stopped in a statement, as the user has seen it."""
        steps = self._steps(migration, is_down=entry.state == REVERTING)
        done = (entry.begun or entry.done + 1) if is_done else entry.done
        return replace(
            entry, done=done, done_checksum=digests(steps)[done - 1] if done else None, begun=None, witness=None
        )

    def _steps(self, migration: Migration, *, is_down: bool = False) -> Sequence[Step]:
        return steps_of(migration, self.session.dialect.engine.name, is_down=is_down)

    def _is_undone_as_one(self, migration: Migration, steps: Sequence[Step]) -> bool:
        dialect = self.session.dialect
        is_one = is_one_transaction(migration, steps, self.project.transaction, dialect.why_alone)
        return is_one and dialect.undoes_definitions

    def _ended(self, migration: Migration, steps: Sequence[Step], begun: datetime) -> dict[str, Any]:
        now = self.host.now()
        return self._applied(migration, len(steps), now, _seconds(begun, now))

    def _applied(
        self, migration: Migration, statements: int, at: datetime, seconds: float | None = None
    ) -> dict[str, Any]:
        return {
            "checksum": migration.sha256,
            "state": APPLIED,
            "done": statements,
            "done_checksum": None,
            "begun": None,
            "witness": None,
            "seconds": seconds,
            "applied_at": at.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
            "applied_by": self.who,
        }

    def _told(self, migration: Migration, steps: Sequence[Step], begun: datetime) -> Applied:
        return Applied(migration.path, _seconds(begun, self.host.now()), len(steps))


def _nothing_left() -> str:
    """Of a transaction that is undone by whoever began it."""
    return NOTHING_LEFT


def _nothing_left_of_any() -> str:
    """The same for a transaction of all files."""
    return "Nothing of any file of this run is left"


def _entry(migration: Migration, told: Mapping[str, Any]) -> Entry:
    return Entry(migration.version, migration.path, **told)


def _seconds(begun: datetime, ended: datetime) -> float:
    return round((ended - begun).total_seconds(), 3)


def _refuse_begun(pending: Sequence[Migration], entries: Mapping[str, Entry]) -> None:
    begun = next((migration.path for migration in pending if migration.version in entries), None)
    if begun:
        raise MigrationError(
            f"{begun} was begun by an earlier run, so that it cannot be part of one transaction. Run with transaction:"
            " auto first."
        )


def _drop_if_empty(ledger: OwnLedger, connection: Connection) -> None:
    """Nothing is to be left of a run that has done nothing; a session that is lost can drop nothing."""
    with suppress(DatabaseError):
        if not ledger.entries(connection):
            ledger.drop(connection)
