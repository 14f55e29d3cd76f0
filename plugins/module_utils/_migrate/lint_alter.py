# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ALTER TABLE does. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import (
    Act,
    AddColumn,
    AddConstraint,
    ChangeColumn,
    CreateIndex,
    Definition,
    DropColumn,
    Lock,
    RenameColumn,
    RenameTable,
    SetNotNull,
    Touch,
    Truncate,
    ValidateConstraint,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_columns import (
    definition,
    is_constraint,
    named_definition,
    split_type,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Name,
    Reader,
    divided,
    follows,
    symbols,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token

# What DROP may name that is no column.
_NO_COLUMNS = {
    "sqlite": ("CONSTRAINT",),
    "postgresql": ("CONSTRAINT",),
    "mysql": ("CHECK", "CONSTRAINT", "FOREIGN", "INDEX", "KEY", "PARTITION", "PERIOD", "PRIMARY", "SYSTEM"),
}


def alterations(reader: Reader, dialect: str) -> Iterator[Act]:
    """What the statement does to its table, one by one; nothing if it is about something else."""
    reader.skip()
    while reader.take_any("ONLINE", "IGNORE"):
        pass
    if not reader.take("TABLE"):
        return
    reader.take("IF", "EXISTS")
    reader.take("ONLY")
    table = reader.name()
    if not table:
        return
    reader.take("*")
    if reader.take_any("NOWAIT", "WAIT") and reader.kind() == "number":
        reader.skip()
    for action in divided(reader.rest):
        yield from _action(table, action, dialect)


def _action(table: Name, tokens: Sequence[Token], dialect: str) -> Iterator[Act]:
    reader = Reader(tokens)
    word = reader.take_any("ADD", "ALTER", "CHANGE", "DROP", "MODIFY", "RENAME", "SET", "VALIDATE")
    if word == "ADD":
        yield from _add(table, reader, dialect)
    elif word == "ALTER":
        yield from _alter(table, reader)
    elif word in ("CHANGE", "MODIFY"):
        yield from _change(table, reader, renames=word == "CHANGE")
    elif word == "DROP":
        yield from _drop(table, reader, dialect)
    elif word == "RENAME":
        yield from _rename(table, reader, dialect)
    elif word == "VALIDATE":
        reader.take("CONSTRAINT")
        name = reader.name()
        if name:
            yield ValidateConstraint(table, name)
    elif word == "SET":
        if reader.take("SCHEMA") and (schema := reader.name()):
            yield RenameTable(table, Name((schema.parts[-1], table.parts[-1])))
    elif dialect == "mysql":
        yield from locks(table, tokens)
    if not word:
        yield from _of_partitions(table, reader)


def _add(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    is_column = reader.take("COLUMN")
    if not is_column and is_constraint(reader.rest, dialect):
        yield from _add_constraint(table, reader)
        return
    reader.take("IF", "NOT", "EXISTS")
    is_list = reader.peek() == "("
    for piece in divided(reader.group()) if is_list else [reader.rest]:
        column = None if is_list and is_constraint(piece, dialect) else definition(piece)
        if column:
            yield AddColumn(table, column)
            found = symbols(piece[1:])
            # These are proved for all rows; a reference from a column that is NULL everywhere is not.
            yield from (AddConstraint(table, word) for word in ("CHECK", "PRIMARY", "UNIQUE") if word in found)


def _add_constraint(table: Name, reader: Reader) -> Iterator[Act]:
    name = None
    if reader.take("CONSTRAINT"):
        reader.take("IF", "NOT", "EXISTS")
        name = None if reader.peek() in ("CHECK", "FOREIGN", "PRIMARY", "UNIQUE", "EXCLUDE") else reader.name()
    kind = reader.peek()
    if kind in ("FULLTEXT", "SPATIAL"):
        yield CreateIndex(table, None, kind=kind)
    if kind not in ("CHECK", "FOREIGN", "PRIMARY", "UNIQUE", "EXCLUDE"):
        return
    found = symbols(reader.rest)
    reader.skip()
    proves = _proved(reader.group()) if kind == "CHECK" else None
    is_deferred = follows(found, "NOT", "VALID") or follows(found, "USING", "INDEX")
    yield AddConstraint(table, kind, name, is_deferred, proves)


def _proved(tokens: Sequence[Token]) -> str | None:
    """The column of which a check says just that it is not NULL."""
    reader = Reader(tokens)
    if reader.peek() == "(":
        return _proved(reader.group())
    name = reader.name()
    return name.key if name and reader.take("IS", "NOT", "NULL") and reader.is_over else None


def _alter(table: Name, reader: Reader) -> Iterator[Act]:
    reader.take("COLUMN")
    reader.take("IF", "EXISTS")
    column = reader.name()
    if not column:
        return
    if reader.take("SET", "NOT", "NULL"):
        yield SetNotNull(table, column)
    elif reader.take("SET", "DATA", "TYPE") or reader.take("TYPE"):
        kind, _rest = split_type(reader.rest)
        yield ChangeColumn(table, column, Definition(column, kind))


def _change(table: Name, reader: Reader, *, renames: bool) -> Iterator[Act]:
    reader.take("COLUMN")
    reader.take("IF", "EXISTS")
    column = reader.name()
    to = reader.name() if renames else column
    if column and to:
        yield ChangeColumn(table, column, named_definition(to, reader.rest), is_whole=True)
        if to.key != column.key:
            yield RenameColumn(table, column, to)


def _drop(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    if not reader.take("COLUMN") and reader.peek() in _NO_COLUMNS[dialect]:
        if reader.take("PARTITION"):
            yield Truncate(table, part="partition")
        return
    is_guarded = reader.take("IF", "EXISTS")
    column = reader.name()
    if column:
        yield DropColumn(table, column, is_guarded)


def _rename(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    if reader.take_any("TO", "AS", "="):
        to = reader.name()
        if to:
            # Without a schema of its own it stays where it is.
            yield RenameTable(table, to)
        return
    if reader.peek() == "CONSTRAINT" or (dialect == "mysql" and reader.peek() in ("INDEX", "KEY")):
        return
    reader.take("COLUMN")
    reader.take("IF", "EXISTS")
    column = reader.name()
    if column and reader.take("TO"):
        to = reader.name()
        if to:
            yield RenameColumn(table, column, to)
    elif column and dialect == "mysql":
        yield RenameTable(table, column)


def locks(table: Name, tokens: Sequence[Token]) -> Iterator[Act]:
    """The clauses by which MySQL is told to keep others from writing."""
    reader = Reader(tokens)
    while reader.skip_to("ALGORITHM", "LOCK"):
        word = reader.take_any("ALGORITHM", "LOCK")
        reader.take("=")
        level = reader.take_any("COPY", "SHARED", "EXCLUSIVE")
        if level:
            yield Lock(table, f"{word}={level}")


def _of_partitions(table: Name, reader: Reader) -> Iterator[Act]:
    if reader.take("TRUNCATE", "PARTITION"):
        yield Truncate(table, part="partition")
    elif reader.take("EXCHANGE", "PARTITION"):
        reader.skip_to("TABLE")
        reader.take("TABLE")
        other = reader.name()
        yield Touch(table)
        if other:
            yield Touch(other)
    elif reader.take("ATTACH", "PARTITION") or reader.take("DETACH", "PARTITION"):
        yield Touch(table)
