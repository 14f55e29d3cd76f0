# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the strategy of MySQL computes; tests/integration/backup/test_mysql.py runs it against servers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup import mysql, mysql_facts, mysql_scratch
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql import MysqlBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_filter import HOLD, RELEASE, filtering
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_tools import (
    Dumper,
    client_stage,
    explained,
    text,
    was_put_beside,
    with_settings,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Strategy, Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_name
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, CommandError, DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Completed

TAG = "20240102030405abcdef"
ADDRESS = Address("mysql", "--shop", socket="/s", user="app", password="canary")
STRATEGY: Strategy = MysqlBackup()


@dataclass
class Commands:
    """A host on which these programs are installed, which answer so."""

    answers: dict[str, str]
    run_as: str = "1000"

    def find(self, *programs: str) -> str | None:
        return next((program for program in programs if program in self.answers), None)

    def run(self, argv: Sequence[str], **_options: object) -> Completed:
        known = {"id -u": self.run_as}
        answer = known.get(" ".join(argv), self.answers.get(argv[0]))
        return Completed(tuple(argv), 1 if answer is None else 0, answer or "", "")


def host_with(**answers: str) -> Host:
    """A host that has commands alone."""
    programs = {name.replace("_", "-"): answer for name, answer in answers.items()}
    return cast(Host, type("OnlyCommands", (), {"commands": Commands(programs)})())


@dataclass
class Session:
    """A session that answers what contains a text, and notes all it is told."""

    answers: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    told: list[str] = field(default_factory=list)
    reason: str = "locked"

    def rows(self, sql: str, _parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        self.told.append(sql)
        return next((rows for part, rows in self.answers.items() if part in sql), [])

    def execute(self, sql: str, _parameters: Sequence[object] = ()) -> int:
        self.told.append(sql)
        if any(part in sql for part in self.failing):
            raise DatabaseError("no", reason=self.reason)
        return 0

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        raise NotImplementedError

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


# Tools.


@pytest.mark.parametrize(
    ("answers", "program", "of_oracle"),
    [
        ({"mariadb_dump": "mariadb-dump from 11.8.6-MariaDB", "mysqldump": ""}, "mariadb-dump", []),
        ({"mysqldump": "mysqldump  Ver 10.19 Distrib 10.5.9-MariaDB"}, "mysqldump", []),
        (
            {"mysqldump": "mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)"},
            "mysqldump",
            ["--set-gtid-purged=OFF", "--column-statistics=0"],
        ),
    ],
)
def test_dumper(answers: dict[str, str], program: str, of_oracle: list[str]) -> None:
    stage = Dumper(host_with(**answers)).stage(ADDRESS, "--routines", tables=["--v"])

    name, first, *options = stage.argv
    assert (name, first) == (program, f"--defaults-file={FILE}")
    assert options[-4:] == ["--routines", "--", "--shop", "--v"]
    assert {"--single-transaction", "--skip-lock-tables", "--hex-blob", "--no-tablespaces"} <= set(options)
    assert [option for option in options if option.startswith(("--set-gtid", "--column"))] == of_oracle
    assert "canary" not in " ".join(stage.argv)


def test_client() -> None:
    stage = client_stage(host_with(mysql=""), ADDRESS, Terms("/tmp", lock_timeout=3))

    assert stage.argv[:2] == ("mysql", f"--defaults-file={FILE}")
    assert stage.argv[-2:] == ("--", "--shop")
    assert any(option.startswith("--init-command=SET SESSION lock_wait_timeout = 3") for option in stage.argv)
    assert "--comments" in stage.argv


@pytest.mark.parametrize("make", [Dumper, lambda host: client_stage(host, ADDRESS, Terms("/tmp"))])
def test_tool_is_missing(make: Callable[[Host], object]) -> None:
    with pytest.raises(BackupError, match="is installed on this host"):
        make(host_with())


@pytest.mark.parametrize(
    ("program", "said", "kind", "sentence"),
    [
        ("mariadb-dump", 'Got error: 1045: "Access denied" when connecting', DatabaseError, "refuses the login"),
        ("mysql", "INSERT 'canary'\nERROR 1062 (23000) at line 3: Duplicate entry", DatabaseError, "exist twice"),
        ("mysql", "ERROR 1 (\n'\nERROR 1146 (42S02) at line 1: Table 'a.b'", DatabaseError, "does not exist"),
        ("mysqldump", "mysqldump: Got errno 32 on write", CommandError, "another program of the pipe"),
        ("zstd", "zstd: ERROR 1045 (28000)", CommandError, "as it was"),
        ("mariadb-dump", "", CommandError, "as it was"),
    ],
)
def test_what_programs_say(program: str, said: str, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as caught, explained(ADDRESS):
        raise CommandError("as it was", argv=[program, "x"], code=2, stderr=said)

    assert "canary" not in str(caught.value)


def test_program_that_could_not_be_started() -> None:
    with pytest.raises(CommandError, match="not in time"), explained(ADDRESS):
        raise CommandError("not in time", stages="mariadb-dump | zstd")


# Names and settings.


@pytest.mark.parametrize("purpose", ["old", "restore", "verify"])
@pytest.mark.parametrize("name", ["shop", "x" * 64])
def test_databases_beside(name: str, purpose: str) -> None:
    assert was_put_beside(beside_name(name, purpose, TAG, 64))


@pytest.mark.parametrize("name", ["shop", f"shop__other_{TAG}", f"shop__old_{TAG}x", f"shop_old_{TAG}", "shop__old_1"])
def test_other_databases(name: str) -> None:
    assert not was_put_beside(name)
    with pytest.raises(BackupError, match="is not dropped"):
        STRATEGY.drop(Address("mysql", name), host_with(), Terms("/tmp"))


@pytest.mark.parametrize(
    ("traits", "sql"),
    [
        ({}, "CREATE DATABASE `a``b`"),
        (
            {"character_set": "utf8mb4", "collation": "utf8mb4_bin", "lower_case_table_names": "1"},
            "CREATE DATABASE `a``b` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        ),
    ],
)
def test_settings(traits: dict[str, str], sql: str) -> None:
    assert with_settings("CREATE DATABASE", "a`b", traits) == sql


@pytest.mark.parametrize("trait", ["character_set", "collation"])
def test_settings_that_can_be_none(trait: str) -> None:
    with pytest.raises(BackupError, match="was edited"):
        with_settings("CREATE DATABASE", "a", {trait: "utf8mb4; DROP DATABASE b"})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((42, "app", "10.0.0.5:3321", "Sleep", 3), "session 42 of app@10.0.0.5 (Sleep for 3 s)"),
        ((1, b"app", b"localhost", b"Query", None), "session 1 of app@localhost (Query for 0 s)"),
        ((1, "app", "[::1]:99", "Query", 0), "session 1 of app@[::1] (Query for 0 s)"),
    ],
)
def test_session_in_words(row: tuple[object, ...], words: str) -> None:
    assert mysql._session_in_words(*row) == words


def test_some_tables() -> None:
    assert mysql._some(["a", "b"]) == "a, b"
    assert mysql._some([str(number) for number in range(7)]) == "0, 1, 2, 3, 4 and 2 more tables"


# The lock.


TABLES = {"information_schema.TABLES": [("a",), ("b`",)]}


def test_writers_wait_for_the_beginning_alone() -> None:
    pauses: list[float] = []
    locker = Session()
    stop = mysql._WriteStop(locker, until_end=False)

    stop.begin(Session(TABLES), pauses.append, tries=3)
    # The server itself lets go if nothing is heard.
    assert locker.told[1:] == ["LOCK TABLES `a` READ, `b``` READ", "SET SESSION wait_timeout = 2"]
    stop.has_begun()
    stop.has_begun()
    stop.end()
    assert locker.told[3:] == ["UNLOCK TABLES"]
    assert not pauses
    assert stop.is_exact


def test_writers_wait_until_the_end() -> None:
    pauses: list[float] = []
    locker = Session()
    stop = mysql._WriteStop(locker, until_end=True)

    stop.begin(Session(TABLES), pauses.append, tries=3)
    stop.has_begun()
    assert locker.told[1:] == ["LOCK TABLES `a` READ, `b``` READ"]
    stop.end()
    assert locker.told[2:] == ["UNLOCK TABLES"]
    assert stop.is_exact


@pytest.mark.parametrize(
    ("failing", "reason", "tries", "waited"),
    [
        ("LOCK TABLES `a`", "locked", 3, 2),
        ("LOCK TABLES `a`", "locked", 1, 0),
        ("LOCK TABLES `a`", "permission", 3, 0),
        ("UNLOCK", "other", 3, 0),
    ],
)
def test_lock_that_is_not_had_or_lost(failing: str, reason: str, tries: int, waited: int) -> None:
    pauses: list[float] = []
    locker = Session(failing=(failing,), reason=reason)
    stop = mysql._WriteStop(locker, until_end=False)

    stop.begin(Session(TABLES), pauses.append, tries=tries)
    stop.has_begun()

    assert not stop.is_exact
    assert len(pauses) == waited


def test_lock_that_is_had_at_the_second_try() -> None:
    locker = Session(failing=("LOCK TABLES `a`",))
    stop = mysql._WriteStop(locker, until_end=False)

    stop.begin(Session(TABLES), lambda seconds: setattr(locker, "failing", ()), tries=3)

    assert stop.is_exact
    # Nothing is waited for while something is held.
    assert "lock_wait_timeout = 0" in locker.told[0]
    assert locker.told[1:3] == ["LOCK TABLES `a` READ, `b``` READ"] * 2


def test_nothing_to_lock() -> None:
    pauses: list[float] = []
    locker = Session()
    stop = mysql._WriteStop(locker, until_end=False)

    stop.begin(Session(), pauses.append, tries=3)
    stop.has_begun()

    assert (stop.is_exact, locker.told) == (True, [])


# Events in the fingerprint.

EVENTS = "SELECT EVENT_NAME, EXECUTE_AT, ENDS,\n STATUS, ON_COMPLETION FROM information_schema.EVENTS WHERE 1"


@pytest.mark.parametrize(
    ("event", "as_live", "as_copy"),
    [
        ((None, None, "ENABLED", "NOT PRESERVE"), "ENABLED", "ENABLED"),
        ((None, None, b"DISABLED", "PRESERVE"), "DISABLED", "DISABLED"),
        ((None, None, "SLAVESIDE_DISABLED", "PRESERVE"), "DISABLED", "ENABLED"),
        ((None, None, "REPLICA_SIDE_DISABLED", "PRESERVE"), "DISABLED", "ENABLED"),
        (("2024-01-01", None, "ENABLED", "PRESERVE"), "", ""),
        ((None, "2024-01-01", "DISABLED", "PRESERVE"), "", ""),
        (("2024-01-01", None, "ENABLED", "NOT PRESERVE"), None, None),
        ((None, "2024-01-01", "ENABLED", b"NOT PRESERVE"), None, None),
    ],
)
def test_events_that_can_be_compared(event: tuple[object, ...], as_live: str | None, as_copy: str | None) -> None:
    for is_beside, expected in ((False, as_live), (True, as_copy)):
        told = mysql_facts._Comparable(Session({"EVENTS": [("e", *event)]}), is_beside=is_beside)
        found = told.rows(EVENTS)
        assert found == ([] if expected is None else [("e", event[0], event[1], expected, event[3])])


def test_other_queries_are_left_alone() -> None:
    told = mysql_facts._Comparable(Session({"TABLES": [("ENABLED",)]}), is_beside=True)

    assert told.rows("SELECT STATUS FROM information_schema.TABLES") == [("ENABLED",)]


@pytest.mark.parametrize(("kind", "as_copy"), [("DEFINER", "INVOKER"), ("INVOKER", "DEFINER")])
def test_views_that_can_be_compared(kind: str, as_copy: str) -> None:
    created = "CREATE ALGORITHM=MERGE DEFINER=`SQL ``SECURITY INVOKER`@`%` SQL SECURITY {} VIEW `v` AS select 1"
    for is_beside, expected in ((False, kind), (True, as_copy)):
        told = mysql_facts._Comparable(
            Session({"VIEW": [("v", created.format(kind).encode(), "utf8mb4")]}), is_beside=is_beside
        )
        [(name, found, charset)] = told.rows("SHOW CREATE VIEW `v`")
        assert (name, text(found), charset) == ("v", created.format(expected), "utf8mb4")


# The private server.


def test_no_server_is_installed() -> None:
    opening = STRATEGY.scratch(ADDRESS, Facts({}, ""), "private_server", host_with(), Terms("/tmp"))

    with pytest.raises(BackupError, match="Neither mariadbd nor mysqld is installed"):
        opening.__enter__()


@pytest.mark.parametrize(
    ("run_as", "programs", "expected"),
    [
        ("1000", {"setpriv": ""}, (None, ())),
        ("0", {"setpriv": ""}, ("mysql", ("--user=mysql",))),
        # The directory is closed to the server's user.
        ("0", {}, (None, ("--user=root",))),
    ],
)
def test_user_of_the_private_server(run_as: str, programs: dict[str, str], expected: tuple[object, object]) -> None:
    host = cast(Host, type("OnlyCommands", (), {"commands": Commands(programs, run_as)})())

    assert mysql_scratch._user(host, Terms("/tmp")) == expected


@pytest.mark.parametrize(("told", "expected"), [(None, "0"), ("1", "1"), ("2", "2"), ("x", "0")])
def test_case_of_names(told: str | None, expected: str) -> None:
    traits = {"lower_case_table_names": told} if told else {}

    assert mysql_scratch._case_of_names(Facts({}, "", traits)) == f"--lower-case-table-names={expected}"


# What is changed in dumps.


def through(dump: str, *, waiting: str | None = None, is_anybodys: bool = False, is_replaced: bool = False) -> str:
    """The dump after the filter."""
    stage = filtering(waiting=waiting, is_anybodys=is_anybodys, is_replaced=is_replaced)
    ended = subprocess.run(
        stage.argv,
        env={"PATH": "/usr/bin:/bin", **stage.environment},
        # What is no UTF-8 passes too.
        input=dump.encode("latin-1"),
        capture_output=True,
        check=False,
    )
    assert ended.returncode in (0, 3), ended.stderr
    return ended.stdout.decode("latin-1")


def event(header: str, *, definer: str = "/*!50117 DEFINER=`a``b`@`%`*/ ") -> str:
    """An event as the tool writes it."""
    return f"""-- Dumping events for database 'shop'
DELIMITER ;;
/*!50003 SET @saved_time_zone      = @@time_zone */ ;;
/*!50003 SET time_zone             = 'SYSTEM' */ ;;
/*!50106 CREATE*/ {definer}/*!50106 EVENT {header} DO BEGIN
/*!50106 CREATE*/ /*!50106 EVENT `x` ON SCHEDULE AT '1' ON COMPLETION PRESERVE ENABLE DO BEGIN */
SELECT 'ä ON COMPLETION PRESERVE ENABLE'; END */ ;;
/*!50003 SET time_zone             = @saved_time_zone */ ;;
DELIMITER ;
-- Dumping routines for database 'shop'
"""


EVERY = "ON SCHEDULE EVERY 1 SECOND STARTS '2024-01-01 00:00:00' ENDS '2025-01-01 00:00:00' ON COMPLETION"
HEADERS = [
    f"`e` {EVERY} NOT PRESERVE",
    f"`e ``ENABLE é ON COMPLETION PRESERVE ENABLE` {EVERY} PRESERVE",
    "`e` ON SCHEDULE EVERY '1 2:3' DAY_MINUTE STARTS '2024-01-01 00:00:00' ON COMPLETION PRESERVE",
    "`e` ON SCHEDULE AT '2024-01-01 00:00:00' ON COMPLETION NOT PRESERVE",
]


@pytest.mark.parametrize("definer", ["", "/*!50117 DEFINER=`a``b`@`%`*/ ", "/*!50117 DEFINER=`role`*/ "])
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("comment", ["", " COMMENT 'ENABLE it''s'"])
@pytest.mark.parametrize(
    ("before", "held", "released"),
    [
        ("ENABLE", "DISABLE ON SLAVE", "ENABLE"),
        ("DISABLE", "DISABLE", "DISABLE"),
        ("DISABLE ON SLAVE", "DISABLE", "ENABLE"),
        ("DISABLE ON REPLICA", "DISABLE", "ENABLE"),
    ],
)
def test_events_are_held_and_released(
    header: str, comment: str, before: str, held: str, released: str, definer: str
) -> None:
    dump = event(f"{header} {before}{comment}", definer=definer)

    assert through(dump) == dump
    assert through(dump, waiting=HOLD) == event(f"{header} {held}{comment}", definer=definer)
    assert through(dump, waiting=RELEASE) == event(f"{header} {released}{comment}", definer=definer)
    assert through(dump, waiting=HOLD, is_anybodys=True) == event(f"{header} {held}{comment}", definer="")


@pytest.mark.parametrize("header", ["`e` ON SCHEDULE SOMEHOW ON COMPLETION PRESERVE ENABLE", "`e\n` x ENABLE"])
def test_event_that_is_not_understood_is_not_let_through(header: str) -> None:
    passed = through(event(header), waiting=HOLD)

    assert passed.endswith("/*!50003 SET time_zone             = 'SYSTEM' */ ;;\n")


ROWS = r"""INSERT INTO `t` VALUES
(1,'\n-- Dumping events for database \'x\'\n/*!50003 SET time_zone = \'x\' */ ;;\n/*!50106 CREATE*/ ENABLE'),
(2,'DELIMITER ;;\nCREATE DEFINER=`a`@`b` PROCEDURE');
ALTER DATABASE `x` CHARACTER SET utf8mb4 UPGRADE;
"""


def test_rows_are_left_alone() -> None:
    assert through(ROWS, waiting=HOLD, is_anybodys=True, is_replaced=True) == ROWS


OWNED = '''DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`a```@`%`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON c FOR EACH ROW BEGIN
CREATE DEFINER=`a`@`b` x; END */;;
DELIMITER ;
/*!50003 DROP PROCEDURE IF EXISTS `p` */;
DELIMITER ;;
CREATE DEFINER="a"@"b""" PROCEDURE "p"()
CREATE DEFINER=`a`@`b` x;;
DELIMITER ;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`a`@`b` SQL SECURITY INVOKER */
/*!50001 VIEW `v` AS select 1 AS `a` */;
'''


def test_owners_are_left_out() -> None:
    for owner in ("/*!50017 DEFINER=`a```@`%`*/ ", 'DEFINER="a"@"b""" ', "DEFINER=`a`@`b` SQL"):
        assert owner in OWNED
    without = OWNED.replace("/*!50017 DEFINER=`a```@`%`*/ ", "").replace('DEFINER="a"@"b""" ', "")

    assert through(OWNED) == OWNED
    assert through(OWNED, is_anybodys=True) == without.replace("DEFINER=`a`@`b` SQL", "SQL")


VIEW = "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 {} */\n/*!50001 VIEW `v` AS select 1 AS `a` */;\n"


@pytest.mark.parametrize(
    ("before", "held", "released"),
    [
        (
            "DEFINER=`a``b`@`%` SQL SECURITY DEFINER",
            "DEFINER=`a``b`@`%` SQL SECURITY INVOKER",
            "DEFINER=`a``b`@`%` SQL SECURITY DEFINER",
        ),
        (
            "DEFINER=`SQL SECURITY DEFINER */`@`%` SQL SECURITY INVOKER",
            "SQL SECURITY DEFINER",
            "SQL SECURITY INVOKER",
        ),
        ("SQL SECURITY DEFINER", "SQL SECURITY INVOKER", "SQL SECURITY DEFINER"),
    ],
)
def test_views_are_held_and_released(before: str, held: str, released: str) -> None:
    dump = VIEW.format(before)

    assert through(dump) == dump
    assert through(dump, waiting=HOLD) == VIEW.format(held)
    assert through(VIEW.format(held), waiting=RELEASE) == VIEW.format(released)
    kind = held.rpartition(" ")[2]
    assert through(dump, waiting=HOLD, is_anybodys=True) == VIEW.format(f"SQL SECURITY {kind}")


def test_lines_like_those_of_views_are_left_alone() -> None:
    line = "/*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */\n"

    assert through(line, waiting=HOLD) == line


def test_routines_are_replaced() -> None:
    replaced = OWNED.replace("/*!50003 DROP PROCEDURE IF EXISTS `p` */;\n", "")

    assert through(OWNED, is_replaced=True) == replaced.replace('CREATE DEFINER="a"@', 'CREATE OR REPLACE DEFINER="a"@')


@pytest.mark.parametrize("options", [{}, {"is_anybodys": True}, {"is_replaced": True}, {"waiting": HOLD}])
@pytest.mark.parametrize("delimiter", [";", ";;"])
def test_no_other_database_is_altered(options: dict[str, Any], delimiter: str) -> None:
    line = f"CHARACTER SET latin1 COLLATE latin1_bin {delimiter}\n"
    # Also where the line follows one that is looked behind.
    dump = f"ALTER DATABASE `a ``b` {line}DELIMITER ;;\nALTER DATABASE `shop` {line}"

    assert through(dump, **options) == f"ALTER DATABASE {line}DELIMITER ;;\nALTER DATABASE {line}"
