# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP connections of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Collection, Iterator
from ipaddress import IPv6Address, ip_address

from ansible_collections.shipshape.webapp.plugins.module_utils._types import Socket

_PROC = "/proc"

# As the kernel writes them in its tables.
_ESTABLISHED = "01"
_KEEPALIVE = "02"


class HostSockets:
    """What the kernel's tables say at this moment."""

    def established(self, remote: Collection[tuple[str, int]], owners: Collection[int]) -> list[Socket]:
        """The connections whose other side is one of these and which one of these processes has open."""
        wanted = {(_plain(address), port) for address, port in remote}
        found = [row for row in _rows({port for _address, port in wanted}) if row[0] in wanted]
        try:
            # To look through what a process has open takes long, so only where there is something to look for.
            own = {inode for owner in owners for inode in _inodes(owner)} if found else set()
        except PermissionError:
            # In a container root may not look into all: then any could be theirs, and one too few would be worse.
            own = {inode for _place, _timer, inode in found}
        return [Socket(place, timer == _KEEPALIVE) for place, timer, inode in found if inode in own]


def _rows(ports: Collection[int]) -> Iterator[tuple[tuple[str, int], str, str]]:
    """The other side, the timer and the inode of each established connection to one of these ports."""
    # A busy server has thousands of others, whose addresses need not be read.
    ends = tuple(f":{port:04X}" for port in ports)
    for table in ("tcp", "tcp6"):
        # A kernel without IPv6 has no such table.
        with contextlib.suppress(FileNotFoundError), open(f"{_PROC}/net/{table}", encoding="ascii") as file:
            next(file, None)
            for line in file:
                columns = line.split()
                if columns[3] == _ESTABLISHED and columns[2].endswith(ends):
                    yield _place(columns[2]), columns[5].partition(":")[0], columns[9]


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
