# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a table that is built anew has all that the old one had. This module is private to the collection.

A table is built anew where another takes its name that has been filled from it, in one step or over a table between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import Item
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_scene import Copy, Held


@dataclass(frozen=True)
class Flaw:
    """What a rebuilding does wrong; `line` is that of the copying."""

    rule: str
    line: int
    column: str | None
    sentence: str


@dataclass(frozen=True)
class _Step:
    """The copying of one table into another, of which the columns are those at that moment."""

    new: Held
    old: Held
    copies: Sequence[Copy]


def steps(new: Held, old: Held, seen: Sequence[Held] = ()) -> list[_Step]:
    """How the rows of the old table came into the new one; none if they did not."""
    direct = [copy for copy in new.copies if copy.source is old]
    if direct:
        return [_Step(new, old, direct)]
    for between in dict.fromkeys(copy.source for copy in new.copies):
        before = [] if between.is_live or between in seen else steps(between, old, [*seen, new])
        if before:
            return [*before, _Step(new, between, [copy for copy in new.copies if copy.source is between])]
    return []


def can_be_compared(found: Sequence[_Step]) -> bool:
    """Whether it is known what goes where in each of these steps."""
    return bool(found) and all(
        step.new.columns is not None
        and step.old.columns is not None
        and any(copy.fed is not None for copy in step.copies)
        for step in found
    )


def flaws(found: Sequence[_Step], name: str) -> Iterator[Flaw]:
    """What is lost or mixed up on the way into the new table, which has this name in the end."""
    for step in found:
        yield from _lost_rows(step, name)
        for copy in step.copies:
            if copy.fed is not None:
                yield from _of_columns(step, copy, name)


def _lost_rows(step: _Step, name: str) -> Iterator[Flaw]:
    first = step.copies[0]
    if all(copy.leaves_out for copy in step.copies):
        yield Flaw(
            "rebuild_loses_rows",
            first.line,
            None,
            f"the table {name} is built anew, and {first.leaves_out} leaves out rows in copying the old one. Copy all"
            " rows, and delete what is not wanted by a statement of its own.",
        )


def _of_columns(step: _Step, copy: Copy, name: str) -> Iterator[Flaw]:
    targets, sources = copy.counts
    old = {key for key, value in (step.old.columns or {}).items() if not value.is_new or not step.old.is_live}
    new = step.new.columns or {}
    if targets != sources:
        yield Flaw(
            "rebuild_mixes_columns",
            copy.line,
            None,
            f"the table {name} is built anew, and {sources} columns are copied into {targets}. Name the columns on both"
            " sides, in the same order.",
        )
        yield from (_lost(copy, name, key) for key in sorted(old - set(new)))
        return
    fed = dict(copy.fed or ())
    plainly = {item.column: target for target, item in (copy.fed or ()) if target not in old}
    for key in sorted(old):
        if key not in new:
            yield _renamed(copy, name, key, plainly[key]) if plainly.get(key) in new else _lost(copy, name, key)
        elif not new[key].is_computed:
            yield from _of_column(copy, name, key, fed.get(key), old)


def _of_column(copy: Copy, name: str, key: str, item: Item | None, old: set[str]) -> Iterator[Flaw]:
    if item is None or key not in item.mentioned:
        if item and item.column in old:
            yield Flaw(
                "rebuild_mixes_columns",
                copy.line,
                key,
                f"the table {name} is built anew, and its column {key} gets the values of {item.column}. Name the"
                " columns on both sides, in the same order.",
            )
        else:
            yield Flaw(
                "rebuild_loses_column",
                copy.line,
                key,
                f"the table {name} is built anew, and nothing copies the values of its column {key}. Add it to both"
                " sides of INSERT ... SELECT.",
            )


def _lost(copy: Copy, name: str, key: str) -> Flaw:
    return Flaw(
        "rebuild_loses_column",
        copy.line,
        key,
        f"the table {name} is built anew without its column {key}, whose values are lost. Add the column to the new"
        " table and to both sides of INSERT ... SELECT.",
    )


def _renamed(copy: Copy, name: str, key: str, to: str) -> Flaw:
    return Flaw(
        "rename_column",
        copy.line,
        key,
        f"the table {name} is built anew with its column {key} as {to}, which the release that still runs does not"
        " know. Keep both until the next release.",
    )
