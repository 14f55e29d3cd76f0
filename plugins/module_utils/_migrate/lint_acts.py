# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What statements do: what speaks against each such act, and what it makes of the tables.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_columns import (
    Definition,
    is_rewritten,
    narrows,
    shown,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Name, Unreadable
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_scene import Held, Scene
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_select import Select


class Act:
    """Something that a statement does."""

    def happen(self, scene: Scene) -> None:
        """Say what speaks against it, and have the scene be as it is afterwards."""

    @property
    def touched(self) -> Sequence[Name] | None:
        """The tables whose rows come, change or go by it; None where that cannot be told."""
        return ()


class Unclear(Act):
    """A statement that can do anything, such as the call of a procedure, or that is not understood."""

    touched = None


def readable(found: Iterator[Act]) -> Iterator[Act]:
    """What is found, as far as it can be read."""
    try:
        yield from found
    except Unreadable:
        yield Unclear()


@dataclass(frozen=True)
class OfTable(Act):
    """Something that is done to one table."""

    table: Name


class Touch(OfTable):
    """Something by which rows of the table come or go."""

    @property
    def touched(self) -> Sequence[Name] | None:
        return (self.table,)


@dataclass(frozen=True)
class CreateTable(Touch):
    """`columns` is None where the statement does not list them."""

    columns: dict[str, Definition] | None = None
    like: Name | None = None
    select: Select | None = None

    def happen(self, scene: Scene) -> None:
        # If there is one of this name, this is about another schema, or fails, or changes nothing.
        if scene.find(self.table):
            return
        model = scene.find(self.like) if self.like else None
        columns = model.columns if model and model.columns is not None else self.columns
        held = Held(dict(columns) if columns is not None else None)
        if self.select:
            items = scene.items(self.select) or []
            names = [item.output or "" for item in items]
            if columns is None and items and all(names):
                held.columns = {name: Definition("", is_new=False) for name in names}
            scene.copy(held, self.select, names, self.select.leaves_out)
        scene.tables[self.table.key] = held


@dataclass(frozen=True)
class DropTable(Touch):
    is_guarded: bool = False
    is_temporary: bool = False

    def happen(self, scene: Scene) -> None:
        if self.is_temporary:
            return
        sentence = f"drops the table {self.table} with all its rows. Keep it until no release uses it."
        is_made_here = self.is_guarded and self.table.key in scene.created
        if not scene.find(self.table) and scene.holds_rows(self.table) and not is_made_here:
            scene.say("drop_table", self.table, sentence)
        scene.take_away(self.table, "drop_table", sentence)


@dataclass(frozen=True)
class RenameTable(OfTable):
    to: Name

    @property
    def touched(self) -> Sequence[Name]:
        return (self.table, self.to)

    def happen(self, scene: Scene) -> None:
        held = scene.take_away(
            self.table,
            "rename_table",
            f"the table {self.table} becomes {self.to}, and the release that still runs does not find it any more. Make"
            " a view of the old name in the same migration, and drop it with the next release.",
        )
        if held:
            # The same name in another schema is another name.
            scene.tables[str(self.to).lower() if self.to.key == self.table.key else self.to.key] = held


@dataclass(frozen=True)
class CreateView(Act):
    view: Name

    def happen(self, scene: Scene) -> None:
        scene.views.add(self.view.key)


@dataclass(frozen=True)
class DropSchema(Act):
    """`what` is database, schema, or all that a role owns."""

    what: str
    name: Name

    touched = None

    def happen(self, scene: Scene) -> None:
        rule = "drop_database" if self.what == "database" else "drop_schema"
        what = f"all that the role {self.name} owns" if self.what == "role" else f"the {self.what} {self.name}"
        scene.say(rule, self.name, f"drops {what} with everything in it. Do this by hand, if at all.")


@dataclass(frozen=True)
class DropDependents(Act):
    """Of a type, a domain or an extension, with every column that depends on it."""

    what: str
    name: Name

    def happen(self, scene: Scene) -> None:
        scene.say(
            "drop_column",
            self.name,
            f"drops the {self.what} {self.name} with CASCADE, and so every column that depends on it. Drop it without"
            " CASCADE, once nothing does.",
        )


@dataclass(frozen=True)
class Truncate(Touch):
    """`part` names what of the table it is about, if not all; `cascades` to tables that it does not name."""

    part: str = ""
    cascades: bool = False

    @property
    def touched(self) -> Sequence[Name] | None:
        return None if self.cascades else (self.table,)

    def happen(self, scene: Scene) -> None:
        if scene.holds_rows(self.table):
            what = f"a {self.part} of the table {self.table}" if self.part else f"the table {self.table}"
            more = " and every table that refers to it" if self.cascades else ""
            sentence = f"empties {what}{more}. Delete only the rows that are not needed any more."
            scene.say("truncate", self.table, sentence)


@dataclass(frozen=True)
class OfRows(Act):
    """Something that is done to rows of tables, and to all of them if there is no condition."""

    tables: tuple[Name, ...]
    has_condition: bool

    @property
    def touched(self) -> Sequence[Name]:
        return self.tables


