# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.sqlite import SqliteBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Dump, Swap, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    CommandError,
    DatabaseError,
    FileError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Holder, Stage

STRATEGY = SqliteBackup()
HOST = this_host()
TAG = "20261121120000abcdef"
LATER = "20261121130000abcdef"
EMPTY = Facts({}, "")

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="Only root may do this.")

GZIP, GUNZIP = [Stage(("gzip", "-1", "-c"))], [Stage(("gzip", "-d", "-c"))]

# Opens the database, reads of it, and keeps it open until it is told to end.
HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement)
database.execute("SELECT count(*) FROM sqlite_master").fetchall()
print("held", flush=True)
sys.stdin.read()
"""

# Is killed after it has committed the row 3, and while it writes others.
VICTIM = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 2")
database.execute("INSERT INTO t VALUES (3)")
database.execute("BEGIN")
for number in range(100):
    database.execute("INSERT INTO t VALUES (zeroblob(5000))")
os.kill(os.getpid(), signal.SIGKILL)
"""

# Moves money between accounts, and writes down each move, until it is told to end.
MOVER = """
import random, select, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
database.execute("PRAGMA synchronous = OFF")
done = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    one, other = random.sample(range(50), 2)
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE accounts SET balance = balance - 7 WHERE id = ?", (one,))
    database.execute("INSERT INTO moves VALUES (?, ?)", (one, other))
    database.execute("UPDATE accounts SET balance = balance + 7 WHERE id = ?", (other,))
    database.execute("COMMIT")
    done += 1
    if done == 1:
        print("moving", flush=True)
print(done)
"""

JOURNALS = pytest.mark.parametrize("journal", ["WAL", "DELETE"])


def made(path: Path, *statements: str, journal: str = "DELETE") -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in (f"PRAGMA journal_mode = {journal}", *(statements or ("CREATE TABLE t (a)", *inserts(1, 2)))):
            database.execute(statement)
    return path


def inserts(*values: int) -> list[str]:
    return [f"INSERT INTO t VALUES {', '.join(f'({value})' for value in values)}"]  # noqa: S608 (numbers)


def asked(path: Path | str, *statements: str) -> list[tuple[Any, ...]]:
    """What the last statement gives."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.text_factory = bytes
        return [database.execute(statement).fetchall() for statement in statements][-1]


def values(path: Path | str) -> list[int]:
    return [value for (value,) in asked(path, "SELECT a FROM t ORDER BY a")]


def killed_in(path: Path) -> Path:
    """The same database, in which a writer was killed."""
    subprocess.run([sys.executable, "-c", VICTIM, path], check=False)
    return path


def address(path: Path | str) -> Address:
    return Address("sqlite", str(path))


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


@pytest.fixture
def terms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terms]:
    scratch = tmp_path_factory.mktemp("scratch")
    yield Terms(str(scratch), lock_timeout=0.2)
    assert names(scratch) == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that is alone in its directory."""
    (tmp_path / "app").mkdir()
    return made(tmp_path / "app" / "data.db", journal="WAL")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a backup is to be, alone in its directory."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "backup.db"


def dumped(path: Path, target: Path, terms: Terms, pack: Sequence[Stage] = (), *, with_content: bool = False) -> Dump:
    return STRATEGY.dump(address(path), pack, str(target), HOST, terms, with_content=with_content)


def content(path: Path) -> str:
    with closing(HOST.connect(address(path), STRATEGY.engine)) as connection:
        found = STRATEGY.measure(connection, with_content=True).content_sha256
    assert found
    return found


