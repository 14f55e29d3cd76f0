# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with SQLite databases. This module is private to the collection.

While a session lasts nothing else in the process may open and close the database's file: closing it would free the
locks that SQLite has on it. Therefore the file is looked at here and never opened.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Failure
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import SIDES, file_uri
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses

Explain = Callable[[Failure], DatabaseError]

# A Warning is no Error, and the other two are raised for values that SQLite cannot hold.
_FAILURES = (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError)

# SQLITE_BUSY and SQLITE_LOCKED; the library names them from Python 3.11 on.
_LOCKED = (5, 6)


class SqliteConnection:
    """A session with one file."""

    def __init__(self, address: Address, explain: Explain, *, read_only: bool) -> None:
        self._name = self._path = address.name
        self._explain = explain
        with self._explained():
            self._path = os.path.realpath(address.name)
            _refuse_what_is_no_file(self._path)
            self._database = sqlite3.connect(
                file_uri(self._path, "ro" if read_only else "rw"),
                timeout=address.connect_timeout,
                isolation_level=None,
                uri=True,
            )

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.table(sql, parameters)[1]

    def table(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of a query's columns, and all its rows."""
        with self._explained(), contextlib.closing(self._database.execute(sql, tuple(parameters))) as cursor:
            return [column[0] for column in cursor.description or ()], cursor.fetchall()

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, of which only one at a time is held."""
        with self._explained(), contextlib.closing(self._database.execute(sql)) as cursor:
            yield from cursor

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Carry out one statement, and let go of what it may return."""
        with self._explained():
            before = self._database.total_changes
            with contextlib.closing(self._database.execute(sql, tuple(parameters))) as cursor:
                cursor.fetchall()
            if self._database.total_changes == before:
                return 0
            # Only now is this number of this statement. Unlike that of the cursor it is right for every form of it.
            [(changed,)] = self._database.execute("SELECT changes()")
            return int(changed)

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Carry out these one after the other."""
        for sql, parameters in statements:
            self.execute(sql, parameters)

    @contextlib.contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        """A transaction that reads of one moment, or that keeps other writers out from its beginning."""
        with self._query_only() if read_only else contextlib.nullcontext():
            with self._explained():
                is_nested = self._database.in_transaction
            if is_nested:
                raise self._error(Failure("", "cannot start a transaction within a transaction"))
            try:
                self.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")
                if read_only:
                    # The moment is that of the first reading, not that of BEGIN.
                    self.rows("SELECT 1 FROM sqlite_master LIMIT 1")
                yield
                self.execute("COMMIT")
            finally:
                # SQLite itself undoes the transaction after some failures, such as a full disk.
                with contextlib.suppress(sqlite3.Error):
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")

    def copy_to(self, path: str) -> None:
        """Copy the database, as this session sees it, to a new file that is private from its first byte.

        Within a transaction that only reads, the copy is of the same moment as what is read in it. Raises FileError if
        the file exists or cannot be made; whatever fails, no part of a copy is left.
        """
        target = os.path.abspath(path)
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise FileError(f"{target} cannot be made for a copy: {error.strerror}.", path=target) from error
        try:
            with self._explained(), contextlib.closing(sqlite3.connect(file_uri(target, "rw"), uri=True)) as copy:
                # All pages at once: in steps, every commit of another process would make it begin again.
                self._database.backup(copy, pages=-1, progress=_fail_if_locked)
        except BaseException as error:
            # What SQLite makes beside it, it takes away itself when it closes the file.
            os.unlink(target)
            if isinstance(error, DatabaseError):
                sentence = f"This happened in a copy to {target}, of which nothing is left."
                raise _continued(error, sentence) from error.__cause__
            raise

    def close(self) -> None:
        """End the session."""
        with self._explained():
            self._database.close()

    @contextlib.contextmanager
    def _query_only(self) -> Iterator[None]:
        [(before,)] = self.rows("PRAGMA query_only")
        self.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute(f"PRAGMA query_only = {before}")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(Failure(_name_of(error), error.strerror or "")) from error
        except _FAILURES as error:
            code = getattr(error, "sqlite_errorname", "") or ""
            obstacle = self._obstacle() if "unable to open database file" in str(error) else None
            raise self._error(obstacle or Failure(code, str(error))) from error

    def _error(self, failure: Failure) -> DatabaseError:
        error = self._explain(failure)
        holders = self._holders() if error.reason == "locked" else []
        if holders:
            error = _continued(error, f"It is {', '.join(holders)}.")
        if self._path == self._name:
            return error
        return _continued(error, f"{self._name} leads to {self._path}.", path=self._path)

    def _holders(self) -> list[str]:
        """Who keeps others from writing, if somebody still does; the file itself is not opened for that."""
        beside = [self._path, *(self._path + suffix for suffix in SIDES)]
        return [str(holder) for holder in HostProcesses().locking(beside) if holder.pid != os.getpid()]

    def _obstacle(self) -> Failure | None:
        """SQLite says of every file that it cannot open the same; the system knows why."""
        try:
            _refuse_what_is_no_file(self._path)
        except OSError as error:
            return Failure(_name_of(error), error.strerror or "")
        if not os.access(self._path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            return Failure("EACCES", os.strerror(errno.EACCES))
        return None


def connect(address: Address, explain: Explain, *, read_only: bool = False) -> SqliteConnection:
    """A session with the file, which must exist; a symbolic link is followed. Raises DatabaseError."""
    return SqliteConnection(address, explain, read_only=read_only)


def _refuse_what_is_no_file(path: str) -> None:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        # Opening a pipe would wait for its other end.
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "")


def _continued(error: DatabaseError, sentence: str, **details: object) -> DatabaseError:
    merged = {**error.details, **details}
    merged.pop("reason")
    return DatabaseError(f"{error.message} {sentence}", reason=error.reason, **merged)


def _fail_if_locked(status: int, remaining: int, total: int) -> None:
    # Left alone, the copy would be tried again for ever.
    if status in _LOCKED:
        raise sqlite3.OperationalError("database is locked")
