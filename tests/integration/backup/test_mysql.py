# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The strategy of MySQL against the MariaDB servers of two distributions, with the tools of their hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.database.mariadb import PASSWORD, SOCKET, USER, Server
from tests.integration.inside import python

NAME = "shop-with-a-longer-name `ä.1"
TAG = "20240102030405abcdef"

# Runs on the host, where LIVE is the database as the application's user sees it and ROOT as the administrator does.
# What it leaves in `answer` comes back.
PRELUDE = """
import contextlib, glob, json, os, subprocess, threading
from dataclasses import replace
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql import MysqlBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms, differences
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stage

FOLDER = "/var/tmp/scratch"
subprocess.run(["install", "-d", "-m", "1777", FOLDER], check=True)
HOST, BACKUP, TERMS = this_host(), MysqlBackup(), Terms(scratch=FOLDER, timeout=60, lock_timeout=1)
ZSTD, UNZSTD = Stage(("zstd", "-q", "-c")), Stage(("zstd", "-q", "-d", "-c"))
FILE = f"{FOLDER}/{os.geteuid()}.sql.zst"
with contextlib.suppress(FileNotFoundError):
    os.unlink(FILE)
answer = None

@contextlib.contextmanager
def session(address, **limits):
    with contextlib.closing(HOST.connect(address, BACKUP.engine, **limits)) as connection:
        yield connection

def sql(address, *statements):
    with session(address, lock_timeout=1) as connection:
        for statement in statements:
            found = connection.rows(statement)
    return [list(row) for row in found]

def count(address, table):
    return sql(address, f"SELECT COUNT(*) FROM {table}")[0][0]

def until(is_so):
    for _attempt in range(400):
        if is_so():
            return True
        HOST.pause(0.05)
    return False

def measured(address):
    with session(address) as connection, connection.transaction(read_only=True):
        return BACKUP.measure(connection, with_content=True)

def dump(address, *, progress=None, pack=(ZSTD,)):
    terms = replace(TERMS, progress=progress) if progress else TERMS
    return BACKUP.dump(address, pack, FILE, HOST, terms, with_content=True)

def check(unpack=(UNZSTD,)):
    BACKUP.check(FILE, unpack, Facts({}, ""), HOST, TERMS)

def load(copy, *, is_scratch, unpack=(UNZSTD,)):
    BACKUP.load(FILE, unpack, copy, HOST, TERMS, is_scratch=is_scratch)
    return copy

def is_like(address, facts):
    found = measured(address)
    return differences(facts, found) or found.content_sha256 == facts.content_sha256

def copied(address, facts, tag):
    return load(BACKUP.beside(address, facts, tag, HOST, TERMS), is_scratch=False)

def failure(action, *arguments):
    try:
        action(*arguments)
    except ShipshapeError as error:
        return [type(error).__name__, error.message, error.details.get("reason")]

def statuses(address):
    found = sql(address, "SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()")
    return dict(found)
"""

BEGIN = """
given = json.loads({given})
TAG, ROOT = given["tag"], Address("mysql", given["name"], socket=given["socket"], user="root")
LIVE = parse_address(given["url"], given["password"])
"""


@dataclass(frozen=True)
class Live:
    """A database on a server."""

    server: Server
    name: str = NAME

    def sql(self, text: str) -> str:
        """What the administrator is told there."""
        name = self.name.replace("`", "``")
        return self.server.as_root(f"USE `{name}`;\n{text}")

    def run(self, code: str, *, user: str = "root", **given: Any) -> Any:
        """What a piece of Python on the host finds out."""
        url = f"mysql://{USER}@localhost/{quote(self.name, safe='')}?socket={SOCKET}"
        told = {"url": url, "password": PASSWORD, "name": self.name, "socket": SOCKET, "tag": TAG, **given}
        begin = PRELUDE + BEGIN.replace("{given}", repr(json.dumps(told)))
        return json.loads(python(self.server.host, f"{begin}\n{code}\nprint(json.dumps(answer))", user=user))


@pytest.fixture
def live(mariadb: Server) -> Iterator[Live]:
    """An empty database with an awkward name, which is all that is there afterwards."""
    before = databases(mariadb)
    mariadb.as_root(f"CREATE DATABASE `{NAME.replace('`', '``')}` CHARACTER SET latin1;")
    yield Live(mariadb)
    left = databases(mariadb) - before
    for database in left:
        mariadb.as_root("DROP DATABASE `{}`;".format(database.replace("`", "``")))
    assert left == {NAME}
    assert leftovers(mariadb) == []


