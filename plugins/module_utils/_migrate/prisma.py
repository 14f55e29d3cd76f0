# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations that Prisma applies. This module is private to the collection.

`prisma migrate status` calls a database up to date whose migrations were edited, deleted or rolled back, so Prisma's
ledger is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
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
    late,
    ledger_rows,
    ledger_table,
    script,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_TABLE = "_prisma_migrations"
_COLUMNS = ("migration_name", "checksum", "finished_at", "rolled_back_at")


@dataclass(frozen=True)
class _Row:
    name: str
    checksum: str
    is_finished: bool
    is_rolled_back: bool


class PrismaRunner:
    """Prisma's `migrate deploy`."""

    name = "prisma"

    RUN = ("npx", "--no-install", "prisma", "migrate", "deploy")
    SAYS = (r"have been (?:successfully )?applied|No pending migrations to apply",)

    def refuse(self, project: Project) -> None:
        """What keeps no ledger cannot be proved."""
        refuse(project)
        if "push" in words_of(project.run):
            raise InvalidInput(
                "The program that migrates", ["run: prisma db push keeps no ledger. Use migrate deploy."]
            )

    def observe(self, project: Project, connection: Connection, engine: Engine, host: Host) -> Standing:
        """How far the database has come, by the table _prisma_migrations."""
        self.refuse(project)
        folders = _migrations(project, host)
        files = {name: migration for name, migration in folders.items() if migration is not None}
        schema = project.address.schema
        table = ledger_table(connection, engine, f"{schema}.{_TABLE}" if schema else _TABLE)
        _refuse_other_schema(project, table)
        rows = [
            _Row(text(name), text(recorded), finished is not None, rolled_back is not None)
            for name, recorded, finished, rolled_back in ledger_rows(
                connection, engine, table, _COLUMNS, order="started_at"
            )
        ]
        # A migration that was rolled back has a row for each time that it was tried.
        recorded = {
            row.name: Recorded(row.name, row.checksum) for row in rows if row.is_finished and not row.is_rolled_back
        }
        failed = {row.name: row for row in rows if not row.is_finished and not row.is_rolled_back}
        pending = [migration for name, migration in files.items() if name not in recorded]
        problems = [
            *(_failed(name) for name in failed),
            *edited("Prisma", recorded.values(), files),
            *deleted(recorded.values(), files, "Prisma itself does not notice."),
            *(_hollow(name) for name in folders if name not in files and name not in recorded),
            *late("Prisma", pending, [*recorded]),
        ]
        return Standing([*recorded], pending, problems)

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        """Have Prisma apply all that is pending."""
        self.refuse(project)
        says = expected(project, self.name, self.SAYS)
        carry_out("Prisma", project.run or self.RUN, project, host, url_of=url_with_password, says=says)
        return [Applied(migration.name) for migration in standing.pending]


def _refuse_other_schema(project: Project, table: Table | None) -> None:
    # Prisma takes public unless its URL says otherwise, and would begin there anew.
    home = project.address.schema or "public"
    if table is not None and table.schema not in (None, home) and "DATABASE_URL" not in project.environment:
        raise InvalidInput(
            "The program that migrates",
            [
                f"environment: Prisma's ledger is in the schema {table.schema}, of which the database's address says"
                f" nothing. Say schema={table.schema} there, as in postgresql://user@host/name?schema=…, or give Prisma"
                f" its own DATABASE_URL here, with schema={table.schema}."
            ],
        )


def _failed(name: str) -> Problem:
    return Problem(
        "failed",
        name,
        f"{name} has failed, and Prisma applies nothing more until that is settled. Take back by hand what it has done,"
        f" or restore a backup, and then run npx prisma migrate resolve --rolled-back {name} there. The column logs of"
        f" {_TABLE} says why it failed.",
    )


def _hollow(name: str) -> Problem:
    return Problem(
        "deleted",
        name,
        f"The folder {name} has no file migration.sql, so that Prisma refuses to apply anything. Restore the file, or"
        " remove the folder.",
    )


def _migrations(project: Project, host: Host) -> dict[str, Migration | None]:
    """By name, in their order; None for a folder without a file."""
    found: dict[str, Migration | None] = {}
    for entry in host.folders.entries(project.directory):
        if not entry.is_file:
            path = f"{entry.name}/migration.sql"
            up = script(f"{project.directory}/{path}", host)
            found[entry.name] = None if up is None else Migration(entry.name, entry.name, path, checksum(up), up)
    if not any(found.values()):
        raise MigrationError(
            f"{project.directory} holds no migration of Prisma, which is a folder with a file migration.sql in it."
            " Correct the directory."
        )
    return found
