# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.path import (
    MISSING,
    find,
    is_jmespath,
    problems,
    reached,
    regex_problem,
    save_problems,
    saved,
)

KNOWN = ("status", "json", "headers", "body", "rows", "counts")

VALUES: Mapping[str, Any] = {
    "status": 200,
    "json": {
        "a": {"b": 1, "c": None},
        "list": [{"name": "x", "priority": 1}, {"name": "y", "priority": 2}],
        "breakers": [{"name": "mail", "state": "OPEN"}, {"name": "sms", "state": "CLOSED"}],
        "": {"": "empty"},
        "A": "other",
    },
    "headers": {"content-type": "text/html", "x.y": "dotted"},
    "body": '<script src="/assets/index-1.js"> id=7',
    "rows": [{"x": "first"}, {"x": "second"}, ["inner"]],
    "counts": {"Rate limit reached": 3, "at app.js": 4, "at": {"app": {"js": 5, "ts": 6}}, "end.": 7},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("status", 200),
        ("json.a.b", 1),
        ("json.a", {"b": 1, "c": None}),
        ("json.a.c", None),
        ("json.A", "other"),
        ("json..", "empty"),
        ("headers.content-type", "text/html"),
        ("headers.Content-Type", "text/html"),
        ("headers.X.Y", "dotted"),
        ("rows.0.x", "first"),
        ("rows.2.0", "inner"),
        ("counts.Rate limit reached", 3),
        ("counts.at app.js", 4),
        ("counts.at.app.js", 5),
        ("counts.end.", 7),
        ("json.a.x", MISSING),
        ("json.a.b.c", MISSING),
        ("json.B", MISSING),
        ("json.a.B", MISSING),
        ("status.x", MISSING),
        ("body.0", MISSING),
        ("rows.3", MISSING),
        ("rows.x", MISSING),
        ("rows.-1", MISSING),
        ("rows.²", MISSING),
        (f"rows.{'9' * 5000}", MISSING),
        ("Headers.content-type", MISSING),
        ("nothing", MISSING),
        ("", MISSING),
        ("json[]", MISSING),
        ("rows[0].x", "first"),
        ("rows[-1]", ["inner"]),
        ("json.list[].priority", [1, 2]),
        ("json.list[].wrong", []),
        ("json.breakers[?state=='OPEN'].name", ["mail"]),
        ("json.breakers[?state=='NONE'].name", []),
        ("json.list[?name=='y'] | [0]", {"name": "y", "priority": 2}),
        ("json.list[?name=='z'] | [0]", MISSING),
        ("json.list[5]", MISSING),
        ("length(json.list)", 2),
        ("json.a | c", MISSING),
        ('headers."content-type"', "text/html"),
    ],
)
def test_path_leads_to_what_is_there(path: str, expected: object) -> None:
    found = find(path, VALUES)
    assert found is MISSING if expected is MISSING else found == expected


def test_longest_key_is_taken_before_those_within_it() -> None:
    assert find("a.b.c", {"a": {"b": {"c": 1}, "b.c": 2}}) == 2
    assert find("a.b.c", {"a": {"b": {"c": 1}, "b.c": 2}, "a.b": {"c": 3}}) == 3
    assert find("a.b.c", {"a": {"b": {"c": 1}}, "a.b": {"d": 3}}) == 1
    assert reached({"a": 1}, ["a"]) == 1
    assert reached(5, []) == 5


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "length(json.nothing)",
            "length(json.nothing): JMESPath cannot be applied to what is there: In function length(), invalid type for "
            "value: None, expected one of: ['string', 'array', 'object'], received: \"null\"",
        ),
        (
            "lenght(json)",
            "lenght(json): JMESPath cannot be applied to what is there: Unknown function: lenght()",
        ),
        (
            "rows[::0]",
            "rows[::0]: JMESPath cannot be applied to what is there: slice step cannot be zero",
        ),
        (
            "body < `1`",
            "body < `1`: JMESPath cannot be applied to what is there: '<' not supported between instances of 'str' and "
            "'int'",
        ),
        (
            "rows[",
            "rows[: this is not understood as JMESPath from character 6 on. A key that holds one of "
            "[](){}|&@*!<>='\"` stands in a mapping below its path.",
        ),
    ],
)
def test_jmespath_that_cannot_be_applied_tells_why(path: str, told: str) -> None:
    with pytest.raises(Unobserved) as found:
        find(path, VALUES)
    assert found.value.message == told


