# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""When cron starts a job. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean


class Unfit(ValueError):
    """A schedule that cron would not take or that means nothing; the text continues after the name of the option."""


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: Mapping[str, int] = field(default_factory=dict)


_MONTHS = dict(zip(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), range(1, 13)))
_DAYS = dict(zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(7)))

_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}

_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}

_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?", re.ASCII)


def schedule(text: str) -> str:
    """The five fields as every cron reads them, in numbers. Raises Unfit if there are none, or they never come true."""
    if text == "@reboot":
        raise Unfit("is @reboot: what is to run when the host starts is a unit of systemd.")
    if text.startswith("@") and text not in _NAMED:
        raise Unfit(f"is no name that cron has. {did_you_mean(text, _NAMED)}")
    fields = _NAMED.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise Unfit('has to have five fields, such as "0 3 * * *", or be a name such as @daily.')
    read = [_read_field(*pair) for pair in zip(fields, _FIELDS)]
    _refuse_never(fields, *(values for _text, values in read[2:4]))
    return " ".join(text for text, _values in read)


def _refuse_never(fields: list[str], days: frozenset[int], months: frozenset[int]) -> None:
    # Where neither begins with *, cron takes a day of the month or a day of the week.
    is_either = not any(given.startswith("*") for given in (fields[2], fields[4]))
    if not is_either and all(min(days) > _LONGEST.get(month, 31) for month in months):
        raise Unfit(f"can never come true: no month that it names has a day {min(days)}.")


def _read_field(given: str, known: _Field) -> tuple[str, frozenset[int]]:
    parts = [_read_part(part, known) for part in given.split(",")]
    return ",".join(text for text, _values in parts), frozenset().union(*(values for _text, values in parts))


def _read_part(part: str, known: _Field) -> tuple[str, frozenset[int]]:
    found = _PART.fullmatch(part)
    if not found or (found["first"] == "*" and found["last"]):
        raise Unfit(f"has as its {known.name} what is neither a number, a range, * nor a list of them.")
    first, last, text = known.low, known.high, "*"
    if found["first"] != "*":
        first = last = _number(found["first"], known)
        text = str(first)
        if found["last"]:
            last = _last(found["last"], known)
            text = f"{first}-{last}"
        elif found["step"]:
            raise Unfit(f"has a step after a single {known.name}: write {first}-{known.high}/{found['step']}.")
    if last < first:
        raise Unfit(f"has a range that ends before it begins: {first}-{last}.")
    if not found["step"]:
        return text, frozenset(range(first, last + 1))
    step = int(found["step"]) if found["step"].isdigit() else 0
    if not 0 < step <= last - first:
        raise Unfit(f"has a step that is not from 1 to {last - first}, so that it would come true for {first} alone.")
    return f"{text}/{step}", frozenset(range(first, last + 1, step))


def _last(word: str, known: _Field) -> int:
    number = _number(word, known)
    # Sunday ends a week as 7.
    return 7 if known.words is _DAYS and number == 0 else number


def _number(word: str, known: _Field) -> int:
    if word.upper() in known.words:
        return known.words[word.upper()]
    if not word.isdigit():
        names = f" and {', '.join(known.words)}" if known.words else ""
        raise Unfit(f"has what is no {known.name}: there are {known.low} to {known.high}{names}.")
    if not known.low <= int(word) <= known.high:
        raise Unfit(f"has {int(word)} as its {known.name}, which goes from {known.low} to {known.high}.")
    return int(word)
