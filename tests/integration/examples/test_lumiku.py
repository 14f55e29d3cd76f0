# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example Lumiku: its own tests, and the suite of its guide against both of its versions and its faults."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.backup.test_secrets import watching
from tests.integration.examples.local import those
from tests.integration.examples.web import REDIS_PASSWORD, Web, checks_of, running_web, within
from tests.integration.machine import ROOT
from tests.integration.node import packages
from tests.integration.smoke.guides.applications import suite
from tests.integration.smoke.test_guides import is_told

EXAMPLE = ROOT / "examples" / "lumiku"
PROJECTS = ROOT / "tests" / "integration" / "migrate" / "projects"
HOME, ENVIRONMENT, LOGS = "/srv/lumiku", "/opt/lumiku.env", "/var/log/lumiku"
LOG = f"{LOGS}/lumiku.log"
USER = "ada@example.com"
SECRET = "canary-jwt-secret-of-more-than-32-characters"
FIRST = ["20251001_init", "20251014_add_avatar_creator_complete"]


@pytest.fixture(scope="module")
def modules() -> Iterator[Path]:
    """The packages that the example needs."""
    with packages("lumiku", EXAMPLE / "1", "--ignore-scripts") as installed:
        yield installed / "node_modules"


@pytest.fixture(scope="module")
def engine() -> Path:
    """What stands in for Prisma's own engine, which cannot be downloaded everywhere."""
    with packages("migrate", PROJECTS, "--ignore-scripts") as installed:
        source = PROJECTS / "prisma" / "schema-engine.mjs"
        program = installed / source.name
        wanted = f"#!/usr/bin/env node\n{source.read_text()}"
        if not program.exists() or program.read_text() != wanted:
            program.write_text(wanted)
        program.chmod(0o755)
        (installed / "query-engine.node").touch()
    return installed


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A host with PostgreSQL and Redis."""
    with running_web(tmp_path_factory.mktemp("lumiku")) as web:
        yield web


@dataclass
class Lumiku:
    """The application on its host, with a database of its own, and a user to test with."""

    web: Web
    modules: Path
    engine: Path
    database: str = ""
    token: str = ""
    project: int = 0

    def lay(self, version: str) -> None:
        """Lay out a version, and build it."""
        self.web.lay(EXAMPLE / version, HOME, self.modules)
        self.run("node", "--run", "build:production")

    def run(self, *argv: str) -> str:
        """What a program says in its folder."""
        return self.web.run(HOME, ENVIRONMENT, *argv)

    def configure(self, **more: str) -> None:
        """Write all that its guide asks for."""
        given = {
            "PORT": "3000",
            "DATABASE_URL": self.database,
            "REDIS_HOST": "localhost",
            "REDIS_PORT": "6379",
            "REDIS_PASSWORD": REDIS_PASSWORD,
            "JWT_SECRET": SECRET,
            "CORS_ORIGIN": "https://lumiku.example",
            "DUITKU_MERCHANT_CODE": "D1234",
            "DUITKU_API_KEY": "canary-duitku",
            "DUITKU_CALLBACK_URL": "https://lumiku.example/api/payments/callback",
            "DUITKU_RETURN_URL": "https://lumiku.example/payment/success",
            "LOG_DIR": LOGS,
        }
        self.web.write(ENVIRONMENT, {**given, **more})

    def migrate(self) -> list[str]:
        """Have Prisma apply what is pending; the names of that."""
        given = {
            "PRISMA_SCHEMA_ENGINE_BINARY": within(self.engine / "schema-engine.mjs"),
            "PRISMA_QUERY_ENGINE_LIBRARY": within(self.engine / "query-engine.node"),
        }
        result = self.web.module(
            "migrate",
            database=self.database,
            runner="prisma",
            project=HOME,
            directory=f"{HOME}/prisma/migrations",
            environment=given,
            without_backup=True,
        )
        assert "failed" not in result, result["msg"]
        return [one["name"] for one in result["applied"]]

    def start(self, fault: str = "") -> None:
        """Start it anew, with a log of its own, and a user with enough credits."""
        self.configure(**({"FAULT": fault} if fault else {}))
        self.web.host.run("sh", "-c", f"mkdir -p {LOGS} && : >{LOG}")
        user = json.loads(self.run("node", "dist/scripts/test-user.mjs", USER, "1000"))
        self.token, self.project = user["token"], user["project"]
        self.web.start(HOME, ENVIRONMENT)

    def prove(self, *, without: Sequence[str] = (), check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of the suite of its guide."""
        given = {
            "database": self.database,
            "redis_host": "localhost",
            "redis_password": REDIS_PASSWORD,
            "root": HOME,
            "log": LOG,
            "token": self.token,
            "project": self.project,
            "image": "/srv/test.jpg",
        }
        checks = checks_of(suite("lumiku"), without=without)
        for one in checks["checks"]:
            if "wait" in one.get("socketio", {}):
                one["socketio"]["wait"] = "3s"
        return self.web.prove(checks, check=check, vars=given, **options)

    def sql(self, text: str) -> str:
        """What its database answers."""
        return self.web.server.administer(text, "lumiku").strip()


@pytest.fixture(scope="module")
def first(web: Web, modules: Path, engine: Path) -> Lumiku:
    """The first version, built and migrated, of which every test gets a copy."""
    one = Lumiku(web, modules, engine, web.server.create_database("first").url)
    one.configure()
    one.lay("1")
    assert one.migrate() == FIRST
    assert one.migrate() == []
    web.host.run("sh", "-c", f"cp -a {HOME} {HOME}-first && echo picture >/srv/test.jpg")
    return one


