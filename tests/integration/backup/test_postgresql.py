# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The strategy of PostgreSQL against real servers, with the tools of their hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.database.postgresql import CANARY, DATABASE, Server, identifier, literal
from tests.integration.inside import python

# May make databases, as whoever uses a scratch database or swaps has to.
MAKER = 'the "maker\'s" ü'

# Runs on the host. What it leaves in `answer` comes back.
PRELUDE = """
import contextlib, json, os, signal, subprocess
from dataclasses import replace
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql import PostgresqlBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms, differences
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stage

# As for a module that root runs, where the servers of others may not be.
if os.geteuid() == 0:
    os.chdir("/root")
HOST, BACKUP, TERMS = this_host(), PostgresqlBackup(), Terms(scratch="/var/tmp/scratch", lock_timeout=1)
ZSTD, UNZSTD = Stage(("zstd", "-q", "-3", "-c")), Stage(("zstd", "-q", "-d", "-c"))
FILE = f"/var/tmp/scratch/{os.geteuid()}.dump"
TAG = "20240102030405abcdef"
subprocess.run(["install", "-d", "-m", "1777", "/var/tmp/scratch"], check=True)
with contextlib.suppress(FileNotFoundError):
    os.unlink(FILE)

def session(address):
    return contextlib.closing(HOST.connect(address, BACKUP.engine))

def rows(address, sql):
    with session(address) as connection:
        return connection.rows(sql)

def measured(address):
    with session(address) as connection, connection.transaction(read_only=True):
        return BACKUP.measure(connection, with_content=True)

def dump(address, **others):
    return BACKUP.dump(address, [ZSTD], FILE, HOST, TERMS, **{"with_content": True, **others})

def restored(address, facts, where="private_server"):
    with BACKUP.scratch(address, facts, where, HOST, TERMS) as (copy, place):
        BACKUP.load(FILE, [UNZSTD], copy, HOST, TERMS, is_scratch=True)
        found = measured(copy)
        return place, differences(facts, found), found.content_sha256 == facts.content_sha256

def copied(address, facts, tag=TAG):
    copy = BACKUP.beside(address, facts, tag, HOST, TERMS)
    BACKUP.load(FILE, [UNZSTD], copy, HOST, TERMS, is_scratch=False)
    return copy

class Pipes:
    def __init__(self, before=lambda: None, after=lambda: None):
        self.before, self.after, self.pipes = before, after, HOST.pipes

    def save(self, *arguments, **others):
        self.before()
        flow = self.pipes.save(*arguments, **others)
        self.after()
        return flow

def failure(action):
    try:
        action()
    except ShipshapeError as error:
        return [type(error).__name__, error.message, error.details.get("reason")]
"""


def run(server: Server, code: str, *, user: str = "root", **given: Any) -> Any:
    """What a piece of Python on the host finds out, where LIVE is the server's database as its user sees it."""
    told = json.dumps(json.dumps({"url": server.url, **given}))
    begin = f"{PRELUDE}\ngiven = json.loads({told})\nLIVE = parse_address(given['url'])\nanswer = None\n"
    return json.loads(python(server.host, f"{begin}{code}\nprint(json.dumps(answer))", user=user))


@pytest.fixture(scope="module")
def maker(postgresql: Server) -> Iterator[Server]:
    """Seen by a user who may make databases."""
    who = identifier(MAKER)
    postgresql.administer(f"CREATE ROLE {who} LOGIN CREATEDB PASSWORD {literal(CANARY)}")
    yield postgresql.seen(user=MAKER)
    postgresql.administer(f"DROP ROLE {who}")


@pytest.fixture(scope="module")
def chief(postgresql: Server) -> Iterator[Server]:
    """Seen by a superuser."""
    postgresql.administer(f"CREATE ROLE chief SUPERUSER LOGIN PASSWORD {literal(CANARY)}")
    yield postgresql.seen(user="chief")
    postgresql.administer("DROP ROLE chief")


@pytest.fixture
def live(maker: Server) -> Iterator[Server]:
    """An empty database with an awkward name, which is all that is there afterwards."""
    before = databases(maker)
    name = DATABASE + " 2"
    created = maker.create_database(name, MAKER)
    yield created
    left = databases(maker) - before
    for database in left:
        maker.drop_database(database)
    assert left == {name}
    assert leftovers(maker) == []


def databases(server: Server) -> set[str]:
    return set(server.administer("SELECT datname FROM pg_database").splitlines())


def leftovers(server: Server) -> list[str]:
    """Directories and processes of private servers."""
    script = "ls /var/tmp/scratch | grep ^shipshape-; pgrep -af [s]cratch/shipshape-; true"
    return server.host.run("sh", "-c", script).decode().splitlines()


