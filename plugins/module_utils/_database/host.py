# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules for databases reach of a host. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Connect
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Files,
    Folders,
    Locks,
    Pipes,
    Processes,
    Servers,
)


@dataclass(frozen=True)
class Host:
    """The ports, so that what needs many of them need not name each."""

    connect: Connect
    commands: Commands
    pipes: Pipes
    servers: Servers
    files: Files
    folders: Folders
    locks: Locks
    processes: Processes
    # The time, and any time in the host's own zone, which says where its days begin and end.
    now: Callable[[], datetime]
    local: Callable[[datetime], datetime]
    # Who runs this, and where: user@machine.
    who: Callable[[], str]
    random: Callable[[int], bytes]
    pause: Callable[[float], None]
