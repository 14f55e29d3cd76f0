# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._cron.schedule import Unfit, schedule


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0 3 * * *", "0 3 * * *"),
        ("0 9 * * MON", "0 9 * * 1"),
        ("  0\t9  * jan-Mar,DEC sun,mon-Fri ", "0 9 * 1-3,12 0,1-5"),
        ("*/5 8-18/2 1,15 */3 FRI-SUN", "*/5 8-18/2 1,15 */3 5-7"),
        ("0 0 * * 5-0", "0 0 * * 5-7"),
        ("0 0 * * 7", "0 0 * * 7"),
        ("059 023 031 012 007", "59 23 31 12 7"),
        ("*/59 */23 */30 */11 */7", "*/59 */23 */30 */11 */7"),
        ("0-59 0-23 1-31 1-12 0-7", "0-59 0-23 1-31 1-12 0-7"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        # The day is there in some year.
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 31 1,2 *", "0 0 31 1,2 *"),
        ("0 0 28-31 FEB *", "0 0 28-31 2 *"),
        # Where both days are given, cron takes either.
        ("0 0 30 2 MON", "0 0 30 2 1"),
    ],
)
def test_schedule_is_written_as_every_cron_reads_it(given: str, expected: str) -> None:
    assert schedule(given) == expected


_FIVE = 'has to have five fields, such as "0 3 * * *", or be a name such as @daily.'
_FORM = "what is neither a number, a range, * nor a list of them."
_NEVER = "can never come true: no month that it names has a day"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", _FIVE),
        ("0 3 * *", _FIVE),
        ("0 3 * * * root", _FIVE),
        ("@reboot", "is @reboot: what is to run when the host starts is a unit of systemd."),
        ("@dayly", "is no name that cron has. Did you mean @daily?"),
        ("60 3 * * *", "has 60 as its minute, which goes from 0 to 59."),
        ("0 24 * * *", "has 24 as its hour, which goes from 0 to 23."),
        ("0 0 0 * *", "has 0 as its day of the month, which goes from 1 to 31."),
        ("0 0 * 13 *", "has 13 as its month, which goes from 1 to 12."),
        ("0 0 * * 8", "has 8 as its day of the week, which goes from 0 to 7."),
        ("0 0 * * MONDAY", "no day of the week: there are 0 to 7 and SUN, MON, TUE, WED, THU, FRI, SAT."),
        ("0 0 * MON *", "has what is no month: there are 1 to 12 and JAN, FEB,"),
        ("JAN 0 * * *", "has what is no minute: there are 0 to 59."),
        ("30-10 * * * *", "has a range that ends before it begins: 30-10."),
        ("0 5-0 * * *", "has a range that ends before it begins: 5-0."),
        ("0 0 * * FRI-MON", "has a range that ends before it begins: 5-1."),
        ("*/0 * * * *", "has a step that is not from 1 to 59, so that it would come true for 0 alone."),
        ("*/90 * * * *", "has a step that is not from 1 to 59"),
        ("10-20/11 * * * *", "has a step that is not from 1 to 10, so that it would come true for 10 alone."),
        ("*/x * * * *", "has a step that is not from 1 to 59"),
        ("5/10 * * * *", "has a step after a single minute: write 5-59/10."),
        ("*-5 * * * *", f"has as its minute {_FORM}"),
        ("1,,2 * * * *", f"has as its minute {_FORM}"),
        ("0 1- * * *", f"has as its hour {_FORM}"),
        ("0 0 ? * *", f"has as its day of the month {_FORM}"),
        ("0 0 L * *", "has what is no day of the month"),
        ("0 0 30 2 *", f"{_NEVER} 30."),
        ("0 0 30,31 FEB *", f"{_NEVER} 30."),
        ("0 0 31 4,6,9,11 *", f"{_NEVER} 31."),
        ("0 0 31 2-2,4 *", f"{_NEVER} 31."),
        ("0 0 31 2-4/2 *", f"{_NEVER} 31."),
        # A field that begins with * counts as one that is not given.
        ("0 0 30 2 */2", f"{_NEVER} 30."),
        ("0 0 30 2 *,MON", f"{_NEVER} 30."),
    ],
)
def test_what_cron_would_refuse_misread_or_never_run_is_refused(given: str, told: str) -> None:
    with pytest.raises(Unfit) as caught:
        schedule(given)
    assert told in str(caught.value)


def _days(text: str) -> Iterator[date]:
    """The days of a whole cycle of leap years on which cron would run this, counted one by one."""
    _minute, _hour, day, month, weekday = text.split()
    is_either = not (day.startswith("*") or weekday.startswith("*"))
    for number in range(28 * 366):
        today = date(2000, 1, 1) + timedelta(days=number)
        fits_day, fits_weekday = _fits(day, {today.day}), _fits(weekday, {today.isoweekday() % 7, today.isoweekday()})
        if _fits(month, {today.month}) and (fits_day or fits_weekday if is_either else fits_day and fits_weekday):
            yield today


def _fits(field: str, numbers: set[int]) -> bool:
    return "*" in field.split(",") or not numbers.isdisjoint(int(part) for part in field.split(",") if part != "*")


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    listed = st.lists(st.integers(low, high).map(str), min_size=1, max_size=2).map(",".join)
    return st.just("*") | listed | listed.map(lambda text: f"*,{text}")


@given(day=_field(28, 31), month=_field(1, 12), weekday=_field(0, 7))
def test_exactly_what_never_comes_true_is_refused(day: str, month: str, weekday: str) -> None:
    text = f"0 0 {day} {month} {weekday}"
    try:
        assert schedule(text) == text
        is_taken = True
    except Unfit:
        is_taken = False
    assert is_taken == (next(_days(text), None) is not None)
