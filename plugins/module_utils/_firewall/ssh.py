# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which connection this run came, and where SSH listens for others. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from ansible_collections.shipshape.webapp.plugins.module_utils._types import ProcessTable, Sockets

_VARIABLE = "SSH_CONNECTION="


def find_connection(processes: ProcessTable, pid: int) -> str | None:
    """What SSH says of the connection by which this process was started; None if it was not started over SSH.

    The process itself may not have the variable: sudo does not hand it on.
    """
    process = processes.at(pid)
    while process:
        variables = (processes.environment(process.pid) or "").split("\0")
        found = next((variable for variable in variables if variable.startswith(_VARIABLE)), None)
        if found:
            return found[len(_VARIABLE) :]
        process = processes.at(process.parent)
    return None


def listening_ports(processes: ProcessTable, sockets: Sockets) -> list[int]:
    """The ports on which an SSH server waits for others than this host."""
    daemons = {process.pid: process for process in processes.all() if process.program.endswith("/sshd")}
    # What a session listens on is forwarded by its user.
    servers = [process.pid for process in daemons.values() if process.parent not in daemons]
    opened: Collection[str] = frozenset().union(*(sockets.opened(pid) or () for pid in servers))
    waiting = [socket for socket in sockets.listening() if socket.inode in opened] if opened else []
    return sorted({socket.port for socket in waiting if not ip_address(socket.address).is_loopback})
