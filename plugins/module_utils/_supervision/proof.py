# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether processes are as they are defined, as the operating system knows. This module is private to the collection.

What a supervisor says of them proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._plain_http import get
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition, Supervisor
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Process

_LOCALHOST = "127.0.0.1"
_PAUSE = 0.2

# How long an answer to the question for health may take.
_ANSWER = 5.0

_MB = 2**20


@dataclass(frozen=True)
class Shortcoming:
    """What is not as it is defined, as the end of a sentence that begins with a name."""

    name: str
    said: str
    # It is missing because it ended, which a supervisor may know more of.
    has_ended: bool = False


def heads(members: Iterable[Process], parent: int) -> list[Process]:
    """Those that the supervisor started itself."""
    return [member for member in members if member.parent == parent]


def astray(members: Sequence[Process], known: Iterable[int]) -> list[Process]:
    """The members that are none of the known processes, nor have come from one of these."""
    family = set(known)
    size = -1
    while len(family) > size:
        size = len(family)
        family |= {member.pid for member in members if member.parent in family}
    return [member for member in members if member.pid not in family]


@dataclass(frozen=True)
class Sight:
    """What the operating system has at this moment for a definition."""

    definition: Definition
    members: Sequence[Process]
    # The supervisor's process.
    parent: int
    host: Host

    def heads(self) -> list[Process]:
        """Those that the supervisor itself has started."""
        return heads(self.members, self.parent)

    def identities(self) -> list[tuple[int, str]]:
        """What is other once one of them has ended and was started again."""
        return sorted((head.pid, head.began) for head in self.heads())

    def miscounted(self) -> Shortcoming | None:
        """What no waiting makes better."""
        missing = self.definition.instances - len(self.heads())
        if missing > 0:
            said = "ended" if self.definition.instances == 1 else f"ended in {missing} of its instances"
            return self._wrong(said, has_ended=True)
        if missing < 0:
            return self._wrong(f"runs {len(self.heads())} times instead of {self.definition.instances}")
        return None

    def misplaced(self, before: frozenset[str] = frozenset()) -> Shortcoming | None:
        """Where it runs or listens otherwise; `before` are sockets that are not its own in any case.

        A worker of a cluster goes to its directory by itself.
        """
        for head in self.heads():
            directory = self.host.processes.directory(head.pid)
            # What has ended in between has none, and is missing in the next look.
            if directory not in (None, self.definition.cwd):
                return self._wrong(f"runs in {directory} instead of {self.definition.cwd}")
        port, inodes = self.definition.port, self._sockets()
        if port is None or any(one.inode in inodes for one in self.host.sockets.listening([port])):
            return None
        others = sorted({one.port for one in self.host.sockets.listening() if one.inode in inodes - before})
        if others and (before or not self.definition.is_cluster):
            return self._wrong(f"listens on {', '.join(map(str, others))} instead of {port}")
        return self._wrong(f"does not listen on {port}")

    def unhealthy(self) -> Shortcoming | None:
        """How it answers otherwise than well."""
        port, path = self.definition.port, self.definition.health
        if port is None or path is None:
            return None
        try:
            status, _text = get(self.host.network, (_LOCALHOST, port), path, host=_LOCALHOST, timeout=_ANSWER)
        except HttpError as error:
            return self._wrong(f"does not answer {path} ({error.reason})")
        if 200 <= status < 400:
            return None
        return self._wrong(f"answers {path} with {status or 'something else than HTTP'}")

    def too_big(self) -> Shortcoming | None:
        """How much more memory it uses than it may."""
        used = max((self.host.processes.memory(head.pid) or 0 for head in self.heads()), default=0)
        limit = self.definition.memory_limit
        if limit is None or used <= limit:
            return None
        return self._wrong(f"uses {used / _MB:.0f} MB of its {limit / _MB:.0f} MB")

    def _sockets(self) -> frozenset[str]:
        """In a cluster the supervisor itself listens, for its workers and for those of others."""
        owners = [self.parent] if self.definition.is_cluster else [member.pid for member in self.members]
        return frozenset().union(*(self.host.sockets.opened(owner) or () for owner in owners))

    def _wrong(self, said: str, *, has_ended: bool = False) -> Shortcoming:
        return Shortcoming(self.definition.name, said, has_ended)


def prove(
    definitions: Sequence[Definition], supervisor: Supervisor, *, stable: float, before: frozenset[str], host: Host
) -> Shortcoming | None:
    """Wait until these are as defined, and then for as long as they have to stay so; what is wrong, if it is.

    `before` are the sockets that the supervisor had open before these were started.
    """
    begun = host.clock()
    first = {sight.definition.name: sight.identities() for sight in _sights(definitions, supervisor, host)}
    for definition in definitions:
        wrong = _wait_until_ready(definition, supervisor, before, begun, host)
        if wrong:
            return wrong
    deadline = host.clock() + stable
    while True:
        is_last = host.clock() >= deadline
        for sight in _sights(definitions, supervisor, host):
            wrong = _unstable(sight, first[sight.definition.name])
            if is_last:
                wrong = wrong or sight.misplaced(before) or sight.unhealthy()
            if wrong:
                return wrong
        if is_last:
            return None
        host.pause(min(_PAUSE, max(deadline - host.clock(), 0)))


def _sights(definitions: Sequence[Definition], supervisor: Supervisor, host: Host) -> list[Sight]:
    members, parent = supervisor.members(), supervisor.parent()
    return [Sight(definition, members.get(definition.name, ()), parent, host) for definition in definitions]


def _wait_until_ready(
    definition: Definition, supervisor: Supervisor, before: frozenset[str], begun: float, host: Host
) -> Shortcoming | None:
    while True:
        [sight] = _sights([definition], supervisor, host)
        wrong = sight.miscounted()
        if wrong:
            return wrong
        wrong = sight.misplaced(before) or sight.unhealthy()
        if wrong is None:
            return None
        if host.clock() - begun >= definition.listen_timeout:
            return replace(wrong, said=f"{wrong.said} after {definition.listen_timeout:g} s")
        host.pause(_PAUSE)


def _unstable(sight: Sight, first: Sequence[tuple[int, str]]) -> Shortcoming | None:
    wrong = sight.miscounted()
    if wrong is None and sight.identities() != first:
        return Shortcoming(sight.definition.name, "ended and was started again")
    return wrong or sight.too_big()
