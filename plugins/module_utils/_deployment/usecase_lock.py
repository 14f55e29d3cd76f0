# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have one deployment of an application at a time. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment import journal
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment import lock as locks
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.lock import Lock
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.running import running
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    FileError,
    HttpError,
    InvalidInput,
    LockHeld,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._plain_http import get
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    GrowingFiles,
    Locks,
    Network,
    Paths,
    ProcessTable,
)

STATES = ("held", "free", "gathered")

# Nothing in them is secret, and whoever watches the host wants to read them.
_ACCESS = Access(mode=0o644)

# A look, a decision and two files take no longer.
_WAIT = 10

# Of what was done, people ask for the last.
_HISTORY = 10

# nginx answers this at once.
_ANSWER = 5.0


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    root: str
    state: str = "gathered"
    deployment: str | None = None
    owner: Mapping[str, Any] | None = None
    phase: str | None = None
    note: str | None = None
    verdict: str | None = None
    silent_for: float = 900
    take_over: str | None = None
    traffic: str | None = None
    status_port: int = 8099
    attested: Sequence[str] = ()
    chores: Sequence[str] = ()


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    files: GrowingFiles
    locks: Locks
    paths: Paths
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    network: Network
    processes: ProcessTable
    machine: Callable[[str], Mapping[str, int]]


