# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of ports: whether anything listens there. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, World

# With these the host has answered, or somebody in between has kept it from being asked.
_CLOSED = ("refused", "timeout")

_ADDRESS = re.compile(r"(\[[^\[\]/]+\]|[^:\[\]/\s]+)(?::(\d{1,5}))?")


class Tcp:
    """Connects, and says nothing."""

    name = "tcp"
    options: Mapping[str, Option] = {
        "address": Option(),
        "host": Option(),
        "port": Option("whole"),
        "timeout": Option("duration"),
    }
    shorthand = "address"
    is_each = True
    observes: Sequence[str] = ("open", "ms", "reason")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What keeps the address from being one."""
        return address_problems(options, needs_port=True)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it is open."""
        return {"open": True}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """A port that is closed or filtered is seen to be so; a host that nobody knows is not seen."""
        host, port = host_and_port(options)
        timeout = options.get("timeout")
        begun = world.clock()
        try:
            with world.network.connect(host, port, timeout=setting.timeout if timeout is None else timeout):
                ms = round((world.clock() - begun) * 1000, 3)
        except HttpError as error:
            if error.reason not in _CLOSED:
                raise
            ms = round((world.clock() - begun) * 1000, 3)
            return Observed({"open": False, "ms": ms, "reason": error.reason}, error.message)
        return Observed({"open": True, "ms": ms, "reason": None}, f"{shown('tcp', host, port)} is open.")


def address_problems(options: Mapping[str, Any], *, needs_port: bool) -> Iterator[str]:
    """What keeps the options from naming one host and port."""
    address, host, port = (options.get(name) for name in ("address", "host", "port"))
    if address is None and host is None:
        yield "Give host:port, or host and port."
    elif address is not None and (host is not None or port is not None):
        yield "Give host:port, or host and port, and not both."
    elif address is not None:
        found = _ADDRESS.fullmatch(address)
        if not found or (needs_port and not found[2]):
            yield "This is no host:port, such as example.com:443 or [::1]:443."
        port = int(found[2]) if found and found[2] else None
    elif port is None and needs_port:
        yield "port is missing."
    if port is not None and not 0 < port < 65536:
        yield "A port is a number from 1 to 65535."


def host_and_port(options: Mapping[str, Any], default_port: int | None = None) -> tuple[str, int]:
    """Both, from whichever option names them."""
    host, port = options.get("host"), options.get("port")
    found = _ADDRESS.fullmatch(options.get("address") or "")
    if found:
        host, port = found.groups()
    return str(host).strip("[]"), int(port or default_port or 0)


def shown(scheme: str, host: str, port: int) -> str:
    """The place as messages name it."""
    return f"{scheme} [{host}]:{port}" if ":" in host else f"{scheme} {host}:{port}"
