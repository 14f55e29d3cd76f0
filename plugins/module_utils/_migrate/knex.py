# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations that Knex applies. This module is private to the collection.

They are programs, and Knex keeps their names only: whether one was edited since, nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import text
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
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
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import (
    Recorded,
    deleted,
    late,
    ledger_rows,
    ledger_table,
    lock_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection, FileState

_TABLE = "knex_migrations"

_FILE = re.compile(r".+(?<!\.d)\.(?:js|cjs|mjs|ts)")


class KnexRunner:
    """Knex's `migrate:latest`."""

    name = "knex"

    RUN = ("npx", "--no-install", "knex", "migrate:latest")
    SAYS = (r"^Batch \d+ run\b|^Already up to date",)

    def refuse(self, project: Project) -> None:
        """As any tool."""
        refuse(project)

    def observe(self, project: Project, connection: Connection, engine: Engine, host: Host) -> Standing:
        """How far the database has come, by the table knex_migrations or the one that takes its place."""
        self.refuse(project)
        files = {migration.name: migration for migration in _migrations(project, host)}
        ledger = project.ledger_table or _TABLE
        table, lock = (ledger_table(connection, engine, name) for name in (ledger, lock_of(ledger)))
        recorded = [Recorded(text(name)) for (name,) in ledger_rows(connection, engine, table, ("name",), order="id")]
        applied = [one.name for one in recorded]
        pending = [migration for name, migration in files.items() if name not in applied]
        locks = ledger_rows(connection, engine, lock, ("is_locked",), order="index")
        problems = [
            *([_locked(lock_of(ledger))] if any(is_locked for (is_locked,) in locks) else []),
            *deleted(recorded, files, "Until then Knex refuses to apply anything."),
            *late("Knex", pending, applied),
        ]
        return Standing(applied, pending, problems)

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        """Have Knex apply all that is pending."""
        self.refuse(project)
        says = expected(project, self.name, self.SAYS)
        carry_out("Knex", project.run or self.RUN, project, host, url_of=_url, says=says)
        return [Applied(migration.name) for migration in standing.pending]


def _url(address: Address) -> str:
    # Knex hands it to the library as the name of a file.
    return address.name if address.engine == "sqlite" else url_with_password(address)


def _locked(lock: str) -> Problem:
    return Problem(
        "locked",
        lock,
        f"{lock} says that somebody is migrating. Where that is so, wait; a run that was killed leaves this behind:"
        " when no other runs, free it with npx knex migrate:unlock.",
    )


def _migrations(project: Project, host: Host) -> list[Migration]:
    names = [
        entry.name for entry in host.folders.entries(project.directory) if entry.is_file and _FILE.fullmatch(entry.name)
    ]
    if not names:
        raise MigrationError(
            f"{project.directory} holds no migration of Knex, which is a file that ends in .js, .cjs, .mjs or .ts."
            " Correct the directory."
        )
    return [_migration(name, host.files.read(f"{project.directory}/{name}")) for name in names]


def _migration(name: str, state: FileState | None) -> Migration:
    return Migration(name, name, name, sha256(state.content if state else b"").hexdigest())
