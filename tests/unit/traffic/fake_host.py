# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory, with an nginx that looks at its flags, and backends."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import FLAGS
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Completed,
    Entry,
    Files,
    FileState,
    Folders,
    Locks,
    Network,
    Paths,
    Process,
    ProcessTable,
    Socket,
    Sockets,
)

SHOP = f"{FLAGS}/shop"

SLOTS = {"slots": {"blue": ["127.0.0.1:3001"], "green": ["127.0.0.1:3002"]}}
BATCHES = {"batches": {"app1": ["one:5000"], "app2": ["two:5000"], "app3": ["three:5000"]}, "min_healthy": 2}
HEALTH = {"health": {"path": "/health", "host": "shop.example.com"}}

_BACKENDS = ("127.0.0.1:3001", "127.0.0.1:3002", "one:5000", "two:5000", "three:5000")

_ZONE = timezone(timedelta(hours=2))

Status = Callable[[], "tuple[int, str] | HttpError"]


def declared(**told: Any) -> dict[str, Any]:
    """The file of an application."""
    return {"name": "shop", "flags": SHOP, "status": {"port": 8099, "host": "traffic.shop"}, **told}


@dataclass
class FakeHost:
    """All ports of a host at once; `log` has what was done, in its order."""

    told: Mapping[str, Any]
    content: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    # What backends answer at their health path; those that are not here refuse.
    answers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_BACKENDS, 200))
    # What nginx answers instead of what its flags say.
    status: Status | None = None
    has_systemd: bool = True
    programs: Sequence[str] = ("flock",)
    # How many connections there are at which second; the last stays.
    connections: Sequence[tuple[int, int]] = ((0, 0),)
    # What somebody else does as soon as the lock is held.
    meanwhile: Callable[[], None] = lambda: None
    failing: Sequence[str] = ()
    seconds: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)
    awaited: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.content["/etc/nginx/applications/shop/traffic.json"] = json.dumps(self.told).encode()
        self.content["/proc/sys/kernel/random/boot_id"] = b"kernel\n"

    def ports(self) -> Host:
        """As the use case takes them."""
        return Host(
            commands=cast(Commands, self),
            files=cast(Files, self),
            folders=cast(Folders, self),
            locks=cast(Locks, self),
            network=cast(Network, self),
            paths=cast(Paths, self),
            processes=cast(ProcessTable, self),
            sockets=cast(Sockets, self),
            clock=lambda: self.seconds,
            pause=self.pause,
            now=lambda: datetime(2026, 11, 21, 11, tzinfo=_ZONE) + timedelta(seconds=self.seconds),
            random=lambda count: b"\x2a" * count,
        )

    def flags(self, folder: str = "on") -> list[str]:
        """Which flags stand there."""
        return [entry.name for entry in self.entries(f"{SHOP}/{folder}")]

    def turn(self, *flags: str) -> FakeHost:
        """Have these on from the beginning."""
        self.content.update({f"{SHOP}/on/{flag}": b"" for flag in flags})
        return self

    def pause(self, seconds: float) -> None:
        self.seconds += seconds

    def read(self, path: str) -> FileState | None:
        mode = 0o755 if path.startswith("/usr") else 0o644
        return FileState(self.content[path], Access("root", "root", mode), 0, 0) if path in self.content else None

    def write(self, path: str, content: bytes, access: Access) -> None:
        self.log.append(f"write {path} {access.mode:o}")
        self.content[path] = content

    def prepare(self, path: str, *, mode: int = 0o700) -> None:
        self.log.append(f"prepare {path} {mode:o}")

    def entries(self, path: str) -> list[Entry]:
        inside = sorted(name for name in self.content if name.rpartition("/")[0] == path)
        return [Entry(name.rpartition("/")[2], is_file=True, size=0, modified=0) for name in inside]

    def move(self, path: str, target: str) -> None:
        self.log.append(f"move {path} {target}")
        self.content[target] = self.content.pop(path)

    def remove(self, path: str) -> None:
        self.log.append(f"remove {path}")
        self.content.pop(path, None)

    @contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        self.log.append(f"lock {path}")
        then, self.meanwhile = self.meanwhile, lambda: None
        then()
        yield
        # Only where all went well.
        self.log.append("unlock")

    def facts(self, path: str) -> object:
        is_there = self.has_systemd if path == "/run/systemd/system" else path in self.content
        return object() if is_there else None

    def find(self, *programs: str) -> str | None:
        return next((program for program in programs if program in self.programs), None)

    def run(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        self.log.append(" ".join(argv))
        if argv[:2] == ["systemctl", "enable"] and argv[0] not in self.failing:
            self.content[f"/etc/systemd/system/multi-user.target.wants/{argv[-1]}"] = b""
        return Completed(tuple(argv), int(argv[0] in self.failing), "", "refused")

    def at(self, pid: int) -> Process | None:
        return Process(pid, "77", 0, "/usr/lib/systemd/systemd", "") if pid == 1 else None

    def all(self) -> list[Process]:
        programs = {5: (1, "/usr/sbin/nginx"), 6: (5, ""), 7: (1, "/usr/bin/node"), 8: (7, ""), 9: (5, "")}
        return [Process(pid, "", parent, program, "") for pid, (parent, program) in programs.items()]

    def established(self, remote: Collection[tuple[str, int]], owners: Collection[int]) -> list[Socket]:
        self.awaited = [sorted(remote), list(owners)]
        requests, websockets = self.connections[min(int(self.seconds), len(self.connections) - 1)]
        places = sorted(remote) or [("", 0)]
        return [Socket(places[0], is_kept_alive=False)] * requests + [
            Socket(places[0], is_kept_alive=True)
        ] * websockets

    def addresses(self, host: str) -> list[str]:
        if host == "three":
            raise HttpError("three has no address: nobody knows it.", reason="dns")
        return [host] if host[0].isdigit() else [f"10.0.0.{len(host)}"]

    @contextmanager
    def connect(self, host: str, port: int, *, timeout: float) -> Iterator[_Stream]:
        place = f"{host}:{port}"
        if place == "127.0.0.1:8099":
            said = self.status() if self.status else self.seen_by_nginx()
        else:
            said = (
                (self.answers[place], "") if place in self.answers else HttpError(f"{place} is shut.", reason="refused")
            )
        if isinstance(said, HttpError):
            raise said
        yield _Stream(self, place, *said)

    def seen_by_nginx(self) -> tuple[int, str]:
        """What the status server of the role says."""
        flags = self.flags()
        group = "green" if "green" in flags else "blue"
        if self.told.get("batches"):
            group = next((f"without_{flag[6:]}" for flag in flags if flag.startswith("drain-")), "all")
        return 200, json.dumps({"group": group, "maintenance": "on" if "maintenance" in flags else "off"})


@dataclass
class _Stream:
    host: FakeHost
    place: str
    status: int
    text: str
    is_read: bool = False

    def send(self, data: bytes) -> None:
        self.host.asked.append((self.place, data.decode()))

    def receive(self, timeout: float | None = None) -> bytes:
        if self.is_read or not self.status:
            return b""
        self.is_read = True
        return f"HTTP/1.1 {self.status} Word\r\n\r\n{self.text}".encode()