def databases(server: Server) -> set[str]:
    return set(server.as_root("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA;").splitlines())


def leftovers(server: Server) -> list[str]:
    """Directories and processes of private servers."""
    script = "ls /var/tmp/scratch | grep ^shipshape-; pgrep -af [s]cratch/shipshape-; true"
    return server.host.run("sh", "-c", script).decode().splitlines()


TABLES = r"""
SET sql_mode = '', NAMES utf8mb4;
CREATE TABLE awkward (
    id INT PRIMARY KEY, f FLOAT, d DOUBLE, t TEXT CHARACTER SET utf8mb4, b LONGBLOB, z DATETIME, ts TIMESTAMP(6) NULL,
    virtual INT AS (id + 1) VIRTUAL, stored VARCHAR(20) AS (CONCAT('x', id)) STORED, hidden INT INVISIBLE DEFAULT 7,
    e ENUM('a', 'ä'), s SET('x', 'y'), bits BIT(9), j JSON, place POINT, exact DECIMAL(60, 30), y YEAR,
    CHECK (t <> 'it''s "`'), FULLTEXT (t)
) COMMENT 'it''s; -- \\ ä';
INSERT INTO awkward (id, f, d, t, b, z, ts, e, s, bits, j, place, exact, y) VALUES
    (-1, 16777217, 1e308 * 1.7976931348623157, 'ä😀\r\n\\\0''', x'0001ff00', '0000-00-00', '2024-03-31 02:30:00.000001',
     'ä', 'x,y', b'100000001', '{"a": "\\u00e4"}', ST_GeomFromText('POINT(1 2)'), 1e-30, 1901),
    (2, 1.17549435e-38, 5e-324, '\n/*!50106 CREATE*/ /*!50106 EVENT `x` ENABLE\nDELIMITER ;;\n', '', '2020-00-00', NULL,
     '', '', 0, NULL, NULL, -0.1, 0),
    (3, -0.0, 0.1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE `select ``ä` (
    `group` INT AUTO_INCREMENT PRIMARY KEY, `from` INT, note VARCHAR(40) DEFAULT 'it''s',
    CONSTRAINT `a key ä` FOREIGN KEY (`from`) REFERENCES awkward (id) ON DELETE CASCADE ON UPDATE SET NULL
);
INSERT INTO `select ``ä` (`from`) VALUES (-1), (2), (NULL);
ALTER TABLE awkward ADD ref INT, ADD FOREIGN KEY (ref) REFERENCES `select ``ä` (`group`);
CREATE TABLE parts (id INT, k INT) PARTITION BY RANGE (id)
    (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, 1), (20, 2), (20, 2);
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3;
DO NEXTVAL(numbers);
CREATE TABLE history (
    a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
    PERIOD FOR SYSTEM_TIME (s, e)
) WITH SYSTEM VERSIONING;
INSERT INTO history (a) VALUES (1), (2);
UPDATE history SET a = 3 WHERE a = 1;
CREATE TABLE log (a INT);
"""

ROUTINES = r"""
DELIMITER ;;
CREATE TRIGGER `a ``trigger` AFTER INSERT ON parts FOR EACH ROW BEGIN
-- Dumping events for database `x`
/*!50106 SET @a = 1 */; -- comment
INSERT INTO log VALUES (NEW.id); END;;
CREATE TRIGGER second AFTER INSERT ON parts FOR EACH ROW FOLLOWS `a ``trigger` SET @b = 'ä😀';;
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC COMMENT 'it''s ä' RETURN n * 2;;
CREATE PROCEDURE nothing() SQL SECURITY INVOKER BEGIN -- commentCRLF
    SELECT 'ä😀', "it's", 1 /* here */; END;;
SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES';;
CREATE PROCEDURE "quo``ted"() SELECT '\', "id" FROM "awkward";;
CREATE EVENT "e`1" ON SCHEDULE EVERY 1 SECOND COMMENT 'it''s ENABLE' DO BEGIN
    INSERT INTO log VALUES (-1);
END;;
CREATE EVENT disabled ON SCHEDULE EVERY '1:2' MINUTE_SECOND STARTS '2030-01-01' DISABLE DO DELETE FROM log;;
CREATE EVENT elsewhere ON SCHEDULE EVERY 1 HOUR DISABLE ON SLAVE DO DELETE FROM log;;
CREATE EVENT ending ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' ENDS '2031-01-01' ON COMPLETION PRESERVE
    DO DELETE FROM log;;
CREATE EVENT once ON SCHEDULE AT '2035-01-01' ENABLE DO DELETE FROM log;;
SET sql_mode = DEFAULT;;
DELIMITER ;
CREATE VIEW `b ``view` AS SELECT twice(id) AS x, 'ä' AS z FROM awkward;
CREATE SQL SECURITY INVOKER VIEW a_view_on_a_view AS SELECT * FROM `b ``view`;
CREATE ALGORITHM = MERGE VIEW checked AS SELECT id, t FROM awkward WHERE id > 0 WITH CASCADED CHECK OPTION;
"""

