# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the strategy of PostgreSQL decides: statements, arguments, tools, sentences."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql import PostgresqlBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_database import (
    Surroundings,
    create,
    session,
    surround,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_rows import missing
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql_server import (
    Binaries,
    find_binaries,
    find_tool,
    private_server,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    CommandError,
    DatabaseError,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed, Stage

BACKUP = PostgresqlBackup()
LIVE = Address("postgresql", "it's \\ ü", host="db.example", port=5432, user="app", password="secret")
TERMS = Terms(scratch="/var/tmp", timeout=5)
UNPACK = [Stage(("zstd", "-d"))]

LIBC = {"encoding": "UTF8", "collate": "C", "ctype": "de_DE.UTF-8", "locale_provider": "libc"}
ICU = {**LIBC, "locale_provider": "icu", "locale": "de", "icu_rules": "&a < b"}
BUILTIN = {**LIBC, "locale_provider": "builtin", "locale": "C.UTF-8"}
OLD = {word: value for word, value in LIBC.items() if word != "locale_provider"}

BEGIN = 'CREATE DATABASE "a ""b""" TEMPLATE template0 ENCODING ?'


@pytest.mark.parametrize(
    ("traits", "server", "names", "expected"),
    [
        (LIBC, 17, {}, (f"{BEGIN} LOCALE_PROVIDER ? LC_COLLATE ? LC_CTYPE ?", ["UTF8", "libc", "C", "de_DE.UTF-8"])),
        (LIBC, 14, {}, (f"{BEGIN} LC_COLLATE ? LC_CTYPE ?", ["UTF8", "C", "de_DE.UTF-8"])),
        (OLD, 15, {}, (f"{BEGIN} LOCALE_PROVIDER ? LC_COLLATE ? LC_CTYPE ?", ["UTF8", "libc", "C", "de_DE.UTF-8"])),
        (
            ICU,
            16,
            {},
            (
                f"{BEGIN} LOCALE_PROVIDER ? LC_COLLATE ? LC_CTYPE ? ICU_LOCALE ? ICU_RULES ?",
                ["UTF8", "icu", "C", "de_DE.UTF-8", "de", "&a < b"],
            ),
        ),
        (
            BUILTIN,
            17,
            {},
            (
                f"{BEGIN} LOCALE_PROVIDER ? LC_COLLATE ? LC_CTYPE ? BUILTIN_LOCALE ?",
                ["UTF8", "builtin", "C", "de_DE.UTF-8", "C.UTF-8"],
            ),
        ),
        (
            {"encoding": "SQL_ASCII"},
            14,
            {"owner": 'o"', "tablespace": "fast"},
            (f'{BEGIN} OWNER "o""" TABLESPACE "fast"', ["SQL_ASCII"]),
        ),
    ],
)
def test_statement_that_makes_a_database(
    traits: Mapping[str, str], server: int, names: dict[str, str], expected: tuple[str, list[str]]
) -> None:
    assert create('a "b"', traits, server, **{"owner": None, "tablespace": None, **names}) == expected


def surroundings(**others: Any) -> Surroundings:
    plain: dict[str, Any] = {"connection_limit": -1, "comment": None, "grants": None, "settings": []}
    return Surroundings(**{"owner": "me", "tablespace": "pg_default", **plain, **others})


BARE = [('ALTER DATABASE "d" OWNER TO "me"', ()), ('ALTER DATABASE "d" CONNECTION LIMIT -1', ())]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, []),
        ({"comment": "it's"}, [('COMMENT ON DATABASE "d" IS ?', ["it's"])]),
        ({"grants": []}, [('REVOKE ALL ON DATABASE "d" FROM PUBLIC, "me"', ())]),
        (
            {"grants": [(None, "CONNECT", False), ("a b", "CREATE", True), ("me", "CREATE", True)]},
            [
                ('REVOKE ALL ON DATABASE "d" FROM PUBLIC, "me"', ()),
                ('GRANT CONNECT ON DATABASE "d" TO PUBLIC', ()),
                ('GRANT CREATE ON DATABASE "d" TO "a b" WITH GRANT OPTION', ()),
                ('GRANT CREATE ON DATABASE "d" TO "me"', ()),
            ],
        ),
        (
            {"settings": [(None, "work_mem=5MB"), ("a b", "app.x=a=b, c"), (None, "TimeZone=")]},
            [
                ('ALTER DATABASE "d" SET "work_mem" TO ?', ["5MB"]),
                ('ALTER ROLE "a b" IN DATABASE "d" SET "app.x" TO ?', ["a=b, c"]),
                ('ALTER DATABASE "d" SET "TimeZone" TO ?', [""]),
            ],
        ),
        (
            {"settings": [(None, 'search_path="$user", public,"a ""b"", c"'), (None, 'search_path=""')]},
            [
                ('ALTER DATABASE "d" SET "search_path" TO ?, ?, ?', ["$user", "public", 'a "b", c']),
                ('ALTER DATABASE "d" SET "search_path" TO ?', [""]),
            ],
        ),
    ],
)
def test_statements_that_give_a_database_its_surroundings(
    others: dict[str, Any], expected: list[tuple[str, Sequence[object]]]
) -> None:
    assert surround("d", surroundings(**others)) == [*BARE, *expected]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            (7, "app", "shop", "idle", "2024-01-02 03:04:05"),
            "session 7 of app (shop, idle since 2024-01-02 03:04:05 UTC)",
        ),
        ((7, "app", "", "at work", None), "session 7 of app (at work)"),
    ],
)
def test_session_in_words(row: tuple[Any, ...], expected: str) -> None:
    assert session(*row) == expected


