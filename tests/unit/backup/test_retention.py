# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.retention import (
    UNLIMITED,
    Candidate,
    Policy,
    Span,
    apply,
    parse_policy,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

PAGE = Path(__file__).resolve().parents[3] / "docs/backups.md"

UTC = timezone.utc
PRAGUE = ZoneInfo("Europe/Prague")

NOW = datetime(2030, 1, 1, tzinfo=UTC)

COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")

UNVERIFIED = " unverified"


def backup(text: str, zone: tzinfo = UTC) -> Candidate:
    """A backup named by its time in the zone, or by its time with an offset, which is then shown in the zone."""
    taken = datetime.fromisoformat(text.removesuffix(UNVERIFIED))
    taken = taken.astimezone(zone) if taken.tzinfo else taken.replace(tzinfo=zone)
    return Candidate(text.removesuffix(UNVERIFIED), taken, is_verified=not text.endswith(UNVERIFIED))


def why(
    keep: Mapping[str, object], times: Iterable[str], zone: tzinfo = UTC, now: datetime = NOW
) -> dict[str, tuple[str, ...]]:
    """The reasons of each backup, newest first."""
    candidates = [backup(text, zone) for text in times]
    return {decision.candidate.id: decision.reasons for decision in apply(parse_policy(keep), candidates, now=now)}


def kept(keep: Mapping[str, object], times: Iterable[str], zone: tzinfo = UTC, now: datetime = NOW) -> list[str]:
    return [name for name, reasons in why(keep, times, zone, now).items() if reasons]


WEEK = [f"2026-11-{day} 02:00" for day in range(16, 23)]
THREE_A_DAY = [f"2026-11-{day} {hour}:00" for day in (18, 19, 20) for hour in ("08", "12", "20")]
MIDNIGHT = ["2026-11-19 23:59:59", "2026-11-20 00:00:00"]
HOUR = ["2026-11-20 09:00:00", "2026-11-20 09:59:59.999999", "2026-11-20 10:00:00"]
SUNDAY_MONDAY = ["2026-11-14 02:00", "2026-11-15 23:59", "2026-11-16 00:00"]
NEW_YEAR = ["2026-12-27 12:00", "2026-12-28 12:00", "2026-12-31 12:00", "2027-01-01 12:00", "2027-01-03 12:00"]
MONTH_ENDS = ["2026-01-31 12:00", "2026-02-01 12:00", "2026-02-28 12:00", "2026-03-01 12:00"]
SPARSE = ["2019-05-01 02:00", "2022-05-01 02:00", "2022-05-03 02:00", "2026-05-01 02:00"]


