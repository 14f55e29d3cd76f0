# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervision of processes needs of the host. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    # Seconds since 1970.
    now: Callable[[], float]
