# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import Outcome, Verdict
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request
from tests.unit.smoke.fake_kinds import Stage, failed

REFUSED = HttpError("GET http://h/x failed: connection refused.", reason="refused")
MISTAKE = KeyError("a mistake of ours")


def outcomes(verdict: Verdict) -> dict[str, str]:
    return {one.name: one.outcome for one in verdict.outcomes}


def only(verdict: Verdict) -> Outcome:
    [one] = verdict.outcomes
    return one


def steps(verdict: Verdict) -> dict[str, str]:
    return {one.name: one.outcome for one in only(verdict).steps}


# A single check.


def test_what_is_as_expected_passes_with_its_evidence() -> None:
    stage = Stage({"a": [{"json": {"id": 7}}]}, takes=0.5)

    one = only(stage.run([{"probe": "a", "expect": {"json": {"id": 7}}}]))

    assert (one.name, one.kind, one.outcome, one.severity) == ("probe a", "probe", "passed", "fail")
    assert [(each.path, each.is_met, each.told) for each in one.assertions] == [("json.id", True, "json.id: is 7")]
    assert one.observed == {"status": 200, "json": {"id": 7}, "count": None, "ms": None}
    assert (one.failures, one.attempts, one.ms) == ([], 1, 500.0)


def test_what_is_not_as_expected_fails_line_by_line_with_what_was_seen_at_the_end() -> None:
    stage = Stage({"a": [{"status": 503, "json": {"id": 7}}]})

    one = only(stage.run([{"probe": "a", "expect": {"status": 200, "json": {"id": 8}}}]))

    assert one.outcome == "failed"
    assert one.failures == ["status: expected 200, got 503", "json.id: expected 8, got 7 (asked a)"]


def test_what_could_not_be_observed_is_an_error() -> None:
    one = only(Stage({"a": [REFUSED]}).run([{"probe": "a"}]))

    assert (one.outcome, one.failures) == ("error", ["GET http://h/x failed: connection refused."])
    assert (one.observed, one.attempts) == ({}, 1)


def test_without_expect_the_kind_says_what_is_expected() -> None:
    assert outcomes(Stage({"a": [failed()]}).run([{"probe": ["a", "b"]}])) == {"probe a": "failed", "probe b": "passed"}


def test_a_mistake_of_ours_is_none_of_the_application() -> None:
    with pytest.raises(KeyError):
        Stage({"a": [MISTAKE]}).run([{"probe": "a"}])


def test_what_is_not_found_to_be_saved_is_an_error_that_shows_what_was_seen() -> None:
    one = only(Stage({"a": [{"json": {}}]}).run([{"probe": "a", "save": {"id": "json.id"}}]))

    assert one.failures == ["json.id: nothing was found that could be saved. (asked a)"]
    assert (one.outcome, one.observed["json"]) == ("error", {})


def test_an_expectation_can_speak_of_the_observation_itself() -> None:
    stage = Stage({"a": [{"count": 3, "json": 3}]})

    assert outcomes(stage.run([{"probe": "a", "expect": {"count": "${json}"}}])) == {"probe a": "passed"}
    assert outcomes(stage.run([{"probe": "a", "expect": {"count": "${json + 1}"}}])) == {"probe a": "failed"}


def test_what_the_observation_has_comes_before_a_variable_of_the_same_name() -> None:
    stage = Stage({"a": [{"count": 3, "json": 3}]})

    verdict = stage.run([{"probe": "a", "expect": {"count": "${json}"}}], variables={"json": 9})

    assert outcomes(verdict) == {"probe a": "passed"}


def test_an_expression_without_value_is_an_error() -> None:
    stage = Stage({"a": [{"json": {}}]})

    one = only(stage.run([{"probe": "a", "expect": {"count": "${json.id}"}}]))

    assert one.outcome == "error"
    assert one.failures == ["${json.id}: there is no json.id in what was saved. (asked a)"]