@contextmanager
def other_process(script: str, *arguments: Path | str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said its first line; it ends with the context."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


# Dumps

AWKWARD = (
    "PRAGMA user_version = -7",
    "PRAGMA application_id = 252006674",
    'CREATE TABLE "select" ("from" TEXT, "a""b" BLOB, `c d` REAL, [é😀] INTEGER)',
    "INSERT INTO \"select\" VALUES ('👍🏽 é', x'00ff00', 9e999, 9223372036854775807)",
    "INSERT INTO \"select\" VALUES (CAST(x'610062' AS TEXT), x'', -9e999, -9223372036854775808)",
    "INSERT INTO \"select\" VALUES (CAST(x'ff61' AS TEXT), NULL, 9e999 * 0, 9007199254740993)",
    "INSERT INTO \"select\" VALUES ('', '', 0.1 + 0.2, 1.5)",
    "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE)",
    "INSERT INTO parent (name) VALUES ('a'), ('b'), ('c')",
    "DELETE FROM parent WHERE name = 'c'",
    "CREATE TABLE child (parent REFERENCES parent ON DELETE CASCADE, n INT CHECK (n > 0))",
    "INSERT INTO child VALUES (1, 1), (77, 2)",
    "CREATE TABLE generated (a INT, b INT AS (a * 2) VIRTUAL, c TEXT AS (a || 'x') STORED)",
    "INSERT INTO generated VALUES (1), (2)",
    "CREATE TABLE pairs (k TEXT, n INT, v, PRIMARY KEY (k, n)) WITHOUT ROWID",
    "INSERT INTO pairs VALUES ('b', 1, NULL), ('a', 2, 'x')",
    "CREATE TABLE strict (a ANY, b INT) STRICT",
    "INSERT INTO strict VALUES ('001', 1)",
    "CREATE VIRTUAL TABLE words USING fts5 (body)",
    "INSERT INTO words VALUES ('the quick brown fox'), ('jumps over')",
    "CREATE VIRTUAL TABLE boxes USING rtree (id, x1, x2)",
    "INSERT INTO boxes VALUES (1, 0.5, 2.5)",
    "CREATE TABLE log (what)",
    "CREATE TRIGGER noted AFTER INSERT ON parent BEGIN INSERT INTO log VALUES (new.name); END",
    "CREATE VIEW shown AS SELECT upper(name) FROM parent",
    "CREATE INDEX partial ON child (n) WHERE n > 1",
    "CREATE INDEX expression ON child (n % 2, parent COLLATE NOCASE DESC)",
)


@JOURNALS
@pytest.mark.parametrize(("pack", "unpack"), [([], []), (GZIP, GUNZIP)])
def test_awkward_data_comes_back_to_the_bit(
    path: Path, target: Path, terms: Terms, journal: str, pack: list[Stage], unpack: list[Stage]
) -> None:
    path.unlink()
    made(path, *AWKWARD, journal=journal)

    dump = dumped(path, target, terms, pack, with_content=True)
    STRATEGY.check(str(target), unpack, dump.facts, HOST, terms)

    with STRATEGY.scratch(address(path), dump.facts, "auto", HOST, terms) as (copy, place):
        STRATEGY.load(str(target), unpack, copy, HOST, terms, is_scratch=True)
        with closing(HOST.connect(copy, STRATEGY.engine)) as connection:
            assert STRATEGY.measure(connection, with_content=True) == dump.facts
        for query in QUESTIONS:
            assert asked(copy.name, query) == asked(path, query)
        # Not only the same, but at work.
        insert = "INSERT INTO parent (name) VALUES ('new')"
        assert asked(copy.name, insert, "SELECT * FROM log") == [(b"new",)]
        assert asked(copy.name, "SELECT max(id) FROM parent") == [(4,)]
    assert place == "file"
    assert sum(dump.facts.tables.values()) == 4 + 2 + 2 + 2 + 2 + 1
    assert names(path.parent) == ["data.db"]
    assert names(target.parent) == ["backup.db"]


QUESTIONS = (
    'SELECT rowid, * FROM "select"',
    "SELECT rowid, * FROM parent",
    "SELECT rowid, * FROM child",
    "SELECT rowid, * FROM generated",
    "SELECT rowid, * FROM strict",
    "SELECT type, name, sql FROM sqlite_master",
    "SELECT * FROM pairs",
    "SELECT * FROM words WHERE words MATCH 'quick'",
    "SELECT * FROM boxes WHERE x1 > 0",
    "SELECT * FROM shown",
    "SELECT * FROM sqlite_sequence",
    'SELECT typeof("from"), typeof([é😀]), quote(`c d`), hex("from") FROM "select"',
    "SELECT n FROM child INDEXED BY partial WHERE n > 1",
    "SELECT * FROM pragma_user_version, pragma_application_id, pragma_encoding, pragma_page_size, pragma_journal_mode",
)


def test_dump_tells_what_it_is(path: Path, target: Path, terms: Terms) -> None:
    told: list[int] = []

    dump = dumped(path, target, replace(terms, progress=told.append), GZIP)

    assert (dump.consistency, dump.warnings) == ("snapshot", ())
    assert dump.server == dump.tool == f"SQLite {sqlite3.sqlite_version}"
    assert dump.facts.tables == {Table("t"): 2}
    assert dump.facts.content_sha256 is None
    assert dump.flow == HOST.pipes.hash(str(target))
    assert told[-1:] == [dump.flow.size]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (STRATEGY.suffix, STRATEGY.engine.name) == (".db", "sqlite")


def test_row_of_64_mb_comes_back(path: Path, target: Path, terms: Terms) -> None:
    path.unlink()
    made(path, "CREATE TABLE t (a)", "INSERT INTO t VALUES (randomblob(67108864))")

    dump = dumped(path, target, terms, with_content=True)

    STRATEGY.check(str(target), [], dump.facts, HOST, terms)
    assert asked(target, "SELECT a FROM t") == asked(path, "SELECT a FROM t")
    assert dump.facts.content_sha256 == content(target)


def test_size_is_that_of_the_file_with_its_free_pages(path: Path) -> None:
    asked(path, "PRAGMA journal_mode = DELETE", "PRAGMA page_size = 8192", "VACUUM", *inserts(*range(5000)))
    asked(path, "DELETE FROM t")

    with closing(HOST.connect(address(path), STRATEGY.engine)) as connection:
        size = STRATEGY.engine.size(connection)
    assert size == path.stat().st_size > 40000


@JOURNALS
def test_dump_is_of_one_moment_while_others_write(path: Path, target: Path, terms: Terms, journal: str) -> None:
    path.unlink()
    accounts = ", ".join(f"({number}, 1000)" for number in range(50))
    made(
        path,
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance)",
        f"INSERT INTO accounts VALUES {accounts}",  # noqa: S608 (numbers)
        "CREATE TABLE moves (one, other)",
        journal=journal,
    )
    counts = []
    with other_process(MOVER, path) as mover:
        for number in range(5):
            copy = target.with_name(f"{number}.db")
            dump = dumped(path, copy, replace(terms, lock_timeout=30), with_content=True)
            [(moves, total)] = asked(copy, "SELECT (SELECT count(*) FROM moves), sum(balance) FROM accounts")
            assert dump.facts.tables == {Table("accounts"): 50, Table("moves"): moves}
            assert total == 50_000
            assert dump.facts.content_sha256 == content(copy)
            counts.append(moves)
        said = mover.communicate("end")[0]
    assert sorted(counts) == counts
    assert counts[-1] <= int(said)


@JOURNALS
def test_dump_has_what_a_killed_writer_had_committed(path: Path, target: Path, terms: Terms, journal: str) -> None:
    path.unlink()
    made(path, journal=journal)
    killed_in(path)
    side = path.with_name(f"data.db-{'wal' if journal == 'WAL' else 'journal'}")
    assert side.stat().st_size > 0

    dump = dumped(path, target, terms)

    assert dump.facts.tables == {Table("t"): 3}
    assert values(target) == values(path) == [1, 2, 3]


@pytest.mark.parametrize("pack", [[], GZIP])
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: os.truncate(path, 0), "is empty: it holds no table"),
        (lambda path: path.write_bytes(os.urandom(8192)), "is no SQLite database, or an encrypted one"),
        (lambda path: path.write_text("hello"), "is no SQLite database"),
        (lambda path: (path.unlink(), path.mkdir()), "is a directory"),
        (lambda path: os.truncate(path, 4096), "is damaged"),
        (lambda path: (path.unlink(), path.symlink_to("data.db")), "leads to itself"),
    ],
)
def test_what_is_no_database_is_told_and_nothing_left(
    path: Path, target: Path, terms: Terms, pack: list[Stage], make: Callable[[Path], object], told: str
) -> None:
    make(path)
    before = names(path.parent)

    with pytest.raises(ShipshapeError, match=told) as caught:
        dumped(path, target, terms, pack, with_content=True)

    assert caught.value.message.startswith(f"The SQLite database {path} ")
    assert names(path.parent) == before
    assert names(target.parent) == []


def test_dump_that_cannot_be_packed_leaves_nothing(path: Path, target: Path, terms: Terms) -> None:
    with pytest.raises(CommandError, match="false"):
        dumped(path, target, terms, [Stage(("false",))])

    assert names(target.parent) == []


