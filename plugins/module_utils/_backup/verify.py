# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a backup is proved. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import LEVELS, Facts, Verification
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Strategy, Terms, differences
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stage

PLACES = ("auto", "private_server", "scratch_database")


@dataclass(frozen=True)
class Subject:
    """A file that is to be a backup, and what it has to be like."""

    path: str
    sha256: str
    unpack: Sequence[Stage]
    facts: Facts


def reaches(level: str, wanted: str) -> bool:
    """Whether a verification of this level proves what the wanted one would."""
    return LEVELS.index(level) >= LEVELS.index(wanted)


def read_back(path: str, sha256: str, host: Host, terms: Terms) -> None:
    """Raise BackupError unless the file holds what was written."""
    flow = host.pipes.hash(path, progress=terms.progress)
    if flow.sha256 != sha256:
        raise BackupError(
            f"{path} does not hold what was written: its SHA-256 is another one. Do not use it, and check the disk.",
            path=path,
        )


def verify(
    subject: Subject, level: str, where: str, address: Address, host: Host, strategy: Strategy, terms: Terms
) -> Verification | None:
    """Prove the file up to this level. Raises BackupError with all differences."""
    if level == "none":
        return None
    read_back(subject.path, subject.sha256, host, terms)
    if reaches(level, "structure"):
        strategy.check(subject.path, subject.unpack, subject.facts, host, terms)
    place = None
    if level == "restore":
        with strategy.scratch(address, subject.facts, where, host, terms) as (copy, place):
            strategy.load(subject.path, subject.unpack, copy, host, terms, is_scratch=True)
            compare(subject.facts, measure(copy, host, strategy, terms, with_content=_has_content(subject)))
    return Verification(level, host.now(), place)


def _has_content(subject: Subject) -> bool:
    return subject.facts.content_sha256 is not None


def measure(address: Address, host: Host, strategy: Strategy, terms: Terms, *, with_content: bool = False) -> Facts:
    """The database as it is now, in one state."""
    connection = host.connect(address, strategy.engine, lock_timeout=terms.lock_timeout)
    try:
        with connection.transaction(read_only=True):
            return strategy.measure(connection, with_content=with_content)
    finally:
        connection.close()


def compare(expected: Facts, found: Facts) -> None:
    """Raise BackupError, with every difference, unless a restored database is as it was."""
    told = differences(expected, found)
    if told:
        more = f" And {len(told) - 5} more." if len(told) > 5 else ""
        raise BackupError(
            f"The backup was restored, and is not like the database: {' '.join(told[:5])}{more}", differences=told
        )