@pytest.mark.parametrize(
    ("keep", "times", "expected"),
    [
        # No backup, and no rule.
        ({"last": 1}, [], []),
        ({}, [], []),
        ({}, WEEK, WEEK),
        ({"last": 0, "daily": 0, "within": None}, WEEK, WEEK),
        # last
        ({"last": 1}, WEEK, WEEK[-1:]),
        ({"last": 3}, WEEK, WEEK[-3:]),
        ({"last": 7}, WEEK, WEEK),
        ({"last": 99}, WEEK, WEEK),
        ({"last": "2"}, THREE_A_DAY, THREE_A_DAY[-2:]),
        ({"last": -1}, WEEK, WEEK),
        ({"last": "unlimited", "daily": 1}, THREE_A_DAY, THREE_A_DAY),
        # hourly
        ({"hourly": 1}, HOUR, HOUR[2:]),
        ({"hourly": 2}, HOUR, HOUR[1:]),
        ({"hourly": 3}, HOUR, HOUR),
        (
            {"hourly": 2},
            ["2026-11-19 10:30", "2026-11-20 10:10", "2026-11-20 10:20"],
            ["2026-11-19 10:30", "2026-11-20 10:20"],
        ),
        # daily
        ({"daily": 1}, MIDNIGHT, MIDNIGHT[1:]),
        ({"daily": 2}, MIDNIGHT, MIDNIGHT),
        ({"daily": 2}, THREE_A_DAY, ["2026-11-19 20:00", "2026-11-20 20:00"]),
        ({"daily": 3}, THREE_A_DAY, ["2026-11-18 20:00", "2026-11-19 20:00", "2026-11-20 20:00"]),
        ({"daily": 3}, SPARSE, SPARSE[1:]),
        # The oldest stays for as long as a count is not used up.
        ({"daily": 4}, THREE_A_DAY, ["2026-11-18 08:00", "2026-11-18 20:00", "2026-11-19 20:00", "2026-11-20 20:00"]),
        ({"monthly": 2}, WEEK, [WEEK[0], WEEK[-1]]),
        ({"monthly": 1}, WEEK, WEEK[-1:]),
        ({"yearly": -1}, WEEK, [WEEK[0], WEEK[-1]]),
        ({"hourly": 2}, ["2026-11-20 10:20"], ["2026-11-20 10:20"]),
        # weekly: from Monday to Sunday, by ISO weeks
        ({"weekly": 1}, SUNDAY_MONDAY, SUNDAY_MONDAY[2:]),
        ({"weekly": 2}, SUNDAY_MONDAY, SUNDAY_MONDAY[1:]),
        (
            {"weekly": 2},
            ["2026-11-09 02:00", "2026-11-16 02:00", "2026-11-22 23:59"],
            ["2026-11-09 02:00", "2026-11-22 23:59"],
        ),
        # Week 53 of 2026 reaches from 28 December to 3 January.
        ({"weekly": 1}, NEW_YEAR, NEW_YEAR[-1:]),
        ({"weekly": 2}, NEW_YEAR, [NEW_YEAR[0], NEW_YEAR[-1]]),
        (
            {"weekly": 2},
            ["2024-12-29 12:00", "2024-12-30 12:00", "2025-01-05 12:00"],
            ["2024-12-29 12:00", "2025-01-05 12:00"],
        ),
        # Week 1 of two years, and the first and last weeks of one.
        (
            {"weekly": 2},
            ["2025-01-01 12:00", "2025-12-29 12:00", "2025-12-30 12:00"],
            ["2025-01-01 12:00", "2025-12-30 12:00"],
        ),
        # monthly
        ({"monthly": 2}, MONTH_ENDS, MONTH_ENDS[2:]),
        ({"monthly": 3}, MONTH_ENDS, [MONTH_ENDS[0], *MONTH_ENDS[2:]]),
        (
            {"monthly": 2},
            ["2025-11-20 02:00", "2026-11-19 02:00", "2026-11-20 02:00"],
            ["2025-11-20 02:00", "2026-11-20 02:00"],
        ),
        ({"monthly": "unlimited"}, SPARSE, [SPARSE[0], SPARSE[2], SPARSE[3]]),
        # yearly
        ({"yearly": 1}, NEW_YEAR, NEW_YEAR[-1:]),
        ({"yearly": 2}, NEW_YEAR, [NEW_YEAR[2], NEW_YEAR[-1]]),
        ({"yearly": 2}, SPARSE, SPARSE[2:]),
        # within: from the newest, and what is exactly so old is not within.
        ({"within": "2d"}, WEEK, WEEK[-2:]),
        ({"within": "48h"}, WEEK, WEEK[-2:]),
        ({"within": "49h"}, WEEK, WEEK[-3:]),
        ({"within": "1d1h"}, WEEK, WEEK[-2:]),
        ({"within": "1w"}, [WEEK[0].replace("16", "15"), *WEEK], WEEK),
        ({"within": "1w1h"}, [WEEK[0].replace("16", "15"), *WEEK], [WEEK[0].replace("16", "15"), *WEEK]),
        (
            {"within": "1m"},
            ["2026-10-20 12:00", "2026-10-20 12:01", "2026-11-20 12:00"],
            ["2026-10-20 12:01", "2026-11-20 12:00"],
        ),
        (
            {"within": "1m"},
            ["2026-02-28 12:00", "2026-02-28 12:01", "2026-03-31 12:00"],
            ["2026-02-28 12:01", "2026-03-31 12:00"],
        ),
        (
            {"within": "1m1d"},
            ["2026-02-27 12:00", "2026-02-27 12:01", "2026-03-31 12:00"],
            ["2026-02-27 12:01", "2026-03-31 12:00"],
        ),
        (
            {"within": "13m"},
            ["2024-12-20 12:00", "2024-12-20 12:01", "2026-01-20 12:00"],
            ["2024-12-20 12:01", "2026-01-20 12:00"],
        ),
        (
            {"within": "1y"},
            ["2023-02-28 12:00", "2023-02-28 12:01", "2024-02-29 12:00"],
            ["2023-02-28 12:01", "2024-02-29 12:00"],
        ),
        ({"within": "4y"}, SPARSE, SPARSE[2:]),
        (
            {"within": "1y6m3d12h"},
            ["2025-05-16 23:59", "2025-05-17 00:01", "2026-11-20 12:00"],
            ["2025-05-17 00:01", "2026-11-20 12:00"],
        ),
        ({"within": "9999y"}, SPARSE, SPARSE),
        ({"within": "999999m"}, SPARSE, SPARSE),
        ({"within": "999999w"}, SPARSE, SPARSE),
        ({"within": "999999y999999m999999w999999d999999h"}, SPARSE, SPARSE),
        # Several rules: what any keeps.
        ({"last": 2, "daily": 2}, THREE_A_DAY, ["2026-11-19 20:00", "2026-11-20 12:00", "2026-11-20 20:00"]),
        ({"daily": 1, "yearly": 3}, SPARSE, [SPARSE[0], SPARSE[2], SPARSE[3]]),
        ({"last": 1, "within": "3d"}, WEEK, WEEK[-3:]),
        ({"hourly": 1, "weekly": 1, "monthly": 1, "yearly": 1}, WEEK, WEEK[-1:]),
        # The newest verified one.
        ({"last": 1}, [WEEK[0], WEEK[1], WEEK[2] + UNVERIFIED], WEEK[1:3]),
        ({"daily": 1}, [WEEK[0], *(time + UNVERIFIED for time in WEEK[1:])], [WEEK[0], WEEK[-1]]),
        ({"within": "1d"}, [WEEK[0], *(time + UNVERIFIED for time in WEEK[1:])], [WEEK[0], WEEK[-1]]),
        ({"last": 2}, [time + UNVERIFIED for time in WEEK], WEEK[-2:]),
        # Several of the same second: the greater id counts as newer.
        ({"last": 1}, ["2026-11-20 02:00:00", "2026-11-20T02:00:00"], ["2026-11-20T02:00:00"]),
        (
            {"daily": 2},
            ["2026-11-19 02:00:00", "2026-11-20 02:00:00", "2026-11-20T02:00:00"],
            ["2026-11-19 02:00:00", "2026-11-20T02:00:00"],
        ),
        (
            {"within": "1h"},
            ["2026-11-20 02:00:00", "2026-11-20T02:00:00"],
            ["2026-11-20 02:00:00", "2026-11-20T02:00:00"],
        ),
    ],
)
def test_backups_that_stay(keep: dict[str, object], times: list[str], expected: list[str]) -> None:
    assert sorted(kept(keep, times)) == sorted(expected)


