# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether anything is still under way to backends that traffic has left. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._types import ProcessTable, Sockets

_PAUSE = 0.2


@dataclass(frozen=True)
class InFlight:
    """How many connections nginx has to them."""

    requests: int = 0
    websockets: int = 0


def in_flight(places: Collection[tuple[str, int]], *, processes: ProcessTable, sockets: Sockets) -> InFlight:
    """What there is now."""
    # Looked for each time, because a reload has new ones take over.
    present = processes.all()
    # Of the workers, which have another user, not everybody may know the program.
    masters = {process.pid for process in present if process.program.endswith("/nginx")}
    owners = [process.pid for process in present if process.pid in masters or process.parent in masters]
    found = sockets.established(places, owners)
    # The role has nginx keep WebSockets alive, and nothing else.
    websockets = sum(socket.is_kept_alive for socket in found)
    return InFlight(len(found) - websockets, websockets)


def wait_until_quiet(
    look: Callable[[], InFlight],
    *,
    wait: float,
    websocket_wait: float,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> InFlight:
    """What is left when the requests have had their time, and after them the WebSockets theirs."""
    # A request that nginx was sorting at the moment of the act connects only now.
    pause(_PAUSE)
    left = look()
    for kind, limit in (("requests", wait), ("websockets", websocket_wait)):
        deadline = clock() + limit
        while getattr(left, kind) and clock() < deadline:
            pause(min(_PAUSE, max(0.0, deadline - clock())))
            left = look()
    return left
