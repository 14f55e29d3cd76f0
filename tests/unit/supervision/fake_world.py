# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in memory, with a supervisor whose processes behave as they are told."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Instance,
    Slot,
    Standing,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Completed,
    FileFacts,
    Files,
    FileState,
    Folders,
    Listener,
    Locks,
    Network,
    Paths,
    Position,
    Process,
    ProcessTable,
    Sockets,
)

RELEASE = "/srv/shop/releases/1"
DAEMON = 100


def request(state: str = "started", *processes: Mapping[str, Any], **options: Any) -> Request:
    """As the module gives it, with all options."""
    given: dict[str, Any] = {
        "application": "shop",
        "slot": "blue",
        "state": state,
        "release": RELEASE if state == "started" else None,
        "candidate": False,
        "save": False,
        "stable": 5.0,
        "processes": list(processes) or None,
        "ecosystem": None,
        "ecosystem_environment": None,
    }
    return Request(**{**given, **options})


@dataclass
class Running:
    """A process as the kernel has it."""

    process: Process
    name: str = ""
    directory: str = RELEASE
    memory: int = 50 * 2**20
    ports: Collection[int] = ()
    ignores_signals: bool = False


@dataclass
class FakeHost:
    """All ports of a host at once."""

    content: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {RELEASE, f"{RELEASE}/api"})
    links: dict[str, str] = field(default_factory=dict)
    table: dict[int, Running] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    programs: Sequence[str] = ("node", "pm2", "/opt/node/bin/node")
    seconds: float = 0.0
    # What happens once it is so late.
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    signals: list[int] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    next_pid: int = 1000
    # PM2's directory of all these processes.
    home: str = "/home/app/.pm2"

    def __post_init__(self) -> None:
        for name in ("web.js", "worker.js", "api/main.js"):
            self.content.setdefault(f"{RELEASE}/{name}", b"")
        self.table[DAEMON] = Running(Process(DAEMON, "1", 1, "/usr/bin/node", "God"), directory="/")

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
            now=lambda: 1_800_000_000 + self.seconds,
        )

    def spawn(self, name: str, *, parent: int = DAEMON, **facts: Any) -> Running:
        """Have one more process."""
        self.next_pid += 1
        process = Process(self.next_pid, str(self.next_pid * 10), parent, "/usr/bin/node", f"node {name}")
        self.table[process.pid] = Running(process, name, **facts)
        return self.table[process.pid]

    def comes(self, name: str) -> None:
        """Have one more that nobody asked for."""
        self.spawn(name)

    def pause(self, seconds: float) -> None:
        """Let time pass, and what has to happen meanwhile."""
        self.seconds += seconds
        for moment, act in [one for one in self.later if one[0] <= self.seconds]:
            self.later.remove((moment, act))
            act()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have this happen then."""
        self.later.append((self.seconds + seconds, act))

    # Files, folders, paths.
    def read(self, path: str) -> FileState | None:
        content = self.content.get(path)
        return None if content is None else FileState(content, Access("app", "app", 0o600), 1000, 1000)

    def write(self, path: str, content: bytes, access: Access) -> None:
        assert access.mode == 0o600
        self.content[path] = content

    def remove(self, path: str) -> None:
        self.content.pop(path, None)

    def real(self, path: str) -> str:
        return self.links.get(posixpath.normpath(path), posixpath.normpath(path))

    def prepare(self, path: str, *, mode: int = 0o700) -> None:
        self.folders.add(posixpath.normpath(path))

    def facts(self, path: str) -> FileFacts | None:
        kind = "file" if path in self.content else "dir" if path in self.folders else None
        return FileFacts(kind, 0o700, "app", "app", 0, 0.0, True) if kind else None

    def end(self, path: str) -> Position | None:
        return Position(1, len(self.content[path]), "") if path in self.content else None

    def lines(self, path: str, since: Position | None = None) -> Iterator[str]:
        yield from self.content[path][since.offset if since else 0 :].decode().splitlines()

    # Programs and locks.
    def find(self, *programs: str) -> str | None:
        return next((program for program in programs if program in self.programs), None)

    def run(self, argv: Sequence[str], **how: Any) -> Completed:
        raise AssertionError(argv)

    @contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        self.held.append(path)
        yield

    # Processes and sockets.
    def at(self, pid: int) -> Process | None:
        return self.table[pid].process if pid in self.table else None

    def all(self) -> list[Process]:
        return [self.table[pid].process for pid in sorted(self.table)]

    def signal(self, process: Process, number: int) -> bool:
        if self.at(process.pid) != process:
            return False
        self.signals.append(process.pid)
        del self.table[process.pid]
        return True

    def directory(self, pid: int) -> str | None:
        return self.table[pid].directory if pid in self.table else None

    def memory(self, pid: int) -> int | None:
        return self.table[pid].memory if pid in self.table else None

    def environment(self, pid: int) -> str | None:
        return f"PM2_HOME={self.home}\0SHIPSHAPE_PROCESS={self.table[pid].name}\0" if pid in self.table else None

    def opened(self, pid: int) -> frozenset[str]:
        return frozenset(f"{pid}:{port}" for port in self.table[pid].ports) if pid in self.table else frozenset()

    def listening(self, ports: Collection[int] | None = None) -> list[Listener]:
        return [
            Listener("127.0.0.1", port, 1000, f"{pid}:{port}")
            for pid, one in self.table.items()
            for port in one.ports
            if ports is None or port in ports
        ]

    # The network, as far as a question for health needs it.
    @contextmanager
    def connect(self, host: str, port: int, *, timeout: float, trust: object = None) -> Iterator[Any]:
        if not self.listening([port]):
            raise HttpError("refused", reason="refused")
        yield _Stream(self.statuses.get(port, 200))


@dataclass
class _Stream:
    status: int
    is_said: bool = False

    def send(self, data: bytes) -> None:
        assert data.startswith(b"GET /")

    def receive(self, timeout: float | None = None) -> bytes:
        said, self.is_said = self.is_said, True
        return b"" if said else f"HTTP/1.0 {self.status} x\r\n\r\n".encode()


# What a process does once it is started.
Behaviour = Callable[[FakeHost, Running, Definition], None]


def listens(host: FakeHost, running: Running, definition: Definition) -> None:
    """As it should."""
    owner = host.table[DAEMON] if definition.is_cluster else running
    owner.ports = {*owner.ports, definition.port} if definition.port else owner.ports


@dataclass
class FakeSupervisor:
    """Keeps what it is told, and starts what behaves in some way."""

    host: FakeHost
    slot: Slot = field(default_factory=lambda: Slot("shop", "blue"))
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    told: dict[str, Definition] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)
    cannot: Sequence[str] = ()
    others: dict[str, str] = field(default_factory=dict)
    unready: Sequence[str] = ()
    is_saved: bool = False
    memory: Sequence[str] = ()
    words: Sequence[str] = ()
    # Raised by the next start, once the processes are there.
    failing: list[BaseException] = field(default_factory=list)
    name: str = "fake"
    lock: str = "/lock"

    def full_name(self, name: str) -> str:
        return f"{name}-{self.slot.name}" if self.slot.name else name

    def clean(self) -> Sequence[str]:
        return ["env", "-i"]

    def problems(self, definitions: Sequence[Definition]) -> Iterator[str]:
        yield from self.cannot

    def look(self) -> Standing:
        self.acts.append("look")
        return Standing(self.listed(), self.is_saved, self.memory, ["Two versions."])

    def listed(self) -> list[Instance]:
        """The instances, of which those that ended by themselves have no process."""
        return [one if one.pid in self.host.table else replace(one, pid=0, exit_code=3) for one in self.instances]

    def parent(self) -> int:
        return DAEMON

    def kept(self) -> Mapping[str, Definition]:
        return dict(self.told)

    def called(self, pid: int) -> str | None:
        return {7: "other"}.get(pid)

    def foreign(self, name: str) -> str | None:
        return self.others.get(name)

    def start(
        self,
        definitions: Sequence[Definition],
        *,
        release: str,
        digests: Mapping[str, str],
        is_candidate: bool,
        stable: float,
    ) -> Sequence[str]:
        self.acts.append(f"start {' '.join(one.name for one in definitions)}{' candidate' if is_candidate else ''}")
        for definition in definitions:
            self.told[definition.name] = definition
            for _number in range(definition.instances):
                running = self.host.spawn(definition.name, directory=definition.cwd)
                instance = Instance(
                    definition.name, running.process.pid, digests[definition.name], release, is_candidate
                )
                self.instances.append(instance)
                self.behaviours.get(definition.script, listens)(self.host, running, definition)
        if self.failing:
            raise self.failing.pop()
        return self.unready

    def promote(self, names: Sequence[str]) -> None:
        self.acts.append(f"promote {' '.join(names)}")
        self.instances = [
            replace(one, is_candidate=one.is_candidate and one.name not in names) for one in self.instances
        ]

    def stop(self, names: Sequence[str]) -> None:
        self.acts.append(f"stop {' '.join(names)}")
        for one in [one for one in self.instances if one.name in names]:
            self.instances.remove(one)
            if one.pid in self.host.table and not self.host.table[one.pid].ignores_signals:
                del self.host.table[one.pid]
            definition = self.told.get(one.name)
            if definition and definition.is_cluster:
                daemon = self.host.table[DAEMON]
                daemon.ports = [port for port in daemon.ports if port != definition.port]
        for name in names:
            self.told.pop(name, None)
        self.host.statuses.clear()

    def forget(self, names: Sequence[str]) -> None:
        self.acts.append(f"forget {' '.join(names)}")

    def save(self) -> None:
        self.acts.append("save")

    def members(self) -> Mapping[str, Sequence[Process]]:
        found: dict[str, list[Process]] = {}
        for one in self.host.table.values():
            if one.name:
                found.setdefault(one.name, []).append(one.process)
        return found

    def last_words(self, name: str) -> Sequence[str]:
        return self.words

    def log(self, name: str) -> str:
        return f"/logs/{name}"