def test_dump_waits_for_a_lock_as_long_as_it_may(path: Path, target: Path, terms: Terms) -> None:
    waits = []

    def connect(*arguments: Any, **limits: Any) -> Connection:
        waits.append(limits["lock_timeout"])
        return HOST.connect(*arguments, **limits)

    host = replace(HOST, connect=connect)
    asked(path, "PRAGMA journal_mode = DELETE")
    with other_process(HOLDER, path, "BEGIN EXCLUSIVE"), pytest.raises(DatabaseError, match="locked by another"):
        STRATEGY.dump(address(path), [], str(target), host, terms, with_content=False)

    assert waits == [terms.lock_timeout]
    assert names(target.parent) == []


# Content


@pytest.mark.parametrize(
    "statements",
    [
        [],
        ["VACUUM"],
        ["PRAGMA wal_checkpoint(TRUNCATE)"],
        ["PRAGMA journal_mode = DELETE"],
        ["UPDATE one SET b = 'y' WHERE a = 1", "UPDATE one SET b = 'x' WHERE a = 1"],
        ["INSERT INTO one VALUES (9, 9)", "DELETE FROM one WHERE a = 9"],
        ["BEGIN", "DELETE FROM one", "ROLLBACK"],
        ["ANALYZE"],
        ["CREATE INDEX i ON one (b, a)"],
        ["CREATE VIEW v AS SELECT 1"],
    ],
)
def test_content_of_unchanged_rows_is_the_same(path: Path, statements: list[str]) -> None:
    asked(path, *ROWS)
    before = content(path)

    asked(path, "SELECT 1", *statements)

    assert content(path) == before


ROWS = (
    "CREATE TABLE one (a, b)",
    "INSERT INTO one VALUES (1, 'x'), (12, NULL), (0.5, x'41'), (3, CAST(x'ff' AS TEXT)), (77, 1)",
    "CREATE TABLE pairs (k TEXT PRIMARY KEY, v) WITHOUT ROWID",
    "INSERT INTO pairs VALUES ('b', 1), ('a', 2)",
    "CREATE VIRTUAL TABLE words USING fts5 (body)",
    "INSERT INTO words VALUES ('quick')",
    "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)",
    "INSERT INTO counted VALUES (5)",
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE one SET a = 2 WHERE a = 1",
        "UPDATE one SET a = 1.0 WHERE a = 1",
        "UPDATE one SET a = '1' WHERE a = 1",
        "UPDATE one SET a = 0.5000000000000001 WHERE a = 0.5",
        "UPDATE one SET a = 7, b = 71 WHERE a = 77",
        "UPDATE one SET a = b, b = a WHERE a = 1",
        "UPDATE one SET b = CAST(b AS BLOB) WHERE a = 1",
        "UPDATE one SET b = CAST(b AS TEXT) WHERE a = 0.5",
        "UPDATE one SET b = hex(b) WHERE a = 0.5",
        "UPDATE one SET b = '' WHERE b IS NULL",
        "UPDATE one SET b = 'None' WHERE b IS NULL",
        "UPDATE one SET b = CAST(x'fe' AS TEXT) WHERE a = 3",
        "UPDATE one SET b = CAST(x'7800' AS TEXT) WHERE a = 1",
        "INSERT INTO one SELECT * FROM one WHERE a = 1",
        "DELETE FROM one WHERE a = 3",
        "DELETE FROM one",
        "UPDATE pairs SET v = 3 WHERE k = 'a'",
        "UPDATE words SET body = 'slow'",
        "INSERT INTO words (words) VALUES ('optimize')",
        "UPDATE sqlite_sequence SET seq = 9",
        "ALTER TABLE one RENAME COLUMN b TO c",
        "ALTER TABLE one RENAME TO other",
        "CREATE TABLE new (a)",
    ],
)
def test_content_of_other_rows_is_another(path: Path, statement: str) -> None:
    asked(path, *ROWS)
    before = content(path)
    # FTS5 does nothing if asked to optimize what is one piece.
    wanted = [statement, "INSERT INTO words VALUES ('brown')"] if "optimize" in statement else [statement]

    asked(path, *wanted)

    assert content(path) != before


def test_content_of_much_is_read_in_little_memory(path: Path) -> None:
    asked(
        path,
        "INSERT INTO t SELECT hex(randomblob(500)) FROM"
        " (WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n)",
    )
    tracemalloc.start()
    try:
        content(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_rows_that_cannot_be_read_are_told(path: Path, terms: Terms) -> None:
    path.unlink()
    made(path, "CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(100000))")
    # To count rows nobody reads what of them stands on further pages.
    os.truncate(path, 4096 * 10)
    with path.open("r+b") as file:
        file.seek(28)
        file.write((10).to_bytes(4, "big"))

    with pytest.raises(DatabaseError, match="is damaged") as caught:
        content(path)

    assert caught.value.reason == "corrupt"


# Checks and loading


def flipped(data: bytes, at: int, size: int = 4096) -> bytes:
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + size]) + data[at + size :]