@pytest.fixture
def lumiku(first: Lumiku) -> Iterator[Lumiku]:
    """The first version as it was installed."""
    web = first.web
    web.server.drop_database("lumiku")
    web.server.administer('CREATE DATABASE lumiku OWNER "app user" TEMPLATE first')
    web.host.run("sh", "-c", f"rm -rf {HOME} && cp -a {HOME}-first {HOME}")
    yield replace(first, database=web.server.seen(database="lumiku").url)
    web.stop()


def test_own_tests_pass(web: Web, modules: Path) -> None:
    web.own_tests(EXAMPLE, modules)


def test_suite_of_its_guide(lumiku: Lumiku) -> None:
    lumiku.start()
    for _time in range(2):
        first = lumiku.prove()
        assert "failed" not in first, first["msg"]
        assert not first["changed"]
        assert first["counts"]["passed"] == len(first["checks"])

    # Version 1 still runs, and goes on with the database of version 2.
    lumiku.lay("2")
    assert lumiku.migrate() == ["20251120_add_pose_favorites"]
    between = lumiku.prove()
    assert "failed" not in between, between["msg"]
    lumiku.web.stop()
    lumiku.start()
    second = lumiku.prove()
    assert "failed" not in second, second["msg"]
    assert second["counts"]["passed"] == len(second["checks"])


# By their names: the faults, and every line that has to be said of them; … stands for anything.
FAULTS = {
    "credits and sockets": (
        "racing-credits open-socket silent-socket",
        [
            "progress arrives: event: expected to exist, is missing"
            " (ws://localhost:3000/socket.io/ (namespace /pose-generator) …",
            "no socket without a token: connected: expected false, got true"
            " (ws://localhost:3000/socket.io/ (namespace /pose-generator) is connected.)",
            "ten uploads at once: spent: expected 10, got …"
            " (POST http://localhost:3000/api/apps/avatar-creator/projects/1/avatars/upload, sent 10 times: 10 x 200."
            " Of /api/credits, creditBalance went from 998 to 99….)",
        ],
    ),
    "critical errors": (
        "critical-errors:0",
        [
            "critical errors in the log: forbidden: expected 0, got …"
            " (Read /var/log/lumiku/lumiku.log: … ❌ FATAL: the models of avatars are damaged)…",
        ],
    ),
    "no Redis": (
        "redis-lost:0",
        [
            'the application reaches Redis: json.redis: expected in ["connected", "healthy", "ok", "ready", "up", true]'
            ', got "down" (GET http://localhost:3000/health answered 200: {"status":"degraded",…)',
            "http /api/apps/pose-generator/health: status: expected lt 300, got 503"
            ' (GET http://localhost:3000/api/apps/pose-generator/health answered 503: {"status":"no Redis"})',
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_and_nothing_else(lumiku: Lumiku, name: str) -> None:
    fault, told = FAULTS[name]
    lumiku.start(fault)
    result = lumiku.prove()
    assert result["failed"]
    # Whether the messages of the start hold a critical error already depends on who is faster.
    failures = [line for line in result["failures"] if not line.startswith("start-up messages: forbidden")]
    assert [pair for pair in zip(failures, told) if not is_told(*pair)] == []
    assert len(failures) == len(told), result["failures"]
    assert result["msg"].splitlines()[1:] == result["failures"]


def test_lost_table_is_told(lumiku: Lumiku) -> None:
    lumiku.start()
    lumiku.sql("DROP TABLE pose_requests")
    at_the_gate = lumiku.prove()
    [line] = at_the_gate["failures"]
    assert is_told(line, "http /health: status: expected 200, got 503 (GET … answered 503: …")
    assert len(those(at_the_gate, "skipped")) == len(at_the_gate["checks"]) - 1
    [line] = lumiku.prove(without=["gate", "socketio", "concurrent", "http", "log"])["failures"]
    assert is_told(line, 'thirteen tables: missing: expected [], got ["pose_requests"] (… has …)')


def test_check_mode_changes_nothing(lumiku: Lumiku) -> None:
    lumiku.start()
    rows = "SELECT (SELECT count(*) FROM credit_transactions), (SELECT count(*) FROM avatars)"
    before = lumiku.sql(rows)
    result = lumiku.prove(check=True, report={"json": "/srv/unwritten"}, memory="/srv/unwritten")
    assert those(result, "skipped") == ["generating an avatar takes credits", "ten uploads at once"]
    why = {line for check in result["checks"] if check["outcome"] == "skipped" for line in check["failures"]}
    assert why == {"it may change something, and nothing may be changed in check mode."}
    assert lumiku.sql(rows) == before
    assert lumiku.web.host.run("sh", "-c", "ls /srv/unwritten || :") == b""


def test_no_secret_is_seen_even_if_the_application_shows_it(lumiku: Lumiku) -> None:
    lumiku.start("dumps-requests")
    with watching(lumiku.web.host, lumiku.token, REDIS_PASSWORD, lumiku.web.server.password) as watch:
        result = lumiku.prove(report={"json": "/srv/report.json"})
        report = lumiku.web.host.run("cat", "/srv/report.json").decode()
    assert watch.looks > 0
    # PM2 and the application itself have to know them.
    assert [place for place in watch.seen if "God Daemon" not in place and HOME not in place] == []
    assert result["failed"]
    login = base64.b64encode(f"Bearer {lumiku.token}".encode()).decode()
    for printed in (json.dumps(result), report):
        assert "answered 500" in printed
        assert "********" in printed
        assert [word for word in (lumiku.token, "canary", login) if word in printed] == []
