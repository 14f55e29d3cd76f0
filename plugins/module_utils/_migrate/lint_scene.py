# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a database as one statement after the other changes them. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import (
    Act,
    AddColumn,
    AddConstraint,
    ChangeColumn,
    CreateTable,
    CreateView,
    Definition,
    DropColumn,
    DropTable,
    Insert,
    Item,
    RenameColumn,
    RenameTable,
    Select,
    ValidateConstraint,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Name
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_types import type_text


@dataclass
class Field:
    """A column; `is_new` if no row of the live database has a value in it."""

    type: str
    is_nullable: bool = True
    is_computed: bool = False
    is_new: bool = False


@dataclass(frozen=True)
class Copy:
    """An INSERT that takes the rows of one table into another.

    `fed` says from what each column is filled, in the order of the statement; it is None where that cannot be told, and
    its two numbers of columns may differ.
    """

    source: Held
    line: int
    fed: Sequence[tuple[str, Item]] | None
    counts: tuple[int, int]
    leaves_out: str


@dataclass(eq=False)
class Held:
    """A table: `is_live` if it was there before the migrations, else they have made it.

    `columns` is None where they are not known.
    """

    name: str
    is_live: bool
    columns: dict[str, Field] | None
    copies: list[Copy] = field(default_factory=list)
    # What checks say of columns that are never NULL: by the name of those that are not proved yet, and the others.
    pending_proofs: dict[str, str] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)

    def column(self, key: str) -> Field | None:
        """The column of this name, if there is one and if they are known."""
        return (self.columns or {}).get(key)