class Delete(OfRows):
    def happen(self, scene: Scene) -> None:
        for table in self.tables:
            if not self.has_condition and scene.holds_rows(table):
                sentence = f"deletes all rows of the table {table}. Say by a WHERE which ones are meant."
                scene.say("delete_without_where", table, sentence)


@dataclass(frozen=True)
class Update(OfRows):
    columns: tuple[str, ...]

    def happen(self, scene: Scene) -> None:
        written = dict.fromkeys(key for key in self.columns if not self._is_added(key, scene))
        if not self.has_condition and written and any(map(scene.holds_rows, self.tables)):
            sentence = (
                f"overwrites {', '.join(written)} in all rows of the table {self.tables[0]}. Say by a WHERE which rows"
                " are meant."
            )
            scene.say("update_without_where", self.tables[0], sentence)

    def _is_added(self, key: str, scene: Scene) -> bool:
        found = [held for held in map(scene.find, self.tables) if held and held.column(key)]
        return bool(found) and all(held.is_added(key) for held in found)


@dataclass(frozen=True)
class Insert(Touch):
    """`leaves_out` is the word by which a row that does not fit, or one that is there, gives way."""

    columns: tuple[str, ...] | None = None
    select: Select | None = None
    leaves_out: str = ""

    def happen(self, scene: Scene) -> None:
        held = scene.find(self.table)
        if held and self.select:
            targets = self.columns
            if targets is None and held.columns is not None:
                targets = tuple(key for key, column in held.columns.items() if not column.is_computed)
            scene.copy(held, self.select, targets, self.select.leaves_out or self.leaves_out)


@dataclass(frozen=True)
class OfColumn(OfTable):
    """Something that is done to one column."""

    column: Name

    @property
    def what(self) -> str:
        """What rules call the column."""
        return f"{self.table}.{self.column}"

    def say_not_null(self, scene: Scene, sentence: str) -> None:
        """Say that the column may not be NULL any more."""
        told = f"the column {self.column} of {self.table} may not be NULL any more: {sentence}"
        scene.say("set_not_null", self.what, told)


@dataclass(frozen=True)
class AddColumn(OfColumn):
    definition: Definition

    def happen(self, scene: Scene) -> None:
        added = self.definition
        held = scene.find(self.table)
        if not held:
            return
        if held.is_live and added.is_not_null and not (added.has_default or added.is_numbered or added.is_computed):
            sentence = _NOT_NULL[scene.dialect].format(self.column, self.table)
            scene.say("not_null_without_default", self.what, sentence)
        if held.is_live and scene.dialect == "postgresql" and added.differs_by_row:
            scene.say(
                "blocking_rewrite",
                self.what,
                f"adds to {self.table} the column {self.column}, whose value differs from row to row, so that all rows"
                " are written anew while nobody can use the table. Add it empty, set the default in a second step,"
                " and fill the rows in batches.",
            )
        if held.columns is not None:
            held.columns.setdefault(self.column.key, added)


_NOT_NULL = {
    "sqlite": "adds the column {0} to {1} as NOT NULL without a default, which SQLite refuses. Give it a default.",
    "mysql": "adds the column {0} to {1} as NOT NULL without a default, so that the rows that are there get an empty"
    " value that nobody chose, and the release that still runs cannot add rows. Give it a default.",
    "postgresql": "adds the column {0} to {1} as NOT NULL without a default, which fails as soon as there is a row,"
    " and the release that still runs cannot add rows. Give it a default.",
}


@dataclass(frozen=True)
class DropColumn(OfColumn):
    is_guarded: bool = False

    def happen(self, scene: Scene) -> None:
        held, column = scene.find(self.table), scene.column(self.table, self.column)
        is_harmless = column.is_new if column else bool(held) and self.is_guarded
        if not is_harmless and (held.is_live if held else scene.holds_rows(self.table)):
            scene.say(
                "drop_column",
                self.what,
                f"drops the column {self.column} of {self.table} with all its values, and the release that still runs"
                " may ask for it. Drop it only after a release that does not use it.",
            )
        if held and held.columns:
            held.columns.pop(self.column.key, None)


@dataclass(frozen=True)
class RenameColumn(OfColumn):
    to: Name

    def happen(self, scene: Scene) -> None:
        held, column = scene.find(self.table), scene.column(self.table, self.column)
        if held and held.is_live and not (column and column.is_new):
            scene.say(
                "rename_column",
                self.what,
                f"the column {self.column} of {self.table} becomes {self.to}, which the release that still runs does"
                " not know. Add the new column, write both, and drop the old one after the next release.",
            )
        if held and held.columns:
            keys = {self.column.key: self.to.key}
            held.columns = {keys.get(key, key): value for key, value in held.columns.items()}


