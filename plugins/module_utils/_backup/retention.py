# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups stay and why, by the rules that users of restic know.

Each rule names what it keeps, and a backup that any rule names stays. This module is private to the collection.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

UNLIMITED = -1

_BEGINNING = datetime.min.replace(tzinfo=timezone.utc)

_COUNT = re.compile(r"-1|[0-9]{1,9}")

_SPAN = re.compile(r"(?:[0-9]{1,6}[ymwdh])+")

_UNITS = {"y": "years", "m": "months", "w": "weeks", "d": "days", "h": "hours"}


@dataclass(frozen=True)
class Span:
    """A length of time on the calendar, where months and years differ in length."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0

    def __str__(self) -> str:
        numbers = {unit: getattr(self, name) for unit, name in _UNITS.items()}
        return "".join(f"{number}{unit}" for unit, number in numbers.items() if number)

    def before(self, moment: datetime) -> datetime:
        """The moment in UTC that lies so much earlier: days and longer on the local clock, hours as they pass."""
        try:
            if self.years or self.months or self.weeks or self.days:
                moment = _earliest(self._days_before(self._months_before(moment.replace(tzinfo=None))), moment)
            return moment.astimezone(timezone.utc) - timedelta(hours=self.hours)
        except (OverflowError, ValueError):
            # It reaches back beyond the first year of the calendar.
            return _BEGINNING

    def _months_before(self, local: datetime) -> datetime:
        year, month = divmod(local.year * 12 + local.month - 1 - self.years * 12 - self.months, 12)
        # A month before 31 March is the last of February: restic goes on into March there, and would keep less.
        return local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))

    def _days_before(self, local: datetime) -> datetime:
        return local - timedelta(weeks=self.weeks, days=self.days)


def _earliest(local: datetime, zoned: datetime) -> datetime:
    """What a clock of that zone may mean: it shows some times twice a year, and leaves some out."""
    return min(local.replace(tzinfo=zoned.tzinfo, fold=fold).astimezone(timezone.utc) for fold in (0, 1))


@dataclass(frozen=True)
class Policy:
    """How many backups each rule keeps, where UNLIMITED means all that it would count."""

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: Span | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no rule, so that there is nothing to go by in removing a backup."""
        return self in (Policy(), Policy(within=Span()))


@dataclass(frozen=True)
class Candidate:
    """A backup that may have to go; the time zone of `taken` says where its day, week, month and year begin."""

    id: str
    taken: datetime
    is_verified: bool

    def __post_init__(self) -> None:
        _instant(self.taken)


