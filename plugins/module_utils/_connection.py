# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with databases. This module is private to the collection."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Failure
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


def open_connection(
    address: Address,
    engine: Engine,
    *,
    read_only: bool = False,
    statement_timeout: float | None = None,
    lock_timeout: float | None = None,
) -> Connection:
    """A session with these limits. Raises DatabaseError."""

    def explain(failure: Failure) -> DatabaseError:
        return engine.explain(failure, address)

    connection = _driver(address.engine)(address, explain, read_only=read_only)
    try:
        for statement in engine.session(
            statement_timeout=statement_timeout, lock_timeout=lock_timeout, read_only=read_only
        ):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def open_administration(
    address: Address,
    engine: Engine,
    *,
    read_only: bool = False,
    statement_timeout: float | None = None,
    lock_timeout: float | None = None,
) -> Connection:
    """The same for the administrator of a server on this host, whom it knows by the system's user of that name."""
    # Imported before, because what holds the module is for root alone to read.
    _driver(address.engine)
    with _acting_as(address.user or ""):
        return open_connection(
            address, engine, read_only=read_only, statement_timeout=statement_timeout, lock_timeout=lock_timeout
        )


@contextmanager
def _acting_as(name: str) -> Iterator[None]:
    """Only root can; whoever else runs this is whom the server sees."""
    user, group = os.geteuid(), os.getegid()
    if user != 0:
        yield
        return
    try:
        wanted = pwd.getpwnam(name)
    except KeyError:
        raise DatabaseError(
            f"There is no user {name} on this host: install the database's server first.", reason="refused"
        ) from None
    try:
        os.setegid(wanted.pw_gid)
        os.seteuid(wanted.pw_uid)
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def _driver(engine: str) -> Callable[..., Connection]:
    """Only the one in use is imported: a host compiles everything that a module imports anew in each run."""
    if engine == "mysql":
        from ansible_collections.shipshape.webapp.plugins.module_utils import _driver_mysql

        return _driver_mysql.connect
    if engine == "postgresql":
        from ansible_collections.shipshape.webapp.plugins.module_utils import _driver_postgresql

        return _driver_postgresql.connect
    from ansible_collections.shipshape.webapp.plugins.module_utils import _driver_sqlite

    return _driver_sqlite.connect
