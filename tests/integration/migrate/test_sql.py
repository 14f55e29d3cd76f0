# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our own runner on real servers: killed at every moment, twice at once, and as the module that users have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.backup.test_secrets import watching
from tests.integration.database.servers import Servers

HERE = Path(__file__).resolve().parent
FOLDER = "/srv/migrate"
NAME = "shop_migrate"
ENGINES = ("sqlite", "postgresql", "mysql")

# Each engine's set has more steps than this between which the database is not the same.
MOMENTS = 50

# Servers take seconds to come back: of all moments, every so many.
FIRST, EACH = 3, 9

# The sets say themselves what they destroy.
ALLOWED = ("drop_table", "rename_table", "blocking_index")


class Place(inside.Database):
    """A database on a test host, and the directory of its migrations."""

    @property
    def directory(self) -> str:
        return f"{FOLDER}/{self.engine}"

    def driven(self, do: str, **options: Any) -> Any:
        """What the driver answers."""
        spec = {"do": do, "url": self.url, "password": self.password, "directory": self.directory, "allow": ALLOWED}
        line = f"SPEC = {json.dumps({**spec, **options})!r}\n"
        head, _future, rest = (HERE / "driver.py").read_text().partition("from __future__ import annotations\n")
        return json.loads(inside.python(self.host, f"{head}{_future}{line}{rest}"))

    def have(self, files: dict[str, str]) -> None:
        """Have these migrations, and no others."""
        self.host.run("rm", "-rf", self.directory)
        self.host.run("mkdir", "-p", self.directory)
        for name, text in files.items():
            script = 'mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"'
            self.host.run("sh", "-c", script, "sh", f"{self.directory}/{name}", text)

    def module(self, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        """What the module returns."""
        told = {"database": self.url, "directory": self.directory, **options}
        if self.password is not None:
            told["database_password"] = self.password
        return inside.module(self.host, "migrate", check=check, diff=diff, **told)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Place]:
    """An empty database of each engine."""
    with servers.empty_database(request.param, NAME, FOLDER) as access:
        yield Place(servers.host, *access)


def set_of(engine: str) -> dict[str, str]:
    """The ten files of an engine."""
    return {path.name: path.read_text() for path in sorted((HERE / "sets" / engine).iterdir())}


# What takes minutes is tested on one platform.
ONE_PLATFORM = pytest.mark.parametrize("database_host", ["debian-13"], indirect=True)


@ONE_PLATFORM
def test_killed_at_every_moment(place: Place) -> None:
    place.have(set_of(place.engine))
    # What is the same for all of them is killed everywhere with SQLite, which takes the least time.
    first, each = {"sqlite": (0, 1), "mysql": (0, 3), "postgresql": (1, 3)}[place.engine]

    moments = place.driven("every_moment", first=first, each=each)

    undisturbed = moments[0]["said"]
    assert undisturbed["changed"] is True
    assert [name.partition("_")[0] for name in undisturbed["applied"]] == [str(number) for number in range(1, 11)]
    assert len(moments) > MOMENTS // each
    bad = [moment for moment in moments if not moment["is_same"]]
    assert bad == [], json.dumps(bad[:6])


@ONE_PLATFORM
@pytest.mark.parametrize("place", ["postgresql", "mysql"], indirect=True)
def test_server_killed_at_many_moments(place: Place) -> None:
    place.have(set_of(place.engine))
    program, service = {"mysql": ("mariadbd", "mariadb"), "postgresql": ("postgres", "postgresql@*")}[place.engine]

    moments = place.driven("every_death_of_the_server", program=program, service=service, first=FIRST, each=EACH)

    assert len(moments) > MOMENTS // EACH
    bad = [moment for moment in moments if not moment["is_same"]]
    assert bad == [], json.dumps(bad[:6])


@ONE_PLATFORM
def test_two_at_once(place: Place) -> None:
    files = set_of(place.engine)
    place.have(files)

    rounds = place.driven("both_at_once", rounds=20, project={"wait": 60})

    for told, (_schema, _rows, listed) in rounds:
        assert [said for said in told if "failed" in said] == []
        assert sorted(name for said in told for name in said.get("applied", ())) == sorted(files)
        assert [state for _version, state in listed] == ["applied"] * len(files)
    assert all(contents == rounds[0][1] for _told, contents in rounds)


