# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expectation import (
    Assertion,
    judged,
    normalised,
    problems,
)

PLACE = "checks[2].expect"

HTTP = ("status", "ms", "headers", "json", "body", "url")

ANSWER: Mapping[str, Any] = {
    "status": 200,
    "ms": 12.5,
    "headers": {"content-type": "text/html; charset=utf-8", "x-frame-options": "DENY"},
    "json": {"status": "ok", "items": [{"id": 1}, {"id": 2}], "a.b": {"c": None}},
    "body": "<html>",
    "url": "http://h/",
}


@pytest.mark.parametrize(
    ("expect", "status_key", "told"),
    [
        (200, "status", ""),
        ([200, 201], "status", ""),
        ("${code}", "status", ""),
        ([200, "${code}"], "status", ""),
        ({"status": 200, "json": {"a": {"ge": 1}}, "headers.X-Y": "z", "json.a.b": None}, "status", ""),
        ({"json[].id": {"sorted": "asc"}}, "status", ""),
        ({"status": {"in": [200]}}, "status", ""),
        ({"status": [200]}, None, ""),
        # Processes have a list of them.
        ({"status": ["online", "online"]}, "status", ""),
        ({"${key}.x": 1}, "status", ""),
        ({"headers": {"X-Y": 1, "x-z": 2}}, "status", ""),
        ({"json": {"A": 1, "a": 2}}, "status", ""),
        ({"json": None, "json[0]": {"exists": False}}, "status", ""),
        ({}, "status", ": an empty expectation proves nothing. Leave it out for what is expected by default."),
        ({}, None, ": an empty expectation proves nothing. Leave it out for what is expected by default."),
        ({"json": {}}, None, ".json: an empty expectation proves nothing. An empty mapping is eq: {}."),
        ({"jsn.a": 1}, "status", ".jsn.a: there is no jsn in what is observed. Did you mean json?"),
        (
            {"ge": 200},
            "status",
            ".ge: there is no ge in what is observed. Known are: body, headers, json, ms, status, url.",
        ),
        ({"": 200}, "status", '."": this path is empty.'),
        ({"ms": {"lt": "fast"}}, "status", ".ms.lt: this takes a number."),
        (
            {200: "x"},
            "status",
            ".200: this is no path. A path is a text and begins with one of status, ms, headers, json, body, url.",
        ),
        (
            {"status": [200, 201]},
            "status",
            ".status: no status is a list. One of several is expected with in: [200, 201].",
        ),
        (
            {"json[0]": None},
            "status",
            ".json[0]: JMESPath does not tell null from what is missing. Both are expected with exists: false.",
        ),
        ({"headers": {"A": 1, "a": 2}}, "status", ".headers: one header is there twice, in upper and lower case."),
        *[
            (
                wrong,
                "status",
                ": this takes a status, a list of them, or a mapping. Known are: status, ms, headers, json, body, url.",
            )
            for wrong in ("200", None, True, 200.5, [], [200, "x"], [200, True], [[200]])
        ],
        *[
            (wrong, None, ": this takes a mapping. Known are: status, ms, headers, json, body, url.")
            for wrong in (200, [200], "open", "${x}", None, [])
        ],
    ],
)
def test_problems_of_what_is_expected(expect: object, status_key: str | None, told: str) -> None:
    assert problems(expect, HTTP, status_key, PLACE) == ([PLACE + told] if told else [])


def test_every_problem_is_told_at_once() -> None:
    assert problems({"jsn": {"lt": "a"}, "ms": {}, 5: 1}, HTTP, "status", "e") == [
        "e.jsn: there is no jsn in what is observed. Did you mean json?",
        "e.jsn.lt: this takes a number.",
        "e.ms: an empty expectation proves nothing. An empty mapping is eq: {}.",
        "e.5: this is no path. A path is a text and begins with one of status, ms, headers, json, body, url.",
    ]


@pytest.mark.parametrize(
    ("expect", "expected"),
    [
        (200, {"status": 200}),
        ([200, 201], {"status": {"in": [200, 201]}}),
        ("${code}", {"status": "${code}"}),
        ({"json": [1]}, {"json": [1]}),
    ],
)
def test_shorthand_means_the_status(expect: object, expected: Mapping[str, object]) -> None:
    assert normalised(expect, "status") == expected


