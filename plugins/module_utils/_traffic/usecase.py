# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Move an application's traffic by one rename, and prove it. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, FileError, HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic import taking_back
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import (
    Application,
    read_application,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.carrying_out import ADVICE, carry_out, prove
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.flags import (
    Armed,
    Flags,
    after_reboot,
    folder,
    named,
    state_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.host import Host, read_flags, stamp
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.plan import (
    Plan,
    Request,
    Turn,
    plan_action,
    refuse_unfit,
    refused,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.proof import sick
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.quiet import (
    InFlight,
    in_flight,
    wait_until_quiet,
)

# What is right only if nginx says so; the others tell what it says.
_MOVING = ("switch", "drain", "undrain", "maintenance_on", "maintenance_off", "revert")


def move_traffic(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Carry out the action unless everything is so already."""
    refuse_unfit(request)
    application = _application(request, host)
    proof = None
    # Another run, or a timer, may have been faster: then what it has left is looked at anew.
    while proof is None:
        before = read_flags(application, host)
        plan = plan_action(request, application, before)
        if plan.turn:
            _refuse_unhealthy(request, plan, application, host)
        after = _after(request, plan, before, application, host)
        if check_mode:
            return _result(application, plan, before, after)
        proof = (
            carry_out(request, application, plan, before, after, host)
            if plan.is_change
            else prove(application, after, host)
        )
    if proof.problem and request.action in _MOVING:
        raise ChecksFailed(f"The flags of {request.name} are right ({plan.act}), but {proof.problem}. {ADVICE}")
    data, warnings = _waited(request, plan, host) if plan.left else ({}, [])
    warnings += [*proof.warnings, *([f"{proof.problem}. {ADVICE}"] if proof.problem else [])]
    if after.armed and not plan.is_change and request.action in _MOVING:
        warnings.append(f"{after.armed.act} is armed, and is taken back at {after.armed.until} unless it is confirmed.")
    return _result(application, plan, before, after, {"proved": proof.proved, **data}, warnings)


def _application(request: Request, host: Host) -> Application:
    path = f"{request.directory}/applications/{request.name}/traffic.json"
    file = host.files.read(path)
    if file is None:
        raise FileError(f"{path} is not there: write it with the role nginx first.", path=path)
    return read_application(request.name, path, file.content)


def _refuse_unhealthy(request: Request, plan: Plan, application: Application, host: Host) -> None:
    reasons = sick(plan.takers, application.health, network=host.network)
    if len(plan.takers) - len(reasons) < plan.at_least:
        among = f"of {named(plan.takers)} " if plan.takers else ""
        need = f"{plan.act} needs {plan.at_least} {among}to be healthy, and {len(plan.takers) - len(reasons)} are so."
        raise refused(request, " ".join([need, *reasons]))


def _after(request: Request, plan: Plan, before: Flags, application: Application, host: Host) -> Flags:
    """The flags once the plan is carried out."""
    after = before if plan.turn is None else replace(before, on=before.turned(plan.turn.flag, plan.turn.is_on))
    if plan.closes and before.armed:
        taken = replace(before.armed, reverted=stamp(host.now()), because="it was asked for")
        return replace(after, armed=None, reverted=taken if request.action == "revert" else before.reverted)
    if plan.turn and request.arm:
        armed = _armed(request, request.arm, plan.act, plan.turn, application, host)
        return replace(after, armed=armed, reverted=None)
    return after


def _armed(request: Request, seconds: int, act: str, turn: Turn, application: Application, host: Host) -> Armed:
    problem = taking_back.missing(application, host.paths, host.commands)
    if problem:
        raise refused(request, f"arm is not possible: {problem}")
    now = host.now()
    return Armed(
        id=host.random(4).hex(),
        boot=taking_back.started(host.files, host.processes),
        flag=turn.flag,
        was=folder(not turn.is_on),
        act=act,
        since=stamp(now),
        until=stamp(now + timedelta(seconds=seconds)),
    )


def _waited(request: Request, plan: Plan, host: Host) -> tuple[dict[str, Any], list[str]]:
    """What is left under way to backends that traffic has left, and what to warn of."""
    warnings, places = [], set()
    for backend in plan.left:
        try:
            places |= {(address, backend.port) for address in host.network.addresses(backend.host)}
        except HttpError as error:
            warnings.append(f"It is not known what is under way to {backend}: {error.message}")
    begun = host.clock()
    left = wait_until_quiet(
        lambda: in_flight(places, processes=host.processes, sockets=host.sockets),
        wait=request.wait,
        websocket_wait=request.websocket_wait,
        clock=host.clock,
        pause=host.pause,
    )
    if left != InFlight():
        counts = f"{left.requests} for requests, {left.websockets} for WebSockets"
        warnings.append(f"nginx still has connections to {named(plan.left)}: {counts}.")
    return {"in_flight": asdict(left), "waited": round(host.clock() - begun, 1)}, warnings


def _result(
    application: Application,
    plan: Plan,
    before: Flags,
    after: Flags,
    found: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
) -> Result:
    was, becomes = state_of(application, before), state_of(application, after)
    data = {
        "before": was.as_returned(),
        "after": becomes.as_returned(),
        "in_flight": None,
        "waited": 0.0,
        "proved": None,
        "after_reboot": after_reboot(application, after),
        "reverted": after.reverted.as_reverted() if after.reverted else None,
        **(found or {}),
    }
    diff = Diff(was.as_text(), becomes.as_text(), application.flags) if plan.is_change else None
    return Result(changed=plan.is_change, data=data, diff=diff, warnings=warnings)
