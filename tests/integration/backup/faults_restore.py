# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults that hit a backup while it is proved or restored, each a line of the table in faults.py."""

from __future__ import annotations

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
from tests.integration.backup.faults_backup import AS_IT_WAS
from tests.integration.backup.faults_live import HISTORY, NAME, SMALL, Live, Run

NOT_CHANGED = "The database is as it was."

_FLIP = """
import os, sys
with open(sys.argv[1], "r+b") as file:
    middle = os.path.getsize(sys.argv[1]) // 2
    file.seek(middle)
    byte = file.read(1)[0]
    file.seek(middle)
    file.write(bytes([byte ^ 1]))
"""


def _flip(live: Live, file: str) -> None:
    live.shell('python3 -c "$1" "$2"', _FLIP, f"{live.directory}/{file}")


# Bytes


@refused("flip-packed", told=("does not hold what was written", "SHA-256"), engines=(SQLITE, POSTGRESQL))
def byte_of_a_compressed_backup(live: Live) -> Run:
    _flip(live, live.previous["file"])
    [broken] = live.info()["broken"]
    assert broken["path"].endswith(live.previous["file"])
    assert "SHA-256" in broken["why"]
    return live.restore(backup=live.previous["id"])


@refused("flip-packed", told=("zstd ended with exit code", NOT_CHANGED))
def byte_of_a_compressed_backup_that_was_written_so(live: Live) -> Run:
    _flip(live, live.previous["file"])
    live.forge(live.previous["id"])
    return live.restore(backup=live.previous["id"])


@refused("flip-plain", told=("does not hold what was written", "SHA-256"), engines=(SQLITE, MYSQL))
def byte_of_an_uncompressed_backup(live: Live) -> Run:
    backup = live.backup(compress="none", verify="none").result["backup"]
    _flip(live, backup["file"])
    return live.restore(backup=backup["id"])


@survived("truncated", engines=(SQLITE,))
def files_that_end_early(live: Live) -> Run:
    """Cut at ten points, each is told of, and the latest that is whole is taken."""
    taken = datetime.fromisoformat(live.previous["taken"])
    clones = live.clone([str(taken + timedelta(minutes=minutes)) for minutes in range(1, 11)])
    for number, clone in enumerate(clones):
        size = live.previous["bytes"] * number // 10 if number < 9 else live.previous["bytes"] - 1
        live.shell(f"truncate --size={size} {live.directory}/{clone['file']}")
    broken = {found["path"]: found["why"] for found in live.info()["broken"]}
    assert len(broken) == 10
    assert all(f"and not {live.previous['bytes']} as when it was written" in why for why in broken.values())
    live.sql("DELETE FROM accounts;")
    run = live.restore()
    assert run.result["backup"]["id"] == live.previous["id"]
    assert len(run.warnings) == 10
    assert live.sum() == 10000
    return run


def _cut(live: Live, numerator: int) -> Run:
    """A dump that ended early before anybody looked at it: size and hash are those of what was written."""
    file = f"{live.directory}/{live.previous['file']}"
    live.shell(f"zstd -qd {file} -o {file}.raw; size=$(stat --format=%s {file}.raw)")
    live.shell(f"truncate --size=$(($(stat --format=%s {file}.raw) * {numerator} / 10 - 1)) {file}.raw")
    live.shell(f"zstd -q --force --rm {file}.raw -o {file}")
    live.forge(live.previous["id"])
    return live.restore(backup=live.previous["id"])


def _of_ten_points(numerator: int, engine: str, told: str) -> None:
    def injection(live: Live) -> Run:
        return _cut(live, numerator)

    injection.__name__ = f"dump_that_ends_after_{numerator}_tenths"
    refused("truncated", told=(told, NOT_CHANGED), engines=(engine,))(injection)


for _engine, _told, _points in (
    (SQLITE, "use another backup", range(1, 11)),
    (POSTGRESQL, "the dump is damaged or is none", (5, 10)),
):
    for _point in _points:
        _of_ten_points(_point, _engine, _told)


# What is known of the file


@refused("no-manifest", told=("has no manifest, and so it is no backup",), engines=(SQLITE,))
def manifest_removed(live: Live) -> Run:
    live.shell(f"rm {live.directory}/{live.previous['id']}.manifest.json")
    [orphan] = live.info()["orphaned"]
    assert orphan.endswith(live.previous["file"])
    return live.restore(backup=live.previous["id"])


def _edited(what: str, told: str, **fields: Any) -> None:
    def injection(live: Live) -> Run:
        live.edit(live.previous["id"], **fields)
        return live.restore(backup=live.previous["id"])

    injection.__name__ = f"manifest_with_another_{what}"
    refused("edited-manifest", told=(told,), engines=(SQLITE,))(injection)


