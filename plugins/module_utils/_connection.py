# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with databases. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Failure
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_mysql import connect as connect_mysql
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_postgresql import connect as connect_postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_sqlite import connect as connect_sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_DRIVERS: Mapping[str, Callable[..., Connection]] = {
    "mysql": connect_mysql,
    "postgresql": connect_postgresql,
    "sqlite": connect_sqlite,
}


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

    connection = _DRIVERS[address.engine](address, explain, read_only=read_only)
    try:
        for statement in engine.session(
            statement_timeout=statement_timeout, lock_timeout=lock_timeout, read_only=read_only
        ):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection
