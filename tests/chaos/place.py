# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which FaceShot is deployed as a user does it: by ansible-playbook, over SSH."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.clients import Load, load
from tests.integration.machine import BIN, ROOT, Host

SITE = "faceshot.example"
APP_ROOT = "/srv/faceshot"
DATABASE = f"{APP_ROOT}/shared/data/production.db"
# Which version is deployed where this one is live.
OTHER = {"one": "two", "two": "one"}
SCENARIO = ROOT / "molecule" / "faceshot"

# The canaries of the scenario's vars/site.yml.
CANARY = "canary-"

_SSH = """\
Host {name}
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


class Controller:
    """Where ansible-playbook is called, and the way to the hosts."""

    # What describes the application and the place, for every run.
    files: Sequence[Path] = (
        ROOT / "playbooks" / "vars" / "faceshot.yml",
        SCENARIO / "vars" / "site.yml",
        Path(__file__).with_name("vars") / "site.yml",
    )
    own: Mapping[str, Any] = {}

    def __init__(self, hosts: Mapping[str, Host], inventory: str, folder: Path) -> None:
        self.folder = folder
        (folder / "inventory").write_text(inventory)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
        for name, host in hosts.items():
            self._let_in(name, host)

    def deploy(self, version: str, *, arguments: Sequence[str] = (), **more: Any) -> Ended:
        """Deploy the branch of this name."""
        playbook = ROOT / "playbooks" / "deploy.yml"
        return self.play(playbook, arguments=arguments, **{**self._version(version), **more})

    def deploy_until(self, version: str, text: str, **more: Any) -> str:
        """Deploy the branch of this name, and kill the controller as soon as it has said this; what it has said."""
        return self._killed(self.begin(version, **more), text)

    def roll_back_until(self, text: str, **more: Any) -> str:
        """Go back, and kill the controller as soon as it has said this; what it has said."""
        return self._killed(self._start(ROOT / "playbooks" / "rollback.yml", more), text)

    def _killed(self, started: subprocess.Popen[str], text: str) -> str:
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
            # By default hosts of the same name in two places would share their connections.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_SSH_ARGS": f"-F {self.folder}/ssh_config -o ControlMaster=auto -o ControlPersist=60s",
            # Of all that there are, this one shows most.
            "ANSIBLE_STDOUT_CALLBACK": "default" if "-vvvv" in arguments else "shipshape.webapp.timeline",
            "MOLECULE_EPHEMERAL_DIRECTORY": str(self.folder),
        }
        extra = [f"--extra-vars=@{file}" for file in self.files] + [
            f"--extra-vars={json.dumps({**self.own, **variables})}"
        ]
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

    def _let_in(self, name: str, host: Host) -> None:
        public = (self.folder / "key.pub").read_text()
        host.run("sh", "-c", 'mkdir -p /root/.ssh; echo "$1" >/root/.ssh/authorized_keys', "sh", public)
        told = host.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").decode()
        with (self.folder / "known_hosts").open("a") as known:
            known.write(f"{host.ip()} {told}")
        with (self.folder / "ssh_config").open("a") as config:
            config.write(_SSH.format(name=name, address=host.ip(), folder=self.folder))


class Place(Controller):
    """One host, with nginx before the application."""

    def __init__(self, host: Host, folder: Path) -> None:
        super().__init__({"app": host}, "[faceshot]\napp\n", folder)
        self.host = host
        self.address = host.ip()
        for playbook in (SCENARIO / "prepare.yml", ROOT / "playbooks" / "prepare.yml"):
            ended = self.play(playbook, quiet=False)
            assert ended.code == 0, ended.output

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

    def sql(self, statement: str) -> str:
        """What the application's database says to this."""
        script = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    print(*(row[0] for row in connection.execute(sys.argv[2])))"""
        asked = ("python3", "-c", script, DATABASE, statement)
        return self.host.run("runuser", "-u", "faceshot", "--", *asked).decode().strip()

    def lock(self) -> str:
        """Who holds the lock, or nothing."""
        return self.host.run("cat", f"{APP_ROOT}/deployment.lock").decode().strip()

    def current(self) -> str:
        """The release to which current leads."""
        return self.host.run("readlink", f"{APP_ROOT}/current").decode().strip().removeprefix("releases/")

    def processes(self) -> dict[str, list[str]]:
        """Which releases run in which slot, as the kernel has it."""
        return running(self.host)

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


def until(is_so: Callable[[], bool], *, seconds: float = 120) -> None:
    """Return once this is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.2)


def running(host: Host) -> dict[str, list[str]]:
    """Which releases run on a host in which slot, as the kernel has it; without slots it has no name."""
    script = r"""
        for p in /proc/[0-9]*; do
            c=$(readlink $p/cwd) || continue
            case $c in /srv/faceshot/releases/*) ;; *) continue ;; esac
            s=$(tr '\0' '\n' <$p/environ | sed -n 's|^SHIPSHAPE_PROCESS=faceshot/\([a-z]*\)/.*|\1|p')
            echo "$s ${c#/srv/faceshot/releases/}"
        done"""
    found: dict[str, list[str]] = {}
    # Only their own user may look at them in a container.
    seen = host.run("runuser", "-u", "faceshot", "--", "sh", "-c", script)
    for line in seen.decode().splitlines():
        slot, _space, release = line.partition(" ")
        found.setdefault(slot, []).append(release)
    return found
