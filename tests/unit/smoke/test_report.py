# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import masked
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expectation import Assertion
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import Outcome, Verdict, cut
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.report import FORMATS, returned
from tests.unit.smoke.fake_kinds import NOW

ALL = Verdict(
    [
        Outcome("a", "http", "passed", ms=1234.56, attempts=1),
        Outcome("b", "http", "failed", failures=["x", "y"]),
        Outcome("c", "sql", "error", failures=["z"]),
        Outcome("d", "log", "skipped", failures=["why."]),
        Outcome("e", "log", "failed", severity="warn", failures=["w"]),
        Outcome("f", "log", "error", severity="warn", failures=["v"]),
        Outcome("g", "sql", "inconclusive", failures=["u"]),
    ],
    3.44,
)


def written(form: str, verdict: Verdict) -> str:
    """The text as it comes out of a file again."""
    return FORMATS[form](verdict, NOW).encode("utf-8", "replace").decode()


# Verdicts.


def test_a_verdict_counts() -> None:
    assert ALL.counts() == {"passed": 1, "failed": 1, "errors": 1, "skipped": 1, "warned": 2, "inconclusive": 1}


def test_a_verdict_is_a_sentence_with_a_line_for_each_failure() -> None:
    assert ALL.sentence() == (
        "1 passed, 1 failed, 1 could not observe, 1 skipped, 2 warned, 1 inconclusive in 3.4 s\nb: x\nb: y\nc: z"
    )
    assert Verdict([Outcome("a", "http", "passed")], 0).sentence() == "1 passed in 0.0 s"
    assert Verdict([Outcome("a", "http", "skipped")], 0).sentence() == "0 passed, 1 skipped in 0.0 s"


def test_what_does_not_speak_against_it_is_warned_of() -> None:
    assert ALL.warnings() == ["e: w", "f: v", "g: u"]


@pytest.mark.parametrize(
    ("outcome", "severity", "is_good"),
    [
        ("passed", "fail", True),
        ("failed", "fail", False),
        ("error", "fail", False),
        ("inconclusive", "fail", True),
        ("skipped", "fail", True),
        ("failed", "warn", True),
        ("error", "warn", True),
    ],
)
def test_a_failure_or_an_error_speaks_against_it_unless_it_only_warns(
    outcome: str, severity: str, *, is_good: bool
) -> None:
    verdict = Verdict([Outcome("a", "k", "passed"), Outcome("b", "k", outcome, severity)], 0)

    assert verdict.is_good is is_good


def test_the_result_holds_no_number_that_ansible_would_misunderstand() -> None:
    found = returned(ALL)

    assert set(found) == {"counts", "duration_ms", "failures", "checks"}
    assert (found["counts"], found["duration_ms"]) == (ALL.counts(), 3440)
    assert found["failures"] == ["b: x", "b: y", "c: z"]


def test_a_check_is_returned_with_its_evidence_and_its_steps() -> None:
    step = Outcome("t", "http", "passed", assertions=[Assertion("status", True, "status: is 200")])
    one = Outcome("s", "scenario", "failed", "warn", 1.26, 2, [], ["x"], {"a": 1}, [step], {"saved": 1}, {"r": 1})
    one = replace(one, ids=["H13"])

    assert one.as_returned() == {
        "name": "s",
        "kind": "scenario",
        "outcome": "failed",
        "severity": "warn",
        "ids": ["H13"],
        "ms": 1.3,
        "attempts": 2,
        "assertions": [],
        "failures": ["x"],
        "observed": {"a": 1},
        "steps": [
            {
                "name": "t",
                "kind": "http",
                "outcome": "passed",
                "severity": "fail",
                "ids": [],
                "ms": 0.0,
                "attempts": 0,
                "assertions": [{"path": "status", "is_met": True, "told": "status: is 200"}],
                "failures": [],
                "observed": {},
            }
        ],
    }


# Secrets.


