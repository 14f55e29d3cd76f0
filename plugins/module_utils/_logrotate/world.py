# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the use case reaches of a host with logrotate. This module is private to the collection."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Files,
    Folders,
    Locks,
    Paths,
    Trees,
)


@dataclass(frozen=True)
class World:
    """The ports."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    paths: Paths
    trees: Trees
