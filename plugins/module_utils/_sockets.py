# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP sockets of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Collection, Iterator
from ipaddress import IPv6Address, ip_address

from ansible_collections.shipshape.webapp.plugins.module_utils._processes import as_owner
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Listener, Socket

_PROC = "/proc"

# As the kernel writes them in its tables.
_ESTABLISHED = "01"
_LISTENING = "0A"
_KEEPALIVE = "02"


# Where the columns of these tables are.
_LOCAL, _REMOTE, _STATE, _TIMER, _UID, _INODE = 1, 2, 3, 5, 7, 9


class HostSockets:
    """What the kernel's tables say at this moment."""

    def established(self, remote: Collection[tuple[str, int]], owners: Collection[int]) -> list[Socket]:
        """The connections whose other side is one of these and which one of these processes has open."""
        wanted = {(_plain(address), port) for address, port in remote}
        rows = _rows(_ESTABLISHED, _REMOTE, {port for _address, port in wanted})
        found = [(place, row) for row in rows if (place := _place(row[_REMOTE])) in wanted]
        try:
            # To look through what a process has open takes long, so only where there is something to look for.
            own = {inode for owner in owners for inode in _inodes(owner)} if found else set()
        except PermissionError:
            # In a container root may not look into all: then any could be theirs, and one too few would be worse.
            own = {row[_INODE] for _remote, row in found}
        return [Socket(place, row[_TIMER].startswith(_KEEPALIVE)) for place, row in found if row[_INODE] in own]

    def listening(self, ports: Collection[int] | None = None) -> list[Listener]:
        """Those of both families; one of IPv6 for any address usually takes connections of IPv4 as well."""
        return [Listener(*_place(row[_LOCAL]), int(row[_UID]), row[_INODE]) for row in _rows(_LISTENING, _LOCAL, ports)]

    def opened(self, pid: int) -> frozenset[str] | None:
        """Those of a process that has ended are none."""
        return as_owner(pid, lambda: frozenset(_inodes(pid)))


def _rows(state: str, end: int, ports: Collection[int] | None) -> Iterator[list[str]]:
    """The columns of each socket in this state of which this end has one of these ports, or any."""
    # A busy server has thousands of others, whose addresses need not be read.
    wanted = tuple(f":{port:04X}" for port in ports or ())
    for table in ("tcp", "tcp6"):
        # A kernel without IPv6 has no such table.
        with contextlib.suppress(FileNotFoundError), open(f"{_PROC}/net/{table}", encoding="ascii") as file:
            next(file, None)
            for line in file:
                columns = line.split()
                if columns[_STATE] == state and (ports is None or columns[end].endswith(wanted)):
                    yield columns


def _place(text: str) -> tuple[str, int]:
    """An address as the kernel writes it: words of four bytes, each in the order of this machine, and a port."""
    digits, _colon, port = text.partition(":")
    words = [int(digits[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return _plain(socket.inet_ntop(family, b"".join(words))), int(port, 16)


def _plain(address: str) -> str:
    """One way to write it; an address of IPv4 in one of IPv6 is the former."""
    parsed = ip_address(address)
    return str((parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None) or parsed)


def _inodes(process: int) -> Iterator[str]:
    directory = f"{_PROC}/{process}/fd"
    # A process that has ended has none.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for number in os.listdir(directory):
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(f"{directory}/{number}")
                if target.startswith("socket:["):
                    yield target[len("socket:[") : -1]
