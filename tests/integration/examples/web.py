# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A test host on which applications with PostgreSQL and Redis run under PM2, and where the collection looks at them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.integration import inside
from tests.integration.database import postgresql
from tests.integration.examples.local import own_tests
from tests.integration.machine import BIN, ROOT, Host
from tests.integration.node import packages
from tests.integration.smoke.guides.applications import PM2_PACKAGES

INSIDE = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp"
REDIS_PASSWORD = 'canary-redis-"$&/+%41'

# $1 is Redis' password; the other words are folders with programs.
_PREPARE = r"""
set -eu
redis-cli CONFIG SET bind '*' >/dev/null
redis-cli CONFIG SET requirepass "$1" >/dev/null
shift
for folder; do ln -sf "$folder"/* /usr/local/bin/; done
"""

_START = r"""
set -eu
cd "$1"
set -a
. "$2"
exec pm2 start --silent ecosystem.config.js --env production
"""


@dataclass
class Web:
    """The host, and what is the same for every application on it."""

    host: Host
    server: postgresql.Server

    def lay(self, version: Path, root: str, modules: Path) -> None:
        """Lay the files of a version over those that are there, with its packages and without what was built."""
        copy = self.host.shared / "version"
        made = shutil.ignore_patterns("node_modules", "dist", "logs", "uploads", "outputs", "FAULT")
        shutil.copytree(version, copy, ignore=made)
        script = 'mkdir -p "$1" && cp -rT /shared/version "$1" && ln -sfn "$2" "$1/node_modules"'
        self.host.run("sh", "-euc", script, "sh", root, within(modules))
        shutil.rmtree(copy)

    def write(self, path: str, environment: Mapping[str, str]) -> None:
        """An environment file that only its owner can read."""
        text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())
        (self.host.shared / "environment").write_text(text)
        self.host.run("install", "-m", "600", "/shared/environment", path)
        (self.host.shared / "environment").unlink()

    def run(self, root: str, environment: str, *argv: str) -> str:
        """What a program says in the folder of an application, with its environment."""
        script = 'cd "$1"; set -a; . "$2"; shift 2; exec "$@"'
        return self.host.run("sh", "-euc", script, "sh", root, environment, *argv).decode()

    def start(self, root: str, environment: str) -> None:
        """Have PM2 start what the application's ecosystem file says, and return as soon as it is ready."""
        self.host.run("sh", "-c", _START, "sh", root, environment)

    def stop(self) -> None:
        """Have PM2 stop everything, and forget it."""
        self.host.run("pm2", "delete", "--silent", "all")

    def module(self, name: str, **options: Any) -> dict[str, Any]:
        """The result of a module, failed or not."""
        return inside.module(self.host, name, **options)

    def prove(self, checks: Mapping[str, Any], *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of a suite."""
        return inside.module(self.host, "smoke_check", check=check, checks=checks, **{"timeout": "60s", **options})

    def own_tests(self, example: Path, modules: Path) -> None:
        """Run the tests of an example itself against the servers of the host; they must pass."""
        own_tests(
            example,
            2,
            NODE_MODULES=str(modules),
            DATABASE_URL=self.server.url,
            REDIS_HOST=self.host.ip(),
            REDIS_PASSWORD=REDIS_PASSWORD,
            REDIS_URL=redis_url(self.host.ip()),
        )


def redis_url(host: str) -> str:
    """How to get to Redis."""
    return f"redis://:{quote(REDIS_PASSWORD, safe='')}@{host}:6379"


def within(path: Path) -> str:
    """Where the host sees a file of the project."""
    return f"{INSIDE}/{path.relative_to(ROOT)}"


@contextmanager
def running_web(shared: Path) -> Iterator[Web]:
    """The host, for as long as the context lasts; which platform it is makes no difference to an application."""
    shared.chmod(0o755)
    host = inside.web_host("debian-13", f"shipshape-web-{os.getpid()}", shared)
    try:
        host.wait_until_running()
        with packages("pm2", PM2_PACKAGES) as pm2:
            programs = [pm2 / "node_modules" / ".bin"]
        # Node itself: the one in .venv/bin is a script of this machine's Python.
        asked = subprocess.run([BIN / "node", "--print", "process.execPath"], check=True, stdout=subprocess.PIPE)
        node = Path(asked.stdout.decode().strip())
        npx = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
        for program, file in {"node": node, "npx": npx}.items():
            host.run("ln", "-sf", within(file), f"/usr/local/bin/{program}")
        host.run("sh", "-c", _PREPARE, "sh", REDIS_PASSWORD, *map(within, programs))
        server = postgresql.prepare(host)
        server.administer(f"ALTER ROLE {postgresql.identifier(postgresql.USER)} CREATEDB")
        yield Web(host, server)
    finally:
        host.remove()


def checks_of(suite: Mapping[str, Any], *, without: Sequence[str] = ()) -> dict[str, Any]:
    """A suite without the checks that have one of these words, which can be gate or a kind."""
    kept = [check for check in suite["checks"] if not any(word in check for word in without)]
    return {**suite, "checks": json.loads(json.dumps(kept))}
