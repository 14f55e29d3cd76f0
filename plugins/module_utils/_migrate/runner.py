# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What does the migrating: our own runner of SQL files, or a tool of the application's.

This module is private to the collection. Runners reach the host through its ports alone, which come in as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Applied, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


@dataclass(frozen=True)
class Project:
    """Where the migrations are, and how a tool is run."""

    address: Address
    # The migrations' files, and where the tool is run.
    directory: str
    root: str
    # The program with its arguments; none for the tool's own.
    run: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float | None = None
    # The table that lists what is applied, with or without its schema; none for the tool's own.
    ledger_table: str | None = None
    # Of our own runner: how it uses transactions, what its session begins with, and its limits in seconds.
    transaction: str = "auto"
    session: tuple[str, ...] = ()
    lock_timeout: float = 10
    statement_timeout: float | None = None
    # How long to wait for another run to end.
    wait: float = 60
    # What a tool without a ledger must have said, as regular expressions.
    says: tuple[str, ...] = ()
    # The tables that such a tool makes: when all are there, it has nothing to do.
    unless_tables: tuple[str, ...] = ()


class Runner(Protocol):
    """One way of migrating."""

    name: str

    def refuse(self, project: Project) -> None:
        """Raise InvalidInput if it would not do what is asked for, on whatever host."""

    def observe(self, project: Project, connection: Connection, engine: Engine, host: Host) -> Standing:
        """How far the database has come, by the tool's own ledger and the files; nothing is changed or run.

        Raises ShipshapeError where there is no saying.
        """

    def apply(self, project: Project, standing: Standing, host: Host) -> Sequence[Applied]:
        """Carry out what is pending. Raises MigrationError, which says how far it came, if anything fails.

        What the tool itself says or returns proves nothing: whoever calls observes again.
        """
