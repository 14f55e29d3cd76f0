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
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_alter import alterations, locks
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_columns import elements
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Name,
    Reader,
    divided,
    first_symbol,
    follows,
    symbols,
    words,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_select import (
    condition,
    is_always_true,
    parse_select,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token, tokens

# What only reads, or sets things up.
_HARMLESS = words(
    "ABORT ANALYZE BEGIN CHECK CHECKPOINT CLUSTER COMMENT COMMIT DEALLOCATE DECLARE DESC DESCRIBE DISCARD END EXPLAIN"
    " FLUSH GRANT LISTEN LOCK NOTIFY OPTIMIZE PRAGMA REASSIGN REFRESH REINDEX RELEASE REPAIR RESET REVOKE ROLLBACK"
    " SAVEPOINT SELECT SET SHOW START TABLE UNLISTEN UNLOCK USE VACUUM VALUES"
)

_BODIES = ("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE", "RULE")

_CREATED = (*_BODIES, "TABLE", "VIEW", "INDEX")

_MODIFIERS = (
    *("OR", "REPLACE", "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"),
    *("FOREIGN", "VIRTUAL", "MATERIALIZED", "RECURSIVE", "CONSTRAINT", "AGGREGATE"),
)

_QUERIES = ("SELECT", "WITH", "TABLE", "VALUES", "(")


# For the lint, and for whoever asks which tables a script touches. The tokens take far more memory than their text.
@cache
def acts(statement: str, dialect: str) -> Sequence[Act]:
    """What the statement does, in the order in which it says so; nothing if it changes no table."""
    return tuple(_acts(list(tokens(statement, dialect)), dialect))


def _acts(written: Sequence[Token], dialect: str) -> Iterator[Act]:
    reader = Reader(written)
    if reader.take("("):
        # A query in parentheses.
        return
    if reader.peek() == "WITH":
        yield from _of_expressions(reader, dialect)
    word = reader.peek()
    if word in _STATEMENTS:
        yield from _STATEMENTS[word](reader, dialect)
    elif word not in _HARMLESS and written:
        yield Unclear()


def _of_expressions(reader: Reader, dialect: str) -> Iterator[Act]:
    """What the common table expressions do, up to the statement to which they belong."""
    reader.take("WITH")
    reader.take("RECURSIVE")
    while reader.name():
        reader.group()
        reader.skip_to("(", "SELECT", "INSERT", "UPDATE", "DELETE")
        yield from _acts(reader.group(), dialect)
        while reader.peek() in ("SEARCH", "CYCLE"):
            reader.skip_to(",", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE")
        if not reader.take(","):
            return


def _create(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    before = []
    while word := reader.take_any(*_MODIFIERS):
        before.append(word)
    if reader.peek() in ("ALGORITHM", "DEFINER", "SQL"):
        reader.skip_to(*_CREATED)
    word = reader.take_any(*_CREATED)
    if word == "TABLE" and "FOREIGN" not in before:
        yield from _create_table(reader, dialect, before)
    elif word == "INDEX":
        yield from _create_index(reader, before)
    elif word == "VIEW" and "MATERIALIZED" not in before:
        _take_guard(reader)
        view = reader.name()
        if view:
            yield CreateView(view)
    elif word in ("TRIGGER", "EVENT", "RULE"):
        yield Unclear()


def _take_guard(reader: Reader) -> bool:
    return reader.take("IF", "NOT", "EXISTS") or reader.take("IF", "EXISTS")


def _create_table(reader: Reader, dialect: str, before: Sequence[str]) -> Iterator[Act]:
    _take_guard(reader)
    table = reader.name()
    if not table:
        return
    if "REPLACE" in before:
        yield DropTable(table, is_guarded=True)
    columns = like = None
    inside = reader.group()
    head = Reader(inside)
    if reader.take("LIKE"):
        like = reader.name()
    elif head.take("LIKE"):
        like = head.name()
    elif first_symbol(inside) not in _QUERIES:
        columns = elements(inside, dialect)
        inside = ()
    # What it inherits is not said here.
    is_whole = "INHERITS" not in symbols(reader.rest)
    reader.skip_to("SELECT", "WITH", "TABLE", "(")
    query = inside or reader.group() or reader.rest
    select = parse_select(query) if first_symbol(query) in ("SELECT", "TABLE") else None
    yield CreateTable(table, (columns or None) if is_whole else None, like, select)


def _create_index(reader: Reader, before: Sequence[str]) -> Iterator[Act]:
    is_concurrent = reader.take("CONCURRENTLY")
    _take_guard(reader)
    index = None if reader.peek() == "ON" else reader.name()
    reader.skip_to("ON")
    reader.take("ON")
    reader.take("ONLY")
    table = reader.name()
    if table:
        kind = next((word for word in before if word in ("FULLTEXT", "SPATIAL")), "")
        yield CreateIndex(table, index, is_concurrent, kind)
        yield from locks(table, reader.rest)


def _drop(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    is_temporary = reader.take("TEMPORARY")
    word = reader.peek()
    reader.skip()
    if word == "OWNED":
        reader.take("BY")
        yield from (DropSchema("all that a role owns", name) for name in reader.names())
        return
    is_guarded = _take_guard(reader)
    names = reader.names()
    if word in ("TABLE", "TABLES"):
        yield from (DropTable(name, is_guarded, is_temporary) for name in names)
    elif word in ("DATABASE", "SCHEMA"):
        what = "schema" if word == "SCHEMA" and dialect == "postgresql" else "database"
        yield from (DropSchema(what, name) for name in names)
    elif word in ("TYPE", "DOMAIN", "EXTENSION") and "CASCADE" in symbols(reader.rest):
        yield from (DropDependents(word.lower(), name) for name in names)


def _rename(reader: Reader, dialect: str) -> Iterator[Act]:
    """RENAME TABLE a TO b, c TO d, as MySQL has it."""
    reader.skip()
    if not reader.take_any("TABLE", "TABLES"):
        return
    _take_guard(reader)
    while table := reader.name():
        reader.skip_to("TO")
        reader.take("TO")
        to = reader.name()
        if to:
            yield RenameTable(table, to)
        if not reader.take(","):
            return


def _truncate(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    reader.take("TABLE")
    reader.take("ONLY")
    names = []
    while name := reader.name():
        names.append(name)
        reader.take("*")
        if not reader.take(","):
            break
        reader.take("ONLY")
    cascades = "CASCADE" in symbols(reader.rest)
    yield from (Truncate(name, cascades=cascades) for name in names)


def _delete(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    while reader.take_any("LOW_PRIORITY", "QUICK", "IGNORE"):
        pass
    rest = reader.rest
    reader.take("FROM")
    reader.take("ONLY")
    tables = []
    while name := reader.name():
        # MySQL lists tables as t.*, which the name has taken up to its dot.
        reader.take(".", "*")
        reader.take("*")
        tables.append(name)
        if not reader.take(","):
            break
    yield Delete(tuple(_by_alias(tables, rest)), _has_where(rest) or _is_joined(rest, dialect))


def _has_where(tokens: Sequence[Token]) -> bool:
    """Whether the statement is about some rows only."""
    return "WHERE" in symbols(tokens) and not is_always_true(condition(tokens))


def _is_joined(tokens: Sequence[Token], dialect: str) -> bool:
    """Whether it is about the rows only that have others joined to them, which MySQL can express without a WHERE."""
    found = symbols(tokens)
    return dialect == "mysql" and "JOIN" in found and not any(word in found for word in ("LEFT", "RIGHT", "CROSS"))


def _by_alias(tables: Sequence[Name], rest: Sequence[Token]) -> Iterator[Name]:
    """The tables that stand behind aliases, as in DELETE a FROM accounts AS a."""
    reader = Reader(rest)
    aliases: dict[str, Name] = {}
    while reader.skip_to("FROM", "USING", "JOIN", ","):
        reader.skip()
        table = reader.name()
        if table:
            reader.take("AS")
            if reader.kind() == "name" or (reader.kind() == "word" and reader.peek() not in _AFTER_TABLES):
                alias = reader.name()
                if alias:
                    aliases[alias.key] = table
    return (aliases.get(table.key, table) for table in tables)


_AFTER_TABLES = words(
    "CROSS FROM FULL INNER JOIN LEFT LIMIT NATURAL ON ORDER RETURNING RIGHT SET STRAIGHT_JOIN USING WHERE"
)


def _update(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    if reader.take("OR"):
        reader.skip()
    while reader.take_any("LOW_PRIORITY", "IGNORE", "ONLY"):
        pass
    first = reader.rest
    reader.skip_to("SET")
    tables = _updated(first[: len(first) - len(reader.rest)])
    reader.take("SET")
    rest = reader.rest
    yield Update(tuple(tables), tuple(_set(rest)), _has_where(first) or _is_joined(first, dialect))


def _updated(tokens: Sequence[Token]) -> list[Name]:
    reader = Reader(tokens)
    table = reader.name()
    found = [table] if table else []
    while reader.skip_to(",", "JOIN"):
        reader.skip()
        table = reader.name()
        if table:
            found.append(table)
    return found


def _set(tokens: Sequence[Token]) -> Iterator[str]:
    """The columns that SET names, up to where it ends."""
    reader = Reader(tokens)
    reader.skip_to("WHERE", "FROM", "RETURNING", "ORDER", "LIMIT")
    for piece in divided(tokens[: len(tokens) - len(reader.rest)]):
        target = Reader(piece)
        if target.peek() == "(":
            yield from (name.key for part in divided(target.group()) if (name := Reader(part).name()))
        elif name := target.name():
            yield name.key


def _insert(reader: Reader, dialect: str) -> Iterator[Act]:
    replaces = reader.peek() == "REPLACE"
    reader.skip()
    ignores = ""
    if reader.take("OR"):
        replaces = replaces or reader.peek() == "REPLACE"
        ignores = "OR IGNORE" if reader.peek() == "IGNORE" else ""
        reader.skip()
    while word := reader.take_any("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"):
        ignores = "IGNORE" if word == "IGNORE" else ignores
    reader.take("INTO")
    table = reader.name()
    if not table:
        return
    if reader.take("PARTITION"):
        reader.group()
    if reader.take("AS"):
        reader.name()
    columns = None
    query: Sequence[Token] = ()
    if reader.peek() == "(":
        inside = reader.group()
        if first_symbol(inside) in _QUERIES:
            query = inside
        else:
            columns = tuple(name.key for piece in divided(inside) if (name := Reader(piece).name()))
    if not query:
        reader.skip_to(*_QUERIES, "SET")
        query = reader.group() or reader.rest
    if first_symbol(query) not in ("SELECT", "TABLE"):
        yield Insert(table, columns)
        return
    found = symbols([*query, *reader.rest])
    ignores = next((f"ON {word}" for word in ("CONFLICT", "DUPLICATE") if follows(found, "ON", word)), ignores)
    yield Insert(table, columns, parse_select(query), replaces, ignores)


def _merge(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    reader.take("INTO")
    reader.take("ONLY")
    table = reader.name()
    if table:
        yield Touch(table)


def _copy(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip()
    table = reader.name()
    reader.group()
    if table and reader.peek() == "FROM":
        yield Touch(table)


def _load(reader: Reader, dialect: str) -> Iterator[Act]:
    reader.skip_to("TABLE")
    reader.take("TABLE")
    table = reader.name()
    if table:
        yield Touch(table)


def _select(reader: Reader, dialect: str) -> Iterator[Act]:
    """A query changes nothing, except that its result can become a table."""
    found = symbols(reader.rest)
    if "INTO" in found and dialect == "postgresql":
        reader.skip_to("INTO")
        reader.take("INTO")
        reader.take_any("TEMP", "TEMPORARY", "UNLOGGED")
        reader.take("TABLE")
        table = reader.name()
        if table:
            yield CreateTable(table)


def _unclear(reader: Reader, dialect: str) -> Iterator[Act]:
    yield Unclear()


_STATEMENTS: Mapping[str, Callable[[Reader, str], Iterator[Act]]] = {
    "ALTER": alterations,
    "CALL": _unclear,
    "COPY": _copy,
    "CREATE": _create,
    "DELETE": _delete,
    "DROP": _drop,
    "INSERT": _insert,
    "LOAD": _load,
    "MERGE": _merge,
    "RENAME": _rename,
    "REPLACE": _insert,
    "SELECT": _select,
    "TRUNCATE": _truncate,
    "UPDATE": _update,
}
