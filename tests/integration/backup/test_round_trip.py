# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Awkward databases, backed up, spoiled and restored by the modules: the same to the bit, and at work as before."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration import inside
from tests.integration.backup.test_mysql import SCHEMA as MYSQL
from tests.integration.backup.test_postgresql import AWKWARD as POSTGRESQL
from tests.integration.database import mariadb as mariadb_server
from tests.integration.database import postgresql as postgresql_server
from tests.integration.database.mariadb import SOCKET
from tests.integration.database.postgresql import CANARY, identifier, literal
from tests.integration.machine import Host
from tests.unit.backup.test_sqlite import AWKWARD as SQLITE
from tests.unit.backup.test_sqlite import QUESTIONS as SQLITE_QUESTIONS

MORE = Path(__file__).resolve().parent / "awkward"
# In each database one row has five times as many bytes: 64 MiB on one of the platforms.
REPEATS = {"debian-12": 64 * 1024 * 1024 // 5 + 1, "debian-13": 100}
DIRECTORY = "/var/tmp/round-trip"
NAME = "shop's \"Ünï`co-de%"


@dataclass(frozen=True)
class Live:
    """A database, and what one is told who asks it without this collection."""

    host: Host
    url: str
    ask: Callable[[str], str]
    password: str | None = None

    def module(self, name: str, **options: Any) -> dict[str, Any]:
        """The result of a module, which must not fail."""
        result = inside.module(
            self.host, name, database=self.url, database_password=self.password, directory=DIRECTORY, **options
        )
        assert "failed" not in result, f"{result}"
        return result

    def measured(self) -> Any:
        """The fingerprints of the schema and of all rows."""
        code = """
import json
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.registry import STRATEGIES
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import measure
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host

address = parse_address(*json.loads({}))
facts = measure(address, this_host(), STRATEGIES[address.engine], Terms("/var/tmp"), with_content=True)
counts = {{str(table): rows for table, rows in facts.tables.items()}}
print(json.dumps([facts.schema_sha256, facts.content_sha256, counts]))
"""
        return json.loads(inside.python(self.host, code.format(repr(json.dumps([self.url, self.password])))))

    def files(self) -> list[str]:
        """What is in the directory of the backups."""
        return self.host.run("ls", DIRECTORY).decode().split()


def more_of(engine: str, repeats: int) -> str:
    """What the tests of the strategies do not have."""
    return (MORE / f"{engine}.sql").read_text().replace(":repeats", str(repeats))


def go_and_come_back(live: Live, questions: str, spoil: str) -> None:
    """Back the database up, spoil it, and have it again as it was."""
    measured, told = live.measured(), live.ask(questions)
    taken = live.module("db_backup")["backup"]
    assert taken["verified"]["level"] == "restore"
    live.ask(spoil)
    assert live.measured()[:2] != measured[:2]
    restored = live.module("db_restore", backup="latest", loss_budget="unlimited")
    assert restored["backup"]["id"] == taken["id"]
    assert live.ask(questions).splitlines() == told.splitlines()
    assert live.measured() == measured
    removed = live.module("db_restore", state="settled")["removed"]
    assert removed == [restored["old"], restored["safety_backup"]]
    assert set(live.files()) == {f"{taken['id']}.manifest.json", Path(taken["path"]).name}


@pytest.fixture(autouse=True)
def directory(database_host: Host) -> Iterator[None]:
    """No backups, before and after."""
    yield
    leftovers = database_host.run("sh", "-c", "ls -d /var/tmp/shipshape-* 2>&1 || true").decode()
    database_host.run("rm", "-rf", DIRECTORY)
    assert "No such file" in leftovers


# MySQL and MariaDB

# mariadb-dump cannot dump the events of a database that has a quote in its name.
MYSQL_NAME = "Ünï`co-de% 1"


@pytest.fixture
def mysql(mariadb: mariadb_server.Server) -> Iterator[Live]:
    """A database with something of everything, as an administrator sees it."""
    name = MYSQL_NAME.replace("`", "``")
    more = more_of("mysql", REPEATS[mariadb.host.platform])
    [before] = mariadb.as_root("SELECT @@global.max_allowed_packet;").split()
    mariadb.as_root("SET GLOBAL max_allowed_packet = 268435456;")
    password = CANARY.replace("\\", "\\\\").replace("'", "''")
    pattern = name.replace("%", "\\%").replace("_", "\\_")
    # Who defined views has rights on this database only, and none where it is restored to.
    granted = f"GRANT ALL ON `{pattern}`.* TO app@'%'"
    mariadb.as_root(f"CREATE DATABASE `{name}`; {granted}; USE `{name}`;\n{MYSQL}\n{more}")
    mariadb.as_root(
        f"""
        CREATE USER reader@localhost IDENTIFIED BY '{password}';
        GRANT EXECUTE ON FUNCTION `{name}`.told TO reader@localhost;
        GRANT SELECT ON `{name}`.of_app TO reader@localhost;
        GRANT SELECT (id) ON `{name}`.parts TO reader@localhost;
        """
    )
    url = f"mysql://root@localhost/{quote(MYSQL_NAME, safe='')}?socket={SOCKET}"
    yield Live(mariadb.host, url, lambda sql: mariadb.as_root(f"USE `{name}`;\n{sql}"))
    left = mariadb.as_root("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%\\_\\_%';")
    for database in (MYSQL_NAME, *left.splitlines()):
        mariadb.as_root("DROP DATABASE `{}`;".format(database.replace("`", "``")))
    mariadb.as_root(f"DROP USER reader@localhost; REVOKE ALL ON `{pattern}`.* FROM app@'%';")
    mariadb.as_root(f"SET GLOBAL max_allowed_packet = {before};")
    assert left == ""


# A FLOAT is shown, and dumped, with six digits, and history is of the time when its rows were loaded. An event that
# only another server would run is one that does not run at all once it is restored. A view that has the rights of
# whoever uses it belongs to whoever restored it.
MYSQL_QUESTIONS = """
SET NAMES utf8mb4, time_zone = '+00:00';
SELECT id, f, d, HEX(t), HEX(b), z, ts, virtual, stored, hidden, HEX(e), s, BIN(bits), j, ST_AsText(place), exact, y,
    ref FROM awkward ORDER BY id;
SELECT * FROM `select ``ä` ORDER BY `group`;
SELECT *, COUNT(*) FROM parts PARTITION (p0) GROUP BY id, k;
SELECT *, COUNT(*) FROM parts PARTITION (p1) GROUP BY id, k;
SELECT a FROM history ORDER BY a; SELECT * FROM counted ORDER BY id;
SELECT id, LENGTH(b), MD5(b), SHA2(t, 256) FROM large ORDER BY id;
SELECT * FROM `b ``view` ORDER BY x; SELECT * FROM a_view_on_a_view ORDER BY x; SELECT told(), twice(4);
SELECT next_not_cached_value, increment, cycle_count FROM numbers; SELECT next_not_cached_value FROM exact;
SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE();
SELECT TABLE_NAME, TABLE_TYPE, ENGINE, ROW_FORMAT, AUTO_INCREMENT, TABLE_COLLATION, CREATE_OPTIONS, TABLE_COMMENT
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1;
SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, COLLATION_NAME, EXTRA,
    GENERATION_EXPRESSION FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2;
SELECT TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, INDEX_TYPE
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2, 3;
SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
    FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2, 3;
SELECT CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE() ORDER BY 1;
SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE() ORDER BY 1, 2;
SELECT TRIGGER_NAME, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, HEX(ACTION_STATEMENT), ACTION_TIMING,
    SQL_MODE, DEFINER, COLLATION_CONNECTION FROM information_schema.TRIGGERS
    WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1;
SELECT TABLE_NAME, HEX(VIEW_DEFINITION), CHECK_OPTION, IF(SECURITY_TYPE = 'DEFINER', DEFINER, ''),
    SECURITY_TYPE, ALGORITHM
    FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1;
SELECT ROUTINE_NAME, ROUTINE_TYPE, DTD_IDENTIFIER, HEX(ROUTINE_DEFINITION), IS_DETERMINISTIC, SQL_DATA_ACCESS,
    SECURITY_TYPE, SQL_MODE, ROUTINE_COMMENT, DEFINER, DATABASE_COLLATION
    FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() ORDER BY 1;
SELECT EVENT_NAME, DEFINER, HEX(EVENT_DEFINITION), EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, ENDS,
    REPLACE(STATUS, 'SLAVESIDE_DISABLED', 'DISABLED'), ON_COMPLETION, EVENT_COMMENT, TIME_ZONE, SQL_MODE
    FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() ORDER BY 1;
SELECT PARTITION_NAME, PARTITION_METHOD, PARTITION_EXPRESSION, PARTITION_DESCRIPTION
    FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'parts' ORDER BY 1;
SHOW GRANTS FOR reader@localhost;
"""

MYSQL_SPOIL = """
DROP TRIGGER second; DROP VIEW a_view_on_a_view; DROP EVENT disabled; DROP PROCEDURE nothing;
UPDATE large SET b = REPLACE(b, x'0a', x'0b') WHERE id = 1; DELETE FROM parts WHERE id = 20; TRUNCATE log;
DROP SEQUENCE exact; CREATE TABLE newer (a INT); INSERT INTO newer VALUES (1);
ALTER DATABASE CHARACTER SET latin1;
"""


def test_mysql(mysql: Live) -> None:
    go_and_come_back(mysql, MYSQL_QUESTIONS, MYSQL_SPOIL)

    # Three triggers on two tables, of two users.
    assert mysql.ask("INSERT INTO parts VALUES (5, 5); SELECT id, @b FROM log JOIN parts ON a = id;") == "5\tä😀\n"
    assert mysql.ask("INSERT INTO counted (`select`) VALUES (4); SELECT LAST_INSERT_ID(), MAX(a) FROM log;") == "4\t5\n"
    assert mysql.ask("SELECT NEXTVAL(exact), NEXTVAL(numbers) > 5;") == "120\t1\n"
    refused = "SELECT 1; INSERT INTO `select ``ä` (`from`) VALUES (99);"
    with pytest.raises(subprocess.CalledProcessError):
        mysql.ask(refused)
    assert mysql.ask("DELETE FROM awkward WHERE id = 2; SELECT COUNT(*) FROM `select ``ä`;") == "2\n"
    reader = ("mariadb", "--user=reader", f"--password={CANARY}", "--default-character-set=utf8mb4", "-NB")
    asked = "--execute=SELECT told(); SELECT SUM(id) FROM of_app;"
    assert mysql.host.run(*reader, f"--database={MYSQL_NAME}", asked).decode() == "app@%3\n7\n"


# PostgreSQL

OWNER, READER = 'the "trip\'s" ü', "trip's reader"


@pytest.fixture
def postgresql_live(postgresql: postgresql_server.Server) -> Iterator[Live]:
    """A database with something of everything, as its owner sees it."""
    owner, reader = identifier(OWNER), identifier(READER)
    postgresql.administer(
        f"CREATE ROLE {owner} LOGIN CREATEDB PASSWORD {literal(CANARY)};"
        f"CREATE ROLE {reader} LOGIN PASSWORD {literal(CANARY)};"
    )
    live = postgresql.seen(user=OWNER).create_database(NAME, OWNER)
    database = identifier(NAME)
    more = more_of("postgresql", REPEATS[postgresql.host.platform])
    postgresql.administer(f"SET SESSION AUTHORIZATION {owner};\n{POSTGRESQL}\n{more}", NAME)
    postgresql.administer(
        f"""
        REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;
        GRANT CONNECT ON DATABASE {database} TO {reader};
        ALTER DATABASE {database} SET work_mem = '5MB';
        ALTER DATABASE {database} CONNECTION LIMIT 77;
        ALTER ROLE {owner} IN DATABASE {database} SET search_path = "Shop 1", public;
        COMMENT ON DATABASE {database} IS 'it''s';
        SET SESSION AUTHORIZATION {owner};
        GRANT USAGE ON SCHEMA "Shop 1" TO {reader};
        GRANT SELECT ON "Shop 1"."order", guarded TO {reader};
        GRANT SELECT (id, b), UPDATE (b) ON a TO {reader};
        GRANT USAGE ON SEQUENCE numbers TO {reader};
        REVOKE EXECUTE ON FUNCTION told() FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION told() TO {reader};
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader};
        """,  # noqa: S608 (the names are the test's own)
        NAME,
    )
    yield Live(postgresql.host, live.url, lambda sql: postgresql.administer(sql, NAME))
    left = postgresql.administer("SELECT datname FROM pg_database WHERE datname LIKE '%\\_\\_%'")
    for name in (NAME, *left.splitlines()):
        postgresql.drop_database(name)
    postgresql.administer(f"DROP ROLE {owner}; DROP ROLE {reader};")
    assert left == ""


POSTGRESQL_QUESTIONS = r"""
SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET search_path = public, pg_catalog;
SELECT format('SELECT %L, count(*), md5(string_agg(to_jsonb(t)::text, '','' ORDER BY to_jsonb(t)::text COLLATE "C"))
    FROM ONLY %s t', c.oid::regclass, c.oid::regclass)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname IN ('public', 'Shop 1') AND relkind IN ('r', 'm', 'v') AND relname <> 'large' ORDER BY 1 \gexec
SELECT id, length(b), md5(b), md5(t) FROM large ORDER BY id;
SELECT schemaname, sequencename, data_type, start_value, min_value, max_value, increment_by, cycle, last_value
    FROM pg_sequences ORDER BY 1, 2;
SELECT c.oid::regclass, relkind, relpersistence, relowner::regrole, relacl, reloptions, relrowsecurity, relispartition,
    pg_get_expr(relpartbound, c.oid), obj_description(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname IN ('public', 'Shop 1') ORDER BY c.oid::regclass::text COLLATE "C";
SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attacl,
    attstorage, attcollation::regcollation, pg_get_expr(adbin, adrelid)
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND attrelid::regclass::text !~ '^(pg_|information_schema|pg_toast)'
    ORDER BY attrelid::regclass::text COLLATE "C", attname;
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace::regnamespace::text IN ('public', '"Shop 1"') ORDER BY conrelid::regclass::text, 2, 3;
SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'Shop 1') ORDER BY 1;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
SELECT pg_get_functiondef(oid), proowner::regrole, proacl FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p') AND prolang <> 13 ORDER BY 1;
SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1;
SELECT enumtypid::regtype, enumlabel, row_number() OVER (ORDER BY enumsortorder) FROM pg_enum ORDER BY 1, 3;
SELECT * FROM pg_policies ORDER BY 1, 2, 3; SELECT * FROM pg_rules WHERE schemaname = 'public' ORDER BY 1, 2, 3;
SELECT pubname, pg_get_userbyid(pubowner) FROM pg_publication; SELECT * FROM pg_publication_tables;
SELECT m.oid, lomowner::regrole, md5(lo_get(m.oid)), obj_description(m.oid, 'pg_largeobject')
    FROM pg_largeobject_metadata m;
SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' ORDER BY 1;
SELECT extname, extowner::regrole FROM pg_extension ORDER BY 1;
SELECT defaclrole::regrole, defaclobjtype, defaclacl FROM pg_default_acl;
SELECT datname, datdba::regrole, pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, datacl,
    shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database();
SELECT setrole::regrole, setconfig FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1;
"""

POSTGRESQL_SPOIL = """
DROP TRIGGER touched ON things; DROP VIEW seniors; DROP POLICY own ON guarded; ALTER TYPE mood ADD VALUE 'new';
UPDATE large SET b = substr(b, 2) WHERE id = 1; DELETE FROM events; TRUNCATE children; SELECT lo_unlink(4711);
SELECT setval('numbers', 4711), nextval('cycling'); CREATE TABLE newer (a int); INSERT INTO newer VALUES (1);
ALTER TABLE things DROP COLUMN doubled; DROP PUBLICATION news;
"""


def test_postgresql(postgresql_live: Live, postgresql: postgresql_server.Server) -> None:
    live = postgresql_live
    as_owner = f"SET SESSION AUTHORIZATION {identifier(OWNER)};"

    go_and_come_back(live, POSTGRESQL_QUESTIONS, as_owner + POSTGRESQL_SPOIL)

    assert live.ask("UPDATE things SET t = 3 WHERE t = 2 RETURNING note, doubled;") == "it's|4\n"
    assert live.ask("SELECT nextval('numbers'), nextval('cycling'), nextval('cycling');") == "9|-2|-1\n"
    assert live.ask("""INSERT INTO "or""der" ("from") VALUES (1) RETURNING "select";""") == "4\n"
    for refused in (
        """INSERT INTO "Shop 1"."order" (thing) VALUES (99);""",
        "DELETE FROM large WHERE id = 1;",
        "INSERT INTO things (feels) VALUES ('new');",
        'SET SESSION AUTHORIZATION "trip\'s reader"; SELECT * FROM things;',
    ):
        with pytest.raises(subprocess.CalledProcessError):
            live.ask(refused)
    reader = postgresql.seen(user=READER, database=NAME)
    asked = "SELECT current_setting('work_mem'), told(), (SELECT count(*) FROM guarded)"
    assert live.host.run("psql", "-XAtc", asked, reader.url).decode() == f"5MB|{OWNER}2|0\n"
    orders = live.host.run("psql", "-XAtc", 'TABLE "Shop 1"."order"', reader.url).decode()
    assert orders.splitlines() == ["1|1||", "2|2|1|"]


# SQLite


# Runs on the host.
ASK_SQLITE = """
import hashlib, json, sqlite3
path, statements = json.loads({})
database = sqlite3.connect(path, isolation_level=None)
database.text_factory = bytes
database.create_function("sha256", 1, lambda value: hashlib.sha256(value).hexdigest())
for statement in statements:
    try:
        print(database.execute(statement).fetchall())
    except sqlite3.IntegrityError as error:
        print(error)
database.close()
"""

SQLITE_MORE_QUESTIONS = (
    "SELECT id, sha256(b) FROM large",
    "SELECT * FROM counted",
    "SELECT * FROM notes",
    "SELECT rowid FROM found WHERE found MATCH 'größ'",
)

SQLITE_SPOIL = (
    "DROP TRIGGER noted",
    "DROP VIEW shown",
    "UPDATE large SET b = zeroblob(5) WHERE id = 1",
    "DELETE FROM words",
    "DELETE FROM pairs WHERE n = 1",
    "CREATE TABLE newer (a)",
    "INSERT INTO newer VALUES (1)",
    "PRAGMA user_version = 3",
)

SQLITE_AT_WORK = {
    "PRAGMA foreign_keys = ON": "[]",
    "INSERT INTO parent (name) VALUES ('new')": "[]",
    "SELECT * FROM log": "[(b'new',)]",
    "SELECT max(id) FROM parent": "[(4,)]",
    "DELETE FROM large WHERE id = 1": "FOREIGN KEY constraint failed",
    "INSERT INTO writable (large) VALUES (2)": "[]",
    "SELECT max(id) FROM counted": "[(4,)]",
    "INSERT INTO notes (body) VALUES ('noch größer')": "[]",
    "SELECT rowid FROM found WHERE found MATCH 'größ'": "[(1,), (3,)]",
    "INSERT INTO found (found) VALUES ('integrity-check')": "[]",
    "INSERT INTO strict VALUES (1, 'x')": "cannot store TEXT value in INT column strict.b",
}


@pytest.fixture
def folder(database_host: Host) -> Iterator[str]:
    """A directory of the application's user."""
    path = "/var/tmp/trip"
    database_host.run("install", "-d", "-o", "www-data", "-m", "750", path)
    yield path
    database_host.run("rm", "-rf", path)


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_sqlite(database_host: Host, folder: str, journal: str) -> None:
    path = f"{folder}/{NAME}.db"

    def ask(statements: str) -> str:
        return inside.python(database_host, ASK_SQLITE.format(repr(json.dumps([path, json.loads(statements)]))))

    ask(json.dumps([f"PRAGMA journal_mode = {journal}", *SQLITE]))
    more = more_of("sqlite", REPEATS[database_host.platform] if journal == "wal" else 100)
    database_host.run("sqlite3", path, text=more)
    database_host.run("chown", "www-data:adm", path)
    database_host.run("chmod", "640", path)
    access = ("stat", "--format=%U %G %a", path)
    live, owned = Live(database_host, f"sqlite://{quote(path)}", ask), database_host.run(*access)

    go_and_come_back(live, json.dumps([*SQLITE_QUESTIONS, *SQLITE_MORE_QUESTIONS]), json.dumps(SQLITE_SPOIL))

    assert database_host.run(*access) == owned
    assert ask(json.dumps(list(SQLITE_AT_WORK))).splitlines() == list(SQLITE_AT_WORK.values())
    assert database_host.run("ls", folder).decode().splitlines() == [Path(path).name]
