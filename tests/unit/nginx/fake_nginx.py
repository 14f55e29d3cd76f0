# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An nginx that reads real files and does with them what a test wants."""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import read_configuration
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Completed,
    FileState,
    Handshake,
    Holder,
    Process,
    ProcessTable,
    Stream,
    Trust,
)

_ANSWER = re.compile(r'server_name generation\.(\S+);.*return 200 "(.*)\\n";', re.DOTALL)

HUP = 1


class Nginx:
    """Every port that reaches nginx: its processes, its server and the commands about it.

    Whatever holds the word `broken` is refused by a test.
    """

    def __init__(self, room: Path) -> None:
        self.room = room
        self.directory = room / "nginx"
        self.directory.mkdir()
        self.log = room / "error.log"
        self.log.touch()
        self.main = self.directory / "nginx.conf"
        self.main.write_text(
            f"pid {room}/nginx.pid; error_log {self.log}; http {{ include applications/*/*.conf; }}", encoding="utf-8"
        )
        # What it does when it is told to read its configuration, and what it says; the last goes on.
        self.manners = ["takes"]
        # The service in whose group of processes it is, and whether systemd takes it for the main one of that.
        self.unit: str | None = None
        self.is_main = True
        self.missing: Collection[str] = ()
        self.findings = "[]"
        self.warnings = ""
        self.seconds = 0.0
        self.trees = HostTrees()
        self.held: list[tuple[str, float]] = []
        self.signals: list[tuple[int, int]] = []
        self.commands: list[tuple[str, ...]] = []
        self.processes: dict[int, Process] = {}
        self._read: dict[str, str] = {}
        self._number = 40

    def start(self) -> Nginx:
        """As systemd or a person does it."""
        self._number += 1
        master = self._number
        self._add(master, 1, "nginx: master process /usr/sbin/nginx -g daemon on;")
        (self.room / "nginx.pid").write_text(f"{master}\n", encoding="utf-8")
        self._take(master)
        return self

    def world(self) -> World:
        """Everything else is the host's own."""
        return World(
            commands=_Commands(self),
            files=_Files(self),
            folders=_Folders(self.room),
            locks=_Locks(self),
            network=_Network(self),
            open_files=_OpenFiles(self),
            paths=HostPaths(),
            processes=cast(ProcessTable, _Processes(self)),
            trees=self.trees,
            clock=lambda: self.seconds,
            pause=self._pause,
            room=lambda: "/run",
        )

    def master(self) -> Process | None:
        """The one that lives."""
        return next((one for one in self.processes.values() if "master" in one.title), None)

    def workers(self) -> list[int]:
        """Those that take requests."""
        return [one.pid for one in self.processes.values() if one.title == "nginx: worker process"]

    def answer(self, host: str) -> str:
        """What it has read for a host name, or for the first of all."""
        return self._read.get(host) or next(iter(self._read.values()), "")

    def receive(self, process: Process, number: int) -> bool:
        """What a signal does."""
        self.signals.append((process.pid, number))
        if process.pid not in self.processes:
            return False
        if number != HUP:
            del self.processes[process.pid]
            return True
        manner, *words = (self.manners.pop(0) if len(self.manners) > 1 else self.manners[0]).split("|")
        if manner in ("takes", "leaves an old worker"):
            kept = {pid: self.processes[pid] for pid in self.workers()[:1] if manner != "takes"}
            self._take(process.pid)
            self.processes.update(kept)
        elif manner == "forgets the files":
            read = self._read
            self._take(process.pid)
            self._read = read
        elif manner == "dies":
            del self.processes[process.pid]
            for one in [one for one in self.processes.values() if one.parent == process.pid]:
                self.processes[one.pid] = replace(one, parent=1)
        else:
            assert manner == "goes on"
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(f"2026/11/21 23:09:27 [emerg] {process.pid}#0: {one}\n" for one in words)
        return True

    def _take(self, master: int) -> None:
        for pid in self.workers():
            if self.processes[pid].parent == master:
                self._add(pid, master, "nginx: worker process is shutting down")
        for _worker in range(2):
            self._number += 1
            self._add(self._number, master, "nginx: worker process")
        texts = read_configuration(str(self.directory), HostTrees().matching).texts
        self._read = {found[1]: found[2] for text in texts.values() if (found := _ANSWER.search(text))}

    def _add(self, pid: int, parent: int, title: str) -> None:
        self.processes[pid] = Process(pid, str(pid * 10), parent, "/usr/sbin/nginx", title)

    def _pause(self, seconds: float) -> None:
        self.seconds += seconds


