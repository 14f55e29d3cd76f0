# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in double quotes that SQLite takes for texts. This module is private to the collection.

Where SQLite looks for a value and finds "a name" that is no column of what the query reads, it says nothing and takes
the name itself, as if it stood in single quotes. Only double quotes do that, and only without a table before them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Group,
    Node,
    Reader,
    Unreadable,
    divided,
    listed,
    symbol,
    tree,
    words,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens


@dataclass(frozen=True)
class Misread:
    """A name that becomes a text, and the clause in which it stands.

    `is_column` if it can only be meant as a column; else it may be meant as a text, and so be a secret.
    """

    name: str
    clause: str
    is_column: bool

    def told(self, line: int) -> str:
        """What is wrong with it in the statement of this line, without repeating what may be a secret."""
        if not self.is_column:
            return (
                f"the statement of line {line} has a name in double quotes that is no column, so that SQLite takes it"
                " for a text. Write texts in single quotes."
            )
        happens = {
            "SELECT": f"every row gets the text '{self.name}'",
            "INDEX": "the index is of one text that is the same in every row",
        }.get(self.clause, f"it stands for the text '{self.name}'")
        return (
            f'"{self.name}" in the statement of line {line} is no column of the tables that it reads, so that SQLite'
            f" takes it for a text: {happens}. Name a column that is there, or write the value itself."
        )


@dataclass
class _Scope:
    """The names that a query knows, beside those of the query around it; all if one of its tables is unknown."""

    outer: _Scope | None = None
    names: set[str] = field(default_factory=set)
    is_open: bool = False
    # What is known of tables and of common table expressions.
    tables: dict[str, _Scope] = field(default_factory=dict)
    # The places of names that are tables, and of queries that stand for tables.
    settled: set[int] = field(default_factory=set)

    def knows(self, name: str) -> bool:
        return self.is_open or name in self.names or bool(self.outer and self.outer.knows(name))

    def take(self, other: _Scope) -> None:
        self.names |= other.names
        self.is_open = self.is_open or other.is_open

    def take_table(self, name: str) -> None:
        self.take(self.table(name) or _Scope(is_open=True))

    def table(self, name: str) -> _Scope | None:
        return self.tables.get(name) or (self.outer.table(name) if self.outer else None)


# Behind these words comes a value; behind any other, which is then an operand itself, comes an alias.
_BEFORE_VALUES = words(
    "ALL AND BETWEEN BY CASE COLLATE DISTINCT ELSE ESCAPE FROM GLOB HAVING IN IS LIKE LIMIT MATCH NOT OFFSET ON OR"
    " REGEXP RETURNING SELECT SET THEN UPDATE USING VALUES WHEN WHERE"
)

_CLAUSES = words("SELECT FROM WHERE GROUP ORDER HAVING LIMIT SET VALUES RETURNING ON UNION EXCEPT INTERSECT WINDOW")

_COMPARING = words("= < > ! IN LIKE IS NOT BETWEEN GLOB")

_QUERIES = ("SELECT", "WITH", "VALUES")


def misread(statement: str, columns: Mapping[str, Collection[str]]) -> Iterator[Misread]:
    """The names in the statement that become texts; none where it is not known what columns its tables have."""
    tables = {name: _Scope(names=set(names)) for name, names in columns.items()}
    database = _Scope(names={"rowid", "oid", "_rowid_"}, tables=tables)
    with suppress(Unreadable):
        yield from _of_statement(tree(tokens(statement, "sqlite")), _Scope(database))


def _of_statement(nodes: Sequence[Node], scope: _Scope) -> Iterator[Misread]:
    rest = yield from _common(nodes, scope)
    word = _word(rest, 0)
    if word in ("INSERT", "REPLACE"):
        yield from _of_insert(rest, scope)
    elif word in ("SELECT", "VALUES", "UPDATE", "DELETE"):
        yield from _of_query(rest, scope)
    elif word in ("CREATE", "ALTER"):
        yield from _of_definition(rest, scope)


