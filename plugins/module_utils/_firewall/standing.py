# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall as it stands on the host, by its files and by the kernel. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import Rule, read_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    Files,
    FileState,
    Folders,
    Locks,
    Paths,
    ProcessTable,
    Sockets,
    Trees,
)

ETC = "/etc"
DEFAULTS, CONFIGURATION = "default/ufw", "ufw/ufw.conf"
RULES = {4: "ufw/user.rules", 6: "ufw/user6.rules"}
# All that ufw writes when rules, the policy or its state change, by their paths below /etc.
FILES = (DEFAULTS, CONFIGURATION, *RULES.values(), "ufw/after.rules", "ufw/after6.rules")

IPTABLES = {4: "iptables", 6: "ip6tables"}
_CHAIN = {4: "ufw-user-input", 6: "ufw6-user-input"}

# What ufw makes of a policy; it rejects by a rule of its own.
POLICIES = {"allow": "ACCEPT", "deny": "DROP", "reject": "REJECT"}

_PATIENCE = 30


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    commands: Commands
    files: Files
    folders: Folders
    locks: Locks
    paths: Paths
    processes: ProcessTable
    sockets: Sockets
    trees: Trees
    parent: Callable[[], int]
    now: Callable[[], datetime]
    random: Callable[[int], bytes]


@dataclass(frozen=True)
class Standing:
    """What is there."""

    files: Mapping[str, FileState]
    enabled: bool
    default_incoming: str
    level: str
    rules: Mapping[int, Sequence[Rule]]
    # Whether ufw's own chains are in the kernel, and with as many rules as the files have.
    is_running: bool
    is_loaded: bool

    @property
    def ipv6(self) -> bool:
        """Whether there are rules of IPv6."""
        return 6 in self.rules


def read_standing(host: Host) -> Standing:
    """The firewall at this moment."""
    files = {name: _file(name, host) for name in FILES}
    text = {name: file.content.decode(errors="replace") for name, file in files.items()}
    has_ipv6 = host.paths.facts("/proc/sys/net/ipv6") is not None
    families = (4, 6) if has_ipv6 and _setting(text[DEFAULTS], "IPV6") == "yes" else (4,)
    policy = _setting(text[DEFAULTS], "DEFAULT_INPUT_POLICY").upper()
    kernel = {family: _kernel(family, host) for family in families}
    return Standing(
        files=files,
        enabled=_setting(text[CONFIGURATION], "ENABLED") == "yes",
        default_incoming=next((word for word, made in POLICIES.items() if made == policy), "deny"),
        level=_setting(text[CONFIGURATION], "LOGLEVEL") or "low",
        rules={family: read_rules(text[RULES[family]]) for family in families},
        is_running=_is_in(4, kernel[4]),
        is_loaded=all(_is_loaded(family, kernel[family], text[RULES[family]], policy) for family in families),
    )


def stamp(moment: datetime) -> str:
    """The moment as files and results have it."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _file(name: str, host: Host) -> FileState:
    file = host.files.read(f"{ETC}/{name}")
    if file is None:
        raise FileError(f"{ETC}/{name} is not there: install ufw.", path=f"{ETC}/{name}")
    return file


def _setting(text: str, name: str) -> str:
    found = re.findall(rf'^\s*{name}\s*=\s*"?([A-Za-z]*)', text, re.MULTILINE)
    return found[-1] if found else ""


def _kernel(family: int, host: Host) -> str:
    listed = host.commands.run([IPTABLES[family], "-S"], timeout=_PATIENCE)
    return listed.succeeded("To read the rules of the kernel").stdout


def _is_in(family: int, kernel: str) -> bool:
    return f"-N {_CHAIN[family]}\n" in kernel


def _is_loaded(family: int, kernel: str, text: str, policy: str) -> bool:
    wanted = "ACCEPT" if policy == "ACCEPT" else "DROP"
    added = re.compile(rf"^-[AI] {_CHAIN[family]} ", re.MULTILINE)
    return (
        _is_in(family, kernel)
        and f"-P INPUT {wanted}\n" in kernel
        and len(added.findall(kernel)) == len(added.findall(text))
    )