_edited("sha256", "does not hold what was written", sha256="0" * 64)
_edited("size", "as when it was written", bytes=1)
_edited("file", "is damaged or is no manifest of a backup", file="../data/shop_faults.db")
_edited(
    "id",
    "is the manifest of another backup",
    id=f"{NAME}-20240101T000000Z-000000",
    file=f"{NAME}-20240101T000000Z-000000.db",
)
_edited("engine", "is one of mysql, and the database is of sqlite", engine="mysql")
_edited("compression", "no SQLite database", compression="none")
_edited("format", "newer version of this collection", format=2)
_edited("time", "is damaged or is no manifest of a backup", taken="yesterday")
_edited("schema", "The schema is another one.", schema_sha256="0" * 64)
_edited(
    "tables",
    "Table accounts has 100 rows instead of 101.",
    tables=[
        {"schema": None, "name": "accounts", "rows": 101},
        {"schema": None, "name": "history", "rows": HISTORY},
        {"schema": None, "name": "late", "rows": 10},
    ],
)
_edited(
    "table-too-few",
    "Table late is too much.",
    tables=[
        {"schema": None, "name": "accounts", "rows": 100},
        {"schema": None, "name": "history", "rows": HISTORY},
    ],
)
_edited("content", "The rows are other ones.", content_sha256="0" * 64)


@refused("edited-manifest", told=("it was edited",), engines=(MYSQL,))
def manifest_with_a_statement_in_it(live: Live) -> Run:
    live.edit(live.previous["id"], traits={"character_set": f"utf8mb4; DROP DATABASE {NAME}"})
    return live.restore(backup=live.previous["id"])


@refused("no-trailer", told=("is no whole dump: its end is missing", AS_IT_WAS), engines=(MYSQL,), everywhere=True)
def dumper_that_ends_early_and_says_that_all_is_well(live: Live) -> Run:
    path = "/usr/bin/mariadb-dump"
    version = f'[ "$1" = --version ] && exec {path}.real --version'
    live.instead_of(path, f'#!/bin/sh\n{version}\n{path}.real "$@" | head --lines=-1\n')
    return live.backup()


def _repack(live: Live, change: str) -> None:
    """Send the dump through a program, and have the manifest say that it was written so."""
    file = f"{live.directory}/{live.previous['file']}"
    live.shell(f"zstd -qdc {file} | {change} | zstd -q >{file}.new; mv {file}.new {file}")
    live.forge(live.previous["id"])


@refused("no-trailer", told=("is missing", NOT_CHANGED), engines=(MYSQL,))
def dump_that_ends_between_two_statements(live: Live) -> Run:
    """No statement of it fails."""
    _repack(live, "sed '/^-- Table structure for table .late/Q'")
    return live.restore(backup=live.previous["id"])


@survived("no-trailer", engines=(MYSQL,))
def dump_that_lacks_nothing_but_its_last_line(live: Live) -> Run:
    """What was restored is compared with the manifest, and that is all there was."""
    before = live.look(with_rows=True).rows
    _repack(live, "head --lines=-1")
    live.sql("DELETE FROM late;")
    run = live.restore(backup=live.previous["id"])
    assert run.after.rows == before
    return run


# What is there already


