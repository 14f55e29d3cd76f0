# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import (
    Column,
    Engine,
    Failure,
    Table,
    Version,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite, file_uri
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_sqlite import SqliteConnection, connect
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput

SQLITE: Engine = Sqlite()
ADDRESS = Address("sqlite", "/srv/app/data.db")

AWKWARD = [
    "",
    " ",
    "a b",
    'say "hi"',
    "it's",
    "`x`",
    "[y]",
    "select",
    "main",
    "sqlite",
    "é€😀",
    "a\nb",
    "--",
    "a;b",
    "%s",
]

MODERN = pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="PRAGMA table_list is of 3.37.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.db"


@pytest.fixture
def connection(path: Path) -> Iterator[SqliteConnection]:
    path.touch()
    with closing(opened(path)) as connection:
        yield connection


def opened(path: Path) -> SqliteConnection:
    address = Address("sqlite", str(path))
    return connect(address, lambda failure: SQLITE.explain(failure, address))


def explained(code: str, message: str) -> DatabaseError:
    return SQLITE.explain(Failure(code, message), ADDRESS)


class Recorded:
    """A session that answers each query with the same rows."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.answer = list(rows)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.answer

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        raise NotImplementedError

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        raise NotImplementedError

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("users", '"users"'), ('a"b', '"a""b"'), ('""', '""""""'), ("", '""'), ("it's", '"it\'s"'), ("é", '"é"')],
)
def test_name_is_quoted(name: str, quoted: str) -> None:
    assert SQLITE.quote(name) == quoted


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a\udfff"])
def test_name_that_can_be_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SQLITE.quote(name)

    assert name not in caught.value.message


def test_qualified_name_has_both_parts_quoted() -> None:
    assert SQLITE.qualified(Table('a"b')) == '"a""b"'
    assert SQLITE.qualified(Table("a", 'x"y')) == '"x""y"."a"'


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_name_is_taken_literally(connection: SqliteConnection, name: str) -> None:
    quoted = SQLITE.quote(name)
    connection.execute(f"CREATE TABLE {quoted} ({quoted} TEXT, other)")
    connection.execute(f"INSERT INTO {quoted} ({quoted}) VALUES (?), (?)", ("a", "b"))  # noqa: S608

    assert SQLITE.tables(connection) == [Table(name)]
    assert [column.name for column in SQLITE.columns(connection, Table(name))] == [name, "other"]
    assert SQLITE.count_rows(connection, [Table(name)]) == {Table(name): 2}
    connection.execute("CREATE TABLE bystander AS SELECT 1 AS a")
    for statement in SQLITE.maintenance("analyze", [Table(name)]):
        connection.execute(statement)
    assert connection.rows("SELECT tbl, stat FROM sqlite_stat1") == [(name, "2")]


def test_version_is_that_of_the_library(connection: SqliteConnection) -> None:
    version = SQLITE.version(connection)

    assert version == Version(sqlite3.sqlite_version_info, "SQLite", sqlite3.sqlite_version)
    assert version.text == sqlite3.sqlite_version


@pytest.fixture
def zoo(connection: SqliteConnection) -> SqliteConnection:
    """One of each kind of thing that a database can hold."""
    for statement in (
        "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE)",
        "CREATE TABLE Words (word TEXT, language TEXT, PRIMARY KEY (word, language)) WITHOUT ROWID",
        "CREATE TABLE sqlitefans (a)",
        "CREATE VIEW everybody AS SELECT email FROM users",
        "CREATE INDEX by_email ON users (email)",
        "CREATE TRIGGER no_more BEFORE DELETE ON users BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE VIRTUAL TABLE IF NOT EXISTS main.notes USING fts5(title, content)",
        'CREATE VIRTUAL TABLE "old ""notes""" /* of the first kind */ USING "FTS4"(text)',
        "CREATE VIRTUAL TABLE places USING rtree(id, low, high)",
        "CREATE TABLE notes_archive (a)",
        "INSERT INTO users (email) VALUES ('a@b'), ('c@d')",
        "INSERT INTO Words VALUES ('a', 'en')",
        "INSERT INTO notes VALUES ('t', 'c')",
        "ANALYZE",
    ):
        connection.execute(statement)
    return connection


