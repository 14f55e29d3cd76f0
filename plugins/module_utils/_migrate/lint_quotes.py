# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in double quotes that SQLite takes for texts. This module is private to the collection.

Where SQLite looks for a value and finds "a name" that is no column of what the query reads, it says nothing and takes
the name itself, as if it stood in single quotes. Only double quotes do that, and only without a table before them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import symbol, words
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token


@dataclass(frozen=True)
class Misread:
    """A name that becomes a text, and the clause in which it stands.

    `is_column` if it can only be meant as a column; else it may be meant as a text, and so be anything.
    """

    name: str
    clause: str
    is_column: bool


# The columns of the tables of which they are known.
Known = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class _Group:
    """What stands in parentheses."""

    nodes: Sequence[Token | _Group]

    @property
    def is_query(self) -> bool:
        return _word(self.nodes, 0) in ("SELECT", "WITH", "VALUES")


_Node = Union[Token, _Group]


@dataclass
class _Scope:
    """The names that a query knows, beside those of the query around it; all if one of its tables is unknown."""

    outer: _Scope | None = None
    names: set[str] = field(default_factory=set)
    is_open: bool = False
    tables: dict[str, _Scope] = field(default_factory=dict)
    # The places of names that are tables or aliases of them.
    settled: set[int] = field(default_factory=set)

    def knows(self, name: str) -> bool:
        return self.is_open or name in self.names or bool(self.outer and self.outer.knows(name))

    def common(self, name: str) -> _Scope | None:
        """What a common table expression of this name knows."""
        return self.tables.get(name) or (self.outer.common(name) if self.outer else None)

    def take(self, other: _Scope) -> None:
        self.names |= other.names
        self.is_open = self.is_open or other.is_open


_ROW_NUMBERS = ("rowid", "oid", "_rowid_")

# Behind these words comes a value; behind any other, which is then an operand itself, comes an alias.
_BEFORE_VALUES = words(
    "ALL AND BETWEEN BY CASE COLLATE DISTINCT ELSE ESCAPE FROM GLOB HAVING IN IS LIKE LIMIT MATCH NOT OFFSET ON OR"
    " REGEXP"
    " RETURNING SELECT SET THEN UPDATE USING VALUES WHEN WHERE"
)

_CLAUSES = words("SELECT FROM WHERE GROUP ORDER HAVING LIMIT SET VALUES RETURNING ON UNION EXCEPT INTERSECT WINDOW")

_COMPARING = words("= < > ! IN LIKE IS NOT BETWEEN GLOB")


def misread(tokens: Sequence[Token], known: Known) -> list[Misread]:
    """The names in the statement that become texts; none where it is not known what its tables are."""
    if not any(_is_quoted(token) for token in tokens):
        return []
    return list(_of_statement(_tree(tokens), known))


def _is_quoted(node: _Node) -> bool:
    return isinstance(node, Token) and node.kind == "name" and node.text.startswith('"')


def _tree(tokens: Sequence[Token]) -> list[_Node]:
    levels: list[list[_Node]] = [[]]
    for token in tokens:
        if symbol(token) == "(":
            levels.append([])
        elif symbol(token) == ")" and len(levels) > 1:
            inside = levels.pop()
            levels[-1].append(_Group(inside))
        else:
            levels[-1].append(token)
    while len(levels) > 1:
        inside = levels.pop()
        levels[-1].append(_Group(inside))
    return levels[0]


def _word(nodes: Sequence[_Node], at: int) -> str:
    node = nodes[at] if 0 <= at < len(nodes) else None
    return symbol(node) if isinstance(node, Token) else ""


def _find(nodes: Sequence[_Node], *wanted: str, start: int = 0) -> int:
    """Where the first of these words stands; behind the end if nowhere."""
    return next((at for at in range(start, len(nodes)) if _word(nodes, at) in wanted), len(nodes))


def _name(node: _Node | None) -> str | None:
    return node.value.lower() if isinstance(node, Token) and node.kind in ("word", "name") else None


def _of_statement(nodes: Sequence[_Node], known: Known) -> Iterator[Misread]:
    scope = _Scope()
    start = yield from _common(nodes, scope, known)
    word = _word(nodes, start)
    if word in ("INSERT", "REPLACE"):
        yield from _of_insert(nodes[start:], scope, known)
    elif word in ("SELECT", "VALUES", "UPDATE", "DELETE"):
        yield from _of_query(nodes[start:], scope, known)
    elif word in ("CREATE", "ALTER"):
        yield from _of_definition(nodes, known)


