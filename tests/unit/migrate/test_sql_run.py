# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What our own runner sends to a server, message by message."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import steps_of
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect_postgresql import _literal
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import (
    APPLIED,
    REVERTING,
    RUNNING,
    Entry,
    OwnLedger,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import DIALECTS
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_run import Run
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql_session import Session
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# What the ledger is told by a statement in the midst of others.
TOLD = re.compile(r'INSERT INTO "schema_ledger".*?VALUES \((.*?)\).*?(?=; COMMIT|$)', re.DOTALL)
COLUMNS = 11


def line(values: Sequence[object]) -> str:
    """The version, the state, how many statements are done, and which one is begun, with a + if there is a witness."""
    told = " ".join(str(values[at]).strip("$s") for at in (0, 3, 4, 6))
    return told if values[7] in (None, "NULL") else f"{told}+"


@dataclass
class Server:
    """A session that takes down what it is sent, and in which one statement fails."""

    failing: str = "nothing"
    # What queries give.
    found: list[tuple[Any, ...]] = field(default_factory=list)
    # Whether nothing can be sent any more once it has failed.
    is_lost: bool = False
    messages: list[str] = field(default_factory=list)
    told: list[Sequence[object]] = field(default_factory=list)
    # The last of them, word by word.
    sent: str = ""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.found

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        self.sent = sql
        if len(parameters) >= COLUMNS:
            self.told.append(tuple(parameters))
            starts = range(0, len(parameters), COLUMNS)
            sql = f"ledger: {', '.join(line(parameters[start:]) for start in starts)}"
        elif parameters:
            sql = f"ledger without {parameters[0]}"
        self.messages.append(TOLD.sub(lambda told: f"ledger: {line(told[1].split(', '))}", sql))
        if self.failing in sql:
            if self.is_lost:
                self.failing = ""
            raise DatabaseError("It failed.", reason="other")
        return 0

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        for sql, parameters in statements:
            self.execute(sql, parameters)

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        raise AssertionError("a run begins its transactions itself")

    def close(self) -> None:
        raise AssertionError("whoever opened it closes it")


def run(server: Server, engine: str, transaction: str = "auto") -> Run:
    """A run with this server."""
    dialect = DIALECTS[engine]
    session = Session(server, dialect, OwnLedger(dialect.engine, "schema_ledger"))
    return Run(Project(Address(engine, "shop"), "/m", "/m", transaction=transaction), session, this_host(), "me@here")


def migration(number: int, script: str, *, down: str | None = None) -> Migration:
    """A file that holds this."""
    return Migration(str(number), "", f"{number}.sql", "0" * 64, script, down)


@dataclass
class Opened:
    """A host that takes down how sessions are opened, with foreign keys as applications have them."""

    limits: Mapping[str, object] = field(default_factory=dict)

    def connect(self, address: Address, engine: Engine, **limits: Any) -> Connection:
        self.limits = limits
        connection = this_host().connect(address, engine, **limits)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def test_the_session_is_made_ready(tmp_path: Path) -> None:
    opened, path = Opened(), tmp_path / "shop.db"
    path.touch()
    project = Project(Address("sqlite", str(path)), "/m", "/m", statement_timeout=4, lock_timeout=3)

    with Run.begun(project, DIALECTS["sqlite"], replace(this_host(), connect=opened.connect)) as begun:
        # Dropping the old table of a rebuild would delete the rows of all that refer to it.
        assert begun.session.connection.rows("PRAGMA foreign_keys") == [(0,)]
        assert opened.limits == {"statement_timeout": 4, "lock_timeout": 3}


TWO = [migration(1, "CREATE TABLE a (b INT);\nINSERT INTO a VALUES ('100 % ?');\n"), migration(2, "SELECT 1;\n")]


def test_postgresql_is_sent_one_message_for_each_statement() -> None:
    server = Server()

    done = run(server, "postgresql").carry_out(TWO, {})

    assert server.messages == [
        "BEGIN;\nCREATE TABLE a (b INT)",
        "INSERT INTO a VALUES ('100 % ?');\nledger: 1 applied 2 NULL; COMMIT",
        "BEGIN;\nSELECT 1;\nledger: 2 applied 1 NULL; COMMIT",
    ]
    assert [(one.name, one.statements) for one in done] == [("1.sql", 2), ("2.sql", 1)]


@pytest.mark.parametrize(
    ("failing", "place", "applied"),
    [
        ("CREATE TABLE a", ("1.sql", 1, 1), []),
        ("INSERT INTO a", ("1.sql", 2, 2), []),
        ("SELECT 1", ("2.sql", 1, 1), ["1.sql"]),
    ],
)
def test_which_message_fails_tells_the_statement(failing: str, place: tuple[str, int, int], applied: list[str]) -> None:
    server = Server(failing)

    with pytest.raises(MigrationError, match=r"It failed\. Nothing of this file is left\.") as caught:
        run(server, "postgresql").carry_out(TWO, {})

    file, statement, line = place
    assert caught.value.details["position"] == {"file": file, "statement": statement, "line": line}
    assert caught.value.details["applied"] == applied
    assert (failing in server.messages[-2], server.messages[-1]) == (True, "ROLLBACK")


def test_a_file_without_statements_is_listed_too() -> None:
    server = Server()

    [done] = run(server, "postgresql").carry_out([migration(1, "-- Nothing.\n")], {})

    assert (server.messages, done.statements) == (["BEGIN", "ledger: 1 applied 0 None", "COMMIT"], 0)


def test_postgresql_tells_the_ledger_itself_how_long_it_took() -> None:
    ledger = OwnLedger(DIALECTS["postgresql"].engine, "schema_ledger")
    elapsed = "(pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp())"

    end = DIALECTS["postgresql"].end(ledger, replace(entry(3, state=APPLIED), applied_at="2026-01-01T00:00:00.5Z"))

    assert end is not None
    assert f", pg_catalog.round(EXTRACT(epoch FROM {elapsed})::numeric, 3), " in end
    assert f"pg_catalog.to_char($s$2026-01-01T00:00:00.5Z$s$::timestamp + {elapsed}, " in end
    assert end.endswith("; COMMIT")


def test_postgresql_waits_for_the_disk_only_once() -> None:
    server = Server()

    with DIALECTS["postgresql"].prepared(server):
        server.execute("SELECT 1")

    assert server.messages == [
        "SET synchronous_commit = off",
        "SELECT 1",
        "RESET synchronous_commit; SELECT pg_catalog.txid_current()",
    ]


def test_a_session_that_is_lost_waits_for_nothing() -> None:
    server = Server("RESET")

    with pytest.raises(MigrationError, match="Ours"), DIALECTS["postgresql"].prepared(server):
        raise MigrationError("Ours.")


@pytest.mark.parametrize(
    ("engine", "seconds", "ended"),
    [("sqlite", 1.0, "2026-01-01T10:00:02.000000Z"), ("mysql", 1.0, "2026-01-01T10:00:01.000000Z")],
)
def test_the_ledger_has_its_times_in_utc(engine: str, seconds: float, ended: str) -> None:
    server, clock = Server(), count()
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    host = replace(this_host(), now=lambda: noon + timedelta(seconds=next(clock)))

    replace(run(server, engine), host=host).carry_out([migration(1, "DELETE FROM a")], {})

    assert server.told == [("1", "1.sql", "0" * 64, "applied", 1, None, None, None, seconds, ended, "me@here")]


def test_the_server_counts_from_the_beginning() -> None:
    server, clock = Server(), count()
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    host = replace(this_host(), now=lambda: noon + timedelta(seconds=next(clock)))

    replace(run(server, "postgresql"), host=host).carry_out([migration(1, "DELETE FROM a")], {})

    assert "($s$2026-01-01T12:00:00.000000Z$s$::timestamp + " in server.sent


@pytest.mark.parametrize(
    ("engine", "beginning"),
    [("mysql", "REPLACE INTO `schema_ledger`\n("), ("sqlite", 'INSERT INTO "schema_ledger"\n(')],
)
def test_what_the_ledger_said_before_is_replaced(engine: str, beginning: str) -> None:
    server = Server()

    run(server, engine).session.put(entry(1))

    assert server.sent.startswith(beginning)
    assert server.sent.endswith(")") if engine == "mysql" else "ON CONFLICT (version) DO UPDATE SET" in server.sent


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (3, "3"),
        ("1_a'b\\.sql", "$s$1_a'b\\.sql$s$"),
        ("a$s$b", "$ss$a$s$b$ss$"),
        ("ends with $s", "$ss$ends with $s$ss$"),
        ("$s$ and $ss", "$sss$$s$ and $ss$sss$"),
    ],
)
def test_literals(value: object, literal: str) -> None:
    assert _literal(value) == literal