def test_options_that_are_wrong_once_they_have_their_values_are_an_error() -> None:
    stage = Stage({"a": [{"json": "wrong"}]})
    scenario = [
        {"probe": "a", "save": {"x": "json"}},
        {"probe": {"what": "b", "number": "${x}"}},
    ]
    assert only(stage.run([{"scenario": scenario}])).failures == ["probe b: probe.number: this is no whole number."]

    scenario[1] = {"probe": {"what": "${x}"}}
    assert only(stage.run([{"scenario": scenario}])).failures == ["probe ${x}: probe: what: this is wrong."]
    assert stage.asked() == ["a", "a"]


def test_a_kind_that_fills_in_a_name_by_itself_is_given_it_as_it_is() -> None:
    stage = Stage()

    assert only(stage.run([{"sanitize": {"what": "a ${payload}"}}])).outcome == "passed"

    assert stage.asked() == ["a ${payload}"]


def test_long_answers_are_cut_before_they_are_kept() -> None:
    stage = Stage({"a": [{"json": "x" * 1000}], "b": [{"json": "y" * 1000}]})

    one, other = stage.run([{"probe": "a"}, {"probe": "b", "save": {"x": "json.y"}}]).outcomes

    assert one.observed["json"] == "x" * 200 + "… (1000 characters)"
    assert other.observed["json"] == "y" * 200 + "… (1000 characters)"


# Time.


def test_within_looks_again_until_it_is_true() -> None:
    stage = Stage({"a": [failed(), REFUSED, {}]})

    one = only(stage.run([{"probe": "a", "within": "60s"}]))

    assert (one.outcome, one.attempts, one.ms, one.failures) == ("passed", 3, 2000.0, [])
    assert stage.times("a") == [0, 1, 2]


def test_within_looks_a_last_time_when_it_is_over() -> None:
    stage = Stage({"a": [failed()]})

    one = only(stage.run([{"probe": "a", "within": "2.5s"}]))

    assert stage.times("a") == [0, 1, 2, 2.5]
    assert one.failures == ["status: expected 200, got 500 (asked a) This was so at attempt 4, after 2 s."]


def test_a_second_attempt_is_told() -> None:
    one = only(Stage({"a": [failed()]}).run([{"probe": "a", "within": "1s"}]))

    assert one.failures == ["status: expected 200, got 500 (asked a) This was so at attempt 2, after 1 s."]


def test_within_does_not_begin_another_look_when_the_last_one_took_too_long() -> None:
    stage = Stage({"a": [failed()]}, takes=7)

    assert only(stage.run([{"probe": "a", "within": "5s"}])).failures == ["status: expected 200, got 500 (asked a)"]
    assert stage.times("a") == [0]


def test_within_waits_for_data() -> None:
    stage = Stage({"a": [{"value": None}, {"value": 5}]})

    assert only(stage.run([{"probe": "a", "expect": {"value": {"gt": 1}}, "within": "9s"}])).outcome == "passed"


def test_for_looks_as_long_as_it_stays_true_and_at_the_end() -> None:
    stage = Stage()

    one = only(stage.run([{"probe": "a", "for": "12s"}]))

    assert (one.outcome, one.attempts, one.ms) == ("passed", 4, 12000.0)
    assert stage.times("a") == [0, 5, 10, 12]


def test_the_last_look_comes_when_the_window_ends() -> None:
    stage = Stage()

    stage.run([{"probe": "a", "for": "5.5s"}])

    assert stage.times("a") == [0, 5, 5.5]


def test_for_ends_at_the_first_failure() -> None:
    stage = Stage({"a": [{}, {}, failed(), {}]})

    one = only(stage.run([{"probe": "a", "for": "1h"}]))

    assert (one.outcome, stage.times("a")) == ("failed", [0, 5, 10])
    assert one.failures == ["status: expected 200, got 500 (asked a) This was so at attempt 3, after 10 s."]


@pytest.mark.parametrize("first", [failed(), REFUSED])
def test_for_does_not_begin_with_what_is_not_true(first: Any) -> None:
    stage = Stage({"a": [first, {}]})

    assert not stage.run([{"probe": "a", "for": "1h"}]).is_good
    assert stage.times("a") == [0]


def test_for_begins_when_within_has_ended() -> None:
    stage = Stage({"a": [failed(), failed(), {}]})

    assert only(stage.run([{"probe": "a", "within": "60s", "for": "6s"}])).outcome == "passed"
    assert stage.times("a") == [0, 1, 2, 7, 8]


