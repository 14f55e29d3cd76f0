# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A migration that is carried out statement by statement. This module is private to the collection.

The ledger says before each statement that it begins and afterwards that it is done, so that whoever comes after a crash
knows where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Optional

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import (
    BEGIN,
    COMMIT,
    ROLLBACK,
    ROWS,
    SESSION,
    Step,
    digests,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import Entry
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_session import Session, failed, where

# What the ledger's line says from then on; None takes the line away.
News = Callable[[], Optional[Mapping[str, Any]]]


class Stepwise:
    """One migration and its line in the ledger, which comes into being with the first that there is to say."""

    def __init__(self, session: Session, migration: Migration, steps: Sequence[Step], entry: Entry) -> None:
        self._session = session
        self._migration = migration
        self._steps = steps
        self._entry = entry

    def carry_out(self, done: Sequence[Applied], end: News) -> None:
        """Each statement from where it stands; with the last one comes the end."""
        position = self._position()
        for step in self._steps[:position]:
            if step.kind == SESSION:
                self._session.execute(step.statement.text)
        is_open, noted, checksums = False, position, digests(self._steps)
        for number, step in enumerate(self._steps[position:], position + 1):
            is_last = number == len(self._steps)
            news = end if is_last else partial(_progress, number, checksums[number - 1])
            try:
                is_open = self._step(number, step, news, is_open=is_open, is_last=is_last)
            except DatabaseError as error:
                self._session.roll_back()
                with suppress(DatabaseError):
                    self._forget_the_begun()
                kept = f"Statements 1 to {noted} of this file stay" if noted else "Nothing of this file is done"
                raise failed(self._migration, number, step, error, kept, done, stay=noted) from error
            noted = noted if is_open else number
        if is_open:
            raise MigrationError(
                f"{self._migration.path} begins a transaction and does not end it: add COMMIT. Nothing of that"
                " transaction is left."
            )
        if position == len(self._steps):
            self._say(end())

    def _position(self) -> int:
        """How many statements are done already, if an earlier run came to its end too early."""
        begun, witness = self._entry.begun, self._entry.witness
        if begun is None:
            return self._entry.done
        step = self._steps[begun - 1]
        # Until it is known, nothing else may be changed.
        now = None if witness is None else self._witness(step)
        if now is None:
            raise MigrationError(
                f"{self._migration.path} stopped in statement {begun} of {len(self._steps)} (line"
                f" {step.statement.line}), and nothing tells whether it was carried out. Look, and then run with state:"
                " repaired and statement_done: true or false.",
                position=where(self._migration, begun, step),
            )
        # The same, because it was not carried out, or because it does no harm to do it again.
        return begun - 1 if now == witness else begun

    def _step(self, number: int, step: Step, news: News, *, is_open: bool, is_last: bool) -> bool:
        """Carry one out, and whether a transaction of the migration's own is open afterwards."""
        session, text = self._session, step.statement.text
        if step.kind == BEGIN:
            # Not in that transaction, which may come to nothing.
            session.put()
            session.execute(text)
            return True
        if is_open and step.kind == COMMIT:
            # In the same transaction: either both are there or neither.
            self._say(news())
            session.dialect.check(session.connection)
            session.execute(text)
        elif is_open and step.kind == ROLLBACK:
            session.execute(text)
            self._say(news())
        elif is_open and (session.dialect.undoes_definitions or step.kind in (ROWS, SESSION)):
            session.execute(text)
            return True
        elif step.kind in (SESSION, COMMIT, ROLLBACK):
            session.execute(text)
            # Done again by a run after a crash, which has a session of its own, it does no harm and needs no note.
            if is_last:
                self._say(news())
        elif step.kind == ROWS:
            with session.undone_if_it_fails():
                session.connection.several([(session.dialect.begin, ()), (text, ())])
                session.dialect.check(session.connection)
                self._say(news(), "COMMIT")
        else:
            witness = self._witness(step)
            self._say({"begun": number, "witness": witness}, text)
            # A commit less. Whoever comes after a crash sees by the witness that this is done.
            self._say(news(), is_held=not (witness is None or session.dialect.undoes_definitions))
        return False

    def _witness(self, step: Step) -> str | None:
        return self._session.dialect.witness(self._session.connection, step)

    def _say(self, told: Mapping[str, Any] | None, *then: str, is_held: bool = False) -> None:
        """Have the line say this, and then carry that out; or say it only together with what there is to say next."""
        if told is None:
            self._session.remove(self._entry.version)
            for sql in then:
                self._session.execute(sql)
            return
        self._entry = replace(self._entry, **told)
        if is_held:
            self._session.held[self._entry.version] = self._entry
        else:
            self._session.note(self._entry, *then)

    def _forget_the_begun(self) -> None:
        """The statement that was begun has failed: it was not carried out."""
        if self._entry.begun is not None:
            self._say({"begun": None, "witness": None})


def _progress(number: int, checksum: str) -> Mapping[str, Any]:
    return {"done": number, "done_checksum": checksum, "begun": None, "witness": None}