NUMBERS = st.lists(st.integers(-5, 5)).map(sorted)


@given(NUMBERS, NUMBERS)
def test_missing_numbers_are_counted_as_often_as_they_are_there(wanted: list[int], found: list[int]) -> None:
    assert missing(wanted, found) == (Counter(wanted) - Counter(found)).total()


# From here on, a host that has nothing but what a test gives it.


class Fake:
    """A host with these programs, whose pipes fail like this, and a server of version 15 that knows these answers."""

    def __init__(self, *programs: str, user: str = "0", fails: CommandError | None = None, text: str = "15.2") -> None:
        self.programs, self.user, self.fails, self.text = programs, user, fails, text
        self.stages: list[Stage] = []
        self.opened: list[str] = []
        self.executed: list[str] = []
        self.answers: list[list[tuple[Any, ...]]] = []
        self.pauses = 0
        self.host = cast(
            Host, SimpleNamespace(commands=self, pipes=self, folders=self, connect=self.connect, pause=self.pause)
        )

    def find(self, *programs: str) -> str | None:
        return next((program for program in programs if program in self.programs), None)

    def run(self, argv: Sequence[str]) -> Completed:
        if list(argv) == ["id", "-u"]:
            return Completed(tuple(argv), 0, f"{self.user}\n", "")
        if argv[0] == "id":
            return Completed(tuple(argv), 0 if "postgres" in self.programs else 1, "", "")
        return Completed(tuple(argv), 0, f"{argv[0]} (PostgreSQL) {self.text}\n", "")

    def load(self, path: str, stages: Sequence[Stage], **others: object) -> None:
        self.stages = list(stages)
        if self.fails:
            raise self.fails

    @contextlib.contextmanager
    def temporary(self, parent: str, *, owner: str | None = None) -> Iterator[str]:
        yield f"{parent}/shipshape-1-abcdefgh"

    def connect(self, address: Address, engine: object, **limits: object) -> Any:
        self.opened.append(address.name)
        if address.name == "postgres":
            raise DatabaseError("there is none", reason="unknown_database")
        return SimpleNamespace(rows=self.rows, execute=self.execute, close=lambda: None)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.answers.pop(0) if self.answers else [(150002, "15.2", "PostgreSQL 15.2")]

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        self.executed.append(sql)
        return 0

    def pause(self, seconds: float) -> None:
        self.pauses += 1


