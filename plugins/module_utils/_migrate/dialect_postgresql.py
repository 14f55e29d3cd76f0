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
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import Entry, OwnLedger
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

_ELAPSED = "(pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp())"
_DATE = "YYYY-MM-DD HH24:MI:SS.USZ"


class PostgresqlDialect(Dialect):
    """PostgreSQL, which undoes nearly everything with a transaction."""

    engine: Engine = Postgresql()
    begin = "BEGIN"
    undoes_definitions = True

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
        """Without a wait for the disk at each commit.

        What a crash of the server takes away is then the end of what the session has done, and the ledger is part of
        that: it is as if the server had crashed earlier.
        """
        connection.execute("SET synchronous_commit = off")
        try:
            yield
        finally:
            # The commit of a transaction with a number waits, and brings all before it to the disk.
            with suppress(DatabaseError):
                connection.execute("RESET synchronous_commit; SELECT pg_catalog.txid_current()")

    def why_alone(self, step: Step) -> str | None:
        """What the server refuses in a transaction, and a value of an enumeration, which cannot be used in it."""
        words = step.words
        # What is refreshed so can also be refreshed in a transaction.
        if "CONCURRENTLY" in words and words[0] != "REFRESH":
            return "PostgreSQL carries out alone what works CONCURRENTLY"
        if words[:2] == ("ALTER", "TYPE") and ("ADD", "VALUE") in zip(words, words[1:]):
            return "PostgreSQL lets a value that is added to a type be used only after a commit"
        return _ALONE.get(words[:1]) or _ALONE.get(words[:2])

    def end(self, ledger: OwnLedger, entry: Entry) -> str:
        """A message less for each file. How long it took, only the server can say in the same message."""
        told = {name: _literal(value) for name, value in vars(entry).items()}
        told["seconds"] = f"pg_catalog.round(EXTRACT(epoch FROM {_ELAPSED})::numeric, 3)"
        ended = f"pg_catalog.to_char({told['applied_at']}::timestamp + {_ELAPSED}, {_literal(_DATE)})"
        told["applied_at"] = f"pg_catalog.translate({ended}, {_literal(' ')}, {_literal('T')})"
        return f"{ledger.statement([told], is_new=True)}; COMMIT"

    def witness(self, connection: Connection, step: Step) -> str | None:
        """The schema, with the indexes that nobody can use because they were not finished."""
        if step.words[:1] and step.words[0] in _REPEATABLE:
            return ""
        if step.words[:1] not in (("CREATE",), ("ALTER",), ("DROP",)):
            return None
        invalid = [str(name) for (name,) in connection.rows(_INVALID)]
        found = self.engine.schema_fingerprint(connection)
        return hashlib.sha256("\n".join([found, *invalid]).encode()).hexdigest()


def _literal(value: object) -> str:
    """As SQL has it; without quotes, which would end one that a migration has left open."""
    if not isinstance(value, str):
        return "NULL" if value is None else str(value)
    mark = "$s$"
    while mark in value + mark[:-1]:
        mark = f"$s{mark[1:]}"
    return f"{mark}{value}{mark}"


def _holder(connection: Connection) -> str:
    for pid, user, where in connection.rows(_HOLDER, (_LOCK,)):
        return f"process {pid} of the server, for {user} at {where}"
    return "another session"