def cut(data: bytes, share: int) -> bytes:
    return data[: len(data) * share // 100]


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    **{f"cut at {share} %": partial(cut, share=share) for share in range(0, 100, 9)},
    "cut by a byte": lambda data: data[:-1],
    "cut at a page": lambda data: data[:-4096],
    "longer": lambda data: data + b"\0" * 4096,
    "a byte longer": lambda data: data + b"\0",
    "random": lambda data: os.urandom(len(data)),
    "text": lambda data: b"CREATE TABLE t (a);\n",
    "header": partial(flipped, at=0, size=16),
    **{f"page {page}": partial(flipped, at=page * 4096) for page in range(8)},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_dump_is_refused(path: Path, target: Path, terms: Terms, damage: Callable[[bytes], bytes]) -> None:
    asked(path, "CREATE INDEX i ON t (a)", *inserts(*range(1800)))
    dump = dumped(path, target, terms)
    assert len(target.read_bytes()) // 4096 > 8
    STRATEGY.check(str(target), [], dump.facts, HOST, terms)
    target.write_bytes(damage(target.read_bytes()))

    with pytest.raises(BackupError) as caught:
        STRATEGY.check(str(target), [], dump.facts, HOST, terms)
    assert caught.value.message.startswith(f"{target} holds ")

    with pytest.raises(BackupError, match=f"{target} holds "):
        STRATEGY.load(str(target), [], address(path.parent / "copy.db"), HOST, terms, is_scratch=False)
    assert names(path.parent) == ["data.db"]
    assert names(target.parent) == ["backup.db"]


def test_dump_that_cannot_be_unpacked_is_refused(path: Path, target: Path, terms: Terms) -> None:
    dump = dumped(path, target, terms, GZIP)
    os.truncate(target, target.stat().st_size - 1)

    with pytest.raises(CommandError, match="gzip"):
        STRATEGY.check(str(target), GUNZIP, dump.facts, HOST, terms)
    with pytest.raises(CommandError, match="gzip"):
        STRATEGY.load(str(target), GUNZIP, address(path.parent / "copy.db"), HOST, terms, is_scratch=False)

    assert names(path.parent) == ["data.db"]


def test_dump_of_another_database_is_refused(path: Path, target: Path, terms: Terms) -> None:
    dump = dumped(path, target, terms)
    asked(target, *inserts(3))

    with pytest.raises(BackupError, match=r"not like the database .* Table t has 3 rows instead of 2\."):
        STRATEGY.check(str(target), [], dump.facts, HOST, terms)


def test_looking_at_a_dump_leaves_it_as_it_is(path: Path, target: Path, terms: Terms) -> None:
    dump = dumped(path, target, terms, with_content=True)
    STRATEGY.check(str(target), [], dump.facts, HOST, terms)

    assert HOST.pipes.hash(str(target)) == dump.flow
    assert names(target.parent) == ["backup.db"]


def test_rows_that_break_the_rules_of_their_schema_are_no_damage(path: Path, target: Path, terms: Terms) -> None:
    asked(
        path,
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent REFERENCES parent, a CHECK (a > 0), b)",
        "PRAGMA ignore_check_constraints = ON",
        "INSERT INTO child VALUES (7, -1, NULL)",
        "CREATE TABLE typed (a, b)",
        "INSERT INTO typed VALUES (5, '5')",
        "CREATE TABLE strict (a)",
        "INSERT INTO strict VALUES ('x')",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, ', b)', ', b NOT NULL)') WHERE name = 'child'",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE typed (a TEXT, b INT)' WHERE name = 'typed'",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE strict (a INT) STRICT' WHERE name = 'strict'",
    )
    # How many of them are told depends on the version of SQLite.
    assert len(asked(path, "PRAGMA quick_check")) > 2
    dump = dumped(path, target, terms)

    STRATEGY.check(str(target), [], dump.facts, HOST, terms)
    STRATEGY.load(str(target), [], address(path.parent / "copy.db"), HOST, terms, is_scratch=False)

    assert asked(path.parent / "copy.db", "SELECT * FROM child") == [(7, -1, None)]


def test_what_only_the_application_has_is_not_needed(path: Path, target: Path, terms: Terms) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.create_function("own", 1, lambda value: 1, deterministic=True)
        database.execute("CREATE TABLE checked (a CHECK (own(a)), b AS (own(a)), c AS (own(a)) STORED)")
        database.execute("INSERT INTO checked VALUES (5)")
        database.execute("PRAGMA writable_schema = ON")
        virtual = "CREATE VIRTUAL TABLE v USING nowhere (a)"
        database.execute("INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, ?)", (virtual,))
    copy = address(path.parent / "copy.db")

    dump = dumped(path, target, terms, with_content=True)
    STRATEGY.check(str(target), [], dump.facts, HOST, terms)
    STRATEGY.load(str(target), [], copy, HOST, terms, is_scratch=False)

    assert dump.facts.content_sha256 == content(Path(copy.name))
    assert STRATEGY.lost(address(path), copy, HOST, terms) == {Table("checked"): 0, Table("t"): 0}


def test_file_that_is_there_is_not_loaded_into(path: Path, target: Path, terms: Terms) -> None:
    dumped(path, target, terms)
    before = path.read_bytes()

    with pytest.raises(FileError, match="there already"):
        STRATEGY.load(str(target), [], address(path), HOST, terms, is_scratch=False)

    assert path.read_bytes() == before


@pytest.mark.parametrize("where", ["private_server", "scratch_database"])
def test_sqlite_has_no_server_to_restore_into(path: Path, terms: Terms, where: str) -> None:
    with (
        pytest.raises(InvalidInput, match="SQLite has no server"),
        STRATEGY.scratch(address(path), EMPTY, where, HOST, terms),
    ):
        pass


# Others


@JOURNALS
def test_who_has_the_database_open_is_told(path: Path, journal: str) -> None:
    asked(path, f"PRAGMA journal_mode = {journal}")
    assert STRATEGY.obstacles(address(path), HOST) == []

    with other_process(HOLDER, path) as holder:
        assert STRATEGY.obstacles(address(path), HOST) == [f"process {holder.pid} ({Path(sys.executable).name})"]

    assert STRATEGY.obstacles(address(path), HOST) == []
    assert names(path.parent) == ["data.db"]


@pytest.mark.parametrize("side", ["", "-wal", "-shm", "-journal"])
def test_who_has_what_belongs_to_the_database_open_is_told(path: Path, tmp_path: Path, side: str) -> None:
    path.with_name(f"data.db{side}").touch()
    (tmp_path / "link").symlink_to(path)
    waiter = "import sys; file = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"

    with other_process(waiter, f"{path}{side}"):
        assert len(STRATEGY.obstacles(address(path), HOST)) == 1
        assert len(STRATEGY.obstacles(address(tmp_path / "link"), HOST)) == 1


class Unseen:
    """The processes as somebody sees them who may see none."""

    def holding(self, paths: Iterable[str], *, itself: bool = False) -> list[Holder]:
        return []


BLIND = replace(HOST, processes=Unseen())


@pytest.mark.parametrize(
    ("journal", "statements"),
    [("WAL", []), ("WAL", ["BEGIN IMMEDIATE"]), ("DELETE", ["BEGIN"]), ("DELETE", ["BEGIN IMMEDIATE"])],
)
def test_holder_that_cannot_be_seen_is_known_by_its_lock(path: Path, journal: str, statements: list[str]) -> None:
    asked(path, f"PRAGMA journal_mode = {journal}")

    with other_process(HOLDER, path, *statements):
        assert STRATEGY.obstacles(address(path), BLIND) == ["a process that cannot be seen from here"]

    assert STRATEGY.obstacles(address(path), BLIND) == []


def test_nobody_is_in_what_is_missing_or_damaged(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)
    assert STRATEGY.obstacles(address(path), HOST) == []

    path.unlink()
    assert STRATEGY.obstacles(address(path), HOST) == []
    assert names(path.parent) == []


