# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop, start and prove, or have everything as it was before. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import every_form, masked
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import Request, digest
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.plan import Plan, Seen
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.proof import Shortcoming, prove
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition, Supervisor
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Process

_SIGKILL = 9

# What a program says last often ends in a list of its functions, of which the log has more.
_FRAME = re.compile(r"\s+at ")
_LINES = 6

_PAUSE = 0.1
# How long what a stopped process has left behind may take to end by itself.
_PATIENCE = 2.0
# For how long nothing may come again of what was killed.
_QUIET = 1.0


@dataclass
class Done:
    """What was done, as it goes on."""

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)


def carry_out(
    request: Request, release: str, plan: Plan, seen: Mapping[str, Seen], supervisor: Supervisor, host: Host
) -> Done:
    """Carry out the plan; if a start fails, for whatever reason, all that it was to replace runs again."""
    done = Done()
    try:
        _kill(plan.kill, done, host)
        _stop(plan.stop, [name for name, one in seen.items() if one.instances], done, supervisor, host)
        done.stopped += plan.stop
        if plan.start:
            _start(request, release, plan.start, done, supervisor, host)
        if plan.promote or (done.started and not request.candidate):
            # While they were proved, those that were started were as good as candidates.
            supervisor.promote([*plan.promote, *([] if request.candidate else done.started)])
    except Exception as error:
        # A signal raises as well, and no second one interrupts the way back.
        told = _back(plan, seen, request.stable, done, supervisor, host) if plan.start else ""
        if isinstance(error, ShipshapeError) and plan.start:
            error.add(told)
            error.details.update(stopped=done.stopped, killed=done.killed, restored=done.restored)
        raise
    if plan.forget:
        supervisor.forget(plan.forget)
    if plan.saves:
        supervisor.save()
    return done


def _back(plan: Plan, seen: Mapping[str, Seen], stable: float, done: Done, supervisor: Supervisor, host: Host) -> str:
    try:
        return _way_back(plan, seen, stable, done, supervisor, host)
    except ShipshapeError as another:
        return f"The way back failed as well, look at what runs: {another.message}"


def _start(
    request: Request,
    release: str,
    definitions: Sequence[Definition],
    done: Done,
    supervisor: Supervisor,
    host: Host,
) -> None:
    begun = host.clock()
    done.started += [definition.name for definition in definitions]
    digests = {definition.name: digest(definition) for definition in definitions}
    wrong = _wrong(definitions, digests, release, request.candidate, request.stable, supervisor, host)
    if wrong:
        definition = next(one for one in definitions if one.name == wrong.name)
        raise ChecksFailed(_told(wrong, definition, host.clock() - begun, supervisor, host))


def _wrong(
    definitions: Sequence[Definition],
    digests: Mapping[str, str],
    release: str,
    is_candidate: bool,
    stable: float,
    supervisor: Supervisor,
    host: Host,
) -> Shortcoming | None:
    """Start these; what is not as it should be."""
    before = host.sockets.opened(supervisor.parent()) or frozenset()
    unready = supervisor.start(definitions, release=release, digests=digests, is_candidate=is_candidate, stable=stable)
    for definition in definitions:
        if definition.name in unready:
            said = f"did not say that it is ready after {definition.listen_timeout:g} s"
            return Shortcoming(definition.name, said)
    return prove(definitions, supervisor, stable=stable, before=before, host=host)


def _told(wrong: Shortcoming, definition: Definition, seconds: float, supervisor: Supervisor, host: Host) -> str:
    """What was seen, and what the process itself said last."""
    code = _exit_code(wrong.name, supervisor) if wrong.has_ended else None
    with_code = "" if code is None else f" with exit code {code}"
    after = f"{with_code} after {seconds:.1f} s" if wrong.has_ended else ""
    lines = [line.strip() for line in supervisor.last_words(wrong.name) if not _FRAME.match(line)]
    words = masked(lines[-_LINES:], _secrets_of(definition, host))
    last = f" It wrote last: {' | '.join(words)}" if words else " It wrote no error"
    return f"{supervisor.full_name(wrong.name)} {wrong.said}{after}.{last} (its log: {supervisor.log(wrong.name)})."