@survived("stale-log", engines=(SQLITE,))
def log_of_a_killed_application(live: Live) -> Run:
    """SQLite would replay it over whatever has the database's name."""
    live.is_touched = True
    live.shell(
        f'python3 -c "$1" {live.path} || true; test -s {live.path}-wal',
        """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint = 0")
connection.execute("UPDATE accounts SET balance = 0")
connection.execute("CREATE TABLE more (id int)")
os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    run = live.restore(keep_old=False)
    assert {row["name"]: row["rows"] for row in run.result["lost"]} == {"accounts": 100}
    assert live.sum() == 10000
    assert not live.administer("SELECT name FROM sqlite_master WHERE name = 'more';")
    return run


@survived("non-empty", everywhere=True)
def database_with_other_tables_and_rows(live: Live) -> Run:
    """Nothing of it remains, and what was in the backup is there to the byte."""
    before = live.look(with_rows=True).rows
    live.sql(
        "CREATE TABLE more (id int); INSERT INTO more VALUES (1); DELETE FROM late; UPDATE accounts SET balance = 1;"
    )
    run = live.restore()
    lost = {row["name"]: row["rows"] for row in run.result["lost"]}
    assert lost == {"accounts": 100, "more": 1}
    assert run.before.rows != before == run.after.rows
    return run


@refused("non-empty", told=("would lose rows", "100 of", "accounts", "loss_budget"))
def rows_that_nobody_said_may_be_lost(live: Live) -> Run:
    live.sql("UPDATE accounts SET balance = 1;")
    return live.restore(loss_budget=99)


# What fails in the middle


@refused("statement", told=("nowhere", NOT_CHANGED), engines=(MYSQL,))
def statement_of_the_dump_that_fails(live: Live) -> Run:
    _repack(live, "sed '/^-- Table structure for table .late/i INSERT INTO nowhere VALUES (1);'")
    return live.restore(backup=live.previous["id"])


@refused("statement", told=("breaks a rule of the schema", NOT_CHANGED), engines=(POSTGRESQL,))
def rule_that_does_not_hold_while_it_is_loaded(live: Live) -> Run:
    """A check that looks into another table, which is loaded later."""
    live.sql(
        "CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql"
        " AS 'SELECT EXISTS (SELECT FROM public.late WHERE id = $1)';"
        "CREATE TABLE checked (id int CHECK (known(id))); INSERT INTO checked VALUES (1);"
    )
    backup = live.backup().result["backup"]
    return live.restore(backup=backup["id"])


@refused("packet", told=("max_allowed_packet", NOT_CHANGED), engines=(MYSQL,))
def row_larger_than_the_server_takes_back(live: Live) -> Run:
    live.sql("CREATE TABLE large (v longtext); INSERT INTO large VALUES (REPEAT('x', 2000000));")
    backup = live.backup().result["backup"]
    live.undo.append(lambda: live.administer("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024;"))
    live.administer("SET GLOBAL max_allowed_packet = 1024 * 1024;")
    return live.restore(backup=backup["id"])


@refused("space-restore", told=("No space is left", NOT_CHANGED), engines=(MYSQL,))
def disk_full_where_definitions_are_put(live: Live) -> Run:
    live.sql("DELETE FROM late;")
    live.shell(f"mkdir {SMALL}/scratch")
    live.leave(4096)
    return live.restore(scratch_directory=f"{SMALL}/scratch")


@refused("space-restore", told=("No space is left", NOT_CHANGED), engines=(SQLITE,))
def disk_full_beside_the_database(live: Live) -> Run:
    live.shell(f"mkdir -m 700 {SMALL}/data; cp -a {live.path} {SMALL}/data")
    live.leave(100_000)
    run = live.restore(database=f"sqlite://{SMALL}/data/{NAME}.db")
    # One that was as far as that is no more.
    assert live.shell(f"cd {SMALL}/data; ls; cmp {NAME}.db {live.path}").split() == [f"{NAME}.db"]
    return run


# Who is there


@refused(
    "in-use",
    told={
        SQLITE: ("is in use by process", "python3", "Nothing was changed. Stop the application"),
        MYSQL: ("is in use by session", "of app@localhost", "Nothing was changed. Stop the application"),
        POSTGRESQL: ("is in use by", "psql", "postgres", "Nothing was changed. Stop the application"),
    },
    everywhere=True,
)
def application_connected(live: Live) -> Run:
    with live.session("BEGIN; SELECT COUNT(*) FROM accounts;"):
        return live.restore()


@survived("event", engines=(MYSQL,), everywhere=True)
def event_that_deletes(live: Live) -> Run:
    """It runs where it is at home, and never in a copy, where it would write down where it was."""
    live.undo.append(lambda: live.administer("SET GLOBAL event_scheduler = OFF; DROP DATABASE IF EXISTS shop_witness;"))
    live.sql(
        """
        CREATE DATABASE shop_witness; CREATE TABLE shop_witness.seen (place varchar(64));
        SET GLOBAL event_scheduler = ON;
        DELIMITER //
        CREATE DEFINER = app@'%' EVENT cleaning ON SCHEDULE EVERY 1 SECOND DO BEGIN
            INSERT INTO shop_witness.seen VALUES (DATABASE());
            DELETE FROM accounts WHERE DATABASE() LIKE '%\\_\\_%';
        END//
        DELIMITER ;
        """
    )
    live.until("SELECT COUNT(*) > 0 FROM shop_witness.seen;", "1")
    run = live.backup(verify="restore", verify_in="scratch_database")
    live.administer("DELETE FROM late;")
    restored = live.restore(backup=run.result["backup"]["id"])
    assert not restored.result.get("failed"), restored.output
    places = live.administer("SELECT DISTINCT place FROM shop_witness.seen;").split()
    assert places == [NAME]
    assert live.sum() == 10000
    # And it goes on.
    live.administer("DELETE FROM shop_witness.seen;")
    live.until("SELECT COUNT(*) > 0 FROM shop_witness.seen;", "1")
    return run


@refused(
    "no-right",
    told={
        MYSQL: ("may not create this database", f"begin with {NAME}__", "private_server", AS_IT_WAS),
        POSTGRESQL: ("may not create databases", "CREATEDB", "private_server", AS_IT_WAS),
    },
    engines=SERVERS,
    everywhere=True,
)
def backup_to_be_proved_in_a_database_of_its_own(live: Live) -> Run:
    return live.backup(verify="restore", verify_in="scratch_database", database=live.readers_url)


@refused(
    "no-right",
    told={MYSQL: ("may not create this database", f"begin with {NAME}__"), POSTGRESQL: ("may not",)},
    engines=SERVERS,
    everywhere=True,
)
def restore_by_who_may_not(live: Live) -> Run:
    live.sql("DELETE FROM late;")
    return live.restore(database=live.readers_url)
