# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixture application under a real PM2, brought to its states by the module."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.integration import inside
from tests.integration.machine import Host
from tests.integration.processes import hosts

NAME = "shop-backend"
BLUE, GREEN, OTHER = 4001, 4002, 4009
SECRET = "canary-of-a-secret"

# The program that the module is given: PM2, with each call written down.
COUNTED = f"""#!/bin/sh
echo "$*" >>{hosts.HOME}/calls
exec {hosts.PM2} "$@"
"""
PROGRAM = f"{hosts.HOME}/pm2-counted"

# PM2's daemon, and what it runs for itself: to measure the host every 30 s, and to find what a process has started.
# One that is just ending has no arguments any more, and is shown by its name in brackets.
OF_PM2 = re.compile(r"PM2 v\S+: God Daemon|df -kP$|ps -e -o pid=,ppid=$|\[(df|ps)\]$")


@dataclass
class Shop:
    """A host with releases of the application."""

    host: Host
    releases: dict[str, str] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)

    def release(self, name: str = "1") -> str:
        """The path of a release, with an environment file in it."""
        if name not in self.releases:
            path = hosts.release(self.host, name)
            text = f"SECRET='{SECRET}'\nGREETING=\"from {name}\"\nPORT=1\n"
            self.host.run(*hosts.as_user("sh", "-c", 'umask 077; printf %s "$2" >"$1"', "sh", f"{path}/.env", text))
            self.releases[name] = path
        return self.releases[name]

    def process(self, **options: Any) -> dict[str, Any]:
        """A declared process."""
        usual = {"name": NAME, "script": "app.js", "port": BLUE, "health": "/health", "environment_file": ".env"}
        return {**usual, "kill_timeout": 1, **options}

    def start(self, *processes: dict[str, Any], slot: str | None = "blue", **options: Any) -> dict[str, Any]:
        """What the module says when these are to run."""
        if slot:
            self.slots.add(slot)
        given = {"release": self.release(), "processes": list(processes) or [self.process()], "stable": 1, **options}
        return self.module(slot=slot, **given)

    def started(self, *processes: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The same, which has to end well."""
        result = self.start(*processes, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def module(
        self, *, slot: str | None = "blue", check: bool = False, diff: bool = False, **options: Any
    ) -> dict[str, Any]:
        """What the module says, and never a secret."""
        given = {"application": "shop", "slot": slot, "program": PROGRAM, **options}
        given = {option: value for option, value in given.items() if value is not None}
        result = inside.module(self.host, "pm2", user=hosts.USER, check=check, diff=diff, **given)
        assert SECRET not in json.dumps(result)
        return result

    def absent(self) -> None:
        """Have nothing left of the application in any slot."""
        while self.slots:
            result = self.module(slot=self.slots.pop(), state="absent")
            assert not result.get("failed"), result["msg"]

    def pm2(self, *words: str) -> str:
        """What PM2 says to a person."""
        return self.host.run(*hosts.as_user(hosts.PM2, *words)).decode()

    def listed(self) -> list[dict[str, Any]]:
        """What PM2 knows."""
        found: list[dict[str, Any]] = json.loads(self.pm2("jlist", "--silent"))
        return found

    def running(self) -> dict[int, str]:
        """Every process of the application's user that is not of PM2 itself."""
        told = self.host.run("ps", "-eo", "user:32=,pid=,stat=,args=").decode().splitlines()
        lines = [line.split(maxsplit=3) for line in told]
        # What has ended does not run any more, also before PM2 has taken notice.
        own = [line for line in lines if line[0] == hosts.USER and not line[2].startswith("Z")]
        return {int(pid): args for _user, pid, _state, args in own if not OF_PM2.match(args)}

    def daemons(self) -> list[int]:
        """The numbers of PM2's own processes."""
        told = self.host.run("ps", "-eo", "pid=,args=").decode().splitlines()
        return [int(line.split()[0]) for line in told if "God Daemon" in line]

    def ask(self, port: int = BLUE) -> dict[str, Any] | None:
        """What the application answers there, or None if nothing does."""
        asked = self.host.ended("curl", "--silent", "--max-time", "2", f"http://127.0.0.1:{port}/")
        if asked.returncode:
            return None
        answer: dict[str, Any] = json.loads(asked.stdout)
        return answer

    def calls(self) -> list[str]:
        """The commands that PM2 was given by the module since they were asked for last."""
        path = f"{hosts.HOME}/calls"
        told = self.host.run("sh", "-c", 'cat "$1"; rm "$1"', "sh", path).decode().splitlines()
        return [line.replace("--silent", "").strip() for line in told]

    def forget_calls(self) -> None:
        """Begin to count anew."""
        self.host.run("rm", "-f", f"{hosts.HOME}/calls")


def prepared(host: Host) -> Shop:
    """The host with the program that counts."""
    write = 'printf %s "$2" >"$1"; chmod 755 "$1"'
    host.run("sh", "-c", write, "sh", PROGRAM, COUNTED)
    return Shop(host)


def until(is_so: Callable[[], object], *, seconds: float = 60) -> None:
    """Return once this is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.1)
