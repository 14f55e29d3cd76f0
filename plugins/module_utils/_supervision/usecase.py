# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have exactly the declared processes of a slot run, with proof. This module is private to the collection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import ports, proof
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.carrying_out import Done, carry_out
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import (
    Declared,
    Request,
    declared,
    slot_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.plan import (
    Plan,
    Seen,
    plan_start,
    plan_stop,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.report import Findings, report
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Slot,
    Standing,
    Supervisor,
)

# How long another run on the same host may take.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Look:
    """What is found of the slot before anything is done."""

    standing: Standing
    seen: dict[str, Seen]


def supervise(
    request: Request, make_supervisor: Callable[[Slot], Supervisor], host: Host, *, check_mode: bool
) -> Result:
    """Bring the slot to its state unless it is so already."""
    supervisor = make_supervisor(slot_of(request))
    wanted = declared(request, supervisor, host) if request.state == "started" else Declared()
    only_looks = check_mode or request.state == "gathered"
    with contextlib.nullcontext() if only_looks else host.locks.hold_directory(supervisor.lock, wait=_PATIENCE):
        look = _look(wanted, supervisor, host)
        plan = _plan(request, wanted, look)
        _refuse(request, plan, look, supervisor, host)
        done = Done() if only_looks else carry_out(request, wanted.release, plan, look.seen, supervisor, host)
        members = None if only_looks else supervisor.members()
        return report(request, wanted, plan, Findings(look.standing, look.seen, done, members), supervisor, host)


def _look(wanted: Declared, supervisor: Supervisor, host: Host) -> Look:
    standing = supervisor.look()
    members, parent, kept = supervisor.members(), supervisor.parent(), supervisor.kept()
    listed = [instance.name for instance in standing.instances]
    running = {instance.pid for instance in standing.instances if instance.pid}
    definitions = {definition.name: definition for definition in wanted.definitions}
    seen = {}
    # In the order in which they were or are declared, as far as that is known.
    for name in dict.fromkeys((*definitions, *kept, *sorted({*members, *listed}))):
        ghosts = proof.astray(members.get(name, ()), running)
        family = [member for member in members.get(name, ()) if member not in ghosts]
        sight = proof.Sight(definitions[name], family, parent, host) if name in definitions else None
        # Whether they are healthy is not asked: to start them anew is no answer to that.
        wrong = (sight.miscounted() or sight.misplaced()) if sight else None
        seen[name] = Seen(
            name,
            instances=[instance for instance in standing.instances if instance.name == name],
            members=members.get(name, ()),
            ghosts=ghosts,
            kept=kept.get(name),
            wrong=wrong.said if wrong else None,
        )
    return Look(standing, seen)


def _plan(request: Request, wanted: Declared, look: Look) -> Plan:
    names = [entry["name"] for entry in request.processes or ()]
    if request.state == "started":
        plan = plan_start(wanted.definitions, look.seen, is_candidate=request.candidate)
        return replace(plan, saves=request.save and (plan.is_change() or not look.standing.is_saved))
    if request.state == "stopped":
        return plan_stop(names, look.seen)
    if request.state == "absent":
        return plan_stop(names, look.seen, forgotten=look.standing.remembered)
    return Plan(saves=request.state == "saved" and not look.standing.is_saved)


def _refuse(request: Request, plan: Plan, look: Look, supervisor: Supervisor, host: Host) -> None:
    problems: list[str] = []
    for definition in plan.start:
        owner = supervisor.foreign(definition.name)
        if owner:
            problems.append(f"{definition.name}: {owner}.")
    problems += ports.taken(plan, look.seen, supervisor, host)
    if request.state == "saved" and plan.saves:
        problems += _not_to_be_saved(look.standing, supervisor)
    if problems:
        raise InvalidInput(request.application, problems)


def _not_to_be_saved(standing: Standing, supervisor: Supervisor) -> Sequence[str]:
    if not any(instance.pid for instance in standing.instances):
        return ["there is nothing to save: none of its processes runs."]
    candidates = sorted({instance.name for instance in standing.instances if instance.is_candidate})
    return [f"{supervisor.full_name(name)} is a candidate: start it without candidate first." for name in candidates]