class Scene:
    """All tables by their names in lower case, beginning with those of the live database."""

    def __init__(self, schema: Mapping[str, Sequence[Column]]) -> None:
        self.tables: dict[str, Held] = {
            name.lower(): Held(name.lower(), True, {column.name.lower(): _field(column) for column in columns})
            for name, columns in schema.items()
        }
        self.views: set[str] = set()
        # Where there is no table, there is nothing to lose either.
        self._was_empty = not schema

    def find(self, table: Name) -> Held | None:
        """The table, if it is known; some are listed with their schema."""
        return self.tables.get(str(table).lower()) or self.tables.get(table.key)

    def live(self, table: Name) -> Held | None:
        """The table, if it was there before the migrations."""
        held = self.find(table)
        return held if held and held.is_live else None

    def holds_rows(self, table: Name) -> bool:
        """Whether rows of before the migrations may be in it; an unknown table may be one that is badly understood."""
        held = self.find(table)
        return bool(held.is_live or held.copies) if held else not self._was_empty

    def columns(self) -> dict[str, Collection[str]]:
        """The names of the columns, of the tables of which they are known."""
        return {name: held.columns for name, held in self.tables.items() if held.columns}

    def follow(self, act: Act, line: int) -> None:
        """Have the scene be as it is after this, unless a table goes by it."""
        if isinstance(act, CreateTable):
            self._create(act, line)
        elif isinstance(act, Insert):
            self._insert(act, line)
        else:
            for kind, follow in _FOLLOWED.items():
                if isinstance(act, kind):
                    follow(self, act)

    def _create(self, act: CreateTable, line: int) -> None:
        """A table is made; if there is one of this name, this is about another schema, or fails, or changes nothing."""
        if self.find(act.table):
            return
        fields: dict[str, Field] | None = None
        if act.columns is not None:
            fields = {column.name.key: _declared(column) for column in act.columns}
        model = self.find(act.like) if act.like else None
        if model and model.columns is not None:
            fields = {key: replace(value) for key, value in model.columns.items()}
        held = Held(act.table.key, False, fields)
        if act.select:
            self._make_from(held, act.select, line)
        self.tables[act.table.key] = held

    def _make_from(self, held: Held, select: Select, line: int) -> None:
        items = self._items(select)
        if held.columns is None and items and all(item.output for item in items):
            held.columns = {item.output: Field("") for item in items if item.output}
        names = [item.output or "" for item in items or ()]
        self._copy(held, select, names, line, select.leaves_out)

    def drop(self, act: DropTable) -> Held | None:
        """The table that is gone now, if it was known."""
        held = self.find(act.table)
        self.tables = {name: other for name, other in self.tables.items() if other is not held}
        return held

    def rename(self, act: RenameTable) -> Held | None:
        """The table that has another name now, if it is known."""
        held = self.find(act.table)
        if held:
            self.tables = {name: other for name, other in self.tables.items() if other is not held}
            # The same name in another schema is another name.
            is_moved = act.to.key == act.table.key
            self.tables[str(act.to).lower() if is_moved else act.to.key] = held
        return held

    def _insert(self, act: Insert, line: int) -> None:
        """Rows come into a table, perhaps from another."""
        held = self.find(act.table)
        if held is None or act.select is None:
            return
        targets = list(act.columns) if act.columns is not None else _in_order(held)
        leaves_out = act.select.leaves_out or act.ignores or ("REPLACE" if act.replaces else "")
        self._copy(held, act.select, targets, line, leaves_out)

    def _copy(self, held: Held, select: Select, targets: Sequence[str] | None, line: int, leaves_out: str) -> None:
        source = self.find(select.source) if select.source else None
        if source is None or source is held:
            return
        items = self._items(select)
        fed = list(zip(targets, items)) if targets is not None and items is not None else None
        counts = (len(targets or ()), len(items or ()))
        held.copies.append(Copy(source, line, fed, counts, leaves_out))

    def _items(self, select: Select) -> list[Item] | None:
        """The columns of the query, with those for which a star stands; None if they are not known."""
        source = self.find(select.source) if select.source else None
        found: list[Item] = []
        for item in select.items:
            if not item.is_star:
                found.append(item)
            elif source is None or source.columns is None:
                return None
            else:
                found += (Item(key, key, frozenset([key])) for key in source.columns)
        return found

    def _add_column(self, act: AddColumn) -> None:
        """A table has a column more."""
        held = self.find(act.table)
        if held and held.columns is not None and act.column.name.key not in held.columns:
            held.columns[act.column.name.key] = _declared(act.column)

    def _drop_column(self, act: DropColumn) -> None:
        """A table has a column less."""
        held = self.find(act.table)
        if held and held.columns:
            held.columns.pop(act.column.key, None)

    def _rename_column(self, act: RenameColumn) -> None:
        """A column has another name, and its place."""
        held = self.find(act.table)
        if held and held.columns:
            held.columns = {act.to.key if key == act.column.key else key: value for key, value in held.columns.items()}

    def _change_column(self, act: ChangeColumn) -> None:
        """A column has another type, and in MySQL may be NULL or not, as is said."""
        held = self.find(act.table)
        column = held.column(act.column.key) if held else None
        if column:
            column.type = type_text(act.definition.type)
            if act.is_whole:
                column.is_nullable = not act.definition.is_not_null

    def _constrain(self, act: AddConstraint) -> None:
        """A table has a check more, which may say that a column is never NULL."""
        held = self.find(act.table)
        if held and act.proves and act.is_deferred and act.name:
            held.pending_proofs[act.name.key] = act.proves
        elif held and act.proves:
            held.proved.add(act.proves)

    def _validate(self, act: ValidateConstraint) -> None:
        """What a check says is true of all rows."""
        held = self.find(act.table)
        if held and act.name.key in held.pending_proofs:
            held.proved.add(held.pending_proofs[act.name.key])

    def _view(self, act: CreateView) -> None:
        """There is a view of this name."""
        self.views.add(act.view.key)


_FOLLOWED: Mapping[type[Act], Callable[..., None]] = {
    AddColumn: Scene._add_column,
    AddConstraint: Scene._constrain,
    ChangeColumn: Scene._change_column,
    CreateView: Scene._view,
    DropColumn: Scene._drop_column,
    RenameColumn: Scene._rename_column,
    ValidateConstraint: Scene._validate,
}


def _field(column: Column) -> Field:
    return Field(column.type, column.is_nullable)


def _declared(column: Definition) -> Field:
    return Field(type_text(column.type), not column.is_not_null, column.is_computed, is_new=True)


def _in_order(held: Held) -> list[str] | None:
    """The columns that an INSERT fills that names none."""
    if held.columns is None:
        return None
    return [key for key, value in held.columns.items() if not value.is_computed]