# As the module.

SHOP = {
    "1_users.sql": "CREATE TABLE users (id INTEGER, name VARCHAR(50));\nINSERT INTO users VALUES (1, 'a');\n",
    "2_orders.sql": "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER);\n",
}
BACKUPS = f"{FOLDER}/backups"
WITH_BACKUP: dict[str, Any] = {"backup": {"directory": BACKUPS}}


def asked(place: Place, sql: str) -> Any:
    """What the database says."""
    code = """
import json
from contextlib import closing
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host

url, password, sql = json.loads({})
address = parse_address(url, password)
with closing(this_host().connect(address, ENGINES[address.engine])) as connection:
    print(json.dumps(connection.rows(sql)))
"""
    return json.loads(inside.python(place.host, code.format(repr(json.dumps([place.url, place.password, sql])))))


def test_a_backup_is_taken_and_the_second_run_changes_nothing(place: Place) -> None:
    place.have({**SHOP, "0_old.sql": "CREATE TABLE old (a INTEGER);\n"})
    place.host.run("mkdir", "-p", "-m", "700", BACKUPS)
    place.module(without_backup=True, target="0")

    foretold = place.module(check=True, diff=True, **WITH_BACKUP)
    first = place.module(**WITH_BACKUP, expect={"counts": {"users": 1}, "columns": {"orders": ["user_id"]}})
    second = place.module(**WITH_BACKUP)

    assert (foretold.get("changed"), foretold.get("pending")) == (True, list(SHOP)), foretold
    assert "CREATE TABLE orders" in foretold["diff"]["after"]
    assert "failed" not in first, first["msg"]
    assert (first["changed"], [one["name"] for one in first["applied"]]) == (True, list(SHOP)), first
    assert first["backup"]["verified"]["level"] == "restore"
    assert (second["changed"], second["applied"], second["backup"]) == (False, [], None), second
    assert second["schema_before"] == first["schema_after"] != foretold["schema_before"]
    assert [name.count("manifest") for name in place.host.run("ls", BACKUPS).decode().split()].count(1) == 1


FAILING = {
    **SHOP,
    "3_more.sql": "ALTER TABLE orders ADD COLUMN note VARCHAR(50);\nINSERT INTO nowhere VALUES (1);\n",
}


def test_a_failure_leaves_the_schema_or_brings_it_back(place: Place) -> None:
    place.have(SHOP)
    place.host.run("mkdir", "-p", "-m", "700", BACKUPS)
    place.module(without_backup=True)
    place.have(FAILING)

    failed = place.module(**WITH_BACKUP, on_failure="restore")

    assert failed["failed"], failed
    assert "3_more.sql, line 2, statement 2 failed" in failed["msg"]
    assert failed["position"] == {"file": "3_more.sql", "statement": 2, "line": 2}
    assert failed["as_before"] is True, failed["msg"]
    assert ("was restored" in failed["msg"]) is (place.engine == "mysql"), failed["msg"]
    # The ledger came back with the rest.
    place.have(SHOP)
    assert place.module(without_backup=True)["changed"] is False
    assert asked(place, "SELECT COUNT(*) FROM users") == [[1]]


