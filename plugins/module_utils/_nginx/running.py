# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The running nginx: which it is, what it has read, and how it reads anew. This module is private to the collection."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import Configuration
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.plan import Answer, Request, marker_host
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.verdict import (
    SitesError,
    is_final,
    problems_of_log,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._plain_http import get
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Position, Process

# As the kernel has them.
_SIGHUP, _SIGKILL, _SIGTERM = 1, 9, 15

_MASTER, _WORKER, _LEAVING = "nginx: master process", "nginx: worker process", "is shutting down"

_PAUSE = 0.05
# So often in a row, over new connections, because each worker answers for itself.
_ANSWERS = 4
# Seconds for a server on this host to answer.
_SOON = 2
# How long systemd may take to answer, to end what is left and to start.
_LONGEST_START = 60


class NotTaken(SitesError):
    """nginx goes on with what it had read before."""

    def __init__(self, words: Sequence[str], message: str) -> None:
        super().__init__(message)
        # What it has written to its log.
        self.words = words


class Died(SitesError):
    """The master process has ended."""


def find_master(request: Request, configuration: Configuration, world: World) -> Process | None:
    """The master process, by its own file with its number, or else by the log that it has open."""
    pid = configuration.pid()
    path = configuration.path(pid.arguments[0].text) if pid else _compiled_pid_path(request, world)
    present = world.files.read(path) if path else None
    number = present.content.strip() if present else b""
    if number.isdigit():
        process = world.processes.at(int(number))
        if process and _is_master(process, request):
            return process
    # Of a server in a container, which root sees too, the logs are others.
    found = [world.processes.at(holder.pid) for holder in world.open_files.holding(configuration.error_logs())]
    return next((one for one in found if one and _is_master(one, request)), None)


def _compiled_pid_path(request: Request, world: World) -> str | None:
    if world.commands.find(request.program) is None:
        return None
    found = re.search(r"--pid-path=(\S+)", world.commands.run([request.program, "-V"]).stderr)
    return found[1] if found else None


def _is_master(process: Process, request: Request) -> bool:
    return process.title.startswith(_MASTER) and _is_nginx(process, request)


def _is_nginx(process: Process, request: Request) -> bool:
    return posixpath.basename(process.program) == posixpath.basename(request.program)


def ask(request: Request, world: World) -> Answer | None:
    """What nginx says that it has read of this application, or of another that answers in its place."""
    place = ("127.0.0.1", request.status_port)
    try:
        status, body = get(world.network, place, "/generation", host=marker_host(request.name), timeout=_SOON)
    except HttpError:
        return None
    words = body.split()
    return Answer(*words) if status == 200 and len(words) == 2 else None


@dataclass(frozen=True)
class Server:
    """A running nginx as it was before anything was done to it."""

    request: Request
    world: World
    master: Process
    workers: frozenset[tuple[int, str]]
    # The service of systemd that started it, if one did.
    unit: str | None
    logs: Sequence[str]

    def reload(self, is_read: Callable[[Answer | None], bool], *, timeout: float) -> None:
        """Have it read its configuration, and return once new workers alone answer, with what is wanted.

        Raises NotTaken, after so many seconds at most, or Died.
        """
        world = self.world
        before = workers_of(self.master, world)
        logs = {path: world.paths.end(path) for path in self.logs}
        if not world.processes.signal(self.master, _SIGHUP):
            raise Died("nginx has died.")
        deadline = world.clock() + timeout
        while not self._is_renewed(before) or not self._answers(is_read):
            if not self.lives():
                raise Died("nginx died while it was reading its configuration.")
            words = self._words(logs)
            if any(map(is_final, words)):
                raise NotTaken(words, "nginx goes on with what it had read before.")
            if world.clock() > deadline:
                raise NotTaken(
                    words,
                    f"nginx did not answer with new workers alone on 127.0.0.1:{self.request.status_port} within"
                    f" {timeout:g} s: look at its error log, or allow more time.",
                )
            world.pause(_PAUSE)

    def lives(self) -> bool:
        """Whether the master process is still there."""
        present = self.world.processes.at(self.master.pid)
        return present is not None and present.began == self.master.began

    def is_untouched(self) -> bool:
        """Whether exactly the workers of before are there and take requests."""
        return workers_of(self.master, self.world) == self.workers

    def revive(self, is_read: Callable[[Answer | None], bool], *, timeout: float) -> None:
        """Start it again after it has died, with the files that are there now."""
        world, request = self.world, self.request
        self._end_orphans()
        # Not start: the service may be set to come back by itself, and then it has read what did not work.
        argv = ("systemctl", "restart", self.unit) if self.unit else (request.program, "-c", request.main_file)
        world.commands.run(argv, timeout=_LONGEST_START).succeeded("Starting nginx again")
        deadline = world.clock() + timeout
        while not self._answers(is_read):
            if world.clock() > deadline:
                raise NotTaken((), "nginx was started again and does not answer as before.")
            world.pause(_PAUSE)

    def _is_renewed(self, before: frozenset[tuple[int, str]]) -> bool:
        now = workers_of(self.master, self.world)
        return bool(now) and before.isdisjoint(now)

    def _answers(self, is_read: Callable[[Answer | None], bool]) -> bool:
        return all(is_read(ask(self.request, self.world)) for _again in range(_ANSWERS))

    def _words(self, logs: Mapping[str, Position | None]) -> list[str]:
        # nginx makes a log that is new only while it reads its configuration.
        there = {path: end for path, end in logs.items() if self.world.paths.facts(path) is not None}
        lines = (line for path, end in there.items() for line in self.world.paths.lines(path, end))
        return list(dict.fromkeys(problems_of_log(lines, self.master.pid)))

    def _end_orphans(self) -> None:
        """What a master leaves behind that was killed still listens, and nobody else could."""
        for number in (_SIGTERM, _SIGKILL):
            deadline = self.world.clock() + _SOON
            for one in self._orphans():
                self.world.processes.signal(one, number)
            while self._orphans() and self.world.clock() < deadline:
                self.world.pause(_PAUSE)

    def _orphans(self) -> list[Process]:
        every = self.world.processes.all()
        masters = {one.pid for one in every if one.title.startswith(_MASTER)}
        return [
            one
            for one in every
            if one.title.startswith("nginx: ")
            # Of a process that has changed its user, not even root of a container may know the program.
            and (not one.program or _is_nginx(one, self.request))
            and not {one.pid, one.parent} & masters
            and int(one.began) >= int(self.master.began)
        ]


def workers_of(master: Process, world: World) -> frozenset[tuple[int, str]]:
    """The processes of this nginx that take requests, each by its number and when it began."""
    children = (one for one in world.processes.all() if one.parent == master.pid)
    return frozenset(
        (one.pid, one.began) for one in children if one.title.startswith(_WORKER) and _LEAVING not in one.title
    )


def observe_server(request: Request, master: Process, logs: Sequence[str], world: World) -> Server:
    """The running nginx as it is now."""
    return Server(
        request=request,
        world=world,
        master=master,
        workers=workers_of(master, world),
        unit=_unit(master, world),
        logs=[path for path in logs if _is_log(path, world)],
    )


def _is_log(path: str, world: World) -> bool:
    facts = world.paths.facts(path)
    return facts is None or facts.type == "file"


def _unit(master: Process, world: World) -> str | None:
    """The service whose main process this is, as systemd says, which may not be there at all."""
    groups = world.files.read(f"/proc/{master.pid}/cgroup")
    found = re.search(
        r"/([^/\n]+\.service)$", groups.content.decode("utf-8", "replace") if groups else "", re.MULTILINE
    )
    if not found or world.commands.find("systemctl") is None:
        return None
    said = world.commands.run(
        ["systemctl", "show", "--property", "MainPID", "--value", found[1]], timeout=_LONGEST_START
    )
    return found[1] if said.stdout.strip() == str(master.pid) else None
