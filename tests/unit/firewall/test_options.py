# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.options import Request, declared_rules

ALL, ALL6 = "0.0.0.0/0 any 0.0.0.0/0 in", "::/0 any ::/0 in"

LOOPBACK = (
    "is this host itself. ufw lets in all that a host sends to itself, without a rule, and a rule for a port opens it "
    "to others. Remove this rule, and have the application listen on 127.0.0.1."
)


def request(*rules: dict[str, Any], ssh_ports: Sequence[int] | None = None) -> Request:
    defaults: dict[str, Any] = {"name": "web", "state": "present", "port": None, "protocol": "tcp", "from": []}
    defaults.update({"to": None, "interface": None, "action": "allow"})
    return Request([{**defaults, **rule} for rule in rules], "apply", True, "deny", ssh_ports, 0)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"port": ["443"]}, [f"allow tcp 443 {ALL}", f"allow tcp 443 {ALL6}"]),
        ({"port": ["8000-8010", "0443", "80"]}, [f"allow tcp 80,443,8000:8010 {end}" for end in (ALL, ALL6)]),
        ({"port": ["53"], "protocol": "udp", "action": "limit"}, [f"limit udp 53 {ALL}", f"limit udp 53 {ALL6}"]),
        ({"port": ["22"], "from": ["10.0.0.0/8"]}, ["allow tcp 22 0.0.0.0/0 any 10.0.0.0/8 in"]),
        ({"port": ["22"], "from": ["10.0.0.1", "10.0.0.1/32"]}, ["allow tcp 22 0.0.0.0/0 any 10.0.0.1 in"]),
        ({"port": ["22"], "from": ["2001:DB8:0::/32"]}, ["allow tcp 22 ::/0 any 2001:db8::/32 in"]),
        (
            {"port": ["22"], "from": ["2001:db8::7", "192.0.2.1"]},
            ["allow tcp 22 0.0.0.0/0 any 192.0.2.1 in", "allow tcp 22 ::/0 any 2001:db8::7 in"],
        ),
        ({"port": ["22"], "to": "192.0.2.9"}, ["allow tcp 22 192.0.2.9 any 0.0.0.0/0 in"]),
        ({"port": ["22"], "interface": "eth0", "to": "::2"}, ["allow tcp 22 ::2 any ::/0 in_eth0"]),
        ({"state": "absent"}, []),
        ({"state": "absent", "port": ["x"], "from": ["x"]}, []),
    ],
)
def test_rule_is_expanded(rule: dict[str, Any], expected: list[str]) -> None:
    rules = declared_rules(request(rule), ipv6=True)

    assert [one.spec for one in rules] == expected
    assert {one.owner for one in rules} <= {"web"}


def test_without_ipv6_there_are_no_rules_for_it() -> None:
    assert [rule.spec for rule in declared_rules(request({"port": ["443"]}), ipv6=False)] == [f"allow tcp 443 {ALL}"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "port is missing."),
        ({"port": []}, "port is missing."),
        ({"port": ["http"]}, "port: http is neither a number such as 443 nor a range such as 8000-8010."),
        ({"port": ["8000:8010"]}, "port: 8000:8010 is neither a number such as 443 nor a range such as 8000-8010."),
        ({"port": ["0"]}, "port: 0 is no port, which is a number from 1 to 65535."),
        ({"port": ["80-65536"]}, "port: 80-65536 is no port, which is a number from 1 to 65535."),
        ({"port": ["90-80"]}, "port: 90-80 ends before it begins: write the smaller number first."),
        ({"port": ["80-80"]}, "port: 80-80 ends before it begins: write the smaller number first."),
        (
            {"port": [*map(str, range(1, 15)), "20-30"]},
            "one rule takes 15 ports, of which a range counts as two: make two rules of it.",
        ),
        ({"port": ["1"], "from": ["127.0.0.1"]}, f"from: 127.0.0.1 {LOOPBACK}"),
        ({"port": ["1"], "from": ["::1"]}, f"from: ::1 {LOOPBACK}"),
        ({"port": ["1"], "to": "127.0.0.0/8"}, f"to: 127.0.0.0/8 {LOOPBACK}"),
        ({"port": ["1"], "interface": "lo"}, f"interface: lo {LOOPBACK}"),
        ({"port": ["1"], "from": ["10.0.0.1/8"]}, "from: 10.0.0.1/8 is no network: did you mean 10.0.0.0/8?"),
        (
            {"port": ["1"], "from": ["office"]},
            "from: office is no network, such as 10.0.0.0/8, 203.0.113.7 or 2001:db8::/32.",
        ),
        (
            {"port": ["1"], "interface": "eth0; reboot"},
            "interface: eth0; reboot is no name of an interface, such as eth0.",
        ),
        (
            {"port": ["1"], "from": ["10.0.0.0/8"], "to": "::2"},
            "from and to are of different families: a rule is about IPv4 or IPv6.",
        ),
        (
            {"name": "Web", "port": ["1"]},
            "a name is made of small letters, digits, - and _, and begins with a letter or digit.",
        ),
        (
            {"name": "SSH", "state": "absent"},
            "a name is made of small letters, digits, - and _, and begins with a letter or digit.",
        ),
    ],
)
def test_wrong_rule_is_refused(rule: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        declared_rules(request(rule), ipv6=True)

    assert refused.value.details["problems"] == [f"rules[0] ({rule.get('name', 'web')}): {expected}"]


def test_all_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        declared_rules(
            request(
                {"port": ["80"]},
                {"port": ["443"], "from": ["2001:db8::/32"]},
                {"name": "api", "port": ["80"], "action": "deny"},
                ssh_ports=[22, 0],
            ),
            ipv6=False,
        )

    assert refused.value.details["problems"] == [
        "rules[1] (web): from: 2001:db8::/32 is of IPv6, which is off here (IPV6 in /etc/default/ufw, or the kernel).",
        "rules[1] (web): this name is declared twice; give every rule a name of its own.",
        "ssh_ports: a port is a number from 1 to 65535.",
        "api is about the same as web: declare only one of them.",
    ]


def test_most_ports_are_taken() -> None:
    (rule, _rule6) = declared_rules(request({"port": [*map(str, range(1, 14)), "20-30"]}), ipv6=True)

    assert rule.spec == f"allow tcp {','.join(map(str, range(1, 14)))},20:30 {ALL}"
