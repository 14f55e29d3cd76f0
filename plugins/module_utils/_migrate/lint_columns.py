# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How columns are declared, and which types can hold what. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Group,
    Node,
    Reader,
    divided,
    follows,
    leaves,
    symbols,
    tree,
    words,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens


@dataclass(frozen=True)
class Definition:
    """A column as it is declared, with its type as text."""

    type: str
    is_not_null: bool = False
    has_default: bool = False
    # By the database itself, and from other columns.
    is_numbered: bool = False
    is_computed: bool = False
    # Whether rows that are there already get different values.
    differs_by_row: bool = False
    # Whether no row of the live database has a value in it.
    is_new: bool = True


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
_VOLATILE = words("CLOCK_TIMESTAMP GEN_RANDOM_UUID NEXTVAL RANDOM TIMEOFDAY UUIDV4 UUIDV7 UUID_GENERATE_V4")

_NUMBERED = words("SERIAL BIGSERIAL SMALLSERIAL SERIAL2 SERIAL4 SERIAL8")

_NUMBERING = words("AUTOINCREMENT AUTO_INCREMENT IDENTITY")


def is_constraint(nodes: Sequence[Node], dialect: str) -> bool:
    """Whether this is not the definition of a column."""
    return Reader(nodes).peek() in _ELEMENTS[dialect]


def elements(nodes: Sequence[Node], dialect: str) -> dict[str, Definition]:
    """The columns among what stands in the parentheses of CREATE TABLE."""
    pieces = [Reader(piece) for piece in divided(nodes) if not is_constraint(piece, dialect)]
    return {reader.name().key: definition(reader.rest) for reader in pieces}


def definition(nodes: Sequence[Node]) -> Definition:
    """The definition of a column without its name."""
    reader = Reader(nodes)
    kind = declared_type(reader)
    found = symbols(reader.rest)
    is_numbered = not _NUMBERED.isdisjoint(kind.upper().split()) or not _NUMBERING.isdisjoint(found)
    is_computed = "AS" in found and "IDENTITY" not in found
    is_volatile = any(token.upper in _VOLATILE for token in leaves(reader.rest))
    return Definition(
        kind,
        is_not_null=follows(found, "NOT", "NULL") or "PRIMARY" in found or is_numbered,
        has_default="DEFAULT" in found and not follows(found, "DEFAULT", "NULL"),
        is_numbered=is_numbered,
        is_computed=is_computed,
        differs_by_row=is_numbered or is_volatile or (is_computed and "VIRTUAL" not in found),
    )


def declared_type(reader: Reader) -> str:
    """Go past the type that comes next; how it is written, with one space where any are."""
    start = reader.rest
    while not (reader.is_over or reader.peek() in _ENDS_TYPE or reader.peek(1) == "SET"):
        reader.skip()
    return _text(start[: len(start) - len(reader.rest)])


def _text(nodes: Sequence[Node]) -> str:
    written = ""
    for node in nodes:
        if isinstance(node, Group):
            written += f"({','.join(_text(piece) for piece in divided(node.nodes))})"
        else:
            is_close = node.kind == "mark" or written.endswith(".")
            written += ("" if is_close else " ") + (node.text.lower() if node.kind == "word" else node.text)
    return written.strip()


def shown(kind: str) -> str:
    """The type as it can be told: without the values of an enumeration."""
    return re.sub(r"\(?[^(]*?['\"$].*", "(...)", kind, flags=re.DOTALL)


# More than any column has: where a type sets no limit.
_UNLIMITED = 1 << 40

# In bits.
_INTEGERS = {
    "tinyint": 8,
    **dict.fromkeys(("smallint", "int2"), 16),
    "mediumint": 24,
    **dict.fromkeys(("int", "integer", "int4"), 32),
    **dict.fromkeys(("bigint", "int8"), 64),
}

_DECIMALS = ("decimal", "numeric", "dec", "fixed")

_FLOATS = ("float", "real", "float4", "float8", "double", "double precision")

_PADDED = ("char", "character", "nchar", "bpchar", "national char", "national character")

_CHARACTERS = {
    "tinytext": 255,
    "mediumtext": 16_777_215,
    **dict.fromkeys(_PADDED, 1),
    **dict.fromkeys(("varchar", "character varying", "char varying", "nvarchar", "national varchar"), _UNLIMITED),
    **dict.fromkeys(("text", "longtext", "citext", "clob", "name"), _UNLIMITED),
}

_BYTES = {
    "binary": 1,
    "tinyblob": 255,
    "blob": 65_535,
    "mediumblob": 16_777_215,
    **dict.fromkeys(("varbinary", "longblob", "bytea"), _UNLIMITED),
}

_BITS = {"bit": 1, "bit varying": _UNLIMITED, "varbit": _UNLIMITED}

_MOMENTS = ("date", "time", "timestamp", "datetime")

# What can hold all that another type could, beside characters and numbers.
_HELD = (("date", "datetime"), ("date", "timestamp"), ("json", "jsonb"), ("jsonb", "json"), ("cidr", "inet"))


@dataclass(frozen=True)
class _Type:
    """A type as what it can hold: of each limit, the greater number is the wider."""

    family: str
    words: str
    limits: tuple[int, ...] = ()
    values: frozenset[str] = frozenset()