def test_for_goes_on_while_there_are_no_data() -> None:
    stage = Stage({"a": [{"value": None}, {"value": None}, {"value": 0}]})

    assert only(stage.run([{"probe": "a", "expect": {"value": {"gt": 1}}, "for": "60s"}])).outcome == "failed"
    assert stage.times("a") == [0, 5, 10]


def test_every_says_how_often_is_looked() -> None:
    stage = Stage({"a": [failed(), {}]})

    assert only(stage.run([{"probe": "a", "within": "60s", "for": "6s", "every": "3s"}])).outcome == "passed"
    assert stage.times("a") == [0, 3, 6, 9]


def test_a_window_can_be_a_variable() -> None:
    stage = Stage({"a": [failed(), {}]})
    words = {"within": "${patience}", "for": "${watch * 2}", "every": "${often}"}

    stage.run([{"probe": "a", **words}], variables={"patience": "9s", "watch": 2, "often": 4})

    assert stage.times("a") == [0, 4, 8]


def test_a_suite_lasts_as_long_as_its_longest_check() -> None:
    stage = Stage()

    assert stage.run([{"probe": [str(number) for number in range(40)], "for": "15m"}]).seconds == 900


# Order.


def test_gates_come_first_and_what_disturbs_comes_last() -> None:
    stage = Stage()

    verdict = stage.run([{"loud": "l"}, {"probe": "a"}, {"probe": "g", "gate": True, "for": "5s"}, {"probe": "b"}])

    assert stage.asked() == ["g", "g", "a", "b", "l"]
    assert list(outcomes(verdict)) == ["loud l", "probe a", "probe g", "probe b"]


def test_what_disturbs_is_carried_out_one_after_the_other() -> None:
    stage = Stage(takes=1)

    stage.run(
        [{"loud": "l"}, {"loud": "m"}, {"scenario": [{"probe": "n"}], "finally": [{"loud": "o"}]}, {"probe": "a"}]
    )

    assert [look.at for look in stage.looks] == [0, 1, 2, 3, 4]
    assert stage.asked() == ["a", "l", "m", "n", "o"]


@pytest.mark.parametrize("shown", [failed(), REFUSED])
def test_when_a_gate_does_not_pass_the_rest_is_skipped(shown: Any) -> None:
    stage = Stage({"g": [shown]})

    verdict = stage.run([{"probe": "a"}, {"loud": "l"}, {"probe": ["g", "h"], "gate": True}])

    assert stage.asked() == ["g"]
    assert [one.outcome for one in verdict.outcomes[:2]] == ["skipped", "skipped"]
    assert [one.failures for one in verdict.outcomes if one.outcome == "skipped"] == [
        ["the gate probe g did not pass."]
    ] * 3


def test_a_gate_without_data_lets_the_rest_be_checked() -> None:
    stage = Stage({"g": [{"value": None}]})

    verdict = stage.run([{"probe": "g", "expect": {"value": 1}, "gate": True}, {"probe": "a"}])

    assert outcomes(verdict) == {"probe g": "inconclusive", "probe a": "passed"}


def test_everything_is_marked_before_the_first_look() -> None:
    stage = Stage(takes=1)

    stage.run([{"probe": "g", "gate": True}, {"scenario": [{"probe": "a"}], "finally": [{"probe": "b"}]}])

    assert stage.marked == [(0, "g"), (0, "a"), (0, "b")]
    assert [look.mark for look in stage.looks] == ["mark of g", "mark of a", "mark of b"]


def test_what_cannot_be_marked_is_looked_at_all_the_same() -> None:
    stage = Stage({"mark of a": [REFUSED]})

    assert outcomes(stage.run([{"probe": "a"}, {"probe": "b"}])) == {"probe a": "passed", "probe b": "passed"}
    assert [look.mark for look in stage.looks] == [None, "mark of b"]


def test_a_signal_while_marks_are_made_ends_the_run() -> None:
    with pytest.raises(Interrupted):
        Stage({"mark of a": [Interrupted("Stopped.")]}).run([{"probe": "a"}])


