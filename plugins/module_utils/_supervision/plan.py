# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done so that exactly the declared processes run. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import digest
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition, Instance
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Process


@dataclass(frozen=True)
class Seen:
    """The processes of one name as they are."""

    name: str
    instances: Sequence[Instance] = ()
    members: Sequence[Process] = ()
    # Those of which the supervisor does not know.
    ghosts: Sequence[Process] = ()
    # What the supervisor was told last of them.
    kept: Definition | None = None
    # Why they are not as they are declared, as the end of a sentence.
    wrong: str | None = None

    def runs(self) -> bool:
        """Whether there is anything to stop."""
        return bool(self.instances or self.members)

    def is_candidate(self) -> bool:
        """Whether none of them would be restarted if it ended."""
        return bool(self.instances) and all(one.is_candidate for one in self.instances)


@dataclass(frozen=True)
class Plan:
    """What to do, by the names of processes."""

    # What runs by now and is not to, or not so.
    stop: Sequence[str] = ()
    start: Sequence[Definition] = ()
    promote: Sequence[str] = ()
    kill: Sequence[Process] = ()
    # Stopped ones, of which nothing is to be kept.
    forget: Sequence[str] = ()
    saves: bool = False
    # Why each is started, where it was there already.
    reasons: Mapping[str, str] = field(default_factory=dict)

    def is_change(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.stop or self.start or self.promote or self.kill or self.forget or self.saves)


def plan_start(definitions: Sequence[Definition], seen: Mapping[str, Seen], *, is_candidate: bool) -> Plan:
    """Start what is missing or other than declared, have all others of the slot stopped, and promote what stays."""
    reasons = {definition.name: _reason(definition, seen.get(definition.name)) for definition in definitions}
    anew = [definition for definition in definitions if reasons[definition.name]]
    # Those that are declared later may need those that are declared earlier.
    replaced = [one.name for one in reversed(anew) if one.name in seen and seen[one.name].runs()]
    stay = [seen[name] for name, reason in reasons.items() if not reason]
    return Plan(
        stop=[*(name for name, one in reversed(list(seen.items())) if name not in reasons and one.runs()), *replaced],
        start=anew,
        promote=[] if is_candidate else [one.name for one in stay if one.is_candidate()],
        kill=[ghost for one in stay for ghost in one.ghosts],
        reasons={name: reason for name, reason in reasons.items() if reason and name in seen and seen[name].runs()},
    )


def plan_stop(names: Sequence[str], seen: Mapping[str, Seen], *, forgotten: Sequence[str] = ()) -> Plan:
    """Stop these, or all if no names are given, and forget those that are to be forgotten."""
    return Plan(
        stop=[name for name, one in reversed(list(seen.items())) if one.runs() and name in (names or seen)],
        forget=[name for name in forgotten if name in (names or forgotten)],
    )


def _reason(definition: Definition, seen: Seen | None) -> str | None:
    if seen is None or not seen.runs():
        return "does not run"
    if any(one.definition != digest(definition) for one in seen.instances):
        return _difference(definition, seen.kept)
    return seen.wrong


def _difference(definition: Definition, kept: Definition | None) -> str:
    options = [] if kept is None else list(_differing(definition, kept))
    return f"is declared otherwise ({', '.join(options)})" if options else "is declared otherwise"


def _differing(one: Definition, other: Definition) -> Iterator[str]:
    for option in vars(one):
        if vars(one)[option] != vars(other)[option]:
            yield option
