# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ufw makes of rules, tried in a private copy of its files. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.plan import Plan
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import read_rules, written_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import (
    CONFIGURATION,
    IPTABLES,
    RULES,
    Host,
    Standing,
)

# Nobody but root writes there, and nothing of it outlives a restart.
_ROOM = "/run"
_PATIENCE = 60

# ufw asks whether these are there, and nothing else; the last one is for its directory.
_ASKED = (
    *("etc/ufw/before.rules", "etc/ufw/before6.rules", "etc/ufw/before.init", "etc/ufw/after.init", "lib/ufw/ufw.lock"),
    "etc/ufw/applications.d/.empty",
)


def stage(plan: Plan, standing: Standing, policy: str, host: Host) -> dict[str, bytes]:
    """The files as ufw writes them for these rules and this policy, which the kernel takes; those that differ.

    ufw writes all rules anew when it is told how to log, so that one call does for any number of them.
    """
    with host.folders.temporary(_ROOM) as room:
        tree = f"{room}/ufw"
        host.trees.write(tree, _copied(plan, standing))
        if policy != standing.default_incoming:
            _ufw(host, tree, "default", policy, "incoming")
        _ufw(host, tree, "logging", standing.level)
        made = {name.partition("/")[2]: content for name, content in (host.trees.read(tree) or {}).items()}
    # Without IPv6, ufw empties the file with its rules.
    names = [name for name in standing.files if name not in (CONFIGURATION, RULES[6]) or name in _files_of(plan)]
    _refuse_other(plan, made, host)
    return {name: made[name] for name in names if made[name] != standing.files[name].content}


def _copied(plan: Plan, standing: Standing) -> dict[str, bytes]:
    copied = {name: file.content for name, file in standing.files.items()}
    copied.update((RULES[family], written_rules(rules).encode()) for family, rules in plan.rules.items())
    # So that it leaves the kernel alone.
    copied[CONFIGURATION] = f"ENABLED=no\nLOGLEVEL={standing.level}\n".encode()
    return {**dict.fromkeys(_ASKED, b""), **{f"etc/{name}": content for name, content in copied.items()}}


def _files_of(plan: Plan) -> list[str]:
    return [RULES[family] for family in plan.rules]


def _ufw(host: Host, tree: str, *words: str) -> None:
    host.commands.run(["ufw", f"--datadir={tree}", *words], timeout=_PATIENCE).succeeded("To try the rules with ufw")


def _refuse_other(plan: Plan, made: Mapping[str, bytes], host: Host) -> None:
    for family, rules in plan.rules.items():
        text = made[RULES[family]].decode(errors="replace")
        found = read_rules(text)
        lost = [str(rule) for rule in rules if rule not in found]
        if found != list(rules):
            raise FileError(f"ufw does not take these rules as they are: {'; '.join(lost) or 'in this order'}.")
        tried = host.commands.run([f"{IPTABLES[family]}-restore", "--test", "--noflush"], stdin=text, timeout=_PATIENCE)
        tried.succeeded("To try the rules with the kernel")