def test_only_what_holds_rows_of_its_own_is_a_table(zoo: SqliteConnection) -> None:
    tables = SQLITE.tables(zoo)

    assert [str(table) for table in tables] == ["Words", "notes_archive", "sqlitefans", "users"]
    assert list(SQLITE.count_rows(zoo, tables).values()) == [1, 0, 0, 2]


@MODERN
def test_tables_are_those_that_sqlite_calls_so(zoo: SqliteConnection) -> None:
    called_so = zoo.rows("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name")

    assert [table.name for table in SQLITE.tables(zoo)] == [
        name
        for (name,) in called_so
        if name != "sqlite_schema" and not name.startswith(("sqlite_stat", "sqlite_sequence"))
    ]


@pytest.mark.parametrize("option", ["content='notes_content'", 'content = "notes_content"', "content=notes_content"])
def test_table_of_the_user_that_a_virtual_one_indexes_counts(connection: SqliteConnection, option: str) -> None:
    connection.execute("CREATE TABLE notes_content (body)")
    connection.execute(f"CREATE VIRTUAL TABLE notes USING fts5(body, {option})")

    assert SQLITE.tables(connection) == [Table("notes_content")]


def test_virtual_table_of_an_unknown_module_does_no_harm(connection: SqliteConnection) -> None:
    connection.execute("CREATE TABLE users (id)")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "INSERT INTO sqlite_master VALUES ('table', 'vec', 'vec', 0, 'CREATE VIRTUAL TABLE vec USING vec0(a)')"
    )

    assert SQLITE.tables(connection) == [Table("users")]
    assert len(SQLITE.schema_fingerprint(connection)) == 64


def test_empty_database_has_no_tables(connection: SqliteConnection) -> None:
    assert SQLITE.tables(connection) == []
    assert SQLITE.count_rows(connection, []) == {}


def test_more_tables_than_a_compound_select_may_have_are_counted_at_once(connection: SqliteConnection) -> None:
    tables = [Table(f"table {number:04}") for number in range(1201)]
    with connection.transaction():
        for number, table in enumerate(tables):
            connection.execute(f"CREATE TABLE {SQLITE.quote(table.name)} (a)")
            if number % 400 == 0:
                connection.execute(f"INSERT INTO {SQLITE.quote(table.name)} VALUES (1), (2)")  # noqa: S608

    counts = SQLITE.count_rows(connection, tables)

    assert list(counts) == tables
    assert {table.name: count for table, count in counts.items() if count} == {
        f"table {number:04}": 2 for number in (0, 400, 800, 1200)
    }


def test_columns_are_told_in_their_order(connection: SqliteConnection) -> None:
    connection.execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL DEFAULT 'a''b', priority DEFAULT 100,"
        " made TEXT DEFAULT CURRENT_TIMESTAMP, shout TEXT AS (upper(email)) STORED, twice INT AS (priority * 2))"
    )

    assert SQLITE.columns(connection, Table("users")) == [
        Column("id", "INTEGER", False, None),
        Column("email", "VARCHAR(80)", False, "'a''b'"),
        Column("priority", "", True, "100"),
        Column("made", "TEXT", True, "CURRENT_TIMESTAMP"),
        Column("shout", "TEXT", True, None),
        Column("twice", "INT", True, None),
    ]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("(a TEXT PRIMARY KEY)", [True]),
        ("(a INT PRIMARY KEY)", [True]),
        ("(a integer primary key)", [False]),
        ("(a INTEGER, b INTEGER, PRIMARY KEY (a, b))", [True, True]),
        ("(a TEXT, b, PRIMARY KEY (a)) WITHOUT ROWID", [False, True]),
        ("(id INTEGER PRIMARY KEY, b INTEGER)", [False, True]),
    ],
)
def test_column_is_nullable_where_it_can_be_null(
    connection: SqliteConnection, definition: str, expected: list[bool]
) -> None:
    connection.execute(f"CREATE TABLE t {definition}")

    assert [column.is_nullable for column in SQLITE.columns(connection, Table("t"))] == expected