def test_what_is_skipped_is_not_marked() -> None:
    stage = Stage()

    stage.run([{"change": "a"}], only_reads=True)

    assert (stage.marked, stage.looks) == ([], [])


# What is not carried out.


def test_only_checks_with_a_tag_that_is_asked_for_and_gates_are_carried_out() -> None:
    stage = Stage()
    checks = [
        {"probe": "a", "tags": "quick"},
        {"probe": "b", "tags": ["slow", "nightly"]},
        {"probe": "c"},
        {"probe": "g", "gate": True},
    ]

    verdict = stage.run(checks, tags=["quick", "nightly"])

    assert outcomes(verdict) == {
        "probe a": "passed",
        "probe b": "passed",
        "probe c": "skipped",
        "probe g": "passed",
    }
    assert verdict.outcomes[2].failures == ["it has none of the tags that were asked for."]


def test_checks_with_a_tag_that_is_to_be_left_out_are_skipped_but_for_gates() -> None:
    stage = Stage()
    checks = [
        {"probe": "a", "tags": ["quick", "leaves-traces"]},
        {"probe": "b", "tags": "quick"},
        {"probe": "c"},
        {"probe": "g", "tags": "leaves-traces", "gate": True},
    ]

    verdict = stage.run(checks, left_out=["leaves-traces"])

    assert outcomes(verdict) == {
        "probe a": "skipped",
        "probe b": "passed",
        "probe c": "passed",
        "probe g": "passed",
    }
    assert verdict.outcomes[0].failures == ["it has a tag that was to be left out."]


def test_in_check_mode_only_what_only_reads_is_carried_out() -> None:
    stage = Stage()
    checks = [
        {"probe": "a"},
        {"change": "b"},
        {"name": "s", "scenario": [{"probe": "c"}], "finally": [{"change": "d"}]},
        {"name": "t", "scenario": [{"probe": "e"}]},
    ]

    verdict = stage.run(checks, only_reads=True)

    assert outcomes(verdict) == {"probe a": "passed", "change b": "skipped", "s": "skipped", "t": "passed"}
    assert verdict.outcomes[1].failures == ["it may change something, and nothing may be changed in check mode."]
    assert stage.asked() == ["a", "e"]


def test_outside_check_mode_what_may_change_something_is_carried_out() -> None:
    assert outcomes(Stage().run([{"change": "b"}])) == {"change b": "passed"}


def test_what_needs_the_name_of_a_skipped_check_is_skipped_with_it() -> None:
    stage = Stage()
    checks = [
        {"name": "sign in", "change": "a", "gate": True, "save": {"token": "json"}},
        {"probe": "b ${token}"},
        {"name": "s", "scenario": [{"probe": "c"}, {"probe": "d", "expect": {"json": "${token}"}}]},
    ]

    verdict = stage.run(checks, only_reads=True)

    assert outcomes(verdict) == {"sign in": "skipped", "probe b ${token}": "skipped", "s": "skipped"}
    assert verdict.outcomes[1].failures == ["there is no token, because the check that saves it was skipped."]
    assert stage.looks == []


def test_what_needs_the_name_of_a_check_that_did_not_pass_is_an_error() -> None:
    stage = Stage({"a": [failed()]})
    checks = [{"probe": "a", "save": {"x": "status"}, "severity": "warn"}, {"loud": "l ${x}"}]

    verdict = stage.run(checks)

    assert verdict.outcomes[1].failures == ["There is no x, because the check that saves it did not pass."]
    assert (verdict.outcomes[1].outcome, verdict.is_good, stage.asked()) == ("error", False, ["a"])


# Variables.


def test_what_a_gate_saves_is_known_to_all_after_it_and_keeps_its_type() -> None:
    stage = Stage({"g": [{"json": {"n": 7}}], "h": [{"count": 6}]})
    checks = [
        {"probe": {"what": "${n}", "with": {"n": "${n}", "of": ["${n}"]}}},
        {"probe": "g", "gate": True, "save": {"n": "json.n"}},
        {"probe": "h", "gate": True, "expect": {"count": {"lt": "${n}"}}},
    ]

    verdict = stage.run(checks)

    assert stage.looks[-1].options == {
        "what": "7",
        "with": {"n": 7, "of": [7]},
        "get": None,
        "password": None,
        "number": None,
    }
    assert verdict.saved() == [{}, {"n": 7}, {}]


