# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in SQLite itself; the servers have tests of their own."""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import COLUMNS
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    NEW,
    Change,
    Credential,
    Declared,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.database import Place, TableBackend
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError

NOW = datetime(2026, 3, 10, 12, 5, 6, tzinfo=timezone.utc)
SECONDS = 1773144306

# As the guide of StackLens has it.
GUIDES = """
CREATE TABLE users (id integer PRIMARY KEY);
INSERT INTO users VALUES (3);
CREATE TABLE api_credentials (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL, name text NOT NULL, provider text NOT NULL, api_key text,
    api_secret text, endpoint text, priority integer DEFAULT 100 NOT NULL, is_active integer DEFAULT true NOT NULL,
    is_global integer DEFAULT true NOT NULL, user_id integer, rate_limit integer, created_at integer NOT NULL,
    updated_at integer NOT NULL, FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE UNIQUE INDEX unique_name ON api_credentials (name);
INSERT INTO api_credentials (name, provider, api_key, api_secret, priority, created_at, updated_at) VALUES
    ('main', 'gemini', 'Key-1', 'Secret-1', 100, 5, 5), ('fast', 'groq', 'Key-2', NULL, 77, 6, 6),
    ('empty', 'groq', '', NULL, 'priority', 7, 7);
"""

MAIN = Credential(1, "main", "gemini", 100, has_key=True)
FAST = Credential(2, "fast", "groq", 77, has_key=True)
EMPTY = Credential(3, "empty", "groq", None, has_key=False)


