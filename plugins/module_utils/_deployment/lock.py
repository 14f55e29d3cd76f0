# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may deploy an application now. This module is private to the collection.

The processes that hold the lock come and go with each step of a deployment, and the one that lives throughout is on
another host. So a lock is a file that says who holds it, and how long that one may be silent before it counts as dead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import Any

NAME = "deployment.lock"


@dataclass(frozen=True)
class Owner:
    """Who deploys, from where, and by which process of that controller."""

    who: str
    controller: str
    # What tells the controller and its table of processes from all others.
    machine: str
    pid: int
    # When the process began, in a unit of the kernel's.
    began: str
    # A job of AWX.
    job: str | None = None

    def __str__(self) -> str:
        """For people."""
        job = f", job {self.job}" if self.job else ""
        return f"{self.who} on {self.controller} (process {self.pid}{job})"


@dataclass(frozen=True)
class Lock:
    """A lock as its file has it."""

    deployment: str
    owner: Owner
    since: str
    # When the owner was heard of last, and until when it may be silent.
    heard: str
    until: str
    phase: str | None = None

    def is_dead(self, now: datetime) -> bool:
        """Whether the owner has been silent for longer than it said it would be."""
        return now > _moment(self.until)

    def as_text(self) -> str:
        """What the file holds."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    def sentence(self, now: datetime) -> str:
        """Who holds it, since when, and when it was heard of."""
        phase = f" in the phase {self.phase}," if self.phase else ""
        silent = int((now - _moment(self.heard)).total_seconds())
        return (
            f"{self.owner} deploys since {self.since} ({self.deployment}),{phase} was heard of {silent} seconds ago, "
            f"and counts as dead from {self.until} on"
        )


def read_lock(content: bytes) -> Lock:
    """The lock that a file holds. Raises ValueError if it holds anything else."""
    told = json.loads(content)
    if not isinstance(told, Mapping) or not isinstance(told.get("owner"), Mapping):
        raise ValueError("it is no lock of a deployment")
    try:
        lock = Lock(**{**told, "owner": Owner(**told["owner"])})
        for moment in (lock.since, lock.heard, lock.until):
            _moment(moment)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return lock


def owner_of(options: Mapping[str, Any]) -> Owner:
    """The owner that the option of that name declares."""
    told: dict[str, Any] = {one.name: options.get(one.name) for one in fields(Owner)}
    return Owner(**told)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
