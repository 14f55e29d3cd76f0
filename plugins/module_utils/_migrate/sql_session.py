# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of a run of our own runner, with the ledger. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import Step
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import Entry, OwnLedger
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Session:
    """A session that alone may migrate."""

    connection: Connection
    dialect: Dialect
    ledger: OwnLedger
    # Lines that are put into the ledger together with the next one.
    held: dict[str, Entry] = field(default_factory=dict)

    def execute(self, sql: str) -> None:
        """Carry this out."""
        self.connection.execute(sql)

    def entries(self) -> dict[str, Entry]:
        """What the ledger lists now, by its versions."""
        return {entry.version: entry for entry in self.ledger.entries(self.connection) or []}

    def put(self, *entries: Entry) -> None:
        """Have the ledger list these, and what was held."""
        if entries or self.held:
            self.connection.execute(*self._putting(entries))
            self.held.clear()

    def note(self, entry: Entry, *then: str) -> None:
        """The same for one, and carry out what follows, without waiting in between where the server allows it."""
        self.connection.several([self._putting([entry]), *((sql, ()) for sql in then)])
        self.held.clear()

    def _putting(self, entries: Sequence[Entry]) -> tuple[str, Sequence[object]]:
        several = {**self.held, **{entry.version: entry for entry in entries}}
        return self.ledger.putting(list(several.values()))

    def remove(self, version: str) -> None:
        """Have the ledger list this no longer."""
        self.held.pop(version, None)
        self.ledger.remove(self.connection, version)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, undone if the context is left by an error."""
        self.execute(self.dialect.begin)
        with self.undone_if_it_fails():
            yield
            self.dialect.check(self.connection)
            self.execute("COMMIT")

    @contextmanager
    def undone_if_it_fails(self) -> Iterator[None]:
        """The same for a transaction that begins and ends in messages of the context."""
        held = dict(self.held)
        try:
            yield
        except BaseException:
            self.held.update(held)
            self.roll_back()
            raise

    def roll_back(self) -> None:
        """Undo what is open; a session that is lost, or a database that has undone it already, has nothing to undo."""
        with suppress(DatabaseError):
            self.execute("ROLLBACK")


def where(migration: Migration, number: int, step: Step) -> dict[str, object]:
    """The place of a statement, as errors tell it."""
    return {"file": migration.path, "statement": number, "line": step.statement.line}


def failed(
    migration: Migration,
    number: int,
    step: Step,
    error: DatabaseError,
    rest: str,
    done: Sequence[Applied] = (),
    *,
    stay: int = 0,
) -> MigrationError:
    """Which statement has failed, what is left of its file, and how many files of this run are done."""
    before = f" {len(done)} of this run's files are applied." if done else ""
    return MigrationError(
        f"{migration.path}, line {step.statement.line}, statement {number} failed: {error.message} {rest}.{before}",
        position=where(migration, number, step),
        applied=[applied.name for applied in done],
        statements_that_stay=stay,
    )
