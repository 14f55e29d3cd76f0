# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of a PostgreSQL database by their hashes. This module is private to the collection.

A row is what the server writes of it, so both databases that are compared have to be asked within whole_rows().
"""

# ruff: noqa: S608
# Nothing of the user's gets into the SQL but names, and they through quote().

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql, reading
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_ENGINE = Postgresql()

_BUCKETS = 4096
_ROWS_AT_ONCE = 20_000

# In pieces of 1 MiB, because one may be larger than what fits into a value.
_LARGE_OBJECTS = """
WITH RECURSIVE pieces (oid, number, size, hash) AS (
    SELECT o.oid, 0::pg_catalog.int8, p.size, p.hash
    FROM pg_catalog.pg_largeobject_metadata o CROSS JOIN LATERAL (
        SELECT pg_catalog.length(b) AS size, pg_catalog.sha256(b) AS hash
        FROM (SELECT pg_catalog.lo_get(o.oid, 0, 1048576) AS b OFFSET 0) x) p
    UNION ALL
    SELECT o.oid, o.number + 1, p.size, p.hash
    FROM pieces o CROSS JOIN LATERAL (
        SELECT pg_catalog.length(b) AS size, pg_catalog.sha256(b) AS hash
        FROM (SELECT pg_catalog.lo_get(o.oid, (o.number + 1) * 1048576, 1048576) AS b OFFSET 0) x) p
    WHERE o.size = 1048576)
SELECT pg_catalog.count(*),
    pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.textin(pg_catalog.record_out(t.*)), 0))::pg_catalog.text
FROM pieces t
"""


@contextlib.contextmanager
def whole_rows(connection: Connection) -> Iterator[None]:
    """While it lasts, the server writes values in one way, and fails instead of keeping rows of a table back."""
    [(before,)] = connection.rows("SELECT pg_catalog.current_setting('row_security')")
    connection.rows("SELECT pg_catalog.set_config('row_security', 'off', false)")
    try:
        with reading(connection):
            yield
    finally:
        # After an error the session may be beyond this, and a transaction that fails takes it back by itself.
        with contextlib.suppress(DatabaseError):
            connection.rows("SELECT pg_catalog.set_config('row_security', ?, false)", [before])


def content(connection: Connection, tables: Iterable[Table]) -> tuple[dict[Table, int], str]:
    """How many rows each table holds, and a SHA-256 over all rows, in whatever order, and all large objects.

    Sequences are left out: they stand outside of snapshots, so that a dump may have newer values than its rows.
    """
    counts: dict[Table, int] = {}
    told = []
    for table in tables:
        [(count, total)] = connection.rows(
            f"SELECT pg_catalog.count(*), pg_catalog.sum(h)::pg_catalog.text FROM {_hashed(table, connection)}"
        )
        counts[table] = count
        told.append(repr((table.schema, table.name, count, total)))
    told.append(repr(connection.rows(_LARGE_OBJECTS)))
    return counts, hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


def rows_lost(live: Connection, copy: Connection) -> Mapping[Table, int]:
    """How many rows of each table the copy does not have exactly so; both sessions are within a transaction."""
    in_copy = set(_ENGINE.tables(copy))
    return {
        table: _lost(table, live, copy) if table in in_copy else _ENGINE.count_rows(live, [table])[table]
        for table in _ENGINE.tables(live)
    }


def _lost(table: Table, live: Connection, copy: Connection) -> int:
    there = _buckets(table, copy)
    # Most tables are the same in most of their rows, of which nothing but these sums has to travel.
    other = [bucket for bucket, sums in _buckets(table, live).items() if there.get(bucket) != sums]
    if not other:
        return 0
    for connection in (live, copy):
        _open_hashes(table, connection, other)
    count = missing(_hashes(live), _hashes(copy))
    for connection in (live, copy):
        connection.execute("CLOSE shipshape_rows")
    return count


def missing(wanted: Iterable[int], found: Iterable[int]) -> int:
    """How many of the wanted numbers are not found, each as often as it is there; both come in ascending order."""
    rest = iter(found)
    other = next(rest, None)
    count = 0
    for number in wanted:
        while other is not None and other < number:
            other = next(rest, None)
        if other == number:
            other = next(rest, None)
        else:
            count += 1
    return count


def _buckets(table: Table, connection: Connection) -> dict[int, tuple[int, str]]:
    """How many rows there are, and the sum of their hashes, for each remainder of the hash."""
    rows = connection.rows(
        f"SELECT h & {_BUCKETS - 1}, pg_catalog.count(*), pg_catalog.sum(h)::pg_catalog.text"
        f" FROM {_hashed(table, connection)} GROUP BY 1"
    )
    return {bucket: (count, total) for bucket, count, total in rows}


def _open_hashes(table: Table, connection: Connection, buckets: Iterable[int]) -> None:
    """Have the server sort the hashes of the rows in these buckets."""
    connection.execute(
        f"DECLARE shipshape_rows NO SCROLL CURSOR FOR SELECT h FROM {_hashed(table, connection)}"
        f" WHERE h & {_BUCKETS - 1} = ANY ('{{{','.join(map(str, buckets))}}}'::pg_catalog.int8[]) ORDER BY h"
    )


def _hashes(connection: Connection) -> Iterator[int]:
    while rows := connection.rows(f"FETCH {_ROWS_AT_ONCE} FROM shipshape_rows"):
        yield from (number for (number,) in rows)


def _hashed(table: Table, connection: Connection) -> str:
    """The hash of each row, as what stands after FROM."""
    # By name, because a table that inherits may be restored with its columns in another order.
    columns = sorted(f"t.{_ENGINE.quote(column.name)}" for column in _ENGINE.columns(connection, table))
    # By the functions themselves: a type's cast to text can be the user's. C, because what is equal in other
    # collations need not be the same. ONLY, because the rows of tables that inherit are their own.
    row = f"pg_catalog.textin(pg_catalog.record_out(ROW({', '.join(columns)})))"
    return (
        f'(SELECT pg_catalog.hashtextextended({row} COLLATE pg_catalog."C", 0) AS h'
        f" FROM ONLY {_ENGINE.qualified(table)} AS t) AS hashes"
    )
