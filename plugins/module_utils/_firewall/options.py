# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules are declared, and what speaks against that. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Union

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import ANYWHERE, Rule, made_rule

Net = Union[IPv4Network, IPv6Network]

# ufw and iptables take no more in one rule; a range counts twice.
_MOST_PORTS = 15

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True)
class Request:
    """What the module is asked for."""

    rules: Sequence[Mapping[str, Any]]
    action: str
    enabled: bool
    default_incoming: str
    ssh_ports: Sequence[int] | None
    arm: int

    @property
    def names(self) -> frozenset[str]:
        """The names of all rules that are declared, present or absent."""
        return frozenset(rule["name"] for rule in self.rules)


def declared_rules(request: Request, *, ipv6: bool) -> list[Rule]:
    """The rules as ufw has them; InvalidInput says all that is wrong with them."""
    problems: list[str] = []
    rules: list[Rule] = []
    owners: dict[str, str] = {}
    for index, given in enumerate(request.rules):
        place = f"rules[{index}] ({given['name']})"
        found = [*_problems_of_name(given["name"]), *(_problems(given, ipv6) if given["state"] == "present" else ())]
        problems += [f"{place}: {problem}" for problem in found]
        if given["name"] in owners:
            problems.append(f"{place}: this name is declared twice; give every rule a name of its own.")
        owners[given["name"]] = given["name"]
        if not found and given["state"] == "present":
            rules += dict.fromkeys(_expanded(given, ipv6))
    problems += _problems_of_ports_for_ssh(request)
    by_match: dict[str, str] = {}
    for rule in rules:
        match, name = rule.spec.partition(" ")[2], rule.owner or ""
        if by_match.setdefault(match, name) != name:
            problems.append(f"{name} is about the same as {by_match[match]}: declare only one of them.")
    if problems:
        raise InvalidInput("The firewall", list(dict.fromkeys(problems)))
    return rules


def open_rules(port: int, name: str, *, ipv6: bool) -> list[Rule]:
    """A port over TCP from anywhere."""
    return [
        made_rule(f"allow tcp {port} {ANYWHERE[family]} any {ANYWHERE[family]} in", name)
        for family in ((4, 6) if ipv6 else (4,))
    ]


def _problems_of_name(name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "a name is made of small letters, digits, - and _, and begins with a letter or digit."


def _problems_of_ports_for_ssh(request: Request) -> Iterator[str]:
    if any(not 0 < port < 65536 for port in request.ssh_ports or ()):
        yield "ssh_ports: a port is a number from 1 to 65535."


def _problems(given: Mapping[str, Any], ipv6: bool) -> Iterator[str]:
    ports = given["port"] or []
    if not ports:
        yield "port is missing."
    yield from (problem for port in ports for problem in _problems_of_port(port))
    if sum(2 if "-" in port else 1 for port in ports) > _MOST_PORTS:
        yield f"one rule takes {_MOST_PORTS} ports, of which a range counts as two: make two rules of it."
    for option, texts in (("from", given["from"]), ("to", [given["to"]])):
        yield from (f"{option}: {problem}" for text in texts if text for problem in _problems_of_network(text, ipv6))
    if given["interface"] and not _INTERFACE.fullmatch(given["interface"]):
        yield f"interface: {given['interface']} is no name of an interface, such as eth0."
    if given["interface"] == "lo":
        yield f"interface: lo is this host itself. {_LOOPBACK_ADVICE}"
    families = {network.version for network in map(_network, [*given["from"], given["to"]]) if network}
    if given["to"] and len(families) > 1:
        yield "from and to are of different families: a rule is about IPv4 or IPv6."


def _problems_of_port(text: str) -> Iterator[str]:
    found = _PORTS.fullmatch(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not found:
        yield f"port: {text} is neither a number such as 443 nor a range such as 8000-8010."
    elif not 0 < first < 65536 or not 0 < last < 65536:
        yield f"port: {text} is no port, which is a number from 1 to 65535."
    elif found[2] and first >= last:
        yield f"port: {text} ends before it begins: write the smaller number first."


_LOOPBACK_ADVICE = (
    "ufw lets in all that a host sends to itself, without a rule, and a rule for a port opens it to others. Remove "
    "this rule, and have the application listen on 127.0.0.1."
)


def _problems_of_network(text: str, ipv6: bool) -> Iterator[str]:
    network = _network(text)
    if network is None:
        loose = _network(text, strict=False)
        meant = f": did you mean {loose}?" if loose else ", such as 10.0.0.0/8, 203.0.113.7 or 2001:db8::/32."
        yield f"{text} is no network{meant}"
    elif any(network.version == loopback.version and network.subnet_of(loopback) for loopback in _LOOPBACK):  # type: ignore[arg-type]  # versions are equal
        yield f"{text} is this host itself. {_LOOPBACK_ADVICE}"
    elif network.version == 6 and not ipv6:
        yield f"{text} is of IPv6, which is off here (IPV6 in /etc/default/ufw, or the kernel)."


def _network(text: str | None, *, strict: bool = True) -> Net | None:
    try:
        return ip_network(text, strict=strict) if text else None
    except ValueError:
        return None


def _expanded(given: Mapping[str, Any], ipv6: bool) -> Iterator[Rule]:
    to = _network(given["to"])
    sources = [network for network in map(_network, given["from"]) if network]
    way = f"in_{given['interface']}" if given["interface"] else "in"
    bounds = sorted([int(bound) for bound in port.split("-")] for port in given["port"])
    ports = ",".join(":".join(map(str, bound)) for bound in bounds)
    for family in (4, 6) if ipv6 else (4,):
        if to and to.version != family:
            continue
        own = [_told(network) for network in sources if network.version == family]
        for source in own or ([] if sources else [ANYWHERE[family]]):
            place = _told(to) if to else ANYWHERE[family]
            yield made_rule(f"{given['action']} {given['protocol']} {ports} {place} any {source} {way}", given["name"])


def _told(network: Net) -> str:
    """As ufw has it: a single address without the length of its mask."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def family_of(rule: Rule) -> int:
    """4 or 6."""
    return 6 if ":" in rule.spec.split()[5] else 4
