# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What applications on this machine itself need: ports, PM2, modules that look at them, and programs beside them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.machine import BIN, ROOT


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Whether somebody listens at a port of this machine."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def until(holds: Callable[[], bool]) -> None:
    """Return as soon as it holds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("This did not come to be in time.")


@dataclass
class Place:
    """A folder in which an application is laid out, and where PM2 runs it."""

    root: Path
    programs: Sequence[Path]
    variables: Mapping[str, str]
    port: int = field(default_factory=free_port)
    vendor_port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        """All that its programs see."""
        return {
            **self.variables,
            "NODE_ENV": "production",
            "PORT": str(self.port),
            "PM2_HOME": str(self.root.parent / "pm2"),
            "PATH": os.pathsep.join((*map(str, self.programs), str(BIN), os.environ["PATH"])),
        }

    def run(self, *argv: str, folder: str = ".", **more: str) -> str:
        """What a program says in a folder of the application, which must end well."""
        environment = {**self.environment, **more}
        ended = subprocess.run(
            argv, cwd=self.root / folder, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def lay(self, version: Path) -> None:
        """Lay the files of a version over those that are there."""
        made = shutil.ignore_patterns("node_modules", "dist", "logs", "uploads", "*.db*", ".env", "FAULT")
        shutil.copytree(version, self.root, dirs_exist_ok=True, ignore=made)

    def start(self, name: str, script: str, folder: str = ".", **more: str) -> None:
        """Have PM2 start it, and return as soon as it listens."""
        self.run("pm2", "start", "--silent", "--name", name, script, folder=folder, **more)
        until(lambda: listens(self.port))

    def stop(self, name: str) -> None:
        """Have PM2 stop it, and forget it."""
        self.run("pm2", "delete", "--silent", name)
        until(lambda: not listens(self.port))

    def module(self, name: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of a module of the collection, failed or not, as whoever runs the application."""
        internal = {"_ansible_check_mode": check, "_ansible_remote_tmp": str(self.root.parent)}
        ended = subprocess.run(
            [sys.executable, "-m", f"ansible_collections.shipshape.webapp.plugins.modules.{name}"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **internal}}),
            env={**self.environment, "PYTHONPATH": str(ROOT / ".cache" / "collections")},
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            result: dict[str, Any] = json.loads(ended.stdout)
        except ValueError:
            raise AssertionError(ended.stdout + ended.stderr) from None
        return result

    @contextmanager
    def beside(self, script: Path, *arguments: str, port: int, folder: str = ".", **more: str) -> Iterator[None]:
        """A program of Node listens at a port for as long as the context lasts."""
        # Node itself, because who is to end it must not end a script that calls it.
        node = self.run("node", "--print", "process.execPath").strip()
        environment = {**self.environment, "PORT": str(port), **more}
        log = self.root.parent / f"{port}.log"
        with (
            log.open("w") as said,
            subprocess.Popen(
                [node, str(script), *arguments], cwd=self.root / folder, env=environment, stdout=said, stderr=said
            ) as running,
        ):
            try:
                until(lambda: listens(port))
                yield
            finally:
                running.terminate()


def own_tests(example: Path, files_at_once: int = 1, /, **environment: str) -> None:
    """Run the tests of an example itself, which must pass."""
    tests = [str(file) for file in sorted((example / "test").glob("*.test.js"))]
    assert tests
    # Side by side they would take each other's time, of which some of them have little.
    argv = [str(BIN / "node"), "--test", f"--test-concurrency={files_at_once}", *tests]
    ended = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def those(result: dict[str, Any], outcome: str) -> list[str]:
    """The checks of which this became."""
    return [check["name"] for check in result["checks"] if check["outcome"] == outcome]
