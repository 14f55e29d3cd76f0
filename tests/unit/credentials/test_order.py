# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import NEW, Credential
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.order import (
    Order,
    Tie,
    doubts,
    in_order,
    line,
    listed,
    order_of,
    some,
)

MAIN = Credential(1, "main", "gemini", 10, has_key=True)
FAST = Credential(2, "fast", "groq", 20, has_key=True)
TWIN = Credential(3, "twin", "openai", 20, has_key=True)
SPARE = Credential(4, "spare", "groq", 20, has_key=True)
OFF = Credential(5, "off", "groq", 5, is_active=False, has_key=True)
EMPTY = Credential(6, "empty", "groq", 6, has_key=False)
BOTH = Credential(7, "both", "groq", 7, is_active=False, has_key=False)
ODD = Credential(8, "odd", "other", None, has_key=True)
OWN = Credential(9, "own", "groq", 1, is_global=False, user=3, has_key=True)
UNKNOWN = Credential(10, "unknown", "api", 30)


@pytest.mark.parametrize(
    ("credentials", "names"),
    [
        ([], []),
        ([FAST, MAIN], ["main", "fast"]),
        ([SPARE, TWIN, FAST], ["fast", "twin", "spare"]),
        ([ODD, UNKNOWN], ["unknown", "odd"]),
        ([Credential(0, "none", "x", None), Credential(11, "zero", "x", 0)], ["zero", "none"]),
        # By number and not by letter.
        ([Credential(10, "ten", "x", 1), Credential(9, "nine", "x", 1)], ["nine", "ten"]),
        ([Credential("b", "b", "x", 1), Credential("a", "a", "x", 1)], ["a", "b"]),
        # What is made last comes last, whatever ids are.
        ([Credential(NEW, "new", "x", 1), Credential(9, "nine", "x", 1)], ["nine", "new"]),
        ([Credential(NEW, "new", "x", 1), Credential("a", "a", "x", 1)], ["a", "new"]),
    ],
)
def test_order_is_by_priority_then_by_id(credentials: list[Credential], names: list[str]) -> None:
    assert [credential.name for credential in in_order(credentials)] == names


@pytest.mark.parametrize(
    ("credentials", "order"),
    [
        ([], Order(None, [], [], [])),
        ([FAST, MAIN], Order("main", ["fast"], [], [])),
        ([FAST, MAIN, SPARE], Order("main", ["fast", "spare"], [], [])),
        ([TWIN, FAST, SPARE], Order("fast", ["twin", "spare"], [Tie(20, ["fast", "twin", "spare"])], [])),
        (
            [MAIN, OFF, EMPTY, BOTH],
            Order("main", [], [], [("off", "inactive"), ("empty", "no key"), ("both", "inactive")]),
        ),
        ([OFF, EMPTY], Order(None, [], [], [("off", "inactive"), ("empty", "no key")])),
        # After the first, nothing is passed over.
        ([MAIN, Credential(3, "late", "x", 20, is_active=False)], Order("main", [], [], [])),
        # Neither does what cannot be used tie.
        ([FAST, Credential(3, "late", "x", 20, is_active=False)], Order("fast", [], [], [])),
        ([MAIN, OWN], Order("main", [], [], [])),
        ([OWN], Order(None, [], [], [])),
        ([UNKNOWN], Order("unknown", [], [], [])),
        ([MAIN, ODD, Credential(11, "odd too", "x", None)], Order("main", ["odd", "odd too"], [], [])),
    ],
)
def test_facts_of_the_order(credentials: list[Credential], order: Order) -> None:
    assert order_of(credentials) == order


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ([MAIN, FAST], []),
        ([FAST, TWIN], ["fast, twin have the same priority 20: the application decides which comes first."]),
        (
            [MAIN, OFF, EMPTY, BOTH],
            [
                "Passed over before main is used (inactive): off, both.",
                "Passed over before main is used (no key): empty.",
            ],
        ),
        ([OFF], ["No global credential is active and has a key, so that the application has none to use."]),
        (
            [MAIN, ODD],
            [
                "The priority of odd is no whole number, so that the application may put it anywhere: give its provider"
                " a priority without only_default."
            ],
        ),
    ],
)
def test_doubts_are_told(credentials: list[Credential], told: list[str]) -> None:
    assert list(doubts(credentials, order_of(credentials))) == told


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (MAIN, "10  gemini  main  active"),
        (BOTH, "7  groq  both  inactive, no key"),
        (OWN, "1  groq  own  active, user 3"),
        (Credential(1, "a", "x", 0, is_global=False), "0  x  a  active, not global"),
        (ODD, "-  other  odd  active"),
    ],
)
def test_line(credential: Credential, shown: str) -> None:
    assert line(credential) == shown


def test_listed() -> None:
    assert listed(OWN) == {
        "id": 9,
        "name": "own",
        "provider": "groq",
        "priority": 1,
        "active": True,
        "global": False,
        "user": 3,
        "has_key": True,
    }
    assert listed(Credential(0, "a", "x", 1))["id"] == 0
    assert listed(Credential(NEW, "a", "x", 1))["id"] is None


def test_some_of_many() -> None:
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"
    assert some(["a", "b", "c", "d", "e", "f", "g"]) == "a, b, c, d, e and 2 more"