def _of_insert(nodes: Sequence[_Node], scope: _Scope, known: Known) -> Iterator[Misread]:
    """The table into which rows come is none that the query reads, but is known to what follows the query."""
    start = _find(nodes, "SELECT", "VALUES", "WITH", "DEFAULT")
    end = next(
        (at for at in range(start, len(nodes)) if _word(nodes, at) == "RETURNING" or _is_conflict(nodes, at)),
        len(nodes),
    )
    yield from _of_query(nodes[start:end], _Scope(scope), known)
    target = _Scope(scope)
    _enter(nodes, _find(nodes, "INTO") + 1, target, known)
    yield from _of_expressions(nodes[end:], target, known)


def _is_conflict(nodes: Sequence[_Node], at: int) -> bool:
    return _word(nodes, at) == "ON" and _word(nodes, at + 1) == "CONFLICT"


def _of_definition(nodes: Sequence[_Node], known: Known) -> Iterator[Misread]:
    """What CREATE and ALTER hold of queries and expressions; the bodies of triggers are let be."""
    kind = _word(nodes, _find(nodes, "TRIGGER", "VIEW", "INDEX", "TABLE"))
    if kind == "VIEW" or (kind == "TABLE" and _word(nodes, _find(nodes, "AS") + 1) in ("SELECT", "WITH")):
        yield from _of_query(nodes[_find(nodes, "AS") + 1 :], _Scope(), known)
    elif kind == "INDEX":
        scope = _Scope()
        on = _find(nodes, "ON")
        behind = _enter(nodes, on + 1, scope, known)
        for node in nodes[behind : behind + 1]:
            if isinstance(node, _Group):
                yield from _of_expressions(node.nodes, scope, known, "INDEX")
        yield from _of_expressions(nodes[behind + 1 :], scope, known)
    elif kind == "TABLE":
        yield from _of_checks(nodes, known)


def _of_checks(nodes: Sequence[_Node], known: Known) -> Iterator[Misread]:
    scope = _Scope()
    body = next((node for node in nodes if isinstance(node, _Group)), None)
    if _word(nodes, 0) == "CREATE" and body:
        scope.names = {name for name in (_name(piece[0]) for piece in _pieces(body.nodes) if piece) if name}
        nodes = body.nodes
    else:
        _enter(nodes, _find(nodes, "TABLE") + 1, scope, known)
        at = _find(nodes, "ADD") + 1
        added = _name(nodes[at + (_word(nodes, at) == "COLUMN")]) if at + 1 < len(nodes) else None
        scope.names |= {added} if added else set()
    for at, node in enumerate(nodes):
        if isinstance(node, _Group) and _word(nodes, at - 1) in ("CHECK", "AS"):
            yield from _of_expressions(node.nodes, scope, known, "CHECK")


def _pieces(nodes: Sequence[_Node]) -> list[Sequence[_Node]]:
    found: list[Sequence[_Node]] = []
    start = 0
    while start <= len(nodes):
        end = _find(nodes, ",", start=start)
        found.append(nodes[start:end])
        start = end + 1
    return found


def _common(nodes: Sequence[_Node], scope: _Scope, known: Known) -> Generator[Misread, None, int]:
    """Go through the common table expressions; where they end is what is returned."""
    if _word(nodes, 0) != "WITH":
        return 0
    at = 2 if _word(nodes, 1) == "RECURSIVE" else 1
    while at < len(nodes):
        name = _name(nodes[at]) or ""
        listed = nodes[at + 1] if at + 1 < len(nodes) else None
        inner = _Scope(scope)
        exported = _Scope()
        if isinstance(listed, _Group):
            exported.names = {column for column in map(_name, listed.nodes) if column}
        scope.tables[name] = exported
        at = next((here for here in range(at + 2, len(nodes)) if isinstance(nodes[here], _Group)), len(nodes))
        body = nodes[at] if at < len(nodes) else None
        if isinstance(body, _Group):
            yield from _of_query(body.nodes, inner, known)
            exported.take(_exported(body.nodes, inner))
        if _word(nodes, at + 1) != ",":
            return at + 1
        at += 2
    return at


def _exported(nodes: Sequence[_Node], scope: _Scope) -> _Scope:
    """What a query around this one knows of it: the columns that it returns."""
    found = _Scope(is_open=_word(nodes, _find(nodes, "SELECT", "VALUES")) != "SELECT")
    start = _find(nodes, "SELECT") + 1
    end = _find(nodes, "FROM", "WHERE", "UNION", "EXCEPT", "INTERSECT", "LIMIT", "ORDER", start=start)
    for piece in _pieces(nodes[start:end]):
        if _word(piece, len(piece) - 1) == "*":
            found.take(scope)
        elif piece:
            found.names |= {_name(piece[-1]) or ""}
    return found


def _of_query(nodes: Sequence[_Node], scope: _Scope, known: Known) -> Iterator[Misread]:
    start = yield from _common(nodes, scope, known)
    nodes = nodes[start:]
    yield from _enter_tables(nodes, scope, known)
    yield from _of_expressions(nodes, scope, known)


