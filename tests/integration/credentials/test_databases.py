# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the guide on real servers: rebuilt, put in order, by two at once, locked, read-only, and failing."""

# ruff: noqa: S608
# All names and values in the SQL are the test's own.

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.backup.test_secrets import Ansible, watching
from tests.integration.database import mariadb as mariadb_server
from tests.integration.database import postgresql as postgresql_server
from tests.integration.database.servers import Servers

FOLDER = "/srv/credentials"
NAME = "shop_credentials"
ENGINES = ("sqlite", "postgresql", "mysql")
PRIORITIES = {"gemini": 10, "groq": 20, "openrouter": 30, "openai": 40, "anthropic": 50}

# Types: of ids, flags, what was made when and what was changed when, and a priority that is small.
TYPES = {
    "sqlite": ("integer PRIMARY KEY AUTOINCREMENT NOT NULL", "integer", "true", "integer", "integer"),
    "postgresql": ("serial PRIMARY KEY", "boolean", "true", "timestamptz", "timestamp"),
    "mysql": ("integer PRIMARY KEY AUTO_INCREMENT", "tinyint(1)", "1", "timestamp NULL", "datetime(3)"),
}
# When the rows were made, in each.
THEN = {"sqlite": "1700000000", "postgresql": "'2024-01-01 00:00:00+00'", "mysql": "'2024-01-01 00:00:00'"}

COLUMNS = "id, name, provider, api_key, api_secret, endpoint, is_active, is_global, user_id, created_at, updated_at"


def table(engine: str, name: str, *, priority: str) -> str:
    """The guide's table, as far as the engine has its types."""
    own_id, flag, true, made, changed = TYPES[engine]
    return (
        f"CREATE TABLE {name} (id {own_id}, name varchar(100) NOT NULL, provider varchar(50) NOT NULL,"
        f" api_key varchar(200), api_secret text, endpoint text, {priority} is_active {flag} DEFAULT {true} NOT NULL,"
        f" is_global {flag} DEFAULT {true} NOT NULL, user_id integer, rate_limit integer,"
        f" usage_count integer DEFAULT 0 NOT NULL, created_at {made}, updated_at {changed},"
        " FOREIGN KEY (user_id) REFERENCES users(id));"
    )


def rebuild(engine: str) -> str:
    """From the table without priorities to the one with them, as the guide does it by hand."""
    new = "new_api_credentials"
    # What the guide leaves out: a sequence goes on where it is.
    sequence = f" SELECT setval('{new}_id_seq', (SELECT max(id) FROM {new}));" if engine == "postgresql" else ""
    return (
        f"{table(engine, new, priority='priority integer DEFAULT 100 NOT NULL,')}"
        f" INSERT INTO {new} ({COLUMNS}) SELECT {COLUMNS} FROM api_credentials;{sequence} DROP TABLE api_credentials;"
        f" ALTER TABLE {new} RENAME TO api_credentials;"
        " CREATE UNIQUE INDEX api_credentials_name_unique ON api_credentials (name);"
    )


def rows(engine: str) -> str:
    """A credential of each provider of the guide, and one of another."""
    values = ", ".join(
        f"('{provider}-main', '{provider}', 'Key of {provider}', {THEN[engine]}, {THEN[engine]})"
        for provider in (*PRIORITIES, "mistral")
    )
    return f"INSERT INTO api_credentials (name, provider, api_key, created_at, updated_at) VALUES {values};"


