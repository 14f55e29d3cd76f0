# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a column of one type can hold all that one of another could. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Reader, divided
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token, tokens

# More than any column has: where a type sets no limit.
_UNLIMITED = 1 << 40

_INTEGERS = {
    **dict.fromkeys(("tinyint", "int1"), 8),
    **dict.fromkeys(("smallint", "int2", "smallserial", "serial2"), 16),
    **dict.fromkeys(("mediumint", "int3", "middleint"), 24),
    **dict.fromkeys(("int", "integer", "int4", "serial", "serial4"), 32),
    **dict.fromkeys(("bigint", "int8", "bigserial", "serial8"), 64),
}

_DECIMALS = ("decimal", "numeric", "dec", "fixed")

# How many bits of an integer are kept.
_FLOATS = {"real": 24, "float4": 24, "float8": 53, "double": 53, "double precision": 53}

_CHARACTERS = {
    "mediumtext": 16_777_215,
    **dict.fromkeys(("char", "character", "nchar", "national char", "national character", "bpchar"), 1),
    **dict.fromkeys(("varchar", "character varying", "char varying", "nvarchar", "national varchar"), _UNLIMITED),
    **dict.fromkeys(("longtext", "citext", "clob", "name"), _UNLIMITED),
}

_BYTES = {
    "binary": 1,
    "tinyblob": 255,
    "blob": 65_535,
    "mediumblob": 16_777_215,
    **dict.fromkeys(("varbinary", "longblob", "bytea"), _UNLIMITED),
}

_MOMENTS = {
    "date": ("date", 0),
    "time": ("time", 1),
    "time without time zone": ("time", 1),
    "time with time zone": ("time", 1),
    "timetz": ("time", 1),
    "timestamp": ("timestamp", 1),
    "timestamp without time zone": ("timestamp", 1),
    "timestamp with time zone": ("timestamp", 1),
    "timestamptz": ("timestamp", 1),
    "datetime": ("datetime", 1),
}


@dataclass(frozen=True)
class _Type:
    """A type as what it can hold: of each limit, the greater number is the wider."""

    family: str
    words: str
    limits: tuple[int, ...] = ()
    values: frozenset[str] = frozenset()


def type_text(kind: Sequence[Token]) -> str:
    """The type as it can be shown; without the values of an enumeration."""
    shown = ""
    depth = 0
    for token in kind:
        depth -= token.text == ")"
        if token.kind == "text":
            shown = shown.rstrip("(, ") + "(...)" if not shown.endswith("(...)") else shown
        elif token.text in ("(", ")", ",", ".", "[", "]"):
            shown = shown if shown.endswith("(...)") else shown + token.text
        else:
            shown += (" " if shown and shown[-1] not in "(,." else "") + token.text.lower()
        depth += token.text == "("
    return shown


def narrows(old: str, new: Sequence[Token], dialect: str) -> bool:
    """Whether there is something that the old type can hold and the new one cannot, or not as it is."""
    before, after = _parse(list(tokens(old, dialect)), dialect), _parse(new, dialect)
    if before.family == after.family:
        return not before.values <= after.values or any(
            kept < needed for needed, kept in zip(before.limits, after.limits)
        )
    if after.family == "character":
        # Everything but bytes can be written, though not within every length.
        return before.family in ("bytes", "bits") or after.limits[0] < _written(before)
    if before.family == "integer":
        return _is_integer_too_big(before, after)
    if (before.family, after.family) == ("moment date", "moment datetime"):
        return False
    if (before.family, after.family) == ("moment date", "moment timestamp"):
        # MySQL's end in 2038.
        return dialect == "mysql"
    if (before.family, after.family) == ("moment timestamp", "moment datetime"):
        return after.limits[0] < before.limits[0]
    return (before.family, after.family) not in (("json", "jsonb"), ("jsonb", "json"), ("cidr", "inet"))


def is_rewritten(old: str, new: Sequence[Token]) -> bool:
    """Whether PostgreSQL has to write all rows anew for this change of the type."""
    before, after = _parse(list(tokens(old, "postgresql")), "postgresql"), _parse(new, "postgresql")
    if before.family != after.family:
        return (before.family, after.family) != ("cidr", "inet")
    if before.family == "character":
        padded = [_is_padded(kind) for kind in (before, after)]
        return any(padded) and before != after
    if before.family == "decimal":
        # The digits behind the point are stored as they were, unless there is no limit any more.
        return before.limits[1] != after.limits[1] and after.limits[1] != _UNLIMITED
    if before.family.startswith("moment"):
        return before.words != after.words
    return before.words != after.words and before.limits != after.limits


