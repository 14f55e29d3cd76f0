# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.matcher import (
    WORDS,
    failures,
    is_matcher,
    leaves,
    problems,
    shown,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.path import MISSING

PLACE = "checks[2].expect.json"

NAN = float("nan")


def test_words_are_a_closed_set() -> None:
    assert " ".join(sorted(WORDS)) == "all any contains eq exists ge gt in le len lt match ne not sorted superset type"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("green", "green"),
        (1, 1.0),
        (None, None),
        (False, False),
        ([], []),
        ([1, {"a": 2}], [1.0, {"a": 2}]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": {"ge": 1}}}, {"a": {"b": 1, "c": 2}}),
        ({"a": {"exists": False}}, {"b": 1}),
        ({404: 2}, {"404": 2}),
        ({404: 2}, {404: 2}),
        ({"eq": {"a": 1, "ge": 2}}, {"a": 1.0, "ge": 2}),
        ({"eq": {}}, {}),
        ({"ne": 1}, True),
        ({"ne": 1}, "1"),
        ({"ne": {"a": 1}}, {"a": 1, "b": 2}),
        ({"lt": 2}, 1),
        ({"le": 2}, 2),
        ({"gt": 1}, 1.5),
        ({"ge": 1}, 1),
        ({"ge": 400, "lt": 500}, 404),
        ({"in": [200, 201]}, 201),
        ({"in": ["a", None]}, None),
        ({"in": [[1], {"a": 1}]}, {"a": 1}),
        ({"contains": "b"}, "abc"),
        ({"contains": "b"}, ["a", "b"]),
        ({"contains": {"a": 1}}, [{"a": 1}]),
        ({"match": r"\d"}, "nginx/1.2"),
        ({"match": "(?m)^b$"}, "a\nb\nc"),
        ({"exists": True}, None),
        ({"exists": True}, ""),
        ({"exists": False}, MISSING),
        ({"len": 0}, ""),
        ({"len": 2}, "ab"),
        ({"len": {"ge": 1, "lt": 3}}, [1, 2]),
        ({"len": 1}, {"a": 1}),
        ({"type": "string"}, "a"),
        ({"type": "number"}, 1.5),
        ({"type": "number"}, 1),
        ({"type": "integer"}, 1),
        ({"type": "integer"}, 1.0),
        ({"type": "boolean"}, True),
        ({"type": "object"}, {}),
        ({"type": "array"}, []),
        ({"type": "null"}, None),
        ({"superset": ["b", "a"]}, ["a", "b", "c"]),
        ({"superset": [{"a": 1}]}, [{"a": 1}]),
        ({"not": {"match": r"\d"}}, "nginx"),
        ({"not": {"match": r"\d"}}, MISSING),
        ({"not": "a"}, "b"),
        ({"not": {"a": 1}}, {"a": 2}),
        ({"not": {"not": 1}}, 1),
        ({"all": "gemini"}, ["gemini", "gemini"]),
        ({"all": {"in": [1, 2]}}, [2, 1, 1]),
        ({"all": {"a": {"ge": 1}}}, [{"a": 1, "b": 0}]),
        ({"any": {"a": 1}}, [{"a": 2}, {"a": 1, "b": 1}]),
        ({"sorted": "asc"}, [1, 1.5, 2, 2]),
        ({"sorted": "asc"}, ["a", "b"]),
        ({"sorted": "desc"}, [2, 2, 1]),
        ({"sorted": "desc"}, ["b"]),
    ],
)
def test_expectation_that_is_met(expected: object, actual: object) -> None:
    assert failures(expected, actual, "json") == []
    assert failures({"not": expected}, actual, "json") != []
    assert problems(expected, PLACE) == []


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("green", "ok", 'expected "green", got "ok"'),
        ("green", MISSING, 'expected "green", is missing'),
        ("green", None, 'expected "green", got null'),
        (None, MISSING, "expected null, is missing"),
        (None, 0, "expected null, got 0"),
        (10, "10", 'expected 10, got "10" (a text)'),
        ("10", 10, 'expected "10", got 10 (a number)'),
        (True, 1, "expected true, got 1 (a number)"),
        (1, True, "expected 1, got true (a truth value)"),
        (0, False, "expected 0, got false (a truth value)"),
        (NAN, NAN, "expected NaN, got NaN"),
        (200, [200], "expected 200, got [200]"),
        ([200, 201], 200, "expected [200, 201], got 200"),
        ([1, 2], [2, 1], "expected [1, 2], got [2, 1]"),
        ([1], [1, 2], "expected [1], got [1, 2]"),
        ([1], [True], "expected [1], got [true]"),
        ([{"ge": 1}], [1], 'expected [{"ge": 1}], got [1]'),
        ({"a": 1}, None, 'expected {"a": 1}, got null'),
        ({"a": 1}, MISSING, 'expected {"a": 1}, is missing'),
        ({"a": 1}, [{"a": 1}], 'expected {"a": 1}, got [{"a": 1}]'),
        ({"a": {"exists": False}}, None, 'expected {"a": {"exists": false}}, got null'),
        ({}, {"a": 1}, 'expected {}, got {"a": 1}'),
        (5, {"a": 1}, 'expected 5, got {"a": 1}'),
        ({"eq": 5}, {"a": 1}, 'expected 5, got {"a": 1}'),
        ({"eq": {"a": 1}}, {"a": 1, "b": 2}, 'expected {"a": 1}, got {"a": 1, "b": 2}'),
        ({"eq": {"a": 1}}, {"a": True}, 'expected {"a": 1}, got {"a": true}'),
        ({"eq": {"ge": 1}}, 2, 'expected {"ge": 1}, got 2'),
        ({"ne": 1}, 1.0, "expected ne 1, got 1.0"),
        ({"ne": 1}, MISSING, "expected ne 1, is missing"),
        ({"lt": 2}, 2, "expected lt 2, got 2"),
        ({"le": 2}, 3, "expected le 2, got 3"),
        ({"gt": 95}, 95, "expected gt 95, got 95"),
        ({"ge": 1}, 0, "expected ge 1, got 0"),
        ({"gt": 95}, None, "expected gt 95, got null (no value)"),
        ({"lt": 200}, "10", 'expected lt 200, got "10" (a text)'),
        ({"le": 200}, "10", 'expected le 200, got "10" (a text)'),
        ({"lt": 200}, True, "expected lt 200, got true (a truth value)"),
        ({"lt": 200}, [1], "expected lt 200, got [1] (a list)"),
        ({"lt": 200}, NAN, "expected lt 200, got NaN"),
        ({"lt": 200}, MISSING, "expected lt 200, is missing"),
        ({"in": [200, 201]}, 500, "expected in [200, 201], got 500"),
        ({"in": [1]}, True, "expected in [1], got true"),
        ({"in": [None]}, MISSING, "expected in [null], is missing"),
        ({"contains": "x"}, "abc", 'expected contains "x", got "abc"'),
        ({"contains": "b"}, ["abc"], 'expected contains "b", got ["abc"]'),
        ({"contains": 5}, "a5", 'expected contains 5, got "a5"'),
        ({"contains": {"ge": 1}}, [5], 'expected contains {"ge": 1}, got [5]'),
        ({"contains": "a"}, {"a": 1}, 'expected contains "a", got {"a": 1} (a mapping)'),
        ({"match": r"^\d"}, "a", r'expected match "^\\d", got "a"'),
        ({"match": "1"}, 1, 'expected match "1", got 1 (a number)'),
        ({"exists": True}, MISSING, "expected to exist, is missing"),
        ({"exists": False}, None, "expected to be missing, got null"),
        ({"len": {"ge": 1}}, [], "expected len ge 1, got [] (len 0)"),
        ({"len": {"ge": 1, "lt": 2}}, "ab", 'expected len ge 1 and lt 2, got "ab" (len 2)'),
        ({"len": 1}, {}, "expected len 1, got {} (len 0)"),
        ({"len": 1}, 1, "expected len 1, got 1 (a number)"),
        ({"len": 0}, None, "expected len 0, got null (no value)"),
        ({"len": 0}, MISSING, "expected len 0, is missing"),
        ({"type": "string"}, 1, 'expected type "string", got 1'),
        ({"type": "number"}, True, 'expected type "number", got true'),
        ({"type": "integer"}, 1.5, 'expected type "integer", got 1.5'),
        ({"type": "integer"}, True, 'expected type "integer", got true'),
        ({"type": "integer"}, "1", 'expected type "integer", got "1"'),
        ({"type": "integer"}, float("inf"), 'expected type "integer", got Infinity'),
        ({"type": "null"}, MISSING, 'expected type "null", is missing'),
        ({"superset": ["a", "b", "c"]}, ["b"], 'expected superset ["a", "b", "c"], got ["b"] (without ["a", "c"])'),
        ({"superset": ["a"]}, "a", 'expected superset ["a"], got "a" (a text)'),
        ({"superset": ["a"]}, MISSING, 'expected superset ["a"], is missing'),
        ({"not": {"match": "n"}}, "nginx", 'expected not match "n", got "nginx"'),
        ({"not": {"ge": 1, "lt": 3}}, 2, "expected not ge 1 and lt 3, got 2"),
        ({"not": {"a": 1}}, {"a": 1}, 'expected not {"a": 1}, got {"a": 1}'),
        ({"not": {"not": {"lt": 1}}}, 2, "expected not not lt 1, got 2"),
        ({"not": {"exists": False}}, MISSING, "expected not to be missing, is missing"),
        ({"all": "a"}, [], 'expected all "a", got [] (an empty list proves nothing)'),
        ({"all": "a"}, "a", 'expected all "a", got "a" (a text)'),
        ({"all": "a"}, {"a": 1}, 'expected all "a", got {"a": 1} (a mapping)'),
        ({"all": "a"}, MISSING, 'expected all "a", is missing'),
        ({"any": {"lt": 1}}, [1, 2], "expected any lt 1, got [1, 2]"),
        ({"any": 1}, [], "expected any 1, got []"),
        ({"any": 1}, 1, "expected any 1, got 1 (a number)"),
        ({"sorted": "asc"}, [2, 1], 'expected sorted "asc", got [2, 1]'),
        ({"sorted": "desc"}, [1, 2], 'expected sorted "desc", got [1, 2]'),
        ({"sorted": "asc"}, [1, "2"], 'expected sorted "asc", got [1, "2"]'),
        ({"sorted": "asc"}, [1, None], 'expected sorted "asc", got [1, null]'),
        ({"sorted": "asc"}, [False, True], 'expected sorted "asc", got [false, true]'),
        ({"sorted": "asc"}, [], 'expected sorted "asc", got [] (an empty list proves nothing)'),
        ({"sorted": "asc"}, "ab", 'expected sorted "asc", got "ab" (a text)'),
    ],
)
def test_expectation_that_is_not_met(expected: object, actual: object, told: str) -> None:
    assert failures(expected, actual, "json") == [f"json: {told}"]
    assert failures({"not": expected}, actual, "json") == []


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        (
            {"a": 1, "b": {"c": {"lt": 3}, "d": {"exists": True}}, "e": "e"},
            {"a": 2, "b": {"c": 4}, "e": "e"},
            ["json.a: expected 1, got 2", "json.b.c: expected lt 3, got 4", "json.b.d: expected to exist, is missing"],
        ),
        (
            {"ge": 400, "lt": 500},
            None,
            ["json: expected ge 400, got null (no value)", "json: expected lt 500, got null (no value)"],
        ),
        ({"ge": 400, "lt": 500}, 200, ["json: expected ge 400, got 200"]),
        ({"a": {"b": 1}}, {"a": 5}, ['json.a: expected {"b": 1}, got 5']),
        ({"a": {"b": 1}}, {}, ['json.a: expected {"b": 1}, is missing']),
        ({"all": "a"}, ["a", "b", "c"], ['json.1: expected "a", got "b"']),
        (
            {"all": {"p": {"ge": 1}, "n": 1}},
            [{"p": 1, "n": 1}, {"p": 0}],
            ["json.1.p: expected ge 1, got 0", "json.1.n: expected 1, is missing"],
        ),
        ({"a": {"all": {"all": 1}}}, {"a": [[1], [1, 2]]}, ["json.a.1.1: expected 1, got 2"]),
    ],
)
def test_failures_have_the_path_to_where_they_are(expected: object, actual: object, told: list[str]) -> None:
    assert failures(expected, actual, "json") == told


