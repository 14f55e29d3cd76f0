# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine and the driver of MySQL against the MariaDB servers of two distributions."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, Tls, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column, Failure, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql
from ansible_collections.shipshape.webapp.plugins.module_utils._driver_mysql import MysqlConnection, connect
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Connection
from tests.integration.database.mariadb import PASSWORD, SOCKET, USER, Server

ENGINE = Mysql()

CANARY = "canary-ä€😀"

Open = Callable[..., MysqlConnection]


def open_to(address: Address, *, read_only: bool = False) -> MysqlConnection:
    """A session with the address."""
    return connect(address, lambda failure: ENGINE.explain(failure, address), read_only=read_only)


@pytest.fixture
def database(mariadb: Server, request: pytest.FixtureRequest) -> Iterator[Address]:
    """An empty database."""
    name = f"shop `{abs(hash(request.node.nodeid))}"
    mariadb.as_root(f"CREATE DATABASE {ENGINE.quote(name)};")
    yield parse_address(mariadb.url_of(name), mariadb.password)
    mariadb.as_root(f"DROP DATABASE {ENGINE.quote(name)};")


@pytest.fixture
def opened(database: Address) -> Iterator[Open]:
    """Opens sessions with the empty database, and closes them."""
    with contextlib.ExitStack() as stack:

        def open_one(*, read_only: bool = False, **limits: float) -> MysqlConnection:
            connection = open_to(database, read_only=read_only)
            stack.callback(connection.close)
            for statement in ENGINE.session(**limits):  # type: ignore[arg-type]
                connection.execute(statement)
            return connection

        yield open_one


def failure_of(action: Callable[[], object]) -> DatabaseError:
    """The error that the action ends with, after a look for the password in all that it shows."""
    with pytest.raises(DatabaseError) as caught:
        action()
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert PASSWORD not in f"{shown}{caught.value.__dict__}"
    return caught.value


# Reaching the server.