# Summer time began in Prague on 29 March 2026 at 02:00, which became 03:00, and ended on 25 October at 03:00.
SPRING = ["2026-03-29T01:30+01:00", "2026-03-29T03:10+02:00", "2026-03-29T03:40+02:00"]
AUTUMN = ["2026-10-25T02:15+02:00", "2026-10-25T02:45+02:00", "2026-10-25T02:10+01:00", "2026-10-25T02:40+01:00"]


@pytest.mark.parametrize(
    ("keep", "times", "expected"),
    [
        # The repeated hour is two, and what its second run holds is newer whatever the clock showed.
        ({"last": 1}, AUTUMN, AUTUMN[3:]),
        ({"last": 2}, AUTUMN, AUTUMN[2:]),
        ({"hourly": 1}, AUTUMN, AUTUMN[3:]),
        ({"hourly": 2}, AUTUMN, [AUTUMN[1], AUTUMN[3]]),
        ({"daily": 1}, AUTUMN, AUTUMN[3:]),
        ({"within": "1h"}, AUTUMN, [AUTUMN[1], AUTUMN[2], AUTUMN[3]]),
        ({"hourly": 2}, SPRING, [SPRING[0], SPRING[2]]),
        ({"within": "1h"}, SPRING, SPRING[1:]),
        ({"within": "2h"}, SPRING, SPRING),
        # A day ends at local midnight, whichever the offset: 23 and 25 hours long.
        (
            {"daily": 1},
            ["2026-03-28T22:59+00:00", "2026-03-28T23:00+00:00", "2026-03-29T21:59+00:00"],
            ["2026-03-29T21:59+00:00"],
        ),
        (
            {"daily": 2},
            ["2026-03-28T22:59+00:00", "2026-03-28T23:00+00:00", "2026-03-29T21:59+00:00"],
            ["2026-03-28T22:59+00:00", "2026-03-29T21:59+00:00"],
        ),
        (
            {"daily": 2},
            ["2026-10-24T21:59+00:00", "2026-10-24T22:00+00:00", "2026-10-25T22:59+00:00"],
            ["2026-10-24T21:59+00:00", "2026-10-25T22:59+00:00"],
        ),
        ({"daily": 1}, ["2026-03-29T21:59+00:00", "2026-03-29T22:00+00:00"], ["2026-03-29T22:00+00:00"]),
        # A day earlier is the same time of the clock, which is 23 or 25 hours.
        (
            {"within": "1d"},
            ["2026-03-28T12:00+01:00", "2026-03-28T12:01+01:00", "2026-03-29T12:00+02:00"],
            ["2026-03-28T12:01+01:00", "2026-03-29T12:00+02:00"],
        ),
        (
            {"within": "24h"},
            ["2026-03-28T11:00+01:00", "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00"],
            ["2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00"],
        ),
        (
            {"within": "1d"},
            ["2026-10-24T12:00+02:00", "2026-10-24T12:01+02:00", "2026-10-25T12:00+01:00"],
            ["2026-10-24T12:01+02:00", "2026-10-25T12:00+01:00"],
        ),
        # A day earlier there was no 02:30, or there were two of them: in doubt, more stays.
        (
            {"within": "1d"},
            ["2026-03-29T01:30+01:00", "2026-03-29T01:31+01:00", "2026-03-30T02:30+02:00"],
            ["2026-03-29T01:31+01:00", "2026-03-30T02:30+02:00"],
        ),
        (
            {"within": "1d"},
            ["2026-10-25T02:30+02:00", "2026-10-25T02:31+02:00", "2026-10-26T02:30+01:00"],
            ["2026-10-25T02:31+02:00", "2026-10-26T02:30+01:00"],
        ),
        # Weeks, months and years begin at local midnight too.
        ({"weekly": 1}, ["2026-11-15T22:59+00:00", "2026-11-15T23:00+00:00"], ["2026-11-15T23:00+00:00"]),
        ({"monthly": 1}, ["2026-06-30T21:59+00:00", "2026-06-30T22:00+00:00"], ["2026-06-30T22:00+00:00"]),
        (
            {"yearly": 2},
            ["2026-12-31T22:59+00:00", "2026-12-31T23:00+00:00"],
            ["2026-12-31T22:59+00:00", "2026-12-31T23:00+00:00"],
        ),
    ],
)
def test_backups_that_stay_where_the_clock_changes(
    keep: dict[str, object], times: list[str], expected: list[str]
) -> None:
    assert sorted(kept(keep, times, PRAGUE)) == sorted(expected)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        # Those that lie ahead stay, and neither take a place nor are the newest to count from.
        ({"last": 2}, ["2026-11-19 02:00", "2026-11-20 02:00"]),
        ({"daily": 1}, ["2026-11-20 02:00"]),
        ({"within": "1d"}, ["2026-11-20 02:00"]),
        ({"within": "25h"}, ["2026-11-19 02:00", "2026-11-20 02:00"]),
        ({"monthly": 2}, ["2026-11-16 02:00", "2026-11-20 02:00"]),
    ],
)
def test_backups_in_the_future_stay_and_are_not_counted(keep: dict[str, object], expected: list[str]) -> None:
    now = datetime(2026, 11, 20, 2, tzinfo=UTC)

    assert sorted(kept(keep, WEEK, now=now)) == [*expected, "2026-11-21 02:00", "2026-11-22 02:00"]