AS_KEY = "A key of that name is expected in a path of its own (json.type: error), or with all others under eq."
TYPES = "array, boolean, integer, null, number, object, string"


@pytest.mark.parametrize(
    ("expected", "place", "told"),
    [
        ({}, "", "an empty expectation proves nothing. An empty mapping is eq: {}."),
        ({"a": {}}, ".a", "an empty expectation proves nothing. An empty mapping is eq: {}."),
        ({"all": {}}, ".all", "an empty expectation proves nothing. An empty mapping is eq: {}."),
        ({"not": {"a": {}}}, ".not.a", "an empty expectation proves nothing. An empty mapping is eq: {}."),
        ({"gte": 1}, "", f"there is no word gte. Did you mean ge? {AS_KEY}"),
        ({"GTE": 1}, "", f"there is no word GTE. Did you mean ge? {AS_KEY}"),
        ({"gte": 1, "lt": 5}, "", f"there is no word gte. Did you mean ge? {AS_KEY}"),
        ({"lte": 1}, "", f"there is no word lte. Did you mean le? {AS_KEY}"),
        ({"min": 1}, "", f"there is no word min. Did you mean ge? {AS_KEY}"),
        ({"max": 1}, "", f"there is no word max. Did you mean le? {AS_KEY}"),
        ({"equals": 1}, "", f"there is no word equals. Did you mean eq? {AS_KEY}"),
        ({"equal": 1}, "", f"there is no word equal. Did you mean eq? {AS_KEY}"),
        ({"neq": 1}, "", f"there is no word neq. Did you mean ne? {AS_KEY}"),
        ({"one_of": [1]}, "", f"there is no word one_of. Did you mean in? {AS_KEY}"),
        ({"include": 1}, "", f"there is no word include. Did you mean contains? {AS_KEY}"),
        ({"includes": 1}, "", f"there is no word includes. Did you mean contains? {AS_KEY}"),
        ({"contain": 1}, "", f"there is no word contain. Did you mean contains? {AS_KEY}"),
        ({"length": {"ge": 1}}, "", f"there is no word length. Did you mean len? {AS_KEY}"),
        ({"regex": "a"}, "", f"there is no word regex. Did you mean match? {AS_KEY}"),
        ({"regexp": "a"}, "", f"there is no word regexp. Did you mean match? {AS_KEY}"),
        ({"matches": "a"}, "", f"there is no word matches. Did you mean match? {AS_KEY}"),
        ({"exist": True}, "", f"there is no word exist. Did you mean exists? {AS_KEY}"),
        ({"Exists": True}, "", f"there is no word Exists. Did you mean exists? {AS_KEY}"),
        ({"Match": "a"}, "", f"there is no word Match. Did you mean match? {AS_KEY}"),
        ({"Sorted": "asc"}, "", f"there is no word Sorted. Did you mean sorted? {AS_KEY}"),
        ({"supersets": [1]}, "", f"there is no word supersets. Did you mean superset? {AS_KEY}"),
        ({"a": {"gte": 1}}, ".a", f"there is no word gte. Did you mean ge? {AS_KEY}"),
        ({"len": {"gte": 1}}, ".len", f"there is no word gte. Did you mean ge? {AS_KEY}"),
        ({"type": "error", "message": "a"}, "", f"type is a word of expectations, and message is none. {AS_KEY}"),
        ({"message": "a", "type": "string"}, "", f"type is a word of expectations, and message is none. {AS_KEY}"),
        ({"eq": 1, 5: 1}, "", f"eq is a word of expectations, and 5 is none. {AS_KEY}"),
        ({"lt": [1]}, ".lt", "this takes a number."),
        ({"le": "5"}, ".le", "this takes a number."),
        ({"gt": None}, ".gt", "this takes a number."),
        ({"ge": True}, ".ge", "this takes a number."),
        ({"in": "abc"}, ".in", "this takes a list of something."),
        ({"in": []}, ".in", "this takes a list of something."),
        ({"superset": []}, ".superset", "this takes a list of something."),
        ({"superset": {"a": 1}}, ".superset", "this takes a list of something."),
        ({"match": 5}, ".match", "this takes a regular expression."),
        (
            {"match": "("},
            ".match",
            "this is no regular expression: missing ), unterminated subpattern at position 0.",
        ),
        ({"exists": "yes"}, ".exists", "this takes true or false."),
        ({"exists": 1}, ".exists", "this takes true or false."),
        ({"sorted": "up"}, ".sorted", "this takes asc or desc."),
        ({"sorted": True}, ".sorted", "this takes asc or desc."),
        ({"type": "dir"}, ".type", f"this takes one of {TYPES}. {AS_KEY}"),
        ({"type": ["string"]}, ".type", f"this takes one of {TYPES}. {AS_KEY}"),
        ({"len": "5"}, ".len", "this takes a whole number, or words for it such as {ge: 1}."),
        ({"len": -1}, ".len", "this takes a whole number, or words for it such as {ge: 1}."),
        ({"len": True}, ".len", "this takes a whole number, or words for it such as {ge: 1}."),
        ({"len": {"a": 1}}, ".len", "this takes a whole number, or words for it such as {ge: 1}."),
        ({"any": {"not": {"lt": "a"}}}, ".any.not.lt", "this takes a number."),
        (
            {"a": 1, "b": {"c": {"match": "("}}},
            ".b.c.match",
            "this is no regular expression: missing ), unterminated subpattern at position 0.",
        ),
    ],
)
def test_wrong_expectation_is_refused_at_its_place(expected: object, place: str, told: str) -> None:
    assert problems(expected, PLACE) == [f"{PLACE}{place}: {told}"]


