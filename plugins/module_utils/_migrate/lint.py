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
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_acts import CreateTable, RenameTable
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_parsing import acts
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_quotes import misread
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint_scene import Held, Said, Scene, flaws
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import statements
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

_DESTRUCTIVE: Mapping[str, str] = {
    "drop_table": "A table is dropped with all its rows.",
    "drop_column": "A column is dropped with all its values, and the release that still runs asks for it.",
    "drop_database": "A whole database is dropped.",
    "drop_schema": "A schema is dropped, or all that a role owns.",
    "truncate": "A table or one of its partitions is emptied.",
    "delete_without_where": "All rows of a table are deleted, because the statement has no condition.",
    "update_without_where": "A column that was there before is overwritten in all rows.",
    "narrowing": "A column gets a type that cannot hold all that the old one could.",
    "rebuild_loses_column": "A table is built anew, and the values of a column are not taken along.",
    "rebuild_loses_rows": "A table is built anew, and the copying leaves out rows.",
    "rebuild_mixes_columns": "A table is built anew, and a column gets the values of another one.",
    "double_quoted_text": "A name in double quotes is no column, so that SQLite takes it for a text.",
}

_BLOCKING: Mapping[str, str] = {
    "not_null_without_default": "A new column may not be NULL and has no default, so that rows without it are refused.",
    "set_not_null": "A column may not be NULL any more, so that all rows are read, and those without a value refused.",
    "rename_table": "A table gets another name, under which the release that still runs does not know it.",
    "rename_column": "A column gets another name, under which the release that still runs does not know it.",
    "blocking_index": "An index is made in a way that keeps others from writing.",
    "blocking_constraint": "A constraint is proved for all rows while nobody else can write.",
    "blocking_rewrite": "PostgreSQL writes all rows of a table anew, and nobody can read or write meanwhile.",
}

# What each rule finds. Those of the first kind are about data that are lost or wrong, the others about waiting.
RULES: Mapping[str, str] = {**_DESTRUCTIVE, **_BLOCKING}


@dataclass(frozen=True)
class Finding:
    """What a rule found, and where; `object` is the table or the column, if it can be named."""

    rule: str
    file: str
    line: int
    object: str | None
    sentence: str
    is_destructive: bool


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
    return Finding(said.rule, file, said.line, said.what, told, is_destructive=said.rule in _DESTRUCTIVE)


def refused(findings: Sequence[Finding], allowed: Sequence[str]) -> list[Finding]:
    """The findings that are not allowed. Raises InvalidInput if a rule is allowed that there is not.

    What can be allowed is a rule everywhere, such as drop_table, or in one file, such as drop_table:0007_shrink.sql.
    """
    rules = [entry.partition(":")[0] for entry in allowed]
    problems = [f"There is no rule {rule}. {did_you_mean(rule, RULES)}" for rule in rules if rule not in RULES]
    if problems:
        raise InvalidInput("What is allowed to migrations", problems)
    return [found for found in findings if found.rule not in allowed and f"{found.rule}:{found.file}" not in allowed]
