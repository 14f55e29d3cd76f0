# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a database as one statement after the other changes them, and what is to be said of that.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_columns import Definition
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Name
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_select import STAR, Item, Select


@dataclass(frozen=True)
class Said:
    """What a rule has to say, and of which table or column, if that can be named."""

    line: int
    rule: str
    what: str | None
    sentence: str


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
    """A table; its columns are None where they are not known, `is_live` if it was there before the migrations."""

    columns: dict[str, Definition] | None
    is_live: bool = False
    copies: list[Copy] = field(default_factory=list)
    # What checks say of columns that are never NULL: by the name of those that are not proved yet, and the others.
    pending_proofs: dict[str, str] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)

    def column(self, key: str) -> Definition | None:
        """The column of this name, if there is one and if they are known."""
        return (self.columns or {}).get(key)

    def is_added(self, key: str) -> bool:
        """Whether the column is one that the migrations have added, and not filled from another table."""
        column = self.column(key)
        fed = [entry for copy in self.copies for entry in copy.fed or ()]
        return bool(column and column.is_new) and not any(target == key and item.mentioned for target, item in fed)


class Scene:
    """All tables by their names in lower case, beginning with those of the live database."""

    def __init__(self, schema: Mapping[str, Sequence[Column]], dialect: str) -> None:
        self.dialect = dialect
        self.tables = {
            name.lower(): Held({column.name.lower(): _live(column) for column in columns}, is_live=True)
            for name, columns in schema.items()
        }
        self.views: set[str] = set()
        # Where there is no table, there is nothing to lose either.
        self._was_empty = not schema
        # Of the migration that is carried out: the names that tables get in it, the line, and the number of the act.
        self.created: set[str] = set()
        self.line = self.at = 0
        # What is said, and of which act, so that what shows late can be told in its order.
        self.said: list[tuple[int, Said]] = []
        self.gone: dict[Held, tuple[int, Said]] = {}

    def find(self, table: Name) -> Held | None:
        """The table, if it is known; some are listed with their schema."""
        return self.tables.get(str(table).lower()) or self.tables.get(table.key)

    def live(self, table: Name) -> Held | None:
        """The table, if it was there before the migrations."""
        held = self.find(table)
        return held if held and held.is_live else None

    def column(self, table: Name, column: Name) -> Definition | None:
        """The column, if it is known."""
        held = self.find(table)
        return held.column(column.key) if held else None

    def holds_rows(self, table: Name) -> bool:
        """Whether rows of before the migrations may be in it; an unknown table may be one that is badly understood."""
        held = self.find(table)
        return bool(held.is_live or held.copies) if held else not self._was_empty

    def columns(self) -> dict[str, Collection[str]]:
        """The names of the columns, of the tables of which they are known."""
        return {name: held.columns for name, held in self.tables.items() if held.columns}

    def say(self, rule: str, what: Name | str | None, sentence: str) -> None:
        """Note what speaks against that which happens now."""
        self.said.append((self.at, Said(self.line, rule, str(what) if what else None, sentence)))

    def take_away(self, table: Name, rule: str, sentence: str) -> Held | None:
        """Nothing has this name any more, of which this is to be said unless another table takes its place."""
        held = self.find(table)
        self.tables = {name: other for name, other in self.tables.items() if other is not held}
        # What was renamed before it was dropped is now gone.
        if held and held.is_live and (rule == "drop_table" or held not in self.gone):
            self.gone[held] = (self.at, Said(self.line, rule, str(table), sentence))
        return held

    def copy(self, held: Held, select: Select, targets: Sequence[str] | None, leaves_out: str) -> None:
        """Rows of other tables come into this one, and there into these columns; None if they are not known."""
        source = self.find(select.source) if select.source else None
        items = self.items(select)
        if source and source is not held:
            fed = None if targets is None or items is None else list(zip(targets, items))
            counts = (len(targets or ()), len(items or ()))
            held.copies.append(Copy(source, self.line, fed, counts, leaves_out))

    def items(self, select: Select) -> list[Item] | None:
        """What the query returns, with the columns for which a star stands; None if they are not known."""
        source = self.find(select.source) if select.source else None
        found: list[Item] = []
        for item in select.items:
            if item is not STAR:
                found.append(item)
            elif source is None or source.columns is None:
                return None
            else:
                found += (Item(key, key, frozenset([key])) for key in source.columns)
        return found


