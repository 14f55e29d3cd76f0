# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is needed of the host to restore a moment. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Completed,
    Files,
    Folders,
    Locks,
    Paths,
    Sockets,
)

_USER = "postgres"


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    paths: Paths
    sockets: Sockets
    now: Callable[[], datetime]
    pause: Callable[[float], None]

    def as_postgres(self, *argv: str, stdin: str = "") -> Completed:
        """How a program ended that ran as the owner of the servers, who also owns their directories."""
        return self.commands.run(["runuser", "-u", _USER, "--", *argv], cwd="/", stdin=stdin)

    def ask(self, port: int, sockets: str, sql: Sequence[str]) -> Completed:
        """What a server answers to these statements, each of which is a transaction."""
        statements = [word for one in sql for word in ("-c", one)]
        connection = ("-h", sockets, "-p", str(port), "-d", "postgres")
        return self.as_postgres("psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", *connection, *statements)