def test_what_is_saved_side_by_side_is_known_to_those_that_come_last() -> None:
    stage = Stage({"a": [{"json": "x"}]})

    stage.run([{"loud": "${n}"}, {"loud": "${m}"}, {"probe": "a", "save": {"n": "json", "m": "json"}}])

    assert stage.asked() == ["a", "x", "x"]


def test_what_one_of_the_last_saves_is_known_to_the_next() -> None:
    stage = Stage({"l": [{"json": "x"}]})

    stage.run([{"loud": "l", "save": {"n": "json"}}, {"loud": "${n}"}])

    assert stage.asked() == ["l", "x"]


def test_what_fails_saves_nothing() -> None:
    stage = Stage({"a": [failed(json=1)]})

    assert stage.run([{"probe": "a", "save": {"n": "json"}}]).saved() == [{}]


# Identities and settings.


def test_a_check_is_asked_as_its_identity() -> None:
    stage = Stage()
    identities = {"admin": {"bearer": "a"}, "user": {"bearer": "u"}}
    scenario = {"as": "admin", "scenario": [{"probe": "b"}, {"probe": "c", "as": "user"}], "finally": [{"probe": "d"}]}

    stage.run([{"probe": "a", "as": "user"}, scenario, {"probe": "e"}], identities=identities)

    assert {look.options["what"]: dict(look.setting.headers).get("Authorization") for look in stage.looks} == {
        "a": "Bearer u",
        "b": "Bearer a",
        "c": "Bearer u",
        "d": "Bearer a",
        "e": None,
    }


LATE = {"late": {"headers": {"X-User": "${user}"}, "bearer": "${token}"}}
LOGIN = {"probe": "login", "save": {"token": "json"}}


def test_an_identity_shows_what_was_saved_before() -> None:
    stage = Stage({"login": [{"json": "one"}], "another login": [{"json": "two"}]})
    scenario = {"scenario": [{**LOGIN, "probe": "another login"}, {"probe": "b", "as": "late"}]}
    checks = [{**LOGIN, "gate": True}, {"probe": "a", "as": "late"}, scenario]

    stage.run(checks, identities=LATE, variables={"user": "ada"})

    asked = {look.options["what"]: look.setting.headers for look in stage.looks}
    assert asked["login"] == {}
    assert asked["a"] == {"X-User": "ada", "Authorization": "Bearer one"}
    assert asked["b"] == {"X-User": "ada", "Authorization": "Bearer two"}


def test_who_has_nothing_to_show_asks_nothing() -> None:
    stage = Stage({"login": [{"json": "two\nlines"}]})
    checks = [{**LOGIN, "gate": True}, {"probe": "a", "as": "late"}]

    verdict = stage.run(checks, identities=LATE, variables={"user": "ada"})

    assert stage.asked() == ["login"]
    assert verdict.failures() == ["probe a: The identity.Authorization: this is not one line of text."]


def test_who_could_not_log_in_asks_nothing() -> None:
    stage = Stage({"login": [failed()]})
    checks = [{"scenario": [LOGIN, {"probe": "a", "as": "late"}]}]

    stage.run(checks, identities=LATE, variables={"user": "ada"})

    assert stage.asked() == ["login"]


def test_the_steps_of_a_scenario_share_a_session_and_nobody_else_does() -> None:
    stage = Stage()

    stage.run([{"scenario": [{"probe": "a"}, {"probe": "b"}], "finally": [{"probe": "c"}]}, {"probe": "d"}])

    a, b, c, d = (look.setting.session for look in stage.looks)
    assert a is not None
    assert d is not None
    assert a is b is c
    assert d is not a
    # None has asked anything.
    assert stage.sessions == []
    question = Request("GET", "http://shop/")
    assert [session.ask(question).status for session in (a, a, d)] == [201, 202, 201]
    assert len(stage.sessions) == 2


