# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How statements declare columns and constraints. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import Definition
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Name,
    Reader,
    divided,
    follows,
    symbol,
    symbols,
    words,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")

# Elsewhere these are names like others: key is one of the most frequent.
_ELEMENTS = {
    "sqlite": _CONSTRAINTS,
    "postgresql": (*_CONSTRAINTS, "EXCLUDE", "LIKE"),
    "mysql": (*_CONSTRAINTS, "INDEX", "KEY", "FULLTEXT", "SPATIAL", "PERIOD", "PARTITION", "VECTOR"),
}

_ENDS_TYPE = words(
    "AFTER AS AUTOINCREMENT AUTO_INCREMENT CHARSET CHECK COLLATE COMMENT COMPRESSION CONSTRAINT DEFAULT FIRST GENERATED"
    " INVISIBLE KEY NOT NULL ON PRIMARY REFERENCES STORAGE UNIQUE USING VISIBLE"
)

# What gives every row a value of its own, and so cannot be had without writing each.
_VOLATILE = (
    "CLOCK_TIMESTAMP",
    "GEN_RANDOM_UUID",
    "NEXTVAL",
    "RANDOM",
    "TIMEOFDAY",
    "UUIDV4",
    "UUIDV7",
    "UUID_GENERATE_V4",
)

_NUMBERED = ("SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL2", "SERIAL4", "SERIAL8")

_NUMBERING = ("AUTOINCREMENT", "AUTO_INCREMENT", "IDENTITY")


def is_constraint(tokens: Sequence[Token], dialect: str) -> bool:
    """Whether this is not the definition of a column."""
    return bool(tokens) and symbol(tokens[0]) in _ELEMENTS[dialect]


def elements(tokens: Sequence[Token], dialect: str) -> tuple[Definition, ...]:
    """The columns among what stands in the parentheses of CREATE TABLE."""
    pieces = divided(tokens)
    keys = {key for piece in pieces if is_constraint(piece, dialect) for key in _primary_key(piece)}
    found = (definition(piece) for piece in pieces if not is_constraint(piece, dialect))
    return tuple(
        replace(column, is_not_null=column.is_not_null or column.name.key in keys) for column in found if column
    )


def _primary_key(tokens: Sequence[Token]) -> list[str]:
    reader = Reader(tokens)
    if not reader.skip_to("PRIMARY"):
        return []
    reader.skip_to("(")
    return [name.key for piece in divided(reader.group()) if (name := Reader(piece).name())]


def definition(tokens: Sequence[Token]) -> Definition | None:
    """A column's definition, which begins with its name."""
    reader = Reader(tokens)
    name = reader.name()
    return named_definition(name, reader.rest) if name else None


def named_definition(name: Name, tokens: Sequence[Token]) -> Definition:
    """The same without the name before it."""
    kind, rest = split_type(tokens)
    found = symbols(rest)
    is_numbered = any(word in _NUMBERED for word in symbols(kind)) or any(word in found for word in _NUMBERING)
    is_computed = "AS" in found and "IDENTITY" not in found
    is_volatile = any(symbol(token) in _VOLATILE for token in rest)
    return Definition(
        name,
        kind,
        is_not_null=follows(found, "NOT", "NULL") or "PRIMARY" in found or is_numbered,
        has_default="DEFAULT" in found and not follows(found, "DEFAULT", "NULL"),
        is_numbered=is_numbered,
        is_computed=is_computed,
        differs_by_row=is_numbered or is_volatile or (is_computed and "VIRTUAL" not in found),
    )


def split_type(tokens: Sequence[Token]) -> tuple[Sequence[Token], Sequence[Token]]:
    """The tokens of the type with which they begin, and what comes behind it."""
    reader = Reader(tokens)
    while not reader.is_over:
        here = reader.peek()
        if here in _ENDS_TYPE or (here in ("CHARACTER", "CHAR") and reader.peek(1) == "SET"):
            break
        if here == "(":
            reader.group()
        else:
            reader.skip()
    rest = reader.rest
    return tokens[: len(tokens) - len(rest)], rest
