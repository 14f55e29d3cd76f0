# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example StackLens on this machine: its own tests, and the suite of its guide against both of its versions."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.integration.examples.local import Place, free_port, listens, own_tests, those, until
from tests.integration.machine import BIN, ROOT
from tests.integration.node import packages
from tests.integration.smoke.guides.applications import PM2_PACKAGES, suite
from tests.integration.smoke.test_guides import is_told

EXAMPLE = ROOT / "examples" / "stacklens"
PNPM_PACKAGES = Path(__file__).resolve().parent / "pnpm"
NAME = "stacklens-api"
ADMIN = "ada@example.com"
JIRA_TOKEN = "canary-jira"
ENCRYPTION_KEY = "canary-encryption-key-of-more-than-32-characters"
ORDER = ["gemini", "groq", "openrouter", "openai", "anthropic"]
COMPARED = ["database query time", "answers and errors under load"]

# As it was before there were priorities.
LEGACY = """
CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, email text NOT NULL, created_at integer NOT NULL);
CREATE UNIQUE INDEX users_email_unique ON users (email);
CREATE TABLE api_credentials (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, name text NOT NULL, provider text NOT NULL,
    api_key text, api_secret text, endpoint text, is_active integer DEFAULT true NOT NULL,
    is_global integer DEFAULT true NOT NULL, user_id integer REFERENCES users (id), rate_limit integer,
    usage_count integer DEFAULT 0 NOT NULL, current_month_usage integer DEFAULT 0 NOT NULL, last_used integer,
    created_at integer NOT NULL, updated_at integer NOT NULL);
CREATE UNIQUE INDEX api_credentials_name_unique ON api_credentials (name);
"""
INSERT = "INSERT INTO api_credentials (name, provider, api_key, created_at, updated_at) VALUES (?, ?, ?, 1, 1)"


def encrypted(text: str) -> str:
    """A key as the application keeps it."""
    nonce = os.urandom(12)
    kept = AESGCM(sha256(ENCRYPTION_KEY.encode()).digest()).encrypt(nonce, text.encode(), None)
    return ":".join(part.hex() for part in (nonce, kept[-16:], kept[:-16]))


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """A folder in which pnpm has installed what the example needs."""
    folder = ROOT / ".cache" / "stacklens"
    folder.mkdir(parents=True, exist_ok=True)
    with packages("pnpm", PNPM_PACKAGES) as pnpm, (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = EXAMPLE / "1"
        sources = [*first.glob("pnpm-*.yaml"), first / "package.json", *first.glob("packages/*/package.json")]
        wanted = b"".join(file.read_bytes() for file in sorted(sources))
        stamp = folder / "installed-from"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            for file in sources:
                (folder / file.relative_to(first)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, folder / file.relative_to(first))
            program = pnpm / "node_modules" / ".bin" / "pnpm"
            environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "CI": "1"}
            argv = [str(program), "install", "--frozen-lockfile", "--silent"]
            subprocess.run(argv, cwd=folder, env=environment, check=True)
            stamp.write_bytes(wanted)
        yield folder


@dataclass
class StackLens(Place):
    """The application under PM2, with its database, and the stand-in of Jira beside it."""

    @property
    def database(self) -> Path:
        return self.root / "stacklens.db"

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with closing(sqlite3.connect(self.database, timeout=5)) as connection:
            found = connection.execute(text).fetchall()
            connection.commit()
            return found

    def token(self) -> str:
        """What lets an administrator in."""
        return self.run("node", "dist/issue-token.js", ADMIN).strip()

    def migrate(self) -> dict[str, Any]:
        """The result of the module, which has the application's own drizzle-kit do it."""
        return self.module(
            "migrate",
            database=f"sqlite://{self.database}",
            runner="drizzle",
            project=str(self.root),
            directory=str(self.root / "drizzle"),
            backup={"directory": str(self.root.parent / "backups")},
            expect={"columns": {"api_credentials": ["priority"]}},
        )

    def prove(self, **options: Any) -> dict[str, Any]:
        """The result of the guide's suite, in which nobody finds a secret."""
        text = json.dumps(suite("stacklens")).replace("localhost:4000", f"localhost:{self.port}")
        given = {
            "root": str(self.root),
            "token": self.token(),
            "credentials_before": 5,
            "upload": str(EXAMPLE / "README.md"),
            "jira": f"http://localhost:{self.vendor_port}",
            "jira_project": "OPS",
            "jira_authorization": f"Bearer {JIRA_TOKEN}",
        }
        result = self.module("smoke_check", vars=given, checks=json.loads(text), timeout="60s", **options)
        assert "canary" not in json.dumps(result)
        return result

    def ensure(self, **options: Any) -> dict[str, Any]:
        """The result of the module that puts credentials in order, in which nobody finds a secret."""
        result = self.module("credential_priority", **options)
        assert "canary" not in json.dumps(result)
        return result


