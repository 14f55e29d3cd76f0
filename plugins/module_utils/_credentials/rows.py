# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of a table of credentials, read and written in SQL. This module is private to the collection."""

# ruff: noqa: S608
# Nothing of the user's gets into the SQL but names, and they through quote().

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import (
    as_flag,
    as_id,
    as_number,
    as_text,
    flag_as_kept,
    is_text,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    Change,
    Credential,
    Declared,
    Id,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.moments import moment_as_kept
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import SECRETS
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column, Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# SQLite takes no more than 999 parameters in older versions.
_MOST_IDS = 500

_READ = ("id", "name", "provider", "priority", "active", "global", "user", "endpoint", "rate_limit")

# Texts as bytes, because a collation may call two of them the same that are not.
_SAME = {
    "sqlite": "{column} = {value} COLLATE BINARY",
    "postgresql": 'CAST({column} AS text) COLLATE "C" = {value}',
    "mysql": "CAST(CONVERT({column} USING utf8mb4) AS BINARY) = CAST(CONVERT({value} USING utf8mb4) AS BINARY)",
}


class Rows:
    """Those of one table in one session; what is read so that it `is_locked`, nobody else changes meanwhile."""

    def __init__(
        self,
        connection: Connection,
        engine: Engine,
        table: str,
        columns: Mapping[str, Column],
        *,
        is_locked: bool,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._connection, self._engine, self._table, self._columns = connection, engine, table, columns
        # The other engines lock the table as a whole.
        self._lock = " FOR UPDATE" if is_locked and engine.name == "mysql" else ""
        self._now, self._random = now, random
        # As the database identifies what was read last.
        self._ids: dict[Id, Any] = {}

    def read(self, declared: Sequence[Declared]) -> list[Credential]:
        """All rows; keys are compared by the database, and never leave it."""
        expressions = [self._quoted(word) if word in self._columns else "NULL" for word in _READ]
        key = self._quoted("key") if "key" in self._columns else None
        has_key = f"CASE WHEN {key} IS NULL OR {key} = '' THEN 0 ELSE 1 END" if key else "NULL"
        rows = self._select(f"SELECT {', '.join([*expressions, has_key])} FROM {self._table}")
        self._ids = {as_id(row[0]): row[0] for row in rows}
        by_name = {one.name: one for one in declared}
        return [self._credential(row, by_name) for row in rows]

    def remove(self, ids: Sequence[Id]) -> None:
        """Take rows away."""
        for batch, places in _batches([self._ids[own_id] for own_id in ids]):
            self._connection.execute(f"DELETE FROM {self._table} WHERE {self._quoted('id')} IN ({places})", batch)

    def update(self, changes: Sequence[Change]) -> None:
        """Write rows that are to get the same values together."""
        ids: dict[tuple[tuple[str, Any], ...], list[Any]] = {}
        for change in changes:
            if change.before:
                ids.setdefault(tuple(change.values.items()), []).append(self._ids[change.before.id])
        now = self._moment("updated_at") if ids else {}
        for values, rows in ids.items():
            self._write({**self._as_kept(dict(values)), **now}, rows)

    def insert(self, after: Credential, values: Mapping[str, Any]) -> None:
        """Make a row."""
        # What the column may have another default for is said, so that it is as planned.
        planned = {"priority": after.priority, "active": after.is_active, "global": after.is_global}
        kept = {
            **self._new_id(),
            **self._as_kept({"name": after.name, **planned, **values}),
            **self._moment("created_at"),
            **self._moment("updated_at"),
        }
        # A row that PostgreSQL refuses, it writes to its log.
        later = {word: kept.pop(word) for word in self._hidden(kept) if self._columns[word].is_nullable}
        marks, parameters = self._marks(kept)
        names = ", ".join(map(self._quoted, kept))
        insert = f"INSERT INTO {self._table} ({names}) VALUES ({', '.join(marks)})"
        if later:
            [(own_id,)] = self._connection.rows(f"{insert} RETURNING {self._quoted('id')}", parameters)
            self._write(later, [own_id])
        else:
            self._connection.execute(insert, parameters)

    def _write(self, kept: Mapping[str, Any], rows: Sequence[Any]) -> None:
        marks, parameters = self._marks(kept)
        assigned = ", ".join(f"{self._quoted(word)} = {mark}" for word, mark in zip(kept, marks))
        for batch, places in _batches(rows):
            self._connection.execute(
                f"UPDATE {self._table} SET {assigned} WHERE {self._quoted('id')} IN ({places})", (*parameters, *batch)
            )

    def _select(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.rows(f"{sql}{self._lock}", parameters)

    def _quoted(self, word: str) -> str:
        return self._engine.quote(self._columns[word].name)

    def _credential(self, row: Sequence[Any], by_name: Mapping[str, Declared]) -> Credential:
        own_id, name, provider, priority, active, is_global, user, endpoint, rate_limit, has_key = row
        shown = as_id(own_id)
        one = by_name.get(as_text(name))
        return Credential(
            id=shown,
            name=as_text(name),
            provider=as_text(provider),
            priority=as_number(priority),
            is_active=as_flag(active) if "active" in self._columns else True,
            is_global=as_flag(is_global) if "global" in self._columns else user is None,
            user=None if user is None else as_id(user),
            endpoint=None if endpoint is None else as_text(endpoint),
            rate_limit=as_number(rate_limit),
            has_key=None if has_key is None else bool(has_key),
            is_same=self._compared(shown, one.values) if one else {},
        )

    def _compared(self, own_id: Id, values: Mapping[str, Any]) -> dict[str, bool | None]:
        given = {word: values[word] for word in SECRETS if word in values}
        if not given:
            return {}
        marks, parameters = self._marks(given)
        same = ", ".join(
            _SAME[self._engine.name].format(column=self._quoted(word), value=mark) for word, mark in zip(given, marks)
        )
        [row] = self._select(
            f"SELECT {same} FROM {self._table} WHERE {self._quoted('id')} = ?", (*parameters, self._ids[own_id])
        )
        return {word: bool(is_same) for word, is_same in zip(given, row)}

    def _hidden(self, words: Collection[str]) -> list[str]:
        return [word for word in SECRETS if word in words] if self._engine.name == "postgresql" else []

    def _marks(self, kept: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
        """What stands for the values in a statement, and its parameters.

        A statement that fails, PostgreSQL writes to its log: it is to hold no secret.
        """
        hidden = self._hidden(kept)
        for word in hidden:
            self._connection.rows("SELECT pg_catalog.set_config(?, ?, true)", (f"shipshape.{word}", kept[word]))
        marks = [f"pg_catalog.current_setting('shipshape.{word}')" if word in hidden else "?" for word in kept]
        return marks, [value for word, value in kept.items() if word not in hidden]

    def _as_kept(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """As the columns want them; what follows from others, and has no column, is left out."""
        return {
            word: flag_as_kept(value, self._columns[word]) if isinstance(value, bool) else value
            for word, value in values.items()
            if word in self._columns
        }

    def _new_id(self) -> dict[str, str]:
        """A UUID where ids are texts that applications make by themselves."""
        column = self._columns["id"]
        if not is_text(column) or column.default is not None:
            return {}
        made = bytearray(self._random(16))
        made[6], made[8] = made[6] & 0x0F | 0x40, made[8] & 0x3F | 0x80
        text = made.hex()
        return {"id": "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))}

    def _moment(self, word: str) -> dict[str, int | str]:
        if word not in self._columns:
            return {}
        column = self._quoted(word)
        rows = self._connection.rows(
            f"SELECT {column} FROM {self._table} WHERE {column} IS NOT NULL ORDER BY {self._quoted('id')} DESC LIMIT 1"
        )
        sample = rows[0][0] if rows else None
        return {word: moment_as_kept(self._now(), self._columns[word], sample, self._engine.name)}


def _batches(values: Sequence[Any]) -> Iterator[tuple[Sequence[Any], str]]:
    """As many as one statement takes, and what stands for them in it."""
    for first in range(0, len(values), _MOST_IDS):
        batch = values[first : first + _MOST_IDS]
        yield batch, ", ".join("?" * len(batch))
