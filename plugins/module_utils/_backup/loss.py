# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many rows a restore may lose. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

UNLIMITED = "unlimited"

# How many tables a sentence names; the facts that go with it have all.
_TOLD = 10


@dataclass(frozen=True)
class Budget:
    """How many rows may be lost: of all tables that are not named together, and of each that is; None is unlimited."""

    total: int | None = 0
    tables: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def is_unlimited(self) -> bool:
        """Whether everything may be lost."""
        return self.total is None and all(limit is None for limit in self.tables.values())


def parse_budget(given: object) -> Budget:
    """The budget that the user declared: a number, unlimited, or a dictionary of tables with `*` for all others."""
    declared = given if isinstance(given, Mapping) else {"*": given}
    problems: list[str] = []
    parsed: dict[str, int | None] = {}
    for table, value in declared.items():
        text = str(value).strip()
        if text == UNLIMITED:
            parsed[str(table)] = None
        elif text.isdecimal():
            parsed[str(table)] = int(text)
        else:
            where = "loss_budget" if declared is not given else f"loss_budget.{table}"
            problems.append(f"{where} is neither a number of rows nor {UNLIMITED}.")
    if problems:
        raise InvalidInput("The restore", problems)
    return Budget(parsed.pop("*", 0), parsed)


def refuse_unknown(budget: Budget, tables: Iterable[Table]) -> None:
    """Raise InvalidInput if a table is named that is not there: under its right name it would have no limit."""
    known = {name for table in tables for name in (str(table), table.name)}
    problems = [
        f"loss_budget.{name}: neither the database nor the backup has such a table. {did_you_mean(name, known)}".strip()
        for name in budget.tables
        if name not in known
    ]
    if problems:
        raise InvalidInput("The restore", problems)


def refuse_beyond(budget: Budget, lost: Mapping[Table, int]) -> None:
    """Raise BackupError, which tells every table, if more rows would be lost than may be."""
    beyond, others = [], []
    for table, rows in sorted(lost.items()):
        named = _limit(budget, table)
        if named is _UNNAMED:
            others.append((table, rows))
        elif isinstance(named, int) and rows > named:
            beyond.append((table, rows))
    if budget.total is not None and sum(rows for _table, rows in others) > budget.total:
        beyond += others
    told = [f"{rows} of {table}" for table, rows in sorted(beyond) if rows]
    if told:
        more = f" and more of {len(told) - _TOLD} others" if len(told) > _TOLD else ""
        raise BackupError(
            "The restore would lose rows that were written or changed since the backup:"
            f" {', '.join(told[:_TOLD])}{more}. Nothing was changed."
            " If they may go, say so with loss_budget.",
            lost={str(table): rows for table, rows in sorted(lost.items()) if rows},
        )


_UNNAMED = object()


def _limit(budget: Budget, table: Table) -> object:
    for name in (str(table), table.name):
        if name in budget.tables:
            return budget.tables[name]
    return _UNNAMED