def test_a_check_is_given_what_it_remembered_and_nothing_else() -> None:
    stage = Stage({"a": [{"remember": {"at": 5}}], "b": [{"remember": {"b": 1}}], "c": [{"remember": {"c": 2}}]})
    checks = [{"probe": "a"}, {"name": "s", "scenario": [{"probe": "b"}], "finally": [{"probe": "c"}]}]

    verdict = stage.run(checks, remembered={"probe a": {"at": 4}, "s": {"b": 0}})

    assert [look.setting.remembered for look in stage.looks] == [{"at": 4}, {"b": 0}, {"b": 0}]
    assert [one.remember for one in verdict.outcomes] == [{"at": 5}, {"b": 1, "c": 2}]


# Scenarios.


def test_a_scenario_goes_through_its_steps_in_their_order_with_what_they_save() -> None:
    stage = Stage({"make": [{"json": {"id": 7}}]}, takes=1)
    checks = [
        {
            "name": "order",
            "scenario": [{"probe": "make", "save": {"id": "json.id"}}, {"probe": "see ${id}", "within": "9s"}],
            "finally": [{"probe": "remove ${id}"}],
        }
    ]

    one = only(stage.run(checks))

    assert stage.asked() == ["make", "see 7", "remove 7"]
    assert (one.name, one.kind, one.outcome, one.attempts, one.ms) == ("order", "scenario", "passed", 1, 3000.0)
    assert [step.name for step in one.steps] == ["probe make", "probe see ${id}", "probe remove ${id}"]
    assert [step.ms for step in one.steps] == [1000.0] * 3


def test_what_a_scenario_saves_is_its_own() -> None:
    stage = Stage({"a": [{"json": 1}], "b": [{"json": 2}]})
    scenarios = [{"scenario": [{"probe": what, "save": {"n": "json"}}, {"probe": "${n}"}]} for what in "ab"]

    stage.run(scenarios)

    assert stage.asked() == ["a", "1", "b", "2"]


@pytest.mark.parametrize(("shown", "outcome"), [(failed(), "failed"), (REFUSED, "error")])
def test_the_steps_after_one_that_does_not_pass_are_skipped_and_the_last_steps_are_not(
    shown: Any, outcome: str
) -> None:
    stage = Stage({"b": [shown], "a": [{"json": 1}]})
    scenario = [{"probe": "a", "save": {"n": "json"}}, {"probe": "b", "save": {"m": "json"}}, {"probe": "c"}]
    last = [{"probe": "d ${n}"}, {"probe": "e ${m}"}, {"probe": "f"}]

    verdict = stage.run([{"name": "s", "scenario": scenario, "finally": last}])

    assert stage.asked() == ["a", "b", "d 1", "f"]
    assert steps(verdict) == {
        "probe a": "passed",
        "probe b": outcome,
        "probe c": "skipped",
        "probe d ${n}": "passed",
        "probe e ${m}": "skipped",
        "probe f": "passed",
    }
    one = only(verdict)
    assert (one.outcome, len(one.failures)) == (outcome, 1)
    assert one.failures[0].startswith("probe b: ")
    assert one.steps[2].failures == ["an earlier step did not pass."]
    assert one.steps[4].failures == ["there is no m, because the step that saves it did not come to it."]


def test_a_last_step_that_fails_fails_the_scenario_and_the_next_is_carried_out() -> None:
    stage = Stage({"b": [failed()]})

    verdict = stage.run([{"name": "s", "scenario": [{"probe": "a"}], "finally": [{"probe": "b"}, {"probe": "c"}]}])

    assert steps(verdict) == {"probe a": "passed", "probe b": "failed", "probe c": "passed"}
    assert only(verdict).failures == ["probe b: status: expected 200, got 500 (asked b)"]
    assert only(verdict).outcome == "failed"


def test_a_last_step_clears_up_even_if_nothing_can_be_expected_of_it() -> None:
    stage = Stage({"a": [failed()]})
    scenario = {"scenario": [{"probe": "a", "save": {"n": "json"}}], "finally": [{"probe": "b", "expect": "${n}"}]}

    verdict = stage.run([scenario])

    assert stage.asked() == ["a", "b"]
    assert only(verdict).steps[1].failures == ["There is no variable n. Known are: count, json, ms, status. (asked b)"]


