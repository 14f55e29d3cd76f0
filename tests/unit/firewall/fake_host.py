# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory, with a ufw that writes its files as the real one does, and a kernel that takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import cast

from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import Rule, read_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import ETC, FILES, Host
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.taking_back import SCRIPT, STATE
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Completed,
    Files,
    FileState,
    Folders,
    Listener,
    Locks,
    Paths,
    Process,
    ProcessTable,
    Sockets,
    Trees,
)

SSH = "10.0.0.5 51234 10.0.0.9 22"

_RULES = {4: "/etc/ufw/user.rules", 6: "/etc/ufw/user6.rules"}
_CHAIN = {4: "ufw-user-input", 6: "ufw6-user-input"}


def lines(text: str) -> list[str]:
    """The rules of a file as words."""
    return [str(rule) for rule in read_rules(text)]


@dataclass
class FakeHost:
    """All ports of a host at once; `log` has what was done, in its order."""

    rules: Mapping[int, Sequence[str]] = field(default_factory=dict)
    is_on: bool = False
    policy: str = "DROP"
    ipv6: bool = True
    kernel_has_ipv6: bool = True
    has_systemd: bool = True
    programs: Sequence[str] = ("flock",)
    connection: str | None = SSH
    published: str = ""
    # What is said to be listened on: address, port, and by which process.
    listening_on: Sequence[tuple[str, int, int]] = (("0.0.0.0", 22, 50), ("127.0.0.1", 6010, 60), ("::", 9000, 60))
    # What somebody else does as soon as the lock is held.
    meanwhile: Callable[[], None] = lambda: None
    # Commands that fail, by how they begin, and how often they succeed before.
    failing: dict[str, int] = field(default_factory=dict)
    # Rules that ufw leaves out.
    lost: str = "nothing"
    content: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    kernel: dict[int, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    # How many timers were, which passes for the minute and for chance, too.
    started: int = 0

    def __post_init__(self) -> None:
        self.content.update({f"{ETC}/{name}": b"" for name in FILES})
        ipv6 = "yes" if self.ipv6 else "no"
        self.set("default/ufw", f'IPV6={ipv6}\nDEFAULT_INPUT_POLICY="{self.policy}"\n')
        self.set("ufw/ufw.conf", f"ENABLED={'yes' if self.is_on else 'no'}\nLOGLEVEL=medium\n")
        for family, path in _RULES.items():
            rules = [Rule(line) for line in self.rules.get(family, ())]
            self.content[path] = _written(family, rules).encode()
        self.load()

    def ports(self) -> Host:
        """As the use case takes them."""
        return Host(
            commands=cast(Commands, self),
            files=cast(Files, self),
            folders=cast(Folders, self),
            locks=cast(Locks, self),
            paths=cast(Paths, self),
            processes=cast(ProcessTable, self),
            sockets=cast(Sockets, self),
            trees=cast(Trees, _Trees(self)),
            parent=lambda: 72,
            now=lambda: datetime(2026, 11, 21, 9, self.started, tzinfo=timezone.utc),
            random=lambda count: bytes([self.started]) * count,
        )

    def set(self, name: str, text: str) -> None:
        """Have a file of ufw's hold this."""
        self.content[f"{ETC}/{name}"] = text.encode()

    def text(self, name: str) -> str:
        """What a file of ufw's holds."""
        return self.content[f"{ETC}/{name}"].decode()

    def words(self, family: int = 4) -> list[str]:
        """The rules of a family, in words."""
        return lines(self.content[_RULES[family]].decode())

    def ufw_files(self) -> dict[str, bytes]:
        """All that is ufw's."""
        return {name: self.content[f"{ETC}/{name}"] for name in FILES}

    def load(self) -> None:
        """Have the kernel do what the files say."""
        policy = "ACCEPT" if not self.is_on or "ACCEPT" in self.text("default/ufw") else "DROP"
        self.kernel = dict.fromkeys((4, 6), f"-P INPUT {policy}\n")
        if self.is_on:
            for family, path in _RULES.items():
                self.exchange(family, self.content[path].decode())

    def exchange(self, family: int, text: str) -> None:
        """Have the kernel do what is in one file."""
        policy = self.kernel[family].partition("\n")[0]
        added = re.findall(rf"^-A {_CHAIN[family]} .*\n", text, re.MULTILINE)
        self.kernel[family] = f"{policy}\n-N {_CHAIN[family]}\n{''.join(added)}"

    def read(self, path: str) -> FileState | None:
        mode = 0o755 if path.startswith("/usr") else 0o644
        return FileState(self.content[path], Access("root", "root", mode), 0, 0) if path in self.content else None

    def write(self, path: str, content: bytes, access: Access) -> None:
        self.log.append(f"write {path} {access.mode:o}")
        self.content[path] = content

    def prepare(self, path: str, *, mode: int = 0o700) -> None:
        self.log.append(f"prepare {path} {mode:o}")

    def remove(self, path: str) -> None:
        if self.content.pop(path, None) is not None:
            self.log.append(f"remove {path}")

    @contextmanager
    def temporary(self, parent: str) -> Iterator[str]:
        yield f"{parent}/room"

    @contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        self.log.append("lock")
        then, self.meanwhile = self.meanwhile, lambda: None
        then()
        try:
            yield
        finally:
            self.log.append("unlock")

    def facts(self, path: str) -> object:
        is_there = {"/run/systemd/system": self.has_systemd, "/proc/sys/net/ipv6": self.kernel_has_ipv6}.get(
            path, path in self.content
        )
        return object() if is_there else None

    def find(self, *programs: str) -> str | None:
        return next((program for program in programs if program in self.programs), None)

    def at(self, pid: int) -> Process | None:
        """init, SSH's server, a session of it, sudo, a shell that sudo started."""
        known = {
            1: (0, "init"),
            50: (1, "sshd"),
            60: (50, "sshd"),
            70: (60, "sh"),
            71: (70, "sudo"),
            72: (71, "python3"),
        }
        if pid not in known:
            return None
        parent, program = known[pid]
        return Process(pid, "", parent, f"/usr/sbin/{program}", "")

    def all(self) -> list[Process]:
        return [process for process in map(self.at, range(80)) if process]

    def environment(self, pid: int) -> str | None:
        given = f"SSH_CONNECTION={self.connection}\0" if self.connection and pid in (70, 71) else ""
        return f"PATH=/bin\0{given}HOME=/root\0" if pid > 1 else None

    def opened(self, pid: int) -> frozenset[str] | None:
        return frozenset(str(port) for _address, port, owner in self.listening_on if owner == pid)

    def listening(self, ports: Collection[int] | None = None) -> list[Listener]:
        return [Listener(address, port, 0, str(port)) for address, port, _owner in self.listening_on]

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float | None = None) -> Completed:
        words = " ".join(argv)
        if words not in ("iptables -S", "ip6tables -S"):
            self.log.append(words)
        begin = next((begin for begin in self.failing if words.startswith(begin)), None)
        if begin is not None:
            self.failing[begin] -= 1
            if self.failing[begin] < 0:
                if words == "ufw reload":
                    self.kernel = {}
                return Completed(tuple(argv), 1, "", f"ERROR: {begin} is broken")
        return Completed(tuple(argv), 0, self._done(argv, words, stdin), "")

    def _done(self, argv: Sequence[str], words: str, stdin: str) -> str:
        family = 6 if argv[0].startswith("ip6") else 4
        self.started += argv[0] == "systemd-run"
        if words.endswith("tables -S"):
            return self.kernel[family]
        if words.endswith("-restore --noflush"):
            self.exchange(family, stdin)
        elif words == "iptables -t nat -S DOCKER":
            return self.published
        elif words.startswith("ufw --datadir=/run/room/ufw default"):
            tree = self.trees["/run/room/ufw"]
            made = {"allow": "ACCEPT", "deny": "DROP", "reject": "REJECT"}[argv[3]]
            tree["etc/default/ufw"] = re.sub(
                rb'(POLICY=)"\w+"', rb'\1"' + made.encode() + b'"', tree["etc/default/ufw"]
            )
            tree["etc/ufw/after.rules"] += b"logs"
        elif words.startswith("ufw --datadir=/run/room/ufw logging"):
            tree = self.trees["/run/room/ufw"]
            # Else it would change the kernel.
            assert b"ENABLED=no" in tree["etc/ufw/ufw.conf"]
            for its, path in _RULES.items():
                rules = [rule for rule in read_rules(tree[path[1:]].decode()) if self.lost not in str(rule)]
                tree[path[1:]] = _written(
                    its, rules if (self.ipv6 and self.kernel_has_ipv6) or its == 4 else []
                ).encode()
        elif words in ("ufw --force enable", "ufw reload", "ufw disable"):
            self.is_on = not words.endswith("disable")
            self.set("ufw/ufw.conf", f"ENABLED={'yes' if self.is_on else 'no'}\nLOGLEVEL=medium\n")
            self.load()
        elif list(argv[:2]) == ["/bin/sh", SCRIPT]:
            self._take_back()
        return ""

    def _take_back(self) -> None:
        assert "unlock" in self.log[self.log.index("lock") :]
        for name in FILES:
            self.content[f"{ETC}/{name}"] = self.content[f"{STATE}/before/{name.rpartition('/')[2]}"]
        pending = self.content.pop(f"{STATE}/pending")
        self.content[f"{STATE}/taken-back"] = pending + b"taken_back 2026-11-21T09:02:00Z\n"
        self.is_on = "ENABLED=yes" in self.text("ufw/ufw.conf")
        self.load()


@dataclass
class _Trees:
    host: FakeHost

    def write(self, path: str, files: Mapping[str, bytes]) -> None:
        self.host.trees[path] = dict(files)

    def read(self, path: str) -> dict[str, bytes] | None:
        return self.host.trees[path]


def _written(family: int, rules: Sequence[Rule]) -> str:
    return "".join(f"### tuple ### {rule.line}\n-A {_CHAIN[family]} {rule.spec}\n\n" for rule in rules)