def test_newest_verified_one_is_not_in_the_future() -> None:
    now = datetime(2026, 11, 20, 2, tzinfo=UTC)
    times = ["2026-11-16 02:00", "2026-11-17 02:00 unverified", "2026-11-20 02:00 unverified", "2026-11-21 02:00"]

    assert why({"last": 1}, times, now=now) == {
        "2026-11-21 02:00": ("in the future",),
        "2026-11-20 02:00": ("last 1 of 1", "newest"),
        "2026-11-17 02:00": (),
        "2026-11-16 02:00": ("newest verified",),
    }


def test_nothing_goes_while_the_clock_is_in_the_past() -> None:
    assert kept({"last": 1}, WEEK, now=datetime(1970, 1, 1, tzinfo=UTC)) == WEEK[::-1]


def test_now_is_compared_by_the_instant() -> None:
    # At 02:40 for the first time, 02:10 for the second is still to come.
    now = datetime(2026, 10, 25, 2, 40, tzinfo=PRAGUE)

    assert why({"last": 1}, AUTUMN, PRAGUE, now) == {
        AUTUMN[3]: ("in the future",),
        AUTUMN[2]: ("in the future",),
        AUTUMN[1]: ("in the future",),
        AUTUMN[0]: ("last 1 of 1", "newest", "newest verified"),
    }


