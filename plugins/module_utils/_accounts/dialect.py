# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine knows of accounts, as a protocol. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.plan import Request, Step
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection


class Dialect(Protocol):
    """One engine's accounts. It writes SQL and understands what comes back."""

    # The databases that belong to the server itself.
    systems: tuple[str, ...]
    # Whether a transaction takes all of it back, or only the statements that undo.
    is_transactional: bool

    def administration(self, address: Address, *, is_within: bool) -> Address:
        """How the administrator gets to the same server, into that database or past it."""

    def session(self) -> Sequence[str]:
        """What the administrator's session begins with: nothing of it is to be in the server's logs."""

    def has_database(self, connection: Connection, name: str) -> bool:
        """Whether there is such a database."""

    def creation(self, name: str) -> Step:
        """What makes the database, which no transaction may contain."""

    def observe(self, connection: Connection, request: Request, *, is_new: bool) -> Any:
        """All that concerns these accounts and the database; a new one is not there yet."""

    def plan(self, request: Request, present: Any, random: Callable[[int], bytes]) -> list[Step]:
        """What brings them to what is wanted. Raises InvalidInput for what must not be touched."""

    def warnings(self, present: Any) -> list[str]:
        """What is not as it should be and cannot be changed here."""