# The routines and the events are of the time when the database had another collation.
SCHEMA = f"{TABLES}{ROUTINES.replace('CRLF', chr(13))}ALTER DATABASE CHARACTER SET utf8mb4;"


def define(live: Live, script: str) -> None:
    """Have the application's user define this: what another has defined, he could not restore."""
    live.run(
        "stage = BACKUP.engine.client(LIVE).stage('mariadb', '--comments', '--binary-mode', '--', LIVE.name)\n"
        "path = f'{FOLDER}/define.sql'\n"
        "open(path, 'w').write(given['script'])\n"
        "HOST.pipes.load(path, [stage])",
        script=script,
    )


# What is dumped comes back.


@pytest.mark.parametrize("where", ["private_server", "scratch_database"])
def test_dump_is_restored_as_it_was(live: Live, where: str) -> None:
    define(live, SCHEMA)
    if where == "private_server":
        live.sql("CREATE TABLE large (b LONGBLOB); INSERT INTO large VALUES (REPEAT(x'00ff0a', 11000000));")

    found = live.run(
        """
before = measured(LIVE)
made = dump(LIVE)
check()
with BACKUP.scratch(LIVE, made.facts, given["where"], HOST, TERMS) as (copy, place):
    load(copy, is_scratch=True)
    answer = [is_like(LIVE, made.facts), is_like(LIVE, before), is_like(copy, made.facts), place, made.consistency,
              made.warnings, made.facts.is_approximate, made.facts.tables[Table("parts")]]
""",
        where=where,
    )

    assert found == [True, True, True, where.replace("_", " "), "snapshot", [], False, 3]


def test_auto_prefers_a_private_server_and_does_without(live: Live) -> None:
    found = live.run(
        """
facts = measured(LIVE)
# Where the server's own user cannot get to.
TERMS = replace(TERMS, scratch="/root/closed")
os.makedirs(TERMS.scratch, 0o700, exist_ok=True)
answer = []
for find in (HOST.commands.find, lambda *programs: None if "mariadbd" in programs else HOST.commands.find(*programs)):
    commands = type("Commands", (), {"find": staticmethod(find), "run": staticmethod(HOST.commands.run)})()
    host = replace(HOST, commands=commands)
    with BACKUP.scratch(LIVE, facts, "auto", host, TERMS) as (copy, place):
        answer.append(place)
no_right = replace(LIVE, name="unrelated")
answer.append(failure(BACKUP.scratch(no_right, facts, "auto", host, TERMS).__enter__))
"""
    )

    assert found[:2] == ["private server", "scratch database"]
    kind, sentence, _reason = found[2]
    assert kind == "BackupError"
    assert "As a private server: Neither mariadbd nor mysqld" in sentence
    assert "As a scratch database: " in sentence


def test_private_server_of_any_user(live: Live) -> None:
    found = live.run(
        """
with BACKUP.scratch(LIVE, Facts({}, "", {"lower_case_table_names": "1"}), "private_server", HOST, TERMS) as (copy, _):
    answer = sql(copy, "SELECT DATABASE(), @@lower_case_table_names, @@event_scheduler, @@skip_networking")
""",
        user="nobody",
    )

    assert found == [[NAME, 1, "OFF", 1]]