def test_secrets_are_hidden_wherever_they_stand() -> None:
    step = Outcome("canary", "http", "failed", failures=["x canary"])
    one = Outcome(
        "n canary",
        "scenario",
        "failed",
        assertions=[Assertion("json.canary", False, "json.canary: expected canary")],
        failures=["canary y"],
        observed={"canary": ["a canary", {"b": "canary"}], "n": 12345, "f": 1.5, "t": True, "ok": "word"},
        steps=[step],
    )
    verdict = Verdict([one], 1).hiding(["canary", "12345", "1.5", ""])

    shown = json.dumps(returned(verdict)) + verdict.sentence() + "".join(written(form, verdict) for form in FORMATS)
    assert not re.search("canary|12345", shown)
    assert verdict.outcomes[0].observed == {
        "********": ["a ********", {"b": "********"}],
        "n": "********",
        "f": "********",
        "t": True,
        "ok": "word",
    }
    assert verdict.outcomes[0].assertions == [Assertion("json.********", False, "json.********: expected ********")]
    assert (verdict.outcomes[0].name, verdict.outcomes[0].failures) == ("n ********", ["******** y"])
    assert (verdict.outcomes[0].steps[0].name, verdict.outcomes[0].steps[0].failures) == ("********", ["x ********"])


def test_without_secrets_nothing_is_hidden() -> None:
    assert ALL.hiding([]) is ALL
    assert ALL.hiding([""]) is ALL


def test_a_secret_that_is_a_part_of_another_leaves_nothing_of_it() -> None:
    verdict = Verdict([Outcome("abcd-efgh", "k", "passed")], 0)

    assert verdict.hiding(["abcd", "abcd-efgh"]).outcomes[0].name == "********"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x canary-sec…", "x ********…"),
        ("x canary-secre… y cana… z", "x ********… y ********… z"),
        ("x can…", "x can…"),
        ("x canary-sec", "x canary-sec"),
        ("canary-secret…", "********…"),
    ],
)
def test_the_beginning_of_a_secret_where_a_text_is_cut_is_hidden(text: str, shown: str) -> None:
    assert masked(text, ["canary-secret"]) == shown


# Sizes.


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "… (201 characters)"),
        (list(range(20)), list(range(20))),
        (list(range(21)), [*range(20), "… and 1 more"]),
        ({str(n): n for n in range(20)}, {str(n): n for n in range(20)}),
        ({str(n): n for n in range(22)}, {**{str(n): n for n in range(20)}, "…": "and 2 more"}),
        ([list(range(11))], [[*range(10), "… and 1 more"]]),
        ({"a": {str(n): n for n in range(11)}}, {"a": {**{str(n): n for n in range(10)}, "…": "and 1 more"}}),
        ([[[[[1]]]]], [[[[[1]]]]]),
        ([[[[[[1]]]]]], [[[[["…"]]]]]),
        ([[[[[[]]]]]], [[[[[[]]]]]]),
        ([[[[[{"a": 1}]]]]], [[[[["…"]]]]]),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1.5, 1.5),
        ({5: None}, {"5": None}),
        ((1, 2), [1, 2]),
        ({}, {}),
    ],
)
def test_what_is_too_long_or_too_deep_is_cut(value: object, shown: object) -> None:
    assert cut(value) == shown


def test_what_is_nested_without_end_is_cut() -> None:
    deep: list[Any] = []
    for _level in range(100_000):
        deep = [deep]

    assert len(json.dumps(cut(deep))) < 50


# JUnit.


def cases(verdict: Verdict) -> tuple[ET.Element, list[ET.Element]]:
    suite = ET.fromstring(written("junit", verdict))  # noqa: S314 - it is our own
    return suite, list(suite)


def test_junit_tells_what_speaks_against_the_application() -> None:
    suite, found = cases(ALL)

    assert suite.attrib == {
        "name": "smoke_check",
        "tests": "7",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
        "time": "3.440",
    }
    assert found[0].attrib == {"classname": "http", "name": "a", "time": "1.235"}
    assert [[(inner.tag, inner.attrib, inner.text) for inner in case] for case in found] == [
        [],
        [("failure", {"message": "x"}, "x\ny")],
        [("error", {"message": "z"}, "z")],
        [("skipped", {"message": "why."}, None)],
        [("system-out", {}, "w")],
        [("system-out", {}, "v")],
        [("skipped", {"message": "u"}, None)],
    ]


# TAP.


def read_tap(text: str) -> list[tuple[bool, str, str | None]]:
    """What a reader of TAP makes of it: whether it is well, its name, and why it is skipped."""
    assert text.endswith("\n")
    version, plan, *lines = text[:-1].split("\n")
    assert version == "TAP version 13"
    assert re.fullmatch(r"1\.\.[0-9]+", plan)
    found: list[tuple[bool, str, str | None]] = []
    for line in lines:
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"(not )?ok ([0-9]+) - ((?:[^\\#]|\\.)*?)(?: # SKIP (.*))?", line)
        assert match, line
        assert int(match[2]) == len(found) + 1
        found.append((not match[1], re.sub(r"\\(.)", r"\1", match[3]), match[4]))
    assert plan == f"1..{len(found)}"
    return found


