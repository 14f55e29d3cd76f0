# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of least rights, on real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.database.mariadb import SOCKET
from tests.integration.database.postgresql import CANARY, identifier
from tests.integration.database.servers import Servers

ENGINES = ("postgresql", "mysql")

# In a pattern, as MariaDB takes the names in its grants, the underscore stands for any character.
NAME, OWNER, READER, OTHER = "own_shop", "own_keeper", "own_reader", "own_other"
ALIKE = "ownxshop"
ALL = (OWNER, READER, OTHER)

# What libraries prepare before they hash it, and what they leave as it is.
PASSWORDS = (CANARY, "canary \u2168\u00ad\u00aa\u200b 😀", "canary \u2168\u00ad\u00aa x")

DO = """
from contextlib import closing
from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError
import json
address = parse_address(URL, PASSWORD)
ended = []
try:
    with closing(open_connection(address, ENGINES[address.engine])) as connection:
        for statement in STATEMENTS:
            try:
                connection.execute(statement)
                ended.append("done")
            except DatabaseError as error:
                ended.append(error.reason)
except DatabaseError as error:
    ended = [error.reason]
print(json.dumps(ended))
"""


@dataclass(frozen=True)
class Shop:
    """The server of an engine, and what the accounts on it can do."""

    servers: Servers
    engine: str

    def url(self, user: str = OWNER, name: str = NAME, query: str = "") -> str:
        return f"{self.engine}://{user}@127.0.0.1/{name}{query}"

    def has(self, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        """The result of the module."""
        given = {
            "database": self.url(),
            "database_password": CANARY,
            "reader": {"name": READER, "password": f"{CANARY}r"},
            **options,
        }
        result = inside.module(self.servers.host, "database_accounts", check=check, diff=diff, **given)
        assert "canary" not in json.dumps({**result, "invocation": {}})
        assert CANARY not in json.dumps(result)
        return result

    def does(self, user: str, *statements: str, password: str = CANARY, name: str = NAME) -> list[str]:
        """What became of each statement, or of the login."""
        given = f"URL, PASSWORD, STATEMENTS = {self.url(user, name)!r}, {password!r}, {statements!r}\n"
        ended: list[str] = json.loads(inside.python(self.servers.host, given + DO))
        return ended

    def reads(self, *statements: str) -> list[str]:
        """What becomes of a statement of the reader's."""
        return self.does(READER, *statements, password=f"{CANARY}r")

    def administer(self, sql: str, name: str = NAME) -> str:
        """What the server says to its administrator."""
        if self.engine == "postgresql":
            return self.servers.postgresql.administer(sql, name)
        return self.servers.mariadb.as_root(f"USE `{name}`; {sql}")

    def state(self) -> str:
        """All accounts with what is kept of their passwords and what they may do, and which databases there are."""
        if self.engine == "postgresql":
            run = "runuser -u postgres --"
            dump = f"{run} pg_dump --schema-only {NAME} 2>/dev/null || true"
            script = f"cd /; {{ {run} pg_dumpall --globals-only; {run} psql -lqtAX; {dump}; }} | grep -v restrict"
            return self.servers.host.run("sh", "-c", script).decode()
        users = self.servers.mariadb.as_root(
            "SELECT CONCAT('SHOW CREATE USER ', QUOTE(User), '@', QUOTE(Host), '; SHOW GRANTS FOR ', QUOTE(User), '@',"
            " QUOTE(Host), ';') FROM mysql.global_priv WHERE Host <> '' ORDER BY User, Host;"
        )
        return "\n".join(sorted(self.servers.mariadb.as_root(f"SHOW DATABASES; {users}").splitlines()))

    def clear(self) -> None:
        """Away with all of it."""
        if self.engine == "postgresql":
            for name in (NAME, ALIKE):
                self.servers.postgresql.drop_database(name)
            for role in ALL:
                self.servers.postgresql.administer(f"DROP ROLE IF EXISTS {role}")
        else:
            users = ", ".join(f"{user}@localhost" for user in ALL)
            databases = "".join(f"DROP DATABASE IF EXISTS {name};" for name in (NAME, ALIKE))
            self.servers.mariadb.as_root(f"{databases} DROP USER IF EXISTS {users};")


@pytest.fixture(params=ENGINES)
def shop(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Shop]:
    """A server on which there is nothing of the shop's."""
    shop = Shop(servers, request.param)
    shop.clear()
    yield shop
    shop.clear()


def test_everything_comes_once(shop: Shop) -> None:
    before = shop.state()
    foretold = shop.has(check=True, diff=True)
    assert shop.state() == before

    made = shop.has(diff=True)
    after = shop.state()
    again = shop.has(diff=True)

    alike = ("changed", "created", "added", "removed", "diff")
    assert [foretold[word] for word in alike] == [made[word] for word in alike]
    assert (made["changed"], made["created"], made["name"]) == (True, True, NAME)
    assert (again["changed"], again["created"], again["added"], again["removed"]) == (False, False, [], [])
    assert shop.state() == after


def test_owner_has_its_database_alone(shop: Shop) -> None:
    shop.administer(f"CREATE DATABASE {ALIKE}", "postgres" if shop.engine == "postgresql" else "mysql")
    shop.administer("CREATE TABLE others (id integer)", ALIKE)
    shop.has()

    everything = (
        "CREATE TABLE jobs (id integer)",
        "INSERT INTO jobs VALUES (1)",
        "ALTER TABLE jobs ADD COLUMN more integer",
        "CREATE VIEW few AS SELECT * FROM jobs",
        "DROP VIEW few",
        "CREATE TEMPORARY TABLE scratch (id integer)",
    )
    assert shop.does(OWNER, *everything) == ["done"] * len(everything)

    if shop.engine == "postgresql":
        beyond = (
            f"CREATE DATABASE {ALIKE}2",
            f"CREATE ROLE {OTHER}",
            f"DROP DATABASE {ALIKE}",
            "SELECT pg_read_file('PG_VERSION')",
        )
        assert shop.does(OWNER, *beyond) == ["permission"] * len(beyond)
        assert shop.does(OWNER, "SELECT * FROM others", "CREATE TABLE t (i integer)", name=ALIKE) == ["permission"] * 2
    else:
        statements = (f"DESCRIBE {ALIKE}.others", f"CREATE DATABASE {ALIKE}2", "SELECT * FROM mysql.user")
        more = (f"GRANT SELECT ON {NAME}.* TO {READER}@localhost", "FLUSH PRIVILEGES")
        assert shop.does(OWNER, *statements, *more) == ["permission"] * 5
        # As a restore does it.
        beside = f"{NAME}__restore_20261122120000a1b2c3"
        copied = (f"CREATE DATABASE {beside}", f"RENAME TABLE jobs TO {beside}.jobs", f"DROP DATABASE {beside}")
        assert shop.does(OWNER, *copied) == ["done"] * 3
        assert shop.does(OWNER, name=ALIKE) == ["permission"]


WRITES = (
    "INSERT INTO jobs VALUES (2)",
    "UPDATE jobs SET id = 2",
    "DELETE FROM jobs",
    "TRUNCATE TABLE jobs",
    "DROP TABLE jobs",
    "ALTER TABLE jobs ADD COLUMN more integer",
    "CREATE TABLE more (id integer)",
    "CREATE TEMPORARY TABLE more (id integer)",
    "CREATE VIEW more AS SELECT * FROM jobs",
)


def test_reader_reads_all_that_comes_and_writes_nothing(shop: Shop) -> None:
    shop.has()
    shop.does(OWNER, "CREATE TABLE jobs (id integer)", "INSERT INTO jobs VALUES (1)")

    assert shop.reads("SELECT * FROM jobs") == ["done"]
    if shop.engine == "postgresql":
        shop.does(OWNER, "CREATE SCHEMA later", "CREATE TABLE later.jobs (id integer)")
        assert shop.reads("SELECT * FROM later.jobs") == ["done"]
        assert shop.reads(*WRITES) == ["read_only"] * len(WRITES)
        # What the reader can turn off is a convenience and not what protects.
        ended = shop.reads("SET default_transaction_read_only = off", *WRITES, "CREATE SCHEMA more")
        assert ended == ["done", *["permission"] * (len(WRITES) + 1)]
    else:
        assert shop.reads(*WRITES) == ["permission"] * len(WRITES)


def test_tables_that_were_there_are_read_too(shop: Shop) -> None:
    shop.has(reader=None)
    shop.does(OWNER, "CREATE TABLE jobs (id integer)")

    assert shop.has()["changed"]

    assert shop.reads("SELECT * FROM jobs") == ["done"]
    assert not shop.has()["changed"]


def test_nobody_else_gets_in(shop: Shop) -> None:
    shop.has()
    if shop.engine == "postgresql":
        shop.administer(f"CREATE ROLE {OTHER} LOGIN PASSWORD 'other'")
        assert shop.does(OTHER, password="other", name="postgres") == []
    else:
        shop.administer(f"CREATE USER {OTHER}@localhost IDENTIFIED BY 'other'")
        assert shop.does(OTHER, password="other", name="information_schema") == []

    assert shop.does(OTHER, password="other") == ["permission"]


@pytest.mark.parametrize("password", PASSWORDS)
def test_new_password_takes_the_place_of_the_old(shop: Shop, password: str) -> None:
    shop.has()

    changed = shop.has(database_password=password)

    assert changed["changed"] == (password != CANARY), changed
    assert shop.does(OWNER, password=password) == []
    assert shop.does(OWNER, password="canary") == ["login"]
    assert not shop.has(database_password=password)["changed"]


def test_other_way_of_keeping_a_password_is_changed(shop: Shop) -> None:
    shop.has()
    if shop.engine == "postgresql":
        shop.administer(
            f"SET password_encryption = md5; ALTER ROLE {OWNER} PASSWORD 'canary'; ALTER ROLE {READER} NOLOGIN"
        )
    else:
        shop.administer(
            f"ALTER USER {OWNER}@localhost IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('x');"
            f"ALTER USER {READER}@localhost ACCOUNT LOCK;"
        )

    assert shop.has()["changed"]

    assert (shop.does(OWNER), shop.reads()) == ([], [])
    assert not shop.has()["changed"]


def test_owner_who_restores_makes_what_a_restore_puts_beside(shop: Shop) -> None:
    beside = f"{NAME}__restore_20261122071500abcdef"
    shop.has()
    if shop.engine == "postgresql":
        assert shop.does(OWNER, f"CREATE DATABASE {beside}") == ["permission"]
    assert shop.has(restores=True)["changed"] is (shop.engine == "postgresql")
    assert shop.does(OWNER, f"CREATE DATABASE {beside}", f"DROP DATABASE {beside}") == ["done", "done"]
    assert not shop.has(restores=True)["changed"]
    assert shop.has()["changed"] is (shop.engine == "postgresql")


MORE_RIGHTS = {
    "postgresql": f"""
        CREATE TABLE jobs (id integer, cost integer);
        CREATE SEQUENCE numbers;
        CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE ROLE {OTHER} CREATEDB;
        GRANT {OTHER} TO {OWNER};
        ALTER ROLE {OWNER} CREATEDB CREATEROLE;
        ALTER ROLE {READER} REPLICATION BYPASSRLS;
        ALTER ROLE {READER} RESET default_transaction_read_only;
        GRANT {OWNER} TO {READER} WITH ADMIN OPTION;
        GRANT INSERT ON jobs TO {READER};
        GRANT SELECT ON jobs TO {READER} WITH GRANT OPTION;
        GRANT UPDATE (cost) ON jobs TO {READER};
        GRANT USAGE ON numbers TO {READER};
        GRANT EXECUTE ON FUNCTION one TO {READER};
        GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {READER};
        GRANT CREATE ON SCHEMA public TO {READER}, PUBLIC;
        GRANT CREATE ON DATABASE {NAME} TO {READER};
        GRANT CONNECT, TEMPORARY ON DATABASE {NAME} TO PUBLIC;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {READER};
        ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT DELETE ON TABLES TO {READER};
    """,
    "mysql": f"""
        CREATE TABLE jobs (id integer, cost integer);
        CREATE PROCEDURE one() SELECT 1;
        CREATE USER {OTHER}@localhost;
        CREATE ROLE own_role;
        GRANT own_role TO {READER}@localhost WITH ADMIN OPTION;
        SET DEFAULT ROLE own_role FOR {READER}@localhost;
        GRANT PROCESS, FILE ON *.* TO {OWNER}@localhost;
        GRANT ALL ON own\\_shop.* TO {OWNER}@localhost WITH GRANT OPTION;
        GRANT ALL ON {NAME}.* TO {OWNER}@localhost;
        GRANT ALL ON `own%`.* TO {READER}@localhost WITH GRANT OPTION;
        GRANT INSERT ON `own\\_shop`.* TO {READER}@localhost;
        GRANT UPDATE (cost), INSERT, DELETE ON jobs TO {READER}@localhost;
        GRANT EXECUTE ON PROCEDURE one TO {READER}@localhost;
        GRANT PROXY ON {OTHER}@localhost TO {READER}@localhost;
    """.replace("own\\_shop.*", "`own\\_shop`.*"),
}
# What belongs to others, or to ours elsewhere.
OTHERS_RIGHTS = {
    "postgresql": f"""
        GRANT SELECT ON jobs TO {OTHER};
        GRANT CONNECT ON DATABASE {NAME} TO {OTHER};
        GRANT CREATE ON DATABASE postgres TO {OWNER};
    """,
    "mysql": f"""
        GRANT SELECT ON {NAME}.* TO {OTHER}@localhost;
        GRANT SELECT ON {ALIKE}.* TO {OWNER}@localhost;
    """,
}


def test_rights_are_exactly_those_that_are_needed(shop: Shop) -> None:
    shop.has()
    more = MORE_RIGHTS[shop.engine]
    shop.administer(
        "\n".join(line for line in more.splitlines() if line.split()[:1] == ["CREATE"]) + OTHERS_RIGHTS[shop.engine]
    )
    shop.has()
    wanted = shop.state()
    shop.administer("\n".join(line for line in more.splitlines() if line.split()[:1] != ["CREATE"]))
    assert shop.state() != wanted

    cleared = shop.has()

    try:
        assert shop.state() == wanted, cleared
        assert not shop.has()["changed"]
    finally:
        if shop.engine == "mysql":
            shop.administer("DROP ROLE own_role")
        else:
            shop.administer(f"REVOKE ALL ON DATABASE postgres FROM {OWNER}", "postgres")


NO_TLS_LIKE_THIS = "?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"


def test_login_that_fails_takes_everything_back(shop: Shop) -> None:
    before = shop.state()

    failed = shop.has(database=shop.url(query=NO_TLS_LIKE_THIS))

    assert failed["msg"].endswith("Everything is as it was before."), failed
    assert failed["restored"] is True
    assert shop.state() == before


def test_login_that_fails_takes_changes_of_what_was_there_back(shop: Shop) -> None:
    shop.has()
    shop.administer(MORE_RIGHTS[shop.engine])
    before = shop.state()

    try:
        failed = shop.has(database=shop.url(query=NO_TLS_LIKE_THIS), database_password="canary another")

        assert failed["restored"] is True, failed
        assert shop.state() == before
        assert shop.does(OWNER) == []
    finally:
        if shop.engine == "mysql":
            shop.administer("DROP ROLE own_role")


def test_login_that_fails_without_a_change_is_told(shop: Shop) -> None:
    shop.has()

    failed = shop.has(database=shop.url(query=NO_TLS_LIKE_THIS))

    assert failed["reason"] == "tls"
    assert "restored" not in failed


def test_absent_accounts_leave_the_database(shop: Shop) -> None:
    before = shop.state()
    shop.has()
    shop.does(OWNER, "CREATE TABLE jobs (id integer)", "INSERT INTO jobs VALUES (7)")

    foretold = shop.has(state="absent", check=True)
    gone = shop.has(state="absent", reader={"name": READER})

    assert (gone["changed"], gone["removed"]) == (True, foretold["removed"])
    assert (shop.does(OWNER), shop.reads()) == (["login"], ["login"])
    assert shop.administer("SELECT id FROM jobs").strip() == "7"
    assert not shop.has(state="absent")["changed"]
    if shop.engine == "mysql":
        shop.administer(f"DROP DATABASE {NAME}", "mysql")
    else:
        shop.servers.postgresql.drop_database(NAME)
    assert not shop.has(state="absent")["changed"]
    assert shop.state() == before


def test_account_that_is_used_elsewhere_is_not_removed(shop: Shop) -> None:
    if shop.engine == "mysql":
        pytest.skip("in MariaDB nothing is lost with an account but its rights")
    shop.has()
    shop.administer(f"CREATE DATABASE {ALIKE} OWNER {OWNER}", "postgres")
    before = shop.state()

    refused = shop.has(state="absent")

    assert refused["problems"] == [f"{OWNER} has rights in {ALIKE}, too: remove them there first."]
    assert shop.state() == before


def test_database_of_another_account_is_refused(shop: Shop) -> None:
    if shop.engine == "mysql":
        pytest.skip("databases of MariaDB have no owners")
    shop.administer(f"CREATE ROLE {OTHER}", "postgres")
    shop.administer(f"CREATE DATABASE {NAME} OWNER {OTHER}", "postgres")
    before = shop.state()

    [problem] = shop.has()["problems"]

    assert problem.startswith(f"The database belongs to {OTHER}")
    assert shop.state() == before


def test_what_the_reader_owns_is_refused(shop: Shop) -> None:
    if shop.engine == "mysql":
        pytest.skip("tables of MariaDB have no owners")
    shop.has()
    shop.administer(f"CREATE TABLE jobs (id integer); ALTER TABLE jobs OWNER TO {READER}")

    [problem] = shop.has()["problems"]

    assert problem.startswith(f"{READER} is to read only, and owns table public.jobs: give that to {OWNER}")


ADMINISTRATORS = {"postgresql": "postgres", "mysql": "root"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"database": "ENGINE://own_keeper@db.example.com/own_shop"}, "has to name this host"),
        ({"database": "ENGINE://localhost/own_shop"}, "has to name the user who owns it"),
        ({"database": "ENGINE://own_keeper@localhost/SYSTEM"}, "belongs to the server itself"),
        ({"database_password": ""}, "The owner needs a password"),
        ({"reader": {"name": READER}}, "The reader needs a password"),
        ({"reader": {"name": OWNER, "password": "canary"}}, "another account than the owner"),
        ({"database": "ENGINE://ADMINISTRATOR@localhost/own_shop"}, "somebody's who"),
        ({"database": "ENGINE://ADMINISTRATOR@localhost/own_shop", "state": "absent"}, "somebody's who"),
        ({"reader": {"name": "r" * 65, "password": "canary"}}, "name"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changed(shop: Shop, options: dict[str, Any], told: str) -> None:
    before = shop.state()
    words = {
        "ENGINE": shop.engine,
        "SYSTEM": "template1" if shop.engine == "postgresql" else "mysql",
        "ADMINISTRATOR": ADMINISTRATORS[shop.engine],
    }
    given = dict(options)
    for word, meaning in words.items():
        if "database" in given:
            given["database"] = given["database"].replace(word, meaning)

    refused = shop.has(**given)

    [problem] = refused["problems"]
    assert told in problem
    assert shop.state() == before


def test_sqlite_is_refused(servers: Servers) -> None:
    refused = inside.module(servers.host, "database_accounts", database="sqlite:///srv/shop.db")

    assert refused["problems"] == ["SQLite has no accounts: its files' owner and mode say who may."]


def test_other_port_than_the_servers_is_refused(shop: Shop) -> None:
    refused = shop.has(database=shop.url().replace("127.0.0.1", "127.0.0.1:3999"))

    assert refused["failed"]
    assert "3999" in refused["msg"]


def test_mariadb_is_reached_over_its_socket(servers: Servers) -> None:
    shop = Shop(servers, "mysql")
    shop.clear()

    made = shop.has(database=shop.url(query=f"?socket={SOCKET}"))

    assert made["created"], made
    shop.clear()


def test_no_log_holds_what_is_kept_of_passwords(shop: Shop) -> None:
    if shop.engine == "postgresql":
        log = "/var/log/postgresql/*.log"
        shop.administer("ALTER SYSTEM SET log_statement = 'all'", "postgres")
        shop.administer("ALTER SYSTEM SET log_min_duration_statement = 0", "postgres")
        shop.administer("SELECT pg_reload_conf()", "postgres")
    else:
        log = "/tmp/all.log /tmp/slow.log"
        shop.administer(
            "SET GLOBAL general_log_file = '/tmp/all.log', GLOBAL general_log = 1, GLOBAL long_query_time = 0,"
            " GLOBAL slow_query_log_file = '/tmp/slow.log', GLOBAL slow_query_log = 1",
            "mysql",
        )
    try:
        shop.has()
        shop.has(database_password=f"{CANARY} another")
        shop.has(database=shop.url(query=NO_TLS_LIKE_THIS))
        logged = shop.servers.host.run("sh", "-c", f"cat {log}").decode("utf-8", "replace")
    finally:
        if shop.engine == "postgresql":
            shop.administer("ALTER SYSTEM RESET log_statement", "postgres")
            shop.administer("ALTER SYSTEM RESET log_min_duration_statement", "postgres")
            shop.administer("SELECT pg_reload_conf()", "postgres")
        else:
            shop.administer(
                "SET GLOBAL general_log = 0, GLOBAL long_query_time = 10, GLOBAL slow_query_log = 0", "mysql"
            )

    journal = shop.servers.host.run("journalctl", "--no-pager", "--identifier", "ansible-basic.py").decode()
    assert [line for line in journal.splitlines() if "own_keeper" in line or "own_reader" in line] == []

    # The logs do hold statements: the first ones of each session.
    assert "SET" in logged
    assert "canary" not in logged
    assert "SCRAM-SHA-256$" not in logged
    for hashed in shop.state().split("PASSWORD '")[1:]:
        assert hashed[:41] not in logged


def test_names_are_taken_as_they_are(shop: Shop) -> None:
    name, owner = "own\"`' %_shop", 'own"` keeper'
    where = "127.0.0.1" if shop.engine == "postgresql" else "localhost"
    url = f"{shop.engine}://own%22%60%20keeper@{where}/own%22%60%27%20%25_shop"
    try:
        made = shop.has(database=url, reader={"name": 'own"` reader', "password": f"{CANARY}r"})
        again = shop.has(database=url, reader={"name": 'own"` reader', "password": f"{CANARY}r"})
        gone = shop.has(database=url, reader={"name": 'own"` reader'}, state="absent")
        assert (made.get("created"), again.get("changed"), gone.get("changed")) == (True, False, True), (made, again)
    finally:
        if shop.engine == "postgresql":
            shop.servers.postgresql.drop_database(name)
            for role in (owner, 'own"` reader'):
                shop.administer(f"DROP ROLE IF EXISTS {identifier(role)}", "postgres")
        else:
            users = 'DROP USER IF EXISTS `own"`` keeper`@localhost, `own"`` reader`@localhost;'
            shop.administer(f"DROP DATABASE IF EXISTS `own\"``' %_shop`; {users}", "mysql")
