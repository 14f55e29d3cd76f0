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
from dataclasses import dataclass, field, replace
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
    # Lines that are put into the ledger together with the next one.
    held: dict[str, Entry] = field(default_factory=dict)

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
        try:
            for migration in pending:
                done.append(self._one(migration, entries.get(migration.version), done))
        finally:
            # If the session is lost, the next run finds out by itself.
            with suppress(DatabaseError):
                self.put()
        return done

    def _all_at_once(self, pending: Sequence[Migration]) -> list[Applied]:
        done: list[Applied] = []
        with self._transaction():
            for migration in pending:
                done.append(self._within(migration, steps_of(migration, self._name), done))
        return done

    def _one(self, migration: Migration, entry: Entry | None, done: Sequence[Applied]) -> Applied:
        steps = steps_of(migration, self._name)
        is_one = is_one_transaction(migration, steps, self.project.transaction, self.dialect.why_alone)
        if is_one and self.dialect.undoes_definitions and entry is None:
            return self._in_one(migration, steps, done)
        begun = self.host.now()
        line = _Line(self, entry or Entry(migration.version, migration.path, migration.sha256, RUNNING), migration)

        def end(put: Callable[..., None]) -> None:
            put(**self._applied(migration, len(steps), _seconds(begun, self.host.now())))

        self._each(line, steps, self._position(migration, steps, entry), done, end)
        return Applied(migration.path, _seconds(begun, self.host.now()), len(steps))

    def _in_one(self, migration: Migration, steps: Sequence[Step], done: Sequence[Applied]) -> Applied:
        """One transaction for a migration and its line, in as few messages as the server lets us tell what failed."""
        begun, undone = self.host.now(), "Nothing of this file is left"
        texts = [step.statement.text for step in steps]
        if self.dialect.takes_several and texts:
            # To begin cannot fail, so that what does is the first statement.
            texts[0] = f"{self.dialect.begin};\n{texts[0]}"
        else:
            self.connection.execute(self.dialect.begin)
        with self._undone_if_it_fails():
            self._plainly(migration, steps, texts, done, undone)
            seconds = _seconds(begun, self.host.now())
            entry = self._entry(migration, len(steps), seconds)
            self.dialect.check(self.connection)
            if self.dialect.takes_several:
                self.ledger.put(self.connection, [entry], "; COMMIT")
            else:
                self.ledger.put(self.connection, [entry])
                self.connection.execute("COMMIT")
        return Applied(migration.path, seconds, len(steps))

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
                    texts = [step.statement.text for step in steps]
                    self._plainly(migration, steps, texts, done, "Nothing of this file is left")
                    self.ledger.remove(self.connection, migration.version)
            else:
                if entry.is_whole:
                    entry = replace(entry, state=REVERTING, done=0, done_checksum=None, begun=None, witness=None)
                    self.put(entry)
                line = _Line(self, entry, migration)
                end = partial(self._remove, migration.version)
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
            told = [replace(self._entry(migration, 0, None), state=BASELINE) for migration in baseline]
            told += [replace(entries[migration.version], checksum=migration.sha256) for migration in edited]
            if told:
                self.ledger.put(self.connection, told)
            for version in gone:
                self.ledger.remove(self.connection, version)
            if stopped:
                entries = {entry.version: entry for entry in self.entries()}
                self.put(self._placed(*stopped, entries[stopped[0].version]))

    def _placed(self, migration: Migration, is_done: bool, entry: Entry) -> Entry:
        """Where a migration stands that stopped in a statement, as the user has seen it."""
        steps = steps_of(migration, self._name, is_down=entry.state == REVERTING)
        done = (entry.begun or entry.done + 1) if is_done else entry.done
        return replace(
            entry, done=done, done_checksum=digests(steps)[done - 1] if done else None, begun=None, witness=None
        )

    @property
    def _name(self) -> str:
        return self.dialect.engine.name

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute(self.dialect.begin)
        with self._undone_if_it_fails():
            yield
            self.dialect.check(self.connection)
            self.connection.execute("COMMIT")

    @contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        held = dict(self.held)
        try:
            yield
        except BaseException:
            self.held.update(held)
            # A session that is lost, or a database that has undone everything already, has nothing to undo.
            with suppress(DatabaseError):
                self.connection.execute("ROLLBACK")
            raise

    def put(self, *entries: Entry) -> None:
        """Have the ledger list these, and what was held."""
        several = {**self.held, **{entry.version: entry for entry in entries}}
        if several:
            self.ledger.put(self.connection, list(several.values()))
            self.held.clear()

    def _remove(self, version: str, _put: Callable[..., None]) -> None:
        """Have the ledger list this no longer."""
        self.held.pop(version, None)
        self.ledger.remove(self.connection, version)

    def _entry(self, migration: Migration, statements: int, seconds: float | None) -> Entry:
        return Entry(migration.version, migration.path, **self._applied(migration, statements, seconds))

    def _applied(self, migration: Migration, statements: int, seconds: float | None) -> dict[str, Any]:
        return {
            "checksum": migration.sha256,
            "state": APPLIED,
            "done": statements,
            "done_checksum": None,
            "begun": None,
            "witness": None,
            "seconds": seconds,
            "applied_at": self.host.now().astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "applied_by": self.who,
        }

    def _within(self, migration: Migration, steps: Sequence[Step], done: Sequence[Applied]) -> Applied:
        """One migration and its line in the ledger, in a transaction that is open."""
        begun = self.host.now()
        texts = [step.statement.text for step in steps]
        self._plainly(migration, steps, texts, done, "Nothing of any file of this run is left")
        seconds = _seconds(begun, self.host.now())
        self.ledger.put(self.connection, [self._entry(migration, len(steps), seconds)])
        return Applied(migration.path, seconds, len(steps))

    def _plainly(
        self, migration: Migration, steps: Sequence[Step], texts: Sequence[str], done: Sequence[Applied], undone: str
    ) -> None:
        """Each statement, as it is to be sent."""
        for number, (step, text) in enumerate(zip(steps, texts), 1):
            try:
                self.connection.execute(text)
            except DatabaseError as error:
                raise _failed(migration, number, step, error, done, undone) from error

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

    def _each(self, line: _Line, steps: Sequence[Step], position: int, done: Sequence[Applied], end: _Note) -> None:
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
            note = end if is_last else partial(_say, progress)
            # Done again by a run after a crash, which has a session of its own, it does no harm and needs no note.
            is_harmless = not is_open and step.kind in (SESSION, COMMIT, ROLLBACK)
            try:
                if is_harmless:
                    self.connection.execute(step.statement.text)
                else:
                    is_open = self._step(line, number, step, note, is_open=is_open)
                if is_harmless and is_last:
                    note(line.say)
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
            end(line.say)

    def _step(self, line: _Line, number: int, step: Step, note: _Note, *, is_open: bool) -> bool:
        """Carry one out, and whether a transaction of the migration's own is open afterwards."""
        text = step.statement.text
        if step.kind == BEGIN:
            # Not in that transaction, which may come to nothing.
            self.put()
            self.connection.execute(text)
            return True
        if step.kind == ROLLBACK:
            self.connection.execute(text)
            note(line.say)
            return False
        if step.kind == COMMIT:
            # In the same transaction: either both are there or neither.
            note(line.say)
            self.dialect.check(self.connection)
            self.connection.execute(text)
            return False
        if is_open and (self.dialect.undoes_definitions or step.kind in (ROWS, SESSION)):
            self.connection.execute(text)
            return True
        if step.kind == ROWS:
            with self._transaction():
                self.connection.execute(text)
                note(line.say)
            return False
        witness = self.dialect.witness(self.connection, step)
        line.say(begun=number, witness=witness)
        self.connection.execute(text)
        # A commit less. Whoever comes after a crash sees by the witness that this is done.
        note(line.say if witness is None or self.dialect.undoes_definitions else line.hold)
        return False


# Says of a statement that it is done: at once, or together with what comes next.
_Note = Callable[[Callable[..., None]], None]


def _say(values: Mapping[str, Any], put: Callable[..., None]) -> None:
    put(**values)


class _Line:
    """The ledger's line of a migration, which comes into being with the first that there is to say."""

    def __init__(self, run: Run, entry: Entry, migration: Migration) -> None:
        self.migration = migration
        self._run = run
        self._entry = entry

    def say(self, **values: Any) -> None:
        """Have it say this from now on."""
        self._entry = replace(self._entry, **values)
        self._run.put(self._entry)

    def hold(self, **values: Any) -> None:
        """Have it say this together with what there is to say next."""
        self._entry = replace(self._entry, **values)
        self._run.held[self._entry.version] = self._entry

    def forget_the_begun(self) -> None:
        """The statement that was begun has failed: it was not carried out."""
        if self._entry.begun is not None:
            self.say(begun=None, witness=None)


def _drop_if_empty(ledger: OwnLedger, connection: Connection) -> None:
    """Nothing is to be left of a run that has done nothing; a session that is lost can drop nothing."""
    with suppress(DatabaseError):
        if not ledger.entries(connection):
            ledger.drop(connection)


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