def test_tap_tells_what_speaks_against_the_application() -> None:
    assert read_tap(written("tap", ALL)) == [
        (True, "http: a", None),
        (False, "http: b", None),
        (False, "sql: c", None),
        (True, "log: d", "why."),
        (True, "log: e", None),
        (True, "log: f", None),
        (True, "sql: g", "u"),
    ]
    lines = written("tap", ALL).splitlines()
    assert lines[2:6] == ["ok 1 - http: a", "not ok 2 - http: b", "# x", "# y"]


def test_tap_has_a_line_for_each_line_of_a_failure() -> None:
    text = written("tap", Verdict([Outcome("a#b\\\nc", "k", "failed", failures=["x\ny\rz"])], 0))

    assert text == "TAP version 13\n1..1\nnot ok 1 - k: a\\#b\\\\ c\n# x\n# y\n# z\n"


# JSON.


def test_json_is_what_the_module_returns() -> None:
    assert json.loads(written("json", ALL)) == {"at": "2026-07-01T12:00:00+00:00", **returned(ALL)}
    assert "ä" in written("json", Verdict([Outcome("ä", "k", "passed")], 0))


# Prometheus.


def test_the_textfile_has_a_line_for_each_check_that_was_carried_out() -> None:
    assert written("textfile", ALL).splitlines() == [
        "# HELP smoke_check_success Whether the check passed.",
        "# TYPE smoke_check_success gauge",
        'smoke_check_success{check="a",kind="http",severity="fail"} 1',
        'smoke_check_success{check="b",kind="http",severity="fail"} 0',
        'smoke_check_success{check="c",kind="sql",severity="fail"} 0',
        'smoke_check_success{check="e",kind="log",severity="warn"} 0',
        'smoke_check_success{check="f",kind="log",severity="warn"} 0',
        'smoke_check_success{check="g",kind="sql",severity="fail"} 0',
        "# HELP smoke_check_last_run_timestamp_seconds When the suite was last carried out.",
        "# TYPE smoke_check_last_run_timestamp_seconds gauge",
        "smoke_check_last_run_timestamp_seconds 1782907200.000",
        "# HELP smoke_check_duration_seconds How long the suite took.",
        "# TYPE smoke_check_duration_seconds gauge",
        "smoke_check_duration_seconds 3.440",
    ]


def test_the_textfile_escapes_labels() -> None:
    text = written("textfile", Verdict([Outcome('a\\"\n', "k", "passed")], 0))

    assert 'check="a\\\\\\"\\n",' in text


# Whatever is in the texts.

_TEXTS = st.one_of(
    st.text(), st.sampled_from(["]]>", "\x00\x1b", "🚀", "\ud800", "a # SKIP b", "\\", "<&\"'>", "\u2028\x85"])
)
_OUTCOMES = st.builds(
    Outcome,
    name=_TEXTS,
    kind=st.sampled_from(["http", "sql"]),
    outcome=st.sampled_from(["passed", "failed", "error", "skipped", "inconclusive"]),
    severity=st.sampled_from(["fail", "warn"]),
    failures=st.lists(_TEXTS, min_size=1, max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_OUTCOMES, min_size=1, max_size=3))
def test_every_report_can_be_read_whatever_the_texts_are(outcomes: Sequence[Outcome]) -> None:
    verdict = Verdict(outcomes, 1.5)

    assert [case.get("classname") for case in cases(verdict)[1]] == [one.kind for one in outcomes]
    names = [" ".join(f"{one.kind}: {one.name}".encode("utf-8", "replace").decode().split()) for one in outcomes]
    assert [(is_ok, name) for is_ok, name, _why in read_tap(written("tap", verdict))] == [
        (not one.is_against, name) for one, name in zip(outcomes, names)
    ]
    assert json.loads(written("json", verdict))["duration_ms"] == 1500
    metrics = [line for line in written("textfile", verdict).split("\n") if line and not line.startswith("#")]
    label = r'"(?:[^"\\]|\\["\\n])*"'
    for line in metrics[:-2]:
        assert re.fullmatch(rf"smoke_check_success\{{check={label},kind={label},severity={label}\}} [01]", line), line
    assert len(metrics) - 2 == sum(one.outcome != "skipped" for one in outcomes)
