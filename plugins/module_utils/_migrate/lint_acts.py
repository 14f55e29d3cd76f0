# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What statements do to tables, as values. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Name
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token


class Act:
    """One of the things below."""


@dataclass(frozen=True)
class Definition:
    """A column as a statement declares it."""

    name: Name
    type: Sequence[Token]
    is_not_null: bool = False
    has_default: bool = False
    # By the database itself, and from other columns.
    is_numbered: bool = False
    is_computed: bool = False
    # Whether rows that are there already get different values.
    differs_by_row: bool = False


@dataclass(frozen=True)
class Item:
    """One column of what a SELECT returns.

    `column` is set where it is nothing but that column, `output` where it has a name, `mentioned` are all words in it.
    """

    column: str | None
    output: str | None
    mentioned: frozenset[str]
    is_star: bool = False


@dataclass(frozen=True)
class Select:
    """A query that copies; `source` is None unless it reads one table only."""

    source: Name | None
    items: tuple[Item, ...]
    # The word by which it leaves out rows.
    leaves_out: str = ""


@dataclass(frozen=True)
class CreateTable(Act):
    """`columns` is None where the statement does not list them."""

    table: Name
    columns: tuple[Definition, ...] | None = None
    like: Name | None = None
    select: Select | None = None


@dataclass(frozen=True)
class DropTable(Act):
    table: Name
    is_guarded: bool = False
    is_temporary: bool = False


@dataclass(frozen=True)
class DropSchema(Act):
    """`what` is database, schema, or all that a role owns."""

    what: str
    name: Name


@dataclass(frozen=True)
class DropDependents(Act):
    """Of a type, a domain or an extension, with every column that depends on it."""

    what: str
    name: Name


@dataclass(frozen=True)
class Truncate(Act):
    """`part` names what of the table it is about, if not all; `cascades` to tables that it does not name."""

    table: Name
    part: str = ""
    cascades: bool = False


@dataclass(frozen=True)
class Delete(Act):
    tables: tuple[Name, ...]
    has_condition: bool


@dataclass(frozen=True)
class Update(Act):
    tables: tuple[Name, ...]
    columns: tuple[str, ...]
    has_condition: bool


@dataclass(frozen=True)
class Insert(Act):
    """`replaces` is set where a row that is there gives way, `ignores` where a row that does not fit is left out."""

    table: Name
    columns: tuple[str, ...] | None = None
    select: Select | None = None
    replaces: bool = False
    ignores: str = ""


@dataclass(frozen=True)
class Touch(Act):
    """Some other way in which rows of a table come or go."""

    table: Name


@dataclass(frozen=True)
class Unclear(Act):
    """A statement that can do anything, such as the call of a procedure."""


@dataclass(frozen=True)
class RenameTable(Act):
    table: Name
    to: Name


@dataclass(frozen=True)
class CreateView(Act):
    view: Name


@dataclass(frozen=True)
class CreateIndex(Act):
    """`kind` is FULLTEXT or SPATIAL for those of MySQL."""

    table: Name
    index: Name | None
    is_concurrent: bool = False
    kind: str = ""


@dataclass(frozen=True)
class AddColumn(Act):
    table: Name
    column: Definition


@dataclass(frozen=True)
class DropColumn(Act):
    table: Name
    column: Name
    is_guarded: bool = False


@dataclass(frozen=True)
class RenameColumn(Act):
    table: Name
    column: Name
    to: Name


@dataclass(frozen=True)
class ChangeColumn(Act):
    """`is_whole` where all that is not said is gone, such as NOT NULL in MySQL."""

    table: Name
    column: Name
    definition: Definition
    is_whole: bool = False


@dataclass(frozen=True)
class SetNotNull(Act):
    table: Name
    column: Name


@dataclass(frozen=True)
class AddConstraint(Act):
    """`kind` is CHECK, FOREIGN, UNIQUE, PRIMARY or EXCLUDE; `proves` is the column of which it says that it is set."""

    table: Name
    kind: str
    name: Name | None = None
    is_deferred: bool = False
    proves: str | None = None


@dataclass(frozen=True)
class ValidateConstraint(Act):
    table: Name
    name: Name


@dataclass(frozen=True)
class Lock(Act):
    """A clause of MySQL by which a change keeps others from writing, as it is written."""

    table: Name
    clause: str
