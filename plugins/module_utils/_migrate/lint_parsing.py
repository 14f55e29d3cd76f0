# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the tokens of a statement to what it does. This module is private to the collection.

Only what matters for judging is read; whatever else a statement says is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import (
    Act,
    CreateIndex,
    CreateTable,
    CreateView,
    Delete,
    DropDependents,
    DropSchema,
    DropTable,
    Insert,
    RenameTable,
    Touch,
    Truncate,
    Unclear,
    Update,
    readable,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_alter import alterations, locks
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_columns import elements
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Name,
    Node,
    Reader,
    divided,
    follows,
    listed,
    symbols,
    tree,
    words,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_select import (
    has_condition,
    parse_select,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens

# What only reads, or sets things up.
_HARMLESS = words(
    "ABORT ANALYZE BEGIN CHECK CHECKPOINT CLUSTER COMMENT COMMIT DEALLOCATE DECLARE DESC DESCRIBE DISCARD END EXPLAIN"
    " FLUSH GRANT LISTEN LOCK NOTIFY OPTIMIZE PRAGMA REASSIGN REFRESH REINDEX RELEASE REPAIR RESET REVOKE ROLLBACK"
    " SAVEPOINT SELECT SET SHOW START TABLE UNLISTEN UNLOCK USE VACUUM VALUES"
)

_CREATED = words("PROCEDURE FUNCTION TRIGGER EVENT PACKAGE RULE TABLE VIEW INDEX")

# Before what is created; a foreign table and a materialized view are something else.
_MODIFIERS = words(
    "OR REPLACE TEMP TEMPORARY UNLOGGED GLOBAL LOCAL UNIQUE FULLTEXT SPATIAL VECTOR VIRTUAL RECURSIVE CONSTRAINT"
)

_QUERIES = ("SELECT", "WITH", "TABLE", "VALUES", "(")


# For the lint, and for whoever asks which tables a script touches. The tokens take far more memory than their text.
@cache
def acts(statement: str, dialect: str) -> Sequence[Act]:
    """What the statement does, in the order in which it says so; nothing if it changes no table."""
    return tuple(readable(_acts(Reader(tree(tokens(statement, dialect))), dialect)))


def _acts(reader: Reader, dialect: str) -> Iterator[Act]:
    if reader.peek() == "WITH":
        yield from _of_expressions(reader, dialect)
    word = reader.peek()
    if word in _STATEMENTS:
        reader.skip()
        yield from _STATEMENTS[word](reader, dialect)
    # A query may stand in parentheses.
    elif word != "(" and word not in _HARMLESS and not reader.is_over:
        yield Unclear()


def _of_expressions(reader: Reader, dialect: str) -> Iterator[Act]:
    """What the common table expressions do, up to the statement to which they belong."""
    reader.take("WITH")
    reader.take("RECURSIVE")
    is_over = False
    while not is_over:
        reader.name()
        reader.group()
        reader.until("(", "SELECT", "INSERT", "UPDATE", "DELETE")
        yield from _acts(Reader(reader.group()), dialect)
        while reader.peek() in ("SEARCH", "CYCLE"):
            reader.until(",", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE")
        is_over = not reader.take(",")


def _create(reader: Reader, dialect: str) -> Iterator[Act]:
    before = reader.take_all(*_MODIFIERS)
    if reader.peek() in ("ALGORITHM", "DEFINER", "SQL"):
        reader.until(*_CREATED)
    word = reader.take_any(*_CREATED)
    if word == "TABLE":
        yield from _create_table(reader, dialect, before)
    elif word == "INDEX":
        yield from _create_index(reader, before)
    elif word == "VIEW":
        _take_guard(reader)
        yield CreateView(reader.name())
    elif word in ("TRIGGER", "EVENT", "RULE"):
        yield Unclear()


def _take_guard(reader: Reader) -> bool:
    return reader.take("IF", "NOT", "EXISTS") or reader.take("IF", "EXISTS")


def _create_table(reader: Reader, dialect: str, before: Sequence[str]) -> Iterator[Act]:
    _take_guard(reader)
    table = reader.name()
    if "REPLACE" in before:
        yield DropTable(table, is_guarded=True)
    columns = like = None
    inside = reader.group()
    head = Reader(inside)
    if reader.take("LIKE"):
        like = reader.name()
    elif head.take("LIKE"):
        like = head.name()
    elif head.peek() not in _QUERIES:
        columns = elements(inside, dialect)
        inside = ()
    # What it inherits is not said here.
    is_whole = "INHERITS" not in symbols(reader.rest)
    reader.until("SELECT", "WITH", "TABLE", "(")
    query = inside or reader.group() or reader.rest
    yield CreateTable(table, (columns or None) if is_whole else None, like, parse_select(query))


def _create_index(reader: Reader, before: Sequence[str]) -> Iterator[Act]:
    is_concurrent = reader.take("CONCURRENTLY")
    reader.past("ON")
    reader.take("ONLY")
    table = reader.name()
    kind = next((word for word in before if word in ("FULLTEXT", "SPATIAL")), "")
    yield CreateIndex(table, is_concurrent, kind)
    yield from locks(table, reader)


def _drop(reader: Reader, dialect: str) -> Iterator[Act]:
    is_temporary = reader.take("TEMPORARY")
    word = reader.take_any("TABLE", "TABLES", "DATABASE", "SCHEMA", "TYPE", "DOMAIN", "EXTENSION", "OWNED")
    reader.take("BY")
    is_guarded = _take_guard(reader)
    for name in reader.names() if word else ():
        if word in ("TABLE", "TABLES"):
            yield DropTable(name, is_guarded, is_temporary)
        elif word in ("DATABASE", "SCHEMA", "OWNED"):
            is_schema = word == "SCHEMA" and dialect == "postgresql"
            yield DropSchema("role" if word == "OWNED" else "schema" if is_schema else "database", name)
        elif "CASCADE" in symbols(reader.rest):
            yield DropDependents(word.lower(), name)


def _rename(reader: Reader, dialect: str) -> Iterator[Act]:
    """RENAME TABLE a TO b, c TO d, as MySQL has it."""
    if reader.take_any("TABLE", "TABLES"):
        _take_guard(reader)
        for pair in map(Reader, divided(reader.rest)):
            table = pair.name()
            pair.past("TO")
            yield RenameTable(table, pair.name())


def _truncate(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.take("TABLE")
    names = reader.names()
    cascades = "CASCADE" in symbols(reader.rest)
    yield from (Truncate(name, cascades=cascades) for name in names)


def _delete(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.take_all("LOW_PRIORITY", "QUICK", "IGNORE")
    rest = reader.rest
    reader.take("FROM")
    aliases = _aliases(rest)
    tables = tuple(aliases.get(table.key, table) for table in reader.names())
    yield Delete(tables, has_condition(rest) or _is_joined(rest, dialect))


def _is_joined(nodes: Sequence[Node], dialect: str) -> bool:
    """Whether it is about the rows only that have others joined to them, which MySQL can express without a WHERE."""
    found = symbols(nodes)
    return dialect == "mysql" and "JOIN" in found and not any(word in found for word in ("LEFT", "RIGHT", "CROSS"))


def _aliases(nodes: Sequence[Node]) -> dict[str, Name]:
    """The tables that stand behind aliases, as in DELETE a FROM accounts AS a."""
    reader = Reader(nodes)
    found: dict[str, Name] = {}
    while reader.past("FROM", "USING", "JOIN", ","):
        if reader.is_name():
            table = reader.name()
            reader.take("AS")
            if reader.is_name() and reader.peek() not in _AFTER_TABLES:
                found[reader.name().key] = table
    return found


_AFTER_TABLES = words(
    "CROSS FROM FULL INNER JOIN LEFT LIMIT NATURAL ON ORDER RETURNING RIGHT SET STRAIGHT_JOIN USING WHERE"
)


def _update(reader: Reader, dialect: str) -> Iterator[Act]:
    if reader.take("OR"):
        reader.skip()
    reader.take_all("LOW_PRIORITY", "IGNORE", "ONLY")
    rest = reader.rest
    tables = _updated(Reader(reader.until("SET")))
    reader.skip()
    targets = divided(reader.until("WHERE", "FROM", "RETURNING", "ORDER", "LIMIT"))
    columns = tuple(key for target in targets for key in listed(Reader(target).group() or target))
    yield Update(tables, has_condition(rest) or _is_joined(rest, dialect), columns)


def _updated(reader: Reader) -> tuple[Name, ...]:
    found = [reader.name()]
    while reader.past(",", "JOIN"):
        if reader.is_name():
            found.append(reader.name())
    return tuple(found)


def _replace(reader: Reader, dialect: str) -> Iterator[Act]:
    return _insert(reader, dialect, "REPLACE")


def _insert(reader: Reader, dialect: str, leaves_out: str = "") -> Iterator[Act]:
    if reader.take("OR"):
        leaves_out = {"IGNORE": "OR IGNORE", "REPLACE": "REPLACE"}.get(reader.peek(), "")
        reader.skip()
    if "IGNORE" in reader.take_all("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"):
        leaves_out = "IGNORE"
    reader.take("INTO")
    table = reader.name()
    if reader.take("PARTITION"):
        reader.group()
    if reader.take("AS"):
        reader.name()
    columns = None
    query = reader.group()
    if query and Reader(query).peek() not in _QUERIES:
        columns, query = tuple(listed(query)), ()
    if not query:
        reader.until(*_QUERIES, "SET")
        query = reader.group() or reader.rest
    found = symbols(reader.rest)
    leaves_out = next((f"ON {word}" for word in ("CONFLICT", "DUPLICATE") if follows(found, "ON", word)), leaves_out)
    yield Insert(table, columns, parse_select(query), leaves_out)


def _merge(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.take("INTO")
    reader.take("ONLY")
    yield Touch(reader.name())


def _copy(reader: Reader, dialect: str) -> Iterator[Act]:
    # In parentheses there is a query.
    table = None if reader.group() else reader.name()
    reader.group()
    if table and reader.take("FROM"):
        yield Touch(table)


def _load(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.past("TABLE")
    yield Touch(reader.name())


def _select(reader: Reader, dialect: str) -> Iterator[Act]:
    """A query changes nothing, except that its result can become a table."""
    if dialect == "postgresql" and reader.past("INTO"):
        reader.take_any("TEMP", "TEMPORARY", "UNLOGGED")
        reader.take("TABLE")
        yield CreateTable(reader.name())


_STATEMENTS: Mapping[str, Callable[[Reader, str], Iterator[Act]]] = {
    "ALTER": alterations,
    "COPY": _copy,
    "CREATE": _create,
    "DELETE": _delete,
    "DROP": _drop,
    "INSERT": _insert,
    "LOAD": _load,
    "MERGE": _merge,
    "RENAME": _rename,
    "REPLACE": _replace,
    "SELECT": _select,
    "TRUNCATE": _truncate,
    "UPDATE": _update,
}
