# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a migration would lose, and whom it would keep waiting, as far as its text tells.

Nothing is carried out. What is in strings, in comments and in the bodies of procedures and triggers counts for nothing.

A statement is read as acts (`lint_parsing`, and `lint_alter` for ALTER TABLE); an act knows what speaks against it and
what it makes of the tables (`lint_acts`), and the scene has the tables as they are by then (`lint_scene`). Names in
double quotes are a matter of their own (`lint_quotes`). This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import CreateTable, RenameTable
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_parsing import acts
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_quotes import misread
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_scene import Held, Said, Scene, flaws
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.rules import DESTRUCTIVE, Finding
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import statements


def lint(migrations: Iterable[Migration], dialect: str, schema: Mapping[str, Sequence[Column]]) -> list[Finding]:
    """What speaks against the ways up, in the order of their lines; `schema` has the live tables by their names.

    They are carried out one after the other, so that each is judged by what those before it do. A table that one of
    them has made holds nothing that could be lost.
    """
    scene = Scene(schema, dialect)
    return [found for migration in migrations if migration.up is not None for found in _of_file(migration, scene)]


def _of_file(migration: Migration, scene: Scene) -> list[Finding]:
    """What speaks against it; the scene is then as the migration leaves it."""
    written = statements(migration.up or "", scene.dialect)
    done = [acts(statement.text, scene.dialect) for statement in written]
    names = {held: name for name, held in scene.tables.items()}
    created = {act.table.key for several in done for act in several if isinstance(act, CreateTable)}
    created |= {act.to.key for several in done for act in several if isinstance(act, RenameTable)}
    scene.said, scene.gone, scene.created = [], {}, created
    for statement, several in zip(written, done):
        scene.line = migration.up_line + statement.line - 1
        if scene.dialect == "sqlite" and '"' in statement.text:
            for name in misread(statement.text, scene.columns()):
                scene.say("double_quoted_text", name.name if name.is_column else None, name.told(scene.line))
        for act in several:
            scene.at += 1
            act.happen(scene)
    late = [(at, flaw) for held, (at, said) in scene.gone.items() for flaw in _of_gone(held, names[held], said, scene)]
    said = sorted([*scene.said, *late], key=lambda entry: (entry[1].line, entry[0]))
    return list(dict.fromkeys(_finding(flaw, migration.path) for at, flaw in said))


def _of_gone(held: Held, name: str, said: Said, scene: Scene) -> Sequence[Said]:
    """What is to be said in the end of a table that had this name."""
    successor = scene.tables.get(name)
    if successor is held or (said.rule == "rename_table" and name in scene.views):
        return []
    rebuilt = flaws(successor, held, name) if successor and not successor.is_live else None
    return [said] if rebuilt is None else rebuilt


def _finding(said: Said, file: str) -> Finding:
    """The finding, whose sentence is told where it was found and how it is allowed."""
    told = f"{file}, line {said.line}: {said.sentence} If this is meant, allow {said.rule}:{file}."
    return Finding(said.rule, file, said.line, said.what, told, is_destructive=said.rule in DESTRUCTIVE)
