# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one database of MySQL or MariaDB takes another's place. This module is private to the collection.

No statement renames a database. Tables move with their rows, all by one statement; triggers, views, routines and events
cannot be moved and are made anew, from what the server's own tool says of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_filter import HOLD, RELEASE, filtering
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_tools import (
    ENGINE,
    Dumper,
    broken_views,
    client_stage,
    explained,
    server_session,
    settings,
    text,
    with_settings,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# What is taken back waits longer for locks than what is tried: without it, the database would lack its triggers.
_PATIENCE = 600

_TABLES = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = ? AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
"""
_VIEWS = "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?"
_TRIGGERS = "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?"
_WITH_TRIGGERS = "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?"
_EVENTS = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?"
_ROUTINES = "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?"

_REFERENCES = """
SELECT DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.KEY_COLUMN_USAGE
WHERE REFERENCED_TABLE_SCHEMA = ? AND TABLE_SCHEMA <> REFERENCED_TABLE_SCHEMA
"""


@dataclass(frozen=True)
class _Definitions:
    """What cannot be moved of a database, in files, and the names of its routines with their kinds."""

    routines_and_events: str
    views: str | None
    triggers: str | None
    routines: frozenset[tuple[str, str]]

    @property
    def files(self) -> list[str]:
        """All, each after those that it needs."""
        return [path for path in (self.routines_and_events, self.views, self.triggers) if path]


def exchange(live: Address, copy: Address, old: Address, host: Host, terms: Terms) -> bool:
    """Make the copy live and move away what is live, or leave both as they were and raise.

    Whether there was anything live; if not, there is no old database either.
    """
    with (
        server_session(host, live, lock_timeout=terms.lock_timeout) as server,
        host.folders.temporary(terms.scratch) as folder,
    ):
        return _Exchange(live, copy, old, server, host, terms, folder).carry_out()


def drop_bare(server: Connection, name: str) -> None:
    """Drop a database in which there are no tables, if it is there."""
    if not _names(server, _TABLES, name):
        server.execute(f"DROP DATABASE IF EXISTS {ENGINE.quote(name)}")


class _Exchange:
    def __init__(
        self, live: Address, copy: Address, old: Address, server: Connection, host: Host, terms: Terms, folder: str
    ) -> None:
        self._live, self._copy, self._old = live, copy, old
        self._server, self._host, self._terms, self._folder = server, host, terms, folder
        self._dumper = Dumper(host)
        self._numbers = count()
        self._is_mariadb = ENGINE.version(server).product == "MariaDB"

    def carry_out(self) -> bool:
        present, future = settings(self._server, self._live.name), settings(self._server, self._copy.name)
        if future is None:
            raise BackupError(f"{self._copy}: this database, which was to become live, is gone.")
        self._refuse_references()
        theirs = self._definitions(self._copy)
        mine = self._definitions(self._live) if present else None
        with self._taking_back() as back:
            if present and mine:
                self._server.execute(with_settings("CREATE DATABASE", self._old.name, present))
                back.callback(self._drop_bare, self._old)
                self._rehearse()
            else:
                self._server.execute(with_settings("CREATE DATABASE", self._live.name, future))
                back.callback(self._drop_bare, self._live)
            self._strip(mine, theirs, back)
            self._move(back)
            if present:
                back.callback(self._set, present)
                self._set(future)
            self._refill(self._live, theirs, RELEASE)
            if mine and mine.triggers:
                self._load(self._old, mine.triggers)
        self._drop_bare(self._copy)
        return present is not None

    def _drop_bare(self, address: Address) -> None:
        drop_bare(self._server, address.name)

    def _set(self, traits: Mapping[str, str]) -> None:
        self._server.execute(with_settings("ALTER DATABASE", self._live.name, traits))

    @contextmanager
    def _taking_back(self) -> Iterator[ExitStack]:
        """What is pushed here is done, the last first, if the context is left by an error."""
        with ExitStack() as back:
            try:
                yield back
            except BaseException as error:
                self._take_back(back, error)
                raise
            back.pop_all()

    def _take_back(self, back: ExitStack, reason: BaseException) -> None:
        self._terms = replace(self._terms, lock_timeout=_PATIENCE)
        with suppress(ShipshapeError):
            self._server.execute("UNLOCK TABLES")
        try:
            # Another session, because the loss of the first can be what has failed.
            with server_session(self._host, self._live, lock_timeout=_PATIENCE) as self._server:
                back.close()
        except ShipshapeError as error:
            raise BackupError(
                f"{self._live} may be in pieces: neither could the swap be carried out ({reason}) nor all of it be"
                f" taken back ({error.message}). What was live is in the database {self._old.name}, as far as it is not"
                " in its place: put it back by hand."
            ) from reason

    def _refuse_references(self) -> None:
        names = _names(self._server, _REFERENCES, self._live.name)
        if names:
            raise BackupError(
                f"{self._live} cannot be swapped: tables of other databases refer to it ({', '.join(names)}), and would"
                " then refer to what was moved away. Drop these foreign keys first."
            )

    def _definitions(self, address: Address) -> _Definitions:
        views = _names(self._server, _VIEWS, address.name)
        broken = self._broken(address, views)
        tables = _names(self._server, _WITH_TRIGGERS, address.name)
        without_views = [f"--ignore-table={address.name}.{view}" for view in views]
        return _Definitions(
            self._dumped(address, "--no-create-info", "--routines", "--events", *without_views),
            self._dumped(address, "--skip-add-drop-table", tables=[view for view in views if view not in broken])
            if set(views) > broken
            else None,
            self._dumped(address, "--no-create-info", "--triggers", tables=tables) if tables else None,
            frozenset((text(kind), text(name)) for kind, name in self._server.rows(_ROUTINES, (address.name,))),
        )

    def _broken(self, address: Address, views: Sequence[str]) -> set[str]:
        """The views that nobody can use nor make anew, because what they show is gone."""
        return broken_views(self._server, address.name, views)

    def _dumped(self, address: Address, *options: str, tables: Sequence[str] = ()) -> str:
        path = f"{self._folder}/{next(self._numbers)}.sql"
        triggers = () if "--triggers" in options else ("--skip-triggers",)
        stage = self._dumper.stage(address, "--no-data", *triggers, *options, tables=tables)
        with explained(address):
            self._host.pipes.save([stage], path, timeout=self._terms.timeout)
        return path

    def _load(self, address: Address, path: str, waiting: str | None = None) -> None:
        stages = [
            filtering(waiting=waiting, is_replaced=self._is_mariadb),
            client_stage(self._host, address, self._terms),
        ]
        with explained(address):
            self._host.pipes.load(path, stages, timeout=self._terms.timeout)

    def _try_to_load(self, address: Address, path: str) -> None:
        """Load what is not worth failing for: all that is lost with it can be had of the backup again."""
        with suppress(ShipshapeError):
            self._load(address, path)

    def _rehearse(self) -> None:
        """Make the schema in the old database: what cannot be made there could not be made again if all went wrong.

        Views, routines and events stay. In place of the empty tables come the live ones, which their triggers follow.
        """
        broken = self._broken(self._live, _names(self._server, _VIEWS, self._live.name))
        without = [f"--ignore-table={self._live.name}.{view}" for view in sorted(broken)]
        schema = self._dumped(self._live, "--routines", "--events", "--triggers", *without)
        try:
            self._load(self._old, schema, HOLD)
        finally:
            tables = _names(self._server, _TABLES, self._old.name)
            if tables:
                self._server.execute("SET SESSION foreign_key_checks = 0")
                self._server.execute(f"DROP TABLE {_listed(self._old, tables)}")
                self._server.execute("SET SESSION foreign_key_checks = 1")

    def _strip(self, mine: _Definitions | None, theirs: _Definitions, back: ExitStack) -> None:
        """Take away what would keep the tables from moving, and what must not run meanwhile."""
        live, copy = (_names(self._server, _TABLES, address.name) for address in (self._live, self._copy))
        locked = [*_each(self._live, live), *_each(self._copy, copy)]
        if locked:
            # Whoever uses a table is waited for while nothing has happened yet.
            self._server.execute(f"LOCK TABLES {', '.join(f'{table} WRITE' for table in locked)}")
        if theirs.triggers:
            back.callback(self._try_to_load, self._copy, theirs.triggers)
        if mine:
            back.callback(self._refill, self._live, mine)
        self._drop("TRIGGER", _TRIGGERS, self._copy)
        self._drop("TRIGGER", _TRIGGERS, self._live)
        # RENAME TABLE of MariaDB refuses tables that are locked by its own session.
        self._server.execute("UNLOCK TABLES")
        self._drop("EVENT", _EVENTS, self._live)
        self._drop("VIEW", _VIEWS, self._live)

    def _move(self, back: ExitStack) -> None:
        mine, theirs = (_names(self._server, _TABLES, address.name) for address in (self._live, self._copy))
        back.callback(self._move_back, mine, theirs)
        self._rename([(self._live, self._old, mine), (self._copy, self._live, theirs)])

    def _move_back(self, mine: Sequence[str], theirs: Sequence[str]) -> None:
        # Asked, because a session that is lost does not say whether its statement was carried out.
        where, expected = (self._old, True) if mine else (self._copy, False)
        if bool(_names(self._server, _TABLES, where.name)) != expected:
            return
        for address in (self._live, self._old):
            self._drop("TRIGGER", _TRIGGERS, address)
        self._drop("VIEW", _VIEWS, self._live)
        self._rename([(self._live, self._copy, theirs), (self._old, self._live, mine)])

    def _rename(self, moves: Iterable[tuple[Address, Address, Sequence[str]]]) -> None:
        pairs = [
            f"{one} TO {other}"
            for source, target, names in moves
            for one, other in zip(_each(source, names), _each(target, names))
        ]
        if pairs:
            self._server.execute(f"RENAME TABLE {', '.join(pairs)}")

    def _refill(self, address: Address, definitions: _Definitions, waiting: str | None = None) -> None:
        """Make of the database's definitions these, whatever there is of them already."""
        self._drop("TRIGGER", _TRIGGERS, address)
        self._drop("EVENT", _EVENTS, address)
        self._drop("VIEW", _VIEWS, address)
        for kind, name in self._server.rows(_ROUTINES, (address.name,)):
            if (text(kind), text(name)) not in definitions.routines:
                self._server.execute(f"DROP {text(kind)} {_qualified(address, text(name))}")
        for path in definitions.files:
            self._load(address, path, waiting)

    def _drop(self, kind: str, listed: str, address: Address) -> None:
        for name in _names(self._server, listed, address.name):
            self._server.execute(f"DROP {kind} {_qualified(address, name)}")


def _names(server: Connection, listed: str, database: str) -> list[str]:
    return sorted(text(name) for (name,) in server.rows(listed, (database,)))


def _each(address: Address, names: Iterable[str]) -> list[str]:
    return [_qualified(address, name) for name in names]


def _listed(address: Address, names: Iterable[str]) -> str:
    return ", ".join(_each(address, names))


def _qualified(address: Address, name: str) -> str:
    return ENGINE.qualified(Table(name, address.name))
