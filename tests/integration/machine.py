# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine as the integration tests see it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = ROOT / ".venv" / "bin"

_ATTENDANT = Path(__file__).resolve().parent / "attendant.py"
_SOCKET = "attendant"


class Host:
    """A container that runs systemd and sees one folder of the tests under /shared."""

    def __init__(
        self,
        platform: str,
        name: str,
        shared: Path,
        *,
        image: str = "shipshape-host",
        options: Sequence[str] = (),
        packages: str | None = None,
    ) -> None:
        self.platform = platform
        self.name = name
        self.shared = shared
        self.packages = packages
        self._ip = ""
        subprocess.run(
            [
                *("docker", "run", "--detach", "--name", name, "--cgroupns=host"),
                *("--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/run/lock"),
                *("--volume", f"{shared}:/shared", *options, f"{image}:{platform}"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def run(self, *argv: str, text: str = "", user: str = "root") -> bytes:
        """The standard output of a command on the host that reads this text; the command must end well."""
        ended = self.ended(*argv, text=text, user=user)
        if ended.returncode:
            sys.stderr.write(ended.stderr.decode("utf-8", "replace"))
        ended.check_returncode()
        return ended.stdout

    def ended(
        self, *argv: str, text: str = "", user: str = "root", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """How a command on the host ended."""
        return self.carried_out({"argv": argv, "user": user, "environment": environment or {}}, text)

    def carried_out(self, request: Mapping[str, Any], text: str) -> subprocess.CompletedProcess[bytes]:
        """How that ended which the attendant was asked for, and which read this text."""
        memory = [os.fdopen(os.memfd_create(name), "w+b") for name in ("in", "out", "error")]
        given, *written = memory
        try:
            given.write(text.encode())
            given.seek(0)
            with self._attendant() as connection:
                line = json.dumps(request).encode() + b"\n"
                sent = socket.send_fds(connection, [line], [file.fileno() for file in memory])
                if sent < len(line):
                    connection.sendall(line[sent:])
                # A host that is stopped says nothing, and has killed it.
                code = int(connection.recv(16) or 137)
            for file in written:
                file.seek(0)
            return subprocess.CompletedProcess(request.get("argv", request), code, *(file.read() for file in written))
        finally:
            for file in memory:
                file.close()

    def _attendant(self) -> socket.socket:
        """A connection to the attendant, which is started if there is none, as after the host itself."""
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return self._connected()
        shutil.copy(_ATTENDANT, self.shared)
        words = ["python3", "-B", f"/shared/{_ATTENDANT.name}", f"/shared/{_SOCKET}", *filter(None, [self.packages])]
        subprocess.run(["docker", "exec", "--detach", self.name, *words], check=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(FileNotFoundError, ConnectionRefusedError):
                return self._connected()
            time.sleep(0.01)
        raise RuntimeError(f"The attendant of {self.name} does not answer.")

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.shared / _SOCKET))
        except OSError:
            connection.close()
            raise
        return connection

    def ip(self) -> str:
        """The host's address in the engine's own network."""
        if not self._ip:
            template = "{{.NetworkSettings.IPAddress}}"
            asked = ["docker", "inspect", "--format", template, self.name]
            self._ip = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
        return self._ip

    def wait_until_running(self) -> None:
        """Return once systemd has started everything."""
        # A host that was stopped may have another one.
        self._ip = ""
        deadline = time.monotonic() + 180
        state = ""
        while time.monotonic() < deadline:
            asked = subprocess.run(
                ["docker", "exec", self.name, "systemctl", "is-system-running", "--wait"],
                capture_output=True,
                text=True,
                check=False,
            )
            state = asked.stdout.strip() or asked.stderr.strip()
            if state == "running":
                return
            time.sleep(0.1)
        raise RuntimeError(f"systemd in {self.name} is not running but: {state}")

    def remove(self) -> None:
        """Take the container away."""
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], check=True, stdout=subprocess.DEVNULL)