# Names beside the database


def test_what_is_beside_the_database_is_found_and_removed(path: Path, tmp_path: Path, terms: Terms) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    copy = STRATEGY.beside(address(link), EMPTY, TAG, HOST, terms)
    assert copy == address(f"{path}__restore_{TAG}")
    made(Path(copy.name))
    old = f"{path}__old_{LATER}"
    for name in (f"{old}-wal", f"{path}__old_{TAG}.txt", f"{path}2__old_{TAG}", f"{path}-wal"):
        Path(name).touch()
    Path(f"{path}__restore_{LATER}").mkdir()

    kept = STRATEGY.kept(address(link), HOST, terms)

    assert kept == [address(old), copy]
    for found in kept:
        STRATEGY.drop(found, HOST, terms)
        STRATEGY.drop(found, HOST, terms)
    assert STRATEGY.kept(address(link), HOST, terms) == []
    assert names(path.parent) == [
        "data.db",
        "data.db-wal",
        f"data.db2__old_{TAG}",
        f"data.db__old_{TAG}.txt",
        f"data.db__restore_{LATER}",
    ]


def test_long_name_stays_one_that_the_system_takes(path: Path, terms: Terms) -> None:
    long = made(path.with_name("é" * 120))

    copy = STRATEGY.beside(address(long), EMPTY, TAG, HOST, terms)

    Path(f"{copy.name}-journal").touch()
    assert STRATEGY.kept(address(long), HOST, terms) == [copy]
    STRATEGY.drop(copy, HOST, terms)
    assert len(names(path.parent)) == 2


def test_database_itself_is_not_dropped(path: Path, terms: Terms) -> None:
    with pytest.raises(BackupError, match="was made by no restore"):
        STRATEGY.drop(address(path), HOST, terms)

    assert values(path) == [1, 2]


# What is lost


@pytest.fixture
def copy(path: Path) -> Path:
    """The copy of the database that a restore would put in its place."""
    return path.with_name(f"data.db__restore_{TAG}")


SCHEMA = (
    "CREATE TABLE plain (a, b TEXT COLLATE NOCASE)",
    "INSERT INTO plain VALUES (1, 'a'), (1, 'a'), (NULL, NULL), (2, x'61'), (2, 'a')",
    "CREATE TABLE keyed (id INTEGER PRIMARY KEY, v)",
    "INSERT INTO keyed VALUES (1, 'x'), (2, 'y'), (3, 'z')",
    "CREATE TABLE pairs (k TEXT COLLATE NOCASE, n INT, v, PRIMARY KEY (n, k)) WITHOUT ROWID",
    "INSERT INTO pairs VALUES ('a', 1, 'x'), ('b', 1, 'y')",
    'CREATE TABLE "or""der" (rowid, "weight", [é] AS (rowid) STORED)',
    'INSERT INTO "or""der" VALUES (1, 2), (1, 2), (1, 3)',
    "CREATE TABLE blind (rowid, _rowid_, oid)",
    "INSERT INTO blind VALUES (1, 2, 3), (1, 2, 3)",
    "CREATE VIRTUAL TABLE words USING fts5 (body)",
    "INSERT INTO words VALUES ('x')",
)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], {}),
        (["VACUUM"], {}),
        (["INSERT INTO plain VALUES (1, 'a')"], {"plain": 1}),
        (["INSERT INTO plain VALUES (NULL, NULL), (NULL, NULL), (7, 7)"], {"plain": 3}),
        (["DELETE FROM plain WHERE rowid = 1"], {}),
        (["DELETE FROM plain WHERE rowid = 1", "INSERT INTO plain VALUES (1, 'a')"], {}),
        (["UPDATE plain SET rowid = rowid + 10"], {}),
        (["UPDATE plain SET b = 'A' WHERE rowid = 1"], {"plain": 1}),
        (["UPDATE plain SET b = 'A'"], {"plain": 5}),
        (["UPDATE plain SET b = CAST(b AS TEXT) WHERE typeof(b) = 'blob'"], {"plain": 1}),
        (["UPDATE plain SET a = '1' WHERE rowid = 1"], {"plain": 1}),
        (["UPDATE plain SET a = 1.0 WHERE rowid = 1"], {}),
        (["UPDATE keyed SET v = 'n' WHERE id > 1"], {"keyed": 2}),
        (["UPDATE keyed SET id = 9 WHERE id = 1"], {"keyed": 1}),
        (["UPDATE keyed SET v = NULL WHERE id = 1"], {"keyed": 1}),
        (["DELETE FROM keyed"], {}),
        (["INSERT INTO pairs VALUES ('c', 1, 'x')"], {"pairs": 1}),
        (["UPDATE pairs SET v = NULL"], {"pairs": 2}),
        (["UPDATE pairs SET k = 'A' WHERE k = 'a'"], {"pairs": 1}),
        (['INSERT INTO "or""der" VALUES (1, 2)'], {'or"der': 1}),
        (['UPDATE "or""der" SET weight = 9'], {'or"der': 3}),
        (["INSERT INTO blind VALUES (1, 2, 3)"], {"blind": 1}),
        (["CREATE TABLE new (a)", "INSERT INTO new VALUES (1), (1)"], {"new": 2}),
        (["ALTER TABLE keyed ADD COLUMN w"], {"keyed": 3}),
        (["ALTER TABLE keyed RENAME COLUMN v TO V"], {}),
        (["DROP TABLE keyed", "CREATE TABLE keyed (id TEXT, v)", "INSERT INTO keyed VALUES (1, 'x')"], {"keyed": 1}),
        (
            [
                "DROP TABLE pairs",
                "CREATE TABLE pairs (k, n, v)",
                "INSERT INTO pairs VALUES ('a', 1, 'x'), ('a', 1, 'x')",
            ],
            {"pairs": 1},
        ),
        (["DROP TABLE keyed", "CREATE VIEW keyed AS SELECT 1 AS id, 2 AS v"], {}),
        (["CREATE INDEX i ON plain (b)", "DELETE FROM words"], {}),
    ],
)
def test_rows_that_the_copy_has_not_are_counted(
    path: Path, copy: Path, terms: Terms, statements: list[str], expected: dict[str, int]
) -> None:
    asked(path, *SCHEMA)
    dumped(path, copy, terms)
    asked(path, "SELECT 1", *statements)

    lost = STRATEGY.lost(address(path), address(copy), HOST, terms)

    assert {table.name: rows for table, rows in lost.items() if rows} == expected
    assert set(lost) == {Table(name) for name in ("blind", "keyed", 'or"der', "pairs", "plain", "t")} - (
        {Table("keyed")} if "VIEW" in str(statements) else set()
    ) | ({Table("new")} if "new" in expected else set())
    assert names(path.parent) == ["data.db", copy.name]


