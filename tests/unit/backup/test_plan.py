# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts, Manifest, Verification
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.plan import (
    Space,
    Wanted,
    asked_for,
    decide,
    fresh,
    parse_age,
    shown,
    space_needed,
    unchanged,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.retention import Candidate, Policy
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

NOW = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def backup(number: int = 1, **changes: object) -> Manifest:
    """A backup that is as many hours old as its number."""
    found = Manifest(
        id=f"shop-20260310T000000Z-{number:06x}",
        name="shop",
        file=f"shop-20260310T000000Z-{number:06x}.json",
        bytes=100,
        sha256="0" * 64,
        compression="none",
        recipients=(),
        engine="postgresql",
        source="postgresql://localhost:5432/shop",
        server="",
        tool="",
        taken=NOW - number * HOUR,
        seconds=1,
        consistency="snapshot",
        facts=Facts({}, "schema", content_sha256="content"),
        verified=Verification("structure", NOW),
    )
    return replace(found, **changes)  # type: ignore[arg-type] # by name


WANTED = Wanted("structure", ())


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("90m", timedelta(minutes=90)),
        (" 12h ", 12 * HOUR),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(days=14)),
        ("0h", timedelta()),
        ("999999w", timedelta(weeks=999999)),
        (None, None),
    ],
)
def test_an_age_is_a_number_with_its_unit(text: str | None, age: timedelta | None) -> None:
    assert parse_age("max_age", text) == age


@pytest.mark.parametrize("text", ["", "12", "h", "1.5h", "-1h", "1h30m", "1H", "12 h", "1y", "1000000s", "\uff11h"])
def test_what_is_no_age_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"max_age is not a length of time such as 90m, 12h or 1d\."):
        parse_age("max_age", text)


@pytest.mark.parametrize(
    ("level", "recipients", "is_met"),
    [
        ("none", (), True),
        ("checksum", (), True),
        ("structure", (), True),
        ("restore", (), False),
        ("none", ("age1a",), False),
    ],
)
def test_a_backup_meets_what_is_wanted(level: str, recipients: tuple[str, ...], is_met: bool) -> None:
    assert Wanted(level, recipients).is_met_by(backup()) is is_met


def test_a_backup_that_was_not_verified_meets_only_what_needs_none() -> None:
    unverified = backup(verified=None)

    assert Wanted("none", ()).is_met_by(unverified)
    assert not Wanted("checksum", ()).is_met_by(unverified)


def test_the_order_of_readers_does_not_matter() -> None:
    assert Wanted("none", ("age1a", "age1b")).is_met_by(backup(recipients=("age1b", "age1a")))


def test_what_is_not_asked_for_is_left_out() -> None:
    own = [backup(-1), backup(0), backup(1, purpose="safety"), backup(2)]

    assert asked_for(own, NOW) == [own[1], own[3]]


@pytest.mark.parametrize(
    ("own", "max_age", "found"),
    [
        ([], HOUR, None),
        ([1], None, None),
        ([1], HOUR, 1),
        ([1], HOUR - timedelta(microseconds=1), None),
        ([0], timedelta(), 0),
        ([-1, 1, 2], HOUR, 1),
        ([-1], HOUR, None),
    ],
)
def test_a_young_backup_will_do(own: list[int], max_age: timedelta | None, found: int | None) -> None:
    expected = None if found is None else backup(found)

    assert fresh([backup(number) for number in own], max_age, WANTED, NOW) == expected


def test_a_young_one_behind_one_that_will_not_do_is_found() -> None:
    own = [backup(1, verified=None), backup(2)]

    assert fresh(own, 2 * HOUR, WANTED, NOW) == own[1]


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        (Facts({}, "schema", content_sha256="content"), True),
        (Facts({}, "other", content_sha256="content"), False),
        (Facts({}, "schema", content_sha256="other"), False),
        (Facts({}, "schema"), False),
    ],
)
def test_only_the_same_database_is_unchanged(found: Facts, is_same: bool) -> None:
    assert (unchanged([backup(1), backup(2)], found, WANTED, NOW) is not None) is is_same


def test_only_with_the_newest_is_it_compared() -> None:
    found = Facts({}, "schema", content_sha256="content")
    other = Facts({}, "schema", content_sha256="other")

    assert unchanged([backup(1, facts=other), backup(2)], found, WANTED, NOW) is None
    assert unchanged([backup(1, verified=None), backup(2)], found, WANTED, NOW) is None
    assert unchanged([backup(-1, facts=other), backup(1)], found, WANTED, NOW) == backup(1)


def test_two_unknown_contents_are_not_the_same() -> None:
    assert unchanged([backup(1, facts=Facts({}, "schema"))], Facts({}, "schema"), WANTED, NOW) is None


def test_what_is_decided_is_decided_by_local_days() -> None:
    zone = timezone(timedelta(hours=3))
    own = [backup(2, taken=datetime(2026, 3, 9, 21, 30, tzinfo=timezone.utc)), backup(3, purpose="safety")]
    new = Candidate("new", NOW, is_verified=True)

    decisions = decide(Policy(daily=2), own, NOW, lambda moment: moment.astimezone(zone), [new])

    assert {decision.candidate.id: decision.reasons for decision in decisions} == {
        "new": ("daily 2026-03-10", "newest", "newest verified"),
        # In UTC it would be one of the day before.
        own[0].id: ("oldest, daily has room",),
    }


@pytest.mark.parametrize(
    ("own", "size", "options", "space"),
    [
        ([], 1000, {}, Space(1200, 1200)),
        ([], 1000, {"needs_raw_copy": True}, Space(2400, 1200)),
        ([], 1000, {"is_restored": False}, Space(1200, 0)),
        ([100, 900], 1000, {}, Space(120, 1200)),
        ([100], 1000, {"needs_raw_copy": True}, Space(1320, 1200)),
        ([5000], 1000, {}, Space(1200, 1200)),
    ],
)
def test_space_is_estimated(own: list[int], size: int, options: dict[str, bool], space: Space) -> None:
    options = {"needs_raw_copy": False, "is_restored": True, **options}

    assert space_needed([backup(1, bytes=size_) for size_ in own], size, **options) == space


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1234567, "1.2 MB"),
        (5 * 10**9, "5.0 GB"),
        (5 * 10**12, "5.0 TB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_are_shown_to_people(size: int, text: str) -> None:
    assert shown(size) == text
