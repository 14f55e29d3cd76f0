# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which migrations a run carries out, and what speaks against it. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Problem, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean


@dataclass(frozen=True)
class Policies:
    """What becomes of migrations that do not fit: fail or warn; fail or apply."""

    on_drift: str = "fail"
    out_of_order: str = "fail"


def sorted_out(problems: Sequence[Problem], policies: Policies) -> tuple[list[Problem], list[Problem]]:
    """The problems that stop a run, and those that are only warned of."""
    mild = {
        *(("edited", "deleted") if policies.on_drift == "warn" else ()),
        *(("late",) if policies.out_of_order == "apply" else ()),
    }
    return (
        [problem for problem in problems if problem.kind not in mild],
        [problem for problem in problems if problem.kind in mild],
    )


def up_to(pending: Sequence[Migration], target: str | None, steps: int | None) -> list[Migration]:
    """The pending ones as far as the user wants to go."""
    chosen = list(pending)
    if target is not None:
        at = next((at for at, migration in enumerate(chosen) if _is(migration, target)), None)
        # Where the target is applied already, there is nothing to do.
        chosen = chosen[: at + 1] if at is not None else []
    return chosen if steps is None else chosen[:steps]


def down_to(applied: Sequence[Migration], target: str | None, steps: int | None) -> list[Migration]:
    """The applied ones that are taken back, the last first: those after the target, or so many."""
    backwards = list(reversed(applied))
    if target is None:
        chosen = backwards[: 1 if steps is None else steps]
    else:
        at = next((at for at, migration in enumerate(backwards) if _is(migration, target)), len(backwards))
        chosen = backwards[:at]
    without = [migration.path for migration in chosen if migration.down is None]
    if without:
        raise InvalidInput(
            "The migrations",
            [f"{path} cannot be taken back: nothing says how. Restore a backup instead." for path in without],
        )
    return chosen


def refuse_unknown(target: str | None, standing: Standing) -> None:
    """Raise InvalidInput if there is no such version."""
    if target is None or target in standing.applied or any(_is(migration, target) for migration in standing.files):
        return
    known = [migration.version for migration in standing.files]
    raise InvalidInput(
        "The migrations", [f"target: there is no version {target}. {did_you_mean(target, known)}".strip()]
    )


def _is(migration: Migration, target: str) -> bool:
    return target in (migration.version, migration.name, migration.path)
