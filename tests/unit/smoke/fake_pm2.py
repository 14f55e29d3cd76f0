# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PM2 that says what a test wants, as the real one does: among banners, and with every secret of the processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECRET = "hunter2"

# What PM2 prints before the list.
BANNER = """
>>>> In-memory PM2 is out-of-date, do:
>>>> $ pm2 update
[PM2] Spawning PM2 daemon with pm2_home=/root/.pm2
"""


def process(name: str, number: int = 0, **told: Any) -> dict[str, Any]:
    """One process as it is listed."""
    monit = {"memory": told.pop("memory", 50 * 2**20), "cpu": 0}
    settings = {"status": "online", "restart_time": 0, "pm_uptime": 0, "namespace": "default", "env": {"KEY": SECRET}}
    return {"name": name, "pm_id": number, "monit": monit, "pm2_env": {**settings, "KEY": SECRET, **told}}


class FakePm2:
    """The home of a daemon, and the program that asks it."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / ".pm2"
        self.home.mkdir()
        self._program = directory / "pm2"
        self.has([])

    @property
    def options(self) -> dict[str, Any]:
        """How a check asks this one."""
        return {"home": str(self.home), "program": str(self._program)}

    def has(self, processes: list[dict[str, Any]]) -> None:
        """Have these processes."""
        self.says(BANNER + json.dumps(processes) + "\n")

    def says(self, stdout: str, stderr: str = "", code: int = 0) -> None:
        """Answer with this whoever asks properly."""
        (self.home / "stdout").write_text(stdout)
        (self.home / "stderr").write_text(stderr)
        self._program.write_text(
            '#!/bin/sh\n[ "$*" = "jlist --silent" ] || exit 9\n'
            f'cat "$PM2_HOME/stdout"\ncat "$PM2_HOME/stderr" >&2\nexit {code}\n'
        )
        self._program.chmod(0o755)

    @contextmanager
    def running(self, title: str = "PM2 v7.0.4: God Daemon") -> Iterator[None]:
        """While there is a daemon, or another process that has its number by now."""
        argv = [sys.executable, "-c", "input('ready')", title]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
            assert daemon.stdout
            daemon.stdout.read(5)
            (self.home / "rpc.sock").touch()
            (self.home / "pm2.pid").write_text(str(daemon.pid))
            try:
                yield
            finally:
                daemon.kill()
