# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a migration is, and how far a database has come. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Migration:
    """One step from a schema to the next, as its files declare it.

    `path` is that of its file below the directory of all migrations. What only the tool can read, such as JavaScript,
    has no `up`. `down` is None where nothing says how to take the step back.
    """

    version: str
    name: str
    path: str
    sha256: str
    up: str | None = field(default=None, repr=False)
    down: str | None = field(default=None, repr=False)
    # The line of the file at which each begins.
    up_line: int = 1
    down_line: int = 1
    # Whether the file itself asks to be carried out outside of a transaction.
    is_autocommit: bool = False


@dataclass(frozen=True)
class Problem:
    """In what the migrations of the database are not those of the files.

    `kind` is edited, deleted, late, failed, reverting, rolled_back, duplicate, ignored or locked; the sentence says
    what to do.
    """

    kind: str
    migration: str
    sentence: str


@dataclass(frozen=True)
class Standing:
    """How far the database has come; names are those that the tool's own ledger uses."""

    applied: Sequence[str]
    pending: Sequence[Migration]
    problems: Sequence[Problem] = ()
    # All that the files declare, applied or not, where we read them ourselves.
    files: Sequence[Migration] = ()


@dataclass(frozen=True)
class Applied:
    """A migration that was carried out, and how many seconds it took, where that is known."""

    name: str
    seconds: float | None = None
    statements: int | None = None
