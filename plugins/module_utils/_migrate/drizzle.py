# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations that Drizzle applies. This module is private to the collection.

drizzle-kit applies what its journal dates after the newest row of its ledger. What was edited, or is dated before, it
leaves out for ever and says that all were applied; where a statement fails it says nothing at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import text
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import (
    Applied,
    Migration,
    Problem,
    Standing,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool import (
    carry_out,
    expected,
    refuse,
    url_with_password,
    words_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import (
    Recorded,
    checksum,
    deleted,
    edited,
    is_same,
    ledger_rows,
    ledger_table,
    script,
    standing_without_ledger,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_TABLE = "__drizzle_migrations"
_COLUMNS = ("hash", "created_at")
_JOURNAL = "meta/_journal.json"

# How Drizzle 1.0 names the folder of a migration.
_FOLDER = re.compile(r"\d{14}_.+")


@dataclass(frozen=True)
class _Entry:
    """What the journal says of a migration; it is dated in milliseconds."""

    tag: str
    when: int


class DrizzleRunner:
    """Drizzle's `drizzle-kit migrate`, or `drizzle-kit push`, which keeps no ledger."""

    name = "drizzle"

    PROGRAM = "drizzle-kit"
    RUN = ("npx", "--no-install", PROGRAM, "migrate")
    SAYS = (r"migrations applied successfully",)
    PUSH_SAYS = (r"Changes applied|No changes detected",)

    def refuse(self, project: Project) -> None:
        """What drizzle-kit push does to MySQL cannot be relied on."""
        refuse(project)
        if _is_push(project) and project.address.engine == "mysql":
            raise InvalidInput(
                "The program that migrates",
                ["run: drizzle-kit push fails in MySQL the second time and ends as if all were well. Use migrate."],
            )

    def observe(self, project: Project, connection: Connection, engine: Engine, host: Host) -> Standing:
        """How far the database has come, by the table __drizzle_migrations or the one that takes its place."""
        self.refuse(project)
        if _is_push(project):
            return standing_without_ledger(project, connection, engine)
        entries = _journal(project, host)
        scripts = {entry.tag: script(f"{project.directory}/{entry.tag}.sql", host) for entry in entries}
        table = ledger_table(connection, engine, project.ledger_table or _TABLE, home="drizzle")
        rows = [
            (int(created), text(recorded))
            for recorded, created in ledger_rows(connection, engine, table, _COLUMNS, order="created_at")
            if created is not None
        ]
        return _standing(entries, scripts, rows, _unlisted(project, entries, host))

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        """Have Drizzle apply all that is pending."""
        self.refuse(project)
        said = carry_out(
            self.PROGRAM, project.run or self.RUN, project, host, url_of=url_with_password, says=self._says(project)
        )
        if _is_push(project) and "No changes detected" in said:
            return []
        return [Applied(migration.name) for migration in standing.pending]

    def _says(self, project: Project) -> Sequence[str]:
        if _is_push(project):
            return (*self.PUSH_SAYS, *project.says)
        return expected(project, self.PROGRAM, self.SAYS)


def _is_push(project: Project) -> bool:
    return "push" in words_of(project.run)


def _standing(
    entries: Sequence[_Entry],
    scripts: dict[str, str | None],
    rows: Sequence[tuple[int, str]],
    unlisted: Sequence[str],
) -> Standing:
    files = {
        entry.tag: Migration(str(entry.when), entry.tag, f"{entry.tag}.sql", checksum(up), up)
        for entry in entries
        for up in [scripts[entry.tag]]
        if up is not None
    }
    # Of two of one date, drizzle-kit applies the first.
    dated = {entry.when: entry.tag for entry in reversed(entries)}
    redated = {
        created: tag for created, recorded in rows if created not in dated for tag in _by_content(files, recorded)
    }
    recorded = {
        name: Recorded(name, recorded)
        for created, recorded in rows
        for name in [dated.get(created) or redated.get(created) or f"The migration of {created}"]
    }
    pending = [migration for name, migration in files.items() if name not in recorded]
    newest = max((created for created, recorded in rows), default=-1)
    return Standing(
        [*recorded],
        pending,
        [
            *edited("drizzle-kit", recorded.values(), files),
            *(_redated(tag, created) for created, tag in redated.items()),
            *deleted(recorded.values(), files, "drizzle-kit itself may not notice."),
            *(_missing(entry.tag) for entry in entries if entry.tag not in files and entry.tag not in recorded),
            *(_late(migration.name) for migration in pending if int(migration.version) <= newest),
            *_out_of_order([entry for entry in entries if entry.when > newest]),
            *(_ignored(name) for name in unlisted),
        ],
    )


def _by_content(files: dict[str, Migration], recorded: str) -> list[str]:
    return [name for name, migration in files.items() if is_same(migration.up or "", recorded)][:1]


def _redated(tag: str, created: int) -> Problem:
    return Problem(
        "edited",
        tag,
        f"{tag} was dated {created} when it was applied and has another date in {_JOURNAL} now, so that drizzle-kit may"
        " apply it again: set its when back.",
    )


def _missing(tag: str) -> Problem:
    return Problem(
        "deleted", tag, f"{_JOURNAL} lists {tag}, which has no file, so that drizzle-kit applies nothing: restore it."
    )


def _late(tag: str) -> Problem:
    return Problem(
        "late",
        tag,
        f"{tag} is dated before the newest migration that is applied, so that drizzle-kit would leave it out for ever"
        " and say nothing. Remove it and generate it anew.",
    )


def _out_of_order(entries: Sequence[_Entry]) -> list[Problem]:
    return [
        Problem(
            "late",
            entry.tag,
            f"{entry.tag} is not dated after {before.tag}, which {_JOURNAL} lists before it: a database that has"
            f" {before.tag} would never get it. Remove it and generate it anew.",
        )
        for before, entry in zip(entries, entries[1:])
        if entry.when <= before.when
    ]


def _ignored(name: str) -> Problem:
    return Problem(
        "ignored",
        name,
        f"{name} is not in {_JOURNAL}, so that drizzle-kit never applies it: generate it with drizzle-kit, or move it"
        " elsewhere.",
    )


def _journal(project: Project, host: Host) -> list[_Entry]:
    path = f"{project.directory}/{_JOURNAL}"
    content = script(path, host)
    if content is None:
        raise _no_journal(project, host)
    try:
        entries = [_entry(entry) for entry in json.loads(content)["entries"]]
    except (ValueError, KeyError, TypeError):
        raise MigrationError(
            f"{path} is no journal of drizzle-kit: it needs a list of entries, each with a tag and with when. Restore"
            " the file as drizzle-kit wrote it."
        ) from None
    twice = {entry.tag for entry in entries if [other.tag for other in entries].count(entry.tag) > 1}
    if twice:
        raise MigrationError(f"{path} lists {', '.join(sorted(twice))} twice. Remove the second entry.")
    return entries


def _entry(entry: Any) -> _Entry:
    tag, when = entry["tag"], entry["when"]
    if not isinstance(tag, str) or not tag or not isinstance(when, int) or isinstance(when, bool):
        raise ValueError
    return _Entry(tag, when)


def _no_journal(project: Project, host: Host) -> MigrationError:
    if any(not entry.is_file and _FOLDER.fullmatch(entry.name) for entry in host.folders.entries(project.directory)):
        return MigrationError(
            f"{project.directory} holds folders as Drizzle 1.0 makes them, which are not supported yet: stay with"
            " drizzle-kit 0.31, or have a script of your own run it, with runner: command."
        )
    return MigrationError(
        f"{project.directory} holds no migrations of Drizzle, because it has no {_JOURNAL}. Correct the directory."
    )


def _unlisted(project: Project, entries: Sequence[_Entry], host: Host) -> list[str]:
    listed = {f"{entry.tag}.sql" for entry in entries}
    names = [entry.name for entry in host.folders.entries(project.directory) if entry.is_file]
    return [name for name in names if name.endswith(".sql") and name not in listed]