def test_killed_runs_leave_nothing_for_long(live: Live) -> None:
    found = live.run(
        """
facts = measured(LIVE)
dead = BACKUP.beside(LIVE, facts, TAG, HOST, TERMS)
dead = replace(dead, name=dead.name.replace("__restore_", "__verify_"))
sql(LIVE, f"CREATE DATABASE {BACKUP.engine.quote(dead.name)}")
names = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%\\\\_\\\\_verify\\\\_%'"
with BACKUP.scratch(LIVE, facts, "scratch_database", HOST, TERMS) as (one, _place):
    with BACKUP.scratch(LIVE, facts, "scratch_database", HOST, TERMS) as (two, _place):
        answer = [sorted(name for (name,) in sql(LIVE, names)) == sorted([one.name, two.name])]
answer.append([address.name for address in BACKUP.kept(LIVE, HOST, TERMS)])
for address in BACKUP.kept(LIVE, HOST, TERMS):
    BACKUP.drop(address, HOST, TERMS)
BACKUP.drop(address, HOST, TERMS)
answer.append(failure(BACKUP.drop, LIVE, HOST, TERMS)[0])
"""
    )

    assert found == [True, [f"{NAME}__restore_{TAG}"], "BackupError"]


# One moment.


FILLED = """
CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(4000)); CREATE TABLE a (id INT); CREATE TABLE z (id INT);
INSERT INTO a VALUES (1); INSERT INTO z VALUES (1); CREATE TABLE other (id INT, balance INT);
INSERT INTO big (t) SELECT REPEAT(MD5(seq), 100) FROM seq_1_to_2000;
"""


def test_counts_are_exact_while_somebody_writes(live: Live) -> None:
    live.sql(FILLED)

    found = live.run(
        """
is_over, answer = threading.Event(), []

def write(*tables):
    with session(LIVE) as connection:
        while not is_over.is_set():
            with connection.transaction():
                for table in tables:
                    connection.execute(f"INSERT INTO {table} VALUES (2)")
            # Somebody who never stops writing leaves no moment for a lock.
            HOST.pause(0.002)

# In both orders, so that whoever waited for one table with a lock on the other could make a writer fail.
writers = [threading.Thread(target=write, args=tables) for tables in (("a", "z"), ("z", "a"))]
for writer in writers:
    writer.start()
try:
    for _time in range(3):
        goes_on = []

        def progress(size):
            if not goes_on:
                at_first = count(LIVE, "z")
                goes_on.append(until(lambda: count(LIVE, "z") > at_first))

        made = dump(LIVE, pack=(), progress=progress)
        with BACKUP.scratch(LIVE, made.facts, "scratch_database", HOST, TERMS) as (copy, _place):
            load(copy, is_scratch=True, unpack=())
            tables = {table.name: rows for table, rows in made.facts.tables.items()}
            answer.append([goes_on, is_like(copy, made.facts), made.facts.is_approximate, tables["a"] == tables["z"],
                           count(LIVE, "z") > tables["z"]])
        os.unlink(FILE)
finally:
    alive = [writer.is_alive() for writer in writers]
    is_over.set()
    for writer in writers:
        writer.join()
answer.append(alive)
"""
    )

    # The writer goes on while the dump does.
    assert found == [*[[[True], True, False, True, True]] * 3, [True, True]]


def test_without_a_lock_the_counts_are_approximate(live: Live) -> None:
    live.sql(f"{FILLED} CREATE TABLE old (id INT) ENGINE = MyISAM;")

    found = live.run(
        """
with session(LIVE) as connection:
    connection.execute("BEGIN")
    connection.execute("INSERT INTO a VALUES (2)")
    made = dump(LIVE)
    answer = [made.consistency, made.facts.is_approximate, made.facts.content_sha256, made.warnings]
    os.unlink(FILE)
    # Where the lock would be all that keeps the dump consistent:
    sql(LIVE, "INSERT INTO old VALUES (1)")
    answer += [failure(dump, LIVE), os.path.exists(FILE)]
"""
    )

    consistency, is_approximate, content, [warning], (kind, sentence, _reason), is_left = found
    assert (consistency, is_approximate, content) == ("snapshot", True, None)
    assert "no lock on all tables could be had" in warning
    assert (kind, is_left) == ("BackupError", False)
    assert "old cannot take part in a transaction" in sentence


