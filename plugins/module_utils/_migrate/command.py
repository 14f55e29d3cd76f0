# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations that a script of the application applies. This module is private to the collection.

Nobody can see what it has done but in the database itself, and in the numbers that it prints, if it does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool import (
    carry_out,
    refuse,
    url_with_password,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import (
    own_program,
    standing_without_ledger,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# A line of its own that gives a number, whatever ornament stands before it.
_NUMBER = re.compile(
    r"^\W*(applied|skipped|failed|total)\b[^:\n]{0,20}:[ \t]*(\d{1,9})\b", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Summary:
    """How many migrations a script says it has applied, skipped and failed at, and how many there are."""

    applied: int | None = None
    skipped: int | None = None
    failed: int | None = None
    total: int | None = None

    def __str__(self) -> str:
        told = [
            f"{number} {word}"
            for word, number in (("applied", self.applied), ("skipped", self.skipped))
            if number is not None
        ]
        return ", ".join(told) + (f" of {self.total}" if told and self.total is not None else "")


def summary_of(printed: str) -> Summary:
    """What the script says in lines such as `Applied: 3`; of what it says twice, the last counts."""
    return Summary(**{word.lower(): int(number) for word, number in _NUMBER.findall(printed)})


class CommandRunner:
    """A program of the application's, such as `node scripts/run-migrations.js`."""

    name = "command"

    def refuse(self, project: Project) -> None:
        """Without a program there is nothing that migrates."""
        if not project.run:
            raise InvalidInput("The program that migrates", ["run: it is missing. Say which program migrates."])
        refuse(project)

    def observe(self, project: Project, connection: Connection, engine: Engine, host: Host) -> Standing:
        """Whether the tables that the program makes are there; where none are named, the program decides by itself."""
        self.refuse(project)
        return standing_without_ledger(project, connection, engine)

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        """Run the program; what it says it has done, or nothing if it says that it has applied none."""
        self.refuse(project)
        name = own_program(project).name
        printed = carry_out(name, project.run, project, host, url_of=url_with_password, says=project.says)
        summary = summary_of(printed)
        if summary.failed:
            raise MigrationError(
                f"{name} ended as if all were well, and says that {summary.failed} of its migrations failed. Run it by"
                " hand on a copy of the database to see why."
            )
        if summary.applied == 0:
            return []
        return [Applied(f"{name}: {summary}" if summary.applied else name)]