def test_every_problem_is_told_at_once() -> None:
    assert problems({"a": {"lt": "1", "ge": "2"}, "b": {}}, "x") == [
        "x.a.lt: this takes a number.",
        "x.a.ge: this takes a number.",
        "x.b: an empty expectation proves nothing. An empty mapping is eq: {}.",
    ]
    assert problems({"gte": 1, "lte": 5}, "x") == [
        f"x: there is no word gte. Did you mean ge? {AS_KEY}",
        f"x: there is no word lte. Did you mean le? {AS_KEY}",
    ]


@pytest.mark.parametrize(
    "expected",
    [
        "text",
        "",
        None,
        [],
        [{}, {"gte": 1}],
        {"ready": True},
        {"count": 5, "size": 3, "status": "ok"},
        {"types": ["a"], "exit": 0, "sort": "asc", "matched": 3, "patch": 1},
        {"get": 1, "let": 2, "net": 3, "id": 4},
        {"min": {"ge": 1}, "max": {"lt": 9}},
        {"min": 1, "mean": 2},
        {"length": "5 cm"},
        {5: 1, None: 2},
        {"eq": {}},
        {"eq": {"gte": 1}},
        {"ne": {}},
        {"eq": "("},
        {"in": [{}]},
        {"contains": {}},
        {"lt": "${most}"},
        {"in": "${those}"},
        {"match": "(${name}"},
        {"exists": "${is}"},
        {"len": "${count}"},
        {"len": {"ge": "${count}"}},
        {"type": "${type}"},
        {"sorted": "${order}"},
        {"not": "${x}"},
        {"gte": "${x}"},
        {"${name}": 1},
    ],
)
def test_right_expectation_is_not_refused(expected: object) -> None:
    assert problems(expected, PLACE) == []


