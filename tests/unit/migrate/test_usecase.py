# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole of a migration, on SQLite files, with runners and backups that say what they were asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    DatabaseError,
    InvalidInput,
    MigrationError,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.expect import Expectation
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Migration, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.plan import Policies
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.request import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project, Runner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.snapshots import Snapshots
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import SqlRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.usecase import migrate
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO users (name) VALUES ('a'), ('b');\n"
ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));\n"
TWO = {"1_users.sql": USERS, "2_orders.sql": ORDERS}


class Backups:
    """Backups that are only written down."""

    def __init__(self, problem: str | None = None) -> None:
        self.asked: list[str] = []
        self._problem = problem

    def take(self) -> Mapping[str, object]:
        self.asked.append("take")
        return {"id": "shop-1"}

    def restore(self, backup: str, written: Mapping[str, int | str]) -> None:
        self.asked.append(f"restore {backup} but {' '.join(written)}")
        if self._problem:
            raise BackupError(self._problem)


class Shop:
    """A database, the files of its migrations, and what can be done with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "migrations"
        self.folder.mkdir()
        self.path = folder / "shop.db"
        self.path.touch()
        self.backups = Backups()

    def have(self, files: Mapping[str, str]) -> None:
        for path in list(self.folder.iterdir()):
            path.unlink()
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def migrate(
        self,
        *,
        runner: Runner | None = None,
        check: bool = False,
        backups: Backups | None = None,
        project: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Result:
        address = parse_address(f"sqlite://{self.path}", None)
        asked = Project(address, str(self.folder), str(self.folder), **{"wait": 0, **(project or {})})
        return migrate(
            Request(asked, **{"is_backup_waived": backups is None, **options}),
            host=replace(this_host(), pause=lambda _seconds: None),
            engine=Sqlite(),
            runner=runner or SqlRunner(),
            snapshots=Snapshots(backups.take, backups.restore) if backups else None,
            check_mode=check,
        )

    def refused(self, kind: type[ShipshapeError] = MigrationError, **options: Any) -> ShipshapeError:
        before = self.contents()
        with pytest.raises(kind) as caught:
            self.migrate(**options)
        if kind is InvalidInput or not caught.value.details.get("position"):
            assert self.contents() == before
        return caught.value

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def contents(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return list(connection.iterdump())

    def listed(self) -> list[tuple[Any, ...]]:
        return self.sql("SELECT version, state, done, begun FROM schema_ledger ORDER BY rowid")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.sql("CREATE TABLE old (a)")
    made.have(TWO)
    return made


def names(result: Result, key: str = "applied") -> list[Any]:
    found = result.data[key]
    assert isinstance(found, list)
    return [one["name"] if isinstance(one, dict) else one for one in found]


# Looking.


@pytest.mark.parametrize("reason", ["changed", "missing"])
def test_table_that_another_migration_takes_away_meanwhile_is_looked_for_again(
    shop: Shop, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([True, True])
    bare = Sqlite.count_rows

    def count_rows(*asked: Any) -> Any:
        if next(moments, False):
            raise DatabaseError("shop.gone does not exist.", reason=reason)
        return bare(*asked)

    monkeypatch.setattr(Sqlite, "count_rows", count_rows)
    assert names(shop.migrate()) == ["1_users.sql", "2_orders.sql"]


@pytest.mark.parametrize(("reason", "looks"), [("missing", 20), ("permission", 1)])
def test_what_cannot_be_looked_at_is_told(shop: Shop, reason: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []

    def count_rows(*asked: Any) -> Any:
        looked.append(asked)
        raise DatabaseError("shop.gone cannot be read.", reason=reason)

    monkeypatch.setattr(Sqlite, "count_rows", count_rows)
    assert str(shop.refused(DatabaseError).message) == "shop.gone cannot be read."
    assert len(looked) == looks


# Applying.


def test_pending_migrations_are_applied_once(shop: Shop) -> None:
    first = shop.migrate()
    second = shop.migrate()

    assert (first.changed, names(first), names(first, "pending")) == (True, ["1_users.sql", "2_orders.sql"], [])
    assert first.data["schema_before"] != first.data["schema_after"]
    assert (second.changed, names(second), second.data["schema_after"]) == (False, [], first.data["schema_after"])
    assert shop.sql("SELECT COUNT(*) FROM users") == [(2,)]
    assert shop.listed() == [("1", "applied", 2, None), ("2", "applied", 1, None)]


def test_the_ledger_tells_when_and_by_whom(shop: Shop) -> None:
    shop.migrate()

    [(name, seconds, when, who)] = shop.sql(
        "SELECT name, seconds, applied_at, applied_by FROM schema_ledger WHERE version = '1'"
    )
    assert (name, when[-1], when[10], "@" in who) == ("1_users.sql", "Z", "T", True)
    assert seconds >= 0


def test_check_mode_foretells_and_changes_nothing(shop: Shop) -> None:
    before = shop.path.read_bytes()

    foretold = shop.migrate(check=True, backups=shop.backups)

    assert (foretold.changed, names(foretold, "pending"), names(foretold)) == (True, list(TWO), [])
    assert foretold.diff is not None
    assert USERS.strip() in foretold.diff.after
    assert (shop.path.read_bytes(), shop.backups.asked) == (before, [])


@pytest.mark.parametrize(("options", "applied"), [({"target": "1"}, 1), ({"steps": 1}, 1), ({"steps": 5}, 2)])
def test_as_far_as_wanted(shop: Shop, options: dict[str, Any], applied: int) -> None:
    assert names(shop.migrate(**options)) == list(TWO)[:applied]


def test_only_a_known_version_can_be_the_target(shop: Shop) -> None:
    assert "target: there is no version 11" in shop.refused(InvalidInput, target="11").message


def test_a_directory_that_is_empty_is_refused(shop: Shop) -> None:
    shop.have({})

    assert "there is nothing in" in shop.refused(InvalidInput).message


# Backups.


def test_nothing_is_migrated_without_a_backup(shop: Shop) -> None:
    message = shop.refused(InvalidInput, is_backup_waived=False).message

    assert "backup: name a directory for a backup before it, or say that none is needed" in message


def test_a_database_without_tables_needs_no_backup(shop: Shop) -> None:
    shop.sql("DROP TABLE old")

    assert shop.migrate(backups=shop.backups).data["backup"] is None
    assert shop.backups.asked == []


def test_a_failure_leaves_no_ledger_behind(shop: Shop) -> None:
    shop.have({"1_broken.sql": "CREATE TABLE a (id);\nINSERT INTO nowhere VALUES (1);\n"})
    before = shop.contents()

    error = shop.refused()

    assert (error.details["as_before"], error.details["changed"], shop.contents()) == (True, False, before)


def test_a_backup_comes_first_and_only_if_something_is_pending(shop: Shop) -> None:
    assert shop.migrate(backups=shop.backups).data["backup"] == {"id": "shop-1"}
    assert shop.migrate(backups=shop.backups).data["backup"] is None
    assert shop.backups.asked == ["take"]


BROKEN = {
    **TWO,
    "3_broken.autocommit.sql": "CREATE TABLE a (id);\nCREATE TABLE b (id);\nINSERT INTO nowhere VALUES (1);\n",
}


def test_a_failure_says_how_to_have_what_was_before(shop: Shop) -> None:
    shop.have(BROKEN)

    error = shop.refused(backups=shop.backups)

    assert "run db_restore with the backup shop-1" in error.message
    assert (error.details["as_before"], error.details["changed"]) == (False, True)
    assert shop.backups.asked == ["take"]


@pytest.mark.parametrize(
    ("problem", "told", "as_before"),
    [(None, "shop-1 was restored", True), ("It is locked.", "could not be restored: It is locked.", False)],
)
def test_on_failure_the_backup_is_restored(shop: Shop, problem: str | None, told: str, *, as_before: bool) -> None:
    shop.have(BROKEN)
    shop.backups = Backups(problem)

    error = shop.refused(backups=shop.backups, restore_on_failure=True)

    assert told in error.message
    assert (error.details["as_before"], shop.backups.asked) == (
        as_before,
        ["take", "restore shop-1 but a b orders users schema_ledger"],
    )


def test_what_the_migrations_write_themselves_is_told(shop: Shop) -> None:
    shop.migrate()
    shop.sql("INSERT INTO old VALUES (1)")
    shop.have({**TWO, "3_fill.sql": "INSERT INTO users (id) VALUES (77);\nCREATE TABLE new (id);\n"})

    result = shop.migrate(backups=shop.backups)

    assert result.data["written"] == {"new": 0, "schema_ledger": "unlimited", "users": "unlimited"}
    assert shop.migrate(backups=shop.backups).data["written"] == {}


def test_in_a_table_that_has_become_another_no_row_is_as_it_was(shop: Shop) -> None:
    shop.migrate()
    shop.sql("INSERT INTO orders (id) VALUES (1), (2), (3)")
    shop.have({**TWO, "3_rename.sql": "ALTER TABLE orders RENAME user_id TO customer_id;\n"})

    result = shop.migrate(backups=shop.backups, allow_destructive=["rename_column"])

    assert result.data["written"] == {"orders": 3, "schema_ledger": "unlimited"}


def test_nothing_is_restored_where_nothing_was_changed(shop: Shop) -> None:
    shop.migrate()
    shop.have({**TWO, "3_broken.sql": "CREATE TABLE a (id);\nINSERT INTO nowhere VALUES (1);\n"})

    error = shop.refused(backups=shop.backups, restore_on_failure=True)

    assert error.message.endswith("The schema is as it was before.")
    assert (error.details["as_before"], shop.backups.asked) == (True, ["take"])
    assert error.details["position"] == {"file": "3_broken.sql", "statement": 2, "line": 2}


# Drift.


def test_edited_deleted_and_late_files_stop_the_run(shop: Shop) -> None:
    shop.migrate()
    shop.have({"1_users.sql": f"{USERS}-- Edited.\n", "1.5_late.sql": "CREATE TABLE late (id);\n"})

    error = shop.refused()

    kinds = [problem["kind"] for problem in error.details["problems"]]
    assert kinds == ["edited", "deleted"]
    shop.have({**TWO, "1.5_late.sql": "CREATE TABLE late (id);\n"})
    assert "1.5_late.sql comes before 2_orders.sql, which is applied" in shop.refused().message


def test_policies_let_them_pass(shop: Shop) -> None:
    shop.migrate()
    shop.have(
        {"1_users.sql": f"{USERS}-- Edited.\n", "1.5_late.sql": "CREATE TABLE late (id);\n", "2_orders.sql": ORDERS}
    )

    result = shop.migrate(policies=Policies("warn", "apply"))

    assert names(result) == ["1.5_late.sql"]
    assert [warning.split()[0] for warning in result.warnings] == ["1_users.sql", "1.5_late.sql"]


def test_line_ends_are_no_drift(shop: Shop) -> None:
    shop.migrate()
    (shop.folder / "1_users.sql").write_bytes(b"\xef\xbb\xbf" + USERS.replace("\n", "\r\n").encode())

    assert shop.migrate().changed is False


def test_another_table_is_no_ledger(shop: Shop) -> None:
    shop.sql("CREATE TABLE schema_ledger (a)")

    assert "schema_ledger is no ledger of migrations: it has no column version" in shop.refused().message


def test_what_was_judged_is_carried_out_and_proved(shop: Shop) -> None:
    def take() -> Mapping[str, object]:
        shop.have({"1_users.sql": "DROP TABLE old;\n", "2_orders.sql": ORDERS})
        return {"id": "shop-1"}

    shop.backups.take = take  # type: ignore[method-assign]  # somebody deploys meanwhile

    assert names(shop.migrate(backups=shop.backups)) == list(TWO)
    assert (shop.sql("SELECT COUNT(*) FROM users"), shop.sql("SELECT * FROM old")) == ([(2,)], [])
    assert "1_users.sql was applied and has been edited since" in shop.refused().message


# Lint.


def test_destruction_is_refused_unless_it_is_allowed(shop: Shop) -> None:
    shop.migrate()
    shop.have({**TWO, "3_drop.sql": "DROP TABLE orders;\n"})

    error = shop.refused(check=True)
    assert error.details["pending"] == ["3_drop.sql"]
    assert [finding["rule"] for finding in error.details["lint"]] == ["drop_table"]
    allowed = shop.migrate(allow_destructive=("drop_table:3_drop.sql",))
    assert (names(allowed), len(allowed.warnings)) == (["3_drop.sql"], 1)
    assert "3_drop.sql, line 1" in allowed.warnings[0]


# Proof.


def test_what_is_expected_must_be_true(shop: Shop) -> None:
    with pytest.raises(MigrationError, match="There is no table invoices") as caught:
        shop.migrate(backups=shop.backups, expect=Expectation(tables=["invoices"]))

    assert "run db_restore with the backup shop-1" in caught.value.message
    assert caught.value.details["as_before"] is False


def test_what_is_expected_must_be_true_also_if_nothing_is_pending(shop: Shop) -> None:
    shop.migrate()

    assert "There is no table invoices." in shop.refused(expect=Expectation(tables=["invoices"])).message


class Liar:
    """A tool that does something else than it was asked, and says that all is well."""

    def __init__(self, statement: str, *, version: str = "1", applied: bool = False) -> None:
        self.name = "knex"
        self._statement, self._applied = statement, applied
        self._pending = [Migration(version, "1_step", "1_step", "0" * 64)]

    def refuse(self, project: Project) -> None:
        """Takes whatever it is asked."""

    def observe(self, project: Project, connection: Connection, engine: Engine, host: Host) -> Standing:
        return Standing([], self._pending)

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        with closing(sqlite3.connect(project.address.name, isolation_level=None)) as connection:
            connection.execute(self._statement)
        if self._applied:
            self._pending = []
        return [Applied(migration.name) for migration in standing.pending]


def test_a_tool_that_has_done_nothing_is_found_out(shop: Shop) -> None:
    error = shop.refused(runner=Liar("SELECT 1"))

    assert "knex has ended without an error and 1_step is not applied." in error.message
    assert error.details["as_before"] is True


@pytest.mark.parametrize(
    ("statement", "allowed", "told"),
    [
        ("DELETE FROM users WHERE id = 1", (), "The table users has 1 rows instead of 2"),
        ("DROP TABLE orders", (), "The table orders is gone"),
        ("DELETE FROM users WHERE id = 1", ("users",), None),
        ("INSERT INTO users (name) VALUES ('c')", (), None),
    ],
)
def test_rows_that_nobody_was_meant_to_touch(
    shop: Shop, statement: str, allowed: tuple[str, ...], told: str | None
) -> None:
    shop.migrate()
    runner = Liar(statement, applied=True)

    if told is None:
        assert shop.migrate(runner=runner, may_lose_rows=allowed).changed is True
        return
    with pytest.raises(MigrationError, match=told):
        shop.migrate(runner=runner, may_lose_rows=allowed)


def test_what_a_trigger_does_cannot_be_read_in_a_script(shop: Shop) -> None:
    shop.migrate()
    script = (
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM users; END;\nINSERT INTO orders (id) VALUES (1);\n"
    )
    shop.have({**TWO, "3_trigger.sql": script})

    assert names(shop.migrate()) == ["3_trigger.sql"]
    assert shop.sql("SELECT COUNT(*) FROM users") == [(0,)]


@pytest.mark.parametrize("named", ["steps", "main.steps"])
def test_ledger_and_lock_of_a_tool_are_no_tables_of_the_application(
    shop: Shop, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Sqlite.tables
    monkeypatch.setattr(Sqlite, "tables", lambda *asked: [replace(table, schema="main") for table in bare(*asked)])
    shop.sql("CREATE TABLE steps (a)")
    shop.sql("CREATE TABLE steps_lock (a)")

    with pytest.raises(MigrationError, match="is not applied"):
        shop.migrate(
            runner=Liar("CREATE TABLE steps_of_others (a)"),
            backups=shop.backups,
            restore_on_failure=True,
            project={"ledger_table": named},
        )

    assert shop.backups.asked == ["take", "restore shop-1 but main.steps_of_others main.steps main.steps_lock"]


@pytest.mark.parametrize(
    ("statement", "changed"), [("SELECT 1", False), ("INSERT INTO users (name) VALUES ('c')", True)]
)
def test_a_script_has_changed_something_if_the_database_says_so(shop: Shop, statement: str, *, changed: bool) -> None:
    shop.migrate()
    script = Liar(statement, version="")

    assert shop.migrate(runner=script).changed is changed


def test_others_can_only_apply(shop: Shop) -> None:
    for options in ({"state": "reverted"}, {"state": "baseline"}, {"state": "repaired"}, {"target": "1"}):
        assert "knex can only be applied" in shop.refused(InvalidInput, runner=Liar("SELECT 1"), **options).message


# Statement by statement.


def test_a_run_goes_on_where_the_last_one_failed(shop: Shop) -> None:
    shop.have(BROKEN)

    error = shop.refused()
    assert "3_broken.autocommit.sql, line 3, statement 3 failed" in error.message
    assert "Statements 1 to 2 of this file stay. 2 of this run's files are applied." in error.message
    assert error.message.endswith("Correct it and run the same again, which goes on there.")
    assert shop.listed()[-1] == ("3", "running", 2, None)
    shop.have({**BROKEN, "3_broken.autocommit.sql": BROKEN["3_broken.autocommit.sql"].replace("nowhere", "a")})
    assert names(shop.migrate()) == ["3_broken.autocommit.sql"]
    assert shop.sql("SELECT COUNT(*) FROM a") == [(1,)]
    assert shop.migrate().changed is False


def test_rows_that_were_changed_are_not_as_before(shop: Shop) -> None:
    shop.migrate()
    shop.have(
        {**TWO, "3_rows.autocommit.sql": "INSERT INTO users (name) VALUES ('c');\nINSERT INTO nowhere VALUES (1);\n"}
    )

    with pytest.raises(MigrationError) as caught:
        shop.migrate(backups=shop.backups, restore_on_failure=True)

    assert (caught.value.details["as_before"], caught.value.details["statements_that_stay"]) == (True, 1)
    assert shop.backups.asked == ["take", "restore shop-1 but users schema_ledger"]


def test_what_was_carried_out_must_stay_as_it_was(shop: Shop) -> None:
    shop.have(BROKEN)
    shop.refused()
    shop.have({**BROKEN, "3_broken.autocommit.sql": BROKEN["3_broken.autocommit.sql"].replace("TABLE a", "TABLE c")})

    assert "one of those that were carried out has been edited since" in shop.refused().message


def begun(shop: Shop, *, witness: str | None) -> None:
    """As a run leaves it that was killed in the third statement."""
    shop.have(BROKEN)
    shop.refused()
    told = f"'{witness}'" if witness else "NULL"
    shop.sql(f"UPDATE schema_ledger SET begun = 3, witness = {told} WHERE version = '3'")  # noqa: S608 (our own)


def test_a_statement_of_which_nobody_knows_is_not_repeated(shop: Shop) -> None:
    begun(shop, witness=None)

    error = shop.refused()

    assert "stopped in statement 3 of 3 (line 3), and nothing tells whether it was carried out" in error.message
    assert error.details["position"] == {"file": "3_broken.autocommit.sql", "statement": 3, "line": 3}


def test_the_user_can_tell_that_it_was_carried_out(shop: Shop) -> None:
    begun(shop, witness=None)

    assert shop.migrate(state="repaired").changed is False
    assert shop.migrate(state="repaired", statement_done=True, check=True).changed is True
    assert shop.migrate(state="repaired", statement_done=True).changed is True
    assert names(shop.migrate()) == ["3_broken.autocommit.sql"]
    assert shop.listed()[-1] == ("3", "applied", 3, None)


def test_the_user_can_tell_that_it_was_not(shop: Shop) -> None:
    begun(shop, witness=None)

    shop.migrate(state="repaired", statement_done=False)

    assert "no such table: nowhere" in shop.refused().message or "nowhere" in shop.refused().message


ORPHAN = "INSERT INTO orders (user_id) VALUES (99);\n"


@pytest.mark.parametrize("script", [ORPHAN, f"BEGIN;\n{ORPHAN}COMMIT;\n"])
def test_foreign_keys_are_checked_before_the_commit(shop: Shop, script: str) -> None:
    shop.have({**TWO, "3_orphan.sql": script})

    with pytest.raises(MigrationError, match="Rows of orders would refer to rows of users that are not there"):
        shop.migrate()
    assert shop.sql("SELECT COUNT(*) FROM orders") == [(0,)]


def test_a_transaction_that_is_not_ended_is_undone(shop: Shop) -> None:
    shop.have({**TWO, "3_open.sql": "BEGIN;\nINSERT INTO users (name) VALUES ('c');\n"})

    with pytest.raises(MigrationError, match=r"3_open\.sql begins a transaction and does not end it"):
        shop.migrate()
    assert shop.sql("SELECT COUNT(*) FROM users") == [(2,)]


# Transactions.


def test_all_in_one(shop: Shop) -> None:
    shop.have({**TWO, "3_broken.sql": "INSERT INTO nowhere VALUES (1);\n"})

    error = shop.refused(project={"transaction": "all"})

    assert error.message.endswith("Nothing of any file of this run is left. The schema is as it was before.")
    assert error.details["applied"] == []
    assert shop.sql("SELECT name FROM sqlite_master WHERE name = 'users'") == []
    shop.have(TWO)
    assert names(shop.migrate(project={"transaction": "all"})) == list(TWO)


def test_what_was_begun_is_no_part_of_all_in_one(shop: Shop) -> None:
    shop.have(BROKEN)
    shop.refused()
    before = shop.contents()

    message = shop.refused(project={"transaction": "all"}).message

    assert "3_broken.autocommit.sql was begun by an earlier run" in message
    assert shop.contents() == before


@pytest.mark.parametrize("transaction", ["file", "all"])
def test_what_is_carried_out_alone_is_in_no_transaction(shop: Shop, transaction: str) -> None:
    shop.have({"1_vacuum.sql": "VACUUM;\n"})

    error = shop.refused(project={"transaction": transaction})

    assert "1_vacuum.sql, line 1: SQLite carries VACUUM out alone" in error.message
    assert names(shop.migrate()) == ["1_vacuum.sql"]


def test_two_runs_do_not_migrate_at_once(shop: Shop) -> None:
    with this_host().locks.hold(f"{shop.path}.migrate.lock", purpose="a test"):
        assert "is locked by" in shop.refused().message


# Back, and by hand.

REVERSIBLE = {
    "1_users.up.sql": USERS,
    "1_users.down.sql": "DROP TABLE users;\n",
    "2_orders.up.sql": ORDERS,
    "2_orders.down.sql": "DROP TABLE orders;\n",
}


def test_migrations_are_taken_back(shop: Shop) -> None:
    shop.have(REVERSIBLE)
    empty = shop.migrate(check=True).data["schema_before"]
    shop.migrate()

    foretold = shop.migrate(state="reverted", check=True)
    assert (foretold.changed, names(foretold, "pending")) == (True, ["2_orders.up.sql"])
    assert foretold.diff is not None
    assert "DROP TABLE orders" in foretold.diff.after
    assert names(shop.migrate(state="reverted")) == ["2_orders.up.sql"]
    assert names(shop.migrate(state="reverted")) == ["1_users.up.sql"]
    assert shop.migrate(state="reverted").changed is False
    assert (shop.listed(), empty is not None) == ([], True)
    assert names(shop.migrate()) == ["1_users.up.sql", "2_orders.up.sql"]


def test_a_backup_comes_before_the_way_back_too(shop: Shop) -> None:
    shop.have(REVERSIBLE)
    shop.migrate()

    shop.migrate(state="reverted", backups=shop.backups)

    assert shop.backups.asked == ["take"]


def test_a_baseline_runs_nothing(shop: Shop) -> None:
    shop.sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")

    assert shop.migrate(state="baseline", target="1", check=True).changed is True
    assert shop.migrate(state="baseline", target="1").changed is True
    assert shop.migrate(state="baseline", target="1").changed is False
    assert shop.listed() == [("1", "baseline", 0, None)]
    assert names(shop.migrate()) == ["2_orders.sql"]
    assert shop.sql("SELECT COUNT(*) FROM users") == [(0,)]


def test_the_ledger_is_made_to_fit_the_files(shop: Shop) -> None:
    shop.migrate()
    shop.have({"1_users.sql": f"{USERS}-- Edited.\n"})

    assert shop.migrate(state="repaired").changed is True
    assert shop.migrate(state="repaired").changed is False
    assert shop.listed() == [("1", "applied", 2, None)]
    assert shop.migrate().changed is False


def test_the_ledger_is_made_to_fit_wholly_or_not_at_all(shop: Shop) -> None:
    shop.migrate()
    shop.have({"1_users.sql": f"{USERS}-- Edited.\n"})
    shop.sql("CREATE TRIGGER kept BEFORE DELETE ON schema_ledger BEGIN SELECT RAISE(ABORT, 'no'); END")

    shop.refused(DatabaseError, state="repaired")


def test_the_user_can_tell_how_far_a_way_down_has_come(shop: Shop) -> None:
    shop.have({"1_users.up.sql": USERS, "1_users.down.sql": "DROP TABLE users;\nDROP TABLE old;\n"})
    shop.migrate()
    shop.sql("DROP TABLE users")
    shop.sql("UPDATE schema_ledger SET state = 'reverting', done = 0, begun = 1")

    assert shop.migrate(state="repaired", statement_done=True).changed is True
    assert names(shop.migrate(state="reverted")) == ["1_users.up.sql"]
    assert shop.sql("SELECT name FROM sqlite_master WHERE name IN ('users', 'old')") == []


@pytest.mark.parametrize("state", ["repaired", "baseline", "reverted"])
def test_check_mode_changes_nothing_whatever_the_state(shop: Shop, state: str) -> None:
    before = shop.path.read_bytes()

    shop.migrate(state=state, check=True)

    assert shop.path.read_bytes() == before


def test_options_of_the_session(shop: Shop) -> None:
    shop.have({"1_new.sql": "INSERT INTO kept VALUES ('x');\n"})
    shop.sql("CREATE TABLE kept (a)")
    statement = "CREATE TEMP TRIGGER t AFTER INSERT ON kept BEGIN UPDATE kept SET a = 'by the session'; END"

    shop.migrate(project={"session": (statement,)})

    assert shop.sql("SELECT a FROM kept") == [("by the session",)]


def test_another_ledger(shop: Shop) -> None:
    shop.migrate(project={"ledger_table": "steps"})

    assert shop.sql("SELECT version FROM steps ORDER BY 1") == [("1",), ("2",)]