def _of_insert(nodes: Sequence[Node], scope: _Scope) -> Iterator[Misread]:
    """The table into which rows come is none that the query reads, but is known to what follows the query."""
    start = _find(nodes, *_QUERIES, "DEFAULT")
    ends = (at for at in range(start, len(nodes)) if _word(nodes, at) == "RETURNING" or _is_conflict(nodes, at))
    end = next(ends, len(nodes))
    yield from _of_query(nodes[start:end], _Scope(scope))
    target = _Scope(scope)
    _enter(nodes, _find(nodes, "INTO") + 1, target)
    yield from _of_expressions(nodes[end:], target)


def _is_conflict(nodes: Sequence[Node], at: int) -> bool:
    return _word(nodes, at) == "ON" and _word(nodes, at + 1) == "CONFLICT"


def _of_definition(nodes: Sequence[Node], scope: _Scope) -> Iterator[Misread]:
    """What CREATE and ALTER hold of queries and expressions; the bodies of triggers are let be."""
    kind = _word(nodes, _find(nodes, "TRIGGER", "VIEW", "INDEX", "TABLE"))
    behind = nodes[_find(nodes, "AS") + 1 :]
    if kind in ("VIEW", "TABLE") and _is_query(behind):
        yield from _of_query(behind, scope)
    elif kind == "INDEX":
        behind = nodes[_find(nodes, "ON") + 1 :]
        _enter(behind, 0, scope)
        yield from _of_expressions(behind, scope, "INDEX")
    elif kind == "TABLE":
        yield from _of_checks(nodes, scope)


def _of_checks(nodes: Sequence[Node], scope: _Scope) -> Iterator[Misread]:
    body = next((node for node in nodes if isinstance(node, Group)), None)
    if _word(nodes, 0) == "CREATE" and body:
        nodes = body.nodes
        scope.names.update(listed(nodes))
    else:
        _enter(nodes, _find(nodes, "TABLE") + 1, scope)
        added = Reader(nodes[_find(nodes, "ADD") + 1 :])
        added.take("COLUMN")
        scope.names.add(added.name().key)
    for at, node in enumerate(nodes):
        if isinstance(node, Group) and _word(nodes, at - 1) in ("CHECK", "AS"):
            yield from _of_expressions(node.nodes, scope, "CHECK")


def _common(nodes: Sequence[Node], scope: _Scope) -> Generator[Misread, None, Sequence[Node]]:
    """Go through the common table expressions; what comes behind them is what is returned."""
    reader = Reader(nodes)
    is_over = not reader.take("WITH")
    reader.take("RECURSIVE")
    while not is_over:
        inner, exported = _Scope(scope), _Scope()
        scope.tables[reader.name().key] = exported
        exported.names.update(listed(reader.group()))
        reader.until("(")
        body = reader.group()
        yield from _of_query(body, inner)
        exported.take(_exported(body, inner))
        is_over = not reader.take(",")
    return reader.rest


def _exported(nodes: Sequence[Node], scope: _Scope) -> _Scope:
    """What a query around this one knows of it: the columns that it returns."""
    reader = Reader(nodes)
    reader.until("SELECT", "VALUES")
    found = _Scope(is_open=not reader.take("SELECT"))
    for piece in divided(reader.until("FROM", "WHERE", "UNION", "EXCEPT", "INTERSECT", "LIMIT", "ORDER")):
        if _word(piece, len(piece) - 1) == "*":
            found.take(scope)
        elif piece:
            found.names.add(_name(piece[-1]))
    return found


def _of_query(nodes: Sequence[Node], scope: _Scope) -> Iterator[Misread]:
    nodes = yield from _common(nodes, scope)
    yield from _enter_tables(nodes, scope)
    yield from _of_expressions(nodes, scope)


def _enter_tables(nodes: Sequence[Node], scope: _Scope) -> Iterator[Misread]:
    """Have the scope know the tables that stand here, and all aliases."""
    is_from = False
    for at, node in enumerate(nodes):
        word = _word(nodes, at)
        # IS DISTINCT FROM compares.
        is_source = word in ("FROM", "JOIN", "UPDATE") and _word(nodes, at - 1) != "DISTINCT"
        is_from = is_source or (is_from and (word not in _CLAUSES or word == "ON"))
        if is_source or (word == "," and is_from):
            yield from _enter_source(nodes, at + 3 if _word(nodes, at + 1) == "OR" else at + 1, scope)
        elif _is_operand(nodes, at - 1):
            scope.names.add(_name(node))