def test_what_is_no_table_has_no_columns(zoo: SqliteConnection) -> None:
    assert SQLITE.columns(zoo, Table("nothing")) == []
    assert SQLITE.columns(zoo, Table("everybody")) == []
    # As a statement would find it.
    assert [column.name for column in SQLITE.columns(zoo, Table("USERS"))] == ["id", "email"]
    # Without the hidden ones.
    assert [column.name for column in SQLITE.columns(zoo, Table("notes"))] == ["title", "content"]


SCHEMA = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, age INT CHECK (age > 0))",
    "CREATE TABLE \"the pets\" (owner INTEGER REFERENCES people (id), name TEXT DEFAULT 'Rex' COLLATE NOCASE)",
    "CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE INDEX by_owner ON [the pets] (owner)",
    "CREATE VIEW adults AS -- of age\n SELECT * FROM people WHERE age >= 18",
    "CREATE TRIGGER aging AFTER UPDATE ON people BEGIN INSERT INTO words VALUES ('a;  b'); END",
    "CREATE VIRTUAL TABLE notes USING fts5(body)",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 8",
    "INSERT INTO people (name, age) VALUES ('a', 20), ('b', 30)",
    "INSERT INTO notes VALUES ('x')",
)


def build(connection: SqliteConnection, schema: Sequence[str] = SCHEMA) -> str:
    for statement in schema:
        connection.execute(statement)
    return SQLITE.schema_fingerprint(connection)


def vacuumed(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM")
    return path


def vacuumed_into(path: Path) -> Path:
    target = path.with_name("vacuumed.db")
    with closing(sqlite3.connect(path)) as database:
        database.execute("VACUUM INTO ?", (str(target),))
    return target


def backed_up(path: Path) -> Path:
    target = path.with_name("backup.db")
    with closing(opened(path)) as connection:
        connection.copy_to(str(target))
    return target


def dumped_and_loaded(path: Path) -> Path:
    if shutil.which("sqlite3") is None:
        pytest.skip("The tool sqlite3 is not installed.")
    target = path.with_name("loaded.db")
    dump = subprocess.run(["sqlite3", path, ".dump"], check=True, capture_output=True).stdout
    # A dump leaves out both.
    numbers = b"PRAGMA user_version = 7; PRAGMA application_id = 8;"
    subprocess.run(["sqlite3", "-bail", target], input=dump + numbers, check=True)
    return target


def used(path: Path) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("INSERT INTO people (name, age) VALUES ('c', 4)")
        database.execute("ANALYZE")
        database.execute("DELETE FROM people")
        database.execute("INSERT INTO notes VALUES ('y')")
        database.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.mark.parametrize("way", [vacuumed, vacuumed_into, backed_up, dumped_and_loaded, used])
def test_fingerprint_stays(path: Path, connection: SqliteConnection, way: Callable[[Path], Path]) -> None:
    before = build(connection)

    with closing(opened(way(path))) as other:
        assert SQLITE.schema_fingerprint(other) == before
        assert len(before) == 64


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE people ADD COLUMN city TEXT",
        "ALTER TABLE people RENAME COLUMN age TO years",
        "ALTER TABLE words RENAME TO terms",
        "CREATE TABLE more (a)",
        "CREATE INDEX by_age ON people (age)",
        "DROP INDEX by_owner",
        "CREATE TRIGGER t AFTER DELETE ON people BEGIN SELECT 1; END",
        "DROP TRIGGER aging",
        "CREATE VIEW v AS SELECT 1",
        "DROP VIEW adults",
        "DROP TABLE notes",
        "PRAGMA user_version = 9",
        "PRAGMA application_id = 9",
    ],
)
def test_fingerprint_differs_after_a_change(connection: SqliteConnection, change: str) -> None:
    before = build(connection)

    assert build(connection, [change]) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'Rex'", "'Max'"),
        ("'Rex'", "'rex'"),
        ("'Rex'", "'R ex'"),
        ("COLLATE NOCASE", "COLLATE RTRIM"),
        (" REFERENCES people (id)", ""),
        ("REFERENCES people (id)", "REFERENCES people (id) ON DELETE CASCADE"),
        (" CHECK (age > 0)", ""),
        ("age > 0", "age > 1"),
        (" UNIQUE", ""),
        (" AUTOINCREMENT", ""),
        (" WITHOUT ROWID", ""),
        ("'a;  b'", "'a; b'"),
        ("the pets", "the  pets"),
        ("age >= 18", "age >= 21"),
        ("fts5(body)", "fts5(body, title)"),
    ],
)
def test_fingerprint_differs_for_another_definition(tmp_path: Path, old: str, new: str) -> None:
    fingerprints = set()
    for number, schema in enumerate((SCHEMA[:9], [statement.replace(old, new) for statement in SCHEMA[:9]])):
        (tmp_path / str(number)).touch()
        with closing(opened(tmp_path / str(number))) as connection:
            fingerprints.add(build(connection, schema))

    assert len(fingerprints) == 2


