# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Debian's pg_lsclusters says. This module is private to the collection."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """A cluster of PostgreSQL: one server with its data."""

    version: str
    name: str
    port: int
    data: str
    sockets: str
    is_running: bool

    def __str__(self) -> str:
        return f"{self.version}/{self.name}"


def read_clusters(text: str) -> list[Cluster]:
    """The clusters of the host."""
    return [
        Cluster(
            version=str(one["version"]),
            name=one["cluster"],
            port=int(one.get("port") or 0),
            data=one.get("pgdata") or "",
            sockets=one.get("socketdir") or "",
            is_running=bool(one.get("running")),
        )
        for one in json.loads(text)
    ]