def test_tables_without_transactions_are_locked_until_the_end(live: Live) -> None:
    live.sql(FILLED)
    live.sql("CREATE TABLE zz (id INT) ENGINE = MyISAM; INSERT INTO zz VALUES (1);")

    found = live.run(
        """
tried = []

def progress(size):
    tried.append(failure(sql, LIVE, "SET STATEMENT lock_wait_timeout = 0 FOR INSERT INTO zz VALUES (2)")[2])

made = dump(LIVE, pack=(), progress=progress)
sql(LIVE, "INSERT INTO zz VALUES (3)")
answer = [len(tried) > 3, sorted(set(tried)), made.consistency, made.warnings, made.facts.is_approximate]
"""
    )

    assert found[:3] == [True, ["locked"], "lock"]
    assert ["zz cannot" in warning for warning in found[3]] == [True]
    assert found[4] is False


@pytest.mark.parametrize("table", ["a", "z"])
def test_schema_changed_during_the_dump(live: Live, table: str) -> None:
    live.sql(FILLED)

    found = live.run(
        """
changed = []

def progress(size):
    if not changed:
        changed.append(sql(LIVE, f"ALTER TABLE {given['table']} ADD extra INT"))

answer = [failure(lambda: dump(LIVE, pack=(), progress=progress)), os.path.exists(FILE)]
""",
        table=table,
    )

    (_kind, sentence, _reason), is_left = found
    assert "migration" in sentence
    assert not is_left


# What fails says why, and leaves nothing.


def test_view_of_what_is_gone(live: Live) -> None:
    live.sql("CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a, 'canary' FROM t; DROP TABLE t;")

    (kind, sentence, told), is_left = live.run("answer = [failure(dump, LIVE), os.path.exists(FILE)]")

    assert (kind, told, is_left) == ("DatabaseError", "missing", False)
    assert "canary" not in sentence


def test_what_belongs_to_somebody_else(live: Live) -> None:
    live.sql(
        """
        CREATE USER 'some ` body'@here; GRANT SELECT ON *.* TO 'some ` body'@here;
        SET sql_mode = 'ANSI_QUOTES';
        CREATE TABLE t (a INT); CREATE DEFINER = "some ` body"@here VIEW v AS SELECT a FROM t;
        CREATE DEFINER = "some ` body"@here TRIGGER t BEFORE INSERT ON t FOR EACH ROW SET @a = 1;
        CREATE DEFINER = "some ` body"@here PROCEDURE p() SELECT 1;
        CREATE DEFINER = "some ` body"@here FUNCTION f() RETURNS INT RETURN 1;
        CREATE DEFINER = "some ` body"@here EVENT e ON SCHEDULE EVERY 1 HOUR DO DELETE FROM t;
        """
    )

    try:
        found = live.run(
            """
def owners(address):
    where = {"VIEWS": "TABLE", "TRIGGERS": "TRIGGER", "ROUTINES": "ROUTINE", "EVENTS": "EVENT"}
    listed = (f"SELECT DEFINER FROM information_schema.{table} WHERE {whose}_SCHEMA = DATABASE()"
              for table, whose in where.items())
    return sql(address, " UNION ALL ".join(listed))

made = dump(ROOT)
with BACKUP.scratch(LIVE, made.facts, "scratch_database", HOST, TERMS) as (copy, _place):
    load(copy, is_scratch=True)
    answer = [is_like(copy, made.facts)]
answer.append(failure(copied, LIVE, made.facts, TAG)[2])
swap = BACKUP.swap(ROOT, copied(ROOT, made.facts, TAG[:-1] + "e"), TAG, HOST, TERMS)
answer += [owners(ROOT) == owners(swap.old) == [["some ` body@here"]] * 5, is_like(ROOT, made.facts)]
for kept in BACKUP.kept(LIVE, HOST, TERMS):
    BACKUP.drop(kept, HOST, TERMS)
"""
        )
    finally:
        live.sql("DROP USER 'some ` body'@here;")

    assert found == [True, "permission", True, True]


def test_row_above_the_servers_limit(live: Live) -> None:
    live.sql("CREATE TABLE t (b LONGBLOB); INSERT INTO t VALUES (REPEAT('x', 3000000));")

    found = live.run(
        """
made = dump(LIVE)
sql(ROOT, "SET GLOBAL max_allowed_packet = 1048576")
try:
    with BACKUP.scratch(LIVE, made.facts, "scratch_database", HOST, TERMS) as (copy, _place):
        answer = failure(lambda: load(copy, is_scratch=True))
finally:
    sql(ROOT, "SET GLOBAL max_allowed_packet = 67108864")
"""
    )

    assert found[0] == "DatabaseError"
    assert "max_allowed_packet" in found[1]


