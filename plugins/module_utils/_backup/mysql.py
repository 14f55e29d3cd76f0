# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How databases of MySQL and MariaDB are dumped, checked, loaded and swapped.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ansible_collections.shipshape.webapp.plugins.module_utils._backup import mysql_facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_filter import HOLD, filtering
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_scratch import open_scratch
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_swap import drop_bare, exchange
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_tools import (
    ENGINE,
    Dumper,
    broken_views,
    client_stage,
    create_beside,
    explained,
    server_session,
    session,
    text,
    was_put_beside,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Dump, Swap, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_name, purpose_of
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import LONGEST_NAME
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Stage

_TRAILER = "-- Dump completed"

# Whoever waits for one table while it holds another can make a transaction of the application fail, as a deadlock. So
# it is tried again and again without waiting. MySQL waits a second at least, and is tried once.
_WITHOUT_WAITING = "SET SESSION /*M!100300 lock_wait_timeout = 0 */ /*!50708 lock_wait_timeout = 1 */"
_TRIES, _PAUSE = 200, 0.005

# The seconds after which the server lets writers go on if the dump has not said that it has begun.
_HOLD_LOCK = 2

_LOCKABLE = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
"""
_WITHOUT_TRANSACTIONS = """
SELECT TABLE_NAME FROM information_schema.TABLES JOIN information_schema.ENGINES USING (ENGINE)
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND COALESCE(TRANSACTIONS, 'NO') <> 'YES'
"""
_EVENTS = "SELECT EVENT_NAME, DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()"
_RUNNING_EVENTS = """
SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() AND STATUS = 'ENABLED'
"""
_VIEWS = "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"
_SESSIONS = """
SELECT ID, USER, HOST, COMMAND, TIME FROM information_schema.PROCESSLIST
WHERE DB = ? AND ID <> CONNECTION_ID() ORDER BY ID
"""
_DATABASES = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"


class MysqlBackup:
    """MySQL and MariaDB, by the tools that come with them."""

    engine: Engine = ENGINE
    suffix = ".sql"

    def measure(self, connection: Connection, *, with_content: bool = False) -> Facts:
        """The database as this session sees it."""
        return mysql_facts.measure(connection, with_content=with_content)

    def dump(
        self, address: Address, pack: Sequence[Stage], path: str, host: Host, terms: Terms, *, with_content: bool
    ) -> Dump:
        """Write the database by the server's own tool, in one transaction, and measure it in another of that moment."""
        dumper = Dumper(host)
        with (
            session(host, address) as snapshot,
            session(host, address) as locker,
        ):
            version = ENGINE.version(snapshot)
            _refuse_unsafe_events(snapshot, address)
            _refuse_broken_views(snapshot, address)
            schema = mysql_facts.schema_sha256(snapshot)
            untransactional = _with_rows(snapshot)
            stop = _WriteStop(locker, until_end=bool(untransactional))
            stop.begin(snapshot, host.pause, tries=_TRIES if version.product == "MariaDB" else 1)
            if untransactional and not stop.is_exact:
                raise BackupError(
                    f"{address} cannot be dumped at one moment: {_some(untransactional)} cannot take part in a"
                    " transaction, and no lock on all tables could be had. Grant LOCK TABLES, wait for long"
                    " transactions to end, or change these tables to InnoDB."
                )
            with snapshot.transaction(read_only=True):
                measured: list[Facts] = []

                def progress(size: int) -> None:
                    stop.has_begun()
                    terms.progress(size)

                def measure() -> None:
                    # What was read stays locked until the end of the transaction otherwise: a migration would wait for
                    # us, the dump for the migration, and we for the dump.
                    snapshot.execute("SAVEPOINT shipshape")
                    measured.append(mysql_facts.measure(snapshot, with_content=with_content))
                    snapshot.execute("ROLLBACK TO SAVEPOINT shipshape")

                stage = dumper.stage(address, "--routines", "--events", "--triggers")
                with explained(address):
                    flow = host.pipes.save(
                        [stage, *pack], path, timeout=terms.timeout, progress=progress, meanwhile=measure
                    )
                try:
                    stop.end()
                    [facts] = measured
                    if mysql_facts.schema_sha256(snapshot) != schema:
                        raise BackupError(
                            f"{address}: the schema was changed during the dump. Run it again when no migration is"
                            " running."
                        )
                except BaseException:
                    host.folders.remove(path)
                    raise
        if not stop.is_exact:
            facts = replace(facts, is_approximate=True, content_sha256=None)
        return Dump(
            flow,
            facts,
            consistency="lock" if untransactional else "snapshot",
            server=f"{version.product} {version.text}",
            tool=dumper.version,
            warnings=tuple(_warnings(untransactional, is_exact=stop.is_exact)),
        )

    def check(self, path: str, unpack: Sequence[Stage], facts: Facts, host: Host, terms: Terms) -> None:
        """Unpack it to its end, where the tool says that it was done."""
        with host.folders.temporary(terms.scratch) as folder:
            end = f"{folder}/end"
            tail = Stage(("tail", "--bytes=64"))
            host.pipes.save([*unpack, tail], end, stdin=path, timeout=terms.timeout)
            found = host.files.read(end)
        lines = found.content.decode("utf-8", "replace").splitlines() if found else []
        if not lines or not lines[-1].startswith(_TRAILER):
            raise BackupError(f"{path} is no whole dump: its end is missing. Use another backup.")

    @contextmanager
    def scratch(
        self, address: Address, facts: Facts, where: str, host: Host, terms: Terms
    ) -> Iterator[tuple[Address, str]]:
        """An empty database on a server of our own, or beside the one that was dumped."""
        with open_scratch(address, facts, where, host, terms) as found:
            yield found

    def load(
        self, path: str, unpack: Sequence[Stage], address: Address, host: Host, terms: Terms, *, is_scratch: bool
    ) -> None:
        """Restore the dump; where others could make events run, they are made so that they wait."""
        waits = was_put_beside(address.name)
        stages = [
            *unpack,
            filtering(waiting=HOLD if waits else None, is_anybodys=is_scratch),
            client_stage(host, address, terms),
        ]
        with explained(address):
            host.pipes.load(path, stages, timeout=terms.timeout, progress=terms.progress)
        if waits:
            with session(host, address) as connection:
                [(running,)] = connection.rows(_RUNNING_EVENTS)
            if running:
                raise BackupError(f"{address}: {running} events of the dump were not held back, and may have run.")

    def obstacles(self, address: Address, host: Host) -> list[str]:
        """The sessions that have the database as theirs."""
        with server_session(host, address) as server:
            found = server.rows(_SESSIONS, (address.name,))
        return [_session_in_words(*row) for row in found]

    def beside(self, address: Address, facts: Facts, tag: str, host: Host, terms: Terms) -> Address:
        """An empty database with the settings of the one that was dumped."""
        copy = replace(address, name=beside_name(address.name, "restore", tag, LONGEST_NAME))
        with server_session(host, address) as server:
            create_beside(server, copy, address, facts.traits, ", or use another user")
        return copy

    def lost(self, live: Address, copy: Address, host: Host, terms: Terms) -> Mapping[Table, int]:
        """What the copy does not have, found by the server that has both."""
        with session(host, live) as connection:
            return mysql_facts.lost(connection, live.name, copy.name)

    def swap(self, live: Address, copy: Address, tag: str, host: Host, terms: Terms) -> Swap:
        """Tables change their places by one statement; to take it back is to swap again."""
        old = replace(live, name=beside_name(live.name, "old", tag, LONGEST_NAME))
        was_there = exchange(live, copy, old, host, terms)

        def undo() -> None:
            if not was_there:
                with server_session(host, live) as server:
                    server.execute(f"DROP DATABASE IF EXISTS {ENGINE.quote(live.name)}")
                return
            with server_session(host, live) as server:
                drop_bare(server, copy.name)
            exchange(live, copy=old, old=copy, host=host, terms=terms)
            self.drop(copy, host, terms)

        return Swap(old if was_there else None, undo)

    def kept(self, live: Address, host: Host, terms: Terms) -> list[Address]:
        """The databases that are named after this one as its old ones and its copies."""
        with server_session(host, live) as server:
            names = sorted(text(name) for (name,) in server.rows(_DATABASES))
        kept = (name for name in names if purpose_of(name, live.name, LONGEST_NAME) in ("old", "restore"))
        return [replace(live, name=name) for name in kept]

    def drop(self, address: Address, host: Host, terms: Terms) -> None:
        """Drop a database that was put beside another, and no other."""
        if not was_put_beside(address.name):
            raise BackupError(f"{address} is not dropped: it was not made by a restore.")
        with server_session(host, address, lock_timeout=terms.lock_timeout) as server:
            server.execute(f"DROP DATABASE IF EXISTS {ENGINE.quote(address.name)}")


class _WriteStop:
    """A lock on all tables that keeps writers waiting until the dump has seen the database.

    Two transactions cannot be begun at one moment unless nobody writes. The server itself ends the session that holds
    the lock when nothing has been heard of it for a while, whatever has become of this process.
    """

    def __init__(self, locker: Connection, *, until_end: bool) -> None:
        self._locker = locker
        self._until_end = until_end
        self._is_held = False
        # Whether nobody wrote between the beginnings of both transactions.
        self.is_exact = False

    def begin(self, snapshot: Connection, pause: Callable[[float], None], *, tries: int) -> None:
        """Take the lock on all tables, if at one of the tries it can be had."""
        tables = ", ".join(f"{ENGINE.quote(text(name))} READ" for (name,) in snapshot.rows(_LOCKABLE))
        self.is_exact = True
        if not tables:
            return
        try:
            self._locker.execute(_WITHOUT_WAITING)
            self._lock(f"LOCK TABLES {tables}", pause, tries)
            if not self._until_end:
                self._locker.execute(f"SET SESSION wait_timeout = {_HOLD_LOCK}")
            self._is_held = True
        except DatabaseError:
            self.is_exact = False

    def _lock(self, statement: str, pause: Callable[[float], None], tries: int) -> None:
        for _try in range(tries - 1):
            try:
                self._locker.execute(statement)
                return
            except DatabaseError as error:
                if error.reason != "locked":
                    raise
            pause(_PAUSE)
        self._locker.execute(statement)

    def has_begun(self) -> None:
        """The dump has: nobody needs to wait any longer, unless its tables know no transactions."""
        if not self._until_end:
            self.end()

    def end(self) -> None:
        """Let go."""
        if self._is_held:
            self._is_held = False
            try:
                self._locker.execute("UNLOCK TABLES")
            except DatabaseError:
                self.is_exact = False


def _with_rows(connection: Connection) -> list[str]:
    """The tables whose rows no transaction protects."""
    tables = [Table(text(name)) for (name,) in connection.rows(_WITHOUT_TRANSACTIONS)]
    return sorted(table.name for table, count in ENGINE.count_rows(connection, tables).items() if count)


def _refuse_unsafe_events(connection: Connection, address: Address) -> None:
    """A line break in a name would hide an event from what keeps events from running in a copy."""
    for row in connection.rows(_EVENTS):
        if any(mark in text(name) for name in row for mark in "\n\r"):
            raise BackupError(f"{address}: an event, or who defined it, has a line break in its name. Rename it.")


def _refuse_broken_views(connection: Connection, address: Address) -> None:
    """The server names the database in such a view, which could then be restored under no other name."""
    broken = broken_views(connection, address.name, [text(name) for (name,) in connection.rows(_VIEWS)])
    if broken:
        raise DatabaseError(
            f"{address} cannot be dumped as long as nobody can use these views, because what they show or their definer"
            f" is gone: {_some(sorted(broken), 'views')}. Drop them, or make them anew.",
            reason="missing",
        )


def _warnings(untransactional: Sequence[str], *, is_exact: bool) -> Iterator[str]:
    if untransactional:
        yield (
            f"Writers had to wait until the dump was done, because {_some(untransactional)} cannot take part in a"
            " transaction: change these tables to InnoDB."
        )
    if not is_exact:
        yield (
            "The rows were counted at nearly the moment of the dump and are not compared when it is verified, because"
            " no lock on all tables could be had or held for that moment: grant LOCK TABLES, or look for long"
            " transactions."
        )


def _some(names: Sequence[str], kind: str = "tables") -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more {kind}" if len(names) > 5 else shown


def _session_in_words(number: object, user: object, host: object, command: object, seconds: object) -> str:
    where = text(host).rpartition(":")[0] or text(host)
    return f"session {number} of {text(user)}@{where} ({text(command)} for {seconds or 0} s)"