VERSIONED, REDHAT = "/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin"


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        (["pg_dump", f"{REDHAT}/pg_dump", f"{VERSIONED}/pg_dump"], f"{VERSIONED}/pg_dump"),
        (["pg_dump", f"{REDHAT}/pg_dump"], f"{REDHAT}/pg_dump"),
        (["pg_dump", "/usr/lib/postgresql/17/bin/pg_dump"], "pg_dump"),
    ],
)
def test_tool_of_the_servers_version_is_preferred(programs: list[str], expected: str) -> None:
    tool = find_tool("pg_dump", "15", Fake(*programs, text="16.3 (Debian 16.3-1)").host)

    assert (tool.path, tool.major, tool.text) == (expected, 16, f"{expected} (PostgreSQL) 16.3 (Debian 16.3-1)")


def test_missing_tool_is_told() -> None:
    with pytest.raises(CommandError, match="pg_dump is not installed on this host"):
        find_tool("pg_dump", "15", Fake().host)


def test_tool_that_is_older_than_the_server_is_refused() -> None:
    fake = Fake("pg_dump", text="14.9")

    with pytest.raises(DatabaseError, match="pg_dump is of version 14 and the server of version 15") as caught:
        BACKUP.dump(LIVE, [], "/dump", fake.host, TERMS, with_content=False)

    assert caught.value.reason == "version"


SERVER = [f"{VERSIONED}/initdb", f"{VERSIONED}/postgres"]


@pytest.mark.parametrize(
    ("programs", "user", "expected"),
    [
        ([*SERVER, "postgres"], "0", Binaries(SERVER[0], SERVER[1], "postgres")),
        (SERVER, "1000", Binaries(SERVER[0], SERVER[1], None)),
        (SERVER, "0", None),
        ([SERVER[0], f"{REDHAT}/postgres", "postgres"], "0", None),
        ([], "0", None),
    ],
)
def test_programs_of_a_server(programs: list[str], user: str, expected: Binaries | None) -> None:
    assert find_binaries("15", Fake(*programs, user=user).host) == expected


def test_path_that_is_too_long_for_a_socket_is_refused() -> None:
    terms = Terms(scratch="/" + "x" * 72)

    with (
        pytest.raises(BackupError, match="too long a path"),
        private_server(Binaries("", "", None), Fake().host, terms),
    ):
        pytest.fail("it was started")


def test_arguments_of_a_restore() -> None:
    fake = Fake("pg_restore")
    for is_scratch in (True, False):
        BACKUP.load("/dump", UNPACK, LIVE, fake.host, TERMS, is_scratch=is_scratch)
        unpack, stage = fake.stages

        assert unpack == UNPACK[0]
        assert stage.argv[0] == "pg_restore"
        assert {"--format=custom", "--exit-on-error", "--single-transaction", "--no-subscriptions"} < set(stage.argv)
        assert {"--no-owner", "--no-privileges"} & set(stage.argv) == (
            {"--no-owner", "--no-privileges"} if is_scratch else set()
        )
        assert stage.argv[-1] == r"--dbname=dbname='it\'s \\ ü'"
        assert stage.environment["PGSERVICEFILE"] == "/dev/null/none"
        assert "secret" not in str((stage.argv, stage.environment))
        assert "secret" in (stage.file or "")


def failed(program: str, stderr: str) -> CommandError:
    return CommandError(f"{program} ended with exit code 1", argv=[f"/usr/bin/{program}", "-x"], code=1, stderr=stderr)


