# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens already where a process is to listen. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.plan import Plan, Seen
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Supervisor
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Listener


def taken(plan: Plan, seen: Mapping[str, Seen], supervisor: Supervisor, host: Host) -> list[str]:
    """Why processes that are to be started cannot listen, a sentence each."""
    wanted = {definition.port: definition.name for definition in plan.start if definition.port is not None}
    listeners = host.sockets.listening(sorted(wanted)) if wanted else []
    freed = _freed(plan, seen, supervisor, host) if listeners else frozenset()
    strangers = {listener.port: listener for listener in listeners if listener.inode not in freed}
    return [
        f"{wanted[port]}: port {port} is taken by {_owner(stranger, supervisor, host)}. Stop that, or take another."
        for port, stranger in strangers.items()
    ]


def _freed(plan: Plan, seen: Mapping[str, Seen], supervisor: Supervisor, host: Host) -> frozenset[str]:
    """The sockets of what will have been stopped by then."""
    stopped = [seen[name] for name in plan.stop]
    own = frozenset().union(
        *(host.sockets.opened(member.pid) or () for one in stopped for member in (*one.members, *one.ghosts))
    )
    # In a cluster the supervisor itself listens, and only what it was told says for whom.
    ports = [one.kept.port for one in stopped if one.kept and one.kept.is_cluster and one.kept.port]
    shared = host.sockets.opened(supervisor.parent()) or () if ports else ()
    return own | {listener.inode for listener in host.sockets.listening(ports) if listener.inode in shared}


def _owner(listener: Listener, supervisor: Supervisor, host: Host) -> str:
    for process in host.processes.all():
        if listener.inode in (host.sockets.opened(process.pid) or ()):
            program = posixpath.basename(process.program) or "a program that this user may not know"
            called = supervisor.called(process.pid)
            return f"process {process.pid} ({program}{f', {supervisor.name} calls it {called}' if called else ''})"
    return f"a process of the user with the number {listener.uid}"
