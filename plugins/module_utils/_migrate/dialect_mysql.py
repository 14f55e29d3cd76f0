# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations of MySQL and MariaDB databases. This module is private to the collection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, LockHeld
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.conduct import Step
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token, tokens
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# What stands between the verb and the kind of what is defined, or between the kind and the name.
_AROUND = frozenset(
    {
        *("OR", "REPLACE", "TEMPORARY", "UNIQUE", "FULLTEXT", "SPATIAL", "IF", "NOT", "EXISTS", "IGNORE", "ONLINE"),
        *("ALGORITHM", "UNDEFINED", "MERGE", "TEMPTABLE", "SQL", "SECURITY", "INVOKER", "AGGREGATE"),
    }
)
_KINDS = ("TABLE", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "SEQUENCE")
_OF_THE_SERVER = ("DATABASE", "SCHEMA", "USER", "ROLE", "SERVER", "TABLESPACE", "PACKAGE")
_NO_SUCH = "missing"

# Rows that the application writes meanwhile change it.
_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_FAR = 40


class MysqlDialect(Dialect):
    """MySQL and MariaDB, in which every definition commits what went before and cannot be undone."""

    engine: Engine = Mysql()
    begin = "START TRANSACTION"
    undoes_definitions = False

    @contextmanager
    def locked(self, connection: Connection, address: Address, host: Host, wait: float) -> Iterator[None]:
        """A lock of this session's; its name has to be short."""
        name = f"shipshape {hashlib.sha256(address.name.encode()).hexdigest()[:40]}"
        [(got,)] = connection.rows("SELECT GET_LOCK(?, ?)", (name, wait))
        if got != 1:
            raise LockHeld(f"{address} is being migrated by {_holder(connection, name)}: wait until that is done.")
        try:
            yield
        finally:
            with suppress(DatabaseError):
                connection.rows("SELECT RELEASE_LOCK(?)", (name,))

    def why_alone(self, step: Step) -> str | None:
        """Nothing is refused in a transaction: it ends the transaction instead."""
        return None

    def witness(self, connection: Connection, step: Step) -> str | None:
        """How the server describes what the statement defines: a definition is carried out wholly or not at all."""
        found = _defined(step)
        if found is None:
            return None
        kind, name = found
        try:
            described = connection.rows(f"SHOW CREATE {kind} {self.engine.qualified(name)}")
        except DatabaseError as error:
            if error.reason != _NO_SUCH:
                raise
            described = []
        text = _COUNTER.sub("", "\n".join(map(str, described[0]))) if described else ""
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _defined(step: Step) -> tuple[str, Table] | None:
    """The kind and the name of what a statement creates, alters, drops or renames, where it is one thing."""
    if not step.words or step.words[0] not in ("CREATE", "ALTER", "DROP", "RENAME"):
        return None
    found = list(islice(tokens(step.statement.text, "mysql"), 1, _FAR))
    for at, token in enumerate(found):
        if token.upper in ("INDEX", "KEY") and token.kind == "word":
            on = next((number for number, other in enumerate(found) if other.upper == "ON"), None)
            return ("TABLE", _named(found[on + 1 :])) if on is not None and found[on + 1 :] else None
        if token.upper in _KINDS and token.kind == "word":
            rest = found[at + 1 :]
            while rest and rest[0].kind == "word" and rest[0].upper in _AROUND:
                rest = rest[1:]
            if step.words[0] == "DROP" and any(token.text == "," for token in rest):
                # Of several, some can be gone.
                return None
            return (token.upper, _named(rest)) if rest else None
        if token.kind == "word" and token.upper in _OF_THE_SERVER:
            return None
    return None


def _named(found: list[Token]) -> Table:
    if len(found) > 2 and found[1].text == ".":
        return Table(found[2].value, found[0].value)
    return Table(found[0].value)


def _holder(connection: Connection, name: str) -> str:
    rows = connection.rows(
        "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST WHERE ID = IS_USED_LOCK(?)", (name,)
    )
    for number, user, where in rows:
        return f"session {number} of {user}@{where}"
    return "another session"
