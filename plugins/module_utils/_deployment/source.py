# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a release comes from, as a protocol. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Folders,
    GrowingFiles,
    Locks,
    Paths,
    ProcessTable,
    Trees,
)


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    commands: Commands
    files: GrowingFiles
    folders: Folders
    locks: Locks
    paths: Paths
    processes: ProcessTable
    trees: Trees
    clock: Callable[[], float]
    now: Callable[[], datetime]


@dataclass(frozen=True)
class Origin:
    """What exactly a release is made of: a commit, or a checksum of all that is in it."""

    id: str
    # For people: a commit's first line, a file's name.
    title: str = ""


class Source(Protocol):
    """Where a release comes from."""

    def origin(self, *, check_mode: bool) -> Origin:
        """What is there now; outside of check mode it is also brought to the host."""

    def unpack(self, origin: Origin, directory: str) -> None:
        """Put it into the empty directory."""