def test_every_reason_is_told() -> None:
    keep = {"last": 2, "hourly": 2, "daily": 2, "weekly": 2, "monthly": 2, "yearly": -1, "within": "1m2w1d1h"}
    times = ["2026-12-28 02:00", "2027-01-02 23:30", "2027-01-03 09:15", "2027-01-03 09:45 unverified"]

    assert list(why(keep, times, PRAGUE).items()) == [
        (
            "2027-01-03 09:45",
            (
                "last 1 of 2",
                "hourly 2027-01-03 09:00 +0100",
                "daily 2027-01-03",
                "weekly 2026-W53",
                "monthly 2027-01",
                "yearly 2027",
                "within 1m2w1d1h",
                "newest",
            ),
        ),
        ("2027-01-03 09:15", ("last 2 of 2", "within 1m2w1d1h", "newest verified")),
        ("2027-01-02 23:30", ("hourly 2027-01-02 23:00 +0100", "daily 2027-01-02", "within 1m2w1d1h")),
        ("2026-12-28 02:00", ("oldest, weekly has room", "monthly 2026-12", "yearly 2026", "within 1m2w1d1h")),
    ]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ({}, [("keep is empty", "newest", "newest verified"), ("keep is empty",)]),
        ({"last": 7}, [("last 1 of 7", "newest", "newest verified"), ("last 2 of 7",)]),
        ({"last": "unlimited"}, [("last 1 of all", "newest", "newest verified"), ("last 2 of all",)]),
        ({"within": "1y"}, [("within 1y", "newest", "newest verified"), ("within 1y",)]),
        ({"hourly": 1}, [("hourly 2026-11-20 02:00 +0000", "newest", "newest verified"), ()]),
    ],
)
def test_reasons_of_one_rule(keep: dict[str, object], expected: list[tuple[str, ...]]) -> None:
    assert list(why(keep, ["2026-11-19 02:00", "2026-11-20 02:00"]).values()) == expected


def test_time_without_a_zone_is_a_mistake() -> None:
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(ValueError, match="time zone"):
        Candidate("a", naive, is_verified=True)
    with pytest.raises(ValueError, match="time zone"):
        apply(Policy(last=1), [backup(WEEK[0])], now=naive)