def test_fingerprint_does_not_depend_on_the_order(tmp_path: Path) -> None:
    fingerprints = set()
    for number, order in enumerate((slice(None), slice(None, None, -1))):
        (tmp_path / str(number)).touch()
        with closing(opened(tmp_path / str(number))) as connection:
            fingerprints.add(build(connection, [SCHEMA[2], SCHEMA[0], SCHEMA[6]][order]))

    assert len(fingerprints) == 1


def fingerprint(sql: str) -> str:
    return SQLITE.schema_fingerprint(Recorded([("table", "t", "t", sql)]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CREATE TABLE t (a, b)", "CREATE  TABLE\tt\n(a,b )\r\n"),
        ("CREATE TABLE t(a DEFAULT (1+1))", "CREATE TABLE t (a DEFAULT (1 + 1))"),
        ("CREATE TABLE t (a) -- x", "CREATE TABLE t(a)-- x"),
        ("CREATE TABLE t (a /* x */)", "CREATE TABLE t (a/* x */ )"),
        ("CREATE TABLE t (a -- x\n, b)", "CREATE TABLE t (a -- x\n\n  ,b)"),
    ],
)
def test_white_space_between_words_means_nothing(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'a  b'", "SELECT 'a b'"),
        ("SELECT 'it''s  b'", "SELECT 'it''s b'"),
        ('SELECT "a  b"', 'SELECT "a b"'),
        ('SELECT "a""  b"', 'SELECT "a"" b"'),
        ("SELECT `a  b`", "SELECT `a b`"),
        ("SELECT [a  b]", "SELECT [a b]"),
        ("SELECT 'a\nb'", "SELECT 'a b'"),
        ("SELECT 1 -- '\n, 'a  b'", "SELECT 1 -- '\n, 'a b'"),
        ("SELECT 1 /* ' */, 'a  b'", "SELECT 1 /* ' */, 'a b'"),
        ("SELECT 1 -- x\n, 2", "SELECT 1 -- x, 2"),
        ("SELECT ab", "SELECT a b"),
        ("SELECT x'ab'", "SELECT x 'ab'"),
        ("SELECT 1.e5", "SELECT 1. e5"),
        ("SELECT 'a' 'b'", "SELECT 'a''b'"),
        ("SELECT é x", "SELECT éx"),
        ("SELECT a\u00a0b", "SELECT a b"),
    ],
)
def test_white_space_that_means_something_does(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_fingerprint_tells_apart_what_belongs_to_which_table() -> None:
    one = [("index", "i", "t", "CREATE INDEX i"), ("index", "j", "u", "CREATE INDEX j")]
    other = [("index", "i", "u", "CREATE INDEX i"), ("index", "j", "t", "CREATE INDEX j")]

    assert SQLITE.schema_fingerprint(Recorded(one)) != SQLITE.schema_fingerprint(Recorded(other))
    assert SQLITE.schema_fingerprint(Recorded(one)) == SQLITE.schema_fingerprint(Recorded(one[::-1]))


def test_session_is_set_up(connection: SqliteConnection) -> None:
    for statement in SQLITE.session(lock_timeout=1.2345, read_only=True, statement_timeout=3):
        connection.execute(statement)

    assert connection.rows("PRAGMA busy_timeout") == [(1235,)]
    with pytest.raises(DatabaseError) as caught:
        connection.execute("CREATE TABLE t (a)")
    assert caught.value.reason == "read_only"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0"), (0.0001, "1"), (60, "60000"), (1e12, str(2**31 - 1))], ids=str
)
def test_wait_for_a_lock_is_in_milliseconds(seconds: float, expected: str) -> None:
    assert SQLITE.session(lock_timeout=seconds) == [f"PRAGMA busy_timeout = {expected}"]