def _exit_code(name: str, supervisor: Supervisor) -> int | None:
    codes = [one.exit_code for one in supervisor.look().instances if one.name == name and not one.pid]
    return next((code for code in codes if code is not None), None)


def _secrets_of(definition: Definition, host: Host) -> list[str]:
    """All that stands in the environment file behind a name, line by line."""
    file = host.files.read(definition.environment_file) if definition.environment_file else None
    lines = file.content.decode("utf-8", "replace").splitlines() if file else []
    values = [line.rpartition("=")[2] if line.count("=") == 1 else line.partition("=")[2] or line for line in lines]
    return every_form(
        sorted({form for value in values for form in (value.strip(), value.strip(" \t\"'`"))}, key=len, reverse=True)
    )


def _stop(names: Sequence[str], known: Collection[str], done: Done, supervisor: Supervisor, host: Host) -> None:
    """Have nothing of these left, whatever the supervisor knows of it."""
    if not names:
        return
    listed = [name for name in names if name in known]
    if listed:
        supervisor.stop(listed)
    # What the supervisor knows has had its time by now.
    deadline = host.clock() + (_PATIENCE if listed else 0)
    quiet_from = host.clock()
    while True:
        found = supervisor.members()
        left = [process for name in names for process in found.get(name, ())]
        if left and host.clock() >= deadline:
            _kill(left, done, host)
            quiet_from = host.clock() + _QUIET
        elif not left and host.clock() >= quiet_from:
            return
        host.pause(_PAUSE)


def _kill(processes: Sequence[Process], done: Done, host: Host) -> None:
    for process in processes:
        if host.processes.signal(process, _SIGKILL):
            done.killed.append(process.pid)


def _way_back(
    plan: Plan, seen: Mapping[str, Seen], stable: float, done: Done, supervisor: Supervisor, host: Host
) -> str:
    """Take away what was started, and start again what was stopped for that; how that went, as sentences."""
    present: dict[str, list[int]] = {}
    for instance in supervisor.look().instances:
        present.setdefault(instance.name, []).append(instance.pid)
    # It may not have come to stop all of them.
    untouched = [name for name in plan.stop if name not in done.started and _is_as_before(name, seen, present)]
    touched = [name for name in dict.fromkeys((*plan.stop, *done.started)) if name not in untouched]
    done.stopped[:] = [name for name in plan.stop if name in touched]
    _stop(touched, present, done, supervisor, host)
    told = ["What was started is stopped again."] if done.started else []
    done.started.clear()
    for former in [seen[name] for name in done.stopped]:
        full_name = supervisor.full_name(former.name)
        problem = _restored(former, stable, supervisor, host)
        if problem is None:
            done.restored.append(former.name)
        told.append(f"{full_name} {problem}." if problem else f"{full_name} runs again as before.")
    return " ".join(told)


def _is_as_before(name: str, seen: Mapping[str, Seen], present: Mapping[str, Sequence[int]]) -> bool:
    return sorted(one.pid for one in seen[name].instances) == sorted(present.get(name, ()))


def _restored(former: Seen, stable: float, supervisor: Supervisor, host: Host) -> str | None:
    """Why it does not run as before, as the end of a sentence."""
    definition = former.kept
    if definition is None or not any(one.pid and one.definition == digest(definition) for one in former.instances):
        return "did not run as it was declared before, and is left stopped"
    if not all(host.paths.facts(path) for path in (definition.script, definition.cwd)):
        return "is left stopped: its release is gone"
    digests, release = {definition.name: digest(definition)}, former.instances[0].release
    wrong = _wrong([definition], digests, release, former.is_candidate(), stable, supervisor, host)
    if not former.is_candidate():
        supervisor.promote([definition.name])
    return f"was started again as before, but {wrong.said}" if wrong else None
