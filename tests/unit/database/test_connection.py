# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "data.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    return f"sqlite://{path}"


def test_every_address_has_its_engine() -> None:
    urls = ["sqlite:///a", "file:/a", "mysql://h/a", "mariadb://h/a", "postgresql://h/a", "postgres://h/a"]
    assert {parse_address(url).engine for url in urls} == set(ENGINES)


def test_the_limits_of_the_session_are_set(url: str) -> None:
    address = parse_address(url)
    connection = open_connection(address, ENGINES[address.engine], read_only=True, lock_timeout=7)
    assert connection.rows("PRAGMA busy_timeout") == [(7000,)]
    with pytest.raises(DatabaseError) as failure:
        connection.execute("INSERT INTO t VALUES (1)")
    assert failure.value.reason == "read_only"
    connection.close()


def test_a_session_whose_limits_cannot_be_set_is_closed(url: str) -> None:
    class Confused(Sqlite):
        def session(
            self, *, statement_timeout: float | None = None, lock_timeout: float | None = None, read_only: bool = False
        ) -> Sequence[str]:
            return ["no SQL at all"]

    address = parse_address(url)
    with pytest.raises(DatabaseError):
        open_connection(address, Confused())
    held = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    assert address.name not in held