def test_several_files_can_be_one_transaction() -> None:
    server = Server()

    run(server, "postgresql", "all").carry_out(TWO, {})

    first, second, *rest = server.messages
    assert (first, second) == ("BEGIN", "CREATE TABLE a (b INT)")
    assert rest[1:] == ["ledger: 1 applied 2 None", "SELECT 1", "ledger: 2 applied 1 None", "COMMIT"]


def test_of_one_transaction_of_all_nothing_is_applied() -> None:
    with pytest.raises(MigrationError, match=r"Nothing of any file of this run is left\.$") as caught:
        run(Server("SELECT 1"), "postgresql", "all").carry_out(TWO, {})

    assert caught.value.details["applied"] == []


# Statement by statement.

STEPS = (
    "CREATE TABLE a (b INT);\n"
    "SET x = 1;\n"
    "INSERT INTO a VALUES (1);\n"
    "CREATE TABLE c (b INT);\n"
    "START TRANSACTION;\n"
    "DELETE FROM a;\n"
    "COMMIT;\n"
    "CALL more();\n"
    "DROP TABLE c;\n"
)
SENT = [
    *("ledger: 1 running 0 1+", "CREATE TABLE a (b INT)"),
    "SET x = 1",
    # With the rows goes what is known of the statements before them.
    *("START TRANSACTION", "INSERT INTO a VALUES (1)", "ledger: 1 running 3 None", "COMMIT"),
    *("ledger: 1 running 3 4+", "CREATE TABLE c (b INT)"),
    # Not within the file's own transaction, which may come to nothing.
    "ledger: 1 running 4 None",
    *("START TRANSACTION", "DELETE FROM a", "ledger: 1 running 7 None", "COMMIT"),
    # Nothing tells afterwards whether this was carried out, so that it is told at once.
    *("ledger: 1 running 7 8", "CALL more()", "ledger: 1 running 8 None"),
    *("ledger: 1 running 8 9+", "DROP TABLE c", "ledger: 1 applied 9 None"),
]


