# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._availability.figures import (
    Sample,
    figures,
    read_samples,
    series,
)


def samples(*outcomes: str, ms: float = 100, every: float = 1) -> list[Sample]:
    return [Sample(1000 + number * every, ms, "new", outcome) for number, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("outcome", "is_failed"),
    [("200", False), ("302", False), ("404", False), ("499", False), ("500", True), ("503", True), ("timeout", True)],
)
def test_what_counts_as_failed(outcome: str, is_failed: bool) -> None:
    assert samples(outcome)[0].is_failed is is_failed


def test_a_sample_is_read_as_it_was_written_and_a_half_one_not() -> None:
    written = [Sample(1000.125, 3.5, "kept", "200"), Sample(999.5, 4.0, "new", "refused")]
    lines = [sample.as_line() for sample in written]
    assert read_samples([*lines, "1001.0 3.5 kept 200", "nonsense\n", "a b c d\n", "\n"]) == written[::-1]


def test_figures_without_a_failure() -> None:
    told = figures([*samples("200", "200", "404", ms=100), Sample(1003, 400, "kept", "200")])
    assert told["requests"] == 4
    assert told["failed"] == 0
    assert told["outcomes"] == {"200": 3, "404": 1}
    assert told["seconds"] == 3.4
    # From 1002.1 to 1003.4.
    assert told["longest_gap"] == 1.3
    assert told["outage"] == 0
    assert (told["p50"], told["p95"], told["slowest"]) == (100, 400, 400)
    assert told["failures"] == []


def test_an_outage_lasts_from_the_last_good_answer_to_the_next() -> None:
    told = figures(samples("200", "502", "refused", "200", "200", "timeout", "200"))
    assert told["failed"] == 3
    # From 1000.1 to 1003.1.
    assert told["outage"] == 3.0
    assert told["longest_gap"] == 3.0
    assert [failure["outcome"] for failure in told["failures"]] == ["502", "refused", "timeout"]


@pytest.mark.parametrize(
    ("outcomes", "outage"),
    [(("502", "200"), 1.1), (("200", "502", "502"), 2.0), (("502", "502"), 1.1), (("502",), 0.1)],
    ids=["at first", "in the end", "always", "once"],
)
def test_an_outage_may_be_there_from_the_beginning_or_last(outcomes: tuple[str, ...], outage: float) -> None:
    assert figures(samples(*outcomes))["outage"] == outage


def test_an_answer_that_takes_long_does_not_hide_those_that_come_meanwhile() -> None:
    slow = Sample(1000, 4000, "kept", "200")
    assert figures([slow, *samples("200", "200", "200", "200", "200")])["longest_gap"] == 1.0


def test_how_long_an_answer_takes_counts_only_where_there_is_one() -> None:
    told = figures([*samples("200", "200"), Sample(1002, 5000, "new", "timeout")])
    assert told["slowest"] == 100
    assert figures(samples("timeout"))["p95"] is None


def test_percentiles_are_times_that_were_measured() -> None:
    told = figures([Sample(1000 + number, number + 1, "new", "200") for number in range(20)])
    assert (told["p50"], told["p95"], told["slowest"]) == (10, 19, 20)


def test_nothing_measured_is_told_as_nothing() -> None:
    told = figures([])
    assert (told["requests"], told["failed"], told["outage"], told["longest_gap"], told["p95"]) == (0, 0, 0, 0, None)
    assert told["series"] == []


def test_a_series_has_all_requests_in_few_points() -> None:
    many = [Sample(1000 + number / 10, 5, "new", "500" if number == 50 else "200") for number in range(1000)]
    told = series(many, 20)
    assert len(told) == 20
    assert sum(point["requests"] for point in told) == 1000
    assert [point["failed"] for point in told] == [0, 1, *[0] * 18]
    assert told[1]["at"] == pytest.approx(1005, abs=0.01)


def test_a_short_series_has_a_point_for_a_second() -> None:
    assert [point["requests"] for point in series(samples(*["200"] * 5, every=0.5), 300)] == [2, 2, 1]
    assert [point["requests"] for point in series(samples("200"), 300)] == [1]
