# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of accounts, without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts import mysql, postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.plan import Account, Request, Step
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.postgresql import Right, Role
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.scram import is_of, verifier
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.usecase import ensure_accounts
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Version
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, Interrupted, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


def wanted(engine: str = "postgresql", url: str = "ENGINE://keeper@localhost/a_shop", **changes: Any) -> Request:
    """The usual, but for what is said."""
    address = parse_address(url.replace("ENGINE", engine), "secret")
    return replace(Request(address, Account("reader", "other"), is_wanted=True), **changes)


# So do PostgreSQL 15 and 17, as what they keep of such passwords shows.
@pytest.mark.parametrize(
    ("password", "alike"),
    [
        ("secret", "secret"),
        ("I\u00adX", "IX"),
        ("\u2168", "IX"),
        ("\u00aa", "a"),
        ("a\u00a0b", "a b"),
        ("a\u200bb", "a b"),
        ("\u0627\u0661", "\u0627\u0661"),
        ("a\u0007", "a\u0007"),
        ("\u2168\U0001f600", "\u2168\U0001f600"),
    ],
)
def test_passwords_are_prepared_as_clients_do(password: str, alike: str) -> None:
    kept = verifier(password, b"salt" * 4)

    assert kept == verifier(alike, b"salt" * 4)
    assert is_of(password, kept)
    assert not is_of(f"{password}x", kept)


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("\u2168\u0007", "IX\u0007"),
        ("\u2168\U0001f600", "IX\U0001f600"),
        ("\u2168\u0627", "IX\u0627"),
        ("\u0627\u2168", "\u0627IX"),
        ("\u0627\u2168\u0627", "\u0627IX\u0627"),
    ],
)
def test_passwords_that_cannot_be_prepared_stay_as_they_are(password: str, prepared: str) -> None:
    assert not is_of(prepared, verifier(password, b"salt" * 4))


def test_verifier_is_that_of_the_standard() -> None:
    # RFC 7677: the salt and the signatures of its example follow from these keys.
    kept = verifier("pencil", b"[m\x99h\x9d\x125\x8e\xec\xa0K\x14\x126\xfa\x81")

    assert kept == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