def test_a_last_step_knows_what_an_earlier_one_saved() -> None:
    stage = Stage({"b": [{"json": 5}]})

    last = [{"probe": "b", "save": {"n": "json"}}, {"probe": "c ${n}"}]
    assert only(stage.run([{"scenario": [{"probe": "a"}], "finally": last}])).outcome == "passed"

    assert stage.asked() == ["a", "b", "c 5"]


def test_an_error_says_more_of_a_scenario_than_a_failure_and_that_more_than_missing_data() -> None:
    null = {"probe": "n", "expect": {"value": 1}}
    shows: dict[str, Any] = {"n": [{"value": None}], "f": [failed()], "e": [REFUSED]}

    def outcome(*last: object) -> str:
        return only(Stage(shows).run([{"scenario": [{"probe": "a"}], "finally": list(last)}])).outcome

    assert outcome(null, {"probe": "f"}, {"probe": "e"}) == "error"
    assert outcome(null, {"probe": "f"}) == "failed"
    assert outcome(null) == "inconclusive"


def test_a_step_without_data_does_not_end_the_scenario() -> None:
    stage = Stage({"a": [{"value": None}]})

    one = only(stage.run([{"scenario": [{"probe": "a", "expect": {"value": 1}}, {"probe": "b"}]}]))

    assert (one.outcome, stage.asked()) == ("inconclusive", ["a", "b"])
    assert one.failures == ["probe a: the query returned NULL: there is nothing to judge by."]


@pytest.mark.parametrize("raised", [Interrupted("Stopped."), MISTAKE])
def test_last_steps_are_carried_out_whatever_ends_the_steps(raised: Exception) -> None:
    stage = Stage({"b": [raised], "d": [MISTAKE]})
    last = [{"probe": "c"}, {"probe": "d"}, {"probe": "e"}]

    with pytest.raises((Interrupted, KeyError)):
        stage.run([{"scenario": [{"probe": "a"}, {"probe": "b"}, {"probe": "x"}], "finally": last}])

    assert stage.asked() == ["a", "b", "c", "d", "e"]


def test_a_run_that_is_stopped_carries_out_the_last_steps_once_each_and_nothing_else() -> None:
    stage = Stage({"b": [failed()], "c": [failed()]}, stops_at=3)
    checks = [
        {
            "scenario": [{"probe": "a"}, {"probe": "b", "within": "60s"}, {"probe": "x"}],
            "finally": [{"probe": "c", "within": "60s"}, {"probe": "d"}],
        }
    ]

    with pytest.raises(Interrupted):
        stage.run(checks)

    assert stage.asked() == ["a", "b", "b", "b", "c", "d"]


def test_a_run_that_is_stopped_begins_no_further_look() -> None:
    for checks in ([{"scenario": [{"probe": "a"}, {"probe": "b"}]}], [{"probe": "a", "gate": True}, {"probe": "b"}]):
        stage = Stage(takes=1, stops_at=1)

        with pytest.raises(Interrupted):
            stage.run(checks)

        assert stage.asked() == ["a"]


# Severity.


def test_what_only_warns_does_not_make_the_suite_fail() -> None:
    stage = Stage({"a": [failed()], "b": [REFUSED]})

    verdict = stage.run([{"probe": ["a", "b"], "severity": "warn"}, {"name": "s", "scenario": [{"probe": "c"}]}])

    assert verdict.is_good
    assert [one.severity for one in verdict.outcomes] == ["warn", "warn", "fail"]
    skipped = stage.run([{"change": "a", "severity": "warn"}], only_reads=True)
    assert only(skipped).severity == "warn"


# Data.

NULL = {"value": None, "count": 1}


@pytest.mark.parametrize("wanted", [5, {"gt": 95}, {"ne": 3}, {"exists": True}, {"not": {"lt": 5}}])
def test_null_is_inconclusive_and_never_passes(wanted: object) -> None:
    one = only(Stage({"a": [NULL]}).run([{"probe": "a", "expect": {"value": wanted}}]))

    assert (one.outcome, one.failures) == (
        "inconclusive",
        ["the query returned NULL: there is nothing to judge by."],
    )
    assert one.assertions == []


