# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the use case reaches of a host with nginx. This module is private to the collection."""

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
    Processes,
    ProcessTable,
    Trees,
)


@dataclass(frozen=True)
class World:
    """The ports, and a clock that is never set."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    network: Network
    open_files: Processes
    paths: Paths
    processes: ProcessTable
    trees: Trees
    clock: Callable[[], float]
    pause: Callable[[float], None]
    # Where files for a moment are safe from other users.
    room: Callable[[], str]
