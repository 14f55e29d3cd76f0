# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the statements of a migration are carried out. This module is private to the collection."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import Statement, statements
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens

TRANSACTIONS = ("auto", "file", "all", "none")

# What a statement is, as far as it matters to who carries it out.
BEGIN, COMMIT, ROLLBACK, SESSION, ROWS, OTHER = "begin", "commit", "rollback", "session", "rows", "other"

_KINDS = {
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "SELECT", "MERGE", "VALUES"), ROWS),
    **dict.fromkeys(("COMMIT", "END"), COMMIT),
    **dict.fromkeys(("ROLLBACK", "ABORT"), ROLLBACK),
    **dict.fromkeys(("SET", "PRAGMA", "USE", "RESET"), SESSION),
}
_LOOKED_AT = 12


@dataclass(frozen=True)
class Step:
    """One statement, the words that it begins with, and what it is."""

    statement: Statement
    words: tuple[str, ...]
    kind: str


def steps_of(migration: Migration, dialect: str, *, is_down: bool = False) -> Sequence[Step]:
    """The statements of a migration with the lines of its file."""
    return _steps_of(migration, dialect, is_down)


# A file is judged before it is carried out, and read once for both.
@cache
def _steps_of(migration: Migration, dialect: str, is_down: bool) -> Sequence[Step]:
    script, first = (migration.down, migration.down_line) if is_down else (migration.up, migration.up_line)
    found = []
    try:
        listed = statements(script or "", dialect)
    except MigrationError as error:
        raise MigrationError(f"{migration.path}: {error.message}", **error.details) from error
    for statement in listed:
        placed = Statement(statement.text, statement.line + first - 1)
        words = words_of(statement.text, dialect)
        found.append(Step(placed, words, _kind(words)))
    return found


def words_of(statement: str, dialect: str) -> tuple[str, ...]:
    """The first words of a statement in upper case; what is no word stands there as it is."""
    return tuple(
        token.upper if token.kind == "word" else token.text for token in islice(tokens(statement, dialect), _LOOKED_AT)
    )


def _kind(words: Sequence[str]) -> str:
    first, second = (*words, "", "")[:2]
    if first == "START" or (first == "BEGIN" and second != "NOT"):
        return BEGIN
    if first == "ROLLBACK" and "TO" in words[:3]:
        return OTHER
    return _KINDS.get(first, OTHER)


def is_one_transaction(
    migration: Migration, steps: Sequence[Step], wanted: str, why_alone: Callable[[Step], str | None]
) -> bool:
    """Whether a migration is carried out in one transaction. Raises MigrationError where that was wanted and cannot be.

    `why_alone` tells why the engine takes a statement in no transaction.
    """
    if wanted == "none":
        return False
    alone = next(((step, why) for step in steps for why in [why_alone(step)] if why), None)
    if wanted == "auto":
        return not (alone or migration.is_autocommit or any(step.kind in (BEGIN, COMMIT, ROLLBACK) for step in steps))
    if alone:
        step, why = alone
        raise MigrationError(
            f"{migration.path}, line {step.statement.line}: {why}, so that it cannot be part of a transaction. Set"
            " transaction to auto, or put it into a file of its own."
        )
    return True


def digests(steps: Sequence[Step]) -> list[str]:
    """For each statement a SHA-256 over it and all before it."""
    running, found = hashlib.sha256(), []
    for step in steps:
        running.update(step.statement.text.encode("utf-8", "surrogatepass") + b"\0")
        found.append(running.hexdigest())
    return found