def narrows(old: str, new: str, dialect: str) -> bool:
    """Whether there is something that the old type can hold and the new one cannot, or not as it is."""
    before, after = _parse(old, dialect), _parse(new, dialect)
    families = (before.family, after.family)
    if before.family == after.family:
        is_shorter = any(kept < needed for needed, kept in zip(before.limits, after.limits))
        return is_shorter or not before.values <= after.values
    if after.family == "character":
        # Everything but bytes can be written, though not within every length.
        return before.family in ("bytes", "bits") or after.limits[0] < _written(before)
    if families == ("integer", "decimal"):
        return after.limits[0] < _digits(before)
    if families == ("integer", "float"):
        return max(before.limits) > 1 << after.limits[0]
    if families == ("timestamp", "datetime"):
        return after.limits < before.limits
    # MySQL's timestamps end in 2038.
    return families not in _HELD or (dialect == "mysql" and after.family == "timestamp")


def is_rewritten(old: str, new: str) -> bool:
    """Whether PostgreSQL has to write all rows anew for this change of the type."""
    before, after = _parse(old, "postgresql"), _parse(new, "postgresql")
    if before.family != after.family:
        return (before.family, after.family) != ("cidr", "inet")
    if before.family == "character":
        return before != after and (before.words in _PADDED or after.words in _PADDED)
    if before.family == "decimal":
        # The digits behind the point are stored as they were, unless there is no limit any more.
        return before.limits[1] != after.limits[1] and after.limits[1] != _UNLIMITED
    return before.words != after.words and (before.family in _MOMENTS or before.limits != after.limits)


def _parse(kind: str, dialect: str) -> _Type:
    named, arguments, is_array = _pieces(kind, dialect)
    is_unsigned = "unsigned" in named or "zerofill" in named
    name = " ".join(word for word in named if word not in ("unsigned", "signed", "zerofill"))
    moment = name.split(" ", maxsplit=1)[0].removesuffix("tz")
    numbers = [int(text) for text in arguments if text.isdigit()]
    if is_array:
        return _Type(f"{name}[]", name)
    if name in _INTEGERS:
        bits = _INTEGERS[name]
        return _Type("integer", name, (0, 1 << bits) if is_unsigned else (1 << (bits - 1), 1 << (bits - 1)))
    if name in _DECIMALS:
        return _Type("decimal", name, _decimal(numbers, dialect))
    if name in _FLOATS:
        return _Type("float", name, (_bits_of_float(name, numbers, dialect),))
    if name == "text" and dialect == "mysql":
        # It is limited in bytes; what is measured here are characters of one.
        return _Type("character", name, (65_535,))
    for family, lengths in (("character", _CHARACTERS), ("bytes", _BYTES), ("bits", _BITS)):
        if name in lengths:
            return _Type(family, name, (numbers[0] if numbers else lengths[name],))
    if moment in _MOMENTS:
        return _Type(moment, name, (numbers[0] if numbers else 6 if dialect == "postgresql" else 0,))
    if name in ("enum", "set"):
        return _Type(name, name, values=frozenset(arguments))
    return _Type({"bool": "boolean"}.get(name, name), name)


def _pieces(kind: str, dialect: str) -> tuple[list[str], list[str], bool]:
    """The words of the type, what stands in its parentheses, and whether it is an array of it."""
    reader = Reader(tree(tokens(kind, dialect)))
    named: list[str] = []
    arguments: list[str] = []
    is_array = False
    while not reader.is_over:
        if reader.peek() == "(":
            arguments += [_text(piece) for piece in divided(reader.group())]
        elif reader.take_any("[", "ARRAY"):
            is_array = True
        elif reader.is_name():
            named.append(reader.name().key)
        else:
            reader.skip()
    return named, arguments, is_array


def _decimal(numbers: Sequence[int], dialect: str) -> tuple[int, int]:
    """The digits before the point and behind it."""
    if not numbers:
        return (10, 0) if dialect == "mysql" else (_UNLIMITED, _UNLIMITED)
    scale = numbers[1] if len(numbers) > 1 else 0
    return (numbers[0] - scale, scale)


def _bits_of_float(name: str, numbers: Sequence[int], dialect: str) -> int:
    """How many bits of an integer are kept."""
    if name == "float" and len(numbers) == 1:
        return 24 if numbers[0] <= 24 else 53
    # To MySQL, REAL is DOUBLE, and to PostgreSQL, FLOAT is.
    return 24 if name in ("float4", "float" if dialect == "mysql" else "real") else 53


def _digits(kind: _Type) -> int:
    return len(str(max(kind.limits)))


def _written(kind: _Type) -> int:
    """How many characters a value can take that is written out."""
    if kind.family == "integer":
        return _digits(kind) + 1
    if kind.family == "decimal":
        return sum(kind.limits) + 2
    if kind.family in _MOMENTS:
        return 32
    if kind.family == "enum":
        return max((len(value) - 2 for value in kind.values), default=0)
    return {"boolean": 5, "uuid": 36, "float": 255}.get(kind.family, _UNLIMITED)