def test_name_of_a_table_is_the_same_in_capitals(path: Path, copy: Path, terms: Terms) -> None:
    dumped(path, copy, terms)
    asked(path, "ALTER TABLE t RENAME TO u", "ALTER TABLE u RENAME TO T", "UPDATE T SET a = 5 WHERE a = 1")

    assert STRATEGY.lost(address(path), address(copy), HOST, terms) == {Table("T"): 1}


def test_table_whose_place_a_view_has_in_the_copy_is_lost(path: Path, copy: Path, terms: Terms) -> None:
    made(copy, "CREATE VIEW t AS SELECT 1 AS a")

    assert STRATEGY.lost(address(path), address(copy), HOST, terms) == {Table("t"): 2}


def test_table_of_a_thousand_columns_is_compared(path: Path, copy: Path, terms: Terms) -> None:
    columns = ", ".join(f"c{number}" for number in range(1500))
    asked(path, f"CREATE TABLE wide ({columns})", "INSERT INTO wide DEFAULT VALUES")
    dumped(path, copy, terms)
    asked(path, "UPDATE wide SET c1400 = 1")

    assert STRATEGY.lost(address(path), address(copy), HOST, terms) == {Table("t"): 0, Table("wide"): 1}


def test_counting_what_is_lost_changes_nothing(path: Path, copy: Path, terms: Terms) -> None:
    dumped(path, copy, terms)
    asked(path, *inserts(3))
    before = [path.read_bytes(), copy.read_bytes()]

    assert STRATEGY.lost(address(path), address(copy), HOST, terms) == {Table("t"): 1}
    assert [path.read_bytes(), copy.read_bytes()] == before


# Swaps

OLD, NEW = [1, 2, 3], [7]


def live_in(state: str, path: Path) -> Path:
    """The live database with the rows 1, 2 and 3, of which the last is of a writer that was killed."""
    path.unlink()
    if state == "missing":
        path.with_name("data.db-wal").write_bytes(wal_of_another(path))
        return path
    made(path, journal="DELETE" if state == "journal" else "WAL")
    killed_in(path)
    assert path.with_name("data.db-journal" if state == "journal" else "data.db-wal").stat().st_size
    if state == "damaged":
        path.write_bytes(flipped(path.read_bytes(), 0, 100))
    return path


def wal_of_another(path: Path) -> bytes:
    """The log of a database in which all that is in a log was written."""
    other = made(path.with_name("other.db"), journal="WAL")
    killed_in(other)
    log = other.with_name("other.db-wal").read_bytes()
    for file in path.parent.glob("other.db*"):
        file.unlink()
    return log


def loaded(path: Path, terms: Terms, tag: str = TAG) -> Address:
    """A copy beside the database, as a restore makes it."""
    copy = STRATEGY.beside(address(path), EMPTY, tag, HOST, terms)
    made(Path(copy.name), "CREATE TABLE t (a)", *inserts(7), journal="WAL")
    return copy


def swapped(path: Path, terms: Terms, host: Host = HOST, tag: str = TAG) -> Swap:
    return STRATEGY.swap(address(path), loaded(path, terms, tag), tag, host, terms)


STATES = pytest.mark.parametrize("state", ["wal", "journal"])


@STATES
def test_swap_puts_the_copy_in_place_and_keeps_the_old_whole(path: Path, terms: Terms, state: str) -> None:
    live_in(state, path)

    swap = swapped(path, terms)

    assert swap.old == address(f"{path}__old_{TAG}")
    assert STRATEGY.kept(address(path), HOST, terms) == [swap.old]
    assert not [name for name in names(path.parent) if name.startswith("data.db-")]
    assert values(path) == NEW
    assert values(swap.old.name) == OLD
    assert asked(swap.old.name, "PRAGMA integrity_check") == [(b"ok",)]
    asked(path, *inserts(8))
    STRATEGY.drop(swap.old, HOST, terms)
    assert names(path.parent) == ["data.db"]
    assert values(path) == [7, 8]


@STATES
def test_undo_puts_the_old_one_back(path: Path, terms: Terms, state: str) -> None:
    live_in(state, path)
    journal = asked(path, "PRAGMA journal_mode")
    before = path.read_bytes()
    copy = loaded(path, terms)

    STRATEGY.swap(address(path), copy, TAG, HOST, terms).undo()

    assert path.read_bytes() == before
    assert values(path) == OLD
    assert asked(path, "PRAGMA journal_mode") == journal
    assert values(copy.name) == NEW
    STRATEGY.drop(copy, HOST, terms)
    assert names(path.parent) == ["data.db"]


def test_log_of_the_old_one_is_never_replayed_over_the_new_one(path: Path, terms: Terms) -> None:
    # The guides' way, to show that this log would be: SQLite puts it over whatever has the name.
    live_in("wal", path)
    copy = loaded(path, terms)
    shutil.copytree(path.parent, path.parent.parent / "guide")
    guide = path.parent.parent / "guide" / path.name
    os.replace(guide.with_name(Path(copy.name).name), guide)
    assert values(guide) != NEW

    STRATEGY.swap(address(path), copy, TAG, HOST, terms)

    assert values(path) == NEW


def test_log_without_its_database_is_put_away_and_back(path: Path, terms: Terms) -> None:
    live_in("missing", path)
    log = path.with_name("data.db-wal").read_bytes()
    copy = loaded(path, terms)

    swap = STRATEGY.swap(address(path), copy, TAG, HOST, terms)

    assert swap.old is None
    assert values(path) == NEW
    assert STRATEGY.kept(address(path), HOST, terms) == [address(f"{path}__old_{TAG}")]
    swap.undo()
    assert names(path.parent) == ["data.db-wal", Path(copy.name).name]
    assert path.with_name("data.db-wal").read_bytes() == log
    assert values(copy.name) == NEW