AWKWARD = r"""
CREATE SCHEMA "Shop 1";
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'it''s 😀');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN share AS numeric DEFAULT 0.5 CHECK (VALUE BETWEEN 0 AND 1);
CREATE SEQUENCE numbers START 5 INCREMENT 2;
SELECT nextval('numbers'), nextval('numbers');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN NEW.note := $$it's$$; RETURN NEW; END $body$;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE TABLE things (
    id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, t int, feels mood, "both" pair, part share,
    email citext UNIQUE, doubled int GENERATED ALWAYS AS (id * 2) STORED, raw bytea, real4 float4, real8 float8,
    exact numeric(38, 19), endless numeric, many int[], texts text[][], doc jsonb, plain json, at timestamptz,
    lasts interval, day date, price money, net inet, uid uuid, spans span, times tstzrange, bits bit varying,
    kind regclass, words tsvector, "select" text COLLATE "C", note text, box box, mark xml,
    EXCLUDE USING gist (times WITH &&)
);
INSERT INTO things (t, feels, "both", part, email, raw, real4, real8, exact, endless, many, texts, doc, plain, at,
    lasts, day, price, net, uid, spans, times, bits, kind, words, "select", box)
VALUES
    (1, 'it''s 😀', '(1,"a ""b"", \\ 😀")', 0.3, 'A@b.example', '\x00ff00', 'NaN', 'Infinity', 1234567890.0123456789,
    'NaN', '{1,NULL,3}', '{{a,"b,c"},{NULL,"NULL"}}', '{"a": [1.10, "😀"]}', '{"b":1,  "a":2}', '-infinity',
    '1 year -2 days 03:04:05.678901', '0044-03-15 BC', 12.34, '::1/64', '6f1c0a1e-0000-4000-8000-000000000000',
    '[0.1,0.2)', '[2024-01-01,2024-01-02)', B'10101', 'things', 'a:1 b:2', E'\t\n\\N\r tab', '(1,1),(0,0)'),
    (2, 'sad', '(,)', 1, 'x@b.example', '', '-0', 0.1, -0.0000000000000000001, 1e100, '{}', NULL, 'null', '[]',
    '2024-03-31 02:30:00+01', '-1 mon', 'infinity', -0.01, '10.0.0.0/8', NULL, 'empty', NULL, B'', 'pg_class',
    '', '', NULL);
CREATE TRIGGER touched BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE "Shop 1"."order" (
    id bigserial PRIMARY KEY, thing int NOT NULL REFERENCES things ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    before bigint REFERENCES "Shop 1"."order", "what? %s ""x"" " text);
INSERT INTO "Shop 1"."order" (thing, before) VALUES (1, NULL), (2, 1);
CREATE TABLE a (id int PRIMARY KEY, b int);
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE;
CREATE TABLE events (id int, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2 PARTITION OF events DEFAULT;
INSERT INTO events SELECT n, '2024-12-30'::date + n FROM generate_series(1, 4) n;
CREATE TABLE parents (a int); CREATE TABLE children (b text) INHERITS (parents);
INSERT INTO parents VALUES (1); INSERT INTO children VALUES (2, 'x'), (2, 'x');
CREATE TABLE adopted (b text, a int); ALTER TABLE adopted INHERIT parents; INSERT INTO adopted VALUES ('x', 1);
ALTER TABLE parents ADD c int;
CREATE UNLOGGED TABLE passing (a int); INSERT INTO passing VALUES (1);
CREATE TABLE nothing_in_it (); INSERT INTO nothing_in_it DEFAULT VALUES;
CREATE TABLE ruled (a int); CREATE RULE ignored AS ON DELETE TO ruled DO INSTEAD NOTHING;
CREATE VIEW seniors AS SELECT id, twice(id) FROM things WHERE id BETWEEN 1 AND 9;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM things;
CREATE TABLE guarded (owner text); INSERT INTO guarded VALUES ('a'), ('b');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded TO CURRENT_USER USING (owner = current_user);
CREATE PUBLICATION news FOR TABLE things;
COMMENT ON TABLE things IS 'it''s';
SELECT lo_from_bytea(4711, decode(repeat('00ff', 900000), 'hex'));
COMMENT ON LARGE OBJECT 4711 IS 'large';
"""


@pytest.fixture(scope="module")
def awkward(maker: Server) -> Iterator[Server]:
    """A database with something of everything."""
    filled = maker.create_database("awkward", MAKER)
    run(filled, "with session(LIVE) as connection:\n    connection.execute(given['sql'])", sql=AWKWARD)
    yield filled
    maker.drop_database("awkward")