class _Files(HostFiles):
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    def read(self, path: str) -> FileState | None:
        if path.startswith("/proc/"):
            unit = self._nginx.unit or "session-3.scope"
            content = f"1:name=systemd:/x\n0::/docker/0/system.slice/{unit}\n".encode()
            return FileState(content, super().read(__file__).access, 0, 0)  # type: ignore[union-attr]  # it is there
        return super().read(path)


class _Folders(HostFolders):
    def __init__(self, room: Path) -> None:
        self._room = room

    @contextlib.contextmanager
    def temporary(self, parent: str, *, owner: str | None = None) -> Iterator[str]:
        assert (parent, owner) == ("/run", None)
        with super().temporary(str(self._room)) as path:
            yield path


class _Commands:
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    def find(self, *programs: str) -> str | None:
        return next((program for program in programs if program not in self._nginx.missing), None)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: str = "",
        timeout: float | None = None,
        file: str | None = None,
        is_clean: bool = False,
    ) -> Completed:
        self._nginx.commands.append(tuple(argv))
        return Completed(tuple(argv), *self._done(argv))

    def _done(self, argv: Sequence[str]) -> tuple[int, str, str]:
        nginx = self._nginx
        if argv[0] == "gixy":
            return 1, nginx.findings.replace("STAGE", posixpath.dirname(argv[-1])), "trouble"
        if argv[:2] == ["systemctl", "show"]:
            master = nginx.master()
            return 0, f"{master.pid if master and nginx.is_main and argv[-1] == nginx.unit else 0}\n", ""
        if argv[:2] == ["nginx", "-V"]:
            return 0, "", f"configure arguments: --prefix=/x --pid-path={nginx.room}/nginx.pid --y"
        if argv[:2] == ["nginx", "-T"]:
            return self._tested(argv[3])
        nginx.start()
        return 0, "", ""

    def _tested(self, main: str) -> tuple[int, str, str]:
        read = read_configuration(posixpath.dirname(main), HostTrees().matching)
        for path in read.made_by_a_test():
            Path(path).touch()
        broken = [
            f'nginx: [emerg] unknown directive "{one.name}" in {one.file}:{one.line}\n'
            for one in read.directives
            if one.name == "broken"
        ]
        shown = "".join(f"# configuration file {path}:\n{text}\n" for path, text in read.texts.items())
        return (1, "", broken[0]) if broken else (0, shown, self._nginx.warnings)


class _Locks(HostLocks):
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    @contextlib.contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        self._nginx.held.append((path, wait))
        with super().hold_directory(path):
            yield


class _OpenFiles:
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    def holding(self, paths: Iterable[str], *, itself: bool = False) -> list[Holder]:
        return [Holder(pid, "nginx") for pid in self._nginx.processes if str(self._nginx.log) in paths]


class _Processes:
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    def at(self, pid: int) -> Process | None:
        return self._nginx.processes.get(pid)

    def all(self) -> list[Process]:
        return list(self._nginx.processes.values())

    def signal(self, process: Process, number: int) -> bool:
        return self._nginx.receive(process, number)


class _Network:
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    def addresses(self, host: str) -> list[str]:
        raise NotImplementedError

    @contextlib.contextmanager
    def connect(self, host: str, port: int, *, timeout: float, trust: Trust | None = None) -> Iterator[Stream]:
        assert (host, port, trust) == ("127.0.0.1", 8099, None)
        if not self._nginx.workers():
            raise HttpError("nobody listens", reason="refused")
        yield _Stream(self._nginx)

    def handshake(
        self, host: str, port: int, *, timeout: float, trust: Trust, name: str | None = None, version: str | None = None
    ) -> Handshake:
        raise NotImplementedError


class _Stream:
    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx
        self._answers: list[bytes] = []

    def send(self, data: bytes) -> None:
        asked = re.fullmatch(r"GET /generation HTTP/1.0\r\nHost: generation\.(\S+)\r\n\r\n", data.decode())
        assert asked
        text = self._nginx.answer(asked[1])
        self._answers = [f"HTTP/1.1 {200 if text else 404} x\r\n\r\n{text}\n".encode()]

    def receive(self, timeout: float | None = None) -> bytes:
        return self._answers.pop() if self._answers else b""
