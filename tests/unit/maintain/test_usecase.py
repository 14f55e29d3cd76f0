# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chores of a database, with SQLite itself, and with what MySQL reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._maintain.usecase import Request, maintain
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


@pytest.fixture
def request_of_all(tmp_path: Path) -> Request:
    """A database of which most rows were deleted."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, told TEXT)")
        database.execute("CREATE INDEX told ON orders (told)")
        database.executemany("INSERT INTO orders (told) VALUES (?)", [(f"{number:0500}",) for number in range(2000)])
        database.execute("DELETE FROM orders WHERE id > 10")
    database.close()
    return Request(Address("sqlite", str(path)), ["analyze", "vacuum"], [], None, 0)


def done(request: Request, *, check_mode: bool = False) -> Result:
    return maintain(
        request,
        connect=open_connection,
        engine=Sqlite(),
        now=lambda: datetime.now(timezone.utc),
        check_mode=check_mode,
    )


def test_room_is_given_back_and_statistics_are_made(request_of_all: Request) -> None:
    size = Path(request_of_all.address.name).stat().st_size
    result = done(request_of_all)

    assert result.data["actions"] == ["vacuum", "analyze"]
    assert result.data["bytes_before"] == size
    assert result.data["bytes_after"] == Path(request_of_all.address.name).stat().st_size < size / 10
    with sqlite3.connect(request_of_all.address.name) as database:
        assert database.execute("SELECT idx, stat FROM sqlite_stat1").fetchall() == [("told", "10 1")]


def test_check_mode_leaves_the_file_alone(request_of_all: Request) -> None:
    before = Path(request_of_all.address.name).read_bytes()
    result = done(request_of_all, check_mode=True)

    assert result.changed
    assert result.data["actions"] == ["vacuum", "analyze"]
    assert Path(request_of_all.address.name).read_bytes() == before


def test_one_table_is_analyzed(request_of_all: Request) -> None:
    assert done(replace(request_of_all, actions=["analyze"], tables=["orders"])).data["tables"] == ["orders"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tables": ["order"], "actions": ["analyze"]}, "there is no table order. Did you mean orders?"),
        ({"tables": ["orders"]}, "SQLite can vacuum a whole database only"),
        ({"actions": []}, "name at least one of vacuum, analyze"),
    ],
)
def test_what_cannot_be_done_is_refused(request_of_all: Request, changes: dict[str, Any], told: str) -> None:
    before = Path(request_of_all.address.name).read_bytes()
    with pytest.raises(InvalidInput) as refused:
        done(replace(request_of_all, **changes))
    assert told in refused.value.message
    assert Path(request_of_all.address.name).read_bytes() == before


def test_what_mysql_reports_in_a_row_is_a_failure() -> None:
    class Reporting:
        def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
            if "information_schema" in sql:
                return [("broken",)] if "TABLE_NAME" in sql else [(0,)]
            return [("shop.broken", "analyze", "Error", "Table is marked as crashed")]

        def close(self) -> None:
            """Nothing is open."""

    request = Request(Address("mysql", "shop", host="db", port=3306), ["analyze"], ["broken"], None, 0)
    with pytest.raises(DatabaseError) as failed:
        maintain(
            request,
            connect=lambda *arguments, **options: Reporting(),  # type: ignore[arg-type]  # as much as is needed here
            engine=Mysql(),
            now=lambda: datetime.now(timezone.utc),
            check_mode=False,
        )
    assert "analyze of shop.broken failed: Table is marked as crashed" in failed.value.message
