# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import (
    Opening,
    Rule,
    decisive,
    made_rule,
    read_opening,
    read_rules,
    written_rules,
)

# As ufw 0.36.2 writes them.
FILE = """\
*filter
:ufw-user-input - [0:0]
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=73686970736861706520535348
-A ufw-user-input -p tcp --dport 22 -j ACCEPT

### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT -m comment --comment 'dapp_OpenSSH'

### tuple ### route:allow any any 0.0.0.0/0 any 1.2.3.4 in_eth0!out_eth0
-A ufw-user-forward -i eth0 -o eth0 -s 1.2.3.4 -j ACCEPT

### tuple ### reject_log tcp 23 10.0.0.9 any 2001:db8::/32 in comment=6f66666963652773
-A ufw-user-input -p tcp --dport 23 -j ufw-user-logging-input

### END RULES ###
"""

ANYWHERE = "0.0.0.0/0 any 0.0.0.0/0 in"


def test_file_of_ufw_is_read_and_written() -> None:
    rules = read_rules(FILE)

    assert [str(rule) for rule in rules] == [
        "allow tcp 22 from anywhere  # shipshape SSH",
        "allow tcp 22 from anywhere",
        "route allow from 1.2.3.4 on eth0!out_eth0",
        "reject log tcp 23 from 2001:db8::/32 to 10.0.0.9  # office's",
    ]
    assert [rule.owner for rule in rules] == ["SSH", None, None, None]
    assert [rule.is_incoming for rule in rules] == [True, True, False, True]
    assert read_rules(written_rules(rules)) == rules
    assert made_rule(f"allow tcp 22 {ANYWHERE}", "SSH") == rules[0]


def test_comment_that_is_no_text_is_none() -> None:
    assert Rule(f"allow tcp 22 {ANYWHERE} comment=xyz").comment == ""


@pytest.mark.parametrize(
    ("line", "protocol", "port", "expected"),
    [
        (f"allow tcp 443 {ANYWHERE}", "tcp", 443, True),
        (f"allow tcp 443 {ANYWHERE}", "udp", 443, False),
        (f"allow tcp 443 {ANYWHERE}", "tcp", 444, False),
        (f"allow any 443 {ANYWHERE}", "udp", 443, True),
        (f"deny any any {ANYWHERE}", "tcp", 65535, True),
        (f"allow tcp 80,8000:8010 {ANYWHERE}", "tcp", 8010, True),
        (f"allow tcp 80,8000:8010 {ANYWHERE}", "tcp", 8011, False),
        ("allow tcp 443 0.0.0.0/0 any 0.0.0.0/0 in_eth0", "tcp", 443, True),
        ("allow tcp 443 0.0.0.0/0 any 0.0.0.0/0", "tcp", 443, True),
        ("allow tcp 443 0.0.0.0/0 any 0.0.0.0/0 out", "tcp", 443, False),
        ("allow tcp 443 0.0.0.0/0 1024 0.0.0.0/0 in", "tcp", 443, False),
        (f"route:allow tcp 443 {ANYWHERE}", "tcp", 443, False),
        (f"allow tcp 443 {ANYWHERE.replace(' in', '')} Nginx%20HTTPS - in", "tcp", 443, True),
    ],
)
def test_port_is_met(line: str, protocol: str, port: int, expected: bool) -> None:
    assert Rule(line).meets(protocol, port) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], None),
        (["allow tcp 22 0.0.0.0/0 any 192.0.2.0/24 in"], None),
        (["allow tcp 22 10.0.0.8 any 0.0.0.0/0 in"], None),
        (["allow tcp 22 ::/0 any ::/0 in"], None),
        ([f"allow tcp 23 {ANYWHERE}", f"limit tcp 22 {ANYWHERE}"], 1),
        (["deny tcp 22 0.0.0.0/0 any 10.0.0.0/8 in", f"allow tcp 22 {ANYWHERE}"], 0),
        (["allow tcp 22 10.0.0.9 any 10.0.0.5 in_eth1"], 0),
    ],
)
def test_first_rule_about_a_connection_decides(lines: list[str], expected: int | None) -> None:
    rules = [Rule(line) for line in lines]
    opening = Opening(ip_address("10.0.0.5"), ip_address("10.0.0.9"), 22)

    assert decisive(rules, opening) == (None if expected is None else rules[expected])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (f"allow tcp 3002 {ANYWHERE}", f"deny tcp 3002 {ANYWHERE}", True),
        (f"allow any 3002 {ANYWHERE}", f"deny udp 3002 {ANYWHERE}", True),
        (f"allow tcp 3002 {ANYWHERE}", f"deny udp 3002 {ANYWHERE}", False),
        (f"allow tcp 3000:3005 {ANYWHERE}", f"deny tcp 80,3005:3010 {ANYWHERE}", True),
        (f"allow tcp 3000:3005 {ANYWHERE}", f"deny tcp 3006 {ANYWHERE}", False),
        ("allow tcp 80 0.0.0.0/0 any 10.0.0.0/8 in", "deny tcp 80 0.0.0.0/0 any 10.1.0.0/16 in", True),
        ("allow tcp 80 0.0.0.0/0 any 10.0.0.0/8 in", "deny tcp 80 0.0.0.0/0 any 192.0.2.1 in", False),
        ("allow tcp 80 10.0.0.1 any 0.0.0.0/0 in", "deny tcp 80 10.0.0.2 any 0.0.0.0/0 in", False),
        ("allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth0", "deny tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth1", False),
        ("allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth0", f"deny tcp 80 {ANYWHERE}", True),
        ("allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 out", f"deny tcp 80 {ANYWHERE}", False),
        (f"allow any any {ANYWHERE}", f"deny tcp 80 {ANYWHERE}", True),
        ("allow tcp 80 0.0.0.0/0 1024 0.0.0.0/0 in", "deny tcp 80 0.0.0.0/0 2048 0.0.0.0/0 in", False),
        ("allow tcp 80 0.0.0.0/0 1024 0.0.0.0/0 in", f"deny tcp 80 {ANYWHERE}", True),
    ],
)
def test_rules_overlap(one: str, other: str, expected: bool) -> None:
    assert Rule(one).overlaps(Rule(other)) is expected
    assert Rule(other).overlaps(Rule(one)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5 51234 10.0.0.9 2222", ("10.0.0.5", "10.0.0.9", 2222, 4)),
        ("fe80::5%eth0 51234 fe80::9%eth0 22", ("fe80::5", "fe80::9", 22, 6)),
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("10.0.0.5 51234", None),
    ],
)
def test_connection_is_read(text: str, expected: tuple[str, str, int, int] | None) -> None:
    found = read_opening(text)

    assert (found and (str(found.source), str(found.destination), found.port, found.family)) == expected
