# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule of ufw, and what a list of them does to a connection. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Union

Address = Union[IPv4Address, IPv6Address]

ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}

_MARK = "shipshape "
_LINE = re.compile(r"^### tuple ### *(.+?) *$", re.MULTILINE)
_ADMITTING = ("allow", "limit")


@dataclass(frozen=True)
class Opening:
    """How one side opens a connection over TCP."""

    source: Address
    destination: Address
    port: int

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.source.version


@dataclass(frozen=True)
class Rule:
    """A rule in one family, as the line by which ufw knows it."""

    line: str

    @property
    def spec(self) -> str:
        """What it does, without whose it is."""
        return self.line.partition(" comment=")[0]

    @property
    def comment(self) -> str:
        """What its owner says of it."""
        try:
            return bytes.fromhex(self.line.partition(" comment=")[2]).decode(errors="replace")
        except ValueError:
            return ""

    @property
    def owner(self) -> str | None:
        """The name under which it was declared to this collection."""
        return self.comment[len(_MARK) :] if self.comment.startswith(_MARK) else None

    @property
    def action(self) -> str:
        """One of allow, limit, deny, reject, with the way in which it is logged."""
        return self._fields[0]

    @property
    def is_incoming(self) -> bool:
        """Whether it is about what comes to this host itself."""
        return not self.action.startswith("route:") and self._way.startswith("in")

    @property
    def admits(self) -> bool:
        """Whether it lets in what it is about."""
        return self.action.startswith(_ADMITTING)

    @property
    def ranges(self) -> list[range]:
        """The ports that it is about."""
        if self._fields[2] == "any":
            return [range(1, 65536)]
        bounds = [part.split(":") for part in self._fields[2].split(",")]
        return [range(int(bound[0]), int(bound[-1]) + 1) for bound in bounds]

    def meets(self, protocol: str, port: int) -> bool:
        """Whether it is about this port of the host, from wherever."""
        is_about = self.is_incoming and self._fields[1] in ("any", protocol) and self._fields[4] == "any"
        return is_about and any(port in ports for ports in self.ranges)

    def meets_opening(self, opening: Opening) -> bool:
        """Whether it is about this connection, as far as that is known without its interface."""
        return (
            self.meets("tcp", opening.port)
            and opening.source in ip_network(self._fields[5], strict=False)
            and opening.destination in ip_network(self._fields[3], strict=False)
        )

    def overlaps(self, other: Rule) -> bool:
        """Whether there are connections of its family that both are about."""
        if not (self.is_incoming and other.is_incoming) or "any" not in (self._fields[4], other._fields[4]):
            return False
        protocols = {self._fields[1], other._fields[1]}
        interfaces = {self._way, other._way} - {"in"}
        return (
            (len(protocols) == 1 or "any" in protocols)
            and len(interfaces) < 2
            and any(max(a.start, b.start) < min(a.stop, b.stop) for a in self.ranges for b in other.ranges)
            and all(
                ip_network(self._fields[at], strict=False).overlaps(ip_network(other._fields[at], strict=False))
                for at in (3, 5)
            )
        )

    def __str__(self) -> str:
        action, protocol, ports, destination, source_ports, source, *_application, way = self._fields
        interface = way.partition("_")[2]
        words = [
            *(action.replace("route:", "route ").split("_")),
            *([] if protocol == "any" else [protocol]),
            *([] if ports == "any" else [ports.replace(":", "-")]),
            *(["out"] if way.startswith("out") else []),
            *(["from", _place(source)]),
            *([] if source_ports == "any" else ["port", source_ports]),
            *([] if destination in ANYWHERE.values() else ["to", destination]),
            *(["on", interface] if interface else []),
        ]
        return " ".join(words) + (f"  # {self.comment}" if self.comment else "")

    @property
    def _fields(self) -> list[str]:
        fields = self.spec.split()
        # Old versions of ufw knew only incoming rules, and did not say so.
        return fields if len(fields) in (7, 9) else [*fields, "in"]

    @property
    def _way(self) -> str:
        return self._fields[-1]


def made_rule(spec: str, name: str) -> Rule:
    """The rule that does this and carries this name."""
    return Rule(f"{spec} comment={(_MARK + name).encode().hex()}")


def read_rules(text: str) -> list[Rule]:
    """The rules in a file of ufw's, in their order."""
    return [Rule(line) for line in _LINE.findall(text)]


def written_rules(rules: Iterable[Rule]) -> str:
    """A file from which ufw can read these."""
    return "".join(f"### tuple ### {rule.line}\n\n" for rule in rules)


def decisive(rules: Iterable[Rule], opening: Opening) -> Rule | None:
    """The rule that decides about the connection: the first that is about it."""
    return next((rule for rule in rules if rule.meets_opening(opening)), None)


def read_opening(connection: str) -> Opening | None:
    """What SSH_CONNECTION says of a connection."""
    try:
        source, _port, destination, port = connection.split()
        # The name of an interface stands after the percent sign.
        addresses = [ip_address(address.partition("%")[0]) for address in (source, destination)]
        return Opening(addresses[0], addresses[1], int(port))
    except ValueError:
        return None


def _place(network: str) -> str:
    return {"0.0.0.0/0": "anywhere", "::/0": "anywhere over IPv6"}.get(network, network)