class Place(inside.Database):
    """A database on a test host."""

    def sql_command(self) -> list[str]:
        """The client of the engine, which reads statements."""
        return {
            "sqlite": ["sqlite3", "-bail", f"{FOLDER}/shop.db"],
            "mysql": ["mariadb", "--batch", "--skip-column-names", NAME],
            "postgresql": ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", NAME],
        }[self.engine]

    def sql(self, statements: str) -> str:
        """What the database says to its administrator."""
        return self.host.run(*self.sql_command(), text=statements).decode().strip()

    def prepare(self) -> None:
        """The users, and the guide's table after its migration."""
        self.sql("CREATE TABLE users (id integer PRIMARY KEY); INSERT INTO users VALUES (3);")
        self.sql(f"{table(self.engine, 'api_credentials', priority='')} {rows(self.engine)} {rebuild(self.engine)}")
        if self.engine == "postgresql":
            user = postgresql_server.identifier(postgresql_server.USER)
            self.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user};")
            self.sql(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {user};")

    def kept(self, columns: str = COLUMNS) -> list[str]:
        """The rows of the table."""
        return self.sql(f"SELECT {columns} FROM api_credentials ORDER BY id;").splitlines()

    def priorities(self) -> list[str]:
        """The names in the order of their priorities."""
        listed = self.sql("SELECT name, priority FROM api_credentials ORDER BY priority, id;")
        return [line.replace("\t", "|") for line in listed.splitlines()]

    def options(self, **options: Any) -> dict[str, Any]:
        password = {} if self.password is None else {"database_password": self.password}
        return {"database": self.url, **password, **options}

    def task(self, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """A task of a playbook, which may fail."""
        told = {**self.options(database_password="{{ password }}"), **options}
        return {"shipshape.webapp.credential_priority": told, "check_mode": check_mode, "ignore_errors": True}

    def module(self, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        """What the module returns."""
        return inside.module(self.host, "credential_priority", check=check, diff=diff, **self.options(**options))


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Place]:
    """A database of each engine with the guide's table, on servers that are not in UTC."""
    with servers.empty_database(request.param, NAME, FOLDER) as access, ExitStack() as stack:
        if request.param == "mysql":
            servers.mariadb.as_root("SET GLOBAL time_zone = '+05:00';")
            stack.callback(servers.mariadb.as_root, "SET GLOBAL time_zone = DEFAULT;")
        elif request.param == "postgresql":
            servers.postgresql.administer(f"ALTER DATABASE {NAME} SET timezone = 'Asia/Karachi'")
        made = Place(servers.host, *access)
        made.prepare()
        yield made


def warnings_of(result: Mapping[str, Any]) -> list[str]:
    """The texts, which newer versions of Ansible wrap."""
    return [told if isinstance(told, str) else told["event"]["msg"] for told in result.get("warnings", [])]


def facts(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "invocation"}


# The guide


def test_guide(place: Place) -> None:
    place.sql("UPDATE api_credentials SET priority = 77 WHERE name = 'openai-main';")
    place.sql("UPDATE api_credentials SET is_active = false WHERE name = 'anthropic-main';")
    place.sql(rows(place.engine).replace("-main", "-spare").replace("'openai'", "'gemini'"))
    before = place.kept()
    options: dict[str, Any] = {"priorities": PRIORITIES, "only_default": True}

    foretold = place.module(check=True, diff=True, **options)
    assert place.kept() == before
    real = place.module(diff=True, **options)
    again = place.module(diff=True, **options)

    assert facts(foretold) == facts(real)
    assert real["changed"] is True
    assert [change["name"] for change in real["changes"]] == [
        *("gemini-main", "groq-main", "openrouter-main", "anthropic-main"),
        *("gemini-spare", "groq-spare", "openrouter-spare", "openai-spare", "anthropic-spare"),
    ]
    assert place.priorities() == [
        *("gemini-main|10", "gemini-spare|10", "openai-spare|10", "groq-main|20", "groq-spare|20"),
        *("openrouter-main|30", "openrouter-spare|30", "anthropic-main|50", "anthropic-spare|50", "openai-main|77"),
        *("mistral-main|100", "mistral-spare|100"),
    ]
    assert [f"{credential['name']}|{credential['priority']}" for credential in real["after"]] == place.priorities()
    assert (real["first"], real["fallbacks"][:2]) == ("gemini-main", ["gemini-spare", "openai-spare"])
    assert real["counts"] == {"before": 12, "after": 12}
    assert again["changed"] is False
    assert again["diff"]["before"] == again["diff"]["after"] == real["diff"]["after"]
    # What is not mentioned is as it was; of what is, when it was changed.
    untouched = [line for line in before if "mistral" in line or "openai-main" in line]
    assert [line for line in place.kept() if line in before] == untouched
    rest = COLUMNS.replace(", updated_at", "")
    assert place.kept(rest) == [line.rpartition("\t" if place.engine == "mysql" else "|")[0] for line in before]


def test_five_updates_of_the_guide(place: Place) -> None:
    first = place.module(priorities=PRIORITIES, only_default=True)
    schema = "public." if place.engine == "postgresql" else ""
    second = place.module(priorities=PRIORITIES, only_default=True, table=f"{schema}api_credentials")

    assert [(change["provider"], change["action"], change["fields"]) for change in first["changes"]] == [
        (provider, "updated", ["priority"]) for provider in PRIORITIES
    ]
    assert place.priorities() == [*(f"{name}-main|{rank}" for name, rank in PRIORITIES.items()), "mistral-main|100"]
    assert second["changed"] is False
    assert second["before"] == first["after"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_guide_as_it_is_written_leaves_texts_which_are_told(place: Place) -> None:
    # The old table has no such column, and SQLite takes the name for a text.
    place.sql("DROP TABLE api_credentials;")
    place.sql(f"{table('sqlite', 'api_credentials', priority='')} {rows('sqlite')}")
    place.sql(rebuild("sqlite").replace(COLUMNS, f'{COLUMNS}, "priority"'))
    assert set(place.kept("priority")) == {"priority"}

    careful = place.module(priorities=PRIORITIES, only_default=True)
    assert careful["changed"] is False
    assert [credential["priority"] for credential in careful["after"]] == [None] * 6
    assert "is no whole number" in " ".join(warnings_of(careful))

    place.module(priorities=PRIORITIES)
    assert place.priorities()[:5] == [f"{name}-main|{rank}" for name, rank in PRIORITIES.items()]


# Credentials


def now_of(place: Place) -> str:
    """How many seconds ago the newest row was made and changed, in the database's own time."""
    ago = {
        "sqlite": "strftime('%s') - created_at || ' ' || (strftime('%s') - updated_at)",
        "postgresql": "round(extract(epoch FROM now() - created_at)) || ' ' ||"
        " round(extract(epoch FROM (now() AT TIME ZONE 'UTC') - updated_at))",
        # The one is stored in UTC and shown in the zone of the session, the other is as it was written.
        "mysql": "CONCAT(UNIX_TIMESTAMP() - UNIX_TIMESTAMP(created_at), ' ',"
        " ROUND(TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP())))",
    }[place.engine]
    return place.sql(f"SELECT {ago} FROM api_credentials ORDER BY id DESC LIMIT 1;")


def test_credentials(place: Place) -> None:
    declared = [
        {"name": "gemini-main", "key": "Key of gemini", "state": "inactive", "priority": 5},
        {"name": "groq-main", "key": "key of groq", "secret": "tail ", "endpoint": "http://groq", "rate_limit": 9},
        {"name": "openai-main", "state": "absent"},
        {"name": "own", "provider": "gemini", "key": "k%s?", "user": 3, "state": "active"},
    ]
    foretold = place.module(check=True, diff=True, credentials=declared)
    real = place.module(diff=True, credentials=declared)
    again = place.module(credentials=declared)

    assert {change["name"]: (change["action"], change["fields"]) for change in real["changes"]} == {
        "gemini-main": ("updated", ["priority", "active"]),
        "groq-main": ("updated", ["key", "secret", "endpoint", "rate_limit"]),
        "openai-main": ("deleted", []),
        "own": ("created", ["global", "provider", "key", "user", "active"]),
    }
    assert again["changed"] is False
    own_id = next(credential["id"] for credential in real["after"] if credential["name"] == "own")
    for credential in foretold["after"]:
        credential["id"] = credential["id"] or own_id
    assert facts(foretold) == facts(real)
    assert again["after"] == real["after"]
    shown = place.sql(
        "SELECT name, provider, api_key, COALESCE(api_secret, '-'), priority,"
        " CASE WHEN is_active THEN 'on' ELSE 'off' END, CASE WHEN is_global THEN 'all' ELSE 'one' END,"
        " COALESCE(user_id, 0), COALESCE(rate_limit, 0), COALESCE(endpoint, '-') FROM api_credentials ORDER BY id;"
    )
    assert [line.replace("\t", "|") for line in shown.splitlines()] == [
        "gemini-main|gemini|Key of gemini|-|5|off|all|0|0|-",
        "groq-main|groq|key of groq|tail |100|on|all|0|9|http://groq",
        "openrouter-main|openrouter|Key of openrouter|-|100|on|all|0|0|-",
        "anthropic-main|anthropic|Key of anthropic|-|100|on|all|0|0|-",
        "mistral-main|mistral|Key of mistral|-|100|on|all|0|0|-",
        "own|gemini|k%s?|-|100|on|one|3|0|-",
    ]
    assert all(abs(float(seconds)) < 60 for seconds in now_of(place).split())


# What goes wrong


def test_error_in_the_middle_undoes_all(place: Place) -> None:
    before = place.kept("*")

    failed = place.module(
        priorities=PRIORITIES,
        credentials=[
            {"name": "groq-main", "state": "absent"},
            {"name": "stranger", "provider": "gemini", "key": "k", "user": 99},
        ],
    )

    assert failed["reason"] == "constraint"
    assert failed["msg"].endswith("Nothing was changed.")
    assert place.kept("*") == before


def test_column_that_no_migration_has_made(place: Place) -> None:
    place.sql("ALTER TABLE api_credentials DROP COLUMN priority;")

    failed = place.module(priorities=PRIORITIES)

    assert "has no column priority: apply the migration that adds it" in failed["msg"]


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Somebody else who writes to the table, and does not end."""
    statements = {
        "sqlite": "BEGIN IMMEDIATE;\n.print ready\n",
        "postgresql": "BEGIN; UPDATE api_credentials SET usage_count = 1 WHERE id = 6; SELECT 'ready';\n",
        "mysql": "BEGIN; UPDATE api_credentials SET usage_count = 1 WHERE id = 6; SELECT 'ready';\n",
    }[place.engine]
    unbuffered = ["--unbuffered"] if place.engine == "mysql" else []
    command = ["docker", "exec", "--interactive", place.host.name, *place.sql_command(), *unbuffered]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin
    assert other.stdout
    other.stdin.write(statements)
    other.stdin.flush()
    assert other.stdout.readline().strip() == "ready"
    try:
        yield
    finally:
        other.communicate("COMMIT;\n")


def test_locked_table(place: Place) -> None:
    with locked(place):
        begun = time.monotonic()
        failed = place.module(priorities=PRIORITIES, lock_timeout=1)
        took = time.monotonic() - begun

    assert failed["reason"] == "locked"
    assert "This was waited for 1 s (lock_timeout). Nothing was changed." in failed["msg"]
    assert 1 < took < 10
    assert place.module(priorities=PRIORITIES, lock_timeout=1)["changed"] is True


@contextmanager
def read_only(place: Place, mariadb: mariadb_server.Server) -> Iterator[Place]:
    """The same database, which nobody can write to."""
    if place.engine == "sqlite":
        place.host.run("cp", f"{FOLDER}/shop.db", "/shared/credentials-read-only.db")
        yield Place(place.host, "sqlite:///read-only/credentials-read-only.db")
        place.host.run("rm", "/shared/credentials-read-only.db")
    elif place.engine == "mysql":
        mariadb.as_root("SET GLOBAL read_only = 1;")
        try:
            yield place
        finally:
            mariadb.as_root("SET GLOBAL read_only = 0;")
    else:
        place.sql(f"ALTER DATABASE {NAME} SET default_transaction_read_only = on;")
        yield place


def test_database_that_only_reads(place: Place, mariadb: mariadb_server.Server) -> None:
    with read_only(place, mariadb) as mirror:
        failed = mirror.module(priorities=PRIORITIES)
        foretold = mirror.module(check=True, priorities=PRIORITIES)

    assert failed["reason"] == "read_only"
    assert failed["msg"].endswith("Nothing was changed.")
    assert len(foretold["changes"]) == 5


# Two at once


def test_two_runs_at_once_leave_one_order(place: Place) -> None:
    orders = [list(PRIORITIES), list(reversed(PRIORITIES))]
    left = [
        [*(f"{name}-main|{rank}" for rank, name in zip(PRIORITIES.values(), order)), "mistral-main|100"]
        for order in orders
    ]
    seen = []
    for _round in range(3):
        runs = [
            subprocess.Popen(
                inside.module_command(place.host, "credential_priority"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _order in orders
        ]
        for run, order in zip(runs, orders):
            assert run.stdin
            run.stdin.write(inside.module_input(place.options(order=order)))
        results = [json.loads(run.communicate()[0]) for run in runs]
        assert [result.get("msg") for result in results] == [None, None]
        seen.append(place.priorities())
        # One of them has seen what the other left, and nothing of what was there before.
        last = left.index(seen[-1])
        assert results[last]["before"] in (results[1 - last]["after"], results[last]["after"])

    assert all(order in left for order in seen)


def test_application_that_writes_meanwhile_is_waited_for(place: Place) -> None:
    with locked(place):
        run = subprocess.Popen(
            inside.module_command(place.host, "credential_priority"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert run.stdin
        run.stdin.write(inside.module_input(place.options(priorities=PRIORITIES)))
        run.stdin.close()
        # It waits, or else it would have ended.
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(2)
    assert run.stdout
    assert json.loads(run.stdout.read())["changed"] is True
    assert run.wait() == 0
    assert place.priorities()[0] == "gemini-main|10"


# What is secret

WORD = "Kanarienvogel"


@pytest.mark.parametrize("place", ["postgresql", "mysql"], indirect=True)
def test_keys_are_nowhere(place: Place, tmp_path: Path) -> None:
    # A rule that the module knows nothing of.
    place.sql("ALTER TABLE api_credentials ADD CHECK (rate_limit < 9);")
    key, other = (f" '\"$ %s ?\\{WORD} {number} ä{{x}}" for number in (1, 2))
    credential: dict[str, Any] = {"name": "new", "provider": "gemini", "key": "{{ key }}", "secret": "{{ other }}"}
    tasks: list[dict[str, Any]] = [
        {"credentials": [credential], "check_mode": True},
        {"credentials": [{**credential, "rate_limit": 10}]},
        {"credentials": [{**credential, "user": 99}]},
        {"credentials": [credential], "only_default": "yes", "priorities": {"gemini": 1, "groq": 1}},
        {"credentials": [credential]},
        {"credentials": [{**credential, "key": "{{ other }}", "endpoint": "http://{{ key }}"}], "order": ["gemini"]},
        {"credentials": [{**credential, "key": "{{ (other * 9) }}"}]},
        {"credentials": [credential], "table": "{{ key }}"},
        {"credentials": [credential], "database_password": "{{ other }}"},
        {"credentials": [{"name": "new", "state": "absent"}]},
    ]
    ansible = Ansible(tmp_path, place.host)

    with watching(place.host, WORD) as watch:
        results, told = ansible.play(
            [place.task(**task) for task in tasks], key=key, other=other, password=place.password
        )

    said = [result["msg"] if result.get("failed") else result["changed"] for result in results]
    assert [word for word in said if word is True] == [True] * 4, said
    assert [results[number]["reason"] for number in (1, 2, 8)] == ["constraint", "constraint", "login"]
    assert "gemini and groq have the same priority 1" in said[3]
    assert results[5]["changes"][-1]["fields"] == ["priority", "key", "endpoint"]
    assert watch.seen == []
    assert watch.looks > 3
    assert WORD not in told