@dataclass(frozen=True)
class Decision:
    """What becomes of one backup: it goes when nothing speaks for it."""

    candidate: Candidate
    reasons: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether the backup stays."""
        return bool(self.reasons)


def parse_policy(keep: Mapping[str, object]) -> Policy:
    """The policy that the user declared; every mistake in it is told at once."""
    counts: dict[str, int] = {}
    within: Span | None = None
    problems: list[str] = []
    for word, value in keep.items():
        try:
            if word not in _WORDS:
                raise _Unfit(f"is not known. {did_you_mean(str(word), _WORDS)}")
            if value is None:
                continue
            if word == "within":
                within = _parse_span(value)
            else:
                counts[word] = _parse_count(value)
        except _Unfit as unfit:
            problems.append(f"keep.{word}: {unfit}")
    if problems:
        raise InvalidInput("The retention", problems)
    return Policy(**counts, within=within)


class _Unfit(ValueError):
    """A value is not what its word asks for; the text continues a sentence that begins with the word."""


def _parse_count(value: object) -> int:
    if value == "unlimited":
        return UNLIMITED
    # As text, since templates give numbers as text too; a boolean or a fraction looks different there.
    text = str(value).strip()
    if not _COUNT.fullmatch(text):
        raise _Unfit("is not a number of backups such as 7, nor -1 or unlimited for all.")
    return int(text)


def _parse_span(value: object) -> Span:
    text = value.strip() if isinstance(value, str) else ""
    if not _SPAN.fullmatch(text):
        raise _Unfit("is not a time such as 36h, 14d, 8w, 6m, 1y or 1y6m3d12h.")
    numbers: dict[str, int] = {}
    for number, unit in re.findall(r"([0-9]+)([ymwdh])", text):
        if _UNITS[unit] in numbers:
            raise _Unfit(f"gives the {_UNITS[unit]} twice.")
        numbers[_UNITS[unit]] = int(number)
    span = Span(**numbers)
    if span == Span():
        raise _Unfit("is no time at all: leave it out.")
    return span


def apply(policy: Policy, candidates: Iterable[Candidate], *, now: datetime) -> list[Decision]:
    """What stays and why, newest first. Of two of the same moment, the one with the greater id counts as newer."""
    newest_first = sorted(candidates, key=lambda candidate: (_instant(candidate.taken), candidate.id), reverse=True)
    # With a clock that went wrong, no count and no age can be trusted, so what lies ahead takes part in neither.
    future = [candidate for candidate in newest_first if _instant(candidate.taken) > _instant(now)]
    past = newest_first[len(future) :]
    reasons: list[list[str]] = [[] for candidate in past]
    for position, reason in _reasons(policy, past):
        reasons[position].append(reason)
    return [
        *(Decision(candidate, ("in the future",)) for candidate in future),
        *(Decision(candidate, tuple(found)) for candidate, found in zip(past, reasons)),
    ]


def _instant(moment: datetime) -> datetime:
    # Python compares two times of one zone by their clock faces, of which autumn shows an hour twice.
    if moment.utcoffset() is None:
        raise ValueError("Retention needs times with their time zone.")
    return moment.astimezone(timezone.utc)


def _reasons(policy: Policy, past: Sequence[Candidate]) -> Iterator[tuple[int, str]]:
    """The positions that stay, each with one reason, and once more for each further reason."""
    if policy.is_empty:
        yield from ((position, "keep is empty") for position in range(len(past)))
    yield from _last(policy.last, past)
    for rule, bucket_of in _BUCKETS.items():
        yield from _newest_of_each(rule, bucket_of, getattr(policy, rule), past)
    if policy.within is not None:
        yield from _within(policy.within, past)
    yield from _always(past)


def _last(count: int, past: Sequence[Candidate]) -> Iterator[tuple[int, str]]:
    number, total = (len(past), "all") if count < 0 else (min(count, len(past)), str(count))
    return ((position, f"last {position + 1} of {total}") for position in range(number))


def _newest_of_each(
    rule: str, bucket_of: Callable[[datetime], str], count: int, past: Sequence[Candidate]
) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for position, candidate in enumerate(past):
        if len(seen) == count:
            return
        bucket = bucket_of(candidate.taken)
        if bucket not in seen:
            seen.add(bucket)
            yield position, f"{rule} {bucket}"
        elif position == len(past) - 1:
            # Else a history that begins in the middle of a year would lose its beginning before it is long enough.
            yield position, f"oldest, {rule} has room"


def _within(span: Span, past: Sequence[Candidate]) -> Iterator[tuple[int, str]]:
    # Counted from the newest backup and not from now: else what is left would go once backups cease to come.
    cutoff = span.before(past[0].taken) if past else _BEGINNING
    return (
        (position, f"within {span}") for position, candidate in enumerate(past) if _instant(candidate.taken) > cutoff
    )


def _always(past: Sequence[Candidate]) -> Iterator[tuple[int, str]]:
    """What no policy gives up: the last that was made, and the last that is known to be of use."""
    verified = [position for position, candidate in enumerate(past) if candidate.is_verified]
    yield from ((position, "newest") for position in range(len(past))[:1])
    yield from ((position, "newest verified") for position in verified[:1])


def _hour(taken: datetime) -> str:
    # With the offset, since the hour that autumn repeats is two hours.
    return f"{taken:%Y-%m-%d %H}:00 {taken:%z}"


def _day(taken: datetime) -> str:
    return f"{taken:%Y-%m-%d}"


def _week(taken: datetime) -> str:
    # The days around New Year may belong to a week of the other year.
    return f"{taken:%G-W%V}"


def _month(taken: datetime) -> str:
    return f"{taken:%Y-%m}"


def _year(taken: datetime) -> str:
    return f"{taken:%Y}"


_BUCKETS: Mapping[str, Callable[[datetime], str]] = {
    "hourly": _hour,
    "daily": _day,
    "weekly": _week,
    "monthly": _month,
    "yearly": _year,
}

_WORDS = ("last", *_BUCKETS, "within")
