# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _driver_sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Failure, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_sqlite import SqliteConnection, connect
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, FileError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

SQLITE = Sqlite()

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="Only root may do this.")
NOBODY = 65534

# Holds the database until it is told to let go.
HOLDER = """
import sqlite3
import sys
path, statement = sys.argv[1:]
database = sqlite3.connect(path, isolation_level=None)
database.execute(statement)
database.execute("SELECT * FROM sqlite_master").fetchall()
print("held", flush=True)
sys.stdin.read()
"""

# Leaves a part of a transaction in the file.
VICTIM = """
import os
import signal
import sqlite3
import sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 2")
database.execute("BEGIN")
for number in range(100):
    database.execute("INSERT INTO t VALUES (zeroblob(5000))")
os.kill(os.getpid(), signal.SIGKILL)
"""

# Moves money between accounts, and writes down each move, until it is told to end, but 200 times at least.
MOVER = """
import random
import select
import sqlite3
import sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
database.execute("PRAGMA synchronous = OFF")
done = 0
while done < 200 or not select.select([sys.stdin], [], [], 0)[0]:
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


def opened(path: Path | str, *, read_only: bool = False, wait: int = 10) -> SqliteConnection:
    address = Address("sqlite", str(path), connect_timeout=wait)
    return connect(address, lambda failure: SQLITE.explain(failure, address), read_only=read_only)


def made(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements or ("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)"):
            database.execute(statement)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return made(tmp_path / "data.db")


@pytest.fixture
def connection(path: Path) -> Iterator[Connection]:
    with closing(opened(path)) as connection:
        yield connection


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


def as_nobody(question: Callable[[], str]) -> str:
    """What a user without rights gets for an answer; the tests of whom are run by such a user anyway."""
    if os.geteuid() != 0:
        return question()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(write, question().encode())
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def refusal(act: Callable[[], object]) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        act()
    return caught.value


def answer(path: Path, sql: str, *, read_only: bool = False) -> str:
    try:
        with closing(opened(path, read_only=read_only)) as connection:
            return str(connection.rows(sql))
    except DatabaseError as error:
        return f"{error.reason}: {error.message}"


def count(path: Path, table: str = "t") -> int:
    with closing(sqlite3.connect(path)) as database:
        [(number,)] = database.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608
    return int(number)


# Opening


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "name", ["data.db", "a b", "what?mode=memory", "a#b", "100%", "%41", "é€😀", "it's", 'a"b', "a&b", "a\nb", "\udcff"]
)
def test_awkward_file_name_is_taken_literally(tmp_path: Path, name: str, read_only: bool) -> None:
    # Python's own sqlite3 cannot be told the last of these names in every version.
    made(tmp_path / "data").rename(tmp_path / name)

    with closing(opened(tmp_path / name, read_only=read_only)) as connection:
        assert connection.rows("SELECT a FROM t") == [(1,), (2,)]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_path_with_two_slashes_is_a_path(path: Path) -> None:
    with closing(opened(f"/{path}")) as connection:
        assert connection.rows("SELECT a FROM t") == [(1,), (2,)]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("name", ["gone.db", "gone/data.db", "data.db/x"])
def test_missing_file_is_told_and_not_made(path: Path, name: str, read_only: bool) -> None:
    error = refusal(lambda: opened(path.parent / name, read_only=read_only))

    assert error.reason == "missing"
    assert error.message == (
        f"The SQLite database {path.parent}/{name} does not exist: check the path, for it is not made here."
    )
    assert [entry.name for entry in path.parent.iterdir()] == ["data.db"]


def test_directory_is_told(tmp_path: Path) -> None:
    error = refusal(lambda: opened(tmp_path))

    assert (error.reason, error.details["path"]) == ("address", str(tmp_path))
    assert "is a directory" in error.message


def test_pipe_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert "is not a plain file" in refusal(lambda: opened(tmp_path / "pipe")).message


@pytest.mark.parametrize("name", ["/a\0b", f"/{'a' * 300}"])
def test_path_that_can_be_none_is_told(name: str) -> None:
    assert refusal(lambda: opened(name)).reason == "address"


def test_symbolic_link_is_followed_and_errors_name_the_file(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    with closing(opened(link)) as connection:
        assert connection.rows("SELECT a FROM t") == [(1,), (2,)]
        error = refusal(lambda: connection.rows("SELECT * FROM nowhere"))

    assert error.reason == "missing"
    assert error.message.startswith(f"The SQLite database {link} does not have")
    assert error.message.endswith(f" {link} leads to {path}.")
    assert error.details == {"reason": "missing", "path": str(path)}


def test_symbolic_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")

    assert "leads to itself" in refusal(lambda: opened(tmp_path / "link")).message


def test_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "data.db").touch()

    with closing(opened(tmp_path / "data.db")) as connection:
        assert SQLITE.tables(connection) == []
        connection.execute("CREATE TABLE t (a)")
        assert SQLITE.tables(connection) == [Table("t")]


@pytest.mark.parametrize("content", [b"hello " * 1000, b"\0" * 8192, b"xy"])
def test_file_that_is_no_database_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.db").write_bytes(content)

    assert answer(tmp_path / "data.db", "SELECT * FROM t").startswith("corrupt: ")
    assert (tmp_path / "data.db").read_bytes() == content


def test_damaged_header_is_told(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(40))

    assert "is no SQLite database, or an encrypted one" in answer(path, "SELECT * FROM t")


def test_truncated_file_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "data.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(100000))")
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)

    assert answer(path, "SELECT length(a || 'x') FROM t").startswith(f"corrupt: The SQLite database {path} is damaged")


# Rights


@pytest.mark.parametrize(("file_mode", "directory_mode"), [(0o000, 0o755), (0o644, 0o600)])
def test_file_that_may_not_be_read_is_told(open_directory: Path, file_mode: int, directory_mode: int) -> None:
    path = made(open_directory / "data.db")
    path.chmod(file_mode)
    open_directory.chmod(directory_mode)

    told = as_nobody(lambda: answer(path, "SELECT a FROM t"))

    assert told.startswith(f"permission: The SQLite database {path} may not be used so by this user")


def test_file_that_may_not_be_written_is_read(open_directory: Path) -> None:
    path = made(open_directory / "data.db")
    path.chmod(0o444)

    assert as_nobody(lambda: answer(path, "SELECT a FROM t")) == "[(1,), (2,)]"
    assert as_nobody(lambda: answer(path, "SELECT a FROM t", read_only=True)) == "[(1,), (2,)]"
    told = as_nobody(lambda: answer(path, "INSERT INTO t VALUES (3)"))
    assert told.startswith(f"read_only: The SQLite database {path} cannot be written")


def test_directory_that_may_not_be_written_is_told(open_directory: Path) -> None:
    path = made(open_directory / "data.db")
    path.chmod(0o666)
    open_directory.chmod(0o555)

    told = as_nobody(lambda: answer(path, "INSERT INTO t VALUES (3)"))

    assert told.split(":")[0] in {"read_only", "permission"}
    assert "in its directory" in told


def test_directory_without_room_for_the_write_ahead_log_is_told(open_directory: Path) -> None:
    path = made(open_directory / "data.db", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)")
    path.chmod(0o666)
    open_directory.chmod(0o555)

    told = as_nobody(lambda: answer(path, "SELECT a FROM t", read_only=True))

    assert told.split(":")[0] in {"read_only", "permission"}
    assert "in its directory" in told


@AS_ROOT
def test_files_beside_belong_to_the_owner_of_the_database(tmp_path: Path) -> None:
    path = made(tmp_path / "data.db", "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)")
    os.chown(path, NOBODY, NOBODY)

    with closing(opened(path)) as connection:
        connection.execute("INSERT INTO t VALUES (3)")
        owners = {entry.name: (entry.stat().st_uid, entry.stat().st_gid) for entry in tmp_path.iterdir()}

    assert owners == dict.fromkeys(["data.db", "data.db-wal", "data.db-shm"], (NOBODY, NOBODY))


def test_session_for_reading_writes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with closing(opened(path, read_only=True)) as connection:
        assert connection.rows("SELECT count(*) FROM t") == [(2,)]
        for statement in ("INSERT INTO t VALUES (3)", "DROP TABLE t", "VACUUM", "PRAGMA user_version = 4"):
            assert refusal(lambda sql=statement: connection.execute(sql)).reason == "read_only"  # type: ignore[misc]

    assert path.read_bytes() == before


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_what_a_killed_process_left_is_undone_by_a_session_for_writing_only(path: Path, journal: str) -> None:
    made(path, f"PRAGMA journal_mode = {journal}")
    subprocess.run([sys.executable, "-c", VICTIM, path], check=False)
    assert len(list(path.parent.iterdir())) > 1

    told = answer(path, "SELECT a FROM t", read_only=True)

    assert told == "[(1,), (2,)]" if journal == "WAL" else told.startswith("read_only: ")
    assert answer(path, "SELECT a FROM t") == "[(1,), (2,)]"


# Statements


def test_parameters_are_taken_literally(connection: Connection) -> None:
    values = [None, 1, -(2**63), 2**63 - 1, 1.5, 'it\'s ? %s "x"', "a\0b", "é€😀", b"\0\xff", ""]

    connection.execute("DELETE FROM t")
    for value in values:
        assert connection.execute("INSERT INTO t VALUES (?)", [value]) == 1

    assert [value for (value,) in connection.rows("SELECT a FROM t ORDER BY rowid")] == values


@pytest.mark.parametrize(
    ("sql", "parameters", "reason"),
    [
        ("SELECT ?", [2**63], "other"),
        ("SELECT ?", ["\ud800"], "other"),
        ("SELECT ?", [{}], "other"),
        ("SELECT ?", [1, 2], "other"),
        ("SELECT \0 1", [], "syntax"),
        ('SELECT "a\0b" FROM t', [], "syntax"),
        ("SELECT 1; SELECT 2", [], "other"),
        ("SELECT CAST(x's3cretff' AS TEXT)", [], "syntax"),
        ("SELECT CAST(x'73336372657411ff' AS TEXT) AS a", [], "other"),
        ("SELECT * FROM nowhere", [], "missing"),
        ("SELECT nonesuch FROM t", [], "missing"),
        ("CREATE TABLE t (a)", [], "duplicate"),
        ("CREATE TABLE u (a CHECK (a > 1)", [], "syntax"),
        ("SELEC 1", [], "syntax"),
        ("COMMIT", [], "other"),
    ],
)
def test_refused_statement_is_explained(
    connection: Connection, sql: str, parameters: list[object], reason: str
) -> None:
    for act in (connection.rows, connection.execute):
        error = refusal(lambda act=act: act(sql, parameters))  # type: ignore[misc]
        assert error.reason == reason
        assert "s3cret" not in error.message


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        ("INSERT INTO t SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9", 3),
        ("UPDATE t SET a = 5", 2),
        ("UPDATE t SET a = 5 WHERE a = 77", 0),
        ("DELETE FROM t", 2),
        ("/* first */ DELETE FROM t WHERE a = 1", 1),
        ("WITH x AS (SELECT 1 AS a) UPDATE t SET a = 6 WHERE a IN (SELECT a FROM x)", 1),
        ("SELECT * FROM t", 0),
        ("CREATE TABLE u (a)", 0),
        ("DROP TABLE t", 0),
        ("PRAGMA user_version = 4", 0),
    ],
)
def test_changed_rows_are_counted(connection: Connection, sql: str, changed: int) -> None:
    connection.execute("INSERT INTO t VALUES (3)")
    connection.execute("DELETE FROM t WHERE a = 3")

    assert connection.execute(sql) == changed


def test_rows_that_a_trigger_changes_are_not_counted(connection: Connection) -> None:
    connection.execute("CREATE TABLE log (a)")
    connection.execute("CREATE TRIGGER l AFTER DELETE ON t BEGIN INSERT INTO log VALUES (1), (2); END")

    assert connection.execute("DELETE FROM t WHERE a = 1") == 1
    assert connection.rows("SELECT count(*) FROM log") == [(2,)]


def test_statement_outside_of_a_transaction_is_one(path: Path, connection: Connection) -> None:
    connection.execute("INSERT INTO t VALUES (3)")

    assert count(path) == 3


def test_closed_session_is_told_and_may_be_closed_again(path: Path) -> None:
    connection = opened(path)
    connection.close()
    connection.close()

    def begin() -> None:
        with connection.transaction():
            pytest.fail("closed")

    for act in (lambda: connection.rows("SELECT 1"), lambda: connection.execute("SELECT 1"), begin):
        assert "closed database" in refusal(act).message


def test_no_descriptor_stays_open(path: Path) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())

    connection = opened(path)
    with suppress(DatabaseError), connection.transaction():
        connection.execute("INSERT INTO t VALUES (3)")
        connection.copy_to(f"{path}.copy")
    connection.close()
    refusal(lambda: opened(path.parent))

    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_file_that_was_replaced_is_told(path: Path, connection: Connection) -> None:
    connection.rows("SELECT * FROM t")
    made(path.with_name("new.db")).replace(path)

    error = refusal(lambda: connection.execute("INSERT INTO t VALUES (3)"))

    # Older versions of Python do not tell the code.
    assert error.reason == ("missing" if sys.version_info >= (3, 11) else "read_only")
    assert count(path) == 2


# Transactions


def test_transaction_is_kept(path: Path, connection: Connection) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO t VALUES (3)")
        assert count(path) == 2

    assert count(path) == 3


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), SystemExit(), Interrupted("Stopped.")])
def test_transaction_is_undone_by_any_error(path: Path, connection: Connection, error: BaseException) -> None:
    def act() -> None:
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (3)")
            connection.execute("CREATE TABLE u (a)")
            raise error

    with pytest.raises(type(error)) as caught:
        act()

    assert caught.value is error
    connection.execute("INSERT INTO t VALUES (4)")
    assert connection.rows("SELECT a FROM t") == [(1,), (2,), (4,)]
    assert count(path) == 3


def test_transaction_that_cannot_be_kept_is_undone(connection: Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")

    def act() -> None:
        with connection.transaction():
            connection.execute("INSERT INTO child VALUES (1)")

    assert refusal(act).reason == "constraint"
    with connection.transaction():
        assert connection.rows("SELECT * FROM child") == []


def test_error_that_undoes_the_transaction_by_itself_is_the_one_told(connection: Connection) -> None:
    connection.execute("CREATE UNIQUE INDEX once ON t (a)")

    def act() -> None:
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (3)")
            connection.execute("INSERT OR ROLLBACK INTO t VALUES (1)")

    assert refusal(act).reason == "constraint"
    assert connection.rows("SELECT a FROM t") == [(1,), (2,)]


def test_transaction_within_another_is_refused_and_leaves_that_alone(path: Path, connection: Connection) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO t VALUES (3)")
        for read_only in (True, False):

            def act(read_only: bool = read_only) -> None:
                with connection.transaction(read_only=read_only):
                    pytest.fail("nested")

            assert "within a transaction" in refusal(act).message
        connection.execute("INSERT INTO t VALUES (4)")

    assert count(path) == 4


def test_what_is_not_kept_when_the_session_ends_is_undone(path: Path) -> None:
    connection = opened(path)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (3)")
    connection.close()

    assert count(path) == 2


def test_transaction_for_writing_keeps_other_writers_out_from_its_beginning(path: Path, connection: Connection) -> None:
    with connection.transaction(), closing(opened(path)) as other:
        other.execute("PRAGMA busy_timeout = 0")
        assert refusal(lambda: other.execute("INSERT INTO t VALUES (3)")).reason == "locked"
        assert other.rows("SELECT count(*) FROM t") == [(2,)]


def test_transaction_for_reading_sees_one_state_from_its_beginning(path: Path, connection: Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    with connection.transaction(read_only=True), closing(opened(path)) as other:
        other.execute("INSERT INTO t VALUES (3)")
        assert connection.rows("SELECT count(*) FROM t") == [(2,)]
        other.execute("INSERT INTO t VALUES (4)")
        assert connection.rows("SELECT count(*) FROM t") == [(2,)]

    assert connection.rows("SELECT count(*) FROM t") == [(4,)]


def test_transaction_for_reading_refuses_to_write(connection: Connection) -> None:
    with connection.transaction(read_only=True):
        assert refusal(lambda: connection.execute("INSERT INTO t VALUES (3)")).reason == "read_only"
        assert connection.rows("SELECT count(*) FROM t") == [(2,)]

    assert connection.execute("INSERT INTO t VALUES (3)") == 1


def test_session_for_reading_stays_so_after_a_transaction(connection: Connection) -> None:
    for statement in SQLITE.session(read_only=True):
        connection.execute(statement)
    with connection.transaction(read_only=True):
        pass

    assert refusal(lambda: connection.execute("INSERT INTO t VALUES (3)")).reason == "read_only"


@pytest.mark.parametrize("read_only", [True, False])
def test_lock_of_another_process_is_told_and_who_has_it(
    path: Path, connection: SqliteConnection, read_only: bool
) -> None:
    connection.execute("PRAGMA busy_timeout = 0")
    with other_process(HOLDER, path, "BEGIN EXCLUSIVE") as holder:

        def act() -> None:
            with connection.transaction(read_only=read_only):
                pytest.fail("both have it")

        named = f"process {holder.pid} ({os.path.basename(sys.executable)})"
        for error in (refusal(act), refusal(lambda: connection.rows("SELECT * FROM t"))):
            assert error.reason == "locked"
            assert error.message == (
                f"The SQLite database {path} is locked by another process: wait until it is done, stop it, or allow a"
                f" longer wait. It is {named}."
            )
        assert [str(one) for one in HostProcesses().holding([str(path)])] == [named]

    # ... and is free again.
    with connection.transaction():
        pass


def test_lock_is_waited_for(path: Path) -> None:
    with other_process(HOLDER, path, "BEGIN EXCLUSIVE") as holder, closing(opened(path, wait=60)) as connection:
        # What a session begins with is the time that the address gives for a connection.
        assert connection.rows("PRAGMA busy_timeout") == [(60_000,)]
        connection.execute("PRAGMA busy_timeout = 50")
        before = time.monotonic()
        assert refusal(lambda: connection.rows("SELECT * FROM t")).reason == "locked"
        assert time.monotonic() - before >= 0.04
        connection.execute("PRAGMA busy_timeout = 60000")
        holder.kill()
        assert connection.rows("SELECT count(*) FROM t") == [(2,)]


def test_full_database_is_told_and_the_transaction_undone(connection: Connection) -> None:
    connection.execute("PRAGMA max_page_count = 3")

    def act() -> None:
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (3)")
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")

    assert refusal(act).reason == "disk_full"
    assert connection.rows("SELECT count(*) FROM t") == [(2,)]


# Copies


def test_copy_is_private_and_the_same(path: Path, connection: SqliteConnection) -> None:
    target = path.with_name("a ?#%41 copy.db")
    before = os.umask(0)
    try:
        connection.copy_to(str(target))
    finally:
        os.umask(before)

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert count(target) == 2
    assert sorted(entry.name for entry in path.parent.iterdir()) == [target.name, path.name]


def test_copy_is_private_from_its_first_byte(
    path: Path, connection: SqliteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = path.with_name("copy.db")
    seen: list[tuple[int, int]] = []
    really: Callable[..., sqlite3.Connection] = sqlite3.connect

    def look(database: str, **options: bool) -> sqlite3.Connection:
        seen.append((stat.S_IMODE(target.stat().st_mode), target.stat().st_size))
        return really(database, **options)

    monkeypatch.setattr(sqlite3, "connect", look)
    connection.copy_to(str(target))

    assert seen == [(0o600, 0)]


def test_copy_is_made_in_one_step(path: Path, connection: SqliteConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[int, ...]] = []
    monkeypatch.setattr(_driver_sqlite, "_fail_if_locked", lambda *step: steps.append(step))
    connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")

    connection.copy_to(f"{path}.copy")

    assert len(steps) == 1


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "directory"])
def test_copy_replaces_nothing(path: Path, connection: SqliteConnection, kind: str) -> None:
    target = path.with_name("copy.db")
    if kind == "file":
        target.write_text("mine")
    elif kind == "directory":
        target.mkdir()
    else:
        target.symlink_to(path if kind == "link" else "elsewhere")

    with pytest.raises(FileError, match=f"{target} cannot be made for a copy: File exists"):
        connection.copy_to(str(target))

    assert os.path.lexists(target)
    assert not path.with_name("elsewhere").exists()


def test_copy_to_a_missing_directory_is_told(path: Path, connection: SqliteConnection) -> None:
    with pytest.raises(FileError, match="No such file or directory"):
        connection.copy_to(f"{path.parent}/gone/copy.db")


def refused_copy(connection: SqliteConnection, target: Path) -> DatabaseError:
    error = refusal(lambda: connection.copy_to(str(target)))
    assert error.message.endswith(f" This happened in a copy to {target}, of which nothing is left.")
    assert not list(target.parent.glob(f"{target.name}*"))
    return error


def test_copy_of_a_locked_database_is_not_tried_for_ever(path: Path, connection: SqliteConnection) -> None:
    connection.execute("PRAGMA busy_timeout = 0")
    with other_process(HOLDER, path, "BEGIN EXCLUSIVE"):
        assert refused_copy(connection, path.with_name("copy.db")).reason == "locked"
    with connection.transaction():
        assert refused_copy(connection, path.with_name("copy.db")).reason == "locked"


def test_copy_of_a_truncated_database_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "data.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(100000))")
    with path.open("r+b") as file:
        file.write(b"nothing to see")
    with closing(opened(path)) as connection:
        assert refused_copy(connection, tmp_path / "copy.db").reason == "corrupt"


def test_copy_that_is_interrupted_leaves_nothing(
    path: Path, connection: SqliteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped:
        def backup(self, copy: sqlite3.Connection, **options: object) -> None:
            copy.execute("PRAGMA journal_mode = WAL")
            copy.execute("CREATE TABLE half (a)")
            raise Interrupted("Stopped.")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_database", Stopped())
        with pytest.raises(Interrupted):
            connection.copy_to(str(path.with_name("copy.db")))

    assert [entry.name for entry in path.parent.iterdir()] == ["data.db"]


@AS_ROOT
def test_copy_to_a_full_disk_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "data.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (zeroblob(1000000))")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=False).returncode != 0:
        pytest.skip("Nothing can be mounted here.")
    try:
        with closing(opened(path)) as connection:
            error = refused_copy(connection, small / "copy.db")
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)

    assert error.reason == "disk_full"


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_copies_hold_what_was_read_with_them_while_another_process_writes(tmp_path: Path, journal: str) -> None:
    path = made(
        tmp_path / "data.db",
        f"PRAGMA journal_mode = {journal}",
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note)",
        "WITH RECURSIVE n AS (SELECT 0 AS id UNION ALL SELECT id + 1 FROM n LIMIT 50)"
        " INSERT INTO accounts SELECT id, 1000, zeroblob(9000) FROM n",
        "CREATE TABLE moves (giver, taker)",
    )
    tables = [Table("accounts"), Table("moves")]
    seen = []
    with other_process(MOVER, path) as mover, closing(opened(path, wait=60)) as connection:
        for number in range(10):
            with connection.transaction(read_only=True):
                counted = SQLITE.count_rows(connection, tables)
                if journal == "WAL":
                    wait_until_more_is_moved(path, counted[Table("moves")])
                connection.copy_to(f"{path}.{number}")
            seen.append(counted)
            wait_until_more_is_moved(path, counted[Table("moves")])
        done = int(mover.communicate("")[0])

    assert done >= 200
    assert len({counted[Table("moves")] for counted in seen}) == 10
    for number, counted in enumerate(seen):
        with closing(opened(f"{path}.{number}")) as copy:
            assert copy.rows("PRAGMA integrity_check") == [("ok",)]
            assert copy.rows("SELECT sum(balance) FROM accounts") == [(50_000,)]
            assert SQLITE.count_rows(copy, tables) == counted


def wait_until_more_is_moved(path: Path, known: int) -> None:
    deadline = time.monotonic() + 30
    while count(path, "moves") <= known:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_driver_tells_what_it_knows_and_no_more(tmp_path: Path) -> None:
    told: list[Failure] = []

    def explain(failure: Failure) -> DatabaseError:
        told.append(failure)
        return DatabaseError("Explained.", reason="other", known="detail")

    path = made(tmp_path / "data.db")
    with closing(connect(Address("sqlite", str(path)), explain)) as connection:
        error = refusal(lambda: connection.rows("SELECT * FROM nowhere"))

    assert (error.message, error.details) == ("Explained.", {"reason": "other", "known": "detail"})
    assert isinstance(error.__cause__, sqlite3.OperationalError)
    assert [failure.message for failure in told] == ["no such table: nowhere"]
