# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine as the integration tests see it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = ROOT / ".venv" / "bin"


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
    ) -> None:
        self.platform = platform
        self.name = name
        self.shared = shared
        subprocess.run(
            [
                *("docker", "run", "--detach", "--rm", "--name", name, "--cgroupns=host"),
                *("--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/run/lock"),
                *("--volume", f"{shared}:/shared", *options, f"{image}:{platform}"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def run(self, *argv: str) -> bytes:
        """The standard output of a command on the host, which must end well."""
        return subprocess.run(["docker", "exec", self.name, *argv], check=True, stdout=subprocess.PIPE).stdout

    def ip(self) -> str:
        """The host's address in the engine's own network."""
        template = "{{.NetworkSettings.IPAddress}}"
        asked = ["docker", "inspect", "--format", template, self.name]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()

    def wait_until_running(self) -> None:
        """Return once systemd has started everything."""
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
        subprocess.run(["docker", "rm", "--force", self.name], check=True, stdout=subprocess.DEVNULL)
