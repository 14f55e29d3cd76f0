# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables a script says it will change. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_parsing import acts
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Reader, symbol, tree, words
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import statements
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token, tokens

# What migrations ask for in a query by itself, and what changes no row.
_HARMLESS_FUNCTIONS = words(
    "ABS AVG CAST COALESCE CONCAT CONVERT COUNT CURRENT_DATABASE CURRENT_SCHEMA CURRENT_SETTING CURRVAL DATABASE DATE"
    " EXISTS FORMAT FROM GREATEST IF IFNULL IN LAST_INSERT_ID LASTVAL LEAST LENGTH LOWER MAX MIN NEXTVAL NOW NULLIF"
    " PG_ADVISORY_LOCK PG_ADVISORY_UNLOCK PG_ADVISORY_XACT_LOCK PG_GET_SERIAL_SEQUENCE REPLACE ROUND SCHEMA SELECT"
    " SET_CONFIG SETVAL SUBSTRING SUM TRIM UPPER USER VALUES VERSION"
    " ALL AND ANY AS BY CASE DISTINCT ELSE FILTER HAVING JOIN LATERAL NOT ON OR OVER SOME THEN USING WHEN WHERE"
)


def tables_touched(migration_up: str, dialect: str) -> set[str] | None:
    """The tables, in lower case, whose rows the script may change; None if that cannot be told from its text.

    It cannot if the script calls what has a body (CALL, DO, EXECUTE, a function in a query by itself), makes a trigger,
    drops a whole schema, or says what is not understood. What else happens to rows, by the triggers and the cascading
    references that the database has already, is not in the text either, and is just what is to be noticed.
    """
    found: set[str] = set()
    for statement in statements(migration_up, dialect):
        if _calls_something(statement.text, dialect):
            return None
        for act in acts(statement.text, dialect):
            if act.touched is None:
                return None
            found |= {name.key for name in act.touched}
    return found


_QUERIES: Mapping[str, tuple[str, ...]] = {
    # SQLite's functions are those of the program, and change no table.
    "sqlite": (),
    "mysql": ("SELECT", "WITH", "VALUES", "SET"),
    "postgresql": ("SELECT", "WITH", "VALUES"),
}


def _calls_something(statement: str, dialect: str) -> bool:
    """Whether a query calls a function that may do more than to compute."""
    first = next(tokens(statement, dialect), None)
    if first is None or symbol(first) not in _QUERIES[dialect]:
        return False
    read = list(tokens(statement, dialect))
    named = _HARMLESS_FUNCTIONS | _common_names(read)
    return any(
        token.kind in ("word", "name")
        and at + 1 < len(read)
        and symbol(read[at + 1]) == "("
        and token.value.upper() not in named
        and symbol(read[at - 1]) != "INTO"
        for at, token in enumerate(read)
    )


def _common_names(read: Sequence[Token]) -> set[str]:
    """What the statement calls its common table expressions, whose columns are listed as if it called functions."""
    reader = Reader(tree(read))
    found: set[str] = set()
    if not reader.take("WITH"):
        return found
    reader.take("RECURSIVE")
    while reader.is_name():
        found.add(reader.name().key.upper())
        reader.group()
        reader.until("(")
        reader.group()
        if not reader.take(","):
            break
    return found