ONE_MESSAGE = {
    "1_first.sql": (
        "CREATE TABLE one (a INTEGER PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, b VARCHAR(50));\n"
        "INSERT INTO one VALUES (1, '100 % ? $s$ \\');\n"
    ),
    "2_it's $s.sql": "SELECT pg_sleep(0.2) -- No semicolon.\n",
}


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_the_ledger_is_told_by_the_message_of_the_last_statement(place: Place) -> None:
    place.have(ONE_MESSAGE)

    applied = place.module(without_backup=True)

    assert [(one["name"], one["statements"]) for one in applied["applied"]] == [*zip(ONE_MESSAGE, (2, 1))], applied
    listed = asked(place, "SELECT name, state, done, seconds, applied_at FROM schema_ledger ORDER BY name")
    assert [row[:3] for row in listed] == [["1_first.sql", "applied", 2], ["2_it's $s.sql", "applied", 1]]
    [(_name, _state, _done, seconds, ended)] = listed[1:]
    assert 0.2 <= seconds <= applied["applied"][1]["seconds"]
    assert (datetime.fromisoformat(ended[:-1]) - datetime.fromisoformat(listed[0][4][:-1])).total_seconds() >= 0.2
    assert asked(place, "SELECT * FROM one") == [[1, "100 % ? $s$ \\"]]


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("script", "number", "told"),
    [
        pytest.param("SELECT 1;\nINSERT INTO one VALUES (1);\n", 2, "duplicate key value", id="only the commit fails"),
        pytest.param("INSERT INTO one VALUES (2);\nSELECT 'open;\n", 2, "unterminated quoted string", id="a quote"),
        pytest.param('SELECT "open;\n', 1, "unterminated quoted identifier", id="a quoted name"),
        pytest.param("SELECT $$open;\n", 1, "unterminated dollar-quoted string", id="dollars"),
        pytest.param("INSERT INTO one VALUES (2);\nSELECT pg_sleep(3);\n", 2, "timeout", id="too long"),
    ],
)
def test_the_last_statement_fails_by_itself(place: Place, script: str, number: int, told: str) -> None:
    place.have(ONE_MESSAGE)
    place.module(without_backup=True)
    place.have({**ONE_MESSAGE, "3_last.sql": script})

    failed = place.module(without_backup=True, statement_timeout=1)

    assert told in failed["msg"], failed
    assert failed["position"] == {"file": "3_last.sql", "statement": number, "line": number}
    assert "Nothing of this file is left." in failed["msg"]
    assert asked(place, "SELECT a FROM one") == [[1]]
    assert asked(place, "SELECT version FROM schema_ledger ORDER BY 1") == [["1"], ["2"]]


def test_destruction_is_refused(place: Place) -> None:
    place.have(SHOP)
    place.module(without_backup=True)
    place.have({**SHOP, "3_drop.sql": "DROP TABLE users;\n"})

    refused = place.module(without_backup=True)

    assert refused["failed"], refused
    assert refused["lint"][0]["rule"] == "drop_table"
    assert asked(place, "SELECT COUNT(*) FROM users") == [[1]]


LEDGERS = {
    "_prisma_migrations": "CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY, migration_name VARCHAR(255))",
    "knex_migrations": "CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name VARCHAR(255))",
    "__drizzle_migrations": "CREATE TABLE __drizzle_migrations (id INTEGER PRIMARY KEY, hash VARCHAR(64))",
    "users": "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(50))",
}


@pytest.mark.parametrize("table", LEDGERS)
def test_what_others_left_is_taken_over(place: Place, table: str) -> None:
    place.have({"0_first.sql": f"{LEDGERS[table]};\n"})
    place.module(without_backup=True, ledger_table="other")
    place.have(
        {
            "1_users.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY);\n",
            "2_new.sql": "CREATE TABLE fresh (id INTEGER);\n",
        }
    )

    noted = place.module(without_backup=True, state="baseline", target="1")
    applied = place.module(without_backup=True)

    assert (noted["changed"], noted["pending"]) == (True, ["1_users.sql"]), noted
    assert [one["name"] for one in applied["applied"]] == ["2_new.sql"], applied
    assert asked(place, "SELECT version, state FROM schema_ledger ORDER BY version") == [
        ["1", "baseline"],
        ["2", "applied"],
    ]


@ONE_PLATFORM
@pytest.mark.parametrize("place", ["postgresql", "mysql"], indirect=True)
def test_the_password_is_nowhere(place: Place) -> None:
    assert place.password
    place.have(SHOP)
    place.host.run("mkdir", "-p", "-m", "700", BACKUPS)

    with watching(place.host, "canary") as watch:
        told = [place.module(**WITH_BACKUP, steps=1), place.module(**WITH_BACKUP)]
        place.have({**SHOP, "3_broken.sql": "SELECT broken FROM users;\n"})
        told += [place.module(**WITH_BACKUP), place.module(**{**WITH_BACKUP, "database_password": "canary wrong"})]

    assert [said.get("failed", False) for said in told] == [False, False, True, True], told
    assert "canary" not in json.dumps(told)
    assert (watch.seen, watch.looks > 0) == ([], True)
