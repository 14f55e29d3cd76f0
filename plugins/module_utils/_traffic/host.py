# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the traffic's use case needs of the host, and the flags as they stand on it.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import Application
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.flags import Armed, Flags, folder, read_armed
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Files,
    Folders,
    Locks,
    Network,
    Paths,
    ProcessTable,
    Sockets,
)


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    network: Network
    paths: Paths
    processes: ProcessTable
    sockets: Sockets
    clock: Callable[[], float]
    pause: Callable[[float], None]
    now: Callable[[], datetime]
    random: Callable[[int], bytes]


def read_flags(application: Application, host: Host) -> Flags:
    """All of them, at this moment."""
    entries = host.folders.entries(f"{application.flags}/{folder(True)}")
    on = tuple(entry.name for entry in entries)
    return Flags(on, _record("armed", application, host), _record("reverted", application, host))


def _record(name: str, application: Application, host: Host) -> Armed | None:
    path = f"{application.flags}/{name}"
    file = host.files.read(path)
    try:
        return read_armed(file.content.decode()) if file else None
    except ValueError as error:
        raise FileError(f"{path} is not understood ({error}): remove it.", path=path) from None


def stamp(moment: datetime) -> str:
    """The moment as the files have it."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