def test_a_wrong_operand_holds_of_nothing() -> None:
    # What was saved is known only when it is compared.
    for word, operand in [
        ("lt", "5"),
        ("match", "("),
        ("match", 5),
        ("in", 5),
        ("superset", 5),
        ("type", []),
        ("len", []),
    ]:
        for actual in (5, "5", "(", [5], {"a": 5}, None, MISSING):
            assert len(failures({word: operand}, actual, "json")) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é\n", '"é\\n"'),
        ("a" * 198, f'"{"a" * 198}"'),
        ("a" * 199, f'"{"a" * 199}… (199 characters)'),
        (["ab"] * 500, "[" + '"ab", ' * 33 + '"… (500 items)'),
        ({"a" * 300: 1, "b": 2}, f'{{"{"a" * 198}… (2 keys)'),
        (10**300, f"1{'0' * 199}… (301 characters)"),
        ("\ud800", '"\\ud800"'),
        (MISSING, "missing"),
        ([10**5000], "something that cannot be shown"),
        ({(1, 2): 3}, "something that cannot be shown"),
    ],
)
def test_values_are_shown_as_json_in_a_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_value_that_is_nested_too_deeply_is_not_shown() -> None:
    value: list[Any] = []
    for _level in range(100_000):
        value = [value]
    assert shown(value) == "something that cannot be shown"
    assert failures(1, value, "json") == ["json: expected 1, got something that cannot be shown"]


