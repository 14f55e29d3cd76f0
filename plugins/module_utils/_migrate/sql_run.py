# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of our own runner. This module is private to the collection.

Where the engine can, a migration and its line in the ledger are one transaction. Where it cannot, the ledger says
before each statement that it begins and afterwards that it is done, so that whoever comes after a crash knows where it
stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    DatabaseError,
    MigrationError,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import (
    BEGIN,
    COMMIT,
    ROLLBACK,
    ROWS,
    SESSION,
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
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Run:
    """A session that alone may migrate."""

    project: Project
    dialect: Dialect
    connection: Connection
    ledger: OwnLedger
    host: Host
    who: str

    @classmethod
    @contextmanager
    def begun(cls, project: Project, dialect: Dialect, host: Host) -> Iterator[Run]:
        """Connect, wait for the lock, and have the ledger's table."""
        user, where = (host.commands.run(argv).stdout.strip() for argv in (["id", "-un"], ["uname", "-n"]))
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
            yield cls(project, dialect, connection, ledger, host, f"{user}@{where}")

    def entries(self) -> list[Entry]:
        """What the ledger lists now."""
        return self.ledger.entries(self.connection) or []

    def carry_out(self, pending: Sequence[Migration], entries: Mapping[str, Entry]) -> list[Applied]:
        """Carry these out, each from where it stands."""
        if self.project.transaction == "all":
            return self._all_at_once(pending)
        done: list[Applied] = []
        for migration in pending:
            done.append(self._one(migration, entries.get(migration.version), done))
        return done

    def _all_at_once(self, pending: Sequence[Migration]) -> list[Applied]:
        done: list[Applied] = []
        with self._transaction():
            for migration in pending:
                done.append(self._within(migration, steps_of(migration, self._name), done, "any file of this run"))
        return done

    def _one(self, migration: Migration, entry: Entry | None, done: Sequence[Applied]) -> Applied:
        steps = steps_of(migration, self._name)
        is_one = is_one_transaction(migration, steps, self.project.transaction, self.dialect.why_alone)
        if is_one and self.dialect.undoes_definitions and entry is None:
            with self._transaction():
                return self._within(migration, steps, done, "this file")
        begun = self.host.now()
        line = _Line(self, migration, is_there=entry is not None)

        def end() -> None:
            seconds = _seconds(begun, self.host.now())
            line.say(**_applied(migration, len(steps), seconds, self.host.now(), self.who))

        self._each(line, steps, self._position(migration, steps, entry), done, end)
        return Applied(migration.path, _seconds(begun, self.host.now()), len(steps))

    def take_back(self, taken_back: Sequence[Migration], entries: Mapping[str, Entry]) -> list[Applied]:
        """Carry out the ways down of these."""
        done: list[Applied] = []
        for migration in taken_back:
            entry = entries[migration.version]
            steps = steps_of(migration, self._name, is_down=True)
            is_one = is_one_transaction(migration, steps, self.project.transaction, self.dialect.why_alone)
            begun = self.host.now()
            if is_one and self.dialect.undoes_definitions and entry.is_whole:
                with self._transaction():
                    self._plainly(migration, steps, done, "this file")
                    self.ledger.remove(self.connection, migration.version)
            else:
                if entry.is_whole:
                    values = {"state": REVERTING, "done": 0, "done_checksum": None, "begun": None, "witness": None}
                    self.ledger.change(self.connection, migration.version, **values)
                    entry = Entry(entry.version, entry.name, entry.checksum, REVERTING)
                line = _Line(self, migration, is_there=True)
                end = partial(self.ledger.remove, self.connection, migration.version)
                self._each(line, steps, self._position(migration, steps, entry), done, end)
            done.append(Applied(migration.path, _seconds(begun, self.host.now()), len(steps)))
        return done

    def note(
        self,
        baseline: Sequence[Migration],
        edited: Sequence[Migration],
        gone: Sequence[str],
        stopped: tuple[Migration, bool] | None,
    ) -> None:
        """Change what the ledger says, and nothing else."""
        entries = {entry.version: entry for entry in self.entries()}
        with self._transaction():
            for migration in baseline:
                values = _applied(migration, 0, None, self.host.now(), self.who)
                told = {**values, "state": BASELINE}
                self.ledger.add(self.connection, Entry(migration.version, migration.path, **told))
            for migration in edited:
                self.ledger.change(self.connection, migration.version, checksum=migration.sha256)
            for version in gone:
                self.ledger.remove(self.connection, version)
            if stopped:
                self._place(*stopped, entries)

    def _place(self, migration: Migration, is_done: bool, entries: Mapping[str, Entry]) -> None:
        """Where a migration stands that stopped in a statement, as the user has seen it."""
        entry = entries[migration.version]
        steps = steps_of(migration, self._name, is_down=entry.state == REVERTING)
        done = (entry.begun or entry.done + 1) if is_done else entry.done
        checksum = digests(steps)[done - 1] if done else None
        self.ledger.change(
            self.connection, migration.version, done=done, done_checksum=checksum, begun=None, witness=None
        )

    @property
    def _name(self) -> str:
        return self.dialect.engine.name

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute(self.dialect.begin)
        try:
            yield
            self.dialect.check(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            # A session that is lost, or a database that has undone everything already, has nothing to undo.
            with suppress(DatabaseError):
                self.connection.execute("ROLLBACK")
            raise

    def _within(self, migration: Migration, steps: Sequence[Step], done: Sequence[Applied], undone: str) -> Applied:
        """One migration and its line in the ledger, in a transaction that is open."""
        begun = self.host.now()
        self._plainly(migration, steps, done, undone)
        seconds = _seconds(begun, self.host.now())
        values = _applied(migration, len(steps), seconds, self.host.now(), self.who)
        self.ledger.add(self.connection, Entry(migration.version, migration.path, **values))
        return Applied(migration.path, seconds, len(steps))

    def _plainly(self, migration: Migration, steps: Sequence[Step], done: Sequence[Applied], undone: str) -> None:
        for number, step in enumerate(steps, 1):
            try:
                self.connection.execute(step.statement.text)
            except DatabaseError as error:
                raise _failed(migration, number, step, error, done, f"Nothing of {undone} is left") from error

    def _position(self, migration: Migration, steps: Sequence[Step], entry: Entry | None) -> int:
        """How many statements are done already, if an earlier run came to its end too early."""
        if entry is None or entry.begun is None:
            return entry.done if entry else 0
        step = steps[entry.begun - 1]
        # Until it is known, nothing else may be changed.
        now = self.dialect.witness(self.connection, step) if entry.witness is not None else None
        if now is None:
            raise MigrationError(
                f"{migration.path} stopped in statement {entry.begun} of {len(steps)} (line {step.statement.line}), and"
                " nothing tells whether it was carried out. Look, and then run with state: repaired and statement_done:"
                " true or false.",
                position=_where(migration, entry.begun, step),
            )
        # The same, because it was not carried out, or because it does no harm to do it again.
        return entry.begun - 1 if now == entry.witness else entry.begun

    def _each(
        self, line: _Line, steps: Sequence[Step], position: int, done: Sequence[Applied], end: Callable[[], None]
    ) -> None:
        """Each statement by itself, from this position on, and in the ledger what a run after a crash has to know.

        With the last one comes the end, which says that the migration is done.
        """
        for step in steps[:position]:
            if step.kind == SESSION:
                self.connection.execute(step.statement.text)
        is_open, noted, checksums = False, position, digests(steps)
        for number, step in enumerate(steps[position:], position + 1):
            is_last = number == len(steps)
            progress = {"done": number, "done_checksum": checksums[number - 1], "begun": None, "witness": None}
            note = end if is_last else partial(line.say, **progress)
            # Done again by a run after a crash, which has a session of its own, it does no harm and needs no note.
            is_harmless = not is_open and step.kind in (SESSION, COMMIT, ROLLBACK)
            try:
                if is_harmless:
                    self.connection.execute(step.statement.text)
                else:
                    is_open = self._step(line, number, step, note, is_open=is_open)
                if is_harmless and is_last:
                    note()
            except DatabaseError as error:
                with suppress(DatabaseError):
                    self.connection.execute("ROLLBACK")
                with suppress(DatabaseError):
                    line.forget_the_begun()
                kept = f"Statements 1 to {noted} of this file stay" if noted else "Nothing of this file is done"
                raise _failed(line.migration, number, step, error, done, kept, stay=noted) from error
            noted = noted if is_open else number
        if is_open:
            raise MigrationError(
                f"{line.migration.path} begins a transaction and does not end it: add COMMIT. Nothing of that"
                " transaction is left."
            )
        if position == len(steps):
            end()

    def _step(self, line: _Line, number: int, step: Step, note: Callable[[], None], *, is_open: bool) -> bool:
        """Carry one out, and whether a transaction of the migration's own is open afterwards."""
        text = step.statement.text
        if step.kind == BEGIN:
            self.connection.execute(text)
            return True
        if step.kind == ROLLBACK:
            self.connection.execute(text)
            note()
            return False
        if step.kind == COMMIT:
            # In the same transaction: either both are there or neither.
            note()
            self.dialect.check(self.connection)
            self.connection.execute(text)
            return False
        if is_open and (self.dialect.undoes_definitions or step.kind in (ROWS, SESSION)):
            self.connection.execute(text)
            return True
        if step.kind == ROWS:
            with self._transaction():
                self.connection.execute(text)
                note()
            return False
        line.say(begun=number, witness=self.dialect.witness(self.connection, step))
        self.connection.execute(text)
        note()
        return False


class _Line:
    """The ledger's line of a migration, which comes into being with the first that there is to say."""

    def __init__(self, run: Run, migration: Migration, *, is_there: bool) -> None:
        self.migration = migration
        self._run = run
        self._is_there = is_there

    def say(self, **values: object) -> None:
        """Have it say this from now on."""
        if self._is_there:
            self._run.ledger.change(self._run.connection, self.migration.version, **values)
            return
        told: dict[str, Any] = {"checksum": self.migration.sha256, "state": RUNNING, **values}
        self._run.ledger.add(self._run.connection, Entry(self.migration.version, self.migration.path, **told))
        self._is_there = True

    def forget_the_begun(self) -> None:
        """The statement that was begun has failed: it was not carried out."""
        if self._is_there:
            self.say(begun=None, witness=None)


def _drop_if_empty(ledger: OwnLedger, connection: Connection) -> None:
    """Nothing is to be left of a run that has done nothing; a session that is lost can drop nothing."""
    with suppress(DatabaseError):
        if not ledger.entries(connection):
            ledger.drop(connection)


def _applied(migration: Migration, statements: int, seconds: float | None, now: datetime, who: str) -> dict[str, Any]:
    return {
        "checksum": migration.sha256,
        "state": APPLIED,
        "done": statements,
        "done_checksum": None,
        "begun": None,
        "witness": None,
        "seconds": seconds,
        "applied_at": now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "applied_by": who,
    }


def _seconds(begun: datetime, ended: datetime) -> float:
    return round((ended - begun).total_seconds(), 3)


def _where(migration: Migration, number: int, step: Step) -> dict[str, object]:
    return {"file": migration.path, "statement": number, "line": step.statement.line}


def _failed(
    migration: Migration,
    number: int,
    step: Step,
    error: ShipshapeError,
    done: Sequence[Applied],
    rest: str,
    stay: int = 0,
) -> MigrationError:
    before = f" {len(done)} of this run's files are applied." if done else ""
    return MigrationError(
        f"{migration.path}, line {step.statement.line}, statement {number} failed: {error.message} {rest}.{before}",
        position=_where(migration, number, step),
        applied=[applied.name for applied in done],
        statements_that_stay=stay,
    )
