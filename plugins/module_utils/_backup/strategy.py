# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each engine does for backups. This module is private to the collection.

Strategies reach the host through its ports alone, which come in as arguments. What they raise is a ShipshapeError,
whose sentence holds no password. Whatever fails, they leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, Flow, Stage


@dataclass(frozen=True)
class Terms:
    """Under which conditions a strategy works: seconds that it may take, and where it may put what is temporary."""

    scratch: str
    timeout: float | None = None
    lock_timeout: float = 10
    progress: Callable[[int], None] = lambda size: None


@dataclass(frozen=True)
class Dump:
    """A dump that was written, and the database at its moment."""

    flow: Flow
    facts: Facts
    consistency: str
    server: str
    tool: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Swap:
    """The copy is live; `old` is what was live before, complete and out of the way, or None if there was nothing."""

    old: Address | None
    undo: Callable[[], None]


class Strategy(Protocol):
    """How the databases of one engine are dumped, checked, loaded and swapped."""

    engine: Engine
    # What the names of dumps end in, before the suffix of the packing.
    suffix: str

    def measure(self, connection: Connection, *, with_content: bool = False) -> Facts:
        """The database as this session sees it, in one state if it is within a transaction."""

    def dump(
        self, address: Address, pack: Sequence[Stage], path: str, host: Host, terms: Terms, *, with_content: bool
    ) -> Dump:
        """Write the database, at one moment and in one pass, through these programs to the new file."""

    def check(self, path: str, unpack: Sequence[Stage], facts: Facts, host: Host, terms: Terms) -> None:
        """Raise BackupError or CommandError unless the file, read to its end, is a whole dump of this engine."""

    def scratch(
        self, address: Address, facts: Facts, where: str, host: Host, terms: Terms
    ) -> AbstractContextManager[tuple[Address, str]]:
        """An empty database to restore into and what to call the place; it is gone when the context is left.

        `where` is private_server, scratch_database or auto. Nothing that is restored into it runs by itself, such as
        events. `address` is the one that the backup was taken of: its server and its user.
        """

    def load(
        self, path: str, unpack: Sequence[Stage], address: Address, host: Host, terms: Terms, *, is_scratch: bool
    ) -> None:
        """Restore the dump into an empty database, and stop at the first error.

        In a scratch, owners and rights are left out, and nothing is made that would run by itself.
        """

    def obstacles(self, address: Address, host: Host) -> list[str]:
        """Who is at work in the database, so that it cannot be swapped; each as the end of a sentence."""

    def beside(self, address: Address, facts: Facts, tag: str, host: Host, terms: Terms) -> Address:
        """An empty database beside the live one, into which a backup is to be loaded; there may be no live one.

        Its name is beside_name(…, "restore", tag), as that of what is moved away is beside_name(…, "old", tag).
        """

    def lost(self, live: Address, copy: Address, host: Host, terms: Terms) -> Mapping[Table, int]:
        """How many rows of the live database the copy does not have like that: written or changed since."""

    def swap(self, live: Address, copy: Address, tag: str, host: Host, terms: Terms) -> Swap:
        """Put the copy in the live one's place, at once, with its owner, rights and settings."""

    def kept(self, live: Address, host: Host, terms: Terms) -> list[Address]:
        """What earlier swaps of this database have left beside it, and what restores that were killed have."""

    def drop(self, address: Address, host: Host, terms: Terms) -> None:
        """Remove a database that this strategy has made or moved away; one that is gone is no failure."""


def differences(expected: Facts, found: Facts) -> list[str]:
    """In what a copy is not like the database at the moment of the backup, a sentence each."""
    told = []
    if expected.schema_sha256 != found.schema_sha256:
        told.append("The schema is another one.")
    for table in sorted({*expected.tables, *found.tables}, key=lambda table: (table.schema or "", table.name)):
        before, after = expected.tables.get(table), found.tables.get(table)
        if before is None:
            told.append(f"Table {table} is too much.")
        elif after is None:
            told.append(f"Table {table} is missing.")
        elif before != after and not expected.is_approximate:
            told.append(f"Table {table} has {after} rows instead of {before}.")
    if expected.content_sha256 and found.content_sha256 and expected.content_sha256 != found.content_sha256:
        told.append("The rows are other ones.")
    return told