def test_session_with_nothing_asked_for_is_left_alone() -> None:
    assert SQLITE.session() == []


def test_maintenance_of_the_whole_database(zoo: SqliteConnection) -> None:
    assert SQLITE.maintenance("vacuum", []) == ["VACUUM"]
    assert SQLITE.maintenance("analyze", []) == ["ANALYZE"]
    for action in ("vacuum", "analyze"):
        for statement in SQLITE.maintenance(action, []):
            zoo.execute(statement)


def test_vacuum_of_a_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="whole database only"):
        SQLITE.maintenance("vacuum", [Table("t")])


def test_unknown_maintenance_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="tidy"):
        SQLITE.maintenance("tidy", [])


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/srv/app/data.db", "file:///srv/app/data.db?mode=ro"),
        ("/a b?c#d%20e&f", "file:///a%20b%3Fc%23d%2520e%26f?mode=ro"),
        ("//srv/é", "file:////srv/%C3%A9?mode=ro"),
        ("/\udcff", "file:///%FF?mode=ro"),
    ],
)
def test_path_as_uri(path: str, uri: str) -> None:
    assert file_uri(path, "ro") == uri


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="The tool sqlite3 is not installed.")
@pytest.mark.skipif(os.geteuid() != 0, reason="Only root may become a user without an account.")
def test_tool_reads_no_settings_of_the_user() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)  # noqa: S103 (for a user to whom nothing else belongs)
        Path(home, ".sqliterc").write_text(".mode json\n")
        Path(home, "data.db").touch()
        arguments = SQLITE.client(Address("sqlite", f"{home}/data.db")).arguments
        # Of a user with an account the tool does not believe HOME.
        asked = subprocess.run(
            ["sqlite3", *arguments, "SELECT 7;"], capture_output=True, check=True, user=54321, env={"HOME": home}
        )

    assert asked.stdout == b"7\n"


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="The tool sqlite3 is not installed.")
@pytest.mark.parametrize("name", ["data.db", "a b?c#d%20e.db", "é'\".db", "-x"])
def test_tool_gets_to_the_file_and_makes_none(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    access = SQLITE.client(Address("sqlite", str(path)))

    def asked(sql: str) -> subprocess.CompletedProcess[str]:
        argv = ["sqlite3", *access.arguments]
        return subprocess.run(argv, input=sql, text=True, capture_output=True, check=False)

    missing = asked("SELECT 1;")
    assert explained("", missing.stderr).reason == "permission"
    assert not path.exists()
    path.touch()
    assert asked("CREATE TABLE t (a); INSERT INTO t VALUES (7); SELECT a FROM t;").stdout == "7\n"
    failed = asked("SELECT 1 FROM nowhere;\nDROP TABLE t;\n")
    assert failed.returncode != 0
    assert explained("", failed.stderr).message == (
        "The SQLite database /srv/app/data.db does not have what is asked for (no such table: nowhere): check the name,"
        " and which migrations are applied."
    )
    assert asked("SELECT a FROM t;").stdout == "7\n"
    assert (access.environment, access.file) == ({}, None)


# As Python's sqlite3 gave them: the name of the code, which it has from 3.11 on, and the words.
RECORDED = [
    ("SQLITE_BUSY", "database is locked", "locked", "is locked by another process"),
    ("SQLITE_BUSY_SNAPSHOT", "database is locked", "locked", "is locked by another process"),
    ("SQLITE_BUSY_RECOVERY", "database is locked", "locked", "is locked by another process"),
    ("SQLITE_LOCKED", "database table is locked: users", "locked", "is locked by another process"),
    ("SQLITE_LOCKED_SHAREDCACHE", "database table is locked", "locked", "is locked by another process"),
    ("SQLITE_PROTOCOL", "locking protocol", "locked", "is locked by another process"),
    ("SQLITE_READONLY", "attempt to write a readonly database", "read_only", "cannot be written"),
    ("SQLITE_READONLY_DIRECTORY", "attempt to write a readonly database", "read_only", "cannot be written"),
    ("SQLITE_NOTADB", "file is not a database", "corrupt", "is no SQLite database, or an encrypted one"),
    ("SQLITE_NOTADB", "file is encrypted or is not a database", "corrupt", "is no SQLite database"),
    ("SQLITE_CORRUPT", "database disk image is malformed", "corrupt", "is damaged: stop what uses it"),
    ("SQLITE_CORRUPT_INDEX", "database disk image is malformed", "corrupt", "is damaged: stop what uses it"),
    ("SQLITE_ERROR", 'malformed database schema (t) - near "STRICT": syntax error', "corrupt", "newer SQLite than"),
    ("SQLITE_FULL", "database or disk is full", "disk_full", "has no space left"),
    ("SQLITE_IOERR_WRITE", "disk I/O error", "other", "could not be read or written by the system"),
    ("SQLITE_CANTOPEN", "unable to open database file", "permission", "cannot be opened: check that the file is"),
    ("SQLITE_AUTH", "not authorized", "permission", "may not be used so by this user"),
    ("SQLITE_ERROR", "not authorized", "permission", "may not be used so by this user"),
    ("SQLITE_PERM", "access permission denied", "permission", "may not be used so by this user"),
    ("SQLITE_ERROR", "no such table: users", "missing", "(no such table: users)"),
    ("SQLITE_ERROR", "no such column: u.mail", "missing", "(no such column: u.mail)"),
    ("SQLITE_ERROR", "no such function: now", "missing", "(no such function: now)"),
    ("SQLITE_ERROR", "table t has no column named zz", "missing", "(table t has no column named zz)"),
    ("SQLITE_ERROR", "unknown database other", "missing", "(unknown database other)"),
    ("SQLITE_ERROR", "no such module: vec0", "version", "lacks (no such module: vec0)"),
    ("SQLITE_ERROR", "unsupported file format", "version", "lacks (unsupported file format)"),
    ("SQLITE_ERROR", "table users already exists", "duplicate", "(table users already exists)"),
    ("SQLITE_ERROR", "there is already a table named t", "duplicate", "(there is already a table named t)"),
    (
        "SQLITE_ERROR",
        "there is already another table or index with this name: t",
        "duplicate",
        "(there is already another table or index with this name: t)",
    ),
    ("SQLITE_ERROR", "duplicate column name: b", "duplicate", "(duplicate column name: b)"),
    ("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: t.b", "constraint", "(UNIQUE constraint failed: t.b)"),
    ("SQLITE_CONSTRAINT_NOTNULL", "NOT NULL constraint failed: t.b", "constraint", "(NOT NULL constraint failed"),
    ("SQLITE_CONSTRAINT_CHECK", "CHECK constraint failed: c<5", "constraint", "(CHECK constraint failed: c<5)"),
    ("SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed", "constraint", "(FOREIGN KEY constraint failed)"),
    ("SQLITE_MISMATCH", "datatype mismatch", "constraint", "(datatype mismatch)"),
    ("SQLITE_ERROR", 'near "selec": syntax error', "syntax", '(near "selec": syntax error)'),
    ("SQLITE_ERROR", "incomplete input", "syntax", "(incomplete input)"),
    ("", "the query contains a null character", "syntax", "(the query contains a null character)"),
    ("SQLITE_INTERRUPT", "interrupted", "timeout", "was interrupted"),
    ("SQLITE_TOOBIG", "string or blob too big", "other", "cannot hold a value of this size"),
    ("", "Python int too large to convert to SQLite INTEGER", "other", "cannot hold a value of this size"),
    ("", "embedded null byte", "address", "has a path with a NUL in it"),
    ("", "lstat: embedded null character in path", "address", "has a path with a NUL in it"),
    ("SQLITE_ERROR", "cannot commit - no transaction is active", "other", "refused: cannot commit - no transaction is"),
    ("SQLITE_ERROR", "malformed JSON", "other", "refused: malformed JSON."),
    ("", "", "other", "refused: it does not say why."),
]


@pytest.mark.parametrize(("code", "message", "reason", "part"), RECORDED)
@pytest.mark.parametrize("has_code", [True, False], ids=["code", "words"])
def test_failure_is_explained(code: str, message: str, reason: str, part: str, has_code: bool) -> None:
    error = explained(code if has_code else "", message)

    assert error.reason == reason
    assert error.message.startswith("The SQLite database /srv/app/data.db ")
    assert part in error.message
    assert error.message.endswith(".")
    assert error.details == {"reason": reason, "path": "/srv/app/data.db"}


@pytest.mark.parametrize(
    ("code", "reason", "part"),
    [
        ("SQLITE_READONLY_DBMOVED", "missing", "was moved, replaced or deleted while it was open"),
        ("SQLITE_READONLY_ROLLBACK", "read_only", "left half written"),
        ("SQLITE_READONLY_RECOVERY", "read_only", "left half written"),
        ("SQLITE_IOERR_SHMSIZE", "disk_full", "has no space left"),
        ("SQLITE_CONSTRAINT_TRIGGER", "constraint", "does not accept this row"),
        ("ENOENT", "missing", "does not exist: check the path"),
        ("ENOTDIR", "missing", "does not exist: check the path"),
        ("EISDIR", "address", "is a directory"),
        ("ELOOP", "address", "leads to itself"),
        ("ENAMETOOLONG", "address", "longer than the system allows"),
        ("ENODEV", "address", "is not a plain file"),
        ("EACCES", "permission", "for example with become"),
        ("EPERM", "permission", "for example with become"),
        ("EROFS", "read_only", "cannot be written"),
        ("ENOSPC", "disk_full", "free some"),
    ],
)
def test_code_says_more_than_the_words(code: str, reason: str, part: str) -> None:
    error = explained(code, "database is locked")

    assert error.reason == reason
    assert part in error.message


@pytest.mark.parametrize("code", ["SQLITE_CONSTRAINT_TRIGGER", "SQLITE_CONSTRAINT"])
def test_words_of_a_trigger_are_no_other_reason(code: str) -> None:
    error = explained(code, "no such table: this account is closed")

    assert error.reason == "constraint"
    assert "(no such table: this account is closed)" in error.message


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('unrecognized token: "\'s3cret"', "syntax"),
        ("unrecognized token: \"x's3cret'\"", "syntax"),
        ("near \"'s3cret'\": syntax error", "syntax"),
        ('near "\'a": s3cret\'": syntax error', "syntax"),
        ("near \"'a\ns3cret'\": syntax error", "syntax"),
        ("near \"x's3cret'\": syntax error", "syntax"),
        ('near ""s3cret"": syntax error', "syntax"),
        ('near "4s3cret": syntax error', "syntax"),
        ("Could not decode to UTF-8 column 'name' with text 's3cret\udcff'", "other"),
        ("Parse error near line 1: near \"selec\": syntax error\n  selec 's3cret';\n  ^--- error here\n", "syntax"),
        ("Error: in prepare, unrecognized token: \"'s3cret\"\n  select 's3cret\n", "syntax"),
    ],
)
def test_values_in_a_statement_are_not_told(message: str, reason: str) -> None:
    error = explained("", message)

    assert error.reason == reason
    assert "s3cret" not in error.message


@pytest.mark.parametrize(
    "message",
    [
        "Error: in prepare, no such table: nope\n",
        "Parse error near line 1: no such table: nope\n",
        "Parse error: no such table: nope\n  SELECT 1 FROM nope;\n",
        "Error: near line 12: no such table: nope\n",
        "Runtime error near line 12: no such table: nope (1)\n",
        "Error: stepping, no such table: nope (1)\n",
        "Error: no such table: nope\n",
    ],
)
def test_words_of_the_tool_are_left_out(message: str) -> None:
    assert "(no such table: nope): check" in explained("", message).message


def test_braces_in_names_do_no_harm() -> None:
    assert "(no such table: {said} {0})" in explained("SQLITE_ERROR", "no such table: {said} {0}").message
