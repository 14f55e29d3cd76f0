# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each thing that a migration does amounts to. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import (
    Act,
    AddColumn,
    AddConstraint,
    ChangeColumn,
    CreateIndex,
    Delete,
    DropColumn,
    DropDependents,
    DropSchema,
    DropTable,
    Lock,
    RenameColumn,
    RenameTable,
    SetNotNull,
    Truncate,
    Update,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_quotes import Misread
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_scene import Scene
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_types import (
    is_rewritten,
    narrows,
    type_text,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens


@dataclass(frozen=True)
class Said:
    """What a rule has to say, before it is known where."""

    rule: str
    what: str | None
    sentence: str


class Judge:
    """Says what an act loses or whom it keeps waiting, in the scene as it is before the act.

    `created` are the names that tables get somewhere in the same migration.
    """

    def __init__(self, scene: Scene, dialect: str, created: set[str]) -> None:
        self._scene = scene
        self._dialect = dialect
        self._created = created

    def judged(self, act: Act) -> Iterator[Said]:
        """What there is to say of the act; a table that is known and goes is judged at the end, and not here."""
        for kind, judge in _JUDGES.items():
            if isinstance(act, kind):
                yield from judge(self, act)

    def _drop_table(self, act: DropTable) -> Iterator[Said]:
        if act.is_temporary or self._scene.find(act.table):
            # Of a table that is known it shows at the end whether another has taken its place.
            return
        is_made_here = act.is_guarded and act.table.key in self._created
        if self._scene.holds_rows(act.table) and not is_made_here:
            yield dropped(act)

    def _drop_schema(self, act: DropSchema) -> Iterator[Said]:
        rule = "drop_database" if act.what == "database" else "drop_schema"
        what = f"all that the role {act.name} owns" if act.what.startswith("all") else f"the {act.what} {act.name}"
        yield Said(rule, str(act.name), f"drops {what} with everything in it. Do this by hand, if at all.")

    def _drop_dependents(self, act: DropDependents) -> Iterator[Said]:
        yield Said(
            "drop_column",
            str(act.name),
            f"drops the {act.what} {act.name} with CASCADE, and so every column that depends on it. Drop it without"
            " CASCADE, once nothing does.",
        )

    def _drop_column(self, act: DropColumn) -> Iterator[Said]:
        held = self._scene.find(act.table)
        column = held.column(act.column.key) if held else None
        if held and (not held.is_live or (column and column.is_new) or (act.is_guarded and not column)):
            return
        if self._scene.holds_rows(act.table):
            yield Said(
                "drop_column",
                f"{act.table}.{act.column}",
                f"drops the column {act.column} of {act.table} with all its values, and the release that still runs may"
                " ask for it. Drop it only after a release that does not use it.",
            )

    def _truncate(self, act: Truncate) -> Iterator[Said]:
        if self._scene.holds_rows(act.table):
            what = f"a {act.part} of the table {act.table}" if act.part else f"the table {act.table}"
            more = " and every table that refers to it" if act.cascades else ""
            yield Said(
                "truncate", str(act.table), f"empties {what}{more}. Delete only the rows that are not needed any more."
            )

    def _delete(self, act: Delete) -> Iterator[Said]:
        for table in act.tables:
            if not act.has_condition and self._scene.holds_rows(table):
                yield Said(
                    "delete_without_where",
                    str(table),
                    f"deletes all rows of the table {table}. Say by a WHERE which ones are meant.",
                )

    def _update(self, act: Update) -> Iterator[Said]:
        if act.has_condition or not act.tables:
            return
        written = [column for column in act.columns if not self._is_filled_first(act, column)]
        if written and any(self._scene.holds_rows(table) for table in act.tables):
            columns = ", ".join(dict.fromkeys(written))
            yield Said(
                "update_without_where",
                str(act.tables[0]),
                f"overwrites {columns} in all rows of the table {act.tables[0]}. Say by a WHERE which rows are meant.",
            )

    def _is_filled_first(self, act: Update, key: str) -> bool:
        """Whether the column is one that these migrations have added."""
        found = [held.column(key) for held in map(self._scene.find, act.tables) if held]
        return any(found) and all(column.is_new for column in found if column) and not self._is_copied(act, key)

    def _is_copied(self, act: Update, key: str) -> bool:
        """Whether its values came from another table."""
        held = self._scene.find(act.tables[0])
        return (
            any(target == key and item.mentioned for copy in held.copies for target, item in copy.fed or ())
            if held
            else False
        )

    def _add_column(self, act: AddColumn) -> Iterator[Said]:
        column = act.column
        held = self._scene.live(act.table)
        if not held:
            return
        name = f"{act.table}.{column.name}"
        if column.is_not_null and not (column.has_default or column.is_numbered or column.is_computed):
            yield Said("not_null_without_default", name, _NOT_NULL[self._dialect].format(column.name, act.table))
        if self._dialect == "postgresql" and column.differs_by_row:
            yield Said(
                "blocking_rewrite",
                name,
                f"adds to {act.table} the column {column.name}, whose value differs from row to row, so that all rows"
                " are written anew while nobody can use the table. Add it empty, set the default in a second step,"
                " and fill the rows in batches.",
            )

    def _change_column(self, act: ChangeColumn) -> Iterator[Said]:
        held = self._scene.find(act.table)
        if not (held.is_live if held else self._scene.holds_rows(act.table)):
            return
        column = held.column(act.column.key) if held else None
        if column and column.is_new:
            return
        name = f"{act.table}.{act.column}"
        wanted = type_text(act.definition.type)
        if column is None:
            yield Said(
                "narrowing",
                name,
                f"changes the column {act.column} of {act.table} to {wanted}, and what it is now is not known, so that"
                " there is no saying whether everything fits.",
            )
        elif narrows(column.type, act.definition.type, self._dialect):
            yield Said(
                "narrowing",
                name,
                f"changes the column {act.column} of {act.table} from {_shown(column.type, self._dialect)} to {wanted},"
                " which cannot hold all that it may hold now. Add a new column, fill it, and drop the old one after the"
                " next release.",
            )
        elif self._dialect == "postgresql" and is_rewritten(column.type, act.definition.type):
            yield Said(
                "blocking_rewrite",
                name,
                f"changes the column {act.column} of {act.table} from {_shown(column.type, self._dialect)} to"
                f" {wanted}, for which all rows are written anew while nobody can use the table. Add a new column and"
                " fill it in batches.",
            )
        if act.is_whole and column and column.is_nullable and act.definition.is_not_null:
            yield _not_null(act.table, act.column, "MySQL refuses or replaces what is NULL. Fill the rows first.")

    def _set_not_null(self, act: SetNotNull) -> Iterator[Said]:
        held = self._scene.live(act.table)
        column = held.column(act.column.key) if held else None
        if held and not (column and (column.is_new or not column.is_nullable)) and act.column.key not in held.proved:
            yield _not_null(
                act.table,
                act.column,
                "all rows are read while nobody can use the table. First add CHECK (... IS NOT NULL) as NOT VALID, and"
                " VALIDATE it, which keeps nobody waiting.",
            )

    def _rename_column(self, act: RenameColumn) -> Iterator[Said]:
        held = self._scene.live(act.table)
        column = held.column(act.column.key) if held else None
        if held and not (column and column.is_new):
            yield Said(
                "rename_column",
                f"{act.table}.{act.column}",
                f"the column {act.column} of {act.table} becomes {act.to}, which the release that still runs does not"
                " know. Add the new column, write both, and drop the old one after the next release.",
            )

    def _create_index(self, act: CreateIndex) -> Iterator[Said]:
        if not self._scene.live(act.table):
            return
        if self._dialect == "postgresql" and not act.is_concurrent:
            yield Said(
                "blocking_index",
                str(act.table),
                f"makes an index of the table {act.table}, to which nobody can write meanwhile. Use CREATE INDEX"
                " CONCURRENTLY, outside of a transaction.",
            )
        elif self._dialect == "mysql" and act.kind:
            yield Said(
                "blocking_index",
                str(act.table),
                f"makes a {act.kind} index of the table {act.table}, to which nobody can write meanwhile. Do it when"
                " nobody minds.",
            )

    def _lock(self, act: Lock) -> Iterator[Said]:
        if self._dialect == "mysql" and self._scene.live(act.table):
            yield Said(
                "blocking_index",
                str(act.table),
                f"{act.clause} keeps others from writing to the table {act.table} until it is done. Leave the clause"
                " out, or ask for ALGORITHM=INPLACE, LOCK=NONE.",
            )

    def _add_constraint(self, act: AddConstraint) -> Iterator[Said]:
        if self._dialect == "postgresql" and not act.is_deferred and self._scene.live(act.table):
            yield Said(
                "blocking_constraint",
                str(act.table),
                f"adds to the table {act.table} a constraint ({_CONSTRAINTS[act.kind]}) that is proved for all rows"
                f" while nobody can write. {_INSTEAD[act.kind]}",
            )


_JUDGES: Mapping[type[Act], Callable[..., Iterator[Said]]] = {
    AddColumn: Judge._add_column,
    AddConstraint: Judge._add_constraint,
    ChangeColumn: Judge._change_column,
    CreateIndex: Judge._create_index,
    Delete: Judge._delete,
    DropColumn: Judge._drop_column,
    DropDependents: Judge._drop_dependents,
    DropSchema: Judge._drop_schema,
    DropTable: Judge._drop_table,
    Lock: Judge._lock,
    RenameColumn: Judge._rename_column,
    SetNotNull: Judge._set_not_null,
    Truncate: Judge._truncate,
    Update: Judge._update,
}

_NOT_NULL = {
    "sqlite": "adds the column {0} to {1} as NOT NULL without a default, which SQLite refuses. Give it a default.",
    "mysql": "adds the column {0} to {1} as NOT NULL without a default, so that the rows that are there get an empty"
    " value that nobody chose, and the release that still runs cannot add rows. Give it a default.",
    "postgresql": "adds the column {0} to {1} as NOT NULL without a default, which fails as soon as there is a row,"
    " and the release that still runs cannot add rows. Give it a default.",
}

_CONSTRAINTS = {
    "CHECK": "CHECK",
    "EXCLUDE": "EXCLUDE",
    "FOREIGN": "FOREIGN KEY",
    "PRIMARY": "PRIMARY KEY",
    "UNIQUE": "UNIQUE",
}

_NOT_VALID = "Add it as NOT VALID, and VALIDATE it in a statement of its own."
_USING_INDEX = "Make a unique index CONCURRENTLY, and add the constraint USING INDEX."

_INSTEAD = {
    "CHECK": _NOT_VALID,
    "EXCLUDE": "Do it when nobody minds.",
    "FOREIGN": _NOT_VALID,
    "PRIMARY": _USING_INDEX,
    "UNIQUE": _USING_INDEX,
}


def dropped(act: DropTable) -> Said:
    """What is to be said of a table that goes for good."""
    return Said(
        "drop_table",
        str(act.table),
        f"drops the table {act.table} with all its rows. Keep it until no release uses it.",
    )


def renamed(act: RenameTable) -> Said:
    """What is to be said of a table that nothing replaces under its old name."""
    return Said(
        "rename_table",
        str(act.table),
        f"the table {act.table} becomes {act.to}, and the release that still runs does not find it any more. Make a"
        " view of the old name in the same migration, and drop it with the next release.",
    )


def _not_null(table: object, column: object, sentence: str) -> Said:
    return Said(
        "set_not_null", f"{table}.{column}", f"the column {column} of {table} may not be NULL any more: {sentence}"
    )


def _shown(kind: str, dialect: str) -> str:
    return type_text(list(tokens(kind, dialect)))


def misread_text(found: Misread, line: int) -> Said:
    """What is said of a name in double quotes; what may be meant as a text may be a secret, and is not repeated."""
    if not found.is_column:
        return Said(
            "double_quoted_text",
            None,
            f"the statement of line {line} has a name in double quotes that is no column, so that SQLite takes it for a"
            " text. Write texts in single quotes.",
        )
    happens = {
        "SELECT": f"every row gets the text '{found.name}'",
        "INDEX": "the index is of one text that is the same in every row",
    }.get(found.clause, f"it stands for the text '{found.name}'")
    return Said(
        "double_quoted_text",
        found.name,
        f'"{found.name}" in the statement of line {line} is no column of the tables that it reads, so that SQLite'
        f" takes it for a text: {happens}. Name a column that is there, or write the value itself.",
    )