def test_failure_of_another_program_is_its_own(live: Live) -> None:
    live.sql(FILLED)

    found = live.run("answer = failure(lambda: dump(LIVE, pack=(Stage(('sh', '-c', 'echo full >&2; exit 7')),)))")

    assert found[0] == "CommandError"
    assert "another program of the pipe" in found[1]


def test_statement_that_fails_is_not_shown(live: Live) -> None:
    found = live.run(
        """
with open(FILE, "w") as file:
    insert = "INSERT INTO t VALUES ('canary');\\n"
    file.write(f"CREATE TABLE t (a CHAR(9) PRIMARY KEY);\\n{insert}{insert}DROP TABLE t;\\n")
with BACKUP.scratch(LIVE, measured(LIVE), "scratch_database", HOST, TERMS) as (copy, _place):
    answer = [failure(lambda: load(copy, is_scratch=True, unpack=())), count(copy, "t")]
"""
    )

    (kind, sentence, reason), rows = found
    assert (kind, reason, rows) == ("DatabaseError", "duplicate", 1)
    assert "canary" not in sentence


def test_only_a_whole_dump_passes(live: Live) -> None:
    found = live.run(
        """
dump(LIVE, pack=())
check(())
whole = open(FILE).read()
answer = []
for text in (whole[:-1], whole[:-30], whole + "-- more\\n", "", "x" * 100000):
    open(FILE, "w").write(text)
    answer.append(failure(check, ()))
os.unlink(FILE)
dump(LIVE)
half = open(FILE, "rb").read()[:-20]
open(FILE, "wb").write(half)
answer.append(failure(check))
"""
    )

    # The last line break is nothing that anybody could miss.
    assert [kind and kind[0] for kind in found] == [None, *["BackupError"] * 4, "CommandError"]


def test_password_is_seen_nowhere(live: Live) -> None:
    live.sql(FILLED)

    found = live.run(
        """
seen, looks = [], []

def look(size):
    looks.append(size)
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if "canary-ä".encode() in file.read():
                seen.append(path)

dump(LIVE, pack=(), progress=look)
during_dump = len(looks)
copy = BACKUP.beside(LIVE, measured(LIVE), TAG, HOST, TERMS)
BACKUP.load(FILE, [], copy, HOST, replace(TERMS, progress=look), is_scratch=False)
BACKUP.drop(copy, HOST, TERMS)
answer = [during_dump > 3, len(looks) > during_dump + 3, seen]
"""
    )

    assert found == [True, True, []]


# Events.


def test_events_run_in_the_live_database_alone(live: Live) -> None:
    live.sql("CREATE TABLE log (a INT); ")
    define(
        live,
        "CREATE EVENT tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO log VALUES (1);"
        "CREATE EVENT never ON SCHEDULE EVERY 1 SECOND DISABLE DO DELETE FROM log;",
    )
    live.sql("SET GLOBAL event_scheduler = ON;")
    try:
        found = live.run(
            """
runs = lambda address, more: until(lambda start=count(address, "log"): count(address, "log") >= start + more)
made = dump(LIVE)
rows = sum(made.facts.tables.values())
copy = copied(LIVE, made.facts, TAG)
with BACKUP.scratch(LIVE, made.facts, "scratch_database", HOST, TERMS) as (scratch, _place):
    load(scratch, is_scratch=True)
    answer = [runs(LIVE, 2), count(scratch, "log") == rows, count(copy, "log") == rows]
answer.append(statuses(copy))
swap = BACKUP.swap(LIVE, copy, TAG, HOST, TERMS)
put_away = count(swap.old, "log")
answer += [statuses(LIVE), runs(LIVE, 2), count(swap.old, "log") == put_away, statuses(swap.old)]
swap.undo()
answer += [statuses(LIVE), count(LIVE, "log") >= put_away, runs(LIVE, 1)]
"""
        )
    finally:
        live.sql("SET GLOBAL event_scheduler = OFF;")

    waiting = {"tick": "SLAVESIDE_DISABLED", "never": "DISABLED"}
    running = {"tick": "ENABLED", "never": "DISABLED"}
    assert found == [True, True, True, waiting, running, True, True, waiting, running, True, True]


