# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults that hit a backup while it is taken, each a line of the table in faults.py or more than one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from tests.integration.backup.faults import (
    MYSQL,
    POSTGRESQL,
    SERVERS,
    SQLITE,
    refused,
    survived,
)
from tests.integration.backup.faults_live import HISTORY, NAME, READ_ONLY, SMALL, Live, Run

AS_IT_WAS = "No backup was made, and those that were there are as they were."
DUMPERS = {MYSQL: "mariadb-dump", POSTGRESQL: "pg_dump"}
SERVICES = {MYSQL: "mariadb", POSTGRESQL: "postgresql@*"}

# What cannot be made smaller, 1 kB a row.
GROW = {
    SQLITE: "CREATE TABLE grown (v blob); INSERT INTO grown VALUES (randomblob({} * 1024));",
    MYSQL: "CREATE TABLE grown (v blob); INSERT INTO grown SELECT RANDOM_BYTES(1024) FROM seq_1_to_{};",
    POSTGRESQL: "CREATE TABLE grown (v bytea); INSERT INTO grown SELECT (SELECT string_agg(uuid_send(gen_random_uuid())"
    ", '') FROM generate_series(1, 64) WHERE n > 0) FROM generate_series(1, {}) AS n;",
}


def _in_the_small_place(live: Live, free: int) -> str:
    """The directory with its backup, where this many bytes are left."""
    live.shell(f"cp -a {live.directory} {SMALL}/backups")
    live.leave(free)
    return f"{SMALL}/backups"


@refused("space-dump", told=("No space is left", AS_IT_WAS))
def disk_full_in_the_middle(live: Live) -> Run:
    live.sql(GROW[live.engine].format(4000))
    # By the size of the last backup, and for SQLite of the database, there is enough.
    directory = _in_the_small_place(live, 7_200_000 if live.engine == SQLITE else 2_500_000)
    return live.backup(directory=directory)


@refused("space-begin", told=("No backup was begun.", f"{SMALL}/backups has", "free some"))
def disk_too_full_to_begin(live: Live) -> Run:
    return live.backup(directory=_in_the_small_place(live, 1000))


@refused(
    "space-scratch",
    told={
        SQLITE: ("No space is left", AS_IT_WAS),
        MYSQL: ("private server", AS_IT_WAS),
        POSTGRESQL: ("No server could be started", AS_IT_WAS),
    },
    everywhere=True,
)
def disk_full_where_it_is_restored(live: Live) -> Run:
    scratch = f"{SMALL}/scratch"
    live.shell(f"mkdir {scratch}")
    live.leave(12_000_000)
    # Somebody else takes what is left, just before it is unpacked.
    fill = f"df --output=avail --block-size=1 {SMALL} | tail -n 1 | xargs -I : fallocate --length : {SMALL}/others"
    if live.engine == SQLITE:
        live.program("zstd", f'#!/bin/sh\ncase " $* " in *" -d "*) {fill} ;; esac\nexec /usr/bin/zstd "$@"\n')
    place: dict[str, Any] = {} if live.engine == SQLITE else {"verify_in": "private_server"}
    return live.backup(scratch_directory=scratch, verify="restore", **place)


@refused("read-only", told=("Read-only file system",))
def directory_mounted_read_only(live: Live) -> Run:
    live.shell(f"rm -rf /shared/{live.engine}; cp -a {live.directory} /shared/{live.engine}")
    return live.backup(directory=f"{READ_ONLY}/{live.engine}")


@refused("read-only", told=("mounted read-only", AS_IT_WAS), engines=(SQLITE,))
def scratch_mounted_read_only(live: Live) -> Run:
    live.shell("mkdir -p /shared/scratch")
    return live.backup(scratch_directory=f"{READ_ONLY}/scratch")


@refused(
    "kill-dumper",
    told={MYSQL: ("mariadb-dump was killed by SIGKILL", AS_IT_WAS), POSTGRESQL: ("pg_dump was killed", AS_IT_WAS)},
    engines=SERVERS,
    everywhere=True,
)
def dumper_killed(live: Live) -> Run:
    with live.backing_up() as running:
        running.kill(running.child(DUMPERS[live.engine]))
    return running.ended