def test_number_that_is_too_long_has_no_position() -> None:
    path = f"rows[{'9' * 5000}]"
    assert problems(path, KNOWN) == [f"{path}: this is not understood as JMESPath. {NOT_UNDERSTOOD}"]


def test_long_reason_is_cut() -> None:
    with pytest.raises(Unobserved) as found:
        find("abs(body)", {"body": "x" * 5000})
    assert 200 < len(found.value.message) < 300


NOT_UNDERSTOOD = "A key that holds one of [](){}|&@*!<>='\"` stands in a mapping below its path."


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("status", []),
        ("json.whatever.is.in it", []),
        ("headers.X-Y", []),
        ("json[]", []),
        ("json[].priority", []),
        ("json[?name=='x'] | [0]", []),
        ("length(json)", []),
        ("length (jsn)", []),
        ("[status, json]", []),
        ("", ['"": this path is empty.']),
        ("jsn", ["jsn: there is no jsn in what is observed. Did you mean json?"]),
        ("jsn.a", ["jsn.a: there is no jsn in what is observed. Did you mean json?"]),
        ("jsn[].a", ["jsn[].a: there is no jsn in what is observed. Did you mean json?"]),
        (" jsn | [0]", [" jsn | [0]: there is no jsn in what is observed. Did you mean json?"]),
        ("json[?", [f"json[?: this is not understood as JMESPath from character 7 on. {NOT_UNDERSTOOD}"]),
        (
            "counts.[error",
            [f"counts.[error: this is not understood as JMESPath from character 14 on. {NOT_UNDERSTOOD}"],
        ),
        (
            "jsn[",
            [
                "jsn[: there is no jsn in what is observed. Did you mean json?",
                f"jsn[: this is not understood as JMESPath from character 5 on. {NOT_UNDERSTOOD}",
            ],
        ),
    ],
)
def test_problems_of_a_path(path: str, told: list[str]) -> None:
    assert problems(path, KNOWN) == told


def test_missing_library_is_told_for_what_needs_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    told = (
        "rows[0]: this path is JMESPath, for which a library is missing: install python3-jmespath (with pip: jmespath) "
        "where the check runs, or write a path of keys and dots."
    )
    assert problems("rows[0]", KNOWN) == [told]
    with pytest.raises(Unobserved) as found:
        find("rows[0]", VALUES)
    assert found.value.message == told
    assert problems("rows.0", KNOWN) == []
    assert find("rows.0", VALUES) == {"x": "first"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("json.a.b", 1),
        ("json.a.c", None),
        ("json.list[0].name", "x"),
        (r"body ~ src=\"(/assets/[^\"]+)\"", "/assets/index-1.js"),
        (r"body ~ id=\d", "id=7"),
        ("headers.Content-Type ~ ^text", "text"),
        ("body ~ ~|id", "id"),
    ],
)
def test_rule_saves_what_it_finds(rule: str, expected: object) -> None:
    assert saved(rule, VALUES) == expected


