# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations of PostgreSQL databases. This module is private to the collection."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, LockHeld
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import Step
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# Any number will do that no application is likely to use.
_LOCK = int.from_bytes(hashlib.sha256(b"shipshape migrate").digest()[:8], "big", signed=True)
_PAUSE = 0.1

_HOLDER = """
SELECT pid, usename, COALESCE(host(client_addr), 'the socket') FROM pg_catalog.pg_stat_activity
WHERE pid IN (
    SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND (classid::bigint << 32 | objid::bigint) = ? AND objsubid = 1
)
"""

_INVALID = """
SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE NOT indisvalid ORDER BY 1
"""

_ALONE = {
    ("VACUUM",): "PostgreSQL carries VACUUM out alone",
    ("CREATE", "DATABASE"): "PostgreSQL creates databases outside of transactions",
    ("DROP", "DATABASE"): "PostgreSQL drops databases outside of transactions",
    ("CREATE", "TABLESPACE"): "PostgreSQL creates tablespaces outside of transactions",
    ("DROP", "TABLESPACE"): "PostgreSQL drops tablespaces outside of transactions",
    ("ALTER", "SYSTEM"): "PostgreSQL changes its settings outside of transactions",
    ("CREATE", "SUBSCRIPTION"): "PostgreSQL creates subscriptions outside of transactions",
    ("DROP", "SUBSCRIPTION"): "PostgreSQL drops subscriptions outside of transactions",
}

# Done again, these do no harm.
_REPEATABLE = ("VACUUM", "REINDEX", "ANALYZE", "CLUSTER", "REFRESH", "CHECKPOINT")


class PostgresqlDialect:
    """PostgreSQL, which undoes nearly everything with a transaction."""

    engine: Engine = Postgresql()
    begin = "BEGIN"
    undoes_definitions = True
    takes_several = True

    @contextmanager
    def locked(self, connection: Connection, address: Address, host: Host, wait: float) -> Iterator[None]:
        """A lock of this session's.

        It is asked for again and again: whoever waited in one statement would be waited for by CREATE INDEX
        CONCURRENTLY of whoever has it.
        """
        tries = int(wait / _PAUSE)
        while not connection.rows(f"SELECT pg_catalog.pg_try_advisory_lock({_LOCK})")[0][0]:
            if tries <= 0:
                raise LockHeld(f"{address} is being migrated by {_holder(connection)}: wait until that is done.")
            tries -= 1
            host.pause(_PAUSE)
        try:
            yield
        finally:
            # A session that is lost has let go of it.
            with suppress(DatabaseError):
                connection.rows(f"SELECT pg_catalog.pg_advisory_unlock({_LOCK})")

    @contextmanager
    def prepared(self, connection: Connection) -> Iterator[None]:
        """As it is."""
        yield

    def why_alone(self, step: Step) -> str | None:
        """What the server refuses in a transaction, and a value of an enumeration, which cannot be used in it."""
        words = step.words
        # What is refreshed so can also be refreshed in a transaction.
        if "CONCURRENTLY" in words and words[0] != "REFRESH":
            return "PostgreSQL carries out alone what works CONCURRENTLY"
        if words[:2] == ("ALTER", "TYPE") and ("ADD", "VALUE") in zip(words, words[1:]):
            return "PostgreSQL lets a value that is added to a type be used only after a commit"
        return _ALONE.get(words[:1]) or _ALONE.get(words[:2])

    def check(self, connection: Connection) -> None:
        """The server checks everything itself."""

    def witness(self, connection: Connection, step: Step) -> str | None:
        """The schema, with the indexes that nobody can use because they were not finished."""
        if step.words[:1] and step.words[0] in _REPEATABLE:
            return ""
        if step.words[:1] not in (("CREATE",), ("ALTER",), ("DROP",)):
            return None
        invalid = [str(name) for (name,) in connection.rows(_INVALID)]
        found = self.engine.schema_fingerprint(connection)
        return hashlib.sha256("\n".join([found, *invalid]).encode()).hexdigest()


def _holder(connection: Connection) -> str:
    for pid, user, where in connection.rows(_HOLDER, (_LOCK,)):
        return f"process {pid} of the server, for {user} at {where}"
    return "another session"