def test_event_that_could_not_be_held_back_is_refused(live: Live) -> None:
    live.sql("CREATE EVENT `line\nbreak` ON SCHEDULE EVERY 1 SECOND DO SET @a = 1;")

    kind, sentence, _reason = live.run("answer = failure(dump, LIVE)")

    assert kind == "BackupError"
    assert "line break" in sentence


# What would be lost.


def test_lost_rows_are_counted(live: Live) -> None:
    live.sql(
        """
        CREATE TABLE same (id INT, f FLOAT, t TEXT); INSERT INTO same VALUES (1, 16777217, 'a'), (NULL, NULL, NULL);
        CREATE TABLE doubled (a VARCHAR(20), v INT AS (1)); INSERT INTO doubled (a) VALUES ('x'), ('x'), ('x'), ('y');
        CREATE TABLE spelled (t TEXT); INSERT INTO spelled VALUES ('abc'), ('def');
        CREATE TABLE altered (a INT); INSERT INTO altered VALUES (1), (2), (3);
        CREATE TABLE fewer (a INT); INSERT INTO fewer VALUES (1);
        CREATE TABLE history (
            a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
            PERIOD FOR SYSTEM_TIME (s, e)
        ) WITH SYSTEM VERSIONING; INSERT INTO history (a) VALUES (1), (2), (3);
        """
    )

    found = live.run(
        """
copy = copied(LIVE, dump(LIVE).facts, TAG)
sql(copy, "DELETE FROM doubled LIMIT 2", "UPDATE spelled SET t = 'ABC' WHERE t = 'abc'")
sql(copy, "ALTER TABLE altered ADD b INT", "DELETE FROM altered WHERE a = 1", "INSERT INTO fewer VALUES (2)")
sql(copy, "DELETE FROM history WHERE a = 3")
sql(LIVE, "CREATE TABLE newer (a INT)", "INSERT INTO newer VALUES (1), (1)")
answer = {table.name: rows for table, rows in BACKUP.lost(LIVE, copy, HOST, TERMS).items()}
BACKUP.drop(copy, HOST, TERMS)
"""
    )

    assert found == {"same": 0, "doubled": 2, "spelled": 1, "altered": 1, "fewer": 0, "newer": 2, "history": 1}


# The swap.


def test_swap_and_undo(live: Live) -> None:
    define(live, SCHEMA)
    live.sql("CREATE USER reader; GRANT SELECT ON history TO reader; GRANT EXECUTE ON FUNCTION twice TO reader;")
    try:
        before = live.sql("SHOW GRANTS FOR reader;")
        found = live.run(
            """
made = dump(LIVE)
sql(LIVE, "INSERT INTO log VALUES (5)", "DROP VIEW a_view_on_a_view", "CREATE VIEW v AS SELECT * FROM history",
    "DROP PROCEDURE nothing", "CREATE PROCEDURE newer() SELECT 1", "DROP TRIGGER second", "DROP EVENT disabled",
    "CREATE TABLE newer (a INT)", "ALTER DATABASE CHARACTER SET ascii")
before = measured(LIVE)
copy = copied(LIVE, made.facts, TAG)
swap = BACKUP.swap(LIVE, copy, TAG, HOST, TERMS)
answer = [is_like(LIVE, made.facts), is_like(swap.old, before), [old.name for old in BACKUP.kept(LIVE, HOST, TERMS)]]
sql(LIVE, "INSERT INTO parts VALUES (6, 6)")
answer.append(count(LIVE, "log"))
swap.undo()
answer += [is_like(LIVE, before), [old.name for old in BACKUP.kept(LIVE, HOST, TERMS)]]
"""
        )
        after = live.sql("SHOW GRANTS FOR reader;")
    finally:
        live.sql("DROP USER reader;")

    assert found == [True, True, [f"{NAME}__old_{TAG}"], 1, True, []]
    assert after == before
    assert "EXECUTE" in before


def test_swap_where_nothing_was(live: Live) -> None:
    define(live, SCHEMA)

    found = live.run(
        """
facts = dump(LIVE).facts
new = replace(LIVE, name="shop_new")
swap = BACKUP.swap(new, copied(new, facts, TAG), TAG, HOST, TERMS)
answer = [swap.old, is_like(new, facts), statuses(new) == statuses(LIVE) | {"elsewhere": "DISABLED"}]
swap.undo()
answer += [failure(measured, new)[2], BACKUP.kept(new, HOST, TERMS)]
"""
    )

    assert found == [None, True, True, "unknown_database", []]


