# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example FaceShot on this machine: its own tests, and the suite of its guide against both of its versions."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.integration.machine import BIN, ROOT
from tests.integration.node import packages
from tests.integration.smoke.guides.applications import PM2_PACKAGES, suite

EXAMPLE = ROOT / "examples" / "faceshot"
ADMIN = "ada@example.com"


@pytest.fixture(scope="module")
def modules() -> Iterator[Path]:
    """The packages that the example needs."""
    with packages("faceshot", EXAMPLE / "1", "--ignore-scripts") as installed:
        yield installed / "node_modules"


@pytest.fixture(scope="module")
def pm2() -> Iterator[Path]:
    """The folder with PM2's program."""
    with packages("pm2", PM2_PACKAGES) as installed:
        yield installed / "node_modules" / ".bin"


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
    return port


@dataclass
class Deployed:
    """The application in a folder, under PM2, with the stand-in of A2E."""

    root: Path
    programs: Sequence[Path]
    port: int = field(default_factory=free_port)
    vendor_port: int = field(default_factory=free_port)

    @property
    def environment(self) -> Mapping[str, str]:
        """All that its guide asks for."""
        words = ("A2E_API_KEY", "CLOUDINARY_CLOUD_NAME", "CLOUDINARY_API_KEY", "CLOUDINARY_API_SECRET")
        return {
            **dict.fromkeys((*words, "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"), "canary-of-faceshot"),
            "NODE_ENV": "production",
            "PORT": str(self.port),
            "DB_PATH": str(self.root / "production.db"),
            "SESSION_SECRET": "canary-session-secret-of-more-than-32-characters",
            "FRONTEND_URL": "https://faceshot.example",
            "A2E_BASE_URL": f"http://127.0.0.1:{self.vendor_port}",
            "ADMIN_EMAILS": ADMIN,
            "PM2_HOME": str(self.root.parent / "pm2"),
            "PATH": os.pathsep.join((*map(str, self.programs), os.environ["PATH"])),
        }

    def run(self, *argv: str, **more: str) -> str:
        """What a program says in the application's folder, which must end well."""
        environment = {**self.environment, **more}
        ended = subprocess.run(argv, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def lay(self, version: str) -> None:
        """Lay the files of a version over those that are there."""
        made = shutil.ignore_patterns("node_modules", "dist", "logs", "uploads", "production.db*")
        shutil.copytree(EXAMPLE / version, self.root, dirs_exist_ok=True, ignore=made)

    def back_up(self) -> None:
        """Copy the database, as the guide does before all else."""
        copy = self.root / f"production.db.backup.{time.time_ns()}"
        with closing(sqlite3.connect(self.root / "production.db")) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)

    def start(self, **more: str) -> None:
        """Have PM2 start it."""
        self.run("pm2", "start", "--silent", "--name", "faceshot-chopshop", "index.js", **more)

    def stop(self) -> None:
        """Have PM2 stop it, and forget it."""
        self.run("pm2", "delete", "--silent", "faceshot-chopshop")

    def order(self) -> None:
        """Have a job carried out."""
        body = json.dumps({"sku_code": "C1-15", "customer_inputs": {"script": "Hello"}}).encode()
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        address = f"http://localhost:{self.port}/api/jobs/create-advanced"
        until(lambda: listens(self.port))
        with urlopen(Request(address, body, headers)) as answer:
            assert answer.status == 201

    def prove(self, *, without: str = "") -> dict[str, Any]:
        """The result of the guide's suite, of which one kind of check can be left out."""
        written = suite("faceshot")
        here = f"http://localhost:{self.port}"
        given = {
            "vars": {"domain": "faceshot.example", "root": str(self.root), "token": self.token(), "local": here},
            "checks": {**written, "vars": {}, "checks": [check for check in written["checks"] if without not in check]},
            # There is no nginx before it.
            "base_url": here,
            "timeout": "60s",
        }
        module = "ansible_collections.shipshape.webapp.plugins.modules.smoke_check"
        asked = {"ANSIBLE_MODULE_ARGS": {**given, "_ansible_remote_tmp": str(self.root.parent)}}
        ended = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(asked),
            env={**self.environment, "PYTHONPATH": str(ROOT / ".cache" / "collections")},
            capture_output=True,
            text=True,
            check=False,
        )
        result: dict[str, Any] = json.loads(ended.stdout)
        return result

    def token(self) -> str:
        """What lets an administrator in."""
        return self.run("node", "scripts/issue-token.js", ADMIN).strip()


def listens(port: int) -> bool:
    """Whether somebody listens at a port of this machine."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def until(holds: Callable[[], bool]) -> None:
    """Return as soon as it holds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("This did not come to be in time.")


@contextmanager
def vendor(deployed: Deployed) -> Iterator[None]:
    """The stand-in of A2E listens."""
    environment = {**deployed.environment, "PORT": str(deployed.vendor_port)}
    # Node itself, because who is to end it must not end a script that calls it.
    node = deployed.run("node", "--print", "process.execPath").strip()
    with subprocess.Popen([node, str(EXAMPLE / "vendor" / "server.js")], env=environment) as running:
        try:
            until(lambda: listens(deployed.vendor_port))
            yield
        finally:
            running.terminate()


@pytest.fixture
def deployed(tmp_path: Path, modules: Path, pm2: Path) -> Iterator[Deployed]:
    """The first version, migrated, seeded and built; a copy of its database as well."""
    root = tmp_path / "faceshot"
    one = Deployed(root, [pm2, BIN])
    one.lay("1")
    shutil.copytree(modules, root / "node_modules", symlinks=True)
    for script in ("scripts/run-migrations.js", "scripts/seed-sku-configs.js", "frontend/build.js"):
        one.run("node", script)
    with vendor(one):
        try:
            yield one
        finally:
            one.run("pm2", "kill", "--silent")


def test_own_tests_pass(modules: Path) -> None:
    tests = [str(file) for file in sorted((EXAMPLE / "test").glob("*.test.js"))]
    assert tests
    environment = {**os.environ, "NODE_MODULES": str(modules)}
    # Side by side they would take each other's time, of which some of them have little.
    argv = [str(BIN / "node"), "--test", "--test-concurrency=1", *tests]
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_suite_of_its_guide(deployed: Deployed) -> None:
    deployed.back_up()
    deployed.start()
    first = deployed.prove()
    assert "failed" not in first, first["msg"]
    # Nobody has ordered anything yet.
    assert those(first, "inconclusive") == ["success of the jobs of a day in percent"]
    assert first["counts"]["passed"] == len(first["checks"]) - 1

    deployed.stop()
    deployed.lay("2")
    deployed.back_up()
    assert "Applied: 1\nSkipped: 1\n" in deployed.run("node", "scripts/run-migrations.js")
    deployed.start()
    deployed.order()
    second = deployed.prove()
    assert "failed" not in second, second["msg"]
    assert second["counts"]["passed"] == len(second["checks"])

    deployed.stop()
    deployed.start(FAULT="breaker-open stuck-job")
    # What is never let in would be asked once more after a minute.
    third = deployed.prove(without="rate_limit")
    assert {"no breaker is open", "no job is stuck in processing", "http /api/health/a2e"} <= {*those(third, "failed")}


def those(result: dict[str, Any], outcome: str) -> list[str]:
    """The checks of which this became."""
    return [check["name"] for check in result["checks"] if check["outcome"] == outcome]