class Db:
    """A database of a test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moments: Iterator[datetime] | None = None

    def script(self, sql: str) -> None:
        with sqlite3.connect(self.path) as database:
            database.executescript(sql)
        database.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as database:
            found = database.execute(sql).fetchall()
        database.close()
        return found

    def table(self, table: str = "api_credentials", needed: Sequence[str] = (), **columns: str) -> TableBackend:
        address = Address("sqlite", str(self.path))
        place = Place(address, table, {**COLUMNS, **columns}, needed, lock_timeout=0.05)
        return TableBackend(
            place, connect=open_connection, engine=Sqlite(), now=lambda: NOW, random=lambda size: bytes(range(size))
        )

    def apply(self, *changes: Change, table: TableBackend | None = None) -> list[Change]:
        table = table or self.table()
        with table.session(check_mode=False):
            table.credentials(())
            return list(table.apply(changes))


@pytest.fixture
def db(tmp_path: Path) -> Db:
    made = Db(tmp_path / "shop.db")
    made.script(GUIDES)
    return made


def read(table: TableBackend, *declared: Declared) -> list[Credential]:
    with table.session(check_mode=True):
        return table.credentials(declared)


def changed(credential: Credential, values: Mapping[str, Any], **after: Any) -> Change:
    return Change(credential, replace(credential, **after), values)


def test_credentials_are_read_without_their_keys(db: Db) -> None:
    table = db.table()

    assert read(table) == [MAIN, FAST, EMPTY]
    assert table.default_priority == 100
    assert table.key_is_compared_by is None


@pytest.mark.parametrize(
    ("values", "is_same"),
    [
        ({}, {}),
        ({"key": "Key-1"}, {"key": True}),
        ({"key": "key-1"}, {"key": False}),
        ({"key": "Key-1 ", "secret": "Secret-1"}, {"key": False, "secret": True}),
        ({"key": ""}, {"key": False}),
    ],
)
def test_keys_are_compared(db: Db, values: dict[str, str], is_same: dict[str, bool]) -> None:
    db.script(
        "ALTER TABLE api_credentials ADD COLUMN other text COLLATE NOCASE; UPDATE api_credentials SET other=api_key"
    )

    for columns in ({}, {"key": "other"}):
        found = read(db.table(**columns), Declared("main", values=values), Declared("gone", values=values))
        assert [dict(credential.is_same) for credential in found] == [is_same, {}, {}]


def test_key_that_is_none_is_another(db: Db) -> None:
    assert read(db.table(), Declared("fast", values={"secret": "s"}))[1].is_same == {"secret": False}


def test_what_columns_are_not_there_is_as_if_for_all(db: Db) -> None:
    db.script("CREATE TABLE keys (id integer, name text, provider text, priority integer, user_id integer);")
    db.script("INSERT INTO keys VALUES (1, 'a', 'x', 5, NULL), (2, 'b', NULL, 6, 3)")

    table = db.table("keys")

    assert read(table) == [Credential(1, "a", "x", 5), Credential(2, "b", "", 6, is_global=False, user=3)]
    assert table.default_priority == 100


def test_default_of_the_column(db: Db) -> None:
    db.script("CREATE TABLE keys (id integer, name text, provider text, priority integer DEFAULT '50')")
    table = db.table("keys")
    read(table)

    assert table.default_priority == 50


def test_columns_of_another_name(db: Db) -> None:
    db.script('CREATE TABLE "my ""keys" (no integer PRIMARY KEY, "a ""name" text, kind text, rank integer, "on" text)')
    db.script("""INSERT INTO "my ""keys" VALUES (1, 'a', 'x', 5, 'true'), (2, 'b', 'y', 6, 'false')""")
    table = db.table('my "keys', id="no", name='a "name', provider="kind", priority="rank", active="on")
    first, second = Credential(1, "a", "x", 5), Credential(2, "b", "y", 6, is_active=False)
    assert read(table) == [first, second]

    db.apply(
        changed(first, {"active": False}, is_active=False),
        changed(second, {"active": True, "priority": 1}, is_active=True, priority=1),
        table=table,
    )

    assert db.rows('SELECT * FROM "my ""keys"') == [(1, "a", "x", 5, "false"), (2, "b", "y", 1, "true")]


def test_changes_are_written(db: Db) -> None:
    made = Credential(NEW, "new", "x", 9, is_active=False, is_global=False, user=3, has_key=True)
    values = {"key": "k", "secret": "s", "endpoint": "http://a", "rate_limit": 2, "user": 3, "provider": "x"}
    changes = [
        Change(FAST, None),
        changed(MAIN, {"priority": 10, "key": "Key-9", "active": False}, priority=10, is_active=False),
        Change(None, made, {**values, "active": False, "global": False, "priority": 9}),
    ]

    done = db.apply(*changes)

    assert done == [*changes[:2], Change(None, replace(made, id=4), changes[2].values)]
    columns = "id, name, provider, priority, api_key, api_secret, endpoint, rate_limit, is_active, is_global, user_id"
    assert db.rows(f"SELECT {columns}, created_at, updated_at FROM api_credentials ORDER BY id") == [  # noqa: S608 (the test's own names)
        (1, "main", "gemini", 10, "Key-9", "Secret-1", None, None, 0, 1, None, 5, SECONDS),
        (3, "empty", "groq", "priority", "", None, None, None, 1, 1, None, 7, 7),
        (4, "new", "x", 9, "k", "s", "http://a", 2, 0, 0, 3, SECONDS, SECONDS),
    ]


def test_key_that_is_as_declared_is_no_change(db: Db) -> None:
    table = db.table()

    with table.session(check_mode=False):
        table.credentials([Declared("main", values={"key": "Key-1"})])
        list(table.apply([changed(FAST, {"priority": 5}, priority=5)]))

    assert db.rows("SELECT priority FROM api_credentials") == [(100,), (5,), ("priority",)]


def test_default_for_what_is_not_given_is_left_to_the_table(db: Db) -> None:
    db.script(
        "CREATE TABLE keys (id integer PRIMARY KEY, name text, provider text, priority integer, rate_limit DEFAULT 5)"
    )

    db.apply(Change(None, Credential(NEW, "new", "x", 100), {"provider": "x"}), table=db.table("keys"))

    assert db.rows("SELECT rate_limit FROM keys") == [(5,)]


def test_what_the_table_would_take_by_default_is_as_planned(db: Db) -> None:
    db.script(
        "CREATE TABLE keys (id integer PRIMARY KEY, name text, provider text, priority integer,"
        " is_active integer DEFAULT 0, is_global integer DEFAULT 0)"
    )
    table = db.table("keys")

    [change] = db.apply(Change(None, Credential(NEW, "new", "x", 100, has_key=False), {"provider": "x"}), table=table)

    assert db.rows("SELECT * FROM keys") == [(1, "new", "x", 100, 1, 1)]
    assert change.after == Credential(1, "new", "x", 100, has_key=False)


def test_rows_that_make_their_ids_themselves_get_a_uuid(db: Db) -> None:
    db.script("CREATE TABLE keys (id text PRIMARY KEY, name text, provider text, priority integer)")
    new = Change(None, Credential(NEW, "new", "x", 100), {"provider": "x"})

    [change] = db.apply(new, table=db.table("keys"))

    assert change.after
    assert change.after.id == "00010203-0405-4607-8809-0a0b0c0d0e0f"
    assert db.rows("SELECT id FROM keys") == [(change.after.id,)]


def test_ids_with_a_default_are_left_to_the_table(db: Db) -> None:
    db.script("CREATE TABLE keys (id text DEFAULT 'own' PRIMARY KEY, name text, provider text, priority integer)")

    db.apply(Change(None, Credential(NEW, "new", "x", 100), {"provider": "x"}), table=db.table("keys"))

    assert db.rows("SELECT id FROM keys") == [("own",)]


def test_moments_are_like_those_of_the_newest_row(db: Db) -> None:
    db.script("UPDATE api_credentials SET updated_at = 1700000000000 WHERE id = 3")
    db.script("UPDATE api_credentials SET created_at = '2025-01-01 00:00:00' WHERE id = 3")

    db.apply(
        changed(MAIN, {"priority": 1}, priority=1), Change(None, Credential(NEW, "new", "x", 1), {"provider": "x"})
    )

    assert db.rows("SELECT created_at, updated_at FROM api_credentials WHERE id IN (1, 4)") == [
        (5, SECONDS * 1000),
        ("2026-03-10 12:05:06", SECONDS * 1000),
    ]


def test_many_rows_take_few_statements(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    db.script("DELETE FROM api_credentials")
    with sqlite3.connect(db.path) as database:
        database.executemany(
            "INSERT INTO api_credentials (id, name, provider, created_at, updated_at) VALUES (?, ?, 'x', 1, 1)",
            [(number, f"c{number}") for number in range(1, 1202)],
        )
    database.close()
    table, sent = db.table(), []

    with table.session(check_mode=False):
        present = table.credentials(())
        execute = table._rows._connection.execute

        def counted(sql: str, parameters: Sequence[object] = ()) -> int:
            sent.append(sql)
            return execute(sql, parameters)

        monkeypatch.setattr(table._rows._connection, "execute", counted)
        list(table.apply([changed(one, {"priority": 5}, priority=5) for one in present]))

    assert db.rows("SELECT priority, count(*) FROM api_credentials GROUP BY 1") == [(5, 1201)]
    assert len([sql for sql in sent if sql.startswith("UPDATE")]) == 3


def test_check_mode_cannot_write(db: Db) -> None:
    before = db.path.read_bytes()
    table = db.table()

    with table.session(check_mode=True):
        table.credentials(())
        with pytest.raises(DatabaseError) as failed:
            list(table.apply([Change(MAIN, None)]))

    assert failed.value.reason == "read_only"
    assert db.path.read_bytes() == before


def test_check_mode_opens_for_reading_only(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    table = db.table()
    seen = []

    def connect(*given: Any, **options: Any) -> Any:
        seen.append(options["read_only"])
        return open_connection(*given, **options)

    monkeypatch.setattr(table, "_connect", connect)
    for check_mode in (True, False):
        with table.session(check_mode=check_mode):
            table.credentials(())

    assert seen == [True, False]


def test_nobody_writes_in_between(db: Db) -> None:
    table = db.table()

    with table.session(check_mode=False), pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(db.path, timeout=0).execute("DELETE FROM api_credentials")
    with table.session(check_mode=True):
        db.script("BEGIN IMMEDIATE; ROLLBACK")


# What goes wrong


def refused(db: Db, *changes: Change, table: TableBackend | None = None) -> DatabaseError:
    before = db.rows("SELECT * FROM api_credentials")
    with pytest.raises(DatabaseError) as failed:
        db.apply(*changes, table=table)
    assert db.rows("SELECT * FROM api_credentials") == before
    assert failed.value.message.endswith("Nothing was changed.")
    return failed.value


def test_error_in_the_middle_undoes_all(db: Db) -> None:
    twin = Change(None, Credential(NEW, "fast", "x", 1), {"provider": "x"})

    error = refused(db, changed(MAIN, {"priority": 10}, priority=10), Change(EMPTY, None), twin)

    assert error.reason == "constraint"


def test_somebody_for_whom_it_is_must_be_there(db: Db) -> None:
    stranger = Change(None, Credential(NEW, "new", "x", 1, is_global=False, user=9), {"provider": "x", "user": 9})

    assert refused(db, stranger).reason == "constraint"


ANOTHER = "BEGIN INSERT INTO api_credentials SELECT {}, '{}', 'x', '', '', '', 1, 1, 1, NULL, 1, 1, 1"


@pytest.mark.parametrize(
    ("trigger", "name"),
    [
        # What is written is written otherwise, or to another row, or taken away.
        ("UPDATE ON api_credentials BEGIN UPDATE api_credentials SET priority = 3 WHERE id = NEW.id", "main"),
        ("UPDATE ON api_credentials BEGIN UPDATE api_credentials SET priority = 3 WHERE id = 2", "fast"),
        ("UPDATE ON api_credentials BEGIN UPDATE api_credentials SET api_key = 'K' WHERE id = NEW.id", "main"),
        ("UPDATE ON api_credentials BEGIN DELETE FROM api_credentials WHERE id = 2", "fast"),
        ("UPDATE ON api_credentials BEGIN DELETE FROM api_credentials WHERE id = 1", "main"),
        (f"DELETE ON api_credentials {ANOTHER.format(3, 'empty')}", "empty"),
        (f"UPDATE ON api_credentials {ANOTHER.format(9, 'nine')}", "nine"),
        ("UPDATE ON api_credentials BEGIN UPDATE api_credentials SET name = 'old' WHERE id = NEW.id", "old"),
        ("UPDATE ON api_credentials BEGIN UPDATE api_credentials SET endpoint = 'x' WHERE id = NEW.id", "main"),
        ("INSERT ON api_credentials BEGIN UPDATE api_credentials SET priority = 2 WHERE id = NEW.id", "new"),
        ("INSERT ON api_credentials BEGIN DELETE FROM api_credentials WHERE id = NEW.id", "new"),
        ("INSERT ON api_credentials BEGIN UPDATE api_credentials SET name = 'old' WHERE id = NEW.id", "old"),
        ("INSERT ON api_credentials BEGIN UPDATE api_credentials SET is_active = 0 WHERE id = NEW.id", "new"),
    ],
)
def test_table_that_is_not_as_planned_undoes_all(db: Db, trigger: str, name: str) -> None:
    db.script(f"CREATE TRIGGER meddle AFTER {trigger}; END")
    made = {"provider": "x", "active": True}

    error = refused(
        db,
        changed(MAIN, {"priority": 10, "key": "Key-9"}, priority=10),
        Change(EMPTY, None),
        Change(None, Credential(NEW, "new", "x", 1), made),
    )

    assert f"the credential {name} is not as it was written" in error.message


def test_row_that_is_renamed_meanwhile_undoes_all(db: Db) -> None:
    renamed = "BEGIN UPDATE api_credentials SET name = 'old' WHERE id = NEW.id; END"
    db.script(f"CREATE TRIGGER meddle AFTER UPDATE ON api_credentials {renamed}")

    error = refused(db, changed(MAIN, {"priority": 10}, priority=10))

    assert "the credential old is not as it was written" in error.message


def test_row_that_several_have_the_id_of_is_refused(db: Db) -> None:
    error = refused(db, table=db.table(id="is_active"))

    assert "the column is_active of the table api_credentials has the same value in several rows" in error.message


@pytest.mark.parametrize(
    ("table", "columns", "needed", "told"),
    [
        (
            "credentials",
            {},
            (),
            "there is no table credentials: apply the migration that makes it, or say in table what"
            " it is called. Did you mean api_credentials?",
        ),
        (
            "api_credentials",
            {"priority": "rank"},
            (),
            "The table api_credentials has no column rank: apply the migration that adds it",
        ),
        ("api_credentials", {"active": "enabled"}, ("active",), "has no column enabled: apply the migration"),
        (
            "api_credentials",
            {"priority": "endpoint"},
            (),
            "The column endpoint of the table api_credentials is of the type ",
        ),
    ],
)
def test_table_or_column_that_is_not_there_names_the_remedy(
    db: Db, table: str, columns: dict[str, str], needed: tuple[str, ...], told: str
) -> None:
    error = refused(db, table=db.table(table, needed, **columns))

    assert told in error.message
    assert error.reason == "missing"


def test_empty_database(tmp_path: Path) -> None:
    db = Db(tmp_path / "empty.db")
    db.script("VACUUM")

    with pytest.raises(DatabaseError, match=r"what it is called\. Nothing was changed\."):
        read(db.table())


def test_locked_database(db: Db) -> None:
    other = sqlite3.connect(db.path)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    try:
        error = refused(db, changed(MAIN, {"priority": 10}, priority=10))
    finally:
        other.close()

    assert error.reason == "locked"
    # SQLite by itself would wait for 10 seconds.
    assert time.monotonic() - begun < 5
    assert "This was waited for 0.05 s (lock_timeout). Nothing was changed." in error.message


def test_database_that_only_reads(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    db.path.chmod(stat.S_IRUSR)
    table = db.table()
    # Root may write to any file.
    monkeypatch.setattr(
        table, "_connect", lambda *given, **options: open_connection(*given, **{**options, "read_only": True})
    )

    error = refused(db, changed(MAIN, {"priority": 10}, priority=10), table=table)

    assert error.reason == "read_only"
    assert "waited" not in error.message


def test_table_of_which_there_are_several_is_asked_for(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    schemas = [Table("keys", "a"), Table("keys", "b")]

    def told(name: str) -> str:
        table = db.table(name)
        monkeypatch.setattr(table._engine, "tables", lambda _connection: schemas)
        return refused(db, table=table).message

    assert "there are several tables keys: say which, of a.keys, b.keys." in told("keys")
    # The one that is meant is found, and has nothing.
    assert "The table b.keys has no column id" in told("b.keys")
