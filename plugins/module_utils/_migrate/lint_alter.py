# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ALTER TABLE does. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import (
    CONSTRAINTS,
    Act,
    AddColumn,
    AddConstraint,
    ChangeColumn,
    CreateIndex,
    DropColumn,
    Lock,
    RenameColumn,
    RenameTable,
    SetNotNull,
    Touch,
    Truncate,
    ValidateConstraint,
    readable,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_columns import (
    Definition,
    declared_type,
    definition,
    is_constraint,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import (
    Name,
    Node,
    Reader,
    divided,
    follows,
    symbols,
)

# What DROP may name that is no column.
_NO_COLUMNS = {
    "sqlite": ("CONSTRAINT",),
    "postgresql": ("CONSTRAINT",),
    "mysql": ("CHECK", "CONSTRAINT", "FOREIGN", "INDEX", "KEY", "PARTITION", "PERIOD", "PRIMARY", "SYSTEM"),
}


def alterations(reader: Reader, dialect: str) -> Iterator[Act]:
    """What the statement does to its table, one by one; nothing if it is about something else."""
    reader.take_all("ONLINE", "IGNORE")
    if not reader.take("TABLE"):
        return
    reader.take("IF", "EXISTS")
    table = reader.names()[0]
    if reader.take_any("NOWAIT", "WAIT") and reader.kind() == "number":
        reader.skip()
    for action in divided(reader.rest):
        yield from readable(_action(table, Reader(action), dialect))


def _action(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    if reader.take("ADD"):
        yield from _add(table, reader, dialect)
    elif reader.take("ALTER"):
        yield from _alter(table, reader)
    elif reader.peek() in ("CHANGE", "MODIFY"):
        yield from _change(table, reader)
    elif reader.take("DROP"):
        yield from _drop(table, reader, dialect)
    elif reader.take("RENAME"):
        yield from _rename(table, reader, dialect)
    elif reader.take("VALIDATE", "CONSTRAINT"):
        yield ValidateConstraint(table, reader.name())
    elif reader.take("SET", "SCHEMA"):
        yield RenameTable(table, Name((reader.name().parts[-1], table.parts[-1])))
    elif reader.take("TRUNCATE", "PARTITION"):
        yield Truncate(table, part="partition")
    elif reader.take("ATTACH", "PARTITION") or reader.take("DETACH", "PARTITION"):
        yield Touch(table)
    elif reader.take("EXCHANGE", "PARTITION"):
        yield Touch(table)
        reader.past("TABLE")
        yield Touch(reader.name())
    else:
        yield from locks(table, reader)


def _add(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    if not reader.take("COLUMN") and is_constraint(reader.rest, dialect):
        yield from _add_constraint(table, reader)
        return
    reader.take("IF", "NOT", "EXISTS")
    is_list = reader.peek() == "("
    for piece in map(Reader, divided(reader.group()) if is_list else [reader.rest]):
        if not (is_list and is_constraint(piece.rest, dialect)):
            column = piece.name()
            yield AddColumn(table, column, definition(piece.rest))
            # These are proved for all rows; a reference from a column that is NULL everywhere is not.
            found = symbols(piece.rest)
            yield from (AddConstraint(table, word) for word in ("CHECK", "PRIMARY", "UNIQUE") if word in found)


def _add_constraint(table: Name, reader: Reader) -> Iterator[Act]:
    name = None
    if reader.take("CONSTRAINT"):
        reader.take("IF", "NOT", "EXISTS")
        name = None if reader.peek() in CONSTRAINTS else reader.name()
    kind = reader.peek()
    found = symbols(reader.rest)
    reader.skip()
    if kind in ("FULLTEXT", "SPATIAL"):
        yield CreateIndex(table, kind=kind)
    elif kind in CONSTRAINTS:
        proves = _proved(reader.group()) if kind == "CHECK" else None
        is_deferred = follows(found, "NOT", "VALID") or follows(found, "USING", "INDEX")
        yield AddConstraint(table, kind, name, is_deferred, proves)


def _proved(nodes: Sequence[Node]) -> str | None:
    """The column of which a check says just that it is not NULL."""
    reader = Reader(nodes)
    if reader.peek() == "(":
        return _proved(reader.group())
    name = reader.name() if reader.is_name() else None
    return name.key if name and reader.take("IS", "NOT", "NULL") and reader.is_over else None


def _alter(table: Name, reader: Reader) -> Iterator[Act]:
    reader.take("COLUMN")
    reader.take("IF", "EXISTS")
    column = reader.name()
    if reader.take("SET", "NOT", "NULL"):
        yield SetNotNull(table, column)
    elif reader.take("SET", "DATA", "TYPE") or reader.take("TYPE"):
        yield ChangeColumn(table, column, Definition(declared_type(reader)))


def _change(table: Name, reader: Reader) -> Iterator[Act]:
    renames = reader.take_any("CHANGE", "MODIFY") == "CHANGE"
    reader.take("COLUMN")
    reader.take("IF", "EXISTS")
    column = reader.name()
    to = reader.name() if renames else column
    yield ChangeColumn(table, column, definition(reader.rest), is_whole=True)
    if to.key != column.key:
        yield RenameColumn(table, column, to)


def _drop(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    if not reader.take("COLUMN") and reader.peek() in _NO_COLUMNS[dialect]:
        if reader.take("PARTITION"):
            yield Truncate(table, part="partition")
        return
    is_guarded = reader.take("IF", "EXISTS")
    yield DropColumn(table, reader.name(), is_guarded)


def _rename(table: Name, reader: Reader, dialect: str) -> Iterator[Act]:
    if reader.take_any("TO", "AS", "="):
        # Without a schema of its own it stays where it is.
        yield RenameTable(table, reader.name())
        return
    if reader.peek() == "CONSTRAINT" or (dialect == "mysql" and reader.peek() in ("INDEX", "KEY")):
        return
    reader.take("COLUMN")
    reader.take("IF", "EXISTS")
    name = reader.name()
    if reader.take("TO"):
        yield RenameColumn(table, name, reader.name())
    elif dialect == "mysql":
        yield RenameTable(table, name)


def locks(table: Name, reader: Reader) -> Iterator[Act]:
    """The clauses by which MySQL is told to keep others from writing."""
    while not reader.is_over:
        reader.until("ALGORITHM", "LOCK")
        word = reader.take_any("ALGORITHM", "LOCK")
        reader.take("=")
        level = reader.take_any("COPY", "SHARED", "EXCLUSIVE")
        if level:
            yield Lock(table, f"{word}={level}")