def keep_lock(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Take the lock, keep it, give it back, or tell who has it."""
    facts = host.paths.facts(request.root)
    if facts is None or facts.type != "dir":
        raise FileError(f"{request.root} is no directory: create the application's root first.", path=request.root)
    slot = _slot(request.traffic, request.status_port, host.network) if request.traffic else None
    with host.locks.hold_directory(request.root, wait=_WAIT):
        present = _present(request.root, host)
        written = _journal_of(request.root, host)
        wanted, line = _planned(request, present, host)
        about = wanted.deployment if request.state == "held" and wanted else written.live_by()
        line += _attested(request, about, host) + _done(request, host)
        is_change = wanted != present or bool(line)
        if is_change and not check_mode:
            if line:
                host.files.append(f"{request.root}/{journal.NAME}", line, _ACCESS)
            if wanted != present:
                host.files.write(f"{request.root}/{locks.NAME}", wanted.as_text().encode() if wanted else b"", _ACCESS)
    becomes = journal.Journal([*written.lines, *journal.read_journal(line).lines])
    told = {
        "slot": slot,
        "running": running(request.traffic, host.processes) if request.traffic else None,
        "attested": becomes.attested(about),
        "chores": becomes.chores(),
        "machine": host.machine(request.root),
    }
    return Result(changed=is_change, data={**_told(request, present, wanted, written, host), **told})


def _slot(name: str, port: int, network: Network) -> str:
    """Where nginx takes the application's requests."""
    place = f"http://127.0.0.1:{port}/traffic (Host: traffic.{name})"
    try:
        status, text = get(network, ("127.0.0.1", port), "/traffic", host=f"traffic.{name}", timeout=_ANSWER)
    except HttpError as error:
        error.add(f"So nginx does not tell where the traffic of {name} goes: start it, or deploy its site.")
        raise
    try:
        slot: str = json.loads(text)["group"]
    except (ValueError, TypeError, KeyError):
        raise FileError(
            f"nginx does not tell where the traffic of {name} goes, but answers {status} at {place}: deploy the site "
            "with the role nginx first."
        ) from None
    return slot


def _present(root: str, host: Host) -> Lock | None:
    path = f"{root}/{locks.NAME}"
    file = host.files.read(path)
    if file is None or not file.content.strip():
        return None
    try:
        return locks.read_lock(file.content)
    except ValueError:
        raise FileError(
            f"{path} is not understood, so that it is not known who deploys: look, and remove it if nobody does.",
            path=path,
        ) from None


def _journal_of(root: str, host: Host) -> journal.Journal:
    file = host.files.read(f"{root}/{journal.NAME}")
    return journal.read_journal(file.content) if file else journal.Journal()


def _planned(request: Request, present: Lock | None, host: Host) -> tuple[Lock | None, bytes]:
    """The lock as it is to be, and what the journal is to say of that."""
    now = host.now()
    # What is free already was given back, perhaps by an earlier attempt whose answer got lost.
    if request.state == "gathered" or (request.state == "free" and present is None):
        return present, b""
    if request.deployment and (present is None or present.deployment != request.deployment):
        raise _lost(request, present, now)
    if present and request.deployment:
        return _given_back(request, present, now) if request.state == "free" else _kept(request, present, now)
    if present and not present.is_dead(now) and request.take_over != present.deployment:
        raise LockHeld(
            f"{present.sentence(now)}: wait until it has ended. If you know that it is dead, set take_over to "
            f"{present.deployment}.",
            holder=asdict(present),
        )
    return _taken(request, present, now, host)


def _attested(request: Request, about: str | None, host: Host) -> bytes:
    """What the journal is to say of what somebody has attested."""
    if request.attested and about is None:
        raise InvalidInput("deployment_lock", ["attested: there is no deployment of which that could be said."])
    by = _by(request)
    return b"".join(
        journal.journal_line(host.now(), deployment=about, attested=name, by=by) for name in request.attested
    )


def _done(request: Request, host: Host) -> bytes:
    """What the journal is to say of chores that were done."""
    by = _by(request)
    return b"".join(journal.journal_line(host.now(), chore=name, by=by) for name in request.chores)


def _by(request: Request) -> str:
    """The person, and from where; which process it was says nothing later."""
    owner = locks.owner_of(request.owner or {})
    return f"{owner.who} on {owner.controller}"


def _given_back(request: Request, present: Lock, now: datetime) -> tuple[None, bytes]:
    phase = request.phase or present.phase
    return None, _line(now, present, journal.ENDED, phase=phase, verdict=request.verdict, note=request.note)


def _kept(request: Request, present: Lock, now: datetime) -> tuple[Lock, bytes]:
    kept = replace(
        present,
        heard=journal.stamp(now),
        until=journal.stamp(now + timedelta(seconds=request.silent_for)),
        phase=request.phase or present.phase,
    )
    is_news = kept.phase != present.phase or request.note
    return kept, _line(now, kept, journal.PHASE, phase=kept.phase, note=request.note) if is_news else b""


def _taken(request: Request, present: Lock | None, now: datetime, host: Host) -> tuple[Lock, bytes]:
    owner = locks.owner_of(request.owner or {})
    taken = Lock(
        deployment=f"{now:%Y%m%dT%H%M%SZ}-{host.random(2).hex()}",
        owner=owner,
        since=journal.stamp(now),
        heard=journal.stamp(now),
        until=journal.stamp(now + timedelta(seconds=request.silent_for)),
        phase=request.phase,
    )
    begun = _line(now, taken, journal.BEGUN, phase=request.phase, by=str(owner), note=request.note)
    if present is None:
        return taken, begun
    return taken, _line(now, present, journal.TAKEN_OVER, phase=present.phase, by=str(owner)) + begun


def _line(now: datetime, lock: Lock, event: str, **facts: Any) -> bytes:
    return journal.journal_line(now, deployment=lock.deployment, event=event, **facts)


def _lost(request: Request, present: Lock | None, now: datetime) -> LockHeld:
    instead = present.sentence(now) if present else "it is free"
    return LockHeld(
        f"The deployment {request.deployment} does not hold the lock of {request.root} any more: {instead}. Nothing "
        "more is done in its name; begin a new deployment.",
        holder=asdict(present) if present else None,
    )


def _told(
    request: Request, present: Lock | None, wanted: Lock | None, written: journal.Journal, host: Host
) -> Mapping[str, Any]:
    is_new = wanted is not None and (present is None or present.deployment != wanted.deployment)
    now = host.now()
    return {
        "deployment": wanted.deployment if wanted else request.deployment,
        "holder": {**asdict(wanted), "is_dead": wanted.is_dead(now)} if wanted else None,
        "took_over": asdict(present) if present and is_new else None,
        "live": written.live(),
        "live_since": written.live_since(),
        "live_by": written.live_by(),
        "good": written.good(),
        "releases": written.states(),
        "unfinished": written.unfinished(),
        "deployments": written.deployments(_HISTORY),
    }
