# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.concurrent import Concurrent
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Trust
from tests.unit.smoke.shooting import URL, Http, answer, in_turn, observe, problems

KIND: Kind = Concurrent()

SETTING = Setting(base_url="http://h", headers={"Authorization": "x"}, trust=Trust(ca="/ca"), timeout=7)


class Shop:
    """Takes a credit for every request that it answers well, as long as there are some."""

    def __init__(self, *seen: object, statuses: list[int | str] | None = None) -> None:
        self._seen = list(seen)
        self._statuses = iter(statuses or [])

    def __call__(self, request: Request) -> Response | str:
        if request.method == "GET":
            return answer(200, json.dumps(self._seen.pop(0)).encode())
        status = next(self._statuses, 201)
        return answer(status) if isinstance(status, int) else status


def test_kind_is_described() -> None:
    assert (KIND.name, KIND.shorthand, KIND.is_each, KIND.is_alone) == ("concurrent", "get", False, True)
    assert "follow" not in KIND.options
    assert KIND.default({}) == {"errors": 0}


def test_requests_are_sent_at_once_and_what_they_change_is_seen() -> None:
    http = Http(Shop({"creditBalance": 100, "name": "a"}, {"creditBalance": 88, "name": "b"}))

    seen = observe(KIND, http, SETTING, post="/upload", json={"a": 1}, times=12, around="/api/credits")

    assert seen.values == {
        "statuses": {"201": 12},
        "ok": 12,
        "errors": 0,
        "before": {"creditBalance": 100, "name": "a"},
        "after": {"creditBalance": 88, "name": "b"},
        "spent": 12,
    }
    assert isinstance(seen.values["spent"], int)
    assert seen.told == (
        "POST http://h/upload, sent 12 times: 12 x 201. Of /api/credits, creditBalance went from 100 to 88."
    )
    [(requests, how)] = http.volleys
    assert requests == [Request("POST", "http://h/upload", requests[0].headers, b'{"a": 1}')] * 12
    assert how == {"at_most": 12, "at_once": True, "timeout": 7, "trust": Trust(ca="/ca")}
    asked = Request("GET", "http://h/api/credits", {"Authorization": "x"})
    assert http.asked == [(asked, False, 7)] * 2
    assert http.sessions == [Trust(ca="/ca")] * 2


def test_session_of_the_scenario_is_used() -> None:
    scenario = Http(Shop({"n": 1}, {"n": 0}))
    http = Http(Shop())

    seen = observe(KIND, http, Setting(session=scenario), post=URL, times=1, around="http://h/n", timeout="2s")

    assert seen.values["spent"] == 1
    assert [timeout for _request, _follows, timeout in scenario.asked] == [2, 2]
    assert (http.asked, http.sessions) == ([], [])
    assert http.volleys[0][1]["timeout"] == 2


def test_errors_are_told() -> None:
    http = Http(Shop(statuses=[201, 500, "timeout", 302, 500, 200]))

    seen = observe(KIND, http, post=URL, times=6)

    assert seen.values == {
        "statuses": {"500": 2, "201": 1, "timeout": 1, "302": 1, "200": 1},
        "ok": 2,
        "errors": 4,
        "before": None,
        "after": None,
        "spent": None,
    }
    assert seen.told == "POST http://h/x, sent 6 times: 2 x 500, 1 x 201, 1 x timeout, 1 x 302, 1 x 200."


@pytest.mark.parametrize(("status", "ok"), [(199, 0), (200, 1), (299, 1), (300, 0)])
def test_usual_statuses_are_those_of_success(status: int, ok: int) -> None:
    assert observe(KIND, Http(Shop(statuses=[status])), post=URL, times=1).values["ok"] == ok


def test_statuses_can_be_given() -> None:
    values = observe(KIND, Http(Shop(statuses=[200, 402, 402, 409])), post=URL, times=4, ok=[200, "402"]).values

    assert (values["ok"], values["errors"]) == (3, 1)


