# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Mapping

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.plan import (
    Plan,
    confidential_texts,
    plan_environment,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import parse_schema
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import parse
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

KNOWN = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def counting() -> Callable[[int], bytes]:
    """Random bytes that are the same in every run, and others with every call."""
    turn = itertools.count(7)
    return lambda length: bytes((next(turn) * 37 + position * 101) % 256 for position in range(length))


def plan(
    schema: Mapping[str, object],
    values: Mapping[str, object] | None = None,
    present: str = "",
    unknown: str = "refuse",
) -> Plan:
    return plan_environment(
        fields=parse_schema(schema),
        values=values or {},
        present=parse(present),
        unknown=unknown,
        random=counting(),
        subject="/srv/a/.env",
    )


def problems(
    schema: Mapping[str, object],
    values: Mapping[str, object] | None = None,
    present: str = "",
    unknown: str = "refuse",
) -> list[str]:
    with pytest.raises(InvalidInput) as refusal:
        plan(schema, values, present, unknown)
    told = refusal.value.details["problems"]
    assert isinstance(told, list)
    return told


def test_a_given_value_wins_over_the_default_and_the_file() -> None:
    schema = {"A": {"default": "d"}, "B": {"default": "d"}, "C": {}, "D": {}}
    assert plan(schema, {"A": "g", "D": None}, "A=f\nB=f\nC=f\nD=f\n").after == {"A": "g", "B": "d"}


def test_a_secret_is_made_once_and_kept() -> None:
    schema = {"S": {"type": "secret", "generate": True, "min_entropy": 32}}
    first = plan(schema)
    assert first.generated == {"S"}
    again = plan(schema, present=first.content)
    assert again.generated == set()
    assert again.after == first.after
    assert again.content == first.content


def test_a_secret_of_another_host_is_taken() -> None:
    schema = {"S": {"type": "secret", "generate": True}, "T": {"type": "secret"}}
    taken = plan(schema, {"S": KNOWN, "T": "of this host"}, present="S=mine\n")
    assert taken.generated == set()
    assert taken.shareable == {"S": KNOWN}


@pytest.mark.parametrize(
    ("limits", "alphabet", "length"),
    [
        ({}, "0123456789abcdef", 64),
        ({"encoding": "base64"}, string.ascii_letters + string.digits + "-_=", 44),
        ({"min_entropy": 48}, "0123456789abcdef", 96),
        ({"min_length": 100}, "0123456789abcdef", 100),
        ({"pattern": "[a-f].*"}, "0123456789abcdef", 64),
    ],
)
def test_a_made_secret_passes_its_own_limits(limits: dict[str, object], alphabet: str, length: int) -> None:
    made = plan({"S": {"type": "secret", "generate": True, **limits}}).after["S"]
    assert set(made) <= set(alphabet)
    assert len(made) == length


def test_a_secret_that_cannot_be_made() -> None:
    assert "cannot be generated" in problems({"S": {"type": "secret", "generate": True, "max_length": 8}})[0]


def test_a_kept_secret_that_is_unfit_is_neither_kept_nor_replaced() -> None:
    schema = {"S": {"type": "secret", "generate": True}}
    assert "in the present file is still a placeholder" in problems(schema, present="S=your-jwt-secret\n")[0]


def test_all_problems_are_told_at_once_by_name_and_without_values() -> None:
    told = problems(
        {"A": {"required": True}, "B": {"type": "port"}, "C": {"type": "secret", "min_entropy": 32}, "PORT": {}},
        {"B": "hunter22", "C": "hunter22", "PROT": "hunter22", "PORT": "it's $hunter22"},
        "OLD=hunter22\nhunter22\n",
    )
    assert [problem.split()[0] for problem in told] == ["A", "B", "C", "PORT", "OLD", "PROT", "Line"]
    assert "Did you mean PORT?" in told[5]
    assert "hunter22" not in str(told)


def test_unknown_names_are_kept_behind_the_others() -> None:
    kept = plan({"A": {}}, {"A": "1", "NEW": "n", "OLD": "given"}, "OLD=o\nZ=z\n", unknown="keep")
    assert list(kept.after.items()) == [("A", "1"), ("OLD", "given"), ("Z", "z"), ("NEW", "n")]


@pytest.mark.parametrize(
    ("values", "present", "problem"),
    [
        ({}, "my-key=1\n", "my-key is no name that a shell can read"),
        ({"X": "changeme"}, "", "X is still a placeholder"),
        ({"X": {"a": 1}}, "", "X is not a string"),
        ({"X": "it's $x"}, "", "X holds a single quote"),
        ({}, "nonsense\n", "Line 1 of the present file"),
    ],
)
def test_what_cannot_be_kept_is_refused(values: dict[str, object], present: str, problem: str) -> None:
    assert problem in problems({}, values, present, unknown="keep")[0]


def test_unknown_names_are_dropped_and_named() -> None:
    dropped = plan({"A": {}}, {"A": "1", "NEW": "n"}, "OLD=o\nnonsense\n", unknown="drop")
    assert dropped.after == {"A": "1"}
    assert dropped.dropped == ("OLD", "NEW")
    assert dropped.changes == {"added": ["A"], "changed": [], "removed": ["OLD"]}


def test_what_the_file_as_a_whole_would_change_is_refused() -> None:
    told = problems({"A": {}, "B": {}}, {"A": "ends\\", "B": "\nx y"})
    assert [problem.split()[0] for problem in told] == ["A", "B"]
    assert "misread" in told[0]


def test_what_people_see_of_a_change() -> None:
    schema = {
        "PORT": {"type": "port"},
        "KEPT": {"type": "secret"},
        "OTHER": {"type": "secret"},
        "MADE": {"type": "secret", "generate": True},
        "DATABASE_URL": {"type": "url"},
        "MODE": {"choices": ["a", "b"]},
        "HIDDEN": {"secret": True},
    }
    values = {
        "PORT": 3001,
        "KEPT": "hunter22",
        "OTHER": "hunter23",
        "DATABASE_URL": "mysql://u:hunter24@host/db",
        "MODE": "b",
        "HIDDEN": "hunter27",
    }
    present = "PORT=3000\nKEPT=hunter22\nOTHER=hunter25\nMODE=hunter26\nGONE=hunter28\n"
    before, after = plan(schema, values, present, unknown="drop").shown()
    assert before.splitlines() == ["PORT=3000", "KEPT=(secret)", "OTHER=(secret)", "MODE=(secret)", "GONE=(secret)"]
    assert after.splitlines() == [
        "PORT=3001",
        "KEPT=(secret)",
        "OTHER=(secret, changed)",
        "MADE=(secret, generated)",
        "DATABASE_URL=(secret)",
        "MODE=b",
        "HIDDEN=(secret)",
    ]


def test_descriptions_stand_above_their_variables() -> None:
    assert "\n# The port\nPORT=1\n" in plan({"PORT": {"type": "port", "description": "The port"}}, {"PORT": 1}).content


def test_texts_that_nobody_may_see() -> None:
    schema: dict[str, object] = {
        "S": {"type": "secret"},
        "T": {"typ": "secret"},
        "L": {"type": "list", "secret": True},
        "P": {"type": "port"},
        "U": {"type": "url"},
        "V": {"type": "url"},
        "N": {"type": "secret"},
    }
    values: dict[str, object] = {
        "S": "secret-1",
        "T": "secret-2",
        "L": ["secret-3", "secret-4"],
        "P": 3000,
        "U": "https://u:secret-5@x",
        "V": "https://x.example",
        "N": None,
        "UNKNOWN": "secret-6",
        "SHORT": "abc",
    }
    hidden = {"secret-1", "secret-2", "secret-3", "secret-4", "https://u:secret-5@x", "secret-6"}
    assert confidential_texts(schema, values) == hidden