@refused(
    "kill-packer",
    told={
        SQLITE: ("zstd was killed by SIGKILL", AS_IT_WAS),
        MYSQL: ("mariadb-dump", "was not read to its end", AS_IT_WAS),
        POSTGRESQL: ("zstd was killed by SIGKILL", AS_IT_WAS),
    },
)
def packer_killed(live: Live) -> Run:
    with live.backing_up() as running:
        running.kill(running.child("zstd"))
    return running.ended


@survived("kill-module")
def module_killed_while_it_dumps(live: Live) -> Run:
    with live.backing_up() as running:
        running.kill(running.pid)
    killed = running.ended
    assert not killed.output
    left = [name for name in killed.new if not name.startswith("shipshape-")]
    assert [name.startswith(f".{NAME}-") and name.endswith(".partial") for name in left] == [True]
    assert killed.after.processes == []
    told = live.info()
    assert [backup["id"] for backup in told["backups"]] == [live.previous["id"]]
    assert not told["running"]
    run = live.backup()
    assert not [name for name in run.after.files if name.startswith("shipshape-")]
    return run


@survived("kill-module", engines=SERVERS)
def module_killed_while_it_restores(live: Live) -> Run:
    with live.backing_up("restore", verify="restore") as running:
        running.kill(running.pid)
    killed = running.ended
    assert not killed.output
    assert killed.after.scratch
    # The server that it had started went with it.
    assert killed.after.processes == []
    return live.backup(verify="restore")


@refused("stopped", told=("Stopped by SIGTERM", AS_IT_WAS))
def module_stopped_while_it_dumps(live: Live) -> Run:
    with live.backing_up() as running:
        running.kill(running.pid, "TERM")
        running.process.wait(30)
    return running.ended


@refused("stopped", told=("Stopped by SIGTERM", AS_IT_WAS), engines=SERVERS)
def module_stopped_while_it_restores(live: Live) -> Run:
    with live.backing_up("restore", verify="restore") as running:
        running.kill(running.pid, "TERM")
        running.process.wait(60)
    return running.ended


@refused("restart", told=("ended the connection", AS_IT_WAS), engines=SERVERS, everywhere=True)
def server_restarted(live: Live) -> Run:
    with live.backing_up() as running:
        live.shell(f"systemctl restart '{SERVICES[live.engine]}'")
    return running.ended


@refused("ddl", told=("changed a table's definition", AS_IT_WAS), engines=(MYSQL,), everywhere=True)
def table_made_anew_that_the_dump_will_read(live: Live) -> Run:
    with live.backing_up() as running:
        live.sql("ALTER TABLE late ADD COLUMN more int, ALGORITHM = COPY;")
    return running.ended


@refused("ddl", told=("the schema was changed during the dump", AS_IT_WAS), engines=(MYSQL,))
def column_added_that_the_dump_will_not_see(live: Live) -> Run:
    with live.backing_up() as running:
        live.sql("ALTER TABLE late ADD COLUMN more int, ALGORITHM = INSTANT;")
    return running.ended


@survived("ddl", engines=(POSTGRESQL,), everywhere=True)
def table_dropped_that_the_dump_will_read(live: Live) -> Run:
    """Who changes the schema waits until the dump is done, and the backup holds what there was."""
    live.is_touched = True
    with live.backing_up() as running:
        other = live.client("DROP TABLE late;")
    other.communicate(timeout=30)
    assert live.administer("SELECT to_regclass('late') IS NULL;").strip() == "t"
    assert {table["name"] for table in running.ended.result["backup"]["tables"]} == {"accounts", "history", "late"}
    return running.ended


@refused("ddl", told=("lock", AS_IT_WAS), engines=(POSTGRESQL,), everywhere=True)
def table_locked_by_a_change_that_goes_on(live: Live) -> Run:
    with live.session("BEGIN; LOCK TABLE late; SELECT 'locked';"):
        return live.backup(lock_timeout=1)


@survived("ddl", engines=(SQLITE,))
def table_dropped_while_the_copy_is_packed(live: Live) -> Run:
    with live.backing_up() as running:
        live.sql("DROP TABLE late;")
    assert {table["name"] for table in running.ended.result["backup"]["tables"]} == {"accounts", "history", "late"}
    return running.ended


@refused("definer", told=("their definer is gone: seen. Drop them", AS_IT_WAS), engines=(MYSQL,), everywhere=True)
def view_of_a_user_that_is_gone(live: Live) -> Run:
    live.sql("CREATE DEFINER = gone@nowhere VIEW seen AS SELECT id FROM accounts;")
    return live.backup()