CASES: list[tuple[CommandError, type[ShipshapeError], str]] = [
    (failed("zstd", "corrupt"), CommandError, "zstd ended with exit code 1"),
    (CommandError("it was not done in time", stages="pg_restore"), CommandError, "not done in time"),
    (failed("pg_restore", ""), CommandError, "pg_restore ended with exit code 1"),
    (failed("pg_restore", 'pg_restore: error: x: ERROR:  relation "t" already exists'), DatabaseError, "t.* exists"),
    (failed("pg_restore", 'ERROR:  extension "postgis" is not available'), BackupError, "needs the extension postgis,"),
    (
        failed("pg_restore", 'could not open extension control file "/usr/share/x/extension/cube.control": No such'),
        BackupError,
        "needs the extension cube,",
    ),
]


@pytest.mark.parametrize(("failure", "kind", "told"), CASES)
def test_failures_of_a_restore(failure: CommandError, kind: type[ShipshapeError], told: str) -> None:
    with pytest.raises(kind, match=told) as caught:
        BACKUP.load("/dump", UNPACK, LIVE, Fake("pg_restore", fails=failure).host, TERMS, is_scratch=True)

    assert caught.value.__class__ is kind


@pytest.mark.parametrize(
    ("failure", "kind", "told"),
    [
        (
            failed("pg_restore", "pg_restore: error: did not find magic string in file header\nmore"),
            BackupError,
            "/dump is no whole dump of PostgreSQL: did not find magic string in file header. Use another backup,"
            " and check the disk.",
        ),
        (failed("age", "no identity matched"), CommandError, "age ended with exit code 1"),
    ],
)
def test_failures_of_a_check(failure: CommandError, kind: type[ShipshapeError], told: str) -> None:
    facts = Facts({}, "", {"version": "15"})

    with pytest.raises(kind) as caught:
        BACKUP.check("/dump", UNPACK, facts, Fake("pg_restore", fails=failure).host, TERMS)

    assert caught.value.message == told


def dropped(name: str) -> Callable[[], None]:
    return lambda: BACKUP.drop(Address("postgresql", name, host="h", port=1), Fake().host, TERMS)


@pytest.mark.parametrize(
    "name",
    [
        *("shop", "__restore_20240102030405abcdef", "shop__restore_20240102030405abcdef2", "shop__restore_20240102"),
        "shop__new_20240102030405abcdef",
    ],
)
def test_only_what_we_have_made_is_dropped(name: str) -> None:
    with pytest.raises(BackupError, match="is not dropped"):
        dropped(name)()


def test_what_is_dropped_is_dropped_from_another_database() -> None:
    fake = Fake()

    BACKUP.drop(Address("postgresql", "a\nb__old_20240102030405abcdef", host="h", port=1), fake.host, TERMS)

    assert fake.opened == ["postgres", "template1"]


@pytest.mark.parametrize(("timeout", "expected"), [(None, ["SET statement_timeout = 0"]), (5, [])])
def test_limit_for_applications_does_not_end_a_backup(timeout: float | None, expected: list[str]) -> None:
    fake = Fake()
    fake.answers = [[]]

    BACKUP.kept(LIVE, fake.host, Terms(scratch="/var/tmp", timeout=timeout))

    assert fake.executed == expected


def test_databases_for_maintenance_can_be_restored_too() -> None:
    fake = Fake()
    fake.answers = [[]]

    BACKUP.kept(replace(LIVE, name="postgres"), fake.host, TERMS)

    assert fake.opened == ["template1"]


WHO = (7, "app", "shop", "idle", None)


@pytest.mark.parametrize(
    ("answers", "expected", "pauses"),
    [
        ([[]], [], 0),
        ([[WHO], []], [], 1),
        ([[WHO]] * 9, ["session 7 of app (shop, idle)"], 3),
    ],
)
def test_session_that_is_about_to_end_is_no_obstacle(
    answers: list[list[tuple[Any, ...]]], expected: list[str], pauses: int
) -> None:
    fake = Fake()
    fake.answers = [*answers, []]

    assert BACKUP.obstacles(LIVE, fake.host) == expected
    assert fake.pauses == pauses
