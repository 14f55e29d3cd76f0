# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change in the firewall, and what speaks against it. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.options import (
    Request,
    declared_rules,
    family_of,
    open_rules,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import Rule, decisive, read_opening
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import Standing

# No declared rule can have a name with capitals.
_SSH = "SSH"


@dataclass(frozen=True)
class Plan:
    """What is to be."""

    rules: Mapping[int, Sequence[Rule]]
    own: Sequence[Rule]
    others: Sequence[Rule]
    ssh_ports: Sequence[int]
    # Whether ufw has to write other files, and in which way the kernel gets to know.
    writes: bool
    act: str | None
    warnings: Sequence[str]

    @property
    def is_needed(self) -> bool:
        """Whether anything has to change."""
        return self.writes or self.act is not None


def plan_firewall(
    request: Request, standing: Standing, *, connection: str | None, listening: Sequence[int], published: Sequence[int]
) -> Plan:
    """What has to change; InvalidInput if it is wrong, or would shut this very run out."""
    declared = declared_rules(request, ipv6=standing.ipv6)
    opening = read_opening(connection) if connection else None
    ports = _ports_for_ssh(request, listening, opening.port if opening else None)
    managed = request.names | {_SSH}
    others = [rule for rule in _every(standing.rules) if rule.owner not in managed]
    wanted = [
        *(rule for port in ports if not _has_rule(port, [*others, *declared]) for rule in _opened(port, standing)),
        *declared,
    ]
    rules = {
        family: _put_in_place(present, [rule for rule in wanted if family_of(rule) == family], managed)
        for family, present in standing.rules.items()
    }
    if request.enabled:
        _refuse_lockout(request, standing, rules, connection)
    writes = rules != standing.rules or request.default_incoming != standing.default_incoming
    return Plan(
        rules=rules,
        own=[rule for rule in _every(rules) if rule.owner in managed],
        others=others,
        ssh_ports=ports,
        writes=writes,
        act=_act(request, standing, writes),
        warnings=[*_shadowed(rules, managed), *_past_ufw(published)],
    )


def _every(rules: Mapping[int, Sequence[Rule]]) -> list[Rule]:
    return list(chain.from_iterable(rules.values()))


def _opened(port: int, standing: Standing) -> list[Rule]:
    return open_rules(port, _SSH, ipv6=standing.ipv6)


def _ports_for_ssh(request: Request, listening: Sequence[int], used: int | None) -> list[int]:
    found = listening if request.ssh_ports is None else request.ssh_ports
    ports = sorted({*found, *([] if used is None else [used])})
    if not ports and request.ssh_ports is None and request.enabled:
        problem = (
            "ssh_ports: neither does this run come over SSH, nor does an SSH server listen here that could be found: "
            "name its ports, or give an empty list to go without."
        )
        raise InvalidInput("The firewall", [problem])
    return ports


def _has_rule(port: int, rules: Sequence[Rule]) -> bool:
    """Whether somebody has said who may reach the port; then that is how it is meant."""
    return any(rule.admits and rule.meets("tcp", port) for rule in rules)


def _put_in_place(present: Sequence[Rule], wanted: Sequence[Rule], managed: frozenset[str]) -> list[Rule]:
    """All rules, of which those of others stay in their order and are not made a second time."""
    foreign = {rule.spec for rule in present if rule.owner not in managed}
    remaining = iter([rule for rule in wanted if rule.spec not in foreign])
    # What is wanted takes the places of what was there, as the first rule that is about a connection decides.
    placed = [next(remaining, None) if rule.owner in managed else rule for rule in present]
    return [*(rule for rule in placed if rule), *remaining]


def _act(request: Request, standing: Standing, writes: bool) -> str | None:
    if not request.enabled:
        return "disable" if standing.enabled or standing.is_running else None
    if not (standing.enabled and standing.is_running):
        return "enable"
    if request.default_incoming != standing.default_incoming or not standing.is_loaded:
        return "reload"
    return "exchange" if writes else None


def _refuse_lockout(
    request: Request, standing: Standing, rules: Mapping[int, Sequence[Rule]], connection: str | None
) -> None:
    opening = read_opening(connection) if connection else None
    if opening is None:
        return
    told = f"this very connection, from {opening.source} to port {opening.port}, would be shut out"
    if opening.family not in rules:
        problem = f"{told}: ufw lets in nothing over IPv6 (IPV6 in /etc/default/ufw)."
        raise InvalidInput("The firewall", [problem])
    rule = decisive(rules[opening.family], opening)
    if rule is None and request.default_incoming != "allow":
        raise InvalidInput("The firewall", [f"{told}: no rule lets it in. Add one, or widen the one for this port."])
    if rule is not None and not rule.admits:
        raise InvalidInput("The firewall", [f"{told} by the rule '{rule}'. Change that, or put one before it."])


def _shadowed(rules: Mapping[int, Sequence[Rule]], managed: frozenset[str]) -> Iterator[str]:
    """What others have said before, which counts instead of what is declared."""
    for present in rules.values():
        for index, rule in enumerate(present):
            if rule.owner not in managed:
                continue
            for other in present[:index]:
                if other.owner not in managed and other.admits != rule.admits and other.overlaps(rule):
                    verb = "opens" if other.admits else "closes"
                    yield (
                        f"A rule that is not declared here {verb} what {rule.owner} is about: '{other}' comes before "
                        f"'{rule}', and counts. Remove it with ufw delete, if nobody needs it."
                    )


def _past_ufw(published: Sequence[int]) -> Iterator[str]:
    if published:
        ports = ", ".join(map(str, published))
        yield (
            f"Docker has opened ports past ufw, which sees nothing of them: {ports}. Publish them on 127.0.0.1 alone "
            "if others are not to reach them."
        )
