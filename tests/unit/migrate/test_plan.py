# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Problem, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.plan import (
    Policies,
    down_to,
    refuse_unknown,
    sorted_out,
    up_to,
)

ALL = [
    Migration(str(number), f"step_{number}", f"{number}_step.sql", "0" * 64, "SELECT 1", "SELECT 2")
    for number in (1, 2, 3)
]


@pytest.mark.parametrize(
    ("target", "steps", "expected"),
    [
        (None, None, "123"),
        (None, 1, "1"),
        (None, 9, "123"),
        ("2", None, "12"),
        ("step_2", None, "12"),
        ("2_step.sql", None, "12"),
        ("3", 1, "1"),
        # It is applied already.
        ("0", None, ""),
    ],
)
def test_up_to(target: str | None, steps: int | None, expected: str) -> None:
    assert "".join(migration.version for migration in up_to(ALL, target, steps)) == expected


@pytest.mark.parametrize(
    ("target", "steps", "expected"),
    [(None, None, "3"), (None, 2, "32"), (None, 9, "321"), ("1", None, "32"), ("3", None, ""), ("0", None, "321")],
)
def test_down_to(target: str | None, steps: int | None, expected: str) -> None:
    assert "".join(migration.version for migration in down_to(ALL, target, steps)) == expected


def test_what_cannot_be_taken_back_is_refused() -> None:
    forever = Migration("4", "forever", "4_forever.sql", "0" * 64, "SELECT 1")

    assert down_to([forever, *ALL], None, 3) == list(reversed(ALL))
    with pytest.raises(InvalidInput, match=r"4_forever\.sql cannot be taken back: nothing says how\. Restore a backup"):
        down_to([*ALL, forever], None, 1)


KINDS = ("edited", "deleted", "late", "failed", "rolled_back", "duplicate", "locked", "reverting")


@pytest.mark.parametrize(
    ("policies", "mild"),
    [
        (Policies(), ()),
        (Policies(on_drift="warn"), ("edited", "deleted")),
        (Policies(out_of_order="apply"), ("late",)),
        (Policies("warn", "apply"), ("edited", "deleted", "late")),
    ],
)
def test_policies(policies: Policies, mild: Sequence[str]) -> None:
    problems = [Problem(kind, "1_step.sql", f"It is {kind}.") for kind in KINDS]

    stopping, warned = sorted_out(problems, policies)

    assert [problem.kind for problem in warned] == list(mild)
    assert [problem.kind for problem in stopping] == [kind for kind in KINDS if kind not in mild]


@pytest.mark.parametrize("target", [None, "2", "step_3", "1_step.sql", "0_gone.sql"])
def test_known_targets(target: str | None) -> None:
    refuse_unknown(target, Standing(["0_gone.sql"], ALL, files=ALL))


def test_unknown_target() -> None:
    with pytest.raises(InvalidInput, match=r"target: there is no version 22\. Did you mean 2\?"):
        refuse_unknown("22", Standing([], ALL, files=ALL))
