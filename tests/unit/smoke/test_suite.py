# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.registry import KINDS as ALL_KINDS
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.suite import Suite, read_suite
from tests.unit.smoke.fake_kinds import KINDS, Probe

ADMIN, USER = {"bearer": "a"}, {"bearer": "u"}
IDENTITIES = {"admin": ADMIN, "user": USER}
SITE = Setting("http://h")


def suite(
    *checks: object,
    kinds: Mapping[str, Kind] = KINDS,
    setting: Setting = SITE,
    identities: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> Suite:
    return read_suite(checks, kinds, setting, IDENTITIES if identities is None else identities, variables or {}, tags)


def told(*checks: object, **given: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        suite(*checks, **given)
    assert caught.value.message.startswith("The suite: ")
    problems: list[str] = caught.value.details["problems"]
    return problems


def names(*checks: object) -> list[str]:
    return [check.name for check in suite(*checks).checks]


WORDS = "as, baseline, every, expect, for, gate, ids, name, no_data, save, severity, tags, within"
OF_STEPS = "as, every, expect, name, no_data, save, within"


def test_a_check_is_read_with_all_its_words() -> None:
    [check] = suite(
        {
            "name": "it works",
            "probe": {"what": "a", "number": 5},
            "as": "admin",
            "expect": {"json.ok": True},
            "save": {"id": "json.id"},
            "within": "1m",
            "for": "2m",
            "every": "3s",
            "gate": True,
            "tags": ["x", "y"],
            "ids": "H13",
            "baseline": {"ms": "20%", "count": 5, "json.n": "7.5 %"},
            "no_data": "fail",
        },
    ).checks
    [step] = check.steps

    assert (check.name, check.kind, check.is_gate, check.severity, check.tags) == (
        "it works",
        "probe",
        True,
        "fail",
        ("x", "y"),
    )
    assert check.ids == ("H13",)
    assert (check.is_scenario, check.at_last, check.is_alone, check.saves) == (False, (), False, {"id"})
    assert (step.name, step.place, step.identity) == ("it works", 'check 1 "it works"', ADMIN)
    assert (step.options, step.expect, step.save) == (
        {"what": "a", "number": 5},
        {"json.ok": True},
        {"id": "json.id"},
    )
    assert (step.within, step.lasts, step.every, step.pause, step.pause_while_true) == (60, 120, 3, 3, 3)
    assert (step.baseline, step.no_data) == ({"ms": 20, "count": 5, "json.n": 7.5}, "fail")


def test_what_a_check_does_not_say_has_a_default() -> None:
    [check] = suite({"probe": "a"}).checks
    [step] = check.steps

    assert (check.is_gate, check.severity, check.tags, check.saves) == (False, "fail", (), set())
    assert (step.identity, step.expect, step.save, step.baseline, step.no_data) == (None, None, {}, {}, "warn")
    assert (step.within, step.lasts, step.every, step.pause, step.pause_while_true) == (None, None, None, 1, 5)


def test_a_status_alone_is_what_is_expected() -> None:
    one, several = suite({"probe": "a", "expect": 404}, {"probe": "b", "expect": [200, 201]}).checks

    assert (one.steps[0].expect, several.steps[0].expect) == ({"status": 404}, {"status": {"in": [200, 201]}})


@pytest.mark.parametrize("check", [{"pm2": "shop"}, {"loud": "a"}])
def test_a_number_alone_is_expected_of_no_kind_without_a_status(check: dict[str, Any]) -> None:
    class Silent(Probe):
        name = "loud"
        observes = ("json",)

    [problem] = told({**check, "expect": 200}, kinds={**ALL_KINDS, "loud": Silent()})

    assert problem.startswith("check 1.expect: this takes a mapping. Known are: ")


def test_a_scenario_is_read_with_its_last_steps() -> None:
    [check] = suite(
        {
            "name": "s",
            "as": "user",
            "scenario": [{"probe": "a", "save": {"id": "json"}}, {"probe": ["b", "c"], "as": "admin"}],
            "finally": [{"probe": "d ${id}"}],
            "severity": "warn",
            "tags": "x",
        },
    ).checks

    assert (check.name, check.kind, check.is_scenario, check.severity, check.tags) == (
        "s",
        "scenario",
        True,
        "warn",
        ("x",),
    )
    assert [(step.name, step.place, step.identity) for step in (*check.steps, *check.at_last)] == [
        ("probe a", 'check 1 "s", step 1', USER),
        ("probe b", 'check 1 "s", step 2', ADMIN),
        ("probe c", 'check 1 "s", step 2', ADMIN),
        ("probe d ${id}", 'check 1 "s", last step 1', USER),
    ]
    assert (check.saves, check.needs) == (set(), set())


def test_what_disturbs_in_a_scenario_or_its_last_steps_makes_it_disturb() -> None:
    checks = suite(
        {"loud": "a"},
        {"scenario": [{"probe": "a"}, {"loud": "b"}]},
        {"scenario": [{"probe": "a"}], "finally": [{"loud": "b"}]},
        {"scenario": [{"probe": "a"}]},
    ).checks

    assert [check.is_alone for check in checks] == [True, True, True, False]


# Names.


def test_a_check_without_name_is_called_after_what_it_is_about() -> None:
    assert names({"probe": "a\n  b"}, {"probe": 5}, {"scenario": [{"probe": "x"}]}) == [
        "probe a b",
        "probe 5",
        "scenario",
    ]
    assert names({"probe": {"password": "secret", "get": "/x", "what": "w"}}) == ["probe w"]


def test_a_title_holds_nothing_but_the_shorthand_or_an_address() -> None:
    class Web(Probe):
        shorthand = "number"
        options: Mapping[str, Option] = {**Probe.options, "what": Option(default="-")}

    def title(options: object) -> str:
        return suite({"probe": options}, kinds={"probe": Web()}).checks[0].name

    assert title({"password": "secret", "get": "/x"}) == "probe /x"
    assert title({"password": "secret", "get": "http://h/x"}) == "probe http://h/x"
    assert title({"password": "secret", "get": "https://h/x"}) == "probe https://h/x"
    assert title({"password": "secret", "with": ["/x"]}) == "probe"
    assert title({"number": 5, "get": "/x"}) == "probe 5"


def test_a_long_title_shows_where_it_is_cut() -> None:
    assert names({"probe": "x" * 60}, {"probe": "x" * 61}) == ["probe " + "x" * 60, "probe " + "x" * 60 + "…"]


def test_each_of_a_list_is_a_check_of_its_own() -> None:
    assert names({"probe": ["a", "b"]}, {"name": "n", "probe": ["a", "b"]}, {"probe": ["c"], "name": "m"}) == [
        "probe a",
        "probe b",
        "n probe a",
        "n probe b",
        "m",
    ]


def test_a_kind_that_takes_a_list_itself_is_one_check() -> None:
    assert told({"loud": ["a", "b"]}) == ["check 1.loud.what: this is no text."]


def test_no_two_checks_have_the_same_name() -> None:
    found = suite({"probe": "x", "name": "a (2)"}, *({"probe": "x", "name": "a"} for number in range(3))).checks

    assert [check.name for check in found] == ["a (2)", "a", "a (3)", "a (4)"]
    assert [check.steps[0].name for check in found] == ["a (2)", "a", "a (3)", "a (4)"]
    assert names({"scenario": [{"probe": "x"}]}, {"scenario": [{"probe": "x"}]}) == ["scenario", "scenario (2)"]
    [step] = suite({"scenario": [{"probe": "x"}]}, {"name": "scenario", "scenario": [{"probe": "y"}]}).checks[1].steps
    assert step.name == "probe y"


def test_a_name_is_one_line() -> None:
    assert names({"name": " a\n b ", "probe": "x"}, {"name": 5, "probe": "x"}) == ["a b", "5"]
    assert told({"name": "a\n b", "probe": "x", "gaet": 1}) == [
        'check 1 "a b": there is no word gaet here. Did you mean gate?'
    ]


# Refusals, all of which are told at once.


@pytest.mark.parametrize(
    ("check", "problems"),
    [
        ("probe", ["check 1: this is no mapping such as {http: /health}."]),
        (["probe"], ["check 1: this is no mapping such as {http: /health}."]),
        ({}, ["check 1: it has no kind."]),
        ({"name": "n"}, ['check 1 "n": it has no kind.']),
        ({"prob": "a", "name": "n"}, ['check 1 "n": there is no kind prob. Did you mean probe?']),
        ({"finally": []}, ["check 1: it has no kind."]),
        (
            {"zzz": 1},
            ["check 1: there is no kind zzz. Known are: change, loud, probe, sanitize, scenario."],
        ),
        ({5: 1}, ["check 1: there is no kind 5. Known are: change, loud, probe, sanitize, scenario."]),
        (
            {"probe": "a", "loud": "b"},
            ["check 1: it has two kinds, probe and loud. Make two checks of it, or a scenario of two steps."],
        ),
        (
            {"scenario": [], "loud": "b"},
            ["check 1: it has two kinds, scenario and loud. Make two checks of it, or a scenario of two steps."],
        ),
        ({"probe": "a", "wihtin": "5s"}, ["check 1: there is no word wihtin here. Did you mean within?"]),
        ({"probe": "a", "zzz": 1}, [f"check 1: there is no word zzz here. Known are: {WORDS}."]),
        ({"probe": "a", "finally": []}, [f"check 1: there is no word finally here. Known are: {WORDS}."]),
        (
            {"probe": {"waht": "a"}},
            ["check 1.probe: there is no option waht. Did you mean what?", "check 1.probe: what is missing."],
        ),
        ({"probe": {}}, ["check 1.probe: what is missing."]),
        ({"probe": None}, ["check 1.probe: what is missing."]),
        ({"probe": {"what": "a", "number": "x"}}, ["check 1.probe.number: this is no whole number."]),
        ({"probe": ["a", {"what": "a", "number": "x"}]}, ["check 1.probe.2.number: this is no whole number."]),
        ({"probe": "wrong"}, ["check 1.probe: what: this is wrong."]),
        ({"sanitize": "wrong"}, ["check 1.sanitize: what: this is wrong."]),
        ({"probe": []}, ["check 1.probe: the list is empty, so that nothing would be proved."]),
        ({"probe": "a", "expect": {}}, None),
        ({"probe": "a", "expect": None}, None),
        ({"probe": "a", "expect": {"statsu": 200}}, None),
        ({"probe": "a", "expect": {"count": {"gte": 5}}}, None),
        ({"probe": "a", "save": ["x"]}, ["check 1.save: this is no mapping."]),
        ({"probe": "a", "save": {1: "json"}}, ["check 1.save: this is no mapping."]),
        (
            {"probe": "a", "save": {"x": 5}},
            ["check 1.save.x: save: a rule is a text, such as json.id or body ~ id=(.+)."],
        ),
        (
            {"probe": "a", "save": {"x": "jsno.id"}},
            ["check 1.save.x: jsno.id: there is no jsno in what is observed. Did you mean json?"],
        ),
        ({"probe": "a", "within": "soon"}, ["check 1.within: this is no span of time such as 500ms, 60s or 15m."]),
        ({"probe": "a", "within": 0}, ["check 1.within: this is no span of time such as 500ms, 60s or 15m."]),
        ({"probe": "a", "for": -1}, ["check 1.for: this is no span of time such as 500ms, 60s or 15m."]),
        (
            {"probe": "a", "for": "5s", "every": [1]},
            ["check 1.every: this is no span of time such as 500ms, 60s or 15m."],
        ),
        ({"probe": "a", "every": "5s"}, ["check 1.every: it is looked once only. Say how long with within or for."]),
        ({"probe": "a", "for": "${x}"}, ["check 1.for: There is no variable x. None is known here."]),
        ({"loud": "a", "for": "5s"}, ["check 1.for: loud disturbs the others, and cannot be repeated beside them."]),
        ({"probe": "a", "gate": "yes"}, ["check 1.gate: this is not true or false."]),
        (
            {"probe": "a", "gate": True, "severity": "warn"},
            ["check 1.severity: a gate that only warns would skip the rest and prove nothing."],
        ),
        ({"probe": "a", "severity": "wran"}, ["check 1.severity: Did you mean warn?"]),
        ({"probe": "a", "severity": ["warn"]}, ["check 1.severity: Did you mean warn?"]),
        ({"probe": "a", "no_data": "x"}, ["check 1.no_data: Known are: fail, pass, warn."]),
        ({"probe": "a", "tags": 5}, ["check 1.tags: this is no list of words."]),
        ({"probe": "a", "tags": ["x", 5]}, ["check 1.tags: this is no list of words."]),
        ({"probe": "a", "name": {"x": "secret"}}, ["check 1.name: this is no text."]),
        ({"probe": "a", "baseline": 5}, ["check 1.baseline: this is no mapping."]),
        *(
            ({"probe": "a", "baseline": {"ms": percent}}, ["check 1.baseline.ms: this is no percentage such as 20%."])
            for percent in ("x", None, True, -1, "nan", "inf", [1], 10**400, "20%%")
        ),
        (
            {"probe": "a", "baseline": {"sm": 5}},
            ["check 1.baseline: sm: there is no sm in what is observed. Known are: count, json, ms, status, value."],
        ),
        (
            {"probe": "a", "as": "x"},
            ["check 1.as: there is no identity of this name. There are none in identities."],
        ),
        (
            {"probe": "a", "as": ["x"]},
            ["check 1.as: there is no identity of this name. There are none in identities."],
        ),
        ({"scenario": []}, ["check 1: the scenario has no step, so that nothing would be proved."]),
        ({"scenario": None}, ["check 1.scenario: this is no list of steps."]),
        ({"scenario": {"probe": "a"}}, ["check 1.scenario: this is no list of steps."]),
        ({"scenario": [{"probe": "a"}], "finally": {"probe": "a"}}, ["check 1.finally: this is no list of steps."]),
        (
            {"scenario": [{"probe": "a"}], "within": "5s"},
            ["check 1: there is no word within here. Known are: as, finally, gate, ids, name, severity, tags."],
        ),
        (
            {"name": "n", "scenario": [{"probe": "a", "for": "5s"}]},
            [f'check 1 "n", step 1: there is no word for here. Known are: {OF_STEPS}.'],
        ),
        (
            {"scenario": [{"scenario": [{"probe": "a"}]}]},
            ["check 1, step 1: a step cannot be a scenario itself. Write its steps here."],
        ),
        ({"scenario": ["x"]}, ["check 1, step 1: this is no mapping such as {http: /health}."]),
        (
            {"scenario": [{"probe": "a"}], "finally": [{"probe": "a"}, {"name": "n", "prob": "a"}]},
            ['check 1, last step 2 "n": there is no kind prob. Did you mean probe?'],
        ),
        (
            {"scenario": [{"probe": "a"}], "as": "x"},
            ["check 1.as: there is no identity of this name. There are none in identities."],
        ),
        ({"scenario": [{"probe": "a"}], "name": ["x"]}, ["check 1.name: this is no text."]),
        ({"probe": {"what": "a", "get": "x${"}}, None),
    ],
)
def test_what_is_wrong_is_told_with_its_place(check: object, problems: list[str] | None) -> None:
    found = told(check, identities={})

    if problems is not None:
        assert found == problems
    else:
        assert len(found) == 1
    assert found[0].startswith("check 1")


def test_a_suite_without_checks_is_refused() -> None:
    assert told() == ["checks: there is none, so that nothing would be proved."]


def test_everything_that_is_wrong_is_told_at_once_and_each_thing_once() -> None:
    assert told(
        {"probe": ["a", "b", "wrong"], "severity": "wran", "expect": {"staus": 1}},
        {"name": "n", "probe": "a"},
        {"name": "m", "loud": "wrong"},
    ) == [
        "check 1.expect.staus: there is no staus in what is observed. Did you mean status?",
        "check 1.severity: Did you mean warn?",
        "check 1.probe.3: what: this is wrong.",
        'check 3 "m".loud: what: this is wrong.',
    ]


def test_an_identity_is_known_by_its_name() -> None:
    assert told({"probe": "a", "as": "amdin"}) == ["check 1.as: there is no identity of this name. Did you mean admin?"]
    assert suite({"probe": "a", "as": None}).checks[0].steps[0].identity is None


def test_an_address_that_is_a_path_alone_needs_a_base_url() -> None:
    check = {"probe": {"what": "a", "get": "/x/${id}"}, "name": "n"}

    assert told(check, setting=Setting(), variables={"id": "secret"}) == [
        'check 1 "n".probe: /x/${id} is a path alone: give base_url, or begin it with http:// or https://.'
    ]
    assert suite(check, variables={"id": 1}).checks


def test_values_of_variables_are_judged_before_anything_is_sent_and_are_not_told() -> None:
    check = {"probe": {"what": "${w}", "number": "${n}"}}

    assert told(check, variables={"w": "a", "n": "secret"}) == ["check 1.probe.number: this is no whole number."]
    assert told(check, variables={"w": "wrong", "n": 5}) == ["check 1.probe: what: this is wrong."]
    assert suite(check, variables={"w": "a", "n": 5}).checks[0].steps[0].options == check["probe"]


def test_what_only_a_saved_value_can_tell_is_not_judged_before() -> None:
    assert suite({"scenario": [{"probe": "a", "save": {"n": "json"}}, {"probe": {"what": "wrong", "number": "${n}"}}]})


# Variables.

SAVES = {"probe": "a", "save": {"id": "json.id"}}
LATE = {"late": {"bearer": "${id}"}}
LATER = "is saved by a check that runs at the same time or later. Make both steps of one scenario."


@pytest.mark.parametrize(
    ("checks", "problems"),
    [
        ([{"probe": "${di}"}], ["check 1: there is no variable di. There are no variables at all: give it in vars."]),
        ([{"probe": "${di}", "expect": 200}], None),
        ([SAVES, {"probe": "${id}"}], [f"check 2: ${{id}} {LATER}"]),
        ([{"probe": "${id}"}, SAVES], [f"check 1: ${{id}} {LATER}"]),
        ([{"loud": "l", "save": {"id": "json"}}, {"probe": "${id}"}], [f"check 2: ${{id}} {LATER}"]),
        ([{"loud": "${id}"}, {"loud": "l", "save": {"id": "json"}}], [f"check 1: ${{id}} {LATER}"]),
        ([{**SAVES, "gate": True}, {"probe": "b", "expect": {"json": "${id}"}}], []),
        ([{"probe": "b", "gate": True, "expect": {"json": "${id}"}}, {**SAVES, "gate": True}], None),
        ([{**SAVES, "gate": True}, {"probe": "${id}", "gate": True}], []),
        ([SAVES, {"probe": "b", "as": "late"}], [f"check 2: ${{id}} {LATER}"]),
        ([{**SAVES, "gate": True}, {"probe": "b", "as": "late"}], []),
        ([{"probe": "b", "as": "late"}], None),
        ([{"loud": "${id}"}, SAVES], []),
        ([{"loud": "l", "save": {"id": "json"}}, {"loud": "${id}"}], []),
        ([{"scenario": [SAVES, {"probe": "${id.x + 1}"}], "finally": [{"probe": "${id}"}]}], []),
        ([{"scenario": [{"probe": "${id}"}, SAVES]}], [f"check 1, step 1: ${{id}} {LATER}"]),
        ([{"scenario": [SAVES]}, {"loud": "${id}"}], [f"check 2: ${{id}} {LATER}"]),
        ([{"scenario": [SAVES], "finally": [{"probe": "${di}"}]}], ["check 1, last step 1: there is no variable di."]),
        ([{"probe": "a", "expect": {"count": "${json.n}"}}], []),
        ([{"probe": "${json}"}], None),
        ([{"probe": "a", "expect": {"count": "${jsno}"}}], ["check 1: there is no variable jsno. Did you mean json?"]),
        ([{"sanitize": "${payload}"}], []),
        ([{"probe": "${payload}"}], None),
        ([{"sanitize": "a", "expect": {"json": "${payload}"}}], None),
        ([{"probe": "${"}], ["check 1: An expression ${…} is not understood"]),
        ([{"probe": "a", "expect": {"json": "${"}}], ["check 1: An expression ${…} is not understood"]),
    ],
)
def test_a_name_that_will_have_no_value_is_refused(checks: list[object], problems: list[str] | None) -> None:
    if problems == []:
        assert suite(*checks, identities=LATE).checks
        return
    found = told(*checks, identities=LATE)

    assert len(found) == 1
    assert problems is None or found[0].startswith(problems[0])


def test_variables_are_known_from_the_beginning() -> None:
    found = suite({"probe": "${id}"}, variables={"id": 1})

    assert found.variables == {"id": 1}
    assert told({"probe": "${di}"}, variables={"id": 1}) == ["check 1: there is no variable di. Known are: id."]


def test_a_variable_keeps_its_value() -> None:
    assert told(SAVES, variables={"id": 1}) == [
        "check 1.save.id: there is a variable of this name already: give it another."
    ]


def test_a_check_needs_what_it_does_not_save_itself() -> None:
    scenario = {
        "scenario": [{"probe": "a ${x}", "save": {"y": "json"}}, {"probe": "b ${y}", "expect": {"json": "${z}"}}],
        "finally": [{"probe": "${y} ${u}"}],
    }
    [check] = suite(scenario, variables=dict.fromkeys("xzu", 1)).checks

    assert check.needs == {"x", "z", "u"}


# Tags.


def test_a_tag_that_no_check_has_is_refused() -> None:
    check = {"probe": "a", "tags": ["quick"]}

    assert suite(check, {"probe": "b"}, tags=["quick"]).checks
    assert told(check, tags=["quick", "qiuck"]) == ["only_tags: no check has the tag qiuck. Did you mean quick?"]
    assert told({"probe": "a"}, tags=["x"]) == ["only_tags: no check has the tag x. None has any."]


# Whatever is given.

_WORDS = st.sampled_from(
    [
        *("probe", "loud", "scenario", "finally", "what", "number", "name", "as", "expect", "save", "within", "for"),
        *(
            "every",
            "gate",
            "severity",
            "tags",
            "baseline",
            "no_data",
            "http",
            "sql",
            "log",
            "get",
            "post",
            "json",
            "${x}",
        ),
        *("status", "tcp", "path", "tables", "command", "redis", "headers", "files", "auth_required", "paths", "query"),
    ]
)
_TEXTS = st.one_of(
    st.text(max_size=6),
    _WORDS,
    st.sampled_from(
        ["${x}", "${y.a + 1}", "${", "$${", "5s", "/x", "http://h/x", "http://[", "json[", "body ~ (", "warn"]
    ),
)
_SCALARS = st.one_of(
    *(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.floats(),
        _TEXTS,
        st.sampled_from([10**400, "\ud800", "9" * 5000]),
    )
)
_KEYS = st.one_of(_WORDS, _WORDS, _TEXTS, st.integers(-1, 3), st.none(), st.booleans())
_NESTED = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)
# So that what is read goes deeper than to the first refusal.
_CHECKS = st.one_of(
    _NESTED,
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("probe", "http", "sql", "log", "loud", "rate_limit", "socketio", "tcp", "file"), _NESTED),
            **dict.fromkeys(("name", "as", "expect", "save", "within", "for", "every", "gate", "tags"), _NESTED),
            "baseline": _NESTED,
        },
    ),
    st.fixed_dictionaries({"scenario": st.lists(_NESTED, max_size=2)}, optional={"finally": _NESTED, "as": _NESTED}),
)
# Below these words each kind says what is wrong in its own words, after the place.
_PLACE = re.compile(r'(?:check \d+(?: "[^\n]*")?(?:, (?:last )?step \d+(?: "[^\n]*")?)?(?:\..*)?|checks): ', re.DOTALL)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_CHECKS, max_size=3),
    st.dictionaries(_TEXTS, _NESTED, max_size=2),
    st.sampled_from([None, "http://h", "x"]),
)
def test_whatever_is_given_is_read_or_refused_with_its_place(
    checks: list[object], variables: dict[str, Any], base_url: str | None
) -> None:
    kinds = {**ALL_KINDS, "probe": KINDS["probe"], "loud": KINDS["loud"]}
    try:
        found = suite(*checks, kinds=kinds, setting=Setting(base_url), variables=variables)
    except InvalidInput as error:
        for problem in error.details["problems"]:
            assert _PLACE.match(problem), problem
    else:
        assert all(check.steps for check in found.checks)
        assert len({check.name for check in found.checks}) == len(found.checks)