@dataclass(frozen=True)
class ChangeColumn(OfColumn):
    """`is_whole` where all that is not said is gone, such as NOT NULL in MySQL."""

    definition: Definition
    is_whole: bool = False

    def happen(self, scene: Scene) -> None:
        held, column = scene.find(self.table), scene.column(self.table, self.column)
        if not (column and column.is_new) and (held.is_live if held else scene.holds_rows(self.table)):
            self._judge(column, scene)
        if held and held.columns and column:
            is_not_null = self.definition.is_not_null if self.is_whole else column.is_not_null
            held.columns[self.column.key] = replace(column, type=self.definition.type, is_not_null=is_not_null)

    def _judge(self, column: Definition | None, scene: Scene) -> None:
        wanted = self.definition.type
        changes = f"changes the column {self.column} of {self.table}"
        if column is None:
            scene.say(
                "narrowing",
                self.what,
                f"{changes} to {shown(wanted)}, and what it is now is not known, so that there is no saying whether"
                " everything fits.",
            )
            return
        if narrows(column.type, wanted, scene.dialect):
            scene.say(
                "narrowing",
                self.what,
                f"{changes} from {shown(column.type)} to {shown(wanted)}, which cannot hold all that it may hold now."
                " Add a new column, fill it, and drop the old one after the next release.",
            )
        elif scene.dialect == "postgresql" and is_rewritten(column.type, wanted):
            scene.say(
                "blocking_rewrite",
                self.what,
                f"{changes} from {shown(column.type)} to {shown(wanted)}, for which all rows are written anew while"
                " nobody can use the table. Add a new column and fill it in batches.",
            )
        if self.is_whole and self.definition.is_not_null and not column.is_not_null:
            self.say_not_null(scene, "MySQL refuses or replaces what is NULL. Fill the rows first.")


class SetNotNull(OfColumn):
    def happen(self, scene: Scene) -> None:
        held, column = scene.live(self.table), scene.column(self.table, self.column)
        is_set = column and (column.is_new or column.is_not_null)
        if held and not is_set and self.column.key not in held.proved:
            self.say_not_null(
                scene,
                "all rows are read while nobody can use the table. First add CHECK (... IS NOT NULL) as NOT VALID, and"
                " VALIDATE it, which keeps nobody waiting.",
            )


@dataclass(frozen=True)
class AddConstraint(OfTable):
    """`kind` is one of `CONSTRAINTS`; `proves` is the column of which it says that it is set."""

    kind: str
    name: Name | None = None
    is_deferred: bool = False
    proves: str | None = None

    def happen(self, scene: Scene) -> None:
        held = scene.find(self.table)
        if held and held.is_live and scene.dialect == "postgresql" and not self.is_deferred:
            called, instead = CONSTRAINTS[self.kind]
            scene.say(
                "blocking_constraint",
                self.table,
                f"adds to the table {self.table} a constraint ({called}) that is proved for all rows while nobody can"
                f" write. {instead}",
            )
        if held and self.proves and self.is_deferred:
            name = self.name.key if self.name else f"{self.table.key}_{self.proves}_check"
            held.pending_proofs[name] = self.proves
        elif held and self.proves:
            held.proved.add(self.proves)


_NOT_VALID = "Add it as NOT VALID, and VALIDATE it in a statement of its own."
_USING_INDEX = "Make a unique index CONCURRENTLY, and add the constraint USING INDEX."

# By the word with which they begin: what they are called, and what to do instead.
CONSTRAINTS = {
    "CHECK": ("CHECK", _NOT_VALID),
    "EXCLUDE": ("EXCLUDE", "Do it when nobody minds."),
    "FOREIGN": ("FOREIGN KEY", _NOT_VALID),
    "PRIMARY": ("PRIMARY KEY", _USING_INDEX),
    "UNIQUE": ("UNIQUE", _USING_INDEX),
}


@dataclass(frozen=True)
class ValidateConstraint(OfTable):
    name: Name

    def happen(self, scene: Scene) -> None:
        held = scene.find(self.table)
        if held and self.name.key in held.pending_proofs:
            held.proved.add(held.pending_proofs[self.name.key])


@dataclass(frozen=True)
class CreateIndex(OfTable):
    """`kind` is FULLTEXT or SPATIAL for those of MySQL."""

    is_concurrent: bool = False
    kind: str = ""

    def happen(self, scene: Scene) -> None:
        what, instead = "an", "Use CREATE INDEX CONCURRENTLY, outside of a transaction."
        if self.kind:
            what, instead = f"a {self.kind}", "Do it when nobody minds."
        blocks = not self.is_concurrent if scene.dialect == "postgresql" else bool(self.kind)
        if scene.live(self.table) and blocks:
            scene.say(
                "blocking_index",
                self.table,
                f"makes {what} index of the table {self.table}, to which nobody can write meanwhile. {instead}",
            )


@dataclass(frozen=True)
class Lock(OfTable):
    """A clause of MySQL by which a change keeps others from writing, as it is written."""

    clause: str

    def happen(self, scene: Scene) -> None:
        if scene.live(self.table) and scene.dialect == "mysql":
            scene.say(
                "blocking_index",
                self.table,
                f"{self.clause} keeps others from writing to the table {self.table} until it is done. Leave the clause"
                " out, or ask for ALGORITHM=INPLACE, LOCK=NONE.",
            )
