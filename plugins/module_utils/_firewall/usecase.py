# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring ufw to what is declared, and leave nobody shut out. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall import taking_back
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.options import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.plan import Plan, plan_firewall
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.rule import Rule
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.ssh import find_connection, listening_ports
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.staging import stage
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import (
    ETC,
    IPTABLES,
    RULES,
    Host,
    Standing,
    read_standing,
    stamp,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.taking_back import STATE, Pending, read_pending
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result

_PATIENCE = 60

_PUBLISHED = re.compile(r"^-A DOCKER (?!.*-d 127\.).*--dport (\d+) .*-j DNAT", re.MULTILINE)


def ensure_firewall(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Carry out the action unless everything is so already."""
    connection = find_connection(host.processes, host.parent())
    if request.action == "confirm":
        return _confirm(connection, host, check_mode=check_mode)
    standing = read_standing(host)
    plan = plan_firewall(
        request,
        standing,
        connection=connection,
        listening=listening_ports(host.processes, host.sockets) if request.ssh_ports is None else (),
        published=_published(host),
    )
    files = stage(plan, standing, request.default_incoming, host) if plan.writes else {}
    former = read_pending(host)
    pending = _pending(request, connection, former, host) if plan.is_needed else former
    if pending and plan.is_needed and not check_mode:
        _carry_out(request, plan, standing, files, former, pending, host)
    elif pending and not pending.until and not check_mode:
        # A run without a timer was killed when all was done.
        taking_back.end(host, pending)
    return _result(request, plan, standing, pending)


def _confirm(connection: str | None, host: Host, *, check_mode: bool) -> Result:
    pending = read_pending(host)
    taken = read_pending(host, "taken-back")
    if pending is None and taken is not None:
        raise ChecksFailed(
            f"The change of the firewall of {taken.since} was taken back at {taken.taken_back or 'an unknown time'}, "
            "because nobody confirmed it: everything is as it was before."
        )
    if pending is not None and pending.connection == connection:
        raise ChecksFailed(
            "This is the connection over which the firewall was changed, and it lives on even if nobody else can log "
            "in: close it (meta: reset_connection), and confirm over a new one."
        )
    if pending is not None and not check_mode:
        with host.locks.hold_directory(STATE, wait=_PATIENCE):
            if read_pending(host) != pending:
                raise ChecksFailed("The change of the firewall was taken back, or made anew, at this very moment.")
            taking_back.end(host, pending)
    return Result(changed=pending is not None, data={"pending": None})


def _published(host: Host) -> list[int]:
    """The ports that Docker leads into containers, from others than this host."""
    if host.commands.find("docker") is None:
        return []
    listed = host.commands.run([IPTABLES[4], "-t", "nat", "-S", "DOCKER"], timeout=_PATIENCE)
    return sorted({int(port) for port in _PUBLISHED.findall(listed.stdout)})


def _pending(request: Request, connection: str | None, former: Pending | None, host: Host) -> Pending:
    is_timed = bool(request.arm) and request.enabled
    problem = taking_back.missing(host) if is_timed else None
    if problem:
        raise InvalidInput("The firewall", [f"arm: {problem}. Give 0 to do without."])
    if former and former.until and not is_timed:
        problem = f"a change is pending until {former.until}: confirm it, or wait until it is taken back."
        raise InvalidInput("The firewall", [problem])
    now = host.now()
    return Pending(
        id=host.random(4).hex(),
        since=former.since if former else stamp(now),
        until=stamp(now + timedelta(seconds=request.arm)) if is_timed else "",
        connection=connection or "",
    )


def _carry_out(
    request: Request,
    plan: Plan,
    standing: Standing,
    files: Mapping[str, bytes],
    former: Pending | None,
    pending: Pending,
    host: Host,
) -> None:
    taking_back.install(host)
    try:
        with host.locks.hold_directory(STATE, wait=_PATIENCE):
            if read_standing(host) != standing or read_pending(host) != former:
                raise ChecksFailed("Somebody else has changed the firewall at this very moment: run this again.")
            taking_back.begin(host, pending, former, standing.files, request.arm)
            _apply(plan, standing, files, host)
            _refuse_other(request, plan, host)
            if not pending.until:
                taking_back.end(host, pending)
    except BaseException as error:
        _take_back(pending, error, host)
        raise


def _apply(plan: Plan, standing: Standing, files: Mapping[str, bytes], host: Host) -> None:
    for name, content in files.items():
        host.files.write(f"{ETC}/{name}", content, standing.files[name].access)
    if plan.act == "exchange":
        # In one act for each family, as ufw does it for some of its changes: nothing is open or closed meanwhile.
        for family in plan.rules:
            text = files.get(RULES[family], standing.files[RULES[family]].content).decode(errors="replace")
            argv = [f"{IPTABLES[family]}-restore", "--noflush"]
            host.commands.run(argv, stdin=text, timeout=_PATIENCE).succeeded("To give the kernel the rules")
    elif plan.act:
        words = ["--force", plan.act] if plan.act == "enable" else [plan.act]
        host.commands.run(["ufw", *words], timeout=_PATIENCE).succeeded(f"ufw {plan.act}")


def _refuse_other(request: Request, plan: Plan, host: Host) -> None:
    now = read_standing(host)
    if now.rules != plan.rules or now.default_incoming != request.default_incoming:
        raise ChecksFailed("ufw has made other rules than those that are declared.")
    if (now.enabled, now.is_running) != (request.enabled, request.enabled) or (request.enabled and not now.is_loaded):
        raise ChecksFailed("The kernel does not have the rules that ufw has written.")


def _take_back(pending: Pending, error: BaseException, host: Host) -> None:
    if read_pending(host) != pending:
        return
    try:
        taking_back.take_back(host, pending)
    except ShipshapeError as trouble:
        sentence = f"The way back failed too: {trouble.message} Look at ufw status, and run this again."
    else:
        sentence = f"Everything is as it was before {pending.since}."
    if isinstance(error, ShipshapeError):
        error.add(sentence)


def _result(request: Request, plan: Plan, standing: Standing, pending: Pending | None) -> Result:
    before = _told(standing.enabled and standing.is_running, standing.default_incoming, standing.rules)
    after = _told(request.enabled, request.default_incoming, plan.rules)
    warnings = [*plan.warnings]
    if pending and pending.until and not plan.is_needed:
        warnings.append(f"The change of {pending.since} is taken back at {pending.until} unless it is confirmed.")
    return Result(
        changed=plan.is_needed,
        data={
            "enabled": request.enabled,
            "ipv6": standing.ipv6,
            "ssh_ports": list(plan.ssh_ports),
            "rules": [str(rule) for rule in plan.own],
            "others": [str(rule) for rule in plan.others],
            "pending": pending.as_returned() if pending else None,
        },
        diff=Diff(before, after, "ufw") if plan.is_needed else None,
        warnings=warnings,
    )


def _told(is_on: bool, policy: str, rules: Mapping[int, Sequence[Rule]]) -> str:
    lines: list[Any] = [f"ufw is {'on' if is_on else 'off'}", f"{policy} what comes in and has no rule"]
    return "".join(f"{line}\n" for line in [*lines, *(rule for present in rules.values() for rule in present)])