def test_damaged_database_is_kept_as_it_is_with_its_log(path: Path, terms: Terms) -> None:
    live_in("damaged", path)
    before = {name: (path.parent / name).read_bytes() for name in names(path.parent)}
    assert {"data.db", "data.db-shm", "data.db-wal"} == set(before)

    swap = swapped(path, terms)

    assert values(path) == NEW
    assert swap.old
    assert {name: Path(f"{swap.old.name}{name[7:]}").read_bytes() for name in before} == before
    swap.undo()
    assert {name: (path.parent / name).read_bytes() for name in before} == before
    assert names(path.parent) == [*before, f"data.db__restore_{TAG}"]


def test_copy_is_one_file_before_it_goes_live(path: Path, terms: Terms) -> None:
    copy = loaded(path, terms)
    asked(copy.name, "DELETE FROM t")
    killed_in(Path(copy.name))
    moved = []

    class Watched(HostFolders):
        def move(self, path: str, target: str) -> None:
            moved.append((path, target))
            super().move(path, target)

    STRATEGY.swap(address(path), copy, TAG, replace(HOST, folders=Watched()), terms)

    assert moved == [(copy.name, str(path))]
    assert values(path) == [3]


def test_copy_that_somebody_uses_does_not_go_live(path: Path, terms: Terms) -> None:
    copy = loaded(path, terms)

    with (
        other_process(HOLDER, copy.name),
        pytest.raises(BackupError, match="-wal is there, and should"),
    ):
        STRATEGY.swap(address(path), copy, TAG, HOST, terms)

    assert values(path) == [1, 2]


@AS_ROOT
def test_copy_gets_the_owner_and_mode_of_the_live_one(path: Path, terms: Terms) -> None:
    os.chown(path, 1234, 4321)
    path.chmod(0o640)

    swapped(path, terms)

    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 4321, 0o640)


def test_file_behind_a_symbolic_link_is_swapped(path: Path, tmp_path: Path, terms: Terms) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to("../app/data.db")

    swap = swapped(link, terms)

    assert os.readlink(link) == "../app/data.db"
    assert values(link) == values(path) == NEW
    assert swap.old
    assert Path(swap.old.name).parent == path.parent
    assert names(link.parent) == ["link"]


@JOURNALS
@pytest.mark.parametrize("host", [HOST, BLIND])
def test_database_that_somebody_uses_is_not_swapped(path: Path, terms: Terms, journal: str, host: Host) -> None:
    asked(path, f"PRAGMA journal_mode = {journal}")
    before = path.read_bytes()
    copy = loaded(path, terms)

    with (
        other_process(HOLDER, path, "BEGIN") as holder,
        pytest.raises(BackupError, match="Nothing was changed") as caught,
    ):
        STRATEGY.swap(address(path), copy, TAG, host, terms)

    who = "a process that cannot be seen from here" if host is BLIND else f"process {holder.pid} "
    assert caught.value.message.startswith(f"{path} is in use by {who}")
    assert path.read_bytes() == before
    assert values(copy.name) == NEW
    assert not [name for name in names(path.parent) if "__old_" in name]


@pytest.mark.parametrize("host", [HOST, BLIND])
def test_swap_is_not_undone_under_somebody(path: Path, terms: Terms, host: Host) -> None:
    swap = swapped(path, terms, host)

    with other_process(HOLDER, path), pytest.raises(BackupError, match="is in use by"):
        swap.undo()

    assert values(path) == NEW
    assert swap.old
    assert values(swap.old.name) == [1, 2]


class Latecomer:
    """Processes of which one has opened the database after it was looked who has."""

    def __init__(self) -> None:
        self.looks = 0

    def holding(self, paths: Iterable[str], *, itself: bool = False) -> list[Holder]:
        self.looks += 1
        return [Holder(1234, "node")] if self.looks > 1 else []


def test_who_opens_the_database_in_the_last_moment_keeps_it(path: Path, terms: Terms) -> None:
    copy = loaded(path, terms)
    inode = path.stat().st_ino

    with pytest.raises(BackupError, match=r"data.db is in use by process 1234 \(node\)"):
        STRATEGY.swap(address(path), copy, TAG, replace(HOST, processes=Latecomer()), terms)

    assert path.stat().st_ino == inode
    assert values(path) == [1, 2]
    assert values(copy.name) == NEW
    assert names(path.parent) == ["data.db", Path(copy.name).name]


def test_nobody_gets_in_while_files_are_renamed(path: Path, terms: Terms) -> None:
    live_in("wal", path)
    told = []

    class Watched(HostFolders):
        def link(self, path: str, name: str) -> None:
            script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT * FROM t')"
            tried = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
            told.append(tried.stderr.splitlines()[-1])
            super().link(path, name)

    swapped(path, terms, replace(HOST, folders=Watched()))

    assert told == ["sqlite3.OperationalError: database is locked"]


def test_name_that_is_taken_is_not_taken_again(path: Path, terms: Terms) -> None:
    copy = loaded(path, terms)
    old = Path(f"{path}__old_{TAG}-wal")
    old.write_text("mine")

    with pytest.raises(BackupError, match="should not be"):
        STRATEGY.swap(address(path), copy, TAG, HOST, terms)

    assert old.read_text() == "mine"
    assert values(path) == [1, 2]


def test_directory_in_the_place_of_the_database_is_told(path: Path, terms: Terms) -> None:
    copy = loaded(path, terms)
    path.unlink()
    path.mkdir()

    with pytest.raises(ShipshapeError, match="director"):
        STRATEGY.swap(address(path), copy, TAG, HOST, terms)

    assert names(path.parent) == ["data.db", Path(copy.name).name]


def test_log_that_could_not_be_emptied_is_not_removed(path: Path, terms: Terms) -> None:
    live_in("wal", path)
    copy = loaded(path, terms)

    def connect(*arguments: Any, **limits: Any) -> Connection:
        connection: Any = HOST.connect(*arguments, **limits)
        rows = connection.rows
        connection.rows = lambda sql, *values: [(1, 9, 3)] if "wal_checkpoint" in sql else rows(sql, *values)
        return cast("Connection", connection)

    with pytest.raises(BackupError, match="is in use by"):
        STRATEGY.swap(address(path), copy, TAG, replace(HOST, connect=connect), terms)

    assert values(path) == OLD


# What fails and who is killed between two steps


class Steps(HostFolders):
    """Directories in which, before or after one of the steps that change something, something happens."""

    def __init__(self, at: int, event: Callable[[], object], *, after: bool) -> None:
        self._left, self._event, self._after = at, event, after

    def link(self, path: str, name: str) -> None:
        with self._step():
            super().link(path, name)

    def move(self, path: str, target: str) -> None:
        with self._step():
            super().move(path, target)

    def remove(self, path: str) -> None:
        with self._step():
            super().remove(path)

    @contextmanager
    def _step(self) -> Iterator[None]:
        self._left -= 1
        is_it = self._left == 0
        if is_it and not self._after:
            self._event()
        yield
        if is_it and self._after:
            self._event()

    @property
    def is_over(self) -> bool:
        return self._left > 0


