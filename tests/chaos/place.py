# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which FaceShot is deployed as a user does it: by ansible-playbook, over SSH."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.clients import Load, load
from tests.integration.machine import BIN, ROOT, Host

SITE = "faceshot.example"
APP_ROOT = "/srv/faceshot"
# Which version is deployed where this one is live.
OTHER = {"one": "two", "two": "one"}
SCENARIO = ROOT / "molecule" / "deployment"

# The canaries of the scenario's vars/site.yml.
CANARY = "canary-"

_SSH = """\
Host app
  HostName {address}
  User root
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking yes
  ConnectTimeout 5
"""


@dataclass(frozen=True)
class Ended:
    """How a playbook ended, and what it wrote down."""

    code: int
    output: str
    record: dict[str, Any] | None


class Place:
    """The host, and the controller's side of it."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.address = host.ip()
        self._let_in()
        (folder / "inventory").write_text("[faceshot]\napp\n")
        ended = self.play(SCENARIO / "prepare.yml", quiet=False)
        assert ended.code == 0, ended.output

    def deploy(self, version: str, *, arguments: Sequence[str] = (), **more: Any) -> Ended:
        """Deploy the branch of this name."""
        playbook = ROOT / "playbooks" / "deploy.yml"
        return self.play(playbook, arguments=arguments, **{**self._version(version), **more})

    def deploy_until(self, version: str, text: str, **more: Any) -> str:
        """Deploy the branch of this name, and kill the controller as soon as it has said this; what it has said."""
        started = self.begin(version, **more)
        said = ""
        assert started.stdout is not None
        for line in started.stdout:
            said += line
            if text in line:
                break
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        assert text in said, said
        return said

    def begin(self, version: str, **more: Any) -> subprocess.Popen[str]:
        """Begin to deploy the branch of this name."""
        return self._start(ROOT / "playbooks" / "deploy.yml", {**self._version(version), **more})

    def roll_back(self, **more: Any) -> Ended:
        """Go back."""
        return self.play(ROOT / "playbooks" / "rollback.yml", **more)

    def play(self, playbook: Path, *, quiet: bool = True, arguments: Sequence[str] = (), **variables: Any) -> Ended:
        """What becomes of a playbook."""
        before = set(self._records())
        started = self._start(playbook, variables, arguments)
        output, _errors = started.communicate()
        new = sorted(set(self._records()) - before)
        shown = [line for line in output.splitlines() if CANARY in line] if quiet else []
        assert not shown, f"a secret was shown: {shown[:3]}"
        return Ended(started.returncode, output, json.loads(new[-1].read_text()) if new else None)

    def load(self) -> AbstractContextManager[Load]:
        """Clients that ask all the time."""
        return load(self.address, SITE)

    def answer(self) -> dict[str, Any]:
        """What the world is told at the moment."""
        told = self.host.run("curl", "--silent", "--max-time", "5", f"http://{SITE}/health")
        answer: dict[str, Any] = json.loads(told)
        return answer

    def live(self) -> str:
        """The version that the world sees."""
        version: str = self.answer()["version"]
        return {"1.0.0": "one", "2.0.0": "two"}[version]

    def group(self) -> str:
        """The slot that has the requests."""
        asked = self.host.run("curl", "--silent", "--header", "Host: traffic.faceshot", "http://127.0.0.1:8099/traffic")
        group: str = json.loads(asked)["group"]
        return group

    def lock(self) -> str:
        """Who holds the lock, or nothing."""
        return self.host.run("cat", f"{APP_ROOT}/deployment.lock").decode().strip()

    def current(self) -> str:
        """The release to which current leads."""
        return self.host.run("readlink", f"{APP_ROOT}/current").decode().strip().removeprefix("releases/")

    def processes(self) -> dict[str, list[str]]:
        """Which releases run in which slot, as the kernel has it."""
        script = r"""
            for p in /proc/[0-9]*; do
                c=$(readlink $p/cwd) || continue
                case $c in /srv/faceshot/releases/*) ;; *) continue ;; esac
                s=$(tr '\0' '\n' <$p/environ | sed -n 's|^SHIPSHAPE_PROCESS=faceshot/\([a-z]*\)/.*|\1|p')
                echo "$s ${c#/srv/faceshot/releases/}"
            done"""
        found: dict[str, list[str]] = {}
        # Only their own user may look at them in a container.
        seen = self.host.run("runuser", "-u", "faceshot", "--", "sh", "-c", script)
        for line in seen.decode().splitlines():
            slot, _space, release = line.partition(" ")
            found.setdefault(slot, []).append(release)
        return found

    def tree(self) -> str:
        """All that a deployment keeps on the host, and when it was changed."""
        kept = [
            f"{APP_ROOT}/{name}"
            for name in ("releases", "current", "shared/.env", "builds", "backups", ".pm2/dump.pm2")
        ]
        seen = self.host.run("find", *kept, "-not", "-name", ".*.lock", "-printf", r"%p %s %T@ %l\n")
        return "\n".join(sorted(seen.decode().splitlines()))

    def leftovers(self) -> list[str]:
        """Timers that still would do something, and files that nobody finished."""
        timers = self.host.run("systemctl", "list-timers", "--all", "--no-legend", "shipshape-*").decode().splitlines()
        return timers + self.host.run("find", APP_ROOT, "-name", "*.shipshape-*").decode().splitlines()

    def _version(self, version: str) -> dict[str, Any]:
        return {"app_source": {"git": "/srv/repositories/faceshot.git", "version": version}}

    def _records(self) -> Sequence[Path]:
        return list((self.folder / "records").glob("*/*/record.json"))

    def _start(self, playbook: Path, variables: dict[str, Any], arguments: Sequence[str] = ()) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_ARGS": f"-F {self.folder}/ssh_config -o ControlMaster=auto -o ControlPersist=60s",
            # Of all that there are, this one shows most.
            "ANSIBLE_STDOUT_CALLBACK": "default" if "-vvvv" in arguments else "shipshape.webapp.timeline",
            "MOLECULE_EPHEMERAL_DIRECTORY": str(self.folder),
        }
        files = [ROOT / "playbooks" / "vars" / "faceshot.yml", SCENARIO / "vars" / "site.yml"]
        extra = [f"--extra-vars=@{file}" for file in files] + [f"--extra-vars={json.dumps(variables)}"]
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), f"--inventory={self.folder}/inventory", *extra, *arguments, str(playbook)],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # So that it can be killed with all that it has started.
            start_new_session=True,
        )

    def _let_in(self) -> None:
        key = self.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        public = key.with_suffix(".pub").read_text()
        self.host.run("sh", "-c", 'mkdir -p /root/.ssh; echo "$1" >/root/.ssh/authorized_keys', "sh", public)
        told = self.host.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").decode()
        (self.folder / "known_hosts").write_text(f"{self.address} {told}")
        (self.folder / "ssh_config").write_text(_SSH.format(address=self.address, folder=self.folder))


def until(is_so: Callable[[], bool], *, seconds: float = 120) -> None:
    """Return once this is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.2)
