# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the files of a directory stand to our own ledger. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import SESSION, Step, digests, steps_of
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Problem, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import REVERTING, Entry


def standing_of(files: Sequence[Migration], entries: Sequence[Entry], dialect: str) -> Standing:
    """What is applied, what is pending, and in what the ledger and the files do not fit."""
    listed = {entry.version: entry for entry in entries}
    pending = [migration for migration in files if not is_whole(listed, migration)]
    last = max((at for at, migration in enumerate(files) if is_whole(listed, migration)), default=-1)
    problems = [
        *(
            Problem(
                "edited",
                migration.path,
                f"{migration.path} was applied and has been edited since: put it back as it was, and write what is new"
                " into a new file.",
            )
            for migration in edited_since(files, entries)
        ),
        *(
            Problem("deleted", entry.name, f"{entry.name} was applied and its file is gone: put it back.")
            for entry in without_file(files, entries)
        ),
        *(
            Problem(
                "late",
                migration.path,
                f"{migration.path} comes before {files[last].path}, which is applied: give it a later version, or allow"
                " it by out_of_order.",
            )
            for migration in files[: last + 1]
            if migration.version not in listed
        ),
        *(
            problem
            for migration in pending
            if migration.version in listed
            for problem in _stopped(migration, listed[migration.version], dialect)
        ),
    ]
    applied = [migration.path for migration in files if is_whole(listed, migration)]
    return Standing(applied, pending, problems, files)


def edited_since(files: Iterable[Migration], entries: Iterable[Entry]) -> list[Migration]:
    """The migrations that are no longer what was applied."""
    applied = {entry.version: entry.checksum for entry in entries if entry.is_whole}
    return [migration for migration in files if applied.get(migration.version, migration.sha256) != migration.sha256]


def without_file(files: Iterable[Migration], entries: Iterable[Entry]) -> list[Entry]:
    """What the ledger lists and no file is there for."""
    known = {migration.version for migration in files}
    return [entry for entry in entries if entry.version not in known]


def is_whole(listed: Mapping[str, Entry], migration: Migration) -> bool:
    """Whether the migration is in the database, wholly."""
    return migration.version in listed and listed[migration.version].is_whole


def _stopped(migration: Migration, entry: Entry, dialect: str) -> Iterator[Problem]:
    """Why a migration that was begun cannot be gone on with, if so; of one that can, nothing is said."""
    is_down = entry.state == REVERTING
    if is_down:
        yield Problem(
            "reverting",
            migration.path,
            f"{migration.path} was being taken back, which came to its end too early: run with state: reverted again.",
        )
    steps = steps_of(migration, dialect, is_down=is_down)
    if len(steps) < entry.done or (entry.done and digests(steps)[entry.done - 1] != entry.done_checksum):
        yield Problem(
            "failed",
            migration.path,
            f"{migration.path} stopped after statement {entry.done}, and one of those that were carried out has been"
            " edited since: put them back as they were.",
        )
        return
    lost = next((step for step in steps[: entry.done] if not outlives_its_session(step)), None)
    if lost and entry.done < len(steps):
        yield Problem(
            "failed",
            migration.path,
            f"{migration.path} stopped after statement {entry.done}, and what line {lost.statement.line} made was gone"
            " with its session: carry the rest out by hand, and then run with state: repaired.",
        )


def outlives_its_session(step: Step) -> bool:
    """Whether what a statement does is there for a later session too, or can be done again by it."""
    if step.kind == SESSION:
        # What is set to what a query finds would now be set to something else.
        return not ({"SELECT", "("} & set(step.words))
    return "TEMPORARY" not in step.words[:4] and "TEMP" not in step.words[:4] and step.words[:1] != ("PREPARE",)