def fail() -> None:
    raise FileError("No space is left.")


def fault(at: int, event: Callable[[], object], *, after: bool) -> tuple[Host, Steps]:
    steps = Steps(at, event, after=after)
    return replace(HOST, folders=steps), steps


def tree(directory: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


STEPS = pytest.mark.parametrize("after", [False, True])
ALL_STATES = pytest.mark.parametrize("state", ["wal", "journal", "damaged", "missing"])


@ALL_STATES
@STEPS
def test_swap_that_fails_at_any_step_leaves_all_as_it_was(path: Path, terms: Terms, state: str, after: bool) -> None:
    live_in(state, path)
    copy = loaded(path, terms)
    # Of what others have left, nothing but the damaged one stays as it is when it is opened.
    STRATEGY.obstacles(address(path), HOST)
    before = tree(path.parent)
    for at in range(1, 10):
        host, steps = fault(at, fail, after=after)
        try:
            STRATEGY.swap(address(path), copy, TAG, host, terms)
        except FileError:
            assert not steps.is_over
            assert tree(path.parent) == before
        else:
            assert steps.is_over
            assert at > {"wal": 3, "journal": 2, "damaged": 3, "missing": 2}[state]
            assert values(path) == NEW
            return
    pytest.fail("It never succeeds.")


@contextmanager
def folders_with(steps: Steps) -> Iterator[None]:
    """For an undo, whose host was given to the swap already."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("link", "move", "remove"):
            patch.setattr(HOST.folders, name, getattr(steps, name))
        yield


@pytest.mark.parametrize("state", ["wal", "journal", "damaged"])
@STEPS
def test_undo_that_fails_at_any_step_leaves_the_new_one(path: Path, terms: Terms, state: str, after: bool) -> None:
    live_in(state, path)
    swap = swapped(path, terms)
    for at in range(1, 10):
        steps = Steps(at, fail, after=after)
        try:
            with folders_with(steps):
                swap.undo()
        except FileError:
            assert values(path) == NEW
            assert STRATEGY.kept(address(path), HOST, terms) == [swap.old]
        else:
            assert steps.is_over
            assert at > 2
            assert names(path.parent)[-1] == f"data.db__restore_{TAG}"
            assert state == "damaged" or values(path) == OLD
            return
    pytest.fail("It never succeeds.")


@STEPS
def test_undo_that_fails_where_there_was_none_loses_nothing(path: Path, terms: Terms, after: bool) -> None:
    live_in("missing", path)
    copy = loaded(path, terms)
    swap = STRATEGY.swap(address(path), copy, TAG, HOST, terms)

    with folders_with(Steps(2, fail, after=after)), pytest.raises(FileError):
        swap.undo()

    assert values(next(place for place in (path, Path(copy.name)) if place.exists())) == NEW


def killed_at(act: Callable[[Host], object], at: int) -> bool:
    """Whether a process is killed just before this step; it does all that comes before."""
    child = os.fork()
    if child == 0:
        try:
            act(fault(at, lambda: os.kill(os.getpid(), signal.SIGKILL), after=False)[0])
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.parametrize("state", ["wal", "journal"])
@pytest.mark.parametrize("at", range(1, 5))
def test_run_that_is_killed_in_a_swap_leaves_the_old_or_the_new_one(
    path: Path, terms: Terms, state: str, at: int
) -> None:
    live_in(state, path)
    copy = loaded(path, terms)
    was_killed = killed_at(lambda host: STRATEGY.swap(address(path), copy, TAG, host, terms), at)

    # An application that is started now finds either, and writes to it.
    assert values(path) in ((OLD,) if was_killed else (NEW,))
    asked(path, *inserts(8))
    assert asked(path, "PRAGMA integrity_check") == [(b"ok",)]

    swap = swapped(path, terms, tag=LATER)
    assert values(path) == NEW
    assert swap.old
    assert values(swap.old.name) == [*(OLD if was_killed else NEW), 8]
    for kept in STRATEGY.kept(address(path), HOST, terms):
        STRATEGY.drop(kept, HOST, terms)
    assert names(path.parent) == ["data.db"]
    assert values(path) == NEW


@pytest.mark.parametrize("state", ["wal", "journal"])
@pytest.mark.parametrize("at", range(1, 5))
def test_run_that_is_killed_in_undoing_leaves_the_old_or_the_new_one(
    path: Path, terms: Terms, state: str, at: int
) -> None:
    live_in(state, path)
    swap = swapped(path, terms)

    def undo(host: Host) -> None:
        assert isinstance(host.folders, Steps)
        with folders_with(host.folders):
            swap.undo()

    killed_at(undo, at)

    assert values(path) in (OLD, NEW)
    assert swap.old
    assert OLD in [values(path), *(values(kept.name) for kept in STRATEGY.kept(address(path), HOST, terms))]


@pytest.mark.parametrize("at", range(1, 6))
def test_damaged_database_is_whole_under_one_of_its_names_whoever_is_killed(path: Path, terms: Terms, at: int) -> None:
    live_in("damaged", path)
    before = tree(path.parent)
    copy = loaded(path, terms)
    was_killed = killed_at(lambda host: STRATEGY.swap(address(path), copy, TAG, host, terms), at)

    after = tree(path.parent)
    aside = {name.replace(f"__old_{TAG}", ""): data for name, data in after.items() if "__old_" in name}
    live = {name: data for name, data in after.items() if name in before}
    assert before in (aside, {**aside, **live}) or (at == 1 and live == before)
    assert was_killed or values(path) == NEW
    swapped(path, terms, tag=LATER)
    assert values(path) == NEW


def test_what_could_not_be_put_back_is_told(path: Path, terms: Terms) -> None:
    class Broken(HostFolders):
        def move(self, path: str, target: str) -> None:
            fail()

    with pytest.raises(BackupError, match=f"No space is left. It is {path}__old_{TAG}") as caught:
        swapped(path, terms, replace(HOST, folders=Broken()))

    assert caught.value.message.startswith(f"{path} could not be replaced")
    assert values(path) == values(f"{path}__old_{TAG}") == [1, 2]
