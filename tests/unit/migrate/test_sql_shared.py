# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations of SQLite that share a transaction, in real databases and message by message."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    DatabaseError,
    Interrupted,
    MigrationError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import DIALECTS
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_run import Run
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
MADE = "CREATE TABLE a (b INT NOT NULL)"

# What a session sends for each migration, without its own statements.
BEGUN, ENDED = "SAVEPOINT shipshape_migration", "RELEASE shipshape_migration"
UNDONE = "ROLLBACK TO shipshape_migration"


@dataclass
class Watched:
    """A session that takes down what it carries out, and in which one statement fails or is interrupted."""

    connection: Connection
    failing: str = "nothing"
    error: BaseException = field(default_factory=lambda: DatabaseError("It failed.", reason="other"))
    messages: list[str] = field(default_factory=list)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.connection.rows(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        self.messages.append("the ledger" if "schema_ledger" in sql else sql)
        if self.failing in sql:
            raise self.error
        return self.connection.execute(sql, parameters)

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        for sql, parameters in statements:
            self.execute(sql, parameters)

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        raise AssertionError("a run begins its transactions itself")

    def close(self) -> None:
        raise AssertionError("whoever opened it closes it")


@dataclass
class Clock:
    """Goes on by so many seconds whenever somebody looks at it."""

    step: float = 0
    now: datetime = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.step)
        return self.now


@contextmanager
def begun(
    path: Path, *, failing: str = "nothing", step: float = 0, transaction: str = "auto"
) -> Iterator[tuple[Run, Watched]]:
    """A run with a database at this path, which is made if need be."""
    path.touch()
    project = Project(Address("sqlite", str(path)), "/m", "/m", transaction=transaction)
    with Run.begun(project, DIALECTS["sqlite"], replace(this_host(), now=Clock(step))) as opened:
        watched = Watched(opened.session.connection, failing)
        yield replace(opened, session=replace(opened.session, connection=watched)), watched


def files(*scripts: str) -> list[Migration]:
    """A migration for each of these, numbered from 1."""
    return [Migration(str(at), "", f"{at}.sql", "0" * 64, script, None) for at, script in enumerate(scripts, 1)]


def there(path: Path) -> tuple[list[str], list[str]]:
    """Which tables another session sees, and which migrations the ledger lists."""
    with sqlite3.connect(path) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        names = [name for (name,) in tables]
        # The table goes as well if it would be empty.
        select = "SELECT version FROM schema_ledger ORDER BY version"
        listed = database.execute(select).fetchall() if "schema_ledger" in names else []
    return [name for name in names if name != "schema_ledger"], [version for (version,) in listed]


def test_several_are_committed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with begun(path) as (run, watched):
        done = run.carry_out(files(MADE, "INSERT INTO a VALUES (1)"), {})

    assert watched.messages == [
        "BEGIN IMMEDIATE",
        *(BEGUN, MADE, "the ledger", ENDED),
        *(BEGUN, "INSERT INTO a VALUES (1)", "the ledger", ENDED),
        "COMMIT",
    ]
    assert [applied.name for applied in done] == ["1.sql", "2.sql"]
    assert there(path) == (["a"], ["1", "2"])


@pytest.mark.parametrize(("step", "commits"), [(0.01, 1), (0.06, 3)])
def test_writers_do_not_wait_long(tmp_path: Path, step: float, commits: int) -> None:
    # The clock is looked at five times for each migration.
    with begun(tmp_path / "shop.db", step=step) as (run, watched):
        run.carry_out(files(MADE, "SELECT 1", "SELECT 2"), {})

    assert watched.messages.count("COMMIT") == commits


@pytest.mark.parametrize(
    "failing",
    ["INSERT INTO a VALUES (NULL)", "INSERT OR FAIL INTO a VALUES (1), (NULL)", "CREATE TABLE a (c INT)"],
)
def test_one_that_fails_is_undone_by_itself(tmp_path: Path, failing: str) -> None:
    path = tmp_path / "shop.db"
    with (
        begun(path) as (run, _watched),
        pytest.raises(
            MigrationError, match=r"Nothing of this file is left\. 2 of this run's files are applied\.$"
        ) as e,
    ):
        run.carry_out(files(MADE, "CREATE TABLE b (c INT)", f"CREATE TABLE d (e INT);\n{failing}", "SELECT 1"), {})

    assert e.value.details["position"] == {"file": "3.sql", "statement": 2, "line": 2}
    assert e.value.details["applied"] == ["1.sql", "2.sql"]
    assert there(path) == (["a", "b"], ["1", "2"])


