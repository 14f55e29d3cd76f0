# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in a table of a database. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import (
    chosen,
    default_of,
    type_problems,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    NEW,
    Change,
    Credential,
    Declared,
    Id,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import ATTRIBUTES, SECRETS
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.rows import Rows
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column, Connect, Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_USUAL_PRIORITY = 100

_OLD_ROWS = "innodb_snapshot_isolation"


@dataclass(frozen=True)
class Place:
    """The table that the user means."""

    address: Address
    table: str
    # With a name for each word of COLUMNS.
    columns: Mapping[str, str]
    # The words that the user needs to be there.
    needed: Collection[str] = ()
    lock_timeout: float = 10


class TableBackend:
    """A table, changed in one transaction or not at all."""

    undoes = True
    key_is_compared_by: str | None = None

    def __init__(
        self,
        place: Place,
        *,
        connect: Connect,
        engine: Engine,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self.default_priority: int | None = _USUAL_PRIORITY
        self._place, self._connect, self._engine, self._now, self._random = place, connect, engine, now, random
        self._rows: Rows
        # As they were when they were last read.
        self._known: dict[Id, Credential] = {}

    @contextmanager
    def session(self, *, check_mode: bool) -> Iterator[None]:
        """One transaction, in which nobody else writes to the table."""
        place, engine = self._place, self._engine
        opened = self._connect(place.address, engine, read_only=check_mode, lock_timeout=place.lock_timeout)
        with closing(opened) as connection:
            try:
                table, columns = self._found(connection)
                for statement in _preparation(engine, connection, is_writing=not check_mode):
                    connection.execute(statement)
                with connection.transaction(read_only=check_mode):
                    if engine.name == "postgresql" and not check_mode:
                        # SQLite's transaction locks by itself, and MySQL with the rows that are read.
                        connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
                    now, random = self._now, self._random
                    self._rows = Rows(
                        connection, engine, table, columns, is_locked=not check_mode, now=now, random=random
                    )
                    yield
            except DatabaseError as error:
                waited = f"This was waited for {place.lock_timeout:g} s (lock_timeout). "
                error.add(f"{waited if error.reason == 'locked' else ''}Nothing was changed.")
                raise

    def credentials(self, declared: Sequence[Declared]) -> list[Credential]:
        """All rows; keys are compared by the database, and never leave it."""
        found = self._rows.read(declared)
        self._known = {credential.id: credential for credential in found}
        if len(self._known) < len(found):
            place = self._place
            raise DatabaseError(
                f"{place.address}: the column {place.columns['id']} of the table {place.table} has the same value in"
                " several rows: say in columns.id which identifies them.",
                reason="other",
            )
        return found

    def apply(self, changes: Sequence[Change]) -> Iterator[Change]:
        """Write all of them, and prove that they are written."""
        before = self._known
        self._rows.remove([change.before.id for change in changes if change.before and not change.after])
        self._rows.update([change for change in changes if change.before and change.after])
        for change in changes:
            if change.after and not change.before:
                self._rows.insert(change.after, change.values)
        yield from self._proved(changes, before) if changes else ()

    def _found(self, connection: Connection) -> tuple[str, dict[str, Column]]:
        """The table as SQL takes it, and its columns by the words of the options."""
        place = self._place
        table = _table(self._engine.tables(connection), place)
        columns, problems = chosen(self._engine.columns(connection, table), place.columns, place.needed, place.table)
        problems = problems or list(type_problems(columns, place.table, self._engine.name))
        if problems:
            raise DatabaseError(f"{place.address}: {' '.join(problems)}", reason="missing", problems=problems)
        default = default_of(columns["priority"])
        self.default_priority = _USUAL_PRIORITY if default is None else default
        return self._engine.qualified(table), columns

    def _proved(self, changes: Sequence[Change], before: Mapping[Id, Credential]) -> list[Change]:
        """The changes with the ids of what was made, if the table holds what was planned and is otherwise as it was."""
        declared = [Declared(change.after.name, values=change.values) for change in changes if change.after]
        found = {credential.id: credential for credential in self.credentials(declared)}
        made = {credential.name: own_id for own_id, credential in found.items() if own_id not in before}
        done = [_with_id(change, made) for change in changes]
        by_id = {_side(change).id: change for change in done}
        for own_id in {**before, **found, **by_id}:
            if not _is_as_planned(found.get(own_id), before.get(own_id), by_id.get(own_id)):
                name = (found.get(own_id) or before.get(own_id) or _side(by_id[own_id])).name
                raise DatabaseError(
                    f"{self._place.address}: the credential {name} is not as it was written: look for a trigger of the"
                    f" table {self._place.table}, or a column that cuts off what is too long for it.",
                    reason="other",
                )
        return done


def _preparation(engine: Engine, connection: Connection, *, is_writing: bool) -> Iterator[str]:
    if engine.name == "sqlite" and is_writing:
        # As an application has them: whom a credential belongs to must be there.
        yield "PRAGMA foreign_keys = ON"
    if engine.name == "mysql":
        yield "SET SESSION time_zone = '+00:00'"
        # Where this is on, a row that somebody changes while we wait for its lock is an error and not read anew.
        if connection.rows(f"SHOW VARIABLES LIKE '{_OLD_ROWS}'"):
            yield f"SET SESSION {_OLD_ROWS} = OFF"


def _table(tables: Sequence[Table], place: Place) -> Table:
    found = [table for table in tables if place.table in (table.name, str(table))]
    if len(found) == 1:
        return found[0]
    if found:
        said = f"there are several tables {place.table}: say which, of {', '.join(map(str, found))}."
    else:
        hint = f" {did_you_mean(place.table, [str(table) for table in tables])}" if tables else ""
        said = f"there is no table {place.table}: apply the migration that makes it, or say in table what it is called."
        said += hint
    raise DatabaseError(f"{place.address}: {said}", reason="missing")


def _side(change: Change) -> Credential:
    """What it is about, after the change if there is anything then."""
    credential = change.after or change.before
    if credential is None:
        raise ValueError("a change is of something")
    return credential


def _with_id(change: Change, made: Mapping[str, Id]) -> Change:
    if change.before or not change.after:
        return change
    return replace(change, after=replace(change.after, id=made.get(change.after.name, NEW)))


def _is_as_planned(found: Credential | None, before: Credential | None, change: Change | None) -> bool:
    if change is None:
        return found == (before and replace(before, is_same={}))
    if change.after is None or found is None:
        return change.after is found
    planned = {word: getattr(change.after, attribute) for word, attribute in ATTRIBUTES.items()}
    if not change.before:
        # For what is not given, the column may have a default.
        planned = {word: value for word, value in planned.items() if value is not None}
    values = {**planned, **change.values}
    return found.name == change.after.name and all(_holds(found, word, value) for word, value in values.items())


def _holds(found: Credential, word: str, value: Any) -> bool:
    return bool(found.is_same.get(word)) if word in SECRETS else str(getattr(found, ATTRIBUTES[word])) == str(value)
