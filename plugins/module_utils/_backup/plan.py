# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of db_backup is to do. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts, Manifest
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.retention import (
    Candidate,
    Decision,
    Policy,
    apply,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import reaches
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

_AGE = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# What a dump may need more than the one before it, or than the database's own size.
_RESERVE = 1.2


def parse_age(option: str, text: str | None) -> timedelta | None:
    """A length of time such as 12h."""
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise InvalidInput(option, [f"{option} is not a length of time such as 90m, 12h or 1d."])
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True)
class Wanted:
    """What a backup has to be like, so that no other has to be taken."""

    level: str
    recipients: tuple[str, ...]

    def is_met_by(self, backup: Manifest) -> bool:
        """Whether it is proved as far, and for the same readers."""
        reached = backup.verified.level if backup.verified else "none"
        return reaches(reached, self.level) and set(backup.recipients) == set(self.recipients)


def asked_for(own: Sequence[Manifest], now: datetime) -> list[Manifest]:
    """The backups that were not taken for safety, as far as their time can be trusted."""
    # What lies in the future says that a clock was wrong, and nothing about its age.
    return [backup for backup in own if backup.purpose == "backup" and backup.taken <= now]


def fresh(own: Sequence[Manifest], max_age: timedelta | None, wanted: Wanted, now: datetime) -> Manifest | None:
    """The newest backup that is as wanted, if it is young enough, so that none has to be taken."""
    if max_age is None:
        return None
    newest = next((backup for backup in asked_for(own, now) if wanted.is_met_by(backup)), None)
    return newest if newest and now - newest.taken <= max_age else None


def unchanged(own: Sequence[Manifest], found: Facts, wanted: Wanted, now: datetime) -> Manifest | None:
    """The newest backup, if it is as wanted and the database is as it was then."""
    newest = next(iter(asked_for(own, now)), None)
    if newest is None or not wanted.is_met_by(newest):
        return None
    known = newest.facts
    is_same = (known.content_sha256, known.schema_sha256) == (found.content_sha256, found.schema_sha256)
    return newest if is_same and known.content_sha256 is not None else None


def decide(
    policy: Policy,
    backups: Sequence[Manifest],
    now: datetime,
    local: Callable[[datetime], datetime],
    foretold: Sequence[Candidate] = (),
) -> list[Decision]:
    """What becomes of each backup that was asked for as such; one for safety stays until its restore is settled."""
    candidates = [
        Candidate(backup.id, backup.taken, backup.is_verified) for backup in backups if backup.purpose == "backup"
    ]
    return apply(
        policy,
        [replace(candidate, taken=local(candidate.taken)) for candidate in (*foretold, *candidates)],
        now=now,
    )


@dataclass(frozen=True)
class Space:
    """How much a run will need where the backups are, and where they are restored for verification."""

    directory: int
    scratch: int


def space_needed(own: Sequence[Manifest], size: int, *, needs_raw_copy: bool, is_restored: bool) -> Space:
    """By the last backup, or else by the database; with a reserve."""
    packed = min(own[0].bytes, size) if own else size
    return Space(
        directory=int((packed + (size if needs_raw_copy else 0)) * _RESERVE),
        scratch=int(size * _RESERVE) if is_restored else 0,
    )


def shown(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