def test_restored_copies_are_the_same_to_the_bit(awkward: Server) -> None:
    answer = run(
        awkward,
        """
done = dump(LIVE)
BACKUP.check(FILE, [UNZSTD], done.facts, HOST, TERMS)
places = [restored(LIVE, done.facts, where) for where in ("auto", "scratch_database")]
facts = measured(LIVE)
answer = {
    "places": places, "is_same": facts == done.facts, "size": os.path.getsize(FILE) == done.flow.size,
    "tables": {str(table): count for table, count in facts.tables.items()}, "done": [done.consistency, done.warnings],
    "server": done.server, "tool": done.tool, "traits": dict(facts.traits),
}
""",
    )

    assert answer["places"] == [["private server", [], True], ["scratch database", [], True]]
    assert answer["is_same"] is True
    assert answer["size"] is True
    assert answer["done"] == ["snapshot", []]
    major = answer["traits"]["version"]
    assert answer["server"].startswith(f"PostgreSQL {major}.")
    assert answer["tool"].startswith(f"pg_dump (PostgreSQL) {major}.")
    assert answer["traits"] == {
        "version": major,
        "encoding": "UTF8",
        "collate": "C.UTF-8",
        "ctype": "C.UTF-8",
        "locale_provider": "libc",
        "owner": MAKER,
        "roles": json.dumps([MAKER], ensure_ascii=False),
    }
    assert answer["tables"] == {
        "public.a": 1,
        "public.adopted": 1,
        "public.b": 1,
        "public.children": 2,
        "public.events_1": 1,
        "public.events_2": 3,
        "public.guarded": 2,
        "public.nothing_in_it": 1,
        "public.parents": 1,
        "public.passing": 1,
        "public.ruled": 0,
        "public.things": 2,
        "Shop 1.order": 2,
    }
    assert leftovers(awkward) == []
    assert [name for name in databases(awkward) if "__" in name] == []


def test_row_of_64_mib(live: Server) -> None:
    answer = run(
        live,
        """
with session(LIVE) as connection:
    connection.execute("CREATE TABLE t (a text); ALTER TABLE t ALTER a SET STORAGE EXTERNAL")
    connection.execute("INSERT INTO t VALUES (repeat('x', 64 << 20))")
    size = BACKUP.engine.size(connection)
answer = [size > 64 << 20, restored(LIVE, dump(LIVE).facts, "scratch_database")]
""",
    )

    assert answer == [True, ["scratch database", [], True]]


CHANGES = {
    "a value": "UPDATE things SET real8 = 0.1000000000000000194 WHERE t = 2",
    "a row": "DELETE FROM children WHERE ctid = (SELECT min(ctid) FROM ONLY children)",
    "a row moved": "WITH x AS (DELETE FROM ONLY parents RETURNING a) INSERT INTO children SELECT a FROM x",
    "null instead of nothing": "UPDATE things SET note = '' WHERE t = 2",
    "a zero's sign": "UPDATE things SET real4 = 0 WHERE t = 2",
    "a large object": "SELECT lo_put(4711, 1500000, '\\x01')",
    "a large object removed": "SELECT lo_unlink(4711)",
}


def test_content_changes_with_every_value_and_with_nothing_else(awkward: Server) -> None:
    answer = run(
        awkward,
        """
answer = {}
with session(LIVE) as connection:
    before = BACKUP.measure(connection, with_content=True)
    for name, change in given["changes"].items():
        with contextlib.suppress(KeyError), connection.transaction():
            connection.execute(change)
            answer[name] = BACKUP.measure(connection, with_content=True).content_sha256 != before.content_sha256
            raise KeyError
    for setting in given["settings"]:
        connection.execute(setting)
    shown = "SELECT current_setting('row_security'), current_setting('TimeZone'), current_setting('search_path')"
    kept = connection.rows(shown)
    answer["same"] = BACKUP.measure(connection, with_content=True) == before
    answer["session"] = connection.rows(shown) == kept
    answer["no content"] = BACKUP.measure(connection) == replace(before, content_sha256=None)
""",
        changes=CHANGES,
        settings=[
            "SET extra_float_digits = -5; SET bytea_output = escape; SET DateStyle = German",
            "SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = iso_8601",
            'SET search_path = "Shop 1"; SET quote_all_identifiers = on',
        ],
    )

    assert answer == dict.fromkeys([*CHANGES, "same", "session", "no content"], True)


def test_counts_and_content_are_those_of_the_dump_while_others_write(live: Server) -> None:
    answer = run(
        live,
        """
with session(LIVE) as connection:
    connection.execute("CREATE TABLE one (id bigserial, t text); CREATE TABLE two (id bigserial, t text)")
writer = os.fork()
if writer == 0:
    with session(LIVE) as connection:
        while True:
            connection.execute("INSERT INTO one (t) VALUES ('x'); INSERT INTO two (t) VALUES ('x')")
counts, answer = [[0, 0]], []
try:
    for number in range(3):
        while rows(LIVE, "SELECT count(*) FROM one") == [(counts[-1][0],)]:
            pass
        facts = dump(LIVE).facts
        counts.append(sorted(facts.tables.values()))
        answer.append(restored(LIVE, facts, "scratch_database")[1:])
        os.unlink(FILE)
finally:
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
answer = {"restored": answer, "counts": counts}
""",
    )

    assert answer["restored"] == [[[], True]] * 3
    counts = answer["counts"]
    assert all(one == two for one, two in counts)
    assert counts[1] < counts[2] < counts[3]