@pytest.mark.parametrize(
    ("keep", "policy"),
    [
        ({}, Policy()),
        (dict.fromkeys((*COUNTED, "within")), Policy()),
        (
            {"last": 1, "hourly": 2, "daily": 3, "weekly": 4, "monthly": 5, "yearly": 6, "within": "7d"},
            Policy(1, 2, 3, 4, 5, 6, Span(days=7)),
        ),
        ({"last": 0, "daily": "7", "weekly": " 4 "}, Policy(daily=7, weekly=4)),
        ({"last": -1, "daily": "-1", "yearly": "unlimited"}, Policy(last=UNLIMITED, daily=UNLIMITED, yearly=UNLIMITED)),
        ({"within": "36h"}, Policy(within=Span(hours=36))),
        ({"within": "14d"}, Policy(within=Span(days=14))),
        ({"within": "8w"}, Policy(within=Span(weeks=8))),
        ({"within": "6m"}, Policy(within=Span(months=6))),
        ({"within": "1y"}, Policy(within=Span(years=1))),
        ({"within": " 1y6m3d12h "}, Policy(within=Span(years=1, months=6, days=3, hours=12))),
        ({"within": "12h1y0m"}, Policy(within=Span(years=1, hours=12))),
    ],
)
def test_policy_is_read(keep: dict[str, object], policy: Policy) -> None:
    assert parse_policy(keep) == policy


ARABIC_ONE = "\N{ARABIC-INDIC DIGIT ONE}"

NO_COUNT = "is not a number of backups such as 7, nor -1 or unlimited for all."
NO_SPAN = "is not a time such as 36h, 14d, 8w, 6m, 1y or 1y6m3d12h."


@pytest.mark.parametrize(
    ("keep", "problems"),
    [
        *(
            ({"last": value}, [f"keep.last: {NO_COUNT}"])
            for value in (True, False, -2, 1.0, "", "1.5", "all", [1], ARABIC_ONE)
        ),
        *(
            ({"within": value}, [f"keep.within: {NO_SPAN}"])
            for value in (
                14,
                True,
                "",
                "14",
                "d",
                "-1d",
                "1.5d",
                "1D",
                "90min",
                "1d 2h",
                "14d\n1h",
                ["1d"],
                f"{ARABIC_ONE}d",
            )
        ),
        ({"within": "1d2h3d"}, ["keep.within: gives the days twice."]),
        ({"within": "0d0h"}, ["keep.within: is no time at all: leave it out."]),
        ({"dayly": 7}, ["keep.dayly: is not known. Did you mean daily?"]),
        ({"Weekly": None}, ["keep.Weekly: is not known. Did you mean weekly?"]),
        (
            {"tags": 1},
            ["keep.tags: is not known. Known are: daily, hourly, last, monthly, weekly, within, yearly."],
        ),
        (
            {"last": True, "daily": 7, "mothly": 1, "within": "soon"},
            [f"keep.last: {NO_COUNT}", "keep.mothly: is not known. Did you mean monthly?", f"keep.within: {NO_SPAN}"],
        ),
    ],
)
def test_every_problem_of_a_policy_is_told_at_once(keep: dict[str, object], problems: list[str]) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_policy(keep)

    assert error.value.details["problems"] == problems


limits = st.integers(0, 6)
counts = st.one_of(limits, st.just(UNLIMITED))
small = st.one_of(st.just(0), st.integers(0, 30))
spans = st.builds(Span, years=st.integers(0, 1), months=small, weeks=small, days=small, hours=small)
policies = st.builds(Policy, *[counts] * len(COUNTED), within=st.one_of(st.none(), spans))
rules = policies.filter(lambda policy: not policy.is_empty)


def between(first: str, last: str) -> st.SearchStrategy[datetime]:
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    return st.integers(0, int((end - start).total_seconds())).map(lambda seconds: start + timedelta(seconds=seconds))