@pytest.fixture(scope="module")
def stacklens(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[StackLens]:
    """The first version, built, with a database from before there were priorities."""
    root = tmp_path_factory.mktemp("stacklens") / "stacklens"
    vendor_port = free_port()
    address = f"http://127.0.0.1:{vendor_port}"
    with packages("pm2", PM2_PACKAGES) as pm2:
        variables = {
            "DATABASE_URL": f"file:{root / 'stacklens.db'}",
            "ENCRYPTION_KEY": ENCRYPTION_KEY,
            "JWT_SECRET": "canary-jwt-secret-of-more-than-32-characters",
            "ADMIN_EMAILS": ADMIN,
            "JIRA_URL": address,
            "JIRA_PROJECT": "OPS",
            "JIRA_TOKEN": JIRA_TOKEN,
            "AI_BASE_URL": address,
        }
        one = StackLens(root, [pm2 / "node_modules" / ".bin"], variables, vendor_port=vendor_port)
        one.lay(EXAMPLE / "1")
        (root / "node_modules").symlink_to(installed / "node_modules")
        for place in ("packages/admin/node_modules", "packages/server/node_modules"):
            shutil.copytree(installed / place, root / place, symlinks=True)
        one.run("node", "scripts/build.js")
        with closing(sqlite3.connect(one.database)) as connection:
            connection.executescript(LEGACY)
            rows = [(f"{provider}-main", provider, encrypted(f"canary-{provider}")) for provider in reversed(ORDER)]
            connection.executemany(INSERT, rows)
            connection.commit()
        try:
            with one.beside(EXAMPLE / "vendor" / "server.js", port=vendor_port):
                yield one
        finally:
            one.run("pm2", "kill", "--silent")


def test_own_tests_pass(installed: Path) -> None:
    own_tests(EXAMPLE, INSTALLED=str(installed))


# In the order of a deployment: each goes on where the one before has stopped.


def test_first_version_passes_the_suite_of_its_guide(stacklens: StackLens) -> None:
    migrated = stacklens.migrate()
    assert migrated["changed"], migrated["msg"]
    assert not stacklens.migrate()["changed"]
    assert stacklens.sql("SELECT provider FROM api_credentials ORDER BY priority") == [(name,) for name in ORDER]

    stacklens.start(NAME, "dist/index.js")
    result = stacklens.prove()
    assert "failed" not in result, result["msg"]
    assert not result["changed"]
    # What compares with the state before the deployment has nothing to compare with.
    assert those(result, "inconclusive") == COMPARED
    assert result["counts"]["passed"] + len(COMPARED) == len(result["checks"])
    # What a suite makes it takes away.
    assert stacklens.sql("SELECT count(*) FROM api_credentials") == [(5,)]


def test_second_version_passes_it_and_is_compared_with_the_first(stacklens: StackLens, tmp_path: Path) -> None:
    memory = str(tmp_path / "memory.json")
    stacklens.prove(record=True, only_tags=["baseline"], memory=memory)
    stacklens.lay(EXAMPLE / "2")
    stacklens.run("node", "scripts/build.js")
    # The first one runs while its database gets ahead of it.
    assert [one["name"] for one in stacklens.migrate()["applied"]] == ["0002_credential_uses"]
    stacklens.stop(NAME)
    stacklens.start(NAME, "dist/index.js")
    result = stacklens.prove(memory=memory)
    assert "failed" not in result, result["msg"]
    # How long so short a query takes is another time each time, and only warns.
    assert {check["name"] for check in result["checks"]} - {*those(result, "passed")} <= {"database query time"}
    told = [one["told"] for check in result["checks"] for one in check["assertions"] if one["path"] == "error_rate"]
    assert told == ["error_rate: is 0"]


def test_check_mode_sends_nothing_that_may_change_something(stacklens: StackLens) -> None:
    before = stacklens.sql("SELECT * FROM api_credentials")
    result = stacklens.prove(check=True)
    assert those(result, "skipped") == [
        "a credential is created, found in its place, edited, and removed",
        "uploads open no ticket, critical errors do",
    ]
    assert stacklens.sql("SELECT * FROM api_credentials") == before


# The address of the application, and what the database says, stand here as …
MISBEHAVIOUR = (
    "a credential is created, found in its place, edited, and removed: http /api/admin/credentials:"
    ' json[].priority: expected sorted "asc", got [50, 10, 20, 40, 30, 10]'
    " (GET http://localhost:…/api/admin/credentials answered 200: …)",
    "uploads open no ticket, critical errors do: http ${jira}/rest/api/2/search: json.total: expected …, got …"
    ' (GET http://localhost:…/rest/api/2/search answered 200: {"startAt":0,…)',
    "nothing in the log of errors: forbidden: expected 0, got … (Read …/logs/error.log:"
    " … [error] The analyser has lost a line)",
)
SLOW = (
    "http /api/test: ms: expected lt 200, got … (GET http://localhost:…/api/test answered 200:"
    ' {"message":"Server is working","timestamp":"…"}) This was so at attempt …, after … s.',
)


@pytest.mark.parametrize(
    ("fault", "told", "gate"),
    [
        ("unsorted tickets-for-uploads logs-errors", MISBEHAVIOUR, None),
        ("no-tickets", ("uploads open no ticket, critical errors do: …",), None),
        ("slow-answers:300", SLOW, "http /api/test"),
    ],
)
def test_fault_is_told_and_nothing_else(
    stacklens: StackLens, fault: str, told: Sequence[str], gate: str | None
) -> None:
    stacklens.stop(NAME)
    stacklens.start(NAME, "dist/index.js", FAULT=fault)
    assert_told(stacklens.prove(), told, gate)


@pytest.mark.parametrize(
    ("sql", "undo", "told", "gate"),
    [
        (
            "UPDATE api_credentials SET priority = 35 WHERE provider = 'openai'",
            "UPDATE api_credentials SET priority = 40 WHERE provider = 'openai'",
            'default priorities: rows: expected [], got [{"name": "openai-main", "provider": "openai", "priority": 35}]'
            " (… answered with 1 …)",
            "default priorities",
        ),
        (
            "ALTER TABLE api_credentials RENAME priority TO prio",
            "ALTER TABLE api_credentials RENAME prio TO priority",
            'sql: missing: expected [], got ["api_credentials.priority"] (… has …)',
            "sql",
        ),
        (
            "INSERT INTO api_credentials (name, provider, created_at, updated_at) VALUES ('x', 'x', 1, 1)",
            "DELETE FROM api_credentials WHERE name = 'x'",
            "no credential is lost: value: expected 5, got 6 (… answered with 1 …)",
            "no credential is lost",
        ),
    ],
)
def test_database_is_told_and_nothing_else(stacklens: StackLens, sql: str, undo: str, told: str, gate: str) -> None:
    stacklens.stop(NAME)
    stacklens.start(NAME, "dist/index.js")
    stacklens.sql(sql)
    try:
        assert_told(stacklens.prove(), [told], gate)
    finally:
        stacklens.sql(undo)


def assert_told(result: dict[str, Any], told: Sequence[str], gate: str | None) -> None:
    """The suite fails with these lines, and if a gate is named, nothing after it was carried out."""
    assert result["failed"]
    pairs = zip(result["failures"], told)
    assert [line for line, expected in pairs if not is_told(line, expected)] == []
    assert len(result["failures"]) == len(told), result["failures"]
    names = [check["name"] for check in result["checks"]]
    assert those(result, "skipped") == ([] if gate is None else names[names.index(gate) + 1 :])


def test_credentials_are_put_in_order_through_the_table_and_the_api(stacklens: StackLens) -> None:
    until(lambda: listens(stacklens.port))
    table = {"database": f"sqlite://{stacklens.database}"}
    api = {"url": f"http://localhost:{stacklens.port}/api/admin/credentials", "bearer": stacklens.token()}
    reverse = {"order": ORDER[::-1], **table, "api": api, "verify": True}
    first, again = stacklens.ensure(**reverse), stacklens.ensure(**reverse)
    assert (first["changed"], again["changed"]) == (True, False), first["msg"]
    assert [row[0] for row in stacklens.sql("SELECT provider FROM api_credentials ORDER BY priority")] == ORDER[::-1]

    credentials = [
        {"name": "Mistral-Prod", "provider": "mistral", "key": "sk-canary-0123456789", "priority": 60},
        {"name": "groq-main", "state": "inactive"},
        {"name": "openai-main", "state": "absent"},
    ]
    declared = {"api": api, "credentials": credentials, "verify": True}
    first, again = stacklens.ensure(**declared), stacklens.ensure(**declared)
    assert (first["changed"], again["changed"]) == (True, False), first["msg"]
    kept = stacklens.sql("SELECT name, is_active FROM api_credentials ORDER BY priority")
    assert kept == [
        ("anthropic-main", 1),
        ("openrouter-main", 1),
        ("groq-main", 0),
        ("gemini-main", 1),
        ("Mistral-Prod", 1),
    ]