def test_leaves_are_where_no_mapping_leads_further() -> None:
    expected = {"a": 1, "b": {"c": {"ge": 1}, "d": {"e": [1]}}, "f": {"g": 1}, "h": {"i": 1}}
    assert list(leaves(expected, {"a": 1, "b": {"c": 2, "d": {}}, "f": 5}, "json")) == [
        ("json.a", 1, 1),
        ("json.b.c", {"ge": 1}, 2),
        ("json.b.d.e", [1], MISSING),
        ("json.f", {"g": 1}, 5),
        ("json.h", {"i": 1}, MISSING),
    ]


KEYS = st.one_of(st.text(max_size=3), st.sampled_from([*WORDS, "gte", "min", "${a}"]), st.integers(0, 2), st.booleans())
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["asc", "desc", "string", "(", "a+", "${a}", "\ud800"]),
)  # fmt: skip
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
FINITE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)
# Whatever its value, a word with an expectation for it.
MATCHERS = st.recursive(
    st.dictionaries(st.sampled_from(WORDS), DATA, min_size=1, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["not", "all", "any", "len", "a"]), inner, min_size=1, max_size=2),
    max_leaves=4,
)


@given(st.one_of(DATA, MATCHERS))
def test_whatever_is_expected_is_refused_at_its_place_or_not(expected: object) -> None:
    assert all(told.startswith(PLACE) and told.endswith((".", "eq")) for told in problems(expected, PLACE))


