# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations of SQLite databases. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import Step
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

_ALONE = {
    "VACUUM": "SQLite carries VACUUM out alone",
    "ATTACH": "SQLite attaches files outside of transactions",
    "DETACH": "SQLite detaches files outside of transactions",
}


class SqliteDialect(Dialect):
    """SQLite, which undoes everything with a transaction."""

    engine: Engine = Sqlite()
    begin = "BEGIN IMMEDIATE"
    undoes_definitions = True
    shares = True

    @contextmanager
    def locked(self, connection: Connection, address: Address, host: Host, wait: float) -> Iterator[None]:
        """A file beside the database, locked by the kernel."""
        path = f"{host.folders.real(address.name)}.migrate.lock"
        with host.locks.hold(path, purpose=f"migration of {address}", wait=wait):
            yield

    @contextmanager
    def prepared(self, connection: Connection) -> Iterator[None]:
        """Without foreign keys: dropping the old table of a rebuild would delete the rows of all that refer to it."""
        [(before,)] = connection.rows("PRAGMA foreign_keys")
        connection.execute("PRAGMA foreign_keys = OFF")
        try:
            yield
        finally:
            connection.execute(f"PRAGMA foreign_keys = {int(before)}")

    def why_alone(self, step: Step) -> str | None:
        """Few statements are."""
        if step.words[:2] == ("PRAGMA", "JOURNAL_MODE"):
            return "SQLite changes the journal's mode outside of transactions"
        return _ALONE.get(step.words[0] if step.words else "")

    def check(self, connection: Connection) -> None:
        """Foreign keys were off meanwhile, so that they are looked at here."""
        broken = connection.rows('SELECT DISTINCT "table", parent FROM pragma_foreign_key_check')
        if broken:
            table, parent = broken[0]
            raise MigrationError(
                f"Rows of {table} would refer to rows of {parent} that are not there. Correct the migration, or"
                " the rows if they did so before."
            )

    def witness(self, connection: Connection, step: Step) -> str | None:
        """The schema as a whole, which a definition changes; VACUUM and its kind do no harm when done again."""
        if step.words and step.words[0] in ("CREATE", "ALTER", "DROP"):
            return self.engine.schema_fingerprint(connection)
        return "" if self.why_alone(step) else None