# Reads all that others can see of the processes, in the middle of the pipe.
SPY = """
import os, sys, time
secret = open("/shared/canary", "rb").read()
tool, deadline = sys.argv[1].encode(), time.monotonic() + 20
first = sys.stdin.buffer.read(1000)
while True:
    seen = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            seen[pid] = [open(f"/proc/{pid}/{name}", "rb").read() for name in ("cmdline", "environ")]
        except OSError:
            pass
    if any(tool in line and b"PGPASSFILE" in environ for line, environ in seen.values()):
        break
    if time.monotonic() > deadline:
        sys.exit("the tool was not seen")
for line, environ in seen.values():
    if secret in line or secret in environ:
        sys.exit("the password was seen")
os.write(1, first)
while chunk := sys.stdin.buffer.read(1 << 16):
    sys.stdout.buffer.write(chunk)
"""


def test_password_is_in_no_process_while_the_tools_run(live: Server) -> None:
    canary = live.host.shared / "canary"
    canary.write_text(CANARY, encoding="utf-8")
    answer = run(
        live,
        """
def spy(tool):
    return Stage(("python3", "-c", given["spy"], tool))
with session(LIVE) as connection:
    connection.execute("CREATE TABLE t AS SELECT repeat(n::text, 1000) FROM generate_series(1, 10000) n")
    connection.execute("ALTER TABLE t ALTER repeat SET STORAGE EXTERNAL")
facts = BACKUP.dump(LIVE, [spy("pg_dump")], FILE, HOST, TERMS, with_content=True).facts
with BACKUP.scratch(LIVE, facts, "scratch_database", HOST, TERMS) as (copy, place):
    BACKUP.load(FILE, [spy("pg_restore")], copy, HOST, TERMS, is_scratch=True)
    answer = measured(copy).content_sha256 == facts.content_sha256
""",
        spy=SPY,
    )

    assert answer is True


def test_what_is_no_whole_dump_is_found(live: Server) -> None:
    answer = run(
        live,
        """
with session(LIVE) as connection:
    connection.execute("CREATE TABLE t AS SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n")
    connection.execute("SELECT lo_from_bytea(0, decode(repeat('00ff', 9000), 'hex'))")
facts = BACKUP.dump(LIVE, [], FILE, HOST, TERMS, with_content=False).facts
whole = open(FILE, "rb").read()
def checked(content):
    with open(FILE, "wb") as file:
        file.write(content)
    return failure(lambda: BACKUP.check(FILE, [], facts, HOST, TERMS))
tool = {**os.environ, "PGHOST": "/var/run/postgresql"}
as_postgres = ["runuser", "-u", "postgres", "--", "pg_dump", "--schema-only", "postgres"]
answer = {
    "whole": checked(whole),
    "bad": {
        "empty": checked(b""),
        "random": checked(os.urandom(100_000)),
        "sqlite": checked(b"SQLite format 3\\0" + bytes(4096)),
        "text": checked(subprocess.run(as_postgres, check=True, stdout=subprocess.PIPE).stdout),
        "tar": checked(subprocess.run([*as_postgres, "--format=tar"], check=True, stdout=subprocess.PIPE).stdout),
        "header": checked(whole[:1] + b"X" + whole[2:]),
        **{f"cut at {part}": checked(whole[: len(whole) * part // 20]) for part in range(1, 20)},
        **{f"cut by {part}": checked(whole[:-part]) for part in range(1, 10)},
    },
    "packed": failure(lambda: BACKUP.check(FILE, [UNZSTD], facts, HOST, TERMS)),
}
""",
    )

    assert answer["whole"] is None
    for what, found in answer["bad"].items():
        assert found is not None, what
        name, message, _reason = found
        assert name == "BackupError", what
        assert message.startswith("/var/tmp/scratch/0.dump is no whole dump of PostgreSQL: "), what
        assert message.endswith(". Use another backup, and check the disk."), what
    assert answer["packed"][0] == "CommandError"
    assert answer["packed"][1].startswith("zstd ended with exit code 1")


def test_who_may_make_no_database_is_told_both_ways(postgresql: Server) -> None:
    answer = run(
        postgresql,
        """
facts = dump(LIVE).facts
answer = [
    failure(lambda: restored(LIVE, facts, "scratch_database")),
    restored(LIVE, facts, "auto"),
    failure(lambda: restored(LIVE, replace(facts, traits={**facts.traits, "version": "11"}), "auto")),
    failure(lambda: restored(LIVE, replace(facts, traits={**facts.traits, "version": "11"}), "private_server")),
]
""",
    )

    for name, message, _reason in (answer[0], answer[2]):
        assert name == "BackupError"
        assert "CREATEDB" in message
        assert "private_server" in message
    assert answer[1] == ["private server", [], True]
    assert answer[3][0] == "BackupError"
    assert "Install the package postgresql-11" in answer[3][1]
    assert leftovers(postgresql) == []