def test_what_sqlite_undoes_as_a_whole_is_told(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    scripts = (MADE, "CREATE TABLE b (c INT)", "SELECT 1;\nINSERT OR ROLLBACK INTO a VALUES (NULL)")
    with begun(path) as (run, _watched), pytest.raises(MigrationError) as caught:
        run.carry_out(files(*scripts), {})

    told = "Nothing of this file is left, nor of 1.sql to 2.sql, which shared its transaction."
    assert str(caught.value).endswith(told)
    assert caught.value.details["applied"] == []
    assert there(path) == ([], [])
    with begun(path) as (run, _watched):
        run.carry_out(files(*scripts[:2]), {})
    assert there(path) == (["a", "b"], ["1", "2"])


def test_what_sqlite_undoes_as_a_whole_can_be_one_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    # So long that each is committed at once.
    with begun(path, step=0.3) as (run, _watched), pytest.raises(MigrationError) as caught:
        run.carry_out(files(MADE, "INSERT OR ROLLBACK INTO a VALUES (NULL)"), {})

    assert str(caught.value).endswith("Nothing of this file is left. 1 of this run's files are applied.")
    assert there(path) == (["a"], ["1"])


def test_rows_that_refer_to_nothing_are_undone_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    child = "CREATE TABLE child (parent INT REFERENCES a (b)); INSERT INTO child VALUES (7)"
    with begun(path) as (run, _watched), pytest.raises(MigrationError, match="Rows of child would refer to rows of a"):
        run.carry_out(files("CREATE TABLE a (b INT PRIMARY KEY)", child), {})

    assert there(path) == (["a"], ["1"])


@pytest.mark.parametrize("failing", ["RELEASE", "INSERT INTO a"])
def test_one_that_is_interrupted_is_undone_by_itself(tmp_path: Path, failing: str) -> None:
    path = tmp_path / "shop.db"
    with begun(path) as (run, watched):
        run.carry_out(files(MADE), {})
        watched.failing, watched.error = failing, Interrupted("Stopped.")
        with pytest.raises(Interrupted):
            run.carry_out(files(MADE, "INSERT INTO a VALUES (1)")[1:], {})

    assert watched.messages[-2:] == [UNDONE, "COMMIT"]
    assert there(path) == (["a"], ["1"])


def test_those_before_an_interruption_stay(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with begun(path, failing="INSERT INTO a") as (run, watched):
        watched.error = Interrupted("Stopped.")
        with pytest.raises(Interrupted):
            run.carry_out(files(MADE, "INSERT INTO a VALUES (1)"), {})

    assert there(path) == (["a"], ["1"])


def test_what_cannot_be_committed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with (
        begun(path, failing="COMMIT") as (run, watched),
        pytest.raises(MigrationError) as caught,
    ):
        run.carry_out(files(MADE, "CREATE TABLE b (c INT)"), {})

    assert str(caught.value) == (
        "The transaction of 1.sql to 2.sql could not be committed: It failed. Nothing of these files is left."
    )
    assert caught.value.details["applied"] == []
    assert watched.messages[-1] == "ROLLBACK"
    assert there(path) == ([], [])


def test_what_is_carried_out_alone_is_so(tmp_path: Path) -> None:
    with begun(tmp_path / "shop.db") as (run, watched):
        run.carry_out(files(MADE, "VACUUM", "SELECT 1"), {})

    at = watched.messages.index("VACUUM")
    assert "COMMIT" in watched.messages[:at]
    assert watched.messages[at + 1 :] == [
        "the ledger",
        "BEGIN IMMEDIATE",
        BEGUN,
        "SELECT 1",
        "the ledger",
        ENDED,
        "COMMIT",
    ]


def test_a_transaction_for_each_file_can_be_asked_for(tmp_path: Path) -> None:
    with begun(tmp_path / "shop.db", transaction="file") as (run, watched):
        run.carry_out(files(MADE, "SELECT 1"), {})

    assert watched.messages.count("COMMIT") == 2
    assert BEGUN not in watched.messages


def test_another_writer_waits_for_one_transaction_only(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with begun(path, step=0.3) as (run, _watched):
        run.carry_out(files(MADE, "SELECT 1"), {})
        with sqlite3.connect(path, timeout=0) as other:
            other.execute("INSERT INTO a VALUES (1)")


def test_a_savepoint_of_the_file_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with begun(path) as (run, _watched):
        run.carry_out(files(MADE, "SAVEPOINT x; INSERT INTO a VALUES (1); ROLLBACK TO x; RELEASE x"), {})

    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM a").fetchone() == (0,)


def test_those_before_an_interruption_between_two_stay(tmp_path: Path) -> None:
    def now() -> datetime:
        if ENDED in watched.messages:
            raise Interrupted("Stopped.")
        return NOON

    path = tmp_path / "shop.db"
    with begun(path) as (run, watched), pytest.raises(Interrupted):
        replace(run, host=replace(run.host, now=now)).carry_out(files(MADE, "SELECT 1"), {})

    assert there(path) == (["a"], ["1"])