moments = st.one_of(
    # Several in one hour, where summer time ends and where it begins.
    between("2026-10-24 22:00", "2026-10-25 03:00"),
    between("2026-03-28 22:00", "2026-03-30 03:00"),
    # Several in one week, in one year, and around NOW.
    between("2026-11-01", "2026-11-21"),
    between("2025-12-01", "2030-01-01"),
    between("2029-12-20", "2030-01-10"),
)


def candidates_of(taken: list[tuple[datetime, bool]]) -> list[Candidate]:
    return [
        Candidate(f"{number:03}", moment.astimezone(PRAGUE), is_verified)
        for number, (moment, is_verified) in enumerate(taken)
    ]


events = st.tuples(moments, st.booleans())
past_events = st.tuples(moments.filter(lambda moment: moment <= NOW), st.booleans())

histories = st.one_of(st.lists(events, max_size=8), st.lists(events, min_size=20, max_size=40)).map(candidates_of)
past = st.one_of(st.lists(past_events, max_size=8), st.lists(past_events, min_size=20, max_size=40)).map(candidates_of)


def staying(policy: Policy, candidates: Iterable[Candidate], now: datetime = NOW) -> list[Candidate]:
    return [decision.candidate for decision in apply(policy, candidates, now=now) if decision.is_kept]


def by_age(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: (candidate.taken.astimezone(UTC), candidate.id))


@given(policies, histories)
def test_each_backup_is_decided_once_and_newest_first(policy: Policy, candidates: list[Candidate]) -> None:
    decided = [decision.candidate for decision in apply(policy, candidates, now=NOW)]

    assert decided == by_age(candidates)[::-1]


@given(policies, histories, st.randoms(use_true_random=False))
def test_order_of_the_backups_does_not_matter(policy: Policy, candidates: list[Candidate], random: Random) -> None:
    shuffled = candidates[:]
    random.shuffle(shuffled)

    assert apply(policy, shuffled, now=NOW) == apply(policy, candidates, now=NOW)


@given(histories)
def test_empty_policy_removes_nothing(candidates: list[Candidate]) -> None:
    assert len(staying(Policy(), candidates)) == len(candidates)
    assert len(staying(Policy(within=Span()), candidates)) == len(candidates)


@given(policies, histories)
def test_newest_and_newest_verified_and_those_of_the_future_stay(policy: Policy, candidates: list[Candidate]) -> None:
    stay = staying(policy, candidates)

    until_now = [candidate for candidate in by_age(candidates) if candidate.taken <= NOW]
    verified = [candidate for candidate in until_now if candidate.is_verified]
    future = [candidate for candidate in candidates if candidate.taken > NOW]
    assert {candidate.id for candidate in until_now[-1:] + verified[-1:] + future} <= {one.id for one in stay}


@given(rules, st.lists(st.integers(0, 3), min_size=6, max_size=6), spans, histories)
def test_more_generous_policy_keeps_all_that_the_other_keeps(
    policy: Policy, more: list[int], longer: Span, candidates: list[Candidate]
) -> None:
    # Only the empty policy is no beginning: it keeps everything, and the first rule that is added lets backups go.
    counts_of = {rule: getattr(policy, rule) for rule in COUNTED}
    generous = {
        rule: UNLIMITED if number == UNLIMITED or extra == 3 else number + extra
        for (rule, number), extra in zip(counts_of.items(), more)
    }
    units = ("years", "months", "weeks", "days", "hours")
    within = policy.within or Span()
    sum_of_spans = Span(**{unit: getattr(within, unit) + getattr(longer, unit) for unit in units})

    stay = staying(policy, candidates)
    stay_too = staying(Policy(**generous, within=sum_of_spans), candidates)

    assert {candidate.id for candidate in stay} <= {candidate.id for candidate in stay_too}


@given(policies, histories)
def test_applying_again_to_what_stayed_removes_nothing(policy: Policy, candidates: list[Candidate]) -> None:
    # Each rule finds its newest ones first, so what it passed over or did not reach cannot make others go.
    stay = staying(policy, candidates)

    assert staying(policy, stay) == stay


