# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a migration would lose, and whom it would keep waiting, as far as its text tells.

Nothing is carried out. What is in strings, in comments and in the bodies of procedures and triggers counts for nothing.
This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import (
    Act,
    CreateTable,
    DropTable,
    RenameTable,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_judge import (
    Judge,
    Said,
    dropped,
    misread_text,
    renamed,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_parsing import acts
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_quotes import misread
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_reader import Name
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_rebuild import (
    can_be_compared,
    flaws,
    steps,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_rules import (
    RULES,
    Finding,
    finding,
    refused,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_scene import Held, Scene
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import statements
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens

__all__ = ["RULES", "Finding", "lint", "refused"]


def lint(migrations: Iterable[Migration], dialect: str, schema: Mapping[str, Sequence[Column]]) -> list[Finding]:
    """What speaks against the ways up, in the order of their lines; `schema` has the live tables by their names.

    They are carried out one after the other, so that each is judged by what those before it do. A table that one of
    them has made holds nothing that could be lost.
    """
    scene = Scene(schema)
    found: list[Finding] = []
    for migration in migrations:
        if migration.up is not None:
            found += _File(migration, dialect, scene).findings()
    return found


@dataclass(frozen=True)
class _Away:
    """A table that was dropped or renamed, which is right if another takes its place; `at` is which act that was."""

    held: Held
    name: str
    line: int
    at: int
    said: Said


class _File:
    """One migration, going through its statements in the scene that those before it have left."""

    def __init__(self, migration: Migration, dialect: str, scene: Scene) -> None:
        self._migration = migration
        self._dialect = dialect
        self._scene = scene
        self._names = {id(held): name for name, held in scene.tables.items()}
        self._away: dict[int, _Away] = {}
        self._found: list[tuple[int, int, Said]] = []
        # How many acts there were, so that what is found late can be told in its order.
        self._at = 0

    def findings(self) -> list[Finding]:
        """What speaks against it, in the order of its lines; the scene is then as the migration leaves it."""
        written = statements(self._migration.up or "", self._dialect)
        done = [acts(statement.text, self._dialect) for statement in written]
        created = {name.key for several in done for act in several for name in _made(act)}
        judge = Judge(self._scene, self._dialect, created)
        for statement, several in zip(written, done):
            line = self._migration.up_line + statement.line - 1
            if self._dialect == "sqlite" and '"' in statement.text:
                names = misread(list(tokens(statement.text, self._dialect)), self._scene.columns())
                self._note(line, (misread_text(name, line) for name in names))
            for act in several:
                self._at += 1
                self._note(line, judge.judged(act))
                self._follow(act, line)
        for away in self._away.values():
            self._found += self._of_table_that_went(away)
        unique = dict.fromkeys((line, said) for line, at, said in sorted(self._found, key=lambda entry: entry[:2]))
        return [finding(said.rule, self._migration.path, line, said.what, said.sentence) for line, said in unique]

    def _note(self, line: int, several: Iterable[Said]) -> None:
        self._found += [(line, self._at, said) for said in several]

    def _follow(self, act: Act, line: int) -> None:
        """Have the scene be as it is after this."""
        if isinstance(act, DropTable) and not act.is_temporary:
            self._note_away(self._scene.drop(act), line, dropped(act))
        elif isinstance(act, RenameTable):
            self._note_away(self._scene.rename(act), line, renamed(act))
        else:
            self._scene.follow(act, line)

    def _note_away(self, held: Held | None, line: int, said: Said) -> None:
        if held and held.is_live:
            before = self._away.get(id(held))
            # What was renamed before it was dropped was first of all renamed, and is now gone.
            name = before.name if before else self._names.get(id(held), held.name)
            if not before or said.rule == "drop_table":
                self._away[id(held)] = _Away(held, name, line, self._at, said)

    def _of_table_that_went(self, away: _Away) -> list[tuple[int, int, Said]]:
        successor = self._scene.tables.get(away.name)
        if successor is away.held or (away.said.rule == "rename_table" and away.name in self._scene.views):
            return []
        rebuilding = steps(successor, away.held) if successor and not successor.is_live else []
        if not can_be_compared(rebuilding):
            return [(away.line, away.at, away.said)]
        return [
            (flaw.line, away.at, Said(flaw.rule, ".".join(filter(None, (away.name, flaw.column))), flaw.sentence))
            for flaw in flaws(rebuilding, away.name)
        ]


def _made(act: Act) -> Iterable[Name]:
    """Under which names there are tables after this that were not there before."""
    if isinstance(act, CreateTable):
        return (act.table,)
    return (act.to,) if isinstance(act, RenameTable) else ()
