# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which flag an action turns, and what speaks against it. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import NAME, Application, Backend
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.flags import (
    GREEN,
    MAINTENANCE,
    Flags,
    drain_of,
    folder,
    state_of,
)


@dataclass(frozen=True)
class Request:
    """What the user asked for; times are in seconds."""

    name: str
    action: str = "state"
    to: str | None = None
    batch: str | None = None
    arm: int | None = None
    wait: float = 30
    websocket_wait: float = 10
    directory: str = "/etc/nginx"


@dataclass(frozen=True)
class Turn:
    """One flag that is turned on or off."""

    flag: str
    is_on: bool

    def undone(self) -> Turn:
        """The reverse."""
        return Turn(self.flag, not self.is_on)


@dataclass(frozen=True)
class Plan:
    """What an action comes to."""

    # As people call it.
    act: str
    turn: Turn | None = None
    # Whose connections are waited for, because traffic is not to go there any more.
    left: Sequence[Backend] = ()
    # Of these, so many have to be healthy before anything is turned.
    takers: Sequence[Backend] = ()
    at_least: int = 0
    # What was armed ends with this: confirmed or taken back.
    closes: bool = False

    @property
    def is_change(self) -> bool:
        """Whether anything is to be done."""
        return self.turn is not None or self.closes


# What each action does with options of its own; those that it does not know are refused.
_FITTING: Mapping[str, Sequence[str]] = {
    "state": (),
    "switch": ("to", "arm"),
    "drain": ("batch", "arm"),
    "undrain": ("batch",),
    "maintenance_on": ("arm",),
    "maintenance_off": (),
    "confirm": ("to",),
    "revert": (),
}

ACTIONS = tuple(_FITTING)


def refuse_unfit(request: Request) -> None:
    """Raise InvalidInput if the options do not fit together."""
    problems = [
        f"{option} does not go with {request.action}."
        for option in ("to", "batch", "arm")
        if getattr(request, option) is not None and option not in _FITTING[request.action]
    ]
    if not NAME.fullmatch(request.name):
        problems.append("name has other characters than letters, digits, - and _.")
    if request.arm is not None and request.arm < 1:
        problems.append("arm is not a number of seconds from 1 on.")
    if min(request.wait, request.websocket_wait) < 0:
        problems.append("wait and websocket_wait are not below 0.")
    if problems:
        raise InvalidInput(_subject(request), problems)


def plan_action(request: Request, application: Application, flags: Flags) -> Plan:
    """What is to be done; InvalidInput says why it cannot be."""
    plan = _PLANS[request.action](request, application, flags)
    armed = flags.armed
    if armed and plan.turn and not plan.closes and (request.arm or armed.flag == plan.turn.flag):
        raise refused(request, f"{armed.act} is armed until {armed.until}: confirm or revert it first.")
    return plan


def refused(request: Request, problem: str) -> InvalidInput:
    """Why the request is not carried out."""
    return InvalidInput(_subject(request), [problem])


def _subject(request: Request) -> str:
    return f"{request.action} of the traffic of {request.name}"


def _state(request: Request, application: Application, flags: Flags) -> Plan:
    return Plan("state")


def _switch(request: Request, application: Application, flags: Flags) -> Plan:
    to = _chosen(request, "slot", request.to, application.slots)
    left = [backend for slot, backends in application.slots.items() if slot != to for backend in backends]
    takers = application.slots[to]
    return Plan(f"switch to {to}", _turn(flags, GREEN, to == GREEN), left, takers, at_least=len(takers))


def _drain(request: Request, application: Application, flags: Flags) -> Plan:
    batch = _chosen(request, "batch", request.batch, application.batches)
    turn = _turn(flags, drain_of(batch), is_on=True)
    drained = state_of(application, flags).drained
    if turn and drained:
        # nginx has no group without both.
        raise refused(request, f"{' and '.join(drained)} is drained already: undrain it first.")
    takers = [backend for other, backends in application.batches.items() if other != batch for backend in backends]
    return Plan(f"drain {batch}", turn, application.batches[batch], takers, application.min_healthy)


def _undrain(request: Request, application: Application, flags: Flags) -> Plan:
    batch = _chosen(request, "batch", request.batch, application.batches)
    takers = application.batches[batch]
    return Plan(f"undrain {batch}", _turn(flags, drain_of(batch), is_on=False), (), takers, at_least=len(takers))


def _maintenance(is_on: bool) -> _Planning:
    def plan(request: Request, application: Application, flags: Flags) -> Plan:
        return Plan(f"maintenance {folder(is_on)}", _turn(flags, MAINTENANCE, is_on))

    return plan


def _confirm(request: Request, application: Application, flags: Flags) -> Plan:
    armed, live, to = flags.armed, state_of(application, flags).live, request.to
    if to is not None:
        _chosen(request, "slot", to, application.slots)
        # Only a switch can be what is to be confirmed.
        armed = armed if armed and armed.flag == GREEN else None
    if armed and (armed.flag in flags.on) == (armed.was == folder(True)):
        raise refused(request, f"{armed.act} is armed, but was not done: revert it, and do it again.")
    if to not in (None, live):
        raise refused(request, f"{live} is live. {_last(flags)}")
    if to is None and armed is None and flags.reverted:
        raise refused(request, _last(flags))
    return Plan(f"confirm {armed.act}" if armed else "confirm", closes=armed is not None)


def _last(flags: Flags) -> str:
    """What is armed, or what became of it."""
    if flags.armed:
        return f"What is armed is: {flags.armed.act}."
    if flags.reverted is None:
        return "Nothing is armed."
    taken = flags.reverted
    when = f" at {taken.reverted}, because {taken.because}" if taken.because else ""
    return f"Taken back{when}: {taken.act}, of {taken.since}."


def _revert(request: Request, application: Application, flags: Flags) -> Plan:
    armed = flags.armed
    if armed is None:
        return Plan("revert")
    return Plan(f"revert {armed.act}", _turn(flags, armed.flag, armed.was == folder(True)), closes=True)


_Planning = Callable[[Request, Application, Flags], Plan]

_PLANS: Mapping[str, _Planning] = {
    "state": _state,
    "switch": _switch,
    "drain": _drain,
    "undrain": _undrain,
    "maintenance_on": _maintenance(is_on=True),
    "maintenance_off": _maintenance(is_on=False),
    "confirm": _confirm,
    "revert": _revert,
}


def _turn(flags: Flags, flag: str, is_on: bool) -> Turn | None:
    """The turn, unless the flag is so already."""
    return None if (flag in flags.on) == is_on else Turn(flag, is_on)


def _chosen(request: Request, kind: str, word: str | None, known: Mapping[str, Sequence[Backend]]) -> str:
    """The slot or batch that was asked for."""
    if not known:
        raise refused(request, f"Its traffic.json names none, so there is no {kind} to choose.")
    if word is None or word not in known:
        raise refused(request, f"There is no {kind} {word}. {did_you_mean(word or '', known)}")
    return word
