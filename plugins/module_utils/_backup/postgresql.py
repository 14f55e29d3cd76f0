# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of PostgreSQL. This module is private to the collection."""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timezone
from typing import Protocol, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_database import (
    create,
    databases,
    dropped,
    renamed,
    role_exists,
    sessions,
    surround,
    surroundings,
    traits,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_rows import (
    content,
    rows_lost,
    whole_rows,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_server import (
    find_binaries,
    find_tool,
    private_server,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Dump, Swap, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_name, is_beside
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Failure, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import read_ledger
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    CommandError,
    DatabaseError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Flow, Stage

_LONGEST_NAME = 63

# From where databases are made and renamed; every server has the first, unless somebody has dropped it.
_MAINTENANCE = ("postgres", "template1")

# What beside_name puts at the end.
_BESIDE = re.compile(r".+__(restore|old|verify)_[0-9]{14}[0-9a-f]{6}", re.DOTALL)

# A service that the environment names would lead a tool elsewhere; so it fails instead.
_NO_SERVICE = {"PGSERVICEFILE": "/dev/null/none", "PGSYSCONFDIR": "/dev/null/none"}

_TOOLS = ("pg_dump", "pg_restore")

_WITH_LOGIN_TRIGGERS = 17

_USUAL_TABLESPACE = "pg_default"

_SEND_AWAY = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = ?"

_MISSING_EXTENSION = re.compile(r'extension "([^"]+)" is not available|/extension/([^/"]+)\.control"')

# How often to look again before somebody is told of: a session that was just closed takes a moment to end.
_LOOKS_AGAIN = 3
_BETWEEN_LOOKS = 0.1


class _Snapshots(Protocol):
    """A session that lets others see what it sees."""

    def export_snapshot(self) -> str:
        """The name of the snapshot."""


class PostgresqlBackup:
    """Dumps in the custom format, with counts and hashes of the very same snapshot."""

    engine: Engine = Postgresql()
    suffix = ".dump"

    def measure(self, connection: Connection, *, with_content: bool = False) -> Facts:
        """Rows first: what is counted cannot be dropped before the transaction ends."""
        with whole_rows(connection):
            tables = self.engine.tables(connection)
            counts, sha256 = (
                content(connection, tables) if with_content else (self.engine.count_rows(connection, tables), None)
            )
            return Facts(
                tables=counts,
                schema_sha256=self.engine.schema_fingerprint(connection),
                traits=traits(connection),
                content_sha256=sha256,
                ledger=read_ledger(self.engine, connection, tables),
            )

    def dump(
        self, address: Address, pack: Sequence[Stage], path: str, host: Host, terms: Terms, *, with_content: bool
    ) -> Dump:
        """The tool sees the state that was measured, which the session keeps for as long."""
        flow: Flow | None = None
        try:
            with self._session(address, host, terms, read_only=True) as connection:
                server = self.engine.version(connection)
                tool = find_tool("pg_dump", str(server.numbers[0]), host)
                if tool.major < server.numbers[0]:
                    raise DatabaseError(
                        f"{address}: {tool.path} is of version {tool.major} and the server of version"
                        f" {server.numbers[0]}. Install the PostgreSQL client of the server's version.",
                        reason="version",
                    )
                with connection.transaction(read_only=True):
                    snapshot = cast(_Snapshots, connection).export_snapshot()
                    facts = self.measure(connection, with_content=with_content)
                    # A subscription's definition holds a password, and a second one must never run.
                    stage = self._stage(
                        address,
                        tool.path,
                        *("--format=custom", "--compress=0", f"--snapshot={snapshot}", "--no-subscriptions"),
                        f"--lock-wait-timeout={max(1, int(terms.lock_timeout * 1000))}",
                    )
                    with self._explained(address):
                        flow = host.pipes.save([stage, *pack], path, timeout=terms.timeout, progress=terms.progress)
                warnings = _warnings(connection)
        except BaseException:
            if flow is not None:
                host.folders.remove(path)
            raise
        return Dump(flow, facts, "snapshot", f"{server.product} {server.text}", tool.text, warnings)

    def check(self, path: str, unpack: Sequence[Stage], facts: Facts, host: Host, terms: Terms) -> None:
        """The whole dump is read and written as SQL, not only its table of contents."""
        tool = find_tool("pg_restore", facts.traits.get("version", ""), host)
        stage = Stage((tool.path, "--format=custom", "--file=/dev/null"))
        try:
            host.pipes.load(path, [*unpack, stage], timeout=terms.timeout, progress=terms.progress)
        except CommandError as error:
            said = _said_by_a_tool(error)
            if said is None:
                raise
            why = said.splitlines()[0].partition("error: ")[2] or "it cannot be read"
            raise BackupError(
                f"{path} is no whole dump of PostgreSQL: {why}. Use another backup, and check the disk.", path=path
            ) from None

    @contextlib.contextmanager
    def scratch(
        self, address: Address, facts: Facts, where: str, host: Host, terms: Terms
    ) -> Iterator[tuple[Address, str]]:
        """A server of our own if its programs are here, because it needs no rights and cannot be in anybody's way."""
        major = facts.traits.get("version", "")
        binaries = find_binaries(major, host) if where != "scratch_database" else None
        if binaries is None and where == "private_server":
            raise BackupError(
                f"There are no programs of a PostgreSQL server of version {major} on this host, or no user postgres to"
                f" run them. Install the package postgresql-{major}, or set verify_in to scratch_database."
            )
        with contextlib.ExitStack() as stack:
            if binaries is not None:
                server = stack.enter_context(private_server(binaries, host, terms))
                self._make_roles(server, facts, host, terms)
                empty, place = replace(server, name="scratch"), "private server"
            else:
                self._drop_leftovers(address, host, terms)
                empty, place = _beside(address, "verify", _tag(host)), "scratch database"
            yield stack.enter_context(self._empty(empty, facts, host, terms)), place

    def load(
        self, path: str, unpack: Sequence[Stage], address: Address, host: Host, terms: Terms, *, is_scratch: bool
    ) -> None:
        """In one transaction, and where it stays, with statistics, without which its queries would be slow at first."""
        with self._session(address, host, terms) as connection:
            tool = find_tool("pg_restore", str(self.engine.version(connection).numbers[0]), host)
        # Tablespaces are the server's, of which the one that the backup is restored to may have none.
        how = ["--format=custom", "--exit-on-error", "--single-transaction", "--no-subscriptions", "--no-tablespaces"]
        bare = ["--no-owner", "--no-privileges"] if is_scratch else []
        stage = self._stage(address, tool.path, *how, *bare, f"--dbname={_conninfo(address.name)}")
        with self._explained(address, is_scratch=is_scratch):
            host.pipes.load(path, [*unpack, stage], timeout=terms.timeout, progress=terms.progress)
        if not is_scratch:
            with self._session(address, host, terms) as connection:
                for statement in self.engine.maintenance("analyze", ()):
                    connection.execute(statement)

    def obstacles(self, address: Address, host: Host) -> list[str]:
        """The server's list of sessions, without what they ask for, because that can hold values."""
        with self._maintenance(address, host) as connection:
            return _present(connection, host, address)

    def beside(self, address: Address, facts: Facts, tag: str, host: Host, terms: Terms) -> Address:
        """With the owner and the tablespace of the live one, else with the owner at the time of the backup."""
        copy = _beside(address, "restore", tag)
        with self._maintenance(address, host, terms) as connection:
            if address.name in databases(connection):
                live = surroundings(connection, address.name)
                # Even to name the usual one takes a right of its own.
                owner, tablespace = live.owner, live.tablespace if live.tablespace != _USUAL_TABLESPACE else None
            else:
                owner, tablespace = facts.traits.get("owner", ""), None
            self._create(
                connection, copy, facts, owner=owner if role_exists(connection, owner) else None, tablespace=tablespace
            )
        return copy

    def lost(self, live: Address, copy: Address, host: Host, terms: Terms) -> Mapping[Table, int]:
        """By the hashes of the rows, sorted by the server, so that it takes no memory here."""
        with contextlib.ExitStack() as stack:
            opened = [
                stack.enter_context(self._session(address, host, terms, read_only=True)) for address in (live, copy)
            ]
            for connection in opened:
                stack.enter_context(connection.transaction(read_only=True))
                stack.enter_context(whole_rows(connection))
            return rows_lost(*opened)

    def swap(self, live: Address, copy: Address, tag: str, host: Host, terms: Terms) -> Swap:
        """In one transaction, in which the server lets nobody into either of the two."""
        old = _beside(live, "old", tag)
        with self._maintenance(live, host, terms, copy) as connection:
            is_there = live.name in databases(connection)
            # The server would wait for them before it refuses.
            _refuse_for(live, _present(connection, host, live, copy))
            with _told_who(connection, live, copy), connection.transaction():
                if is_there:
                    for statement, parameters in surround(copy.name, surroundings(connection, live.name)):
                        connection.execute(statement, parameters)
                    connection.execute(renamed(live.name, old.name))
                connection.execute(renamed(copy.name, live.name))

        def undo() -> None:
            self._swap_back(live, copy, old if is_there else None, host, terms)

        return Swap(old if is_there else None, undo)

    def kept(self, live: Address, host: Host, terms: Terms) -> list[Address]:
        """By their names."""
        with self._maintenance(live, host, terms) as connection:
            return [replace(live, name=name) for name in _those_beside(connection, live, "old", "restore")]

    def drop(self, address: Address, host: Host, terms: Terms) -> None:
        """With whoever is still in it; never a database whose name is not one that we give."""
        if not _BESIDE.fullmatch(address.name):
            raise BackupError(f"{address} was made by no restore and no verification, and is not dropped.")
        self._drop(address, host, terms)

    # From here on, what these are made of.

    def _session(
        self, address: Address, host: Host, terms: Terms | None = None, *, read_only: bool = False
    ) -> contextlib.closing[Connection]:
        timeout, lock_timeout = (terms.timeout, terms.lock_timeout) if terms else (None, None)
        connection = host.connect(
            address, self.engine, read_only=read_only, statement_timeout=timeout, lock_timeout=lock_timeout
        )
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(connection.close)
            if timeout is None:
                # The limit that the server may have for this user is meant for the application.
                connection.execute("SET statement_timeout = 0")
            on_failure.pop_all()
        return contextlib.closing(connection)

    def _maintenance(
        self, address: Address, host: Host, terms: Terms | None = None, *others: Address
    ) -> contextlib.closing[Connection]:
        """A session in another database of the server: nobody can rename or drop the database that he is in."""
        unfit = {address.name, *(other.name for other in others)}
        *first, last = (replace(address, name=name) for name in _MAINTENANCE if name not in unfit)
        for place in first:
            try:
                return self._session(place, host, terms)
            except DatabaseError as error:
                if error.reason not in ("unknown_database", "permission", "login"):
                    raise
        return self._session(last, host, terms)

    def _stage(self, address: Address, tool: str, *arguments: str) -> Stage:
        stage = self.engine.client(address).stage(tool, *arguments)
        return replace(stage, environment={**stage.environment, **_NO_SERVICE})

    @contextlib.contextmanager
    def _explained(self, address: Address, *, is_scratch: bool = False) -> Iterator[None]:
        """What a tool of PostgreSQL says, as the engine says it; what others say stays as it is."""
        try:
            yield
        except CommandError as error:
            said = _said_by_a_tool(error)
            if said is None:
                raise
        else:
            return
        extension = _MISSING_EXTENSION.search(said)
        if extension:
            where = "on this host, or set verify_in to scratch_database" if is_scratch else "on the database's server"
            raise BackupError(
                f"{address}: the backup needs the extension {extension[1] or extension[2]}, which is not installed"
                f" there. Install its package {where}."
            )
        # The tools limit the time of no statement but those that wait for a lock.
        said = said.replace("due to statement timeout", "due to lock timeout")
        raise self.engine.explain(Failure("", said), address)

    def _create(
        self,
        connection: Connection,
        database: Address,
        facts: Facts,
        *,
        owner: str | None = None,
        tablespace: str | None = None,
    ) -> None:
        major = self.engine.version(connection).numbers[0]
        connection.execute(*create(database.name, facts.traits, major, owner=owner, tablespace=tablespace))

    @contextlib.contextmanager
    def _empty(self, copy: Address, facts: Facts, host: Host, terms: Terms) -> Iterator[Address]:
        """A database that is there until the context is left, and in which nothing runs by itself."""
        with self._maintenance(copy, host, terms) as connection:
            with _told_of_both_ways(copy, facts):
                self._create(connection, copy, facts)
            try:
                self._silence(connection, copy)
            except BaseException:
                connection.execute(dropped(copy.name))
                raise
        try:
            yield copy
        except BaseException:
            # What failed first is what is to be told; the next run drops what is left.
            with contextlib.suppress(DatabaseError):
                self._drop(copy, host, terms)
            raise
        self._drop(copy, host, terms)

    def _silence(self, connection: Connection, database: Address) -> None:
        """Event triggers can be those of a login; who may not turn them off cannot restore them either."""
        [(is_superuser,)] = connection.rows("SELECT pg_catalog.current_setting('is_superuser')")
        if is_superuser == "on" and self.engine.version(connection).numbers[0] >= _WITH_LOGIN_TRIGGERS:
            connection.execute(f"ALTER DATABASE {self.engine.quote(database.name)} SET event_triggers = off")

    def _make_roles(self, server: Address, facts: Facts, host: Host, terms: Terms) -> None:
        """Have the roles that the schema names, on a server that has none."""
        with self._session(server, host, terms) as connection:
            for role in json.loads(facts.traits.get("roles", "[]")):
                if not role_exists(connection, role):
                    connection.execute(f"CREATE ROLE {self.engine.quote(role)}")

    def _drop(self, database: Address, host: Host, terms: Terms) -> None:
        with self._maintenance(database, host, terms) as connection:
            connection.execute(dropped(database.name))

    def _drop_leftovers(self, address: Address, host: Host, terms: Terms) -> None:
        """Whoever asks holds the lock for this database, so that nobody is at work in them."""
        with self._maintenance(address, host, terms) as connection:
            for name in _those_beside(connection, address, "verify"):
                connection.execute(dropped(name))

    def _swap_back(self, live: Address, copy: Address, old: Address | None, host: Host, terms: Terms) -> None:
        """An application may have come back to the copy, and must not keep it there."""
        allow = f"ALTER DATABASE {self.engine.quote(live.name)} ALLOW_CONNECTIONS"
        with self._maintenance(live, host, terms, copy) as connection:
            connection.execute(f"{allow} false")
            try:
                # Whom this user may not send away is told of below.
                with contextlib.suppress(DatabaseError):
                    connection.rows(_SEND_AWAY, [live.name])
                with _told_who(connection, live), connection.transaction():
                    connection.execute(renamed(live.name, copy.name))
                    if old is not None:
                        connection.execute(renamed(old.name, live.name))
            except BaseException:
                connection.execute(f"{allow} true")
                raise


def _tag(host: Host) -> str:
    return f"{host.now().astimezone(timezone.utc):%Y%m%d%H%M%S}{host.random(3).hex()}"


def _beside(address: Address, purpose: str, tag: str) -> Address:
    return replace(address, name=beside_name(address.name, purpose, tag, _LONGEST_NAME))


def _those_beside(connection: Connection, address: Address, *purposes: str) -> list[str]:
    """The databases that we have made beside this one."""
    return [
        name
        for name in databases(connection)
        if is_beside(name, address.name, _LONGEST_NAME) and (found := _BESIDE.fullmatch(name)) and found[1] in purposes
    ]


def _conninfo(database: str) -> str:
    """The name in a form in which none is taken for an address."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _said_by_a_tool(error: CommandError) -> str | None:
    """What pg_dump or pg_restore said, if it was one of them that failed."""
    argv, said = error.details.get("argv"), error.details.get("stderr")
    if isinstance(argv, list) and posixpath.basename(argv[0]) in _TOOLS and isinstance(said, str) and said:
        return said
    return None


def _warnings(connection: Connection) -> tuple[str, ...]:
    # Their connection strings are hidden from most users; that they are there is not.
    [(count,)] = connection.rows(
        "SELECT pg_catalog.count(s.subname) FROM pg_catalog.pg_subscription s"
        " JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()"
    )
    if not count:
        return ()
    return ("Subscriptions are not in the backup: their definitions hold passwords, and a copy must not run them.",)


def _present(connection: Connection, host: Host, *addresses: Address) -> list[str]:
    """Who is in one of the databases and stays there."""
    found = _in_one_of(connection, addresses)
    for _look in range(_LOOKS_AGAIN):
        if found:
            host.pause(_BETWEEN_LOOKS)
            found = _in_one_of(connection, addresses)
    return found


def _in_one_of(connection: Connection, addresses: Sequence[Address]) -> list[str]:
    return [who for address in addresses for who in sessions(connection, address.name)]


@contextlib.contextmanager
def _told_who(connection: Connection, *addresses: Address) -> Iterator[None]:
    """If somebody has come into a database that is to be renamed, say who."""
    try:
        yield
    except DatabaseError as error:
        if error.reason == "locked":
            _refuse_for(addresses[0], _in_one_of(connection, addresses))
        raise


def _refuse_for(live: Address, present: Sequence[str]) -> None:
    if present:
        raise DatabaseError(
            f"{live}: it was not swapped, because somebody is at work in it: {', '.join(present)}. Stop who that is and"
            " try again.",
            reason="locked",
            used_by=list(present),
        )


@contextlib.contextmanager
def _told_of_both_ways(copy: Address, facts: Facts) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if error.reason != "permission":
            raise
        raise BackupError(
            f"{copy}: the backup cannot be restored to be looked at. This user may not create databases: grant him"
            " CREATEDB for a scratch_database. For a private_server, the package"
            f" postgresql-{facts.traits.get('version', '')} has to be on this host.",
            reason=error.reason,
        ) from error