def _is_padded(kind: _Type) -> bool:
    return kind.words in ("char", "character", "nchar", "bpchar", "national char", "national character")


def _parse(kind: Sequence[Token], dialect: str) -> _Type:
    words, arguments, is_array = _pieces(kind)
    is_unsigned = "unsigned" in words or "zerofill" in words
    name = " ".join(word for word in words if word not in ("unsigned", "signed", "zerofill"))
    numbers = [int(text) for text in arguments if text.isdigit()]
    if is_array:
        return _Type(f"{name}[]", name)
    if name in _INTEGERS:
        bits = _INTEGERS[name]
        return _Type("integer", name, (0, 1 << bits) if is_unsigned else (1 << (bits - 1), 1 << (bits - 1)))
    if name in _DECIMALS:
        return _decimal(name, numbers, dialect)
    if name in _FLOATS or name == "float":
        return _Type("float", name, (_bits_of_float(name, numbers, dialect),))
    if name in _CHARACTERS or name in ("tinytext", "text"):
        return _Type("character", name, (_length(name, numbers, dialect),))
    if name in _BYTES:
        return _Type("bytes", name, (numbers[0] if numbers else _BYTES[name],))
    if name in ("bit", "bit varying", "varbit"):
        return _Type("bits", name, (numbers[0] if numbers else 1 if name == "bit" else _UNLIMITED,))
    if name in _MOMENTS:
        family, has_fractions = _MOMENTS[name]
        digits = numbers[0] if numbers else 6 if dialect == "postgresql" else 0
        return _Type(f"moment {family}", name, (digits if has_fractions else 0,))
    if name in ("enum", "set"):
        return _Type(name, name, values=frozenset(arguments))
    return _Type({"bool": "boolean"}.get(name, name), name)


def _pieces(kind: Sequence[Token]) -> tuple[list[str], list[str], bool]:
    """The words of the type, what stands in its parentheses, and whether it is an array of it."""
    reader = Reader(kind)
    words: list[str] = []
    arguments: list[str] = []
    is_array = False
    while not reader.is_over:
        if reader.peek() == "(":
            arguments += ["".join(token.text for token in piece) for piece in divided(reader.group())]
        elif reader.peek() in ("[", "]", "ARRAY"):
            is_array = True
            reader.skip()
        elif name := reader.name():
            words.append(name.key)
        else:
            reader.skip()
    return words, arguments, is_array


def _decimal(name: str, numbers: Sequence[int], dialect: str) -> _Type:
    """Its digits before the point and behind it."""
    if not numbers:
        numbers = (10, 0) if dialect == "mysql" else (2 * _UNLIMITED, _UNLIMITED)
    scale = numbers[1] if len(numbers) > 1 else 0
    return _Type("decimal", name, (numbers[0] - scale, scale))


def _bits_of_float(name: str, numbers: Sequence[int], dialect: str) -> int:
    if name != "float":
        # To MySQL, REAL is DOUBLE.
        return 53 if name == "real" and dialect == "mysql" else _FLOATS[name]
    if len(numbers) == 1:
        return 24 if numbers[0] <= 24 else 53
    return 24 if dialect == "mysql" else 53


def _length(name: str, numbers: Sequence[int], dialect: str) -> int:
    if name == "tinytext":
        return 255
    if name == "text":
        # MySQL's is limited in bytes; what is measured here are characters of one.
        return 65_535 if dialect == "mysql" else _UNLIMITED
    return numbers[0] if numbers else _CHARACTERS[name]


def _digits(kind: _Type) -> int:
    return len(str(max(kind.limits)))


def _written(kind: _Type) -> int:
    """How many characters a value can take that is written out."""
    if kind.family == "integer":
        return _digits(kind) + 1
    if kind.family == "decimal":
        return sum(kind.limits) + 2
    if kind.family == "uuid":
        return 36
    if kind.family == "boolean":
        return 5
    if kind.family.startswith("moment"):
        return 32
    if kind.family == "enum":
        return max((len(value) - 2 for value in kind.values), default=0)
    return 255 if kind.family == "float" else _UNLIMITED


def _is_integer_too_big(before: _Type, after: _Type) -> bool:
    if after.family == "decimal":
        return after.limits[0] < _digits(before)
    if after.family == "float":
        return max(before.limits) > 1 << after.limits[0]
    return True