def _live(column: Column) -> Definition:
    return Definition(column.type, is_not_null=not column.is_nullable, is_new=False)


@dataclass(frozen=True)
class _Step:
    """The copying of one table into another on the way in which a table is built anew."""

    new: Held
    old: Held
    copies: Sequence[Copy]


def flaws(new: Held, old: Held, name: str) -> list[Said] | None:
    """What is lost or mixed up on the way from the old table into the new one, which has this name in the end.

    None if the rows did not come that way, or if it is not known what went where.
    """
    steps = _steps(new, old, [])
    is_known = all(
        step.new.columns is not None
        and step.old.columns is not None
        and any(copy.fed is not None for copy in step.copies)
        for step in steps
    )
    return [flaw for step in steps for flaw in _of_step(step, name)] if steps and is_known else None


def _steps(new: Held, old: Held, seen: Sequence[Held]) -> list[_Step]:
    """How the rows of the old table came into the new one; none if they did not."""
    direct = [copy for copy in new.copies if copy.source is old]
    if direct:
        return [_Step(new, old, direct)]
    for between in dict.fromkeys(copy.source for copy in new.copies):
        before = [] if between.is_live or between in seen else _steps(between, old, [*seen, new])
        if before:
            return [*before, _Step(new, between, [copy for copy in new.copies if copy.source is between])]
    return []


def _of_step(step: _Step, name: str) -> Iterator[Said]:
    first = step.copies[0]
    if all(copy.leaves_out for copy in step.copies):
        yield Said(
            first.line,
            "rebuild_loses_rows",
            name,
            f"the table {name} is built anew, and {first.leaves_out} leaves out rows in copying the old one. Copy all"
            " rows, and delete what is not wanted by a statement of its own.",
        )
    old = {key for key, column in (step.old.columns or {}).items() if not (column.is_new and step.old.is_live)}
    for copy in step.copies:
        if copy.fed is not None:
            yield from _of_columns(copy, copy.fed, old, step.new, name)


def _of_columns(copy: Copy, fed: Sequence[tuple[str, Item]], old: set[str], new: Held, name: str) -> Iterator[Said]:
    targets, sources = copy.counts
    both_sides = "Name the columns on both sides, in the same order."
    if targets != sources:
        sentence = f"the table {name} is built anew, and {sources} columns are copied into {targets}. {both_sides}"
        yield Said(copy.line, "rebuild_mixes_columns", name, sentence)
    items = dict(fed) if targets == sources else {}
    renamed = {item.column: target for target, item in items.items() if new.column(target) and target not in old}
    for key in sorted(old):
        item, column = items.get(key), new.column(key)
        rule = "rebuild_loses_column"
        if not column and key in renamed:
            rule = "rename_column"
            told = (
                f" with its column {key} as {renamed[key]}, which the release that still runs does not know. Keep both"
                " until the next release."
            )
        elif not column:
            told = (
                f" without its column {key}, whose values are lost. Add the column to the new table and to both sides"
                " of INSERT ... SELECT."
            )
        elif targets != sources or column.is_computed or (item and key in item.mentioned):
            continue
        elif item and item.column in old:
            rule, told = (
                "rebuild_mixes_columns",
                f", and its column {key} gets the values of {item.column}. {both_sides}",
            )
        else:
            told = f", and nothing copies the values of its column {key}. Add it to both sides of INSERT ... SELECT."
        yield Said(copy.line, rule, f"{name}.{key}", f"the table {name} is built anew{told}")