@pytest.mark.parametrize(
    "rule",
    ["json.x", "json.list[9]", "body ~ id=x", "body ~ (x)?id", "json.a.b ~ 1", "json.x ~ .", "body ~ ("],
)
def test_rule_that_finds_nothing_is_refused(rule: str) -> None:
    with pytest.raises(Unobserved) as found:
        saved(rule, VALUES)
    assert found.value.message == f"{rule}: nothing was found that could be saved."


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("json.id", []),
        ("body ~ id=(.+)", []),
        ("json[0] ~ id=(.+)", []),
        ("jsn.id", ["jsn.id: there is no jsn in what is observed. Did you mean json?"]),
        ("bdy ~ x", ["bdy: there is no bdy in what is observed. Did you mean body?"]),
        ("body ~", ["body ~: there is no body ~ in what is observed. Did you mean body?"]),
        (
            "body ~ (",
            ["body ~ (: this is no regular expression: missing ), unterminated subpattern at position 0."],
        ),
        (5, ["save: a rule is a text, such as json.id or body ~ id=(.+)."]),
        (None, ["save: a rule is a text, such as json.id or body ~ id=(.+)."]),
    ],
)
def test_problems_of_a_rule(rule: object, told: list[str]) -> None:
    assert save_problems(rule, KNOWN) == told


def test_repetition_that_is_too_large_is_no_regular_expression() -> None:
    assert regex_problem("a{99999999999999999999}") == (
        "this is no regular expression: the repetition number is too large."
    )
    assert regex_problem("(" * 5000) is not None
    assert regex_problem(f"a{{{'9' * 5000}}}") is not None
    assert regex_problem("a{2}") is None


KEYS = st.text(alphabet="ab.0 [é", max_size=3)
DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=10,
)
# Of expressions in JMESPath.
FUNCTIONS = ("length(", "sort(", "to_number(", "max_by(", "avg(", "join(")
SIGNS = (".", "[0]", "[]", "[?", "[::0", "]", "{a: ", "}", ")", ",", "*", "@", "&", "==", "<", "!", "|", "||")
SHARDS = ("a", "b", *FUNCTIONS, *SIGNS, "`1`", "'x'")
PATHS = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="ab.0 []|?*&@'`\"(){}<>=!:,-", max_size=20),
    st.lists(st.sampled_from(SHARDS), max_size=8).map("".join),
)


def refusal(act: Callable[[], object]) -> str | None:
    """What the error says, or None if there is none."""
    try:
        act()
    except Unobserved as error:
        return error.message
    return None


# A literal in the notation of old.
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
@given(PATHS, st.dictionaries(KEYS, DATA, max_size=3))
def test_nothing_but_the_error_comes_out_of_any_path(path: str, values: Mapping[str, object]) -> None:
    assert all(told.startswith(path or '""') for told in problems(path, list(values)))
    told = refusal(lambda: find(path, values))
    assert told is None or (is_jmespath(path) and told.startswith(path))


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax", "ignore:Possible:FutureWarning")
@given(
    st.one_of(PATHS, st.tuples(PATHS, st.text(max_size=15)).map(" ~ ".join)), st.dictionaries(KEYS, DATA, max_size=3)
)
def test_nothing_but_the_error_comes_out_of_any_rule(rule: str, values: Mapping[str, object]) -> None:
    assert all(isinstance(told, str) for told in save_problems(rule, list(values)))
    assert refusal(lambda: saved(rule, values)) != ""


# Of a set in a set, which later versions of Python may read in another way.
@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(st.one_of(st.text(max_size=20), st.text(alphabet="ab()[]{}?*+|^$\\:<>=!P-,1i", max_size=20)))
def test_any_text_is_a_regular_expression_or_none(pattern: str) -> None:
    refused = regex_problem(pattern)
    assert refused is None or refused.startswith("this is no regular expression: ")


@given(st.lists(st.text(alphabet="abé -_", min_size=1, max_size=4), min_size=1, max_size=6), DATA)
def test_plain_path_leads_through_its_keys(keys: list[str], value: object) -> None:
    values = value
    for key in reversed(keys):
        values = {key: values}
    assert isinstance(values, dict)
    assert find(".".join(keys), values) is value
