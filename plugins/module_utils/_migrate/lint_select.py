# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a query copies, and what it leaves out. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Group,
    Name,
    Node,
    Reader,
    divided,
    leaves,
    symbol,
    symbols,
)


@dataclass(frozen=True)
class Item:
    """One column of what a SELECT returns.

    `column` is set where it is nothing but that column, `output` where it has a name, `mentioned` are all words in it.
    """

    column: str | None
    output: str | None
    mentioned: frozenset[str]


STAR = Item(None, None, frozenset())


@dataclass(frozen=True)
class Select:
    """A query that copies; `source` is None unless it reads one table only."""

    source: Name | None
    items: tuple[Item, ...]
    # The word by which it leaves out rows.
    leaves_out: str = ""


_LEAVES_OUT = ("LIMIT", "OFFSET", "FETCH", "GROUP", "HAVING")

_JOINED = ("UNION", "EXCEPT", "INTERSECT")

_BEHIND_FROM = (*_JOINED, *_LEAVES_OUT, "WHERE", "ORDER", "WINDOW", "FOR", "ON", "RETURNING")


def parse_select(nodes: Sequence[Node]) -> Select | None:
    """What a query copies that begins with SELECT or TABLE; None for all else."""
    reader = Reader(nodes)
    if reader.take("TABLE"):
        return Select(reader.name(), (STAR,))
    if not reader.take("SELECT"):
        return None
    distinct = reader.take_any("DISTINCT", "DISTINCTROW")
    reader.take("ALL")
    items = tuple(map(_item, divided(reader.until("FROM", *_BEHIND_FROM))))
    source = _source(reader) if reader.take("FROM") else None
    found = symbols(reader.rest)
    if not set(found).isdisjoint(_JOINED):
        return Select(None, items)
    where = "WHERE" if has_condition(reader.rest) else ""
    rest = next((word for word in found if word in _LEAVES_OUT), "")
    return Select(source, items, distinct or where or rest)


def _item(nodes: Sequence[Node]) -> Item:
    value, alias = _without_alias(nodes)
    mentioned = frozenset(token.value.lower() for token in leaves(value) if token.kind in ("word", "name"))
    reader = Reader(value)
    name = reader.name() if reader.kind() in ("word", "name") else None
    if symbols(reader.rest) in (["*"], [".", "*"]):
        return STAR
    if name and reader.is_over:
        return Item(name.key, alias or name.key, mentioned)
    return Item(None, alias, mentioned)


def _without_alias(nodes: Sequence[Node]) -> tuple[Sequence[Node], str | None]:
    """What is selected, and the name that it is given behind it."""
    reader = Reader(nodes)
    value = reader.until("AS")
    if reader.take("AS"):
        return value, reader.name().key
    last = Reader(nodes[-1:])
    if len(nodes) > 1 and last.kind() in ("word", "name") and _is_value(nodes[:-1]):
        return nodes[:-1], last.name().key
    return nodes, None


def _is_value(nodes: Sequence[Node]) -> bool:
    """Whether a value can end here, so that a name behind it is its alias."""
    last = nodes[-1]
    if isinstance(last, Group):
        return True
    if last.kind == "word":
        # Else it may be a keyword, as in NOT is_active.
        return symbol(nodes[-2]) == "." if len(nodes) > 1 else last.upper != "NOT"
    return last.kind in ("name", "number", "text")


def _source(reader: Reader) -> Name | None:
    """The table of FROM, if it is a single one."""
    reader.take("ONLY")
    table = reader.name() if reader.is_name() else None
    between = symbols(reader.until(*_BEHIND_FROM))
    return None if any(word in (",", "JOIN", "STRAIGHT_JOIN", "(") for word in between) else table


def has_condition(nodes: Sequence[Node]) -> bool:
    """Whether a WHERE stands there that does not let every row through."""
    reader = Reader(nodes)
    if not reader.past("WHERE"):
        return False
    condition = reader.until(*_BEHIND_FROM, ";")
    while len(condition) == 1 and isinstance(condition[0], Group):
        condition = condition[0].nodes
    written = [token.text.upper() for token in leaves(condition)]
    if len(written) == 3 and written[1] == "=":
        # A column is not equal to itself where it is NULL.
        return written[0] != written[2] or written[0][0].isalpha()
    return written not in (["TRUE"], ["1"], ["NOT", "FALSE"], ["NOT", "0"])