@pytest.mark.parametrize("mode", ["disable", "prefer", "require", "verify-ca", "verify-full"])
def test_login_over_tcp(mariadb: Server, mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ca = mariadb.files / "ca.pem" if mode.startswith("verify") else None
    connection = open_to(parse_address(mariadb.url_of("shop", mode=mode, ca=ca), mariadb.password))

    [(user,)] = connection.rows("SELECT CURRENT_USER()")
    [(_name, protocol)] = connection.rows("SHOW SESSION STATUS LIKE 'Ssl_version'")
    connection.close()
    connection.close()

    assert user == f"{USER}@%"
    assert bool(protocol) == (mode != "disable")
    assert CANARY not in f"{connection!r}{caplog.text}"


def test_client_certificate_is_shown(mariadb: Server) -> None:
    mariadb.as_root("CREATE USER known@'%' REQUIRE SUBJECT '/CN=Test client'; GRANT ALL ON shop.* TO known@'%';")
    tls = Tls("verify-full", *(str(mariadb.files / name) for name in ("ca.pem", "client.pem", "client.key")))
    address = Address("mysql", "shop", mariadb.ip, 3306, user="known", tls=tls)

    connection = open_to(address)
    connection.close()

    assert failure_of(lambda: open_to(replace(address, tls=Tls("require")))).reason == "login"
    mariadb.as_root("DROP USER known@'%';")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
@pytest.mark.parametrize("ca", ["other-ca.pem", "none.pem", "ca.key", None])
def test_server_that_the_ca_does_not_vouch_for_is_refused(mariadb: Server, mode: str, ca: str | None) -> None:
    authority = str(mariadb.files / ca) if ca else None
    address = replace(parse_address(mariadb.url, mariadb.password), tls=Tls(mode, authority))

    assert failure_of(lambda: open_to(address)).reason == "tls"


def test_server_with_another_name_is_refused_by_verify_full_alone(mariadb: Server) -> None:
    port, _seen = relayed(mariadb, offer_tls=True)
    ca = str(mariadb.files / "ca.pem")
    address = Address("mysql", "shop", "localhost", port, user=USER, password=PASSWORD)

    open_to(replace(address, tls=Tls("verify-ca", ca))).close()

    error = failure_of(lambda: open_to(replace(address, tls=Tls("verify-full", ca))))
    assert error.reason == "tls"
    assert "Hostname mismatch" in error.message


def relayed(mariadb: Server, *, offer_tls: bool) -> tuple[int, bytearray]:
    """A port that leads to the server, whose greeting may lose the offer of TLS, and what clients say first there."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = bytearray()

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if target is not client_of[0]:
                    seen.extend(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    client_of: list[socket.socket] = []

    def serve() -> None:
        while True:
            client, _peer = listener.accept()
            client_of[:] = [client]
            server = socket.create_connection((mariadb.ip, 3306))
            greeting = bytearray(server.recv(65536))
            if not offer_tls:
                # After the packet's head and the version come a thread, eight bytes of salt and a filler.
                greeting[greeting.index(0, 5) + 1 + 4 + 8 + 1 + 1] &= 0xFF ^ 0x08
            client.sendall(greeting)
            threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=pass_on, args=(server, client), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1], seen


def test_without_an_offer_of_tls_only_prefer_goes_on(mariadb: Server) -> None:
    port, seen = relayed(mariadb, offer_tls=False)
    address = Address("mysql", "shop", "127.0.0.1", port, user=USER, password=PASSWORD)

    for mode in ("require", "verify-ca", "verify-full"):
        tls = Tls(mode, str(mariadb.files / "ca.pem"))
        assert failure_of(lambda tls=tls: open_to(replace(address, tls=tls))).reason == "tls"  # type: ignore[misc]
    # Not even the user's name was told.
    assert seen == b""

    connection = open_to(replace(address, tls=Tls("prefer")))
    assert connection.rows("SHOW SESSION STATUS LIKE 'Ssl_version'") == [("Ssl_version", "")]
    connection.close()


def test_login_over_a_socket(mariadb: Server) -> None:
    # The server's own socket is on a file system of the container's; a relay in the shared folder leads to it.
    relay = mariadb.files / "socket" / "relay.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(relay))
    listener.listen()

    def serve() -> None:
        client, _peer = listener.accept()
        inner = f"import os,socket,threading\ns=socket.socket(socket.AF_UNIX)\ns.connect({SOCKET!r})\n"
        inner += "def up():\n  while b:=os.read(0,65536): s.sendall(b)\n  s.shutdown(1)\n"
        inner += "threading.Thread(target=up).start()\nwhile b:=s.recv(65536): os.write(1,b)\n"
        subprocess.run(
            ["docker", "exec", "--interactive", mariadb.host.name, "python3", "-c", inner],
            stdin=client.fileno(),
            stdout=client.fileno(),
            check=False,
        )

    threading.Thread(target=serve, daemon=True).start()
    address = Address("mysql", "shop", socket=str(relay), user=USER, password=PASSWORD, tls=Tls("verify-full"))

    connection = open_to(address)

    assert connection.rows("SELECT SUBSTRING_INDEX(USER(), '@', -1), DATABASE()") == [("localhost", "shop")]
    connection.close()
    assert failure_of(lambda: open_to(replace(address, socket=f"{relay}.none"))).reason == "refused"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "wrong"}, "login"),
        ({"password": None}, "login"),
        ({"user": "nobody"}, "login"),
        ({"name": "shop_none"}, "unknown_database"),
        ({"name": "mysql"}, "permission"),
        ({"port": 1}, "refused"),
        ({"host": "database.invalid"}, "address"),
    ],
)
def test_address_that_leads_nowhere_is_explained(mariadb: Server, changes: dict[str, object], reason: str) -> None:
    address = replace(parse_address(mariadb.url, mariadb.password), **changes)  # type: ignore[arg-type]

    assert failure_of(lambda: open_to(address)).reason == reason


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", None])
def test_server_that_is_silent_or_no_mysql_is_not_waited_for(says: bytes | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if says is not None:

            def serve() -> None:
                client, _peer = listener.accept()
                client.sendall(says)
                if not says:
                    # The greeting comes, and then nothing more: TLS has begun by then.
                    client.sendall(greeting_with_tls())
                client.recv(1)
                listener.accept()

            threading.Thread(target=serve, daemon=True).start()
        address = Address("mysql", "shop", "127.0.0.1", listener.getsockname()[1], connect_timeout=1)
        begun = time.monotonic()

        error = failure_of(lambda: open_to(address))

        assert error.reason == ("refused" if says else "timeout")
        assert time.monotonic() - begun < 30


def greeting_with_tls() -> bytes:
    """What a server says first, with an offer of TLS."""
    body = b"\x0a8.0.36\0" + b"\1\0\0\0" + b"saltsalt" + b"\0" + b"\xff\xff" + b"\x2d" + b"\2\0" + b"\xff\xc7" + b"\x15"
    body += b"\0" * 10 + b"saltsaltsalt\0" + b"mysql_native_password\0"
    return len(body).to_bytes(3, "little") + b"\0" + body


def test_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)

    error = failure_of(lambda: open_to(Address("mysql", "shop", "localhost", 3306)))

    assert error.reason == "driver"
    assert "python3-pymysql" in error.message


# The session.


def test_values_go_both_ways(opened: Open) -> None:
    connection = opened()
    values = ("it's", '"?%s\\', "größe 😀", b"\0\xff", 5, None, -1.5)

    assert connection.rows("SELECT ?, ?, ?, ?, ?, ?, ? -- what?", values)[0][:6] == values[:6]
    assert connection.rows("SELECT 'a?', ?, 7 % 4 /* ? */", ("%",)) == [("a?", "%", 3)]
    assert connection.rows("SELECT '50%', '?'") == [("50%", "?")]


def test_number_of_changed_rows_is_told_and_each_statement_stands_alone(opened: Open) -> None:
    connection = opened()
    connection.execute("CREATE TABLE t (a INT)")

    assert connection.execute("INSERT INTO t VALUES (1), (2)") == 2
    assert connection.execute("UPDATE t SET a = 2") == 1
    assert opened().rows("SELECT COUNT(*) FROM t") == [(2,)]


def test_several_statements_go_together_up_to_the_first_that_fails(opened: Open) -> None:
    connection = opened()
    connection.execute("CREATE TABLE t (a VARCHAR(50) PRIMARY KEY)")
    awkward = "a'; DROP TABLE t; -- \\"

    connection.several(
        [
            ("INSERT INTO t VALUES ('50% ?') -- a comment", ()),
            ("INSERT INTO t VALUES (?)", [awkward]),
            ("SELECT a FROM t /* rows that nobody reads */", ()),
            ("INSERT INTO t VALUES ('last') # and another;", ()),
        ]
    )
    assert {a for (a,) in connection.rows("SELECT a FROM t")} == {"50% ?", awkward, "last"}

    rest = [("INSERT INTO t VALUES ('before')", ()), ("INSERT INTO t VALUES ('last')", ()), ("DELETE FROM t", ())]
    assert failure_of(lambda: connection.several(rest)).reason == "duplicate"
    assert connection.rows("SELECT COUNT(*) FROM t") == [(4,)]


def test_a_session_that_is_never_sent_several_takes_only_one(opened: Open) -> None:
    assert failure_of(lambda: opened().execute("SELECT 1; SELECT 2")).reason == "syntax"


def test_transaction_sees_one_state_while_others_write(opened: Open) -> None:
    one, other = opened(), opened()
    for name in ("a", "b"):
        one.execute(f"CREATE TABLE {name} (x INT)")
    one.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    tables = ENGINE.tables(one)

    with one.transaction(read_only=True):
        # Before the first reading.
        other.execute("INSERT INTO a VALUES (1)")
        assert set(ENGINE.count_rows(one, tables).values()) == {0}
        other.execute("INSERT INTO b VALUES (1)")
        assert set(ENGINE.count_rows(one, tables).values()) == {0}
        assert failure_of(lambda: one.execute("INSERT INTO a VALUES (2)")).reason == "read_only"

    assert set(ENGINE.count_rows(one, tables).values()) == {1}


def test_transaction_is_kept_or_undone(opened: Open) -> None:
    one, other = opened(), opened()
    one.execute("CREATE TABLE t (a INT)")

    with one.transaction():
        one.execute("INSERT INTO t VALUES (1)")
        assert other.rows("SELECT a FROM t") == []
    assert other.rows("SELECT a FROM t") == [(1,)]

    for error in (KeyError, KeyboardInterrupt):

        def leave(by: type[BaseException] = error) -> None:
            with one.transaction():
                one.execute("INSERT INTO t VALUES (2)")
                raise by

        with pytest.raises(error):
            leave()
        assert one.rows("SELECT a FROM t") == [(1,)]

    with contextlib.suppress(DatabaseError), one.transaction():
        one.execute("INSERT INTO t VALUES (3)")
        one.execute("INSERT INTO none VALUES (3)")
    assert other.rows("SELECT a FROM t") == [(1,)]


def test_transactions_do_not_nest(opened: Open) -> None:
    connection = opened()
    connection.execute("CREATE TABLE t (a INT)")

    def nest() -> None:
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (1)")
            with connection.transaction():
                pass

    def nest_after_a_commit() -> None:
        with connection.transaction():
            # The server commits by itself and would begin another.
            connection.execute("ALTER TABLE t ADD b INT")
            with connection.transaction():
                pass

    assert "already" in failure_of(nest).message
    assert connection.rows("SELECT a FROM t") == []
    assert "already" in failure_of(nest_after_a_commit).message
    connection.execute("ALTER TABLE t DROP b")
    with connection.transaction():
        connection.execute("INSERT INTO t VALUES (1)")
    assert connection.rows("SELECT a FROM t") == [(1,)]


def test_read_only_session_writes_nothing(opened: Open) -> None:
    opened().execute("CREATE TABLE t (a INT)")
    connection = opened(read_only=True)

    for statement in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a INT)"):
        assert failure_of(lambda sql=statement: connection.execute(sql)).reason == "read_only"  # type: ignore[misc]
        with connection.transaction():
            refused = failure_of(lambda sql=statement: connection.execute(sql))  # type: ignore[misc]
            assert refused.reason == "read_only"
    assert connection.rows("SELECT COUNT(*) FROM t") == [(0,)]


def test_locks_are_not_waited_for_longer_than_told(opened: Open) -> None:
    holder, waiter = opened(), opened(lock_timeout=1)
    holder.execute("CREATE TABLE t (a INT PRIMARY KEY)")
    holder.execute("INSERT INTO t VALUES (1)")
    begun = time.monotonic()

    with holder.transaction():
        holder.execute("UPDATE t SET a = 2")
        for statement in ("DELETE FROM t", "ALTER TABLE t ADD b INT"):
            assert failure_of(lambda sql=statement: waiter.execute(sql)).reason == "locked"  # type: ignore[misc]

    assert time.monotonic() - begun < 10


def test_statement_does_not_take_longer_than_told(opened: Open) -> None:
    connection = opened(statement_timeout=0.2)

    error = failure_of(lambda: connection.rows("SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b"))

    assert error.reason == "timeout"
    assert connection.rows("SELECT 1") == [(1,)]


def test_statement_may_take_longer_than_connecting(database: Address) -> None:
    connection = open_to(replace(database, connect_timeout=1))

    assert connection.rows("SELECT SLEEP(1.5)") == [(0,)]
    connection.close()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("INSERT INTO parent VALUES (1)", "duplicate"),
        ("INSERT INTO child VALUES (7)", "constraint"),
        ("DELETE FROM parent", "constraint"),
        ("INSERT INTO child VALUES (-1)", "constraint"),
        ("INSERT INTO child VALUES (NULL)", "constraint"),
        ("SELEC canary-ä€😀", "syntax"),
        ("SELECT * FROM none", "missing"),
        ("SELECT none FROM child", "missing"),
        ("CALL none()", "missing"),
        ("CREATE TABLE parent (a INT)", "duplicate"),
        ("CREATE USER other", "permission"),
        ("CREATE TABLE x (a TEXT COLLATE utf8mb4_0900_none)", "version"),
        ("INSERT INTO parent SELECT 1 FROM information_schema.none", "missing"),
    ],
)
def test_refusal_of_the_server_is_explained(opened: Open, statement: str, reason: str) -> None:
    connection = opened()
    connection.execute("CREATE TABLE parent (a INT PRIMARY KEY)")
    connection.execute("CREATE TABLE child (a INT NOT NULL CHECK (a > 0), FOREIGN KEY (a) REFERENCES parent (a))")
    connection.execute("INSERT INTO parent VALUES (1)")
    connection.execute("INSERT INTO child VALUES (1)")

    error = failure_of(lambda: connection.execute(statement))

    assert error.reason == reason
    assert CANARY not in error.message


def test_lost_connection_is_told_and_can_still_be_closed(mariadb: Server, opened: Open) -> None:
    connection = opened()
    [(number,)] = connection.rows("SELECT CONNECTION_ID()")

    def lose() -> None:
        with connection.transaction():
            mariadb.as_root(f"KILL {number};")
            connection.rows("SELECT 1")

    assert failure_of(lose).reason == "other"
    assert "ended the connection" in failure_of(lambda: connection.rows("SELECT 1")).message
    connection.close()


# What the engine asks.


def test_version_tells_the_product(mariadb: Server, opened: Open) -> None:
    version = ENGINE.version(opened())

    assert version.product == "MariaDB"
    assert version.numbers[:2] == {"debian-12": (10, 11), "debian-13": (11, 8)}[mariadb.host.platform]


NAMES = ["order", "my table", "back`tick", "größe", "a.b", "A", "a", "100%", "what?", "q'\"", "x" * 64]


def test_tables_of_awkward_names_are_counted(opened: Open) -> None:
    connection = opened()
    tables = [Table(name) for name in NAMES]
    for number, table in enumerate(tables):
        connection.execute(f"CREATE TABLE {ENGINE.qualified(table)} (number{number} INT)")
        connection.execute(f"INSERT INTO {ENGINE.qualified(table)} SELECT seq FROM seq_1_to_{number + 1}")  # noqa: S608
    connection.execute("CREATE VIEW a_view AS SELECT 1")
    connection.execute("CREATE SEQUENCE a_sequence")
    connection.execute("CREATE TABLE versioned (a INT) WITH SYSTEM VERSIONING")
    connection.execute("INSERT INTO versioned VALUES (1)")

    assert ENGINE.tables(connection) == sorted([*tables, Table("versioned")])
    counts = ENGINE.count_rows(connection, ENGINE.tables(connection))
    assert counts == {**{table: number + 1 for number, table in enumerate(tables)}, Table("versioned"): 1}
    assert ENGINE.count_rows(connection, []) == {}
    for number, table in enumerate(tables):
        assert [column.name for column in ENGINE.columns(connection, table)] == [f"number{number}"]


def test_columns_are_told(database: Address, opened: Open) -> None:
    connection = opened()
    connection.execute(
        "CREATE TABLE t (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, `a b` VARCHAR(20) DEFAULT 'NULL',"
        " c ENUM('x','y') NULL, d DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP)"
    )
    expected = [
        Column("id", "int(10) unsigned", False, None),
        Column("a b", "varchar(20)", True, "'NULL'"),
        Column("c", "enum('x','y')", True, None),
        Column("d", "datetime", False, "current_timestamp()"),
    ]

    assert ENGINE.columns(connection, Table("t")) == expected
    assert ENGINE.columns(connection, Table("t", database.name)) == expected
    assert ENGINE.columns(connection, Table("T")) == ENGINE.columns(connection, Table("none")) == []


def test_a_thousand_tables_are_counted_at_once(opened: Open) -> None:
    connection = opened()
    connection.execute("CREATE TABLE t (a INT)")
    connection.execute("INSERT INTO t VALUES (1)")
    # A table may be asked for more than once, which spares making so many.
    tables = [Table("t")] * 1000

    assert ENGINE.count_rows(connection, tables) == {Table("t"): 1}


@pytest.mark.parametrize("action", ["analyze", "vacuum"])
def test_maintenance_is_done(database: Address, opened: Open, action: str) -> None:
    connection = opened()
    done = {"analyze": "analyze", "vacuum": "optimize"}[action]
    for name in ("a", "back`tick"):
        connection.execute(f"CREATE TABLE {ENGINE.quote(name)} (a INT)")

    def carried_out(statements: object) -> set[tuple[str, str, str]]:
        rows = [row for sql in statements for row in connection.rows(sql)]  # type: ignore[attr-defined]
        return {row[:2] + row[3:] for row in rows if row[2] == "status"}

    of_a, of_both = (
        {(f"{database.name}.{name}", done, "OK") for name in names} for names in (["a"], ["a", "back`tick"])
    )
    assert carried_out(ENGINE.maintenance(action, [Table("a")])) == of_a
    assert carried_out(ENGINE.maintenance(action, [])) == of_both


def test_maintenance_of_an_empty_database_is_nothing(opened: Open) -> None:
    connection = opened()

    assert [connection.rows(sql) for sql in ENGINE.maintenance("vacuum", [])] == [[]] * 6


# The fingerprint.

SCHEMA = """
CREATE SEQUENCE numbers START WITH 5;
CREATE TABLE parent (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL DEFAULT 'x',
  k BIGINT DEFAULT NEXTVAL(numbers), UNIQUE KEY by_name (name)) COMMENT 'a) ENGINE=x AUTO_INCREMENT=9';
CREATE TABLE child (a INT, b INT AS (a + 1) STORED, c VARCHAR(9) COLLATE utf8mb4_bin, KEY by_b (b),
  CONSTRAINT positive CHECK (a > 0), CONSTRAINT of_parent FOREIGN KEY (a) REFERENCES parent (id)) ENGINE=InnoDB;
CREATE TABLE parts (a INT) PARTITION BY RANGE (a)
  (PARTITION p0 VALUES LESS THAN (9), PARTITION p1 VALUES LESS THAN (99));
CREATE TABLE log (a INT) ENGINE=MyISAM;
CREATE VIEW names AS SELECT parent.name, COUNT(*) AS n FROM parent GROUP BY name;
CREATE TRIGGER checked BEFORE INSERT ON child FOR EACH ROW SET NEW.c = 'trigger';
CREATE PROCEDURE refresh(IN x INT) UPDATE parent SET name = CONCAT('n', x) WHERE id = x;
CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN 2 * x;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log;
INSERT INTO parent (name) VALUES ('a'), ('b');
INSERT INTO child (a) VALUES (1), (2);
INSERT INTO parts VALUES (1)
"""


def build(connection: Connection) -> None:
    """A database with one of each kind of thing."""
    for statement in SCHEMA.split(";\n"):
        connection.execute(statement)


def test_fingerprint_says_nothing_of_contents(opened: Open) -> None:
    connection = opened()
    build(connection)
    before = ENGINE.schema_fingerprint(connection)

    for statement in (
        "INSERT INTO parent (name) VALUES ('c')",
        "ALTER TABLE parent AUTO_INCREMENT = 5000",
        "DELETE FROM child",
        "CALL refresh(1)",
        "SELECT NEXTVAL(numbers)",
        "ANALYZE TABLE parent",
        "OPTIMIZE TABLE child",
        "CREATE TEMPORARY TABLE fleeting (a INT)",
        # Other sessions have other modes.
        "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', SESSION sql_quote_show_create = 0",
    ):
        connection.execute(statement)

    assert ENGINE.schema_fingerprint(connection) == before
    assert connection.rows("SELECT @@sql_mode, @@sql_quote_show_create") == [("ANSI_QUOTES,NO_BACKSLASH_ESCAPES", 0)]
    with opened().transaction(read_only=True):
        assert ENGINE.schema_fingerprint(connection) == before


def test_fingerprint_can_be_taken_in_a_read_only_transaction(opened: Open) -> None:
    connection = opened(read_only=True)
    build(opened())
    before = ENGINE.schema_fingerprint(connection)

    with connection.transaction(read_only=True):
        assert ENGINE.schema_fingerprint(connection) == before


CHANGES = [
    "ALTER TABLE log ADD b INT",
    "ALTER TABLE log MODIFY a BIGINT",
    "ALTER TABLE log MODIFY a INT NOT NULL",
    "ALTER TABLE log MODIFY a INT DEFAULT 1",
    "ALTER TABLE log MODIFY a INT COMMENT 'x'",
    "ALTER TABLE log MODIFY a INT INVISIBLE, ADD b INT",
    "ALTER TABLE log RENAME COLUMN a TO b",
    "ALTER TABLE child MODIFY c VARCHAR(9) COLLATE utf8mb4_unicode_ci",
    "ALTER TABLE child DROP b",
    "ALTER TABLE child MODIFY b INT AS (a + 2) STORED",
    "ALTER TABLE child DROP KEY by_b",
    "ALTER TABLE child DROP KEY by_b, ADD UNIQUE KEY by_b (b)",
    "ALTER TABLE child DROP KEY by_b, ADD KEY by_b (b, a)",
    "ALTER TABLE child ALTER INDEX by_b IGNORED",
    "ALTER TABLE child DROP FOREIGN KEY of_parent",
    "ALTER TABLE child DROP FOREIGN KEY of_parent,"
    " ADD CONSTRAINT with_parent FOREIGN KEY (a) REFERENCES parent (id) ON DELETE CASCADE",
    "ALTER TABLE child DROP CONSTRAINT positive",
    "ALTER TABLE child DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (a > -1)",
    "ALTER TABLE parent COMMENT 'a) ENGINE=x AUTO_INCREMENT=8'",
    "ALTER TABLE log ENGINE=InnoDB",
    "ALTER TABLE log ROW_FORMAT=DYNAMIC",
    "ALTER TABLE log COLLATE utf8mb4_bin",
    "ALTER TABLE log ADD SYSTEM VERSIONING",
    "ALTER TABLE parts DROP PARTITION p1",
    "ALTER TABLE parts REMOVE PARTITIONING",
    "RENAME TABLE log TO journal",
    "DROP TABLE log",
    "CREATE TABLE another (a INT)",
    "CREATE OR REPLACE VIEW names AS SELECT name, COUNT(*) AS m FROM parent GROUP BY name",
    "CREATE OR REPLACE SQL SECURITY INVOKER VIEW names AS SELECT parent.name, COUNT(*) AS n FROM parent GROUP BY name",
    "DROP VIEW names",
    "CREATE OR REPLACE TRIGGER checked BEFORE INSERT ON child FOR EACH ROW SET NEW.c = 'x'",
    "CREATE OR REPLACE TRIGGER checked BEFORE UPDATE ON child FOR EACH ROW SET NEW.c = 'trigger'",
    "CREATE TRIGGER second BEFORE INSERT ON child FOR EACH ROW SET NEW.c = 'x'",
    "DROP TRIGGER checked",
    "CREATE OR REPLACE PROCEDURE refresh(IN x INT) UPDATE parent SET name = CONCAT('m', x) WHERE id = x",
    "CREATE OR REPLACE PROCEDURE refresh(IN x BIGINT) UPDATE parent SET name = CONCAT('n', x) WHERE id = x",
    "ALTER PROCEDURE refresh SQL SECURITY INVOKER",
    "DROP PROCEDURE refresh",
    "CREATE OR REPLACE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN 3 * x",
    "DROP FUNCTION twice",
    "ALTER EVENT nightly DO DELETE FROM child",
    "ALTER EVENT nightly ON SCHEDULE EVERY 2 DAY",
    "ALTER EVENT nightly DISABLE",
    "DROP EVENT nightly",
    "ALTER SEQUENCE numbers INCREMENT BY 2",
    "DROP SEQUENCE numbers",
    "CREATE SEQUENCE more",
    "ALTER DATABASE COLLATE utf8mb4_bin",
]


def test_fingerprint_changes_with_every_change_of_the_schema(opened: Open) -> None:
    connection = opened()
    [(name,)] = connection.rows("SELECT DATABASE()")
    [(collation,)] = connection.rows("SELECT @@collation_database")
    seen: dict[str, str] = {}
    for change in ["DO 0", *CHANGES]:
        connection.execute(f"DROP DATABASE {ENGINE.quote(name)}")
        connection.execute(f"CREATE DATABASE {ENGINE.quote(name)} COLLATE {collation}")
        connection.execute(f"USE {ENGINE.quote(name)}")
        # The event begins when it is made, which is a part of what defines it.
        connection.execute("SET SESSION timestamp = 1700000000")
        build(connection)
        connection.execute(change)
        fingerprint = ENGINE.schema_fingerprint(connection)
        assert fingerprint not in seen, f"{change} looks like {seen[fingerprint]}"
        seen[fingerprint] = change


def client(mariadb: Server, address: Address, tool: str, *arguments: str, home: str = "/root") -> list[str]:
    """The command line of a real tool on the host, which reads its password from an option file."""
    access = ENGINE.client(address)
    assert access.file is not None
    file = mariadb.files / f"{tool}.cnf"
    file.write_bytes(access.file.encode())
    called = [argument.replace(FILE, f"/shared/mariadb/{file.name}") for argument in access.arguments]
    environment = [f"--env={name}={value}" for name, value in {**access.environment, "HOME": home}.items()]
    return ["docker", "exec", "--interactive", *environment, mariadb.host.name, tool, *called, *arguments]


@pytest.mark.parametrize("user", [USER, "restorer"])
def test_fingerprint_of_a_restored_copy_is_the_same(
    mariadb: Server, database: Address, opened: Open, user: str
) -> None:
    connection = opened()
    build(connection)
    [(collation,)] = connection.rows("SELECT @@collation_database")
    copy = replace(database, name="shop copy", user=user)
    mariadb.as_root(
        f"CREATE OR REPLACE DATABASE `shop copy` COLLATE {collation};"
        "CREATE OR REPLACE USER restorer@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('x');"
        "GRANT ALL ON `shop copy`.* TO restorer@'%';"
        # Where a default takes the next number of a sequence, a dump names the database that it came from.
        "GRANT SELECT, INSERT ON *.* TO restorer@'%';"
    )
    # A sequence that gives a default is not among the tables that the dump would lock.
    flags = ["--single-transaction", "--routines", "--events", "--triggers", "--skip-add-locks"]

    dump = subprocess.run(
        client(mariadb, database, "mariadb-dump", *flags, database.name), check=True, stdout=subprocess.PIPE
    ).stdout
    if user != USER:
        assert dump.count(b"DEFINER=`app`@`%`") == 5
        dump = dump.replace(b"DEFINER=`app`@`%`", b"")
        copy = replace(copy, password="x")
    subprocess.run(client(mariadb, copy, "mariadb", copy.name), check=True, input=dump)

    restored = open_to(copy)
    assert ENGINE.schema_fingerprint(restored) == ENGINE.schema_fingerprint(connection)
    counts = ENGINE.count_rows(restored, ENGINE.tables(restored))
    assert counts == ENGINE.count_rows(connection, ENGINE.tables(connection))
    restored.close()
    mariadb.as_root("DROP DATABASE `shop copy`; DROP USER restorer@'%';")


def test_fingerprint_does_not_overlook_what_the_user_may_not_read(
    mariadb: Server, database: Address, opened: Open
) -> None:
    opened().execute("CREATE PROCEDURE refresh() SELECT 1")
    mariadb.as_root(
        "CREATE USER reader@'%';"
        f"GRANT SELECT, EXECUTE, SHOW VIEW, TRIGGER, EVENT ON {ENGINE.quote(database.name)}.* TO reader@'%';"
    )
    connection = open_to(replace(database, user="reader", password=None))

    error = failure_of(lambda: ENGINE.schema_fingerprint(connection))

    assert error.reason == "permission"
    assert "procedure refresh" in error.message
    connection.close()
    mariadb.as_root("DROP USER reader@'%';")


# The tools.


@pytest.mark.parametrize("way", ["disable", "prefer", "require", "verify-ca", "verify-full", "socket"])
def test_real_tools_log_in_through_the_option_file(mariadb: Server, way: str) -> None:
    ca = "/shared/mariadb/ca.pem" if way.startswith("verify") else None
    url = mariadb.socket_url if way == "socket" else mariadb.url_of("shop", mode=way, ca=ca)
    address = parse_address(url, mariadb.password)
    # Whose words must not win.
    mariadb.host.run("sh", "-c", "mkdir -p /home/x && printf '[client]\nuser=y\npassword=z\n' >/home/x/.my.cnf")
    sql = "SELECT CURRENT_USER(); SHOW SESSION STATUS LIKE 'Ssl_version'"

    asked = subprocess.run(
        client(mariadb, address, "mariadb", "-N", "-B", "-e", sql, "shop", home="/home/x"),
        check=True,
        capture_output=True,
        text=True,
    )
    subprocess.run(client(mariadb, address, "mariadb-dump", "shop", home="/home/x"), check=True, capture_output=True)

    user, status = asked.stdout.splitlines()
    assert user == f"{USER}@%"
    assert bool(status.split("\t")[1]) == (way not in ("disable", "socket"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "wrong"}, "login"),
        ({"port": 1}, "refused"),
        ({"host": "database.invalid"}, "address"),
        ({"tls": Tls("verify-ca", "/shared/mariadb/other-ca.pem")}, "tls"),
        ({"tls": Tls("verify-full", "/shared/mariadb/other-ca.pem")}, "tls"),
        ({"host": None, "port": None, "socket": "/run/none"}, "refused"),
    ],
)
@pytest.mark.parametrize("tool", ["mariadb", "mariadb-dump"])
def test_words_of_real_tools_are_explained(mariadb: Server, tool: str, changes: dict[str, object], reason: str) -> None:
    address = replace(parse_address(mariadb.url, mariadb.password), **changes)  # type: ignore[arg-type]

    ended = subprocess.run(client(mariadb, address, tool, "shop"), check=False, capture_output=True, input=b"SELECT 1;")

    assert ended.returncode != 0
    assert ENGINE.explain(Failure("", ended.stderr.decode()), address).reason == reason


def test_every_password_survives_the_option_file(mariadb: Server) -> None:
    marks = [chr(number) for number in range(1, 256)]
    around = [f"a{mark}b" for mark in marks]
    ends = [f"{mark}x{mark}" for mark in marks]
    passwords = [*marks, *around, *ends, *(f"\\{mark}" for mark in marks), "\\s\\t", "!include /etc/passwd", "日本 😀"]
    lines = []
    for number, password in enumerate(passwords):
        file = ENGINE.client(Address("mysql", "shop", "db", 3306, password=password)).file
        assert file is not None
        [line] = [line for line in file.split("\n") if line.startswith("password=")]
        lines.append(f"[g{number}]\n{line}\n")
    (mariadb.files / "passwords.cnf").write_bytes("".join(lines).encode())
    read_one = "my_print_defaults --defaults-file=/shared/mariadb/passwords.cnf g$n; printf '\\0'"
    script = f"for n in $(seq 0 $1); do {read_one}; done"

    read = mariadb.host.run("sh", "-c", script, "sh", str(len(passwords) - 1))

    assert read.decode().split("\n\0")[:-1] == [f"--password={password}" for password in passwords]


def test_password_is_in_no_process_list(mariadb: Server) -> None:
    address = parse_address(mariadb.url, mariadb.password)
    running = subprocess.Popen(
        client(mariadb, address, "mariadb", "-e", "SELECT SLEEP(60)", "shop"), stdout=subprocess.DEVNULL
    )
    find = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO = 'SELECT SLEEP(60)';"
    deadline = time.monotonic() + 30
    while not (session := mariadb.as_root(find).strip()):
        assert time.monotonic() < deadline
    seen = mariadb.host.run("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true")
    mariadb.as_root(f"KILL {session};")
    running.wait(30)

    assert b"--defaults-file=/shared/mariadb/mariadb.cnf" in seen
    assert CANARY.encode() not in seen