@pytest.mark.parametrize(
    "kept", [None, "", "md5" + "0" * 32, "SCRAM-SHA-256$4096:x$y:z", "SCRAM-SHA-256$0:AA==$AA==:AA=="]
)
def test_anything_else_is_not_the_password(kept: str | None) -> None:
    assert not is_of("secret", kept)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ENGINE://keeper@db.example.com/shop", "this host"),
        ("ENGINE://keeper@192.0.2.1/shop", "this host"),
        ("ENGINE://localhost/shop", "the user who owns it"),
    ],
)
@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_url_that_leads_elsewhere_is_refused_before_anybody_is_asked(engine: str, url: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        ensured(wanted(engine, url), Server())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_this_host_has_many_names(host: str) -> None:
    ensured(wanted("mysql", f"ENGINE://keeper@{host}/shop"), Server())


@pytest.mark.parametrize(
    ("line", "database", "is_concerned"),
    [
        (r"GRANT ALL PRIVILEGES ON `a\_shop`.* TO `k`@`localhost`", "a_shop", True),
        (r"GRANT ALL PRIVILEGES ON `a\_shop`.* TO `k`@`localhost`", "axshop", False),
        ("GRANT ALL PRIVILEGES ON `a_shop`.* TO `k`@`localhost`", "axshop", True),
        ("GRANT SELECT ON `a%`.* TO `k`@`localhost`", "a_shop", True),
        ("GRANT SELECT ON `a.shop`.* TO `k`@`localhost`", "axshop", False),
        ("GRANT SELECT ON `b%`.* TO `k`@`localhost`", "a_shop", False),
        ("GRANT SELECT (`x`, `y`), INSERT ON `a_shop`.`t` TO `k`@`localhost`", "a_shop", True),
        ("GRANT INSERT ON `a_shop`.`t` TO `k`@`localhost`", "axshop", False),
        ("GRANT EXECUTE ON PROCEDURE `a_shop`.`p` TO `k`@`localhost`", "a_shop", True),
        ("GRANT EXECUTE ON PACKAGE BODY `b`.`p` TO `k`@`localhost`", "a_shop", False),
        ("GRANT PROCESS ON *.* TO `k`@`localhost` IDENTIFIED BY PASSWORD '*AB'", "a_shop", True),
        ("GRANT `some role` TO `k`@`localhost` WITH ADMIN OPTION", "a_shop", True),
        ("GRANT PROXY ON 'r'@'%' TO 'k'@'localhost'", "a_shop", True),
        ("GRANT SELECT ON `a`` shop`.* TO `k`@`localhost`", "a` shop", True),
    ],
)
def test_grants_are_told_apart_by_the_database(line: str, database: str, is_concerned: bool) -> None:
    grant = mysql.parsed(line)

    assert grant is not None
    assert mysql.concerns(grant, database) is is_concerned


@pytest.mark.parametrize(
    "line",
    ["GRANT USAGE ON *.* TO `k`@`localhost` IDENTIFIED BY PASSWORD '*AB'", "SET DEFAULT ROLE `r` FOR `k`@`localhost`"],
)
def test_lines_that_grant_nothing_are_left_out(line: str) -> None:
    assert mysql.parsed(line) is None


KEPT = "CREATE USER `keeper`@`localhost` IDENTIFIED BY PASSWORD '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7'"


def test_hash_is_the_servers() -> None:
    assert mysql.hashed("secret") == "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"


ALL_RIGHTS = r"GRANT ALL PRIVILEGES ON `a\_shop`.* TO `keeper`@`localhost`"
# Of the databases that a restore puts beside it.
OF_COPIES = [
    rf"GRANT ALL PRIVILEGES ON `a\_shop\_\_{purpose}\_%`.* TO `keeper`@`localhost`"
    for purpose in ("restore", "old", "verify")
]


def mysql_present(created: str = KEPT, *lines: str, role: str | None = None, **changes: Any) -> mysql.Present:
    grants = [grant for grant in map(mysql.parsed, [*lines, *OF_COPIES]) if grant]
    version = Version((10, 11, 6), "MariaDB", "10.11.6-MariaDB")
    return replace(
        mysql.Present(version, 3306, True, "utf8mb4", {"keeper": mysql.User(created, grants, role)}), **changes
    )


@pytest.mark.parametrize(
    ("present", "statements"),
    [
        (mysql_present(KEPT, ALL_RIGHTS), []),
        (mysql_present(f"{KEPT} PASSWORD EXPIRE NEVER", ALL_RIGHTS), []),
        (mysql_present(f"{KEPT} ACCOUNT LOCK", ALL_RIGHTS), ["ALTER USER"]),
        (mysql_present(f"{KEPT} PASSWORD EXPIRE", ALL_RIGHTS), ["ALTER USER"]),
        (mysql_present(f"{KEPT} OR unix_socket", ALL_RIGHTS), ["ALTER USER"]),
        (mysql_present(KEPT.replace("14E", "24E"), ALL_RIGHTS), ["ALTER USER"]),
        (mysql_present(KEPT), [r"GRANT ALL PRIVILEGES ON `a\_shop`.* TO"]),
        (
            mysql_present(KEPT, r"GRANT SELECT ON `a\_shop`.* TO `keeper`@`localhost` WITH GRANT OPTION"),
            [r"GRANT ALL PRIVILEGES ON `a\_shop`.* TO", r"REVOKE GRANT OPTION ON `a\_shop`.* FROM"],
        ),
        (
            mysql_present(KEPT, ALL_RIGHTS, "GRANT PROCESS ON *.* TO `keeper`@`localhost`"),
            ["REVOKE PROCESS ON *.* FROM"],
        ),
        (mysql_present(KEPT, ALL_RIGHTS, "GRANT SELECT ON `b`.* TO `keeper`@`localhost`"), []),
        (
            mysql_present(
                KEPT, ALL_RIGHTS, "GRANT `r` TO `keeper`@`localhost`", role="SET DEFAULT ROLE `r` FOR `keeper`"
            ),
            ["SET DEFAULT ROLE NONE", "REVOKE `r` FROM"],
        ),
    ],
)
def test_mariadb_is_told_only_what_differs(present: mysql.Present, statements: Sequence[str]) -> None:
    steps = mysql.MysqlAccounts().plan(wanted("mysql", reader=None), present, bytes)

    assert len(steps) == len(statements)
    for step, statement in zip(steps, statements):
        assert step.do.startswith(statement)


def test_owner_gets_rights_in_copies_of_the_database() -> None:
    few = OF_COPIES[1].replace("ALL PRIVILEGES", "SELECT")
    grants = [grant for grant in map(mysql.parsed, [ALL_RIGHTS, few]) if grant]
    present = replace(mysql_present(KEPT), users={"keeper": mysql.User(KEPT, grants, None)})

    steps = mysql.MysqlAccounts().plan(wanted("mysql", reader=None), present, bytes)

    assert [step.do for step in steps] == OF_COPIES
    assert steps[1].undo == (OF_COPIES[1].replace("GRANT", "REVOKE").replace(" TO ", " FROM "), few)


def test_reader_of_mariadb_loses_all_but_select() -> None:
    line = r"GRANT SELECT, INSERT ON `a\_shop`.* TO `reader`@`localhost`"
    grants = [grant for grant in [mysql.parsed(line)] if grant]
    kept = KEPT.replace("keeper", "reader").replace(KEPT[-42:-1], mysql.hashed("other"))
    present = mysql_present(KEPT, ALL_RIGHTS)
    present = replace(present, users={**present.users, "reader": mysql.User(kept, grants, None)})

    steps = mysql.MysqlAccounts().plan(wanted("mysql"), present, bytes)

    assert [step.do for step in steps] == [
        r"REVOKE SELECT, INSERT ON `a\_shop`.* FROM `reader`@`localhost`",
        r"GRANT SELECT ON `a\_shop`.* TO `reader`@`localhost`",
    ]
    assert steps[0].undo == (line,)


@pytest.mark.parametrize(
    ("present", "told"),
    [
        (mysql_present(KEPT, "GRANT ALL PRIVILEGES ON *.* TO `keeper`@`localhost`"), "may administer the server"),
        (mysql_present(KEPT, "GRANT PROCESS, SUPER ON *.* TO `keeper`@`localhost`"), "may administer the server"),
        (mysql_present(KEPT, "GRANT USAGE ON *.* TO `keeper`@`localhost` WITH GRANT OPTION"), "may administer"),
        (mysql_present(version=Version((8, 0, 36), "MySQL", "8.0.36")), "MariaDB 10.11 or later"),
        (mysql_present(version=Version((10, 6, 1), "MariaDB", "10.6.1")), "MariaDB 10.11 or later"),
        (mysql_present(port=3307), "has 3307"),
        (mysql_present(resolves_names=False), "skip_name_resolve"),
    ],
)
def test_mariadb_that_does_not_fit_is_refused(present: mysql.Present, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        mysql.MysqlAccounts().plan(wanted("mysql", reader=None), present, bytes)


GOOD = {
    name: name == "rolcanlogin"
    for name in ("rolcanlogin", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")
}
KEEPER = Role(False, GOOD, verifier("secret", b"salt"), None, [], [])
READER = Role(False, GOOD, verifier("other", b"salt"), "on", [], [])
SELECT = Right("TABLE", '"public"."t"', "SELECT", '"reader"')


def present(keeper: Role | None = KEEPER, reader: Role | None = READER, **changes: Any) -> postgresql.Present:
    roles = {name: role for name, role in (("keeper", keeper), ("reader", reader)) if role}
    return replace(postgresql.Present((15, 4), roles, "keeper", False, "UTF8", [SELECT], [SELECT], []), **changes)


def test_an_owner_who_restores_may_create_databases_and_the_reader_may_not() -> None:
    found = present(reader=replace(READER, attributes={**GOOD, "rolcreatedb": True}))
    steps = postgresql.PostgresqlAccounts().plan(wanted("postgresql", restores=True), found, bytes)
    assert [step.do for step in steps] == ['ALTER ROLE "keeper" CREATEDB', 'ALTER ROLE "reader" NOCREATEDB']


@pytest.mark.parametrize(
    ("found", "pairs"),
    [
        (present(), []),
        (
            present(replace(KEEPER, attributes={**GOOD, "rolcreatedb": True})),
            [('ALTER ROLE "keeper" NOCREATEDB', 'ALTER ROLE "keeper" CREATEDB')],
        ),
        (
            present(replace(KEEPER, attributes={**GOOD, "rolcanlogin": False})),
            [('ALTER ROLE "keeper" LOGIN', 'ALTER ROLE "keeper" NOLOGIN')],
        ),
        (
            present(replace(KEEPER, memberships=['"g"', '"h" WITH ADMIN OPTION'])),
            [
                ('REVOKE "g" FROM "keeper"', 'GRANT "g" TO "keeper"'),
                ('REVOKE "h" FROM "keeper"', 'GRANT "h" TO "keeper" WITH ADMIN OPTION'),
            ],
        ),
        (
            present(reader=replace(READER, reads_only=None)),
            [
                (
                    'ALTER ROLE "reader" SET default_transaction_read_only = on',
                    'ALTER ROLE "reader" RESET default_transaction_read_only',
                )
            ],
        ),
        (
            present(owner="postgres", owner_is_superuser=True),
            [('ALTER DATABASE "a_shop" OWNER TO "keeper"', 'ALTER DATABASE "a_shop" OWNER TO "postgres"')],
        ),
        (present(rights=[]), [(SELECT.granted(), SELECT.revoked())]),
        (
            present(rights=[replace(SELECT, is_grantable=True)]),
            [
                (SELECT.revoked(), f"{SELECT.granted()} WITH GRANT OPTION"),
                (SELECT.granted(), SELECT.revoked()),
            ],
        ),
        (
            present(rights=[SELECT, Right("TABLES", 'FOR ROLE "keeper"', "DELETE", '"reader"')]),
            [
                (
                    'ALTER DEFAULT PRIVILEGES FOR ROLE "keeper" REVOKE DELETE ON TABLES FROM "reader"',
                    'ALTER DEFAULT PRIVILEGES FOR ROLE "keeper" GRANT DELETE ON TABLES TO "reader"',
                )
            ],
        ),
    ],
)
def test_postgresql_is_told_only_what_differs(found: postgresql.Present, pairs: Sequence[tuple[str, str]]) -> None:
    steps = postgresql.PostgresqlAccounts().plan(wanted(), found, bytes)

    assert [(step.do, *step.undo) for step in steps] == list(pairs)


@pytest.mark.parametrize("kept", [None, "md5" + "0" * 32, verifier("old", b"salt")])
def test_password_is_in_no_statement_and_the_old_one_comes_back(kept: str | None) -> None:
    [step] = postgresql.PostgresqlAccounts().plan(wanted(), present(replace(KEEPER, password=kept)), bytes)

    assert step.do == f"""ALTER ROLE "keeper" PASSWORD '{verifier("secret", bytes(16))}'"""
    assert step.undo == (f'ALTER ROLE "keeper" PASSWORD {repr(kept) if kept else "NULL"}',)
    assert "SCRAM" not in f"{step!r}{present()!r}"


@pytest.mark.parametrize(
    ("found", "request_", "told"),
    [
        (present(replace(KEEPER, is_superuser=True)), wanted(), "keeper is a superuser"),
        (present(replace(KEEPER, is_superuser=True)), wanted(is_wanted=False), "keeper is a superuser"),
        (present(version=(14, 9)), wanted(), "older than 15"),
        (present(owner="another"), wanted(), "belongs to another"),
        (present(owned_by_reader=["table t"]), wanted(), "owns table t"),
        (present(replace(KEEPER, elsewhere=["b", "c"])), wanted(is_wanted=False), "rights in b, c"),
    ],
)
def test_postgresql_that_does_not_fit_is_refused(found: postgresql.Present, request_: Request, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        postgresql.PostgresqlAccounts().plan(request_, found, bytes)


# The use case, on a server that is a set of words.


class Server:
    """A server and a dialect of which each word of the plan is a statement that adds it, or with a dash takes it."""

    systems: tuple[str, ...] = ("system",)

    def __init__(
        self, *, databases: Sequence[str] = (), fails_at: str = "", is_transactional: bool = False, lets_in: bool = True
    ) -> None:
        self.words = {f"database {name}" for name in databases}
        self.fails_at = fails_at
        self.is_transactional = is_transactional
        self.lets_in = lets_in
        self.is_deaf = False
        self.said: list[str] = []
        self.error: Exception = DatabaseError("It failed", reason="other")

    def administration(self, address: Address, *, is_within: bool) -> Address:
        return replace(address, user="admin", name=address.name if is_within else "system")

    def session(self) -> Sequence[str]:
        return ["quiet"]

    def has_database(self, connection: Any, name: str) -> bool:
        return f"database {name}" in self.words

    def creation(self, name: str) -> Step:
        return Step(f"database {name}", (f"-database {name}",), f"database {name}")

    def observe(self, connection: Any, request: Request, *, is_new: bool) -> frozenset[str]:
        return frozenset(self.words)

    def plan(self, request: Request, present: frozenset[str], random: Any) -> list[Step]:
        if self.is_deaf:
            return [Step("nothing", (), "the word")]
        names = ("owner", "reader") if request.is_wanted else ()
        return [Step(name, (f"-{name}",), name) for name in names if name not in present]

    def warnings(self, present: Any) -> list[str]:
        return ["look"]

    # From here on, the session.

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        self.said.append(sql)
        if sql == self.fails_at:
            raise self.error
        if sql.startswith("-"):
            self.words.discard(sql[1:])
        elif sql != "quiet":
            self.words.add(sql)
        return 0

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[None]:
        before = set(self.words)
        try:
            yield
        except BaseException:
            self.words = before
            raise

    def close(self) -> None:
        self.said.append("closed")

    def connect(self, address: Address, engine: Any, **limits: Any) -> Any:
        if address.user != "admin" and not self.lets_in:
            raise DatabaseError("Nobody gets in", reason="login")
        self.said.append(f"{address.user} in {address.name}")
        return self


def ensured(request: Request, server: Server, *, check_mode: bool = False) -> Result:
    """The use case with this server in the place of all that it reaches."""
    dialects: Mapping[str, Any] = {"mysql": server, "postgresql": server}
    return ensure_accounts(
        request,
        dialects=dialects,
        engines=ENGINES,
        connect=server.connect,
        administer=server.connect,
        random=bytes,
        check_mode=check_mode,
    )


@pytest.mark.parametrize("is_transactional", [True, False])
def test_everything_comes_and_both_log_in(is_transactional: bool) -> None:
    server = Server(is_transactional=is_transactional)

    foretold = ensured(wanted(), server, check_mode=True)
    assert server.words == set()
    result = ensured(wanted(), server)

    assert foretold == result
    assert result.data == {
        "name": "a_shop",
        "created": True,
        "added": ["database a_shop", "owner", "reader"],
        "removed": [],
    }
    assert {"keeper in a_shop", "reader in a_shop"} <= set(server.said)
    assert server.said.count("closed") == sum(" in " in said for said in server.said)
    assert not ensured(wanted(), server).changed


@pytest.mark.parametrize("is_transactional", [True, False])
@pytest.mark.parametrize("fails_at", ["database a_shop", "owner", "reader", ""])
@pytest.mark.parametrize("databases", [(), ("a_shop",)])
def test_failure_takes_everything_back(is_transactional: bool, fails_at: str, databases: Sequence[str]) -> None:
    if fails_at.startswith("database") and databases:
        pytest.skip("it is not made")
    server = Server(databases=databases, fails_at=fails_at, is_transactional=is_transactional, lets_in=bool(fails_at))
    before = set(server.words)

    with pytest.raises(DatabaseError, match="Everything is as it was before") as caught:
        ensured(wanted(), server)

    assert caught.value.details["restored"] is True
    assert server.words == before


def test_interruption_takes_everything_back() -> None:
    server = Server(fails_at="reader")
    server.error = Interrupted("Stopped")

    with pytest.raises(Interrupted):
        ensured(wanted(), server)

    assert server.words == set()


def test_database_that_somebody_else_made_meanwhile_is_not_dropped() -> None:
    server = Server(fails_at="database a_shop")

    with pytest.raises(DatabaseError):
        ensured(wanted(), server)

    assert "-database a_shop" not in server.said


def test_last_thing_is_taken_back_first() -> None:
    server = Server(lets_in=False)

    with pytest.raises(DatabaseError):
        ensured(wanted(), server)

    assert [said for said in server.said if said.startswith("-")] == ["-reader", "-owner", "-database a_shop"]


def test_what_cannot_be_taken_back_is_named() -> None:
    server = Server(databases=["a_shop"], lets_in=False)
    server.fails_at = "-owner"

    with pytest.raises(
        DatabaseError, match="Not everything is as it was before, look at these: owner, reader"
    ) as caught:
        ensured(wanted(), server)

    assert caught.value.details["restored"] is False


def test_login_that_fails_without_a_change_says_nothing_of_a_way_back() -> None:
    server = Server(databases=["a_shop"])
    server.words |= {"owner", "reader"}
    server.lets_in = False

    with pytest.raises(DatabaseError) as caught:
        ensured(wanted(), server)

    assert (caught.value.message, "restored" in caught.value.details) == ("Nobody gets in", False)


def test_server_that_does_not_take_it_is_noticed() -> None:
    server = Server(databases=["a_shop"])
    server.is_deaf = True

    with pytest.raises(DatabaseError, match="did not take all of it: the word"):
        ensured(wanted(), server)


def test_absence_makes_nothing_and_nobody_logs_in() -> None:
    server = Server()

    assert not ensured(wanted(is_wanted=False), server).changed
    assert {said for said in server.said if " in " in said} == {"admin in system"}
