# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the chores of a database. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Connect, Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DatabaseError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# In this order: to vacuum moves rows, and what describes them is to be of afterwards.
ACTIONS = ("vacuum", "analyze")


@dataclass(frozen=True)
class Request:
    """What the user asked for; no tables are all of them."""

    address: Address
    actions: Sequence[str]
    tables: Sequence[str]
    timeout: float | None
    lock_timeout: float


def maintain(
    request: Request, *, connect: Connect, engine: Engine, now: Callable[[], datetime], check_mode: bool
) -> Result:
    """Vacuum and analyze: work, and no state, so that every run does it."""
    if not request.actions:
        raise InvalidInput("The maintenance", [f"actions: name at least one of {', '.join(ACTIONS)}."])
    opened = connect(request.address, engine, statement_timeout=request.timeout, lock_timeout=request.lock_timeout)
    with closing(opened) as connection:
        tables = _chosen(request.tables, engine.tables(connection))
        actions = [action for action in ACTIONS if action in request.actions]
        statements = {action: engine.maintenance(action, tables) for action in actions}
        before, begun = engine.size(connection), now()
        if not check_mode:
            for action, needed in statements.items():
                _carry_out(connection, action, needed, request.address)
        return Result(
            changed=True,
            data={
                "actions": actions,
                "tables": [str(table) for table in tables],
                "bytes_before": before,
                "bytes_after": engine.size(connection),
                "seconds": round((now() - begun).total_seconds(), 1),
            },
        )


def _chosen(wanted: Sequence[str], present: Sequence[Table]) -> list[Table]:
    by_name = {name: table for table in present for name in (table.name, str(table))}
    problems = [
        f"tables: there is no table {name}. {did_you_mean(name, by_name)}".strip()
        for name in wanted
        if name not in by_name
    ]
    if problems:
        raise InvalidInput("The maintenance", problems)
    return [by_name[name] for name in wanted]


def _carry_out(connection: Connection, action: str, statements: Sequence[str], address: Address) -> None:
    for statement in statements:
        for row in connection.rows(statement):
            # MySQL reports what goes wrong with a table as a row of the result: table, operation, kind, text.
            if len(row) == 4 and str(row[2]).lower() == "error":
                raise DatabaseError(
                    f"{address}: {action} of {row[0]} failed: {row[3]}. The other tables may be done already.",
                    reason="other",
                )