@pytest.mark.parametrize("wanted", [None, {"eq": None}, {"type": "null"}])
def test_null_can_be_what_is_expected(wanted: object) -> None:
    assert only(Stage({"a": [NULL]}).run([{"probe": "a", "expect": {"value": wanted}}])).outcome == "passed"


def test_no_row_is_no_null() -> None:
    stage = Stage({"a": [{"value": None, "count": 0}]})

    one = only(stage.run([{"probe": "a", "expect": {"value": 5}}]))

    assert (one.outcome, one.failures) == ("failed", ["value: expected 5, got null (asked a)"])


def test_null_hides_no_other_failure() -> None:
    one = only(Stage({"a": [NULL]}).run([{"probe": "a", "expect": {"value": {"gt": 5}, "count": 2}}]))

    assert (one.outcome, one.failures) == ("failed", ["count: expected 2, got 1 (asked a)"])


@pytest.mark.parametrize(("no_data", "outcome"), [("warn", "inconclusive"), ("pass", "passed"), ("fail", "failed")])
@pytest.mark.parametrize("wanted", [{"gt": 5}, {"ne": 3}])
def test_what_null_means_can_be_said(no_data: str, outcome: str, wanted: object) -> None:
    one = only(Stage({"a": [NULL]}).run([{"probe": "a", "expect": {"value": wanted}, "no_data": no_data}]))

    assert one.outcome == outcome
    if outcome == "failed":
        assert one.failures == ["value: the query returned NULL: there is nothing to judge by. (asked a)"]


def test_a_value_that_is_not_expected_can_be_null() -> None:
    assert only(Stage({"a": [NULL]}).run([{"probe": "a"}])).outcome == "passed"


def test_null_can_be_saved_where_it_is_no_failure() -> None:
    stage = Stage({"a": [NULL]})
    step = {"probe": "a", "expect": {"value": {"gt": 5}}, "no_data": "pass", "save": {"x": "value"}}

    assert only(stage.run([{"scenario": [step, {"probe": {"what": "b", "with": "${x}"}}]}])).outcome == "passed"


# Baselines.


def baseline(ms: object, percent: object = "20%", **terms: Any) -> Outcome:
    return only(Stage({"a": [{"ms": ms}]}).run([{"probe": "a", "baseline": {"ms": percent}}], **terms))


@pytest.mark.parametrize(("ms", "outcome"), [(100, "passed"), (120, "passed"), (120.1, "failed"), (0, "passed")])
def test_a_number_is_compared_with_the_one_that_was_recorded(ms: float, outcome: str) -> None:
    assert baseline(ms, recorded={"probe a": {"ms": 100.0}}).outcome == outcome


def test_how_far_a_number_is_above_the_recorded_one_is_told() -> None:
    one = baseline(130, recorded={"probe a": {"ms": 100.0}})

    assert one.failures == ["ms: expected at most 120 (20 % above the recorded 100), got 130 (asked a)"]
    assert one.recorded == {}
    met = baseline(110, recorded={"probe a": {"ms": 100.0}})
    assert [(each.path, each.is_met, each.told) for each in met.assertions][1:] == [("ms", True, "ms: is 110")]


def test_a_number_that_was_never_recorded_is_inconclusive() -> None:
    one = baseline(100)

    assert (one.outcome, one.failures) == (
        "inconclusive",
        ["no earlier run has recorded ms of it: run it once with record: true."],
    )


def test_a_run_that_records_compares_nothing() -> None:
    one = baseline(900, is_recording=True, recorded={"probe a": {"ms": 100.0}})

    assert (one.outcome, one.recorded) == ("passed", {"ms": 900.0})
    assert baseline(900, is_recording=True).outcome == "passed"


def test_a_check_that_fails_records_nothing() -> None:
    stage = Stage({"a": [failed(ms=1)]})

    assert only(stage.run([{"probe": "a", "baseline": {"ms": 20}}], is_recording=True)).recorded == {}


@pytest.mark.parametrize("ms", [None, "fast", True])
def test_what_is_no_number_cannot_be_compared(ms: object) -> None:
    one = baseline(ms, is_recording=True)

    assert one.failures == ["ms: it is no number, so that it cannot be compared (asked a)"]
