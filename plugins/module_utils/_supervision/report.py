# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module tells of processes. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.carrying_out import Done
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import Declared, Request, digest
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.plan import Plan, Seen
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.proof import heads
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Standing,
    Supervisor,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Process

_MB = 2**20

# Enough to tell definitions apart.
_DIGITS = 12


@dataclass(frozen=True)
class Findings:
    """What is known once all is done."""

    standing: Standing
    seen: Mapping[str, Seen]
    done: Done
    # By now; None if nothing has changed since they were seen.
    members: Mapping[str, Sequence[Process]] | None


def report(
    request: Request, wanted: Declared, plan: Plan, found: Findings, supervisor: Supervisor, host: Host
) -> Result:
    """The result, which is the same in check mode but for what nobody can foretell."""
    declared = {definition.name: definition for definition in wanted.definitions}
    names = list(dict.fromkeys((*declared, *found.seen, *(entry["name"] for entry in request.processes or ()))))
    data = {
        "state": request.state,
        "supervisor": supervisor.name,
        "processes": [_process(name, declared, request, plan, wanted, found, supervisor, host) for name in names],
        "started": [definition.name for definition in plan.start],
        "stopped": list(plan.stop),
        "promoted": list(plan.promote),
        "reasons": dict(plan.reasons),
        "killed": found.done.killed or [process.pid for process in plan.kill],
        "restored": [],
        "saved": found.standing.is_saved if not plan.is_change() else plan.saves,
    }
    warnings = [*wanted.warnings, *found.standing.warnings]
    return Result(plan.is_change(), data, _diff(request, declared, plan, found.seen, supervisor), warnings=warnings)


def _process(
    name: str,
    declared: Mapping[str, Definition],
    request: Request,
    plan: Plan,
    wanted: Declared,
    found: Findings,
    supervisor: Supervisor,
    host: Host,
) -> dict[str, Any]:
    seen = found.seen.get(name, Seen(name))
    started = {definition.name for definition in plan.start}
    is_stopped = name in plan.stop and name not in started
    definition = declared.get(name) or seen.kept
    is_new = name in started
    live = [one for one in seen.instances if one.pid]
    pids = [] if is_stopped else _pids(name, [one.pid for one in live], is_new, found, supervisor)
    runs = is_new or (bool(live) and not is_stopped)
    first = seen.instances[0] if seen.instances else None
    promoted = name in plan.promote
    return {
        "name": name,
        "full_name": supervisor.full_name(name),
        "status": "running" if runs else "stopped" if seen.runs() or seen.kept else "missing",
        "pids": pids,
        "release": wanted.release if is_new else first.release if first else None,
        "port": definition.port if definition else None,
        "candidate": request.candidate if is_new else seen.is_candidate() and not promoted,
        "restarts": 0 if is_new or not first else sum(one.restarts for one in seen.instances),
        "memory_mb": round(sum(host.processes.memory(pid) or 0 for pid in pids) / _MB, 1) if pids else None,
        "definition": (digest(definition) if is_new and definition else first.definition if first else "")[:_DIGITS],
    }


def _pids(name: str, before: Sequence[int], is_new: bool, found: Findings, supervisor: Supervisor) -> list[int]:
    if not is_new:
        return sorted(before)
    members = (found.members or {}).get(name, ())
    return sorted(head.pid for head in heads(members, supervisor.parent()))


def _diff(
    request: Request,
    declared: Mapping[str, Definition],
    plan: Plan,
    seen: Mapping[str, Seen],
    supervisor: Supervisor,
) -> Diff | None:
    if not plan.is_change():
        return None
    started = {definition.name for definition in plan.start}
    before = {name: _shown(one.kept, one.is_candidate()) for name, one in seen.items() if one.runs()}
    stay = {name: {**shown} for name, shown in before.items() if name not in plan.stop}
    after = {**stay, **{name: _shown(declared[name], request.candidate) for name in started}}
    for name in plan.promote:
        after[name]["candidate"] = False
    title = f"{request.application}{f' {request.slot}' if request.slot else ''} ({supervisor.name})"
    return Diff(_text(before), _text(after), title)


def _shown(definition: Definition | None, is_candidate: bool) -> dict[str, Any]:
    """All but the values of variables, which may be what nobody else is to know."""
    told = asdict(definition) if definition else {}
    told.pop("environment_sha256", None)
    if definition:
        told["environment"] = sorted(definition.environment)
    return {**told, "candidate": is_candidate}


def _text(shown: Mapping[str, Any]) -> str:
    return json.dumps(shown, indent=2, sort_keys=True) + "\n" if shown else ""
