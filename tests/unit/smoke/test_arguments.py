# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option, read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.duration import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("60s", 60),
        ("1.5m", 90),
        (" 2 h ", 7200),
        ("366d", 366 * 86400),
        (0, 0),
        (7, 7),
        (0.5, 0.5),
        ("367d", None),
        ("9" * 400 + "s", None),
        (10**400, None),
        (float("inf"), None),
        (float("nan"), None),
        (-1, None),
        (True, None),
        ("", None),
        ("5", None),
        ("5 weeks", None),
        ("-5s", None),
        (None, None),
        (["5s"], None),
    ],
)
def test_spans_of_time(text: object, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("option", "given", "value"),
    [
        ("text", "a", "a"),
        ("text", 5, "5"),
        ("whole", 5, 5),
        ("whole", " 5 ", 5),
        ("number", 1.5, 1.5),
        ("flag", False, False),
        ("duration", "5s", 5),
        ("list", "a", ["a"]),
        ("list", ("a",), ["a"]),
        ("mapping", {"a": 1}, {"a": 1}),
        ("any", [None], [None]),
        ("whole", "${n}", "${n}"),
    ],
)
def test_a_value_is_read_by_its_type(option: str, given: object, value: object) -> None:
    assert read({"x": Option(option)}, {"x": given}, "place") == ({"x": value}, [])


@pytest.mark.parametrize(
    ("option", "given", "told"),
    [
        ("text", ["secret"], "place.x: this is no text."),
        ("text", True, "place.x: this is no text."),
        ("whole", -1, "place.x: this is no whole number."),
        ("whole", True, "place.x: this is no whole number."),
        ("whole", "²", "place.x: this is no whole number."),
        ("whole", "9" * 5000, "place.x: this is no whole number."),
        ("number", "5", "place.x: this is no number."),
        ("flag", "yes", "place.x: this is no true or false."),
        ("duration", "soon", "place.x: this is no span of time such as 500ms, 60s or 15m."),
        ("mapping", {5: 1}, "place.x: this is no mapping."),
        ("mapping", ["secret"], "place.x: this is no mapping."),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_told(option: str, given: object, told: str) -> None:
    assert read({"x": Option(option)}, {"x": given}, "place")[1] == [told]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ["place: need is missing."]),
        ({"need": None}, ["place: need is missing."]),
        ({"need": "a", "hvae": 1}, ["place: there is no option hvae. Did you mean have?"]),
        ({"need": "a", 5: 1}, ["place: there is no option 5. Known are: have, need."]),
        ({"need": "a", "have": "tow"}, ["place.have: Did you mean two?"]),
    ],
)
def test_options_that_are_missing_or_unknown_are_told(given: dict[Any, Any], told: list[str]) -> None:
    spec = {"need": Option(is_required=True), "have": Option(choices=("one", "two"), default="one")}

    values, problems = read(spec, given, "place")

    assert problems == told
    assert set(values) == {"need", "have"}
    assert read(spec, {"need": "a"}, "place") == ({"need": "a", "have": "one"}, [])