@refused("definer", told=("what they show", "is gone: seen. Drop them", AS_IT_WAS), engines=(MYSQL,))
def view_of_what_is_gone(live: Live) -> Run:
    live.sql("CREATE VIEW seen AS SELECT id FROM late; DROP TABLE late;")
    return live.backup()


@survived("packet", engines=(MYSQL,), everywhere=True)
def row_larger_than_the_server_takes(live: Live) -> Run:
    """It can be dumped, and a server of our own takes it. That it cannot be restored there, db_restore says."""
    live.sql("CREATE TABLE large (v longtext); INSERT INTO large VALUES (REPEAT('x', 2000000));")
    live.undo.append(lambda: live.administer("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024;"))
    live.administer("SET GLOBAL max_allowed_packet = 1024 * 1024;")
    return live.backup(verify="restore")


@refused("no-zstd", told=("zstd is not installed",), engines=(SQLITE,))
def zstd_wanted_and_missing(live: Live) -> Run:
    live.instead_of("/usr/bin/zstd")
    return live.backup(compress="zstd")


@survived("no-zstd", engines=(SQLITE,))
def zstd_missing_and_another_there(live: Live) -> Run:
    live.instead_of("/usr/bin/zstd")
    run = live.backup()
    assert run.result["backup"]["file"].endswith(".db.gz")
    return run


@refused("wrong-password", told=("password",), engines=SERVERS, everywhere=True)
def password_wrong(live: Live) -> Run:
    return live.backup(database_password=f"{live.password}, and more")


@survived("odd-password", engines=SERVERS)
def password_with_odd_marks(live: Live) -> Run:
    assert set("'\"$ #;%\\=") <= set(live.password)
    return live.backup()


@refused(
    "old-dumper", told=("is of version 13 and the server of version", "Install"), engines=(POSTGRESQL,), everywhere=True
)
def dumper_says_that_it_is_older(live: Live) -> Run:
    """No older one can be had here, so one that is as it should be is made to say so, and would refuse."""
    path = live.shell("ls /usr/lib/postgresql/*/bin/pg_dump").strip()
    version = '[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 13.18" && exit'
    refusal = 'echo "pg_dump: error: aborting because of server version mismatch" >&2; exit 1'
    live.instead_of(path, f"#!/bin/sh\n{version}\n{refusal}\n")
    return live.backup()


@refused("old-dumper", told=("version", AS_IT_WAS), engines=(POSTGRESQL,))
def dumper_refuses_the_server(live: Live) -> Run:
    """In the words of pg_dump, where its version told nothing."""
    path = live.shell("ls /usr/lib/postgresql/*/bin/pg_dump").strip()
    version = f'[ "$1" = --version ] && exec {path}.real --version'
    refusal = (
        'echo "pg_dump: error: aborting because of server version mismatch" >&2;'
        ' echo "pg_dump: detail: server version: 99.1; pg_dump version: 15.1" >&2; exit 1'
    )
    live.instead_of(path, f"#!/bin/sh\n{version}\n{refusal}\n")
    return live.backup()


@survived("clock-back", engines=(SQLITE,))
def clock_put_back_before_the_run(live: Live) -> Run:
    """What was taken before lies in the future now: it does not count as young, and stays."""
    taken = datetime.fromisoformat(live.previous["taken"])
    run = live.backup(environment={"CLOCK": str(taken - timedelta(hours=1))}, max_age="1h", keep={"last": 1})
    assert run.result["changed"]
    assert run.result["backup"]["taken"] < live.previous["taken"]
    assert run.result["pruned"] == []
    return run


@survived("same-second", engines=(SQLITE,))
def two_backups_in_one_second(live: Live) -> Run:
    clock = {"CLOCK": "2024-05-06T07:08:09+00:00"}
    first = live.backup(environment=clock)
    second = live.backup(environment=clock)
    ids = [run.result["backup"]["id"] for run in (first, second)]
    assert {id_[:-7] for id_ in ids} == {f"{NAME}-20240506T070809Z"}
    assert len(live.info()["backups"]) == 3
    return second


@survived("two-runs")
def second_run_meets_the_first(live: Live) -> Run:
    """The second is told who is at work, and the first goes on."""
    with live.backing_up() as running:
        for module, options in (("db_backup", {}), ("db_restore", {"backup": "latest"})):
            output = "".join(live.start(module, live.options(**options)).communicate(timeout=60))
            told = json.loads(output)
            assert told["failed"]
            assert f"is locked by process {running.pid} (backup of {NAME}" in told["msg"]
            assert "wait until it is done." in told["msg"]
    return running.ended


