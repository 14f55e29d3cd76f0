# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rename, armed before it and proved after it. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic import taking_back
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import FLAGS, Application
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.flags import Armed, Flags, folder, state_of
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.host import Host, read_flags, stamp
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.plan import Plan, Request, Turn
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.proof import disagreement
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access

_READABLE = Access(mode=0o644)

ADVICE = (
    "It remembers files (open_file_cache), or has not read its present configuration: write that with the role nginx, "
    "and reload it."
)


@dataclass(frozen=True)
class Proof:
    """Whether nginx says the same as the flags, and what it says otherwise."""

    proved: bool
    problem: str | None = None
    warnings: Sequence[str] = ()


def carry_out(
    request: Request, application: Application, plan: Plan, before: Flags, after: Flags, host: Host
) -> Proof | None:
    """Turn the flag and prove it; nothing is done, and None comes back, if the flags are no longer as before."""
    armed = after.armed if after.armed != before.armed else None
    for directory in _directories(application):
        host.folders.prepare(directory, mode=0o755)
    if armed:
        taking_back.install(host.files, host.folders, host.paths, host.commands)
    with host.locks.hold_directory(application.flags, wait=30):
        if read_flags(application, host) != before:
            return None
        if armed and request.arm:
            _arm(application, armed, request.arm, host)
        if plan.turn:
            _turn(plan.turn, plan.act, application, host)
        if plan.closes and before.armed:
            _close(application, before.armed, after.reverted, host)
        proof = prove(application, after, host)
        if proof.problem and plan.turn and not plan.closes:
            _move(plan.turn.undone(), application, host)
            if armed:
                _close(application, armed, before.reverted, host)
            raise ChecksFailed(f"{plan.act} was taken back: {proof.problem}. {ADVICE}")
    return proof


def _directories(application: Application) -> list[str]:
    folders = [f"{application.flags}/{folder(is_on)}" for is_on in (True, False)]
    above = [posixpath.dirname(FLAGS), FLAGS] if application.can_be_armed else [posixpath.dirname(application.flags)]
    return [*above, application.flags, *folders]


def _arm(application: Application, armed: Armed, seconds: int, host: Host) -> None:
    """The timer comes first: it waits for the lock, and if this is killed it finds nothing or takes all back."""
    taking_back.start_timer(host.commands, _timer(application, armed), seconds, (application.flags, armed.id))
    host.folders.remove(f"{application.flags}/reverted")
    host.files.write(f"{application.flags}/armed", armed.as_text().encode(), _READABLE)


def _close(application: Application, armed: Armed, reverted: Armed | None, host: Host) -> None:
    """Have this armed no more; the timer is stopped last, because it finds nothing to do."""
    if reverted:
        host.files.write(f"{application.flags}/reverted", reverted.as_text().encode(), _READABLE)
    host.folders.remove(f"{application.flags}/armed")
    taking_back.stop_timer(host.commands, _timer(application, armed))


def _timer(application: Application, armed: Armed) -> str:
    return f"shipshape-traffic-{application.name}-{armed.id}"


def _turn(turn: Turn, act: str, application: Application, host: Host) -> None:
    if turn.is_on:
        # For people. nginx does not look there.
        told = f"Since {stamp(host.now())}, by {act} of the module shipshape.webapp.traffic.\n"
        host.files.write(f"{application.flags}/{folder(False)}/{turn.flag}", told.encode(), _READABLE)
    _move(turn, application, host)


def _move(turn: Turn, application: Application, host: Host) -> None:
    here, there = (f"{application.flags}/{folder(is_on)}/{turn.flag}" for is_on in (not turn.is_on, turn.is_on))
    host.folders.move(here, there)


def prove(application: Application, flags: Flags, host: Host) -> Proof:
    """What nginx says of these flags."""
    state = state_of(application, flags)
    try:
        problem = disagreement(application, state, network=host.network, clock=host.clock, pause=host.pause)
    except HttpError:
        place = f"127.0.0.1:{application.status_port}"
        told = f"Nothing is proved, because nothing answers at {place}: nginx does not run, or was not reloaded."
        return Proof(False, warnings=[told])
    return Proof(problem is None, problem)
