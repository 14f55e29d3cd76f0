# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a query copies, and what it leaves out. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import Item, Select
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Name,
    Reader,
    divided,
    symbols,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token

_BEHIND_FROM = ("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "WINDOW", "FOR", "ON", "RETURNING")

_LEAVES_OUT = ("LIMIT", "OFFSET", "FETCH", "GROUP", "HAVING")

_JOINED = ("UNION", "EXCEPT", "INTERSECT")


def parse_select(tokens: Sequence[Token]) -> Select:
    """What a query reads that begins with SELECT or TABLE."""
    reader = Reader(tokens)
    if reader.take("TABLE"):
        return Select(reader.name(), (_STAR,))
    reader.take("SELECT")
    distinct = reader.take_any("DISTINCT", "DISTINCTROW")
    reader.take("ALL")
    listed = reader.rest
    reader.skip_to("FROM", *_BEHIND_FROM, *_JOINED)
    items = tuple(_item(piece) for piece in divided(listed[: len(listed) - len(reader.rest)]))
    source = _source(reader) if reader.take("FROM") else None
    found = symbols(reader.rest)
    if any(word in found for word in _JOINED):
        return Select(None, items)
    where = "WHERE" if "WHERE" in found and not is_always_true(condition(reader.rest)) else ""
    rest = next((word for word in found if word in _LEAVES_OUT), "")
    return Select(source, items, distinct or where or rest)


_STAR = Item(None, None, frozenset(), is_star=True)


def _item(tokens: Sequence[Token]) -> Item:
    value, alias = _without_alias(tokens)
    mentioned = frozenset(token.value.lower() for token in value if token.kind in ("word", "name"))
    reader = Reader(value)
    if reader.take("*"):
        return _STAR
    name = reader.name() if reader.kind() in ("word", "name") else None
    if name and reader.take(".", "*"):
        return _STAR
    if name and reader.is_over:
        return Item(name.key, alias or name.key, mentioned)
    return Item(None, alias, mentioned)


def _without_alias(tokens: Sequence[Token]) -> tuple[Sequence[Token], str | None]:
    """The tokens of what is selected, and the name that it is given behind them."""
    reader = Reader(tokens)
    if reader.skip_to("AS"):
        at = len(tokens) - len(reader.rest)
        reader.take("AS")
        name = reader.name()
        return tokens[:at], name.key if name else None
    if len(tokens) > 1 and tokens[-1].kind in ("word", "name") and _is_value(tokens[:-1]):
        return tokens[:-1], tokens[-1].value.lower()
    return tokens, None


def _is_value(tokens: Sequence[Token]) -> bool:
    """Whether a value can end here, so that a name behind it is its alias."""
    last = tokens[-1]
    if last.kind == "word":
        # Else it may be a keyword, as in NOT is_active.
        return (len(tokens) == 1 and last.upper != "NOT") or (len(tokens) > 1 and tokens[-2].text == ".")
    return last.kind in ("name", "number", "text") or last.text == ")"


def _source(reader: Reader) -> Name | None:
    """The table of FROM, if it is a single one."""
    reader.take("ONLY")
    table = reader.name() if reader.kind() in ("word", "name") else None
    start = reader.rest
    reader.skip_to(*_BEHIND_FROM, *_JOINED)
    between = symbols(start[: len(start) - len(reader.rest)])
    return None if any(word in (",", "JOIN", "STRAIGHT_JOIN", "(") for word in between) else table


def condition(tokens: Sequence[Token]) -> Sequence[Token]:
    """What stands behind WHERE."""
    reader = Reader(tokens)
    reader.skip_to("WHERE")
    reader.take("WHERE")
    return reader.rest


_ENDS_CONDITION = (*_JOINED, "GROUP", "HAVING", "LIMIT", "OFFSET", "ON", "ORDER", "RETURNING", ";")


def is_always_true(condition: Sequence[Token]) -> bool:
    """Whether what stands behind WHERE lets every row through, so that it is no condition."""
    reader = Reader(condition)
    reader.skip_to(*_ENDS_CONDITION)
    words = [token.text.upper() for token in condition[: len(condition) - len(reader.rest)]]
    while words[:1] == ["("] and words[-1:] == [")"]:
        words = words[1:-1]
    if len(words) == 3 and words[1] == "=":
        # A column is not equal to itself where it is NULL.
        return words[0] == words[2] and not words[0][0].isalpha()
    return words in (["TRUE"], ["1"], ["NOT", "FALSE"], ["NOT", "0"])