def test_only_what_is_no_shorthand_is_kept_without_a_status() -> None:
    assert normalised({"open": True}, None) == {"open": True}
    # It is refused before it comes here, and would not be met.
    assert not judged(normalised(200, None), {"open": True})[0].is_met


@pytest.mark.parametrize(
    ("expect", "assertions"),
    [
        ({"status": 200}, [("status", True, "is 200")]),
        ({"status": {"in": [201]}}, [("status", False, "expected in [201], got 200")]),
        (
            {"status": {"ge": 400, "lt": 100}},
            [("status", False, "expected ge 400, got 200; status: expected lt 100, got 200")],
        ),
        (
            {"json": {"status": "green", "items": {"len": 2}, "error": {"exists": False}}, "ms": {"lt": 200}},
            [
                ("json.status", False, 'expected "green", got "ok"'),
                ("json.items", True, 'is [{"id": 1}, {"id": 2}]'),
                ("json.error", True, "is missing"),
                ("ms", True, "is 12.5"),
            ],
        ),
        (
            {"headers": {"Content-Type": {"match": "text/html"}, "X-FRAME-OPTIONS": "deny"}},
            [
                ("headers.content-type", True, 'is "text/html; charset=utf-8"'),
                ("headers.x-frame-options", False, 'expected "deny", got "DENY"'),
            ],
        ),
        ({"headers": {"len": 2}}, [("headers", True, f"is {json.dumps(ANSWER['headers'])[:60]}… (2 keys)")]),
        ({"headers": "DENY"}, [("headers", False, f'expected "DENY", got {json.dumps(ANSWER["headers"])}')]),
        ({"headers.X-Frame-Options": "x"}, [("headers.X-Frame-Options", False, 'expected "x", got "DENY"')]),
        ({"json.a.b": {"c": None}}, [("json.a.b.c", True, "is null")]),
        ({"json.nothing": 1}, [("json.nothing", False, "expected 1, is missing")]),
        ({"json": {"Status": "ok"}}, [("json.Status", False, 'expected "ok", is missing')]),
        ({"json.items[].id": {"sorted": "asc"}}, [("json.items[].id", True, "is [1, 2]")]),
        (
            {"json.items[].no": {"all": 1}},
            [("json.items[].no", False, "expected all 1, got [] (an empty list proves nothing)")],
        ),
        (
            {"json.items[?id==`2`] | [0]": {"id": 2}},
            [("json.items[?id==`2`] | [0].id", True, "is 2")],
        ),
        (
            {"length(body)": {"not": 1}, "lenght(body)": {"not": 1}},
            [
                ("length(body)", True, "is 6"),
                ("lenght(body)", False, "JMESPath cannot be applied to what is there: Unknown function: lenght()"),
            ],
        ),
    ],
)
def test_expectations_are_judged_one_by_one(
    expect: Mapping[str, object], assertions: list[tuple[str, bool, str]]
) -> None:
    assert problems(expect, HTTP, "status", PLACE) == []
    assert judged(expect, ANSWER) == [Assertion(path, is_met, f"{path}: {told}") for path, is_met, told in assertions]


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"not": {"in": "a"}}, "json.not.in: this takes a list of something."),
        (
            {"not": {"match": "("}},
            "json.not.match: this is no regular expression: missing ), unterminated subpattern at position 0.",
        ),
        (
            {"status": {"not": {"lt": "5"}}, "a": {}},
            "json.status.not.lt: this takes a number. "
            "json.a: an empty expectation proves nothing. An empty mapping is eq: {}.",
        ),
    ],
)
def test_what_became_wrong_by_its_expressions_is_not_met(expected: object, told: str) -> None:
    assert judged({"json": expected}, ANSWER) == [Assertion("json", False, told)]


def test_what_is_met_is_told_shortly() -> None:
    [assertion] = judged({"body": {"contains": "x"}}, {"body": "x" * 500})
    assert assertion.told == f'body: is "{"x" * 59}… (500 characters)'