def test_private_server_of_an_ordinary_user(awkward: Server) -> None:
    answer = run(
        awkward,
        """
facts = dump(LIVE, with_content=False).facts
answer = restored(LIVE, facts)[:2]
os.unlink(FILE)
""",
        user="postgres",
    )

    assert answer == ["private server", []]
    assert leftovers(awkward) == []


def test_missing_extension_is_told(live: Server) -> None:
    answer = run(
        live,
        """
rows(LIVE, "CREATE EXTENSION fuzzystrmatch")
facts = dump(LIVE).facts
control = f"/usr/share/postgresql/{facts.traits['version']}/extension/fuzzystrmatch.control"
os.rename(control, "/var/tmp/kept.control")
try:
    answer = failure(lambda: restored(LIVE, facts)), failure(lambda: copied(LIVE, facts))
finally:
    os.rename("/var/tmp/kept.control", control)
for kept in BACKUP.kept(LIVE, HOST, TERMS):
    BACKUP.drop(kept, HOST, TERMS)
""",
    )

    for name, message, _reason in answer:
        assert name == "BackupError"
        assert "needs the extension fuzzystrmatch" in message
    assert "set verify_in to scratch_database" in answer[0][1]
    assert "on the database's server" in answer[1][1]


def test_rows_that_a_policy_keeps_back_fail_the_dump(live: Server) -> None:
    answer = run(
        live,
        """
with session(LIVE) as connection:
    connection.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    connection.execute("CREATE POLICY one ON t USING (a = 1); ALTER TABLE t FORCE ROW LEVEL SECURITY")
answer = failure(lambda: dump(LIVE, with_content=False)), failure(lambda: dump(LIVE)), os.path.exists(FILE)
""",
    )

    for name, message, reason in answer[:2]:
        assert (name, reason) == ("DatabaseError", "permission")
        assert "row-level security" in message
    assert answer[2] is False


def test_locked_table_fails_the_dump_in_time(live: Server) -> None:
    answer = run(
        live,
        """
rows(LIVE, "CREATE TABLE t (a int)")
with session(LIVE) as connection, connection.transaction():
    connection.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    answer = failure(lambda: dump(LIVE)), os.path.exists(FILE)
""",
    )

    assert answer[0][::2] == ["DatabaseError", "locked"]
    assert answer[1] is False


def test_tool_that_would_wait_behind_who_waits_for_us_gives_up_in_time(live: Server) -> None:
    answer = run(
        live,
        """
rows(LIVE, "CREATE TABLE t (a int)")
TERMS = replace(TERMS, lock_timeout=0.2, timeout=20)
def migrate():
    global migration
    migration = os.fork()
    if migration == 0:
        rows(LIVE, "ALTER TABLE t ADD b int")
        os._exit(0)
    while not rows(LIVE, "SELECT 1 FROM pg_locks WHERE NOT granted"):
        pass
HOST = replace(HOST, pipes=Pipes(before=migrate))
answer = failure(lambda: dump(LIVE)), os.path.exists(FILE)
os.waitpid(migration, 0)
""",
    )

    assert answer[0][::2] == ["DatabaseError", "locked"]
    assert answer[1] is False


def test_dump_whose_session_is_lost_is_no_dump(live: Server) -> None:
    answer = run(
        live,
        """
def lose():
    assert os.path.exists(FILE)
    rows(replace(LIVE, name="postgres"), given["send_away"])
HOST = replace(HOST, pipes=Pipes(after=lose))
answer = failure(lambda: dump(LIVE)), os.path.exists(FILE)
""",
        send_away="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shipshape'"
        " AND pid <> pg_backend_pid()",
    )

    assert answer[0][0] == "DatabaseError"
    assert answer[1] is False


def test_subscriptions_are_left_out_and_told_of(live: Server, chief: Server) -> None:
    answer = run(
        chief.seen(database=live.database),
        """
with session(LIVE) as connection:
    connection.execute("CREATE SUBSCRIPTION s CONNECTION 'dbname=none password=x' PUBLICATION p WITH (connect = false)")
done = BACKUP.dump(LIVE, [], FILE, HOST, TERMS, with_content=False)
answer = [len(done.warnings), b"SUBSCRIPTION" in open(FILE, "rb").read()]
with session(LIVE) as connection:
    connection.execute("ALTER SUBSCRIPTION s SET (slot_name = NONE)")
    connection.execute("DROP SUBSCRIPTION s")
""",
    )

    assert answer == [1, False]