def test_swap_leaves_a_view_behind_that_is_broken(live: Live) -> None:
    live.sql("CREATE TABLE t (a INT); CREATE SQL SECURITY INVOKER VIEW v AS SELECT a FROM t; INSERT INTO t VALUES (1);")

    found = live.run(
        """
made = dump(ROOT)
sql(ROOT, "DROP TABLE t", "CREATE VIEW t AS SELECT 1 AS b", "ALTER DATABASE CHARACTER SET ascii")
swap = BACKUP.swap(ROOT, copied(ROOT, made.facts, TAG), TAG, HOST, TERMS)
answer = [is_like(ROOT, made.facts), count(ROOT, "v")]
BACKUP.drop(swap.old, HOST, TERMS)
"""
    )

    assert found == [True, 1]


def test_swap_that_fails_changes_nothing(live: Live) -> None:
    define(live, SCHEMA)

    found = live.run(
        """
copy = copied(LIVE, dump(LIVE).facts, TAG)
of_root = "DEFINER = root@localhost TRIGGER zz BEFORE INSERT ON log FOR EACH ROW SET @a = 1"
name = BACKUP.engine.quote(LIVE.name)

@contextlib.contextmanager
def read_by_somebody(address):
    with session(address) as connection:
        connection.execute("LOCK TABLES parts READ")
        yield

@contextlib.contextmanager
def trigger(address):
    sql(address, f"CREATE {of_root}")
    yield
    # The failure has taken the copy's already.
    sql(address, "DROP TRIGGER IF EXISTS zz")

@contextlib.contextmanager
def view(address):
    sql(address, "CREATE DEFINER = root@localhost VIEW zz AS SELECT 1 AS a")
    yield
    sql(address, "DROP VIEW zz")

@contextlib.contextmanager
def referred():
    sql(LIVE, "CREATE DATABASE shop_other")
    sql(LIVE, f"CREATE TABLE shop_other.t (a INT, FOREIGN KEY (a) REFERENCES {name}.awkward (id))")
    yield
    sql(LIVE, "DROP DATABASE shop_other")

sql(LIVE, "ALTER DATABASE CHARACTER SET ascii")
answer = {}
for case, obstacle in {
    "somebody uses it": read_by_somebody(LIVE),
    "somebody uses the copy": read_by_somebody(copy),
    "the live one has what the user may not make again": trigger(ROOT),
    "another database refers to it": referred(),
    "the copy has a view that the user may not make": view(replace(ROOT, name=copy.name)),
    "the copy has a trigger that the user may not make": trigger(replace(ROOT, name=copy.name)),
}.items():
    with obstacle:
        before, events, alone = measured(LIVE), statuses(LIVE), measured(copy)
        told = failure(BACKUP.swap, LIVE, copy, TAG, HOST, TERMS)
        answer[case] = [told[2], "in pieces" in told[1], is_like(LIVE, before), statuses(LIVE) == events,
                        len(BACKUP.kept(LIVE, HOST, TERMS)), is_like(copy, alone)]
BACKUP.drop(copy, HOST, TERMS)
"""
    )

    as_before = [False, True, True, 1, True]
    assert found.pop("the copy has a trigger that the user may not make")[:-1] == ["permission", *as_before[:-1]]
    assert found == {
        "somebody uses it": ["locked", *as_before],
        "somebody uses the copy": ["locked", *as_before],
        "the live one has what the user may not make again": ["permission", *as_before],
        "another database refers to it": [None, *as_before],
        "the copy has a view that the user may not make": ["permission", *as_before],
    }


def test_obstacles(live: Live) -> None:
    found = live.run(
        """
answer = [BACKUP.obstacles(LIVE, HOST)]
with session(LIVE) as connection:
    [(number,)] = connection.rows("SELECT CONNECTION_ID()")
    answer += [number, until(lambda: "Sleep" in BACKUP.obstacles(LIVE, HOST)[0]), BACKUP.obstacles(LIVE, HOST)]
"""
    )

    assert found[0] == []
    assert found[2] is True
    [told] = found[3]
    assert told.startswith(f"session {found[1]} of {USER}@localhost (Sleep for ")