def _enter_tables(nodes: Sequence[_Node], scope: _Scope, known: Known) -> Iterator[Misread]:
    """Have the scope know the tables that stand here, and all aliases."""
    is_from = False
    for at, node in enumerate(nodes):
        word = _word(nodes, at)
        # IS DISTINCT FROM compares.
        is_source = word in ("FROM", "JOIN", "UPDATE") and _word(nodes, at - 1) != "DISTINCT"
        if is_source:
            is_from = True
        elif word in _CLAUSES and word != "ON":
            is_from = False
        if is_source or (word == "," and is_from):
            yield from _enter_source(nodes, _behind_options(nodes, at + 1), scope, known)
        elif _name(node) and (_word(nodes, at - 1) == "AS" or _is_operand(nodes, at - 1)):
            scope.names.add(_name(node) or "")


def _behind_options(nodes: Sequence[_Node], at: int) -> int:
    return at + 2 if _word(nodes, at) == "OR" else at


def _enter_source(nodes: Sequence[_Node], at: int, scope: _Scope, known: Known) -> Iterator[Misread]:
    node = nodes[at] if at < len(nodes) else None
    if isinstance(node, _Group) and node.is_query:
        inner = _Scope(scope.outer, tables=scope.tables)
        yield from _of_query(node.nodes, inner, known)
        scope.take(_exported(node.nodes, inner))
        scope.settled.add(id(node))
    elif isinstance(node, _Group):
        yield from _enter_source(node.nodes, 0, scope, known)
        yield from _enter_tables(node.nodes, scope, known)
    elif node:
        _enter(nodes, at, scope, known)


def _enter(nodes: Sequence[_Node], at: int, scope: _Scope, known: Known) -> int:
    """Have the scope know the table that stands here, and say what comes behind it."""
    while _word(nodes, at) in ("IF", "NOT", "EXISTS"):
        at += 1
    scope.settled.update(id(node) for node in nodes[at : at + 1])
    if _word(nodes, at + 1) == ".":
        at += 2
        scope.settled.update(id(node) for node in nodes[at : at + 1])
    name = _name(nodes[at]) if at < len(nodes) else None
    common = scope.common(name or "")
    columns = known.get(name or "")
    if common:
        scope.take(common)
    elif columns is None:
        scope.is_open = True
    else:
        scope.names |= set(columns)
    return at + 1


def _is_operand(nodes: Sequence[_Node], at: int) -> bool:
    """Whether a value ends here, so that a name behind it is an alias."""
    if at < 0:
        return False
    node = nodes[at]
    if isinstance(node, _Group):
        return _word(nodes, at - 1) not in ("USING", "VALUES")
    return node.kind in ("name", "text", "number") or (node.kind == "word" and node.upper not in _BEFORE_VALUES)


def _of_expressions(nodes: Sequence[_Node], scope: _Scope, known: Known, clause: str = "") -> Iterator[Misread]:
    for at, node in enumerate(nodes):
        word = _word(nodes, at)
        clause = word if word in _CLAUSES else clause
        if id(node) in scope.settled:
            continue
        if isinstance(node, _Group):
            yield from _of_group(nodes, at, scope, known, clause)
        elif _is_quoted(node) and not _is_settled(nodes, at, clause) and not _is_known(node, scope):
            is_column = (
                clause in ("SELECT", "ORDER", "GROUP", "INDEX", "RETURNING") or _word(nodes, at + 1) in _COMPARING
            )
            yield Misread(node.value, clause, is_column)


def _of_group(nodes: Sequence[_Node], at: int, scope: _Scope, known: Known, clause: str) -> Iterator[Misread]:
    node = nodes[at]
    if not isinstance(node, _Group) or _word(nodes, at - 1) in ("USING", "CONFLICT"):
        return
    if clause == "SET" and _word(nodes, at + 1) == "=" and _word(nodes, at - 1) in ("SET", ","):
        return
    if node.is_query:
        yield from _of_query(node.nodes, _Scope(scope), known)
    else:
        yield from _of_expressions(node.nodes, scope, known, clause)


def _is_settled(nodes: Sequence[_Node], at: int, clause: str) -> bool:
    """Whether the name can be nothing else than a name where it stands."""
    before, behind = _word(nodes, at - 1), _word(nodes, at + 1)
    is_called = at + 1 < len(nodes) and isinstance(nodes[at + 1], _Group)
    is_set = clause == "SET" and behind == "=" and before in ("SET", ",")
    is_alias = before in ("AS", "COLLATE") or _is_operand(nodes, at - 1)
    return is_called or is_set or is_alias or "." in (before, behind)


def _is_known(node: _Node, scope: _Scope) -> bool:
    name = _name(node) or ""
    return name in _ROW_NUMBERS or scope.knows(name)
