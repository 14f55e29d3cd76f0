# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how available an application is from now on, and tell it in the end.

This module is private to the collection.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._availability.figures import figures, read_samples
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Files,
    Folders,
    Probe,
    Prober,
    Process,
    ProcessTable,
)

STATES = ("started", "stopped")

# How long it may take to end, besides the request that is under way.
_GRACE = 5

_SIGTERM = 15

_OWNER = re.compile(r"# ([0-9]+) ([0-9]+)")


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    path: str
    state: str
    probe: Probe


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    files: Files
    folders: Folders
    processes: ProcessTable
    prober: Prober
    clock: Callable[[], float]
    pause: Callable[[float], None]


def measure(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Begin to ask, or end it."""
    if request.state == "started":
        _refuse_unfit(request.probe)
    lines = _lines(request.path, host)
    asker = _asker(lines, host)
    if request.state == "started":
        if not check_mode:
            # What an earlier run has left behind measures nothing of this one.
            _end(asker, request, host)
            host.folders.make(posixpath.dirname(request.path))
            host.folders.remove(request.path)
            host.prober.start(request.probe, request.path)
        return Result(changed=True, data={"measured": None})
    if not lines:
        return Result(changed=False, data={"measured": None})
    if not check_mode:
        _end(asker, request, host)
        lines = _lines(request.path, host)
        host.folders.remove(request.path)
    return Result(changed=True, data={"measured": figures(read_samples(lines[1:]))})


def _refuse_unfit(probe: Probe) -> None:
    problems = []
    parts = urlsplit(probe.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        problems.append("url: give an address that begins with http:// or https://.")
    if "@" in parts.netloc:
        problems.append("url: leave the password out, and say it in headers.")
    times = {"interval": probe.interval, "timeout": probe.timeout, "at_most": probe.at_most}
    problems += [f"{name}: give seconds, more than 0." for name, seconds in times.items() if seconds <= 0]
    if problems:
        raise InvalidInput("What is to be measured", problems)


def _lines(path: str, host: Host) -> list[str]:
    file = host.files.read(path)
    return file.content.decode("utf-8", "replace").splitlines(keepends=True) if file else []


def _asker(lines: list[str], host: Host) -> Process | None:
    """The process that asks, if it lives."""
    told = _OWNER.match(lines[0]) if lines else None
    process = host.processes.at(int(told[1])) if told else None
    return process if told and process and process.began == told[2] else None


def _end(asker: Process | None, request: Request, host: Host) -> None:
    if asker is None or not host.processes.signal(asker, _SIGTERM):
        return
    until = host.clock() + request.probe.timeout + _GRACE
    while (present := host.processes.at(asker.pid)) and present.began == asker.began:
        if host.clock() > until:
            raise CommandError(f"Process {asker.pid}, which asks the application, does not end: end it.")
        host.pause(0.05)