# A writer in a transaction that is lost, after some that are not.
_KILLED = """
import os, signal, sqlite3, sys
path, mode = sys.argv[1:]
connection = sqlite3.connect(path, isolation_level=None)
for statement in (
    f"PRAGMA journal_mode = {mode}", "PRAGMA wal_autocheckpoint = 0", "PRAGMA cache_size = 1",
    "UPDATE accounts SET balance = balance - 7 WHERE id = 1",
    "UPDATE accounts SET balance = balance + 7 WHERE id = 2",
    "BEGIN", "UPDATE history SET note = 'lost'", "UPDATE accounts SET balance = 0",
):
    connection.execute(statement)
os.kill(os.getpid(), signal.SIGKILL)
"""


@survived("killed-app", engines=(SQLITE,))
def application_with_a_log_killed(live: Live) -> Run:
    return _after_a_killed_application(live, "wal", "-wal")


@survived("killed-app", engines=(SQLITE,))
def application_with_a_journal_killed(live: Live) -> Run:
    return _after_a_killed_application(live, "delete", "-journal")


def _after_a_killed_application(live: Live, mode: str, beside: str) -> Run:
    live.is_touched = True
    live.shell(f'python3 -c "$1" {live.path} {mode} || true; test -s {live.path}{beside}', _KILLED)
    run = live.backup(verify="restore")
    backup = f"{live.directory}/{run.result['backup']['file']}"
    restored = f"zstd -qdc {backup} >{live.root}/elsewhere/found.db; sqlite3 {live.root}/elsewhere/found.db"
    query = "SELECT sum(balance), (SELECT balance FROM accounts WHERE id = 2), (SELECT count(*) FROM history WHERE"
    assert live.shell(f"""{restored} "{query} note = 'lost') FROM accounts" """).strip() == "10000|107|0"
    return run


def _of_another_path(live: Live, make: str, **options: Any) -> Run:
    live.shell(f"cd {live.root}/elsewhere; {make}")
    return live.backup(database=f"sqlite://{live.root}/elsewhere/other.db", **{"name": NAME, **options})


@refused("path-missing", told=("other.db", "does not exist", "check the path"), engines=(SQLITE,))
def path_leads_to_nothing(live: Live) -> Run:
    run = _of_another_path(live, "true")
    # Nor was one made.
    assert not live.shell(f"ls {live.root}/elsewhere")
    return run


@survived("path-link", engines=(SQLITE,))
def path_is_a_symbolic_link(live: Live) -> Run:
    run = _of_another_path(live, f"ln -s {live.path} other.db", verify="restore")
    assert {table["name"]: table["rows"] for table in run.result["backup"]["tables"]} == {
        "accounts": 100,
        "history": HISTORY,
        "late": 10,
    }
    return run


@refused("path-empty", told=("other.db", "is empty", "Check the path"), engines=(SQLITE,))
def file_of_no_bytes(live: Live) -> Run:
    return _of_another_path(live, "touch other.db")


@refused("path-other", told=("other.db", "is no SQLite database"), engines=(SQLITE,))
def file_is_something_else(live: Live) -> Run:
    return _of_another_path(live, "seq 1000 >other.db")


@refused("path-encrypted", told=("other.db", "or an encrypted one"), engines=(SQLITE,))
def file_is_encrypted(live: Live) -> Run:
    return _of_another_path(live, "head -c 40960 /dev/urandom >other.db")


@refused("path-directory", told=("other.db", "is a directory"), engines=(SQLITE,))
def path_of_a_directory(live: Live) -> Run:
    return _of_another_path(live, "mkdir other.db")


