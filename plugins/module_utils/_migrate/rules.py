# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules by which migrations are judged, and which of them are allowed. This module is private to the collection.

What finds (`lint`) is imported only where there is something to judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

DESTRUCTIVE: Mapping[str, str] = {
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
RULES: Mapping[str, str] = {**DESTRUCTIVE, **_BLOCKING}


@dataclass(frozen=True)
class Finding:
    """What a rule found, and where; `object` is the table or the column, if it can be named."""

    rule: str
    file: str
    line: int
    object: str | None
    sentence: str
    is_destructive: bool


def refused(findings: Sequence[Finding], allowed: Sequence[str]) -> list[Finding]:
    """The findings that are not allowed. Raises InvalidInput if a rule is allowed that there is not.

    What can be allowed is a rule everywhere, such as drop_table, or in one file, such as drop_table:0007_shrink.sql.
    """
    rules = [entry.partition(":")[0] for entry in allowed]
    problems = [
        f"allow_destructive[{number}]: there is no such rule. {did_you_mean(rule, RULES)}"
        for number, rule in enumerate(rules, 1)
        if rule not in RULES
    ]
    if problems:
        raise InvalidInput("What is allowed to migrations", problems)
    return [found for found in findings if found.rule not in allowed and f"{found.rule}:{found.file}" not in allowed]