def test_requests_that_nobody_answers_are_not_observed() -> None:
    with pytest.raises(Unobserved) as caught:
        observe(KIND, Http(Shop(statuses=["refused"])), post=URL, times=1)

    assert caught.value.message == (
        "POST http://h/x, sent once, had no answer: nothing listens there. Start the server, or correct the address."
    )


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (answer(401, b"who are you?"), "cannot be seen: GET http://h/credits answered 401: who are you?"),
        (answer(302), "cannot be seen: GET http://h/credits answered 302 without a body."),
        (
            answer(200, b"<html>"),
            "cannot be seen, because this is no JSON: GET http://h/credits answered 200: <html>",
        ),
    ],
)
@pytest.mark.parametrize("comes_first", [True, False])
def test_change_that_cannot_be_seen_is_told(response: Response, said: str, comes_first: bool) -> None:
    answers = (response,) if comes_first else (answer(200, b"{}"), answer(200), response)
    http = Http(in_turn(*answers))

    with pytest.raises(Unobserved) as caught:
        observe(KIND, http, post=URL, times=1, around="http://h/credits?token=hunter2")

    assert caught.value.message == f"What the requests change {said}"
    # Nothing is spent where nobody could tell what.
    assert len(http.volleys) == (0 if comes_first else 1)


@pytest.mark.parametrize(
    ("before", "after", "spent", "said"),
    [
        ({"n": 3}, {"n": 5}, -2, "n went from 3 to 5"),
        ({"n": 3}, {"n": 3}, 0, "no number changed"),
        ({"n": 10.3}, {"n": 9.2}, 1.1, "n went from 10.3 to 9.2"),
        (7, 4, 3, " went from 7 to 4"),
        ({"a": {"b": [{"n": 1}, {"n": 2}]}}, {"a": {"b": [{"n": 1}, {"n": 0}]}}, 2, "a.b.1.n went from 2 to 0"),
        ({"n": 3, "at": "12:00"}, {"n": 2, "at": "12:01"}, 1, "n went from 3 to 2"),
        ({"n": 3, "is_low": False}, {"n": 2, "is_low": True}, 1, "n went from 3 to 2"),
        ({"n": 3, "old": 1}, {"n": 2, "new": 1}, 1, "n went from 3 to 2"),
        ({"n": 3, "used": 0}, {"n": 2, "used": 1}, None, "n went from 3 to 2, used went from 0 to 1"),
        ({"n": 3}, {"n": None}, 0, "no number changed"),
        ("a", "b", 0, "no number changed"),
    ],
)
def test_what_is_spent_is_by_how_much_the_one_number_fell(
    before: object, after: object, spent: float | None, said: str
) -> None:
    seen = observe(KIND, Http(Shop(before, after)), post=URL, times=1, around="http://h/credits")

    assert seen.values["spent"] == spent
    assert seen.told == f"POST http://h/x, sent once: 1 x 201. Of http://h/credits, {said}."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"times": 1}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
        ({"post": URL}, ["concurrent: times is missing."]),
        ({"post": URL, "times": 0}, ["times: give a number from 1 to 1000."]),
        ({"post": URL, "times": 1001}, ["times: give a number from 1 to 1000."]),
        ({"post": URL, "times": 1, "ok": ["fine"]}, ["ok: give statuses, which are numbers from 100 to 599."]),
        (
            {"post": URL, "times": 1, "around": "credits"},
            ["around: get: begin the address with / or with http:// or https:// and a host."],
        ),
        ({"post": URL, "times": 1000, "around": "${url}", "ok": "${ok}"}, []),
        ({"post": URL, "times": "${n}"}, []),
    ],
)
def test_absurd_options_are_told(options: dict[str, Any], told: list[str]) -> None:
    assert problems(KIND, **options) == told


def test_check_reads_if_its_request_does() -> None:
    assert KIND.only_reads({"get": URL})
    assert not KIND.only_reads({"post": URL})