# Moves money between accounts, each time in one transaction, which it writes down, until nobody listens any more.
_WRITER = """
import random, select, sys
engine, place, word = sys.argv[1:]
if engine == "sqlite":
    import sqlite3
    connection = sqlite3.connect(place, isolation_level=None, timeout=30)
    begin = "BEGIN IMMEDIATE"
elif engine == "mysql":
    import pymysql
    connection = pymysql.connect(unix_socket=word, user="root", database=place)
    begin = "BEGIN"
else:
    import psycopg2
    connection = psycopg2.connect(dbname=place)
    connection.autocommit = True
    begin = "BEGIN"
cursor = connection.cursor()
number = 100000
while not select.select([sys.stdin], [], [], 0)[0]:
    number += 1
    giving, taking = random.sample(range(1, 101), 2)
    for statement in (
        begin,
        f"UPDATE accounts SET balance = balance - 1 WHERE id = {giving}",
        f"INSERT INTO history VALUES ({number}, '{giving} to {taking}')",
        f"UPDATE accounts SET balance = balance + 1 WHERE id = {taking}",
        "COMMIT",
    ):
        cursor.execute(statement)
    if number == 100020:
        print("writing", flush=True)
print(number - 100000)
"""


@survived("load", everywhere=True)
def application_writes_during_the_whole_run(live: Live) -> Run:
    """The backup is of one moment: no account has what is still missing in another."""
    live.is_touched = True
    with live.program_of_the_application(_WRITER) as written:
        run = live.backup()
    [table] = [table for table in run.result["backup"]["tables"] if table["name"] == "history"]
    # It did write, before the moment of the backup and after it.
    assert HISTORY + 20 <= table["rows"] < HISTORY + written[0]
    restored = live.restore(backup=run.result["backup"]["id"])
    assert not restored.result.get("failed"), restored.output
    assert live.sum() == 10000
    assert int(live.administer("SELECT COUNT(*) FROM history;")) == table["rows"]
    return run


@survived("myisam", engines=(MYSQL,), everywhere=True)
def table_without_transactions(live: Live) -> Run:
    """Writers wait until the dump is done, and a warning says why."""
    live.sql("ALTER TABLE history ENGINE = MyISAM;")
    with live.backing_up() as running:
        writer = live.client("UPDATE late SET note = 'later';")
        live.until("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table%';", "1")
    writer.communicate(timeout=30)
    run = running.ended
    assert run.result["backup"]["consistency"] == "lock"
    assert ["Writers had to wait" in warning and "history" in warning for warning in run.warnings] == [True]
    # It did write then, and the backup does not have it.
    assert live.administer("SELECT DISTINCT note FROM late;").strip() == "later"
    assert "'later'" not in live.shell(f"zstd -qdc {live.directory}/{run.result['backup']['file']}")
    return run


_AWKWARD = {
    SQLITE: """
        CREATE TABLE awkward (
            t text, b blob, n int, g AS (n * 2) STORED, v AS (n || t) VIRTUAL, d date DEFAULT '0000-00-00');
        INSERT INTO awkward (t, b, n) VALUES ('😀 🏴 \\', x'0000270A5C00', 1), ('', zeroblob(67108864), 2);
    """,
    MYSQL: """
        SET sql_mode = '';
        CREATE TABLE awkward (
            t varchar(20), b longblob, n int, g int AS (n * 2) STORED, v varchar(40) AS (CONCAT(n, t)) VIRTUAL,
            d date NOT NULL DEFAULT '0000-00-00', m datetime NOT NULL DEFAULT '2024-00-00 00:00:00');
        INSERT INTO awkward (t, b, n) VALUES
            ('😀 🏴 \\\\', x'0000270A5C00', 1), ('', REPEAT(x'0001270A5C00FF41', 8388608), 2);
    """,
    POSTGRESQL: """
        CREATE TABLE awkward (
            t text, b bytea, n int, g int GENERATED ALWAYS AS (n * 2) STORED, d date DEFAULT '-infinity',
            m timestamptz DEFAULT '4713-01-01 00:00:00+00 BC');
        INSERT INTO awkward (t, b, n) VALUES
            ('😀 🏴 \\', '\\x0000270a5c00', 1), ('', decode(repeat('0001270a5c00ff41', 8388608), 'hex'), 2);
    """,
}


@survived("utf8", "nul", "large-row", "generated", "zero-date")
def awkward_values(live: Live) -> Run:
    """All in one table, of which every value is compared with what was restored."""
    if live.engine == MYSQL:
        live.undo.append(lambda: live.administer("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024;"))
        live.administer("SET GLOBAL max_allowed_packet = 1024 * 1024 * 1024;")
    live.sql(_AWKWARD[live.engine])
    assert live.administer("SELECT MAX(LENGTH(b)) FROM awkward;").strip() == "67108864"
    run = live.backup(verify="restore", skip_unchanged=True)
    assert run.result["backup"]["content_sha256"]
    return run