def test_a_tool_that_fails_is_explained(live: Server) -> None:
    answer = run(
        live,
        """
rows(LIVE, "CREATE TABLE t (a int PRIMARY KEY)")
dump(LIVE)
os.environ["PGSERVICE"] = "elsewhere"
with open("/var/tmp/scratch/services", "w") as file:
    file.write("[elsewhere]\\nhost=127.0.0.9\\n")
os.environ["PGSERVICEFILE"] = "/var/tmp/scratch/services"
misled = failure(lambda: BACKUP.load(FILE, [UNZSTD], LIVE, HOST, TERMS, is_scratch=True))
del os.environ["PGSERVICE"], os.environ["PGSERVICEFILE"]
answer = [failure(lambda: BACKUP.load(FILE, [UNZSTD], LIVE, HOST, TERMS, is_scratch=True)), misled]
""",
    )

    assert answer[0][::2] == ["DatabaseError", "duplicate"]
    assert 'relation "t" already exists' in answer[0][1]
    assert "service file" in answer[1][1]
    assert CANARY not in str(answer)


def test_event_triggers_do_not_run_in_a_scratch(live: Server, chief: Server) -> None:
    is_new = int(live.administer("SHOW server_version_num")) >= 170000
    answer = run(
        chief.seen(database=live.database),
        """
with session(LIVE) as connection:
    connection.execute("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF current_database() ~ '__|^scratch' THEN RAISE 'it ran'; END IF; END $$")
    connection.execute(f"CREATE EVENT TRIGGER e ON {given['event']} EXECUTE FUNCTION f()")
facts = dump(LIVE).facts
answer = [restored(LIVE, facts, where) for where in ("private_server", "scratch_database")]
""",
        event="login" if is_new else "ddl_command_start",
    )

    assert answer == [["private server", [], True], ["scratch database", [], True]]


def test_rows_that_would_be_lost(live: Server) -> None:
    answer = run(
        live,
        """
with session(LIVE) as connection:
    connection.execute("CREATE TABLE many AS SELECT n, n::float8 / 3 AS x FROM generate_series(1, 60000) n")
    connection.execute("CREATE TABLE twins AS SELECT n % 2 AS n FROM generate_series(1, 10) n")
    connection.execute("CREATE TABLE wider AS SELECT 1 AS a FROM generate_series(1, 5) n")
    connection.execute("CREATE TABLE same AS SELECT * FROM many; CREATE TABLE other AS SELECT 1 AS a")
    connection.execute("CREATE TABLE all_new AS SELECT * FROM many")
facts = dump(LIVE).facts
copy = copied(LIVE, facts)
before = BACKUP.lost(LIVE, copy, HOST, TERMS)
with session(LIVE) as connection:
    connection.execute("INSERT INTO many SELECT n, 0 FROM generate_series(1, 30) n; DELETE FROM many WHERE n = 60000")
    connection.execute("UPDATE many SET x = x + 1 WHERE n BETWEEN 101 AND 112 AND x > 0")
    connection.execute("INSERT INTO twins VALUES (0), (0), (7); ALTER TABLE wider ADD b int; DROP TABLE other")
    connection.execute("CREATE TABLE fresh AS SELECT 1 AS a FROM generate_series(1, 3); UPDATE all_new SET x = -1 - x")
after = BACKUP.lost(LIVE, copy, HOST, TERMS)
answer = [{str(table): count for table, count in lost.items() if count} for lost in (before, after)]
BACKUP.drop(copy, HOST, TERMS)
""",
    )

    assert answer[0] == {}
    assert answer[1] == {
        "public.many": 42,
        "public.twins": 3,
        "public.wider": 5,
        "public.fresh": 3,
        "public.all_new": 60000,
    }


