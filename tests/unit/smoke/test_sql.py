# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.sql import Sql
from tests.unit.smoke.on_host import WORLD, given, observed, problems

KIND = Sql()

SCHEMA = """
CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT, cost REAL);
CREATE TABLE JobSteps (id INTEGER PRIMARY KEY);
INSERT INTO jobs VALUES (1, 'done', 0.5), (2, 'failed', NULL), (3, 'done', 2);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "shop.db")


@pytest.fixture
def setting(path: Path) -> Setting:
    return Setting(database=parse_address(f"sqlite://{path}"))


def made(path: Path, schema: str = SCHEMA) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(schema)
    return path


def refusal(argument: object, setting: Setting, world: World = WORLD) -> ShipshapeError:
    with pytest.raises(ShipshapeError) as caught:
        observed(KIND, argument, setting=setting, world=world)
    return caught.value


def test_rows_are_observed(setting: Setting, path: Path) -> None:
    seen = observed(KIND, "SELECT id, status AS state, cost FROM jobs ORDER BY id DESC", setting=setting)

    assert seen.values["rows"] == [
        {"id": 3, "state": "done", "cost": 2.0},
        {"id": 2, "state": "failed", "cost": None},
        {"id": 1, "state": "done", "cost": 0.5},
    ]
    assert (seen.values["count"], seen.values["value"], seen.values["missing"]) == (3, 3, None)
    assert seen.values["ms"] > 0
    assert seen.told == f"{path} answered with 3 rows"


@pytest.mark.parametrize(
    ("query", "value", "count"),
    [
        ("SELECT count(*) FROM jobs", 3, 1),
        ("SELECT 100.0 * avg(status = 'done') FROM jobs WHERE id < 3", 50.0, 1),
        ("SELECT avg(cost) FROM jobs WHERE id > 100", None, 1),
        ("SELECT id FROM jobs WHERE id > 100", None, 0),
        ("SELECT status FROM jobs WHERE status LIKE '%ail%' AND '?' = '?'", "failed", 1),
        ("PRAGMA quick_check", "ok", 1),
    ],
)
def test_value_is_that_of_the_first_row(setting: Setting, query: str, value: object, count: int) -> None:
    seen = observed(KIND, query, setting=setting)

    assert (seen.values["value"], seen.values["count"]) == (value, count)


def test_parameters_are_taken_literally(setting: Setting) -> None:
    awkward = "' OR 1 = 1 --"
    query = "SELECT count(*), ? AS given FROM jobs WHERE status = ? OR id = ?"

    seen = observed(KIND, {"query": query, "params": [awkward, awkward, 2]}, setting=setting)

    assert seen.values["rows"] == [{"count(*)": 1, "given": awkward}]


def test_all_rows_are_counted_and_some_looked_at(setting: Setting, path: Path) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT i FROM n"

    seen = observed(KIND, numbers, setting=setting)

    assert (len(seen.values["rows"]), seen.values["rows"][-1], seen.values["count"]) == (1000, {"i": 1000}, 1500)
    assert seen.told == f"{path} answered with 1500 rows, of which the first 1000 are looked at"


def test_tables_and_columns_that_are_there_are_not_missing(setting: Setting, path: Path) -> None:
    seen = observed(KIND, {"tables": ["jobs", "JobSteps"], "columns": {"jobs": ["id", "status"]}}, setting=setting)

    assert {name: value for name, value in seen.values.items() if name != "ms"} == {
        "rows": None,
        "count": None,
        "value": None,
        "missing": [],
    }
    assert seen.told == f"{path} has the tables JobSteps, jobs"


def test_missing_tables_and_columns_are_named(setting: Setting, path: Path) -> None:
    columns = {"jobs": ["id", "stat", "zzz"], "logs": ["id"], "JobSteps": "id"}

    seen = observed(KIND, {"tables": ["jobsteps", "jobs"], "columns": columns}, setting=setting)

    assert seen.values["missing"] == ["jobsteps", "jobs.stat", "jobs.zzz", "logs"]
    assert seen.told == f"{path} has the tables JobSteps, jobs; jobs has the columns id, status, cost"


def test_long_list_of_tables_is_cut(tmp_path: Path) -> None:
    path = made(tmp_path / "long.db", "".join(f"CREATE TABLE table_{number} (id);" for number in range(100, 200)))

    seen = observed(KIND, {"tables": "jobs", "database": f"sqlite://{path}"})

    listed = ", ".join(f"table_{number}" for number in range(100, 200))
    assert seen.told == f"{path} has the tables {listed[:200]}…"


def test_database_without_tables_lacks_them_all(tmp_path: Path) -> None:
    path = made(tmp_path / "empty.db", "PRAGMA user_version = 1")

    seen = observed(KIND, {"tables": "jobs", "database": f"sqlite://{path}"})

    assert (seen.values["missing"], seen.told) == (["jobs"], f"{path} has the tables (none)")


def test_newest_database_of_a_pattern_is_asked(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old")):
        path = made(tmp_path / f"shop.db.backup.{name}", f"CREATE TABLE {name} (x)")
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "shop.db.backup.old-wal").touch()

    seen = observed(KIND, {"tables": ["new"], "database": f"sqlite://{tmp_path}/shop.db.backup.*"})

    assert (seen.values["missing"], seen.told) == ([], f"{tmp_path}/shop.db.backup.new has the tables new")


WRITES = (
    "INSERT INTO jobs (status) VALUES ('hunter2')",
    "UPDATE jobs SET status = 'hunter2'",
    "DELETE FROM jobs",
    "DROP TABLE jobs",
    "CREATE TABLE more (id INTEGER)",
    "ALTER TABLE jobs ADD COLUMN more TEXT",
    "CREATE INDEX more ON jobs (id)",
    "PRAGMA user_version = 7",
    "DELETE FROM jobs RETURNING id",
)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_statement_that_writes_changes_nothing_and_is_told(path: Path, write: str, journal: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {journal}")
    before = path.read_bytes()

    error = refusal(write, Setting(database=parse_address(f"sqlite://{path}")))

    assert error.message == (
        f"The SQLite database {path} cannot be written: it is open for reading only, or this user may not write the "
        "file or in its directory. A check may only read: change data with another task."
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("statement", ["VACUUM", "VACUUM INTO '{}/copy.db'", "ATTACH '{}/copy.db' AS more"])
def test_no_other_file_is_written(tmp_path: Path, path: Path, setting: Setting, statement: str) -> None:
    before = path.read_bytes()
    with suppress(DatabaseError):
        observed(KIND, statement.format(tmp_path), setting=setting)

    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.stat().st_size] == ["shop.db"]


def test_query_that_is_refused_is_told_and_not_shown(setting: Setting, path: Path) -> None:
    error = refusal("SELECT 'hunter2' FROM nowhere", setting)

    assert error.message == (
        f"The SQLite database {path} does not have what is asked for (no such table: nowhere): check the name, and "
        "which migrations are applied."
    )


def test_two_statements_are_refused(setting: Setting) -> None:
    assert isinstance(refusal("SELECT 1; DELETE FROM jobs", setting), DatabaseError)


@pytest.mark.parametrize("name", ["none.db", "*.backup"])
def test_missing_database_is_told_and_not_made(tmp_path: Path, name: str) -> None:
    error = refusal({"query": "SELECT 1", "database": f"sqlite://{tmp_path}/{name}"}, Setting())

    assert isinstance(error, Unobserved)
    assert error.message == f"There is no database at {tmp_path}/{name}: check the path."
    assert list(tmp_path.iterdir()) == []


def test_no_database_is_told() -> None:
    assert refusal("SELECT 1", Setting()).message == (
        "There is no database to ask: give database, to the check or to the whole suite."
    )


class Answer:
    """A session of a server that answers with one row of these values."""

    def __init__(self, *values: object) -> None:
        self._row = values
        self.asked: list[Any] = []

    def __call__(self, address: Address, engine: object, **limits: Any) -> Answer:
        self.asked = [str(address), limits]
        return self

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        raise NotImplementedError

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        self.asked.append(read_only)
        return nullcontext()

    def table(self, sql: str, parameters: Sequence[object] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        return [str(number) for number in range(len(self._row))], [self._row]

    def close(self) -> None:
        self.asked.append("closed")


@pytest.fixture
def server() -> Setting:
    return Setting(database=parse_address("postgresql://app:hunter2@db/shop"), timeout=7)


def test_server_is_asked_in_a_session_that_only_reads(server: Setting) -> None:
    answer = Answer(1)

    seen = observed(KIND, "SELECT 1", setting=server, world=answering(answer))

    limits = {"read_only": True, "statement_timeout": 7, "lock_timeout": 7}
    assert answer.asked == ["postgresql://app@db:5432/shop", limits, True, "closed"]
    assert seen.told == "postgresql://app@db:5432/shop answered with 1 rows"


def answering(answer: Answer) -> World:
    return replace(WORLD, connect=answer)  # type: ignore[arg-type]  # all that is needed


NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2.5, 2.5),
        ("text", "text"),
        (Decimal(7), 7),
        (Decimal("7.00"), 7),
        (Decimal("1E+2"), 100),
        (Decimal("99.5"), 99.5),
        (Decimal("NaN"), "NaN"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (NOON, "2026-05-01T12:00:00+00:00"),
        (date(2026, 5, 1), "2026-05-01"),
        (time(12, 30), "12:30:00"),
        (timedelta(days=1, milliseconds=500), 86400.5),
        ("caf\u00e9".encode(), "caf\u00e9"),
        (b"\xff\x00", "ff00"),
        (bytearray(b"ok"), "ok"),
        (memoryview(b"ok"), "ok"),
        ([Decimal(1), None, [NOON]], [1, None, ["2026-05-01T12:00:00+00:00"]]),
        ({"a": Decimal(1)}, {"a": 1}),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_are_those_of_json(server: Setting, value: object, plain: object) -> None:
    seen = observed(KIND, "SELECT x", setting=server, world=answering(Answer(value)))

    assert (seen.values["value"], seen.values["rows"]) == (plain, [{"0": plain}])
    assert type(seen.values["value"]) is type(plain)
    assert json.loads(json.dumps(seen.values, allow_nan=False))["value"] == plain


def test_something_is_always_expected() -> None:
    assert KIND.default(given(KIND, "SELECT 1")) == {"count": {"ge": 1}}
    assert KIND.default(given(KIND, {"tables": ["a"]})) == {"missing": []}
    assert KIND.default(given(KIND, {"columns": {"a": ["b"]}})) == {"missing": []}
    assert (KIND.only_reads({}), KIND.is_each, KIND.is_alone) == (True, True, False)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({}, "Give either query, or the names in tables or columns."),
        ("", "Give either query, or the names in tables or columns."),
        ({"tables": []}, "Give either query, or the names in tables or columns."),
        ({"columns": {"a": []}}, "Give either query, or the names in tables or columns."),
        ({"query": "SELECT 1", "tables": ["a"]}, "Give either query, or the names in tables or columns."),
        ({"query": "SELECT 1", "columns": {"a": "b"}}, "Give either query, or the names in tables or columns."),
        ({"tables": [7]}, "tables, columns: every name is a text."),
        ({"columns": {"a": [None]}}, "tables, columns: every name is a text."),
        (
            {"query": "SELECT 1", "database": "sqlite://hunter2.db"},
            "The database's URL does not name the file by its absolute path, as in sqlite:///srv/app/data.db.",
        ),
    ],
)
def test_wrong_options_are_refused(argument: object, told: str) -> None:
    assert problems(KIND, argument) == [told]
