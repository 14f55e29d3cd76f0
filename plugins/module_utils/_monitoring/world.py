# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the use case reaches of a host with Prometheus. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Files,
    Folders,
    Locks,
    Network,
)


@dataclass(frozen=True)
class World:
    """The ports; `clock` and `pause` count seconds, and `room` is where private directories are made."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    network: Network
    clock: Callable[[], float]
    pause: Callable[[float], None]
    room: Callable[[], str]
