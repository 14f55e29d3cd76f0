# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups of SQLite: a database is a file, and so is its backup. This module is private to the collection."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any, Protocol, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Dump, Swap, Terms, differences
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_name, is_beside
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import read_ledger
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import SIDES, Sqlite, file_uri
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    DatabaseError,
    FileError,
    InvalidInput,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Flow, Folders, Stage

# Of a name. Linux takes 255 bytes, and the longest of the sides has to go after it.
_LONGEST = 200

# How long to wait for a lock where nobody is known to want one.
_NO_WAIT = 0.0

_UNSEEN = "a process that cannot be seen from here"

# What quick_check says of rows that break the schema's own rules. The database had them, so its copy has them too.
_OF_ROWS = re.compile(r"(?:NULL|NUMERIC|TEXT|non-\w+) value in ")


class _Session(Connection, Protocol):
    """What the driver for SQLite can do beyond the port."""

    def copy_to(self, path: str) -> None:
        """Copy the database, as this session sees it, to a new private file, and flush that."""

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, of which only one at a time is held."""


class SqliteBackup:
    """Copies pages, and swaps files."""

    engine: Engine = Sqlite()
    suffix = ".db"

    def measure(self, connection: Connection, *, with_content: bool = False) -> Facts:
        """What is in the file; all that the file itself is, such as its encoding, its copy is too."""
        tables = self.engine.tables(connection)
        return Facts(
            tables=self.engine.count_rows(connection, tables),
            schema_sha256=self.engine.schema_fingerprint(connection),
            content_sha256=self._content(connection) if with_content else None,
            ledger=read_ledger(self.engine, connection, tables),
        )

    def dump(
        self, address: Address, pack: Sequence[Stage], path: str, host: Host, terms: Terms, *, with_content: bool
    ) -> Dump:
        """Copy all pages at once, and pack the copy."""
        measured: list[Facts] = []
        with host.folders.temporary(posixpath.dirname(path)) as directory, ExitStack() as reading:
            raw = posixpath.join(directory, "raw.db")
            # One that is opened for reading only could not undo what a killed process left half written.
            connection = reading.enter_context(closing(self._open(address, host, terms.lock_timeout)))
            reading.enter_context(connection.transaction(read_only=True))
            if not self.engine.size(connection):
                raise BackupError(
                    f"The SQLite database {address} is empty: it holds no table. Check the path.",
                    path=address.name,
                )
            version = self.engine.version(connection).text
            cast(_Session, connection).copy_to(raw)

            def measure() -> None:
                facts = self.measure(connection)
                # A writer in rollback mode has to wait as long as the live one is being read.
                reading.close()
                # Of the copy, therefore.
                measured.append(replace(facts, content_sha256=self._content_of(raw, host) if with_content else None))

            flow = _packed(raw, pack, path, host, terms, measure)
            [facts] = measured
        return Dump(flow, facts, "snapshot", server=f"SQLite {version}", tool=f"SQLite {version}")

    def check(self, path: str, unpack: Sequence[Stage], facts: Facts, host: Host, terms: Terms) -> None:
        """Unpack it and look at every page; the copy is looked at, because looking makes files beside it."""
        with host.folders.temporary(terms.scratch) as directory:
            copy = Address(self.engine.name, posixpath.join(directory, "copy.db"))
            flow = host.pipes.save(unpack, copy.name, stdin=path, timeout=terms.timeout, progress=terms.progress)
            told = differences(facts, self._inspected(path, copy, flow, host))
        if told:
            raise BackupError(f"{path} is not like the database that it was taken of: {' '.join(told)}", path=path)

    @contextmanager
    def scratch(
        self, address: Address, facts: Facts, where: str, host: Host, terms: Terms
    ) -> Iterator[tuple[Address, str]]:
        """A file that is yet to be made; nothing in a SQLite database runs by itself."""
        if where != "auto":
            raise InvalidInput("verify_in", ["verify_in: SQLite has no server, its backups are restored into a file."])
        with host.folders.temporary(terms.scratch) as directory:
            yield Address(self.engine.name, posixpath.join(directory, "copy.db")), "file"

    def load(
        self, path: str, unpack: Sequence[Stage], address: Address, host: Host, terms: Terms, *, is_scratch: bool
    ) -> None:
        """Unpack it and look at every page.

        Foreign keys are not checked: SQLite does not hold them unless a session wants it to, so a database may well
        have rows that break them, and then so does its copy.
        """
        flow = host.pipes.save(unpack, address.name, stdin=path, timeout=terms.timeout, progress=terms.progress)
        try:
            self._inspected(path, address, flow, host)
        except BaseException:
            _remove(host.folders, address.name, "", *SIDES)
            raise

    def obstacles(self, address: Address, host: Host) -> list[str]:
        """Who has one of the database's files open, or, where that cannot be seen, that somebody has it locked."""
        path = host.folders.real(address.name)
        holders = _holders(path, host)
        if holders:
            return holders
        try:
            with self._alone(path, host, _NO_WAIT):
                return []
        except BackupError:
            return [_UNSEEN]

    def beside(self, address: Address, facts: Facts, tag: str, host: Host, terms: Terms) -> Address:
        """A file in the same directory, that is yet to be made."""
        return replace(address, name=_beside(host.folders.real(address.name), "restore", tag))

    def lost(self, live: Address, copy: Address, host: Host, terms: Terms) -> Mapping[Table, int]:
        """Compare row by row, within one session that has both."""
        with closing(self._open(live, host, terms.lock_timeout)) as connection:
            connection.execute('ATTACH ? AS "copy"', (file_uri(copy.name, "rw"),))
            with connection.transaction(read_only=True):
                return {table: self._lost(connection, table) for table in self.engine.tables(connection)}

    def swap(self, live: Address, copy: Address, tag: str, host: Host, terms: Terms) -> Swap:
        """Rename the copy, after all that belongs to the live one has got another name."""
        folders = host.folders
        path = folders.real(live.name)
        old = _beside(path, "old", tag)
        self._close(copy, host)
        _refuse_if_present(folders, old)
        was_there = path in _present(folders, path)
        if was_there:
            folders.liken(copy.name, path)
        _refuse_if_held(path, path, host)
        with self._alone(path, host, terms.lock_timeout), _as_before_on_failure(folders, path, copy.name, old):
            _exchange(folders, path, copy.name, old)
            # Who opened it in the moment before has not read anything yet, and would read what is put away.
            _refuse_if_held(old, path, host)

        def undo() -> None:
            _refuse_if_held(path, path, host)
            with self._alone(path, host, terms.lock_timeout):
                if was_there:
                    with _as_before_on_failure(folders, path, old, copy.name):
                        _exchange(folders, path, old, copy.name)
                else:
                    _move(folders, path, copy.name, "", *SIDES)
                    _move(folders, old, path, *SIDES)

        return Swap(replace(live, name=old) if was_there else None, undo)

    def kept(self, live: Address, host: Host, terms: Terms) -> list[Address]:
        """The files beside it whose names say so, also where only what belongs to them is left."""
        directory, name = posixpath.split(host.folders.real(live.name))
        mains = {_main(entry.name) for entry in host.folders.entries(directory) if entry.is_file}
        return [
            replace(live, name=posixpath.join(directory, main))
            for main in sorted(mains)
            if is_beside(main, name, _LONGEST)
        ]

    def drop(self, address: Address, host: Host, terms: Terms) -> None:
        """Remove the file with all that belongs to it."""
        name = posixpath.basename(address.name)
        if not is_beside(name, name.rpartition("__")[0], _LONGEST):
            raise BackupError(f"{address} was made by no restore, and is not removed.", path=address.name)
        _remove(host.folders, address.name, "", *SIDES)

    def _open(self, address: Address, host: Host, wait: float = _NO_WAIT) -> Connection:
        return host.connect(address, self.engine, lock_timeout=wait)

    def _content_of(self, path: str, host: Host) -> str:
        with closing(self._open(Address(self.engine.name, path), host)) as connection:
            return self._content(connection)

    def _content(self, connection: Connection) -> str:
        """A hash of every row of every table, also of those that belong to virtual tables, but not of statistics.

        The pages cannot be hashed instead: VACUUM, or a row that was changed and changed back, makes others of them.
        """
        digest = hashlib.sha256()
        tables = connection.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_stat_'"
            " ESCAPE '\\' ORDER BY name"
        )
        for (name,) in tables:
            columns = _columns(connection, name, "main")
            digest.update(f"{(name, columns)!r},".encode())
            values = ", ".join(_typed(f"t.{self.engine.quote(column)}") for column in columns)
            # Without any index the rows come in the order in which the table itself has them.
            rows = f"SELECT {values} FROM {self.engine.qualified(Table(name, 'main'))} AS t NOT INDEXED"  # noqa: S608 (quoted)
            for row in cast(_Session, connection).each(rows):
                _add_row(digest.update, row)
        return digest.hexdigest()

    def _inspected(self, path: str, copy: Address, flow: Flow, host: Host) -> Facts:
        """What is in a copy that was unpacked from this path; raises BackupError unless it is sound.

        quick_check leaves out whether indexes and tables agree, for which integrity_check takes ten times as long: what
        differs there differed in the database already, as the copy has the same pages.
        """
        try:
            with closing(self._open(copy, host)) as connection:
                # They are rules for rows too, and may need a function that only the application has.
                connection.execute("PRAGMA ignore_check_constraints = ON")
                found = [line for (line,) in connection.rows("PRAGMA quick_check") if not _OF_ROWS.match(line)]
                size = self.engine.size(connection)
                facts = self.measure(connection)
        except DatabaseError as error:
            if error.reason != "corrupt":
                raise
            raise BackupError(
                f"{path} holds no SQLite database, a damaged one, or one of a newer SQLite than that of this host: use"
                " another backup.",
                path=path,
            ) from error
        if not size or size != flow.size:
            raise BackupError(
                f"{path} holds {flow.size} bytes of a SQLite database, which says that it has {size}: use another"
                " backup.",
                path=path,
            )
        if found not in ([], ["ok"]):
            raise BackupError(f"{path} holds a damaged SQLite database: use another backup.", path=path, found=found)
        return facts

    def _lost(self, connection: Connection, table: Table) -> int:
        name = table.name
        columns = _columns(connection, name, "main")
        if {column.lower() for column in columns} != {column.lower() for column in _columns(connection, name, "copy")}:
            return self.engine.count_rows(connection, [table])[table]
        sql = self._difference(name, columns, _row_key(connection, name))
        [(count,)] = connection.rows(sql)
        return int(count)

    def _difference(self, name: str, columns: Sequence[str], key: Sequence[str]) -> str:
        """The query for how many rows of a table the copy has not, or not as often.

        Rows of the same key that are the same in both are left out first, because to sort takes much longer.
        """
        # All that gets into the SQL is quoted, hence each noqa.
        quoted = [self.engine.quote(column) for column in columns]
        values = ", ".join(f"a.{column} AS c{number}" for number, column in enumerate(quoted))
        # What a column is declared as may not matter, neither its type nor its collation: hence + and COLLATE.
        ours, theirs = (", ".join(f"(+{side}.{column} COLLATE BINARY)" for column in quoted) for side in "ab")
        same = [f"a.{column} = b.{column}" for column in map(self.engine.quote, key)]
        is_same = " AND ".join([*same, f"({ours}) IS ({theirs})"])
        sides = []
        for schema, other, weight in (("main", "copy", 1), ("copy", "main", -1)):
            table, twin = self.engine.qualified(Table(name, schema)), self.engine.qualified(Table(name, other))
            others = f"WHERE NOT EXISTS (SELECT 1 FROM {twin} AS b WHERE {is_same})" if key else ""  # noqa: S608
            sides.append(f"SELECT {values}, {weight} AS weight FROM {table} AS a {others}")  # noqa: S608
        groups = ", ".join(f"c{number} COLLATE BINARY" for number in range(len(columns)))
        excess = f"SELECT max(sum(weight), 0) AS excess FROM ({' UNION ALL '.join(sides)}) GROUP BY {groups}"  # noqa: S608
        return f"SELECT coalesce(sum(excess), 0) FROM ({excess})"  # noqa: S608

    def _close(self, copy: Address, host: Host) -> None:
        """Have all of the copy in its one file, whatever else has been beside it."""
        with closing(self._open(copy, host)) as connection:
            connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        _refuse_if_present(host.folders, copy.name, *SIDES)

    @contextmanager
    def _alone(self, path: str, host: Host, wait: float) -> Iterator[None]:
        """Keep everybody else out of a database, and have all of it in its one file and nothing beside it.

        One that is missing or damaged stays as it is. Raises BackupError if somebody is in there.
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(closing(self._open(Address(self.engine.name, path), host, wait)))
                # Of a database with a write-ahead log, only this keeps those out too who read.
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("COMMIT")
                [(is_busy, _size, _done)] = connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
                if is_busy:
                    raise _in_use(path, [_UNSEEN])
                # They are empty now, and SQLite itself removes them only as long as nothing is renamed.
                _remove(host.folders, path, *SIDES)
            except DatabaseError as error:
                if error.reason == "locked":
                    raise _in_use(path, [_UNSEEN]) from error
                if error.reason not in ("missing", "corrupt"):
                    raise
            yield


def _packed(
    raw: str, pack: Sequence[Stage], path: str, host: Host, terms: Terms, meanwhile: Callable[[], None]
) -> Flow:
    if pack:
        return host.pipes.save(
            pack, path, stdin=raw, timeout=terms.timeout, progress=terms.progress, meanwhile=meanwhile
        )
    # SQLite itself has flushed the copy to the disk.
    flow = host.pipes.hash(raw, progress=terms.progress, meanwhile=meanwhile)
    host.folders.move(raw, path)
    return flow


def _columns(connection: Connection, table: str, schema: str) -> list[str]:
    """The columns that hold something of their own, which generated ones do not; none if it is no table."""
    rows = connection.rows(
        f'SELECT c.name FROM "{schema}".sqlite_master AS m JOIN pragma_table_xinfo(m.name, ?) AS c'  # noqa: S608 (ours)
        " WHERE m.type = 'table' AND m.name = ? COLLATE NOCASE AND c.hidden = 0 ORDER BY c.cid",
        (schema, table),
    )
    return [name for (name,) in rows]


def _row_key(connection: Connection, table: str) -> list[str]:
    """The columns by which a row is found at once in the live database and in the copy; none if there are no such."""
    keys = [_row_key_in(connection, table, schema) for schema in ("main", "copy")]
    return keys[0] if keys[0] == keys[1] else []


def _row_key_in(connection: Connection, table: str, schema: str) -> list[str]:
    columns = connection.rows("SELECT name, pk FROM pragma_table_xinfo(?, ?)", (table, schema))
    # PRAGMA table_list, which tells it, is younger than the SQLite of many hosts.
    is_without_rowid = connection.rows(
        "SELECT 1 FROM pragma_index_list(?, ?) AS i WHERE i.origin = 'pk' AND NOT EXISTS"
        " (SELECT 1 FROM pragma_index_xinfo(i.name, ?) AS x WHERE x.cid = -1)",
        (table, schema, schema),
    )
    if is_without_rowid:
        return [name for name, position in columns if position]
    # The number of the row, unless a column has this name.
    return [] if any(name.lower() == "rowid" for name, position in columns) else ["rowid"]


def _typed(column: str) -> str:
    """The column such that text, of whatever bytes, comes as bytes, and bytes as text."""
    as_bytes, as_text = f"CAST({column} AS BLOB)", f"hex({column})"
    return f"CASE typeof({column}) WHEN 'text' THEN {as_bytes} WHEN 'blob' THEN {as_text} ELSE {column} END"


def _add_row(add: Callable[[bytes], None], row: Sequence[object]) -> None:
    for value in row:
        if isinstance(value, bytes):
            add(b"%d:" % len(value))
            add(value)
        else:
            add(f"{value!r},".encode())


# Files


def _beside(path: str, purpose: str, tag: str) -> str:
    directory, name = posixpath.split(path)
    return posixpath.join(directory, beside_name(name, purpose, tag, _LONGEST))


def _main(name: str) -> str:
    """The database to which a file belongs."""
    return next((name[: -len(side)] for side in SIDES if name.endswith(side)), name)


def _present(folders: Folders, path: str) -> set[str]:
    """The paths of all files in the directory of this one."""
    directory = posixpath.dirname(path)
    return {posixpath.join(directory, entry.name) for entry in folders.entries(directory)}


def _remove(folders: Folders, path: str, *suffixes: str) -> None:
    there = _present(folders, path)
    for suffix in suffixes:
        if path + suffix in there:
            folders.remove(path + suffix)


def _move(folders: Folders, path: str, target: str, *suffixes: str) -> None:
    there = _present(folders, path)
    for suffix in suffixes:
        if path + suffix in there:
            folders.move(path + suffix, target + suffix)


def _exchange(folders: Folders, live: str, new: str, aside: str) -> None:
    """Put the new database in the live one's place, and the live one aside.

    At every moment one of the two is there under the live one's name, so that no application finds none and makes
    itself an empty one. What belongs to the live one goes before it does, because SQLite would change the new one by a
    log that it finds beside it. It goes after the live one has got its other name, under which it is then whole again,
    whoever is killed here; but there is any only beside a database that is damaged or missing.
    """
    if live in _present(folders, live):
        folders.link(live, aside)
    _move(folders, live, aside, *SIDES)
    folders.move(new, live)
    _move(folders, new, live, *SIDES)


@contextmanager
def _as_before_on_failure(folders: Folders, live: str, new: str, aside: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        try:
            _take_back(folders, live, new, aside)
        except FileError as second:
            raise BackupError(
                f"{live} could not be replaced, and what was there could not be put back: {second.message} It is"
                f" {aside}, unless nothing of that name is there."
            ) from error
        raise


def _take_back(folders: Folders, live: str, new: str, aside: str) -> None:
    """Undo as much of an exchange as was done."""
    there = _present(folders, live)
    if new not in there:
        _move(folders, live, new, *SIDES)
        folders.link(live, new)
        if aside not in there:
            folders.remove(live)
    if aside in there:
        folders.move(aside, live)
    _move(folders, aside, live, *SIDES)
    # Of two names of one file, to move one to the other leaves both.
    if aside in there:
        folders.remove(aside)


def _refuse_if_present(folders: Folders, path: str, *suffixes: str) -> None:
    there = _present(folders, path)
    found = [path + suffix for suffix in suffixes or ("", *SIDES) if path + suffix in there]
    if found:
        raise BackupError(f"{found[0]} is there, and should not be. Nothing was changed. Find out whose it is.")


# Others


def _holders(path: str, host: Host) -> list[str]:
    return [str(holder) for holder in host.processes.holding([path + suffix for suffix in ("", *SIDES)])]


def _refuse_if_held(path: str, name: str, host: Host) -> None:
    holders = _holders(path, host)
    if holders:
        raise _in_use(name, holders)


def _in_use(path: str, holders: Sequence[str]) -> BackupError:
    return BackupError(
        f"{path} is in use by {', '.join(holders)}. Nothing was changed. Stop the application and run this again.",
        path=path,
        used_by=list(holders),
    )
