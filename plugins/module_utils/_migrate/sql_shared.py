# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A transaction that several migrations share. This module is private to the collection.

Where a commit costs more than a migration, the disk is waited for once for several. A migration that fails is still
undone by itself, and those before it stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_session import Session

# So long other writers have to wait, and a migration longer.
_AT_MOST = timedelta(seconds=0.2)

_MIGRATION = "shipshape_migration"

NOTHING_LEFT = "Nothing of this file is left"


class Shared:
    """The transaction that is open, if one is; `done` lists what is applied, also what is not committed yet."""

    def __init__(self, session: Session, now: Callable[[], datetime], done: list[Applied]) -> None:
        self._session = session
        self._now = now
        self._done = done
        self._committed = 0
        self._begun: datetime | None = None

    @contextmanager
    def migration(self, begun: datetime) -> Iterator[Callable[[], str]]:
        """One more migration, which begins now; what the context gives undoes it, and says what is left.

        It is also undone if the context is left by an error.
        """
        session = self._session
        if self._begun is None:
            session.execute(session.dialect.begin)
            self._begun, self._committed = begun, len(self._done)
        session.execute(f"SAVEPOINT {_MIGRATION}")
        try:
            yield self._undo
            session.dialect.check(session.connection)
            session.execute(f"RELEASE {_MIGRATION}")
        except BaseException:
            self._undo()
            raise

    def end(self, *, if_long: bool = False) -> None:
        """Commit, unless nothing is open."""
        if self._begun is None or (if_long and self._now() - self._begun < _AT_MOST):
            return
        self._begun = None
        try:
            self._session.execute("COMMIT")
        except DatabaseError as error:
            lost = self._lose()
            raise MigrationError(
                f"The transaction of {lost[0]} to {lost[-1]} could not be committed: {error.message} Nothing of these"
                " files is left.",
                applied=[applied.name for applied in self._done],
            ) from error

    def _undo(self) -> str:
        """Once more it does nothing."""
        if self._begun is None:
            return ""
        self._begun = None
        try:
            self._session.execute(f"ROLLBACK TO {_MIGRATION}")
            self._session.execute("COMMIT")
        except DatabaseError:
            # After some failures SQLite undoes the whole transaction by itself.
            lost = self._lose()
            among = f", nor of {lost[0]} to {lost[-1]}, which shared its transaction" if lost else ""
            return f"{NOTHING_LEFT}{among}"
        return NOTHING_LEFT

    def _lose(self) -> list[str]:
        """What was applied in the transaction, which is undone."""
        lost = [applied.name for applied in self._done[self._committed :]]
        del self._done[self._committed :]
        with suppress(DatabaseError):
            self._session.execute("ROLLBACK")
        return lost
