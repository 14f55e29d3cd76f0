# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with PostgreSQL, through psycopg2 or psycopg 3. This module is private to the collection."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import select
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Failure
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import libpq_parameters
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError

_T = TypeVar("_T")

Explain = Callable[[Failure], DatabaseError]

# A server that vanishes in the middle of a statement is noticed within a minute.
_KEEPALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}

# PQTRANS_ACTIVE: a statement is under way.
_ACTIVE = 1

# There is no password file, and no directory in which there could be one.
_NO_FILE = "/dev/null/none"


def connect(address: Address, explain: Explain, *, read_only: bool = False) -> PostgresqlConnection:
    """A session that the environment of this process and the files of its user's home have no say in."""
    driver = _driver()
    parameters = {**libpq_parameters(address), **_KEEPALIVE, "passfile": _NO_FILE}
    if address.password:
        parameters["password"] = address.password
    connection = PostgresqlConnection(driver, parameters, explain)
    if read_only:
        connection.execute("SET default_transaction_read_only = on")
    return connection


class PostgresqlConnection:
    """A session. It commits by itself outside of transaction()."""

    def __init__(self, driver: Any, parameters: dict[str, str], explain: Explain) -> None:
        self._driver = driver
        self._explain = explain
        self._is_in_transaction = False
        self._connection = self._asked(lambda: _connected(driver, parameters))

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; each ? in it stands for the next parameter."""
        return self.table(sql, parameters)[1]

    def table(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of a query's columns, and all its rows."""

        def fetch(cursor: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
            if not cursor.description:
                return [], []
            return [column[0] for column in cursor.description], list(cursor.fetchall())

        return self._run(sql, parameters, fetch)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Carry out one statement, or without parameters several, which are then one transaction."""
        return self._run(sql, parameters, lambda cursor: max(0, int(cursor.rowcount)))

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Carry out these one after the other."""
        for sql, parameters in statements:
            self.execute(sql, parameters)

    @contextlib.contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        """Repeatable read: what others commit meanwhile is not seen."""
        if self._is_in_transaction:
            raise DatabaseError("A transaction cannot be begun within another.", reason="other")
        self.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ{' READ ONLY' if read_only else ''}")
        self._is_in_transaction = True
        try:
            yield
            self._commit()
        except BaseException:
            # If the connection is lost, the server undoes everything by itself.
            with contextlib.suppress(DatabaseError):
                self.execute("ROLLBACK")
            raise
        finally:
            self._is_in_transaction = False

    def export_snapshot(self) -> str:
        """The name under which other sessions and tools can see the same state, as long as this transaction lasts."""
        if not self._is_in_transaction:
            raise DatabaseError("A snapshot can be exported within a transaction only.", reason="other")
        [(name,)] = self.rows("SELECT pg_catalog.pg_export_snapshot()")
        return str(name)

    def close(self) -> None:
        """End the session; what is not committed is undone."""
        with contextlib.suppress(self._driver.Error):
            self._connection.close()

    def _commit(self) -> None:
        # After a failed statement COMMIT undoes everything, and reports no error.
        tag = self._run("COMMIT", (), lambda cursor: str(cursor.statusmessage))
        if tag != "COMMIT":
            raise DatabaseError("A statement of the transaction had failed, so all of it was undone.", reason="other")

    def _run(self, sql: str, parameters: Sequence[object], read: Callable[[Any], _T]) -> _T:
        def ask() -> _T:
            with self._ended_if_interrupted(), self._connection.cursor() as cursor:
                # Without parameters the drivers leave the statement as it is.
                cursor.execute(*((with_placeholders(sql), tuple(parameters)) if parameters else (sql,)))
                return read(cursor)

        return self._asked(ask)

    @contextlib.contextmanager
    def _ended_if_interrupted(self) -> Iterator[None]:
        """A statement whose end we did not wait for is stopped, with the whole session."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(self._driver.Error):
                if self._connection.info.transaction_status == _ACTIVE:
                    self._connection.cancel()
                    self._connection.close()
            raise

    def _asked(self, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except self._driver.Error as error:
            code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
            failure = Failure(code, str(error))
        except ValueError:
            failure = Failure("22021", "a value holds a character that cannot be sent")
        # Out here the driver's own error, which may quote what it was given, is no context of ours.
        raise self._explain(failure)


def with_placeholders(sql: str) -> str:
    """The statement with the placeholders of the drivers; a question mark in quotes is none."""
    return _MARK.sub(lambda found: {"?": "%s"}.get(found[0]) or found[0].replace("%", "%%"), sql)


_MARK = re.compile(r"""'[^']*'|"[^"]*"|[?%]""")


def _driver() -> Any:
    for name in ("psycopg2", "psycopg"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise DatabaseError(
        "Python's library for PostgreSQL is missing on this host. Install the package python3-psycopg2.",
        reason="driver",
    )


def _connected(driver: Any, parameters: dict[str, str]) -> Any:
    is_old = driver.__name__ == "psycopg2"
    if is_old:
        # For all connections of the process, so that it is never taken back: another thread may be using it.
        driver.extensions.set_wait_callback(_wait)
    with _without_variables():
        # ClientCursor, because the server takes no parameters in statements such as SET.
        options = {} if is_old else {"cursor_factory": driver.ClientCursor}
        connection = driver.connect(**parameters, **options)
    connection.autocommit = True
    return connection


@contextlib.contextmanager
def _without_variables() -> Iterator[None]:
    """libpq reads variables that no parameter stands for: of a service, of the format of dates."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(taken)


def _wait(connection: Any) -> None:
    """Wait so that a signal is heeded at once, and the statement stopped; psycopg 3 does so by itself."""
    psycopg2 = importlib.import_module("psycopg2")
    extensions = psycopg2.extensions
    # libpq, which does not wait itself, leaves connect_timeout to us.
    is_connected = connection.status in (extensions.STATUS_READY, extensions.STATUS_BEGIN)
    limit = None if is_connected else float(extensions.parse_dsn(connection.dsn)["connect_timeout"])
    until = time.monotonic() + (limit or 0)
    try:
        while True:
            state = connection.poll()
            if state == extensions.POLL_OK:
                return
            ready = [connection.fileno()]
            left = None if limit is None else max(0, until - time.monotonic())
            if not any(select.select(*((ready, []) if state == extensions.POLL_READ else ([], ready)), [], left)):
                raise psycopg2.OperationalError("timeout expired")
    except BaseException:
        with contextlib.suppress(Exception):
            connection.cancel()
        raise