def entry(done: int, *, state: str = RUNNING, begun: int | None = None, witness: str | None = None) -> Entry:
    """What the ledger says of the first file after a run that came to its end too early."""
    return Entry("1", "1.sql", "0" * 64, state, done, begun=begun, witness=witness)


def test_the_ledger_is_told_of_each_step() -> None:
    server = Server()

    [done] = run(server, "mysql").carry_out([migration(1, STEPS)], {})

    assert (server.messages, done.statements) == (SENT, 9)


@pytest.mark.parametrize(
    ("done", "messages"),
    [
        (1, ["SET x = 1", *SENT[3:]]),
        (3, ["SET x = 1", *SENT[7:]]),
        (7, ["SET x = 1", *SENT[-6:]]),
        (9, ["SET x = 1", "ledger: 1 applied 9 None"]),
    ],
)
def test_a_run_goes_on_with_the_settings_of_its_file(done: int, messages: list[str]) -> None:
    server = Server()

    run(server, "mysql").carry_out([migration(1, STEPS)], {"1": entry(done)})

    assert server.messages == messages


def test_what_was_begun_step_by_step_is_ended_so() -> None:
    server = Server()

    run(server, "postgresql").carry_out(TWO[:1], {"1": entry(1)})

    assert server.messages == ["BEGIN", "INSERT INTO a VALUES ('100 % ?')", "ledger: 1 applied 2 None", "COMMIT"]


@pytest.mark.parametrize(("witness", "goes_on_with"), [("", SENT[:2]), ("another", SENT[2:3])])
def test_the_witness_tells_whether_a_statement_was_carried_out(witness: str, goes_on_with: list[str]) -> None:
    server = Server()
    session = run(server, "mysql").session
    now = session.dialect.witness(server, steps_of(migration(1, STEPS), "mysql")[0])

    run(server, "mysql").carry_out([migration(1, STEPS)], {"1": entry(0, begun=1, witness=witness or now)})

    assert server.messages[: len(goes_on_with)] == goes_on_with