@given(policies, past, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_time_alone_removes_nothing(policy: Policy, candidates: list[Candidate], passed: timedelta) -> None:
    # Once none lies in the future, that is: those come under the rules when their time has come.
    assert staying(policy, candidates, NOW + passed) == staying(policy, candidates)


@given(policies, past)
def test_pruning_after_each_backup_ends_like_pruning_once(policy: Policy, candidates: list[Candidate]) -> None:
    # In UTC: where a day has 23 hours, `within` can reach back a little further from an older backup.
    candidates = [replace(candidate, taken=candidate.taken.astimezone(UTC)) for candidate in candidates]
    nightly: list[Candidate] = []
    for candidate in by_age(candidates):
        nightly = staying(policy, [*nightly, candidate], candidate.taken)

    assert nightly == staying(policy, candidates)


@given(policies, past)
def test_no_rule_keeps_more_than_its_count(policy: Policy, candidates: list[Candidate]) -> None:
    decisions = apply(policy, candidates, now=NOW)

    reasons = [reason for decision in decisions for reason in decision.reasons]
    for rule in COUNTED:
        named = [reason for reason in reasons if re.match(rf"{rule} |oldest, {rule} ", reason)]
        number = getattr(policy, rule)
        assert len(named) <= (len(candidates) if number == UNLIMITED else number)
        assert len(set(named)) == len(named)


@given(st.lists(limits, min_size=6, max_size=6).filter(any), past)
def test_no_more_stay_than_the_counts_and_the_newest_verified(numbers: list[int], candidates: list[Candidate]) -> None:
    policy = Policy(**dict(zip(COUNTED, numbers)), within=None)

    assert len(staying(policy, candidates)) <= sum(numbers) + 1


@given(spans, moments)
def test_span_lies_before(span: Span, moment: datetime) -> None:
    assert span.before(moment.astimezone(PRAGUE)) <= moment


@given(spans.filter(lambda span: span != Span()))
def test_span_is_written_as_it_is_read(span: Span) -> None:
    assert parse_policy({"within": str(span)}).within == span


def _example() -> tuple[dict[str, object], list[str]]:
    section = PAGE.read_text(encoding="utf-8").split("### Thirty nights")[1]
    declared = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert declared
    keep = yaml.safe_load(declared[1])["keep"]
    return keep, section.splitlines()


THIRTY_NIGHTS = [
    (datetime(2026, 10, 22, 2, tzinfo=UTC) + timedelta(days=number)).strftime("%Y-%m-%d %H:%M") for number in range(30)
]


def test_example_of_the_page_is_what_happens() -> None:
    keep, lines = _example()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| *2", line)]

    reasons = why(keep, THIRTY_NIGHTS)

    stay = {night: found for night, found in reasons.items() if found}
    assert [(night, tuple(told.split("; "))) for night, told in cells] == [
        (night.split()[0], found) for night, found in stay.items()
    ]
    assert f"{len(stay)} of the {len(reasons)} stay:" in lines
    assert (THIRTY_NIGHTS[0], THIRTY_NIGHTS[-1]) == ("2026-10-22 02:00", "2026-11-20 02:00")


def test_next_night_of_the_page_is_what_happens() -> None:
    keep, lines = _example()
    left = kept(keep, THIRTY_NIGHTS)

    after = kept(keep, [*left, "2026-11-21 02:00"])

    told = re.search(r"adds the backup of (\S+), and only that of (\S+) goes", " ".join(lines))
    assert told
    assert {night.split()[0] for night in after} - {night.split()[0] for night in left} == {told[1]}
    assert {night.split()[0] for night in left} - {night.split()[0] for night in after} == {told[2]}


def test_page_names_every_word_of_keep() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## What is kept")[1].split("\n\n")[2]

    shown = dict(re.findall(r"^\| `(\w+): (\w+)`", table, re.MULTILINE))

    assert set(shown) == {*COUNTED, "within"}
    assert not parse_policy(shown).is_empty
