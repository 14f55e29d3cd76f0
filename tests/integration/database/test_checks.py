# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of databases, against each engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.database.servers import Servers
from tests.integration.smoke.test_host_kinds import looks

ENGINES = ("sqlite", "postgresql", "mysql")
FOLDER, NAME = "/srv/checks", "shop_checks"

SCHEMA = (
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, status VARCHAR(20), cost NUMERIC(8, 2), made TIMESTAMP NULL)",
    "CREATE TABLE job_steps (id INTEGER PRIMARY KEY)",
    "INSERT INTO jobs VALUES (1, 'done', 0.50, '2026-05-01 12:00:00'), (2, 'failed', 3, NULL)",
)

MAKE = """
from contextlib import closing
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
address = parse_address(*ADDRESS)
engine = ENGINES[address.engine]
with closing(this_host().connect(address, engine)) as connection:
    for statement in SCHEMA:
        connection.execute(statement)
    print(engine.schema_fingerprint(connection))
    print(connection.rows("SELECT * FROM jobs ORDER BY id"))
"""


class Shop(inside.Database):
    """The database of an application."""

    def carries_out(self, *statements: str) -> str:
        """What the database is like afterwards."""
        return inside.python(self.host, f"SCHEMA = {statements!r}\nADDRESS = {(self.url, self.password)!r}\n{MAKE}")

    def sees(self, *arguments: object, **options: Any) -> list[dict[str, Any]]:
        """What these checks see, which never tell the password."""
        seen = looks(self.host, "sql", *arguments, **{"url": self.url, "password": self.password, **options})
        assert "canary" not in json.dumps(seen)
        return seen


@pytest.fixture(params=ENGINES)
def shop(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Shop]:
    """The same tables in each engine."""
    with servers.empty_database(request.param, NAME, FOLDER) as access:
        shop = Shop(servers.host, *access)
        shop.carries_out(*SCHEMA)
        yield shop


def test_values_of_every_engine_are_those_of_json(shop: Shop) -> None:
    [rows, value, none, parameters] = shop.sees(
        "SELECT * FROM jobs ORDER BY id",
        "SELECT sum(cost) FROM jobs",
        "SELECT max(cost) FROM jobs WHERE id > 7",
        {"query": "SELECT id FROM jobs WHERE status = ? OR id = ?", "params": ["x' OR 'x' = 'x", 2]},
    )

    made = "2026-05-01 12:00:00" if shop.engine == "sqlite" else "2026-05-01T12:00:00"
    assert rows["rows"] == [
        {"id": 1, "status": "done", "cost": 0.5, "made": made},
        {"id": 2, "status": "failed", "cost": 3, "made": None},
    ]
    assert (rows["count"], rows["value"]) == (2, 1)
    assert value["value"] == 3.5
    assert (none["value"], none["count"]) == (None, 1)
    assert parameters["rows"] == [{"id": 2}]


def test_missing_tables_and_columns_are_told(shop: Shop) -> None:
    [whole, lacking] = shop.sees(
        {"tables": ["jobs", "job_steps"], "columns": {"jobs": ["id", "made"]}},
        {"tables": ["jobs", "error_logs"], "columns": {"jobs": ["priority", "id"], "job_steps": ["x"]}},
    )

    assert whole["missing"] == []
    assert lacking["missing"] == ["jobs.priority", "error_logs", "job_steps.x"]
    assert "; jobs has the columns id, status, cost, made; job_steps has the columns id" in lacking["told"]


WRITES = (
    "INSERT INTO jobs (id) VALUES (7)",
    "UPDATE jobs SET status = 'x'",
    "DELETE FROM jobs",
    "DROP TABLE jobs",
    "CREATE TABLE more (id INTEGER)",
    "ALTER TABLE jobs ADD COLUMN more INTEGER",
    "CREATE INDEX more ON jobs (cost)",
)
MORE_WRITES = {
    "sqlite": ("PRAGMA user_version = 7",),
    "postgresql": (
        "TRUNCATE jobs",
        "COMMIT; DELETE FROM jobs",
        "WITH gone AS (DELETE FROM jobs RETURNING id) SELECT * FROM gone",
        "COMMENT ON TABLE jobs IS 'x'",
    ),
    "mysql": ("TRUNCATE jobs", "REPLACE INTO jobs (id) VALUES (1)", "RENAME TABLE jobs TO more"),
}


def test_statement_that_writes_changes_nothing(shop: Shop) -> None:
    before = shop.carries_out()

    statements = (*WRITES, *MORE_WRITES[shop.engine])
    seen = shop.sees(*statements)

    told = {statement: str(one.get("error")) for statement, one in zip(statements, seen)}
    assert {statement: error for statement, error in told.items() if "A check may only read" not in error} == {}
    assert shop.carries_out() == before


def test_slow_query_is_stopped(shop: Shop) -> None:
    slow = {"mysql": "SELECT sleep(60)", "postgresql": "SELECT pg_sleep(60)"}
    if shop.engine not in slow:
        pytest.skip("SQLite has no time limit for a statement")
    begun = time.monotonic()

    [seen] = shop.sees(slow[shop.engine], timeout=1)

    assert time.monotonic() - begun < 30
    assert "error" in seen, seen


def test_what_cannot_be_asked_is_told(shop: Shop) -> None:
    [nowhere] = shop.sees("SELECT * FROM nowhere")
    assert "nowhere" in nowhere["error"]
    if shop.engine == "sqlite":
        return

    [refused] = shop.sees("SELECT 1", password="canary")
    assert refused["error"].startswith(f"{shop.engine}://")
    [away] = shop.sees("SELECT 1", url=f"{shop.engine}://app@127.0.0.1:1/{NAME}", password="canary")
    assert away["error"].startswith(f"{shop.engine}://app@127.0.0.1:1/{NAME}")


def test_many_checks_at_once_see_the_same(shop: Shop) -> None:
    seen = shop.sees(*["SELECT count(*) FROM jobs"] * 1000, threads=16)

    assert [one for one in seen if one.get("value") != 2] == []