def test_without_a_witness_nothing_is_concluded() -> None:
    # The statement that was begun may have been another one.
    with pytest.raises(MigrationError, match="nothing tells whether it was carried out"):
        run(Server(), "mysql").carry_out([migration(1, STEPS)], {"1": entry(0, begun=1)})


@pytest.mark.parametrize(
    ("failing", "number", "stay", "messages"),
    [
        ("CREATE TABLE a", 1, 0, ["ROLLBACK", "ledger: 1 running 0 None"]),
        ("SET x", 2, 1, ["ROLLBACK", "ledger: 1 running 1 None"]),
        ("INSERT", 3, 2, ["ROLLBACK", "ROLLBACK", "ledger: 1 running 1 None"]),
        # What was to be told with the rows is still to be told.
        ("COMMIT", 3, 2, ["ROLLBACK", "ROLLBACK", "ledger: 1 running 1 None"]),
        ("CREATE TABLE c", 4, 3, ["ROLLBACK", "ledger: 1 running 3 None"]),
        ("DELETE", 6, 4, ["ROLLBACK"]),
        ("CALL", 8, 7, ["ROLLBACK", "ledger: 1 running 7 None"]),
    ],
)
def test_a_failure_says_what_stays(failing: str, number: int, stay: int, messages: list[str]) -> None:
    server = Server(failing)

    with pytest.raises(MigrationError) as caught:
        run(server, "mysql").carry_out([migration(1, STEPS)], {})

    told = f"Statements 1 to {stay} of this file stay." if stay else "Nothing of this file is done."
    assert caught.value.message.endswith(f"statement {number} failed: It failed. {told}")
    assert caught.value.details["statements_that_stay"] == stay
    at = next(at for at, message in enumerate(server.messages) if failing in message)
    assert server.messages[at + 1 :] == messages


def test_what_stays_counts_from_the_beginning_of_the_file() -> None:
    with pytest.raises(MigrationError, match=r"Statements 1 to 3 of this file stay\."):
        run(Server("CREATE TABLE c"), "mysql").carry_out([migration(1, STEPS)], {"1": entry(3)})


@pytest.mark.parametrize(("engine", "failing"), [("mysql", "CALL"), ("mysql", "INSERT"), ("postgresql", "INSERT")])
def test_a_session_that_is_lost_is_told_by_the_statement(engine: str, failing: str) -> None:
    files = [migration(1, STEPS)] if engine == "mysql" else TWO

    with pytest.raises(MigrationError, match=r"^1\.sql, line .* failed: It failed\.") as caught:
        run(Server(failing, is_lost=True), engine).carry_out(files, {})

    assert caught.value.details["position"]


def test_what_a_file_rolls_back_itself_is_done_afterwards() -> None:
    server = Server()

    run(server, "mysql").carry_out([migration(1, "BEGIN; DELETE FROM a; ROLLBACK; BEGIN; DELETE FROM b; COMMIT")], {})

    assert server.messages == [
        *("BEGIN", "DELETE FROM a", "ROLLBACK", "ledger: 1 running 3 None"),
        *("BEGIN", "DELETE FROM b", "ledger: 1 applied 6 None", "COMMIT"),
    ]


@pytest.mark.parametrize(
    ("engine", "script", "messages"),
    [
        pytest.param(
            "postgresql",
            "BEGIN; CREATE TABLE c (b INT); COMMIT",
            ["BEGIN", "CREATE TABLE c (b INT)", "ledger: 1 applied 3 None", "COMMIT"],
            id="a definition in a transaction of the file's own",
        ),
        pytest.param(
            "mysql",
            "BEGIN; SET x = 1; COMMIT",
            ["BEGIN", "SET x = 1", "ledger: 1 applied 3 None", "COMMIT"],
            id="a setting in a transaction of the file's own",
        ),
        pytest.param(
            "mysql",
            "COMMIT; ROLLBACK; DELETE FROM a",
            ["COMMIT", "ROLLBACK", "START TRANSACTION", "DELETE FROM a", "ledger: 1 applied 3 None", "COMMIT"],
            id="the end of no transaction",
        ),
        pytest.param(
            "postgresql",
            "VACUUM; VACUUM",
            [
                *("ledger: 1 running 0 1+", "VACUUM", "ledger: 1 running 1 None"),
                *("ledger: 1 running 1 2+", "VACUUM", "ledger: 1 applied 2 None"),
            ],
            id="where a commit costs little, all is told at once",
        ),
    ],
)
def test_what_is_sent(engine: str, script: str, messages: list[str]) -> None:
    server = Server()

    run(server, engine).carry_out([migration(1, script)], {})

    assert server.messages == messages


