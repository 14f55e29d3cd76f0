# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Credential
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.verify import verify
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, HttpError

MAIN = Credential(1, "main", "gemini", 10)
SPARE = Credential(2, "spare", "gemini", 15)
FAST = Credential(3, "fast", "groq", 20)
PLANNED = [MAIN, SPARE, FAST]


class Application:
    """Lists these, and for a provider what is told for it, or else its own of these."""

    def __init__(self, listed: list[Credential], by_provider: dict[str, list[Credential]] | None = None) -> None:
        self.listed = listed
        self.by_provider = by_provider or {}
        self.asked: list[str | None] = []

    def listing(self, provider: str | None = None) -> list[Credential]:
        self.asked.append(provider)
        if provider is None:
            return self.listed
        return self.by_provider.get(provider, [one for one in self.listed if one.provider == provider])


def problems(application: Application, planned: list[Credential]) -> list[str]:
    with pytest.raises(ChecksFailed) as told:
        verify(application, planned)
    found: list[str] = told.value.details["problems"]
    assert told.value.message == f"The application does not show the planned order. {' '.join(found)}"
    return found


def test_planned_order_is_proved_by_the_whole_and_by_provider() -> None:
    application = Application(PLANNED)

    verify(application, [FAST, MAIN, SPARE])

    assert sorted(map(str, application.asked)) == ["None", "gemini", "groq"]


@pytest.mark.parametrize(
    ("listed", "planned"),
    [
        ([], []),
        ([replace(one, id=str(one.id)) for one in PLANNED], PLANNED),
        # Equal ones are in any order, and what has no priority stands anywhere.
        ([replace(FAST, priority=10), MAIN], [MAIN, replace(FAST, priority=10)]),
        ([replace(SPARE, priority=None), MAIN, FAST], [MAIN, FAST, replace(SPARE, priority=None)]),
        ([MAIN, replace(SPARE, priority=None), FAST], [MAIN, FAST, replace(SPARE, priority=None)]),
        # Nobody can ask for it.
        ([replace(MAIN, provider=""), FAST], [FAST, replace(MAIN, provider="")]),
        # What is not used need not be listed.
        ([MAIN], [MAIN, replace(SPARE, is_active=False), replace(FAST, is_global=False, user=7)]),
    ],
)
def test_what_is_no_difference(listed: list[Credential], planned: list[Credential]) -> None:
    application = Application(listed)

    verify(application, planned)

    assert "" not in application.asked


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([MAIN, FAST], ["It does not list spare (gemini, id 2)."]),
        (
            [replace(MAIN, priority=100), SPARE, FAST],
            [
                "It shows main (gemini, id 1) with priority 100 instead of priority 10.",
                "It does not sort by priority: main (gemini, id 1) with priority 100 comes before spare (gemini, id 2)"
                " with priority 15.",
                "Asked for ?provider=gemini, it does not sort by priority: main (gemini, id 1) with priority 100 comes"
                " before spare (gemini, id 2) with priority 15.",
            ],
        ),
        (
            [MAIN, SPARE, replace(FAST, priority=None)],
            ["It shows fast (groq, id 3) with no priority instead of priority 20."],
        ),
        (
            [MAIN, SPARE, replace(FAST, name="quick")],
            ["It shows quick (groq, id 3) where fast (groq, id 3) was planned."],
        ),
        (
            [MAIN, SPARE, replace(FAST, provider="grok")],
            ["It shows fast (grok, id 3) where fast (groq, id 3) was planned."],
        ),
        ([*PLANNED, Credential(9, "odd", "groq", 99)], ["It lists odd (groq, id 9), which was not planned."]),
        (
            [MAIN, FAST, SPARE],
            [
                "It does not sort by priority: fast (groq, id 3) with priority 20 comes before spare (gemini, id 2)"
                " with priority 15.",
            ],
        ),
    ],
)
def test_differences_of_the_whole_listing(listed: list[Credential], told: list[str]) -> None:
    assert problems(Application(listed), PLANNED) == told


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([MAIN, SPARE, FAST], "lists fast (groq, id 3) too."),
        ([MAIN], "does not list spare (gemini, id 2)."),
        ([], "does not list main (gemini, id 1)."),
        (
            [replace(MAIN, priority=5), SPARE],
            "shows main (gemini, id 1) with priority 5, and otherwise with priority 10.",
        ),
        (
            [MAIN, SPARE, Credential(9, "odd", "gemini", 99)],
            "lists odd (gemini, id 9), which it does not list otherwise.",
        ),
        (
            [SPARE, MAIN],
            "does not sort by priority: spare (gemini, id 2) with priority 15 comes before main (gemini, id 1) with"
            " priority 10.",
        ),
    ],
)
def test_differences_by_provider(listed: list[Credential], told: str) -> None:
    found = problems(Application(PLANNED, {"gemini": listed}), PLANNED)

    assert found[0] == f"Asked for ?provider=gemini, it {told}"


def test_disorder_is_told_once() -> None:
    upside_down = [Credential(number, f"c{number}", "gemini", -number) for number in range(5)]

    assert len(problems(Application(upside_down), upside_down)) == 2


@pytest.mark.parametrize(("count", "told_at_last"), [(5, "id 4)."), (6, "And 1 more."), (8, "And 3 more.")])
def test_many_differences_are_counted(count: int, told_at_last: str) -> None:
    planned = [Credential(number, f"c{number}", "gemini", number) for number in range(count)]

    with pytest.raises(ChecksFailed) as told:
        verify(Application([]), planned)

    assert told.value.message.count("does not list") == 5
    assert told.value.message.endswith(told_at_last)
    assert len(told.value.details["problems"]) == count


def test_application_that_does_not_answer_is_an_error() -> None:
    class Down(Application):
        def listing(self, provider: str | None = None) -> list[Credential]:
            raise HttpError("Nothing listens there.", reason="refused")

    with pytest.raises(HttpError, match=r"Nothing listens there\."):
        verify(Down([]), PLANNED)