@pytest.mark.parametrize("user", [MAKER, "chief"])
def test_swap_keeps_owner_rights_and_settings_and_can_be_undone(live: Server, chief: Server, user: str) -> None:
    name, who = identifier(live.database), identifier(MAKER)
    live.administer(
        f"ALTER DATABASE {name} SET search_path = '$user', \"a, b\", public;"
        f"ALTER DATABASE {name} SET work_mem = '5MB';"
        f"ALTER ROLE {who} IN DATABASE {name} SET TimeZone = 'Asia/Tokyo';"
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO {identifier('app user')};"
        f"GRANT TEMPORARY ON DATABASE {name} TO {identifier('app user')} WITH GRANT OPTION;"
        f"COMMENT ON DATABASE {name} IS 'it''s %s ours?'; ALTER DATABASE {name} CONNECTION LIMIT 50"
    )
    if user == "chief":
        live.administer(f"ALTER DATABASE {name} SET \"app.note\" = 'it''s, \"x\"'")
    answer = run(
        live.seen(user=user),
        """
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_database import surroundings
def around(address):
    with session(replace(address, name="postgres")) as connection:
        found = surroundings(connection, address.name)
        return replace(found, grants=sorted(map(repr, found.grants)), settings=sorted(map(repr, found.settings)))
def content(address):
    return rows(address, "SELECT a FROM public.t ORDER BY a")
with session(LIVE) as connection:
    connection.execute("CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1)")
    connection.execute("GRANT SELECT ON public.t TO \\"app user\\"")
facts = dump(LIVE).facts
rows(LIVE, "INSERT INTO public.t VALUES (2)")
before, copy = around(LIVE), copied(LIVE, facts)
swap = BACKUP.swap(LIVE, copy, TAG, HOST, TERMS)
steps = {"swapped": [content(LIVE), content(swap.old), around(LIVE) == before, around(swap.old) == before]}
steps["path"] = rows(LIVE, "SHOW search_path")
steps["note"] = rows(LIVE, "SELECT current_setting('app.note', true)")
steps["grants"] = rows(LIVE, "SELECT has_table_privilege('app user', 'public.t', 'SELECT')")
steps["analyzed"] = rows(LIVE, "SELECT reltuples FROM pg_class WHERE oid = 'public.t'::regclass")
steps["kept"] = [kept.name for kept in BACKUP.kept(LIVE, HOST, TERMS)]
application = os.fork()
if application == 0:
    # As pools do, it comes back whenever it is sent away.
    while True:
        with contextlib.suppress(ShipshapeError), session(LIVE) as connection:
            connection.rows("SELECT pg_sleep(100)")
while not BACKUP.obstacles(LIVE, HOST):
    pass
try:
    swap.undo()
finally:
    os.kill(application, signal.SIGKILL)
    os.waitpid(application, 0)
steps["undone"] = [content(LIVE), around(LIVE) == before]
steps["left"] = [kept.name for kept in BACKUP.kept(LIVE, HOST, TERMS)]
for kept in BACKUP.kept(LIVE, HOST, TERMS):
    BACKUP.drop(kept, HOST, TERMS)
    BACKUP.drop(kept, HOST, TERMS)
steps["none"] = BACKUP.kept(LIVE, HOST, TERMS)
answer = steps
""",
    )

    tag = "20240102030405abcdef"
    assert answer == {
        "swapped": [[[1]], [[1], [2]], True, True],
        "path": [['"$user", "a, b", public']],
        "note": [['it\'s, "x"' if user == "chief" else None]],
        "grants": [[True]],
        "analyzed": [[1]],
        "kept": [f"{live.database}__old_{tag}"],
        "undone": [[[1], [2]], True],
        "left": [f"{live.database}__restore_{tag}"],
        "none": [],
    }


def test_swap_that_fails_leaves_all_as_it_was(live: Server) -> None:
    live.administer(f"ALTER DATABASE {identifier(live.database)} SET app.note = 'what only a superuser can set'")
    answer = run(
        live,
        """
facts = dump(LIVE).facts
copy = copied(LIVE, facts)
names = rows(LIVE, "SELECT datname, datallowconn FROM pg_database ORDER BY 1")
answer = [failure(lambda: BACKUP.swap(LIVE, copy, TAG, HOST, TERMS)), measured(LIVE) == facts]
answer.append(rows(LIVE, "SELECT datname, datallowconn FROM pg_database ORDER BY 1") == names)
BACKUP.drop(copy, HOST, TERMS)
""",
    )

    assert answer[0][::2] == ["DatabaseError", "permission"]
    assert answer[1:] == [True, True]


def test_swap_that_fails_in_the_middle_leaves_all_as_it_was(live: Server) -> None:
    answer = run(
        live,
        """
facts = measured(LIVE)
copy = BACKUP.beside(LIVE, facts, TAG, HOST, TERMS)
late = []
class Session:
    def __init__(self, *arguments, **others):
        self.session = HOST.connect(*arguments, **others)
    def __getattr__(self, name):
        return getattr(self.session, name)
    def execute(self, sql, parameters=()):
        self.session.execute(sql, parameters)
        if "RENAME" in sql:
            late.append(HOST.connect(copy, BACKUP.engine))
names = "SELECT oid::int, datname FROM pg_database ORDER BY 1"
before = rows(LIVE, names)
refused = failure(lambda: BACKUP.swap(LIVE, copy, TAG, replace(HOST, connect=Session), TERMS))
late[0].close()
answer = refused, len(late), rows(LIVE, names) == before, measured(LIVE) == facts
BACKUP.drop(copy, HOST, TERMS)
""",
    )

    refused, late, *same = answer
    assert refused[::2] == ["DatabaseError", "locked"]
    assert f"of {MAKER} (shipshape, idle since" in refused[1]
    assert late == 1
    assert same == [True, True]


def test_undoing_that_fails_leaves_the_database_open(live: Server) -> None:
    answer = run(
        live,
        """
facts = measured(LIVE)
copy = BACKUP.beside(LIVE, facts, TAG, HOST, TERMS)
swap = BACKUP.swap(LIVE, copy, TAG, HOST, TERMS)
BACKUP.beside(LIVE, facts, TAG, HOST, TERMS)
answer = failure(swap.undo)[2], measured(LIVE) == facts
BACKUP.drop(swap.old, HOST, TERMS)
BACKUP.drop(copy, HOST, TERMS)
""",
    )

    assert answer == ["duplicate", True]


