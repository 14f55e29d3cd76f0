# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with MySQL and MariaDB through PyMySQL. This module is private to the collection."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Failure
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql, format_style
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError

Explain = Callable[[Failure], DatabaseError]

_CLIENT_SSL = 1 << 11
# A command of the protocol, and the option that lets a message hold several statements.
_SET_OPTION, _SEVERAL = 0x1B, b"\0\0"
_IN_TRANSACTION, _UNREACHABLE, _GONE, _TLS_FAILED = "1568", "2003", "2006", "2026"


def connect(address: Address, explain: Explain, *, read_only: bool = False) -> MysqlConnection:
    """A session with the database."""
    try:
        import pymysql
    except ImportError:
        raise DatabaseError(
            "The Python library for MySQL and MariaDB is missing on this host: install the package python3-pymysql, or"
            f" PyMySQL for {sys.executable}.",
            reason="driver",
        ) from None
    # RuntimeError is what a missing library for a kind of login leads to.
    errors = (pymysql.Error, OSError, RuntimeError)
    context = _tls(address, explain)
    session: Any = pymysql.connect(
        host=address.host,
        port=address.port or 0,
        unix_socket=address.socket,
        user=address.user,
        # As text, PyMySQL would send it in latin1.
        password=(address.password or "").encode("utf-8", "surrogateescape"),
        database=address.name,
        charset="utf8mb4",
        # Older versions send bytes as text without it.
        binary_prefix=True,
        autocommit=True,
        connect_timeout=address.connect_timeout,
        # Without these, a server that takes the connection and then says nothing is waited for without end.
        read_timeout=address.connect_timeout,
        write_timeout=address.connect_timeout,
        ssl=context,
        defer_connect=True,
    )
    _decide_on_tls(session, is_wanted=context is not None, is_needed=address.tls.mode not in ("disable", "prefer"))
    connection = MysqlConnection(session, explain, errors)
    with connection.explained():
        session.connect()
    # From here on, a statement may take as long as it likes.
    session.__dict__.update(_read_timeout=None, _write_timeout=None)
    try:
        for statement in Mysql().session(read_only=read_only):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


class MysqlConnection:
    """One session with MySQL or MariaDB.

    A statement that defines something commits whatever went before, also within a transaction: the server does so.
    """

    def __init__(self, session: Any, explain: Explain, errors: tuple[type[Exception], ...]) -> None:
        self._session = session
        self._explain = explain
        self._errors = errors
        self._is_in_transaction = False
        self._takes_several = False

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.table(sql, parameters)[1]

    def table(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of a query's columns, and all its rows."""
        with self._carried_out(sql, parameters) as cursor:
            return [column[0] for column in cursor.description or ()], list(cursor.fetchall())

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Carry out one statement; the number of rows that it changed."""
        with self._carried_out(sql, parameters) as cursor:
            return int(cursor.rowcount)

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Carry out these in one message, of which the server stops at the first that fails."""
        self._allow_several()
        with self.explained(), self._session.cursor() as cursor:
            texts = (_written(cursor, sql, parameters) for sql, parameters in statements)
            # A comment at the end of one would hide what parts it from the next.
            cursor.execute("\n;\n".join(texts))
            while cursor.nextset():
                pass

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        """A transaction that sees one state of the database throughout."""
        if self._is_in_transaction:
            raise self._explain(Failure(_IN_TRANSACTION, ""))
        # A server can have another isolation by default, under which there is no snapshot.
        self.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self.execute(f"START TRANSACTION WITH CONSISTENT SNAPSHOT{', READ ONLY' if read_only else ''}")
        self._is_in_transaction = True
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # The connection may be the very thing that failed; the server undoes what it has lost.
            with suppress(DatabaseError):
                self.execute("ROLLBACK")
            raise
        finally:
            self._is_in_transaction = False

    def close(self) -> None:
        """End the session."""
        if self._session.open:
            with self.explained():
                self._session.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What the driver says, said by the engine."""
        try:
            yield
        except self._errors as error:
            # None, because the driver's words can hold what the statement held.
            raise self._explain(_failure(error)) from None

    @contextmanager
    def _carried_out(self, sql: str, parameters: Sequence[object]) -> Iterator[Any]:
        with self.explained(), self._session.cursor() as cursor:
            cursor.execute(_written(cursor, sql, parameters))
            yield cursor

    def _allow_several(self) -> None:
        """Only a session that needs it: where a message is one statement, nothing can be smuggled in behind it."""
        if not self._takes_several:
            with self.explained():
                self._session._execute_command(_SET_OPTION, _SEVERAL)
                self._session._read_packet()
            self._takes_several = True


def _written(cursor: Any, sql: str, parameters: Sequence[object]) -> str:
    return str(cursor.mogrify(format_style(sql), tuple(parameters))) if parameters else sql


def _failure(error: Exception) -> Failure:
    code, *words = error.args or ("",)
    if code == 0:
        return Failure(_GONE, "")
    if isinstance(code, int) and not isinstance(error, OSError):
        return Failure(str(code), " ".join(map(str, words)))
    return Failure(_UNREACHABLE if isinstance(error, OSError) else "", str(error))


def _tls(address: Address, explain: Explain) -> ssl.SSLContext | None:
    """How TLS is spoken; not at all over a socket, where nobody can listen in."""
    tls = address.tls
    if address.socket or tls.mode == "disable":
        return None
    # Not create_default_context: from Python 3.13 on it refuses the certificates that servers make for themselves.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = tls.mode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if tls.mode.startswith("verify") else ssl.CERT_NONE
    try:
        if tls.mode.startswith("verify"):
            if tls.ca:
                context.load_verify_locations(tls.ca)
            else:
                context.load_default_certs()
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        raise explain(Failure(_TLS_FAILED, str(error))) from None
    return context


def _decide_on_tls(session: Any, *, is_wanted: bool, is_needed: bool) -> None:
    """Whether TLS is spoken once the server has said what it offers, and before it is told anything.

    Versions of PyMySQL differ: some send the login unprotected to a server that offers no TLS, although TLS was asked
    for, others speak TLS although nobody asked.
    """
    authenticate = session._request_authentication

    def decide() -> None:
        is_offered = session.server_capabilities & _CLIENT_SSL
        if is_wanted and is_needed and not is_offered:
            raise ssl.SSLError(0, "SSL is required, but the server does not support it")
        session.ssl = bool(is_wanted and is_offered)
        if not session.ssl:
            session.client_flag &= ~_CLIENT_SSL
        authenticate()

    session._request_authentication = decide
