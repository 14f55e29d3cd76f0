# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.plugin_utils import timeline


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shipshape.webapp.deployment : roll_out | Have it pass its gate", ("roll out", "Have it pass its gate")),
        ("build | Build", ("build", "Build")),
        ("Create the users", ("", "Create the users")),
        ("role : Create : all | of them", ("all", "of them")),
    ],
)
def test_names_of_tasks_begin_with_their_phase(name: str, told: tuple[str, str]) -> None:
    assert timeline.phase_and_name(name) == told


@pytest.mark.parametrize("action", ["set_fact", "ansible.builtin.include_tasks", "ansible.builtin.assert"])
def test_what_moves_data_about_is_silent(action: str) -> None:
    assert timeline.is_silent(action)


@pytest.mark.parametrize("action", ["shipshape.webapp.release", "ansible.builtin.command", "debug"])
def test_what_does_something_is_shown(action: str) -> None:
    assert not timeline.is_silent(action)


@pytest.mark.parametrize(
    ("seconds", "clock", "span"),
    [
        (0, "0:00", "0.0 s"),
        (9.94, "0:09", "9.9 s"),
        (41.6, "0:41", "42 s"),
        (99.4, "1:39", "99 s"),
        (125, "2:05", "2:05"),
    ],
)
def test_spans_are_told_as_exactly_as_they_matter(seconds: float, clock: str, span: str) -> None:
    assert (timeline.elapsed(seconds), timeline.span(seconds)) == (clock, span)


@pytest.mark.parametrize(
    ("seconds", "expected", "told"),
    [
        (5, None, "5.0 s"),
        (5, 0.4, "5.0 s"),
        (10, 40, "25 %, 10 s of about 40 s"),
        # Nobody knows when it ends once it takes longer.
        (50, 40, "99 %, 50 s of about 40 s"),
    ],
)
def test_progress_is_judged_by_the_last_time(seconds: float, expected: float | None, told: str) -> None:
    assert timeline.progress(seconds, expected) == told


def test_a_line_has_its_moment_phase_host_and_what_is_worth_telling() -> None:
    assert [*timeline.lines(None, 65, "build", "✓", "app1", "Build it", "changed", "", "41 s")] == [
        "  1:05  build      ✓ app1         Build it" + " " * 51 + "changed  41 s"
    ]
    assert [*timeline.lines(None, 0, "", "✓", "app1", "Look")] == ["  0:00             ✓ app1         Look"]
    assert [*timeline.lines(80, 0, "", "✓", "app1", "")] == ["  0:00             ✓ app1"]


def test_a_long_name_goes_on_below_on_a_terminal_alone() -> None:
    name = "Have it take the requests, which the host takes back unless it is told to stay"
    told = [*timeline.lines(80, 23, "admit", "✓", "app1", name, "changed", "1.8 s")]
    assert told == [
        "  0:23  admit      ✓ app1         Have it take the requests,      changed  1.8 s",
        "                                  which the host takes back",
        "                                  unless it is told to stay",
    ]
    assert len([*timeline.lines(None, 23, "admit", "✓", "app1", name, "changed", "1.8 s")]) == 1


@pytest.mark.parametrize("width", [30, 60])
def test_a_name_is_not_broken_into_crumbs(width: int) -> None:
    told = [*timeline.lines(width, 0, "", "✓", "app1", "Have it pass its gate and more", "changed  41 s")]
    assert told[1:] == [" " * 34 + "gate and more"]


@pytest.mark.parametrize("width", [20, 40, 60, 100])
def test_what_is_under_way_never_breaks_its_line(width: int) -> None:
    told = timeline.moving(65, "roll out", "⠋", "Have it take the requests " * 3, "82 %, 2.2 s of about 2.7 s", width)
    assert len(told) < width
    if width >= 60:
        assert told.endswith("…  82 %, 2.2 s of about 2.7 s")


def test_a_short_name_is_whole_while_it_is_under_way() -> None:
    assert timeline.moving(5, "build", "⠋", "Build", "5.0 s", 80) == "  0:05  build      ⠋ Build  5.0 s"


def test_steps_and_checks_are_told() -> None:
    result = {
        "steps": [{"run": "npm ci", "seconds": 17.2}, {"run": "npm ci, in web", "is_restored": True}],
        "checks": [
            {"name": "http /health", "outcome": "passed", "ms": 12.4},
            {"name": "no breaker is open", "outcome": "failed"},
            {"name": "load", "outcome": "skipped"},
        ],
    }
    assert [text.strip() for text in timeline.details(result)] == [
        "npm ci: 17 s",
        "npm ci, in web: kept from an earlier release",
        "✓ http /health  12 ms",
        "✗ no breaker is open",
    ]
    assert [*timeline.details({"checks": ["a list of something else"]})] == []


def test_a_problem_fits_the_screen() -> None:
    said = "It does not listen on 3001 after 10 s. " * 4
    lines = [*timeline.problem({"msg": said}, 80)]
    assert len(lines) > 1
    assert all(len(text) <= 80 for text in lines)
    assert " ".join(text.strip() for text in lines) == said.strip()
    assert [text.strip() for text in timeline.problem({"msg": ["one", "two"]}, 80)] == ["one", "two"]
    ended = {"msg": "non-zero return code", "stderr": "no such file"}
    assert [text.strip() for text in timeline.problem(ended, 80)] == ["non-zero return code", "no such file"]
    assert [text.strip() for text in timeline.problem({"stderr": "no such file"}, 80)] == ["no such file"]
    assert [text.strip() for text in timeline.problem({}, 80)] == ["It is not known why."]


def test_the_last_screen_wraps_what_nobody_copies() -> None:
    summary = ["shop: Refused. " + "It does not listen. " * 10, "Live release: 047595f19181-28c48a34"]
    report = f"/srv/{'x' * 90}/report.html"
    rule, *told, last = timeline.last_screen(summary, report, 60)
    assert rule == last == "─" * 60
    assert all(len(text) <= 60 for text in told[:-1])
    assert told[-2:] == [summary[1], f"Report: {report}"]
    assert " ".join(told[:-2]) == summary[0].strip()
