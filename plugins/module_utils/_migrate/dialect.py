# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each engine does for our own runner of migrations. This module is private to the collection."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import Step
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import Entry, OwnLedger
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


class Dialect(Protocol):
    """How one engine lets schemas be changed."""

    engine: Engine
    # What begins a transaction.
    begin: str
    # Whether what is defined in a transaction is undone with it.
    undoes_definitions: bool
    # Whether several migrations are committed at once, because the disk has to be waited for each time.
    shares: bool = False

    def locked(self, connection: Connection, address: Address, host: Host, wait: float) -> AbstractContextManager[None]:
        """Hold the lock that keeps two runs apart; it ends with the session or the process. Raises LockHeld."""

    def prepared(self, connection: Connection) -> AbstractContextManager[None]:
        """The session as migrations need it, outside of any transaction; as it is, unless an engine says otherwise."""
        return nullcontext()

    def why_alone(self, step: Step) -> str | None:
        """Why the engine takes this statement in no transaction, as the beginning of a sentence, or None."""

    def check(self, connection: Connection) -> None:
        """Raise MigrationError if what a transaction has done may not be committed; most servers see to it."""
        return

    def end(self, ledger: OwnLedger, entry: Entry) -> str | None:
        """What lists this and commits, in the same message as the last statement of a transaction.

        The entry is of the transaction's beginning. None where a message is one statement.
        """
        return None

    def witness(self, connection: Connection, step: Step) -> str | None:
        """What tells whether a statement was carried out, because it is another afterwards; None if nothing does."""