def test_nothing_is_met_without_the_library_for_jmespath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    told = (
        "json[0]: this path is JMESPath, for which a library is missing: install python3-jmespath (with pip: jmespath) "
        "where the check runs, or write a path of keys and dots."
    )
    assert judged({"json[0]": {"not": 1}, "status": 200}, ANSWER) == [
        Assertion("json[0]", False, told),
        Assertion("status", True, "status: is 200"),
    ]
    assert problems({"json[0]": 1}, HTTP, "status", PLACE) == [f"{PLACE}.{told}"]


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _level in range(levels):
        value = [value]
    return value


def test_what_is_nested_too_deeply_is_not_met() -> None:
    expect = {"json": {"not": {"eq": nested(100_000)}}, "status": 200}
    assert judged(expect, {"json": nested(100_001), "status": 200}) == [
        Assertion("json", False, "json: this is nested too deeply to be compared"),
        Assertion("status", True, "status: is 200"),
    ]


# Those of the five guides.
@pytest.mark.parametrize(
    "expect",
    [
        "{'json.breakers[?state==''OPEN''].name': []}",
        "{p95: {lt: 500}, error_rate: {lt: 0.01}}",
        "{count: {ge: 9}, 'rows[].sku_code': {superset: [C1-15, C2-30]}}",
        "{counts: {Rate limit reached: {lt: 100}}}",
        "{status: 200, json: {message: Server is working, timestamp: {exists: true}}, ms: {lt: 200}}",
        "{value: '${credentials_before}'}",
        "{'json[].priority': {sorted: asc}, \"json[?name=='smoke-probe'] | [0]\": {provider: gemini, priority: 10}}",
        "{'json[].provider': {all: gemini}}",
        "{json.total: '${tickets + 1}'}",
        "{status: 200, json: {type: object}}",
        "{type: dir, writable: true}",
        "{status: 200, json: {creditUsed: {ge: 1}, creditBalance: {ge: 0}}}",
        "{event: {exists: true}}",
        "{after.creditBalance: {ge: 0}, spent: '${ok}'}",
        "{json: {sessionId: {type: string}, pois: {len: {ge: 1}}}}",
        "{headers: {content-type: {match: text/html}}}",
        "{body: {contains: openHoliBot}}",
        "{status: 301, headers: {location: {match: '^https://'}}}",
        "{mode: '0600'}",
        r"{stdout: {match: '(?m)^0 3 \* \* \* .*cron-cleanup'}}",
        r"{headers: {x-xss-protection: 1; mode=block, server: {not: {match: '\d'}}}}",
        r"{status: {ge: 400, lt: 500}, body: {not: {match: 'node_modules|at .+\.js:\d+'}}}",
        "200",
        "[200, 201]",
    ],
)
def test_guides_are_understood(expect: str) -> None:
    observes = (*HTTP, "p95", "error_rate", "count", "rows", "counts", "value", "type", "writable", "event", "after")
    assert problems(yaml.safe_load(expect), (*observes, "spent", "mode", "stdout"), "status", PLACE) == []


KEYS = st.one_of(st.sampled_from([*HTTP, "a", "ge", "not", "all", "len"]), st.text(max_size=4), st.integers(0, 3))
PATHS = st.one_of(
    KEYS,
    st.tuples(st.sampled_from(HTTP), st.sampled_from([".a", "[]", "[0].a", "[?a]", " | a", ".Content-Type"])).map(
        "".join
    ),
)
DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.one_of(DATA, st.dictionaries(PATHS, DATA, max_size=3)), st.dictionaries(st.sampled_from(HTTP), DATA))
def test_whatever_is_expected_is_refused_or_judged(expect: object, values: Mapping[str, object]) -> None:
    told = problems(expect, HTTP, "status", PLACE)
    assert all(problem.startswith(PLACE) for problem in told)
    assert problems(expect, HTTP, None, PLACE) != [] or isinstance(expect, Mapping)
    if not told:
        found = judged(normalised(expect, "status"), values)
        assert found
        assert all(assertion.told.startswith(assertion.path.split(".")[0]) for assertion in found)