@given(st.one_of(DATA, MATCHERS), st.one_of(DATA, st.just(MISSING)))
def test_whatever_is_compared_is_met_or_told_in_lines(expected: object, actual: object) -> None:
    told = failures(expected, actual, "json")
    assert all(line.startswith("json") and "\n" not in line for line in told)
    assert (failures({"not": expected}, actual, "json") == []) is bool(told)
    assert (failures({"not": {"not": expected}}, actual, "json") == []) is not bool(told)


@given(FINITE)
def test_everything_is_equal_to_itself(value: object) -> None:
    same = json.loads(json.dumps(value))
    assert failures({"eq": same}, value, "json") == []
    assert failures({"ne": same}, value, "json") != []
    assert failures({"in": [same]}, value, "json") == []
    assert failures({"contains": same}, [value], "json") == []
    assert failures({"all": {"eq": same}}, [value], "json") == []


@given(st.one_of(st.integers(), st.floats(allow_nan=False)), st.one_of(st.integers(), st.floats(allow_nan=False)))
def test_numbers_are_compared_as_in_python(wanted: float, actual: float) -> None:
    held = {word for word in ("eq", "ne", "lt", "le", "gt", "ge") if not failures({word: wanted}, actual, "json")}
    if actual == wanted:
        assert held == {"eq", "le", "ge"}
    else:
        assert held == ({"ne", "lt", "le"} if actual < wanted else {"ne", "gt", "ge"})


@given(st.one_of(st.lists(st.integers(-3, 3), min_size=1), st.lists(st.text(alphabet="ab", max_size=2), min_size=1)))
def test_sorted_is_what_python_sorts(values: list[Any]) -> None:
    assert failures({"sorted": "asc"}, sorted(values), "json") == []
    assert failures({"sorted": "desc"}, sorted(values, reverse=True), "json") == []
    assert (failures({"sorted": "asc"}, values, "json") == []) is (values == sorted(values))


def test_mapping_is_a_matcher_if_all_its_keys_are_words() -> None:
    assert is_matcher({"ge": 1, "lt": 2})
    assert not any(is_matcher(value) for value in ({}, {"ge": 1, "a": 2}, {"a": 1}, "ge", ["ge"], None))