def _enter_source(nodes: Sequence[Node], at: int, scope: _Scope) -> Iterator[Misread]:
    node = nodes[at] if at < len(nodes) else None
    if not isinstance(node, Group):
        _enter(nodes, at, scope)
    elif _is_query(node.nodes):
        inner = _Scope(scope.outer, tables=scope.tables)
        yield from _of_query(node.nodes, inner)
        scope.take(_exported(node.nodes, inner))
        scope.settled.add(id(node))
    else:
        yield from _enter_source(node.nodes, 0, scope)
        yield from _enter_tables(node.nodes, scope)


def _enter(nodes: Sequence[Node], at: int, scope: _Scope) -> None:
    """Have the scope know the table that stands here."""
    if _word(nodes, at + 1) == ".":
        at += 2
    if at < len(nodes):
        scope.take_table(_name(nodes[at]))
        scope.settled.add(id(nodes[at]))


def _of_expressions(nodes: Sequence[Node], scope: _Scope, clause: str = "") -> Iterator[Misread]:
    for at, node in enumerate(nodes):
        clause = _word(nodes, at) if _word(nodes, at) in _CLAUSES else clause
        if id(node) in scope.settled:
            continue
        if isinstance(node, Group):
            yield from _of_group(nodes, at, node, scope, clause)
        elif (
            node.kind == "name"
            and node.text.startswith('"')
            and not (_is_settled(nodes, at, clause) or scope.knows(_name(node)))
        ):
            is_compared = _word(nodes, at + 1) in _COMPARING
            is_column = is_compared or clause in ("SELECT", "ORDER", "GROUP", "INDEX", "RETURNING")
            yield Misread(node.value, clause, is_column)


def _of_group(nodes: Sequence[Node], at: int, node: Group, scope: _Scope, clause: str) -> Iterator[Misread]:
    if _word(nodes, at - 1) in ("USING", "CONFLICT") or _is_set(nodes, at, clause):
        return
    if _is_query(node.nodes):
        yield from _of_query(node.nodes, _Scope(scope))
    else:
        yield from _of_expressions(node.nodes, scope, clause)


def _is_settled(nodes: Sequence[Node], at: int, clause: str) -> bool:
    """Whether the name can be nothing else than a name where it stands."""
    before, behind = _word(nodes, at - 1), _word(nodes, at + 1)
    is_alias = _is_operand(nodes, at - 1)
    return is_alias or before in (".", "COLLATE") or behind in ("(", ".") or _is_set(nodes, at, clause)


def _is_set(nodes: Sequence[Node], at: int, clause: str) -> bool:
    """Whether SET gives a value to what stands here."""
    return clause == "SET" and _word(nodes, at + 1) == "=" and _word(nodes, at - 1) in ("SET", ",")


def _is_operand(nodes: Sequence[Node], at: int) -> bool:
    """Whether a value ends here, so that a name behind it is an alias."""
    if at < 0:
        return False
    node = nodes[at]
    if isinstance(node, Group) or node.kind in ("name", "text", "number"):
        return True
    return node.kind == "word" and node.upper not in _BEFORE_VALUES


def _is_query(nodes: Sequence[Node]) -> bool:
    return _word(nodes, 0) in _QUERIES


def _word(nodes: Sequence[Node], at: int) -> str:
    return symbol(nodes[at]) if 0 <= at < len(nodes) else ""


def _find(nodes: Sequence[Node], *wanted: str, start: int = 0) -> int:
    """Where the first of these words stands; behind the end if nowhere."""
    return next((at for at in range(start, len(nodes)) if _word(nodes, at) in wanted), len(nodes))


def _name(node: Node) -> str:
    return node.value.lower() if not isinstance(node, Group) and node.kind in ("word", "name") else ""