def test_a_file_that_ends_with_a_setting_is_listed() -> None:
    server = Server()

    run(server, "mysql").carry_out([migration(1, "DELETE FROM a; SET x = 1")], {})

    assert server.messages[-2:] == ["SET x = 1", "ledger: 1 applied 2 None"]


def test_a_definition_ends_the_transaction_of_its_file_in_mysql() -> None:
    server = Server()

    run(server, "mysql").carry_out([migration(1, "BEGIN; DELETE FROM a; CREATE TABLE c (b INT); DELETE FROM b")], {})

    assert server.messages[:4] == ["BEGIN", "DELETE FROM a", "ledger: 1 running 0 3+", "CREATE TABLE c (b INT)"]
    assert server.messages[4:] == ["START TRANSACTION", "DELETE FROM b", "ledger: 1 applied 4 None", "COMMIT"]


# Back.

DOWN = migration(1, STEPS, down="DROP TABLE c;\nDELETE FROM a;\n")


def test_the_way_down_is_told_step_by_step_too() -> None:
    server = Server()

    run(server, "mysql").take_back([DOWN], {"1": entry(8, state=APPLIED)})

    assert server.messages == [
        "ledger: 1 reverting 0 None",
        *("ledger: 1 reverting 0 1+", "DROP TABLE c"),
        *("START TRANSACTION", "DELETE FROM a", "ledger without 1", "COMMIT"),
    ]


def test_what_was_taken_back_is_told_of_no_more() -> None:
    server, second = Server(), migration(2, "SELECT 1", down="DELETE FROM b;\n")

    run(server, "mysql").take_back(
        [DOWN, second], {"1": entry(8, state=APPLIED), "2": replace(entry(1, state=APPLIED), version="2")}
    )

    assert server.messages[-6:] == [
        *("COMMIT", "ledger: 2 reverting 0 None"),
        *("START TRANSACTION", "DELETE FROM b", "ledger without 2", "COMMIT"),
    ]


@pytest.mark.parametrize(("engine", "begin"), [("mysql", "START TRANSACTION"), ("postgresql", "BEGIN")])
def test_the_way_down_goes_on_where_it_stopped(engine: str, begin: str) -> None:
    server = Server()

    run(server, engine).take_back([DOWN], {"1": entry(1, state=REVERTING)})

    assert server.messages == [begin, "DELETE FROM a", "ledger without 1", "COMMIT"]


def test_the_way_down_is_one_transaction_where_that_undoes_definitions() -> None:
    server = Server()

    [done] = run(server, "postgresql").take_back([DOWN], {"1": entry(8, state=APPLIED)})

    assert server.messages == ["BEGIN", "DROP TABLE c", "DELETE FROM a", "ledger without 1", "COMMIT"]
    assert (done.name, done.statements) == ("1.sql", 2)


def test_mysql_is_sent_a_note_and_a_definition_in_one_message() -> None:
    groups: list[list[str]] = []

    class Grouping(Server):
        def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
            before = len(self.messages)
            super().several(statements)
            groups.append(self.messages[before:])

    run(Grouping(), "mysql").carry_out([migration(1, "CREATE TABLE a (b INT); INSERT INTO a VALUES (1)")], {})

    assert groups == [
        ["ledger: 1 running 0 1+", "CREATE TABLE a (b INT)"],
        ["START TRANSACTION", "INSERT INTO a VALUES (1)"],
        ["ledger: 1 applied 2 None", "COMMIT"],
    ]