def test_swap_where_nothing_is_live(live: Server, chief: Server) -> None:
    answer = run(
        chief.seen(database=live.database),
        """
with session(LIVE) as connection:
    connection.execute("CREATE TABLE t (a int)")
facts = dump(LIVE).facts
absent = replace(LIVE, name="no such \\"database\\" " + "ü" * 20)
copy = copied(absent, facts)
swap = BACKUP.swap(absent, copy, TAG, HOST, TERMS)
answer = [swap.old, measured(absent) == facts]
swap.undo()
answer += [failure(lambda: measured(absent))[2], [kept.name == copy.name for kept in BACKUP.kept(absent, HOST, TERMS)]]
BACKUP.drop(copy, HOST, TERMS)
answer += [BACKUP.obstacles(absent, HOST)]
""",
    )

    assert answer == [None, True, "unknown_database", [True], []]


def test_swap_is_refused_while_somebody_is_at_work(live: Server) -> None:
    answer = run(
        live,
        """
facts = dump(LIVE).facts
copy = copied(LIVE, facts)
before = measured(LIVE)
with session(LIVE) as application:
    application.execute("SET application_name = 'a shop'")
    application.rows("SELECT 'a secret of the statement'")
    answer = [BACKUP.obstacles(LIVE, HOST), failure(lambda: BACKUP.swap(LIVE, copy, TAG, HOST, TERMS))]
    answer.append(application.rows("SELECT pg_backend_pid()")[0][0])
answer += [BACKUP.obstacles(LIVE, HOST), measured(LIVE) == before]
answer.append([kept.name for kept in BACKUP.kept(LIVE, HOST, TERMS)])
BACKUP.drop(copy, HOST, TERMS)
""",
    )

    present, refused, pid, nobody, is_same, kept = answer
    assert len(present) == 1
    assert present[0].startswith(f"session {pid} of {MAKER} (a shop, idle since 20")
    assert refused[::2] == ["DatabaseError", "locked"]
    assert present[0] in refused[1]
    assert nobody == []
    assert is_same is True
    assert kept == [f"{live.database}__restore_20240102030405abcdef"]


def test_what_killed_runs_left_is_dropped_and_nothing_else(live: Server) -> None:
    answer = run(
        live,
        """
facts = dump(LIVE).facts
left, other = LIVE.name + "__verify_20240102030405abcdef", "other__verify_20240102030405abcdef"
with session(replace(LIVE, name="postgres")) as connection:
    for name in (left, other):
        connection.execute("CREATE DATABASE " + BACKUP.engine.quote(name))
restored(LIVE, facts, "scratch_database")
names = [name for (name,) in rows(LIVE, "SELECT datname FROM pg_database")]
answer = [left in names, other in names, failure(lambda: BACKUP.drop(LIVE, HOST, TERMS))]
BACKUP.drop(replace(LIVE, name=other), HOST, TERMS)
answer.append(measured(LIVE) == facts)
""",
    )

    assert answer[:2] == [False, True]
    assert answer[2][0] == "BackupError"
    assert "is not dropped" in answer[2][1]
    assert answer[3] is True


def test_killed_run_leaves_no_process_and_the_next_removes_the_rest(live: Server) -> None:
    answer = run(
        live,
        """
facts = measured(LIVE)
shared = sorted(os.listdir("/dev/shm"))
reader, writer = os.pipe()
killed = os.fork()
if killed == 0:
    with BACKUP.scratch(LIVE, facts, "private_server", HOST, TERMS) as (copy, place):
        os.write(writer, copy.socket.encode())
        signal.pause()
socket = os.read(reader, 200).decode()
os.kill(killed, signal.SIGKILL)
os.waitpid(killed, 0)
while subprocess.run(["pgrep", "-f", "[s]cratch/shipshape-"], stdout=subprocess.DEVNULL).returncode == 0:
    pass
answer = [os.path.exists(os.path.dirname(socket)), sorted(os.listdir("/dev/shm")) == shared]
with BACKUP.scratch(LIVE, facts, "private_server", HOST, TERMS):
    answer.append(os.path.exists(os.path.dirname(socket)))
""",
    )

    assert answer == [True, True, False]


def test_scratch_is_gone_whatever_fails_within(live: Server) -> None:
    answer = run(
        live,
        """
facts = dump(LIVE).facts
answer = []
for where in ("private_server", "scratch_database"):
    try:
        with BACKUP.scratch(LIVE, facts, where, HOST, TERMS) as (copy, place):
            left_open = HOST.connect(copy, BACKUP.engine)
            raise KeyError(place)
    except KeyError as error:
        answer.append(str(error))
""",
    )

    assert answer == ["'private server'", "'scratch database'"]
