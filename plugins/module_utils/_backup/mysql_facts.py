# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a database of MySQL or MariaDB holds, as far as a copy has to hold it too.

This module is private to the collection.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_tools import (
    ENGINE,
    settings,
    text,
    was_put_beside,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import read_ledger
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_SEQUENCES = """
SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE'
"""

# What is generated follows from the rest; of a table with system versioning, it is when its rows were loaded.
_COLUMNS = """
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = ? AND COALESCE(GENERATION_EXPRESSION, '') = ''
ORDER BY TABLE_NAME, ORDINAL_POSITION
"""

_VERSIONED = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SYSTEM VERSIONED'
"""

# Compared as they are; all others by a hash of their text, because collations take different texts for the same.
_EXACT = frozenset(
    {
        *("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "double"),
        *("date", "time", "datetime", "timestamp", "year"),
    }
)

_NAME = r"`(?:[^`]|``)*`"
_RIGHTS = re.compile(rf"^(CREATE ALGORITHM=\w+ DEFINER={_NAME}@{_NAME} SQL SECURITY )(DEFINER|INVOKER)")


def measure(connection: Connection, *, with_content: bool = False) -> Facts:
    """The database as this session sees it."""
    tables = ENGINE.tables(connection)
    return Facts(
        tables=ENGINE.count_rows(connection, tables),
        schema_sha256=schema_sha256(connection),
        traits={**(settings(connection, _database(connection)) or {}), **_of_server(connection)},
        content_sha256=_content_sha256(connection) if with_content else None,
        ledger=read_ledger(ENGINE, connection, tables),
    )


def schema_sha256(connection: Connection) -> str:
    """The engine's fingerprint of the schema, with events and views as a copy can have them."""
    is_beside = was_put_beside(_database(connection))
    return ENGINE.schema_fingerprint(_Comparable(connection, is_beside=is_beside))


class _Comparable:
    """A session that tells of events and views what a copy of the database has to have in common with it.

    Both wait in a database beside another: what waits of events counts as enabled, and views have the other kind of
    rights. What ends by itself cannot be expected: an event that goes when it ends may be gone, and one that stays is
    disabled then.
    """

    def __init__(self, connection: Connection, *, is_beside: bool) -> None:
        self._connection = connection
        self._is_beside = is_beside

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        rows = self._connection.rows(sql, parameters)
        if self._is_beside and sql.startswith("SHOW CREATE VIEW "):
            return [(name, _RIGHTS.sub(_turned, text(created)), *others) for name, created, *others in rows]
        if "FROM information_schema.EVENTS" not in sql:
            return rows
        columns = [column.strip() for column in sql.partition("SELECT")[2].partition("FROM")[0].split(",")]
        events = (dict(zip(columns, row)) for row in rows)
        return [tuple({**event, "STATUS": self._status(event)}.values()) for event in events if not _vanishes(event)]

    def _status(self, event: Mapping[str, object]) -> str:
        status = text(event["STATUS"])
        if _ends(event):
            return ""
        if status in ("ENABLED", "DISABLED"):
            return status
        return "ENABLED" if self._is_beside else "DISABLED"

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Carry out one statement."""
        return self._connection.execute(sql, parameters)

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Carry out several."""
        self._connection.several(statements)

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        """A transaction of the session."""
        return self._connection.transaction(read_only=read_only)

    def close(self) -> None:
        """End the session."""
        self._connection.close()


def _turned(found: re.Match[str]) -> str:
    return f"{found[1]}{'INVOKER' if found[2] == 'DEFINER' else 'DEFINER'}"


def _ends(event: Mapping[str, object]) -> bool:
    return event["EXECUTE_AT"] is not None or event["ENDS"] is not None


def _vanishes(event: Mapping[str, object]) -> bool:
    return _ends(event) and text(event["ON_COMPLETION"]) == "NOT PRESERVE"


def _of_server(connection: Connection) -> dict[str, str]:
    """What a private server has to be started with, where it is not what servers have by themselves."""
    [(value,)] = connection.rows("SELECT @@lower_case_table_names")
    return {"lower_case_table_names": str(int(value))} if int(value) else {}


def _content_sha256(connection: Connection) -> str:
    """A SHA-256 over the checksum of each table and the state of each sequence.

    The server's checksum has 32 bits a table, is a sum over the rows in whatever order, and depends on how the version
    stores them: it finds what went wrong by chance, not what was forged, and says nothing across versions. Of FLOAT it
    takes more than a dump holds, which are six digits, and of a table with system versioning when its rows were
    loaded: of these tables, our own sum is taken.
    """
    columns = _columns(connection, _database(connection))
    versioned = {text(name) for (name,) in connection.rows(_VERSIONED)}
    found: list[list[object]] = []
    for table in ENGINE.tables(connection):
        own = columns.get(table.name, [])
        is_own_sum = table.name in versioned or any(kind == "float" for _name, kind in own)
        found.append([table.name, _sum(connection, table, own) if is_own_sum else _checksum(connection, table)])
    for (name,) in sorted(connection.rows(_SEQUENCES)):
        state = connection.rows(f"SELECT * FROM {ENGINE.quote(text(name))}")  # noqa: S608 (the name is quoted)
        found.append([text(name), *map(str, state)])
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _checksum(connection: Connection, table: Table) -> str:
    [(_table, value)] = connection.rows(f"CHECKSUM TABLE {ENGINE.qualified(table)} EXTENDED")
    return str(value)


def _sum(connection: Connection, table: Table, columns: Sequence[tuple[str, str]]) -> str:
    hashes = (f"COALESCE(SHA2({ENGINE.quote(name)}, 256), '')" for name, _kind in columns)
    row = f"CONV(LEFT(SHA2(CONCAT_WS(',', {', '.join(hashes)}), 256), 15), 16, 10)"
    [(value,)] = connection.rows(
        f"SELECT SUM(CAST({row} AS DECIMAL(20))) FROM {ENGINE.qualified(table)}"  # noqa: S608 (names are quoted)
    )
    return str(value)


def lost(connection: Connection, live: str, copy: str) -> dict[Table, int]:
    """How many rows of one database's tables the other does not have, by a session that may read both."""
    columns, others = _columns(connection, live), _columns(connection, copy)
    version = ENGINE.version(connection)
    knows_except = version.numbers >= ((10, 5) if version.product == "MariaDB" else (8, 0, 31))
    found = {}
    for name in _tables(connection, live):
        mine, other = Table(name, live), Table(name, copy)
        if name not in others:
            missing = _count(connection, mine)
        elif _is_equal(connection, mine, other):
            missing = 0
        elif knows_except and _names(columns[name]) == _names(others[name]):
            missing = _except(connection, mine, other, columns[name])
        else:
            missing = max(0, _count(connection, mine) - _count(connection, other))
        found[Table(name)] = missing
    return found


def _tables(connection: Connection, database: str) -> list[str]:
    rows = connection.rows(
        "SELECT TABLE_NAME FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = ? AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
        (database,),
    )
    return sorted(text(name) for (name,) in rows)


def _names(columns: Iterable[tuple[str, str]]) -> list[str]:
    return [name for name, _kind in columns]


def _count(connection: Connection, table: Table) -> int:
    return ENGINE.count_rows(connection, [table])[table]


def _is_equal(connection: Connection, mine: Table, other: Table) -> bool:
    return _checksum(connection, mine) == _checksum(connection, other)


def _except(connection: Connection, mine: Table, other: Table, columns: Sequence[tuple[str, str]]) -> int:
    values = ", ".join(
        f"{ENGINE.quote(name) if kind in _EXACT else f'SHA2({ENGINE.quote(name)}, 256)'} AS c{number}"
        for number, (name, kind) in enumerate(columns)
    )
    one, two = (f"SELECT {values} FROM {ENGINE.qualified(table)}" for table in (mine, other))  # noqa: S608 (names are quoted)
    [(count,)] = connection.rows(f"SELECT COUNT(*) FROM ({one} EXCEPT ALL {two}) AS missing")  # noqa: S608 (as above)
    return int(count)


def _columns(connection: Connection, database: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for table, name, kind in connection.rows(_COLUMNS, (database,)):
        found.setdefault(text(table), []).append((text(name), text(kind).lower()))
    return found


def _database(connection: Connection) -> str:
    [(name,)] = connection.rows("SELECT DATABASE()")
    return text(name)
