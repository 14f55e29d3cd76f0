# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.load import Load, percentile
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Trust
from tests.unit.smoke.shooting import URL, Http, answer, in_turn, observe, problems

KIND: Kind = Load()


def test_kind_is_described() -> None:
    assert (KIND.name, KIND.shorthand, KIND.is_each, KIND.is_alone) == ("load", "get", False, True)
    assert "follow" not in KIND.options
    assert KIND.default({}) == {"errors": 0}


def test_load_without_errors_is_measured() -> None:
    times = iter(range(100, 0, -1))
    http = Http(lambda _request: replace(answer(200), ms=float(next(times))))

    seen = observe(KIND, http, get=URL)

    assert seen.values == {
        "rps": 200.0,
        "p50": 50.0,
        "p95": 95.0,
        "p99": 99.0,
        "max": 100.0,
        "errors": 0,
        "error_rate": 0.0,
        "statuses": {"200": 100},
        "seconds": 0.5,
    }
    assert seen.told == (
        "GET http://h/x, sent 100 times: 100 x 200. 200 in a second, p50 50 ms, p95 95 ms, p99 99 ms, max 100 ms."
    )
    [(requests, how)] = http.volleys
    assert requests == [Request("GET", URL)] * 100
    # So that it is written once.
    assert len({id(request) for request in requests}) == 1
    assert how == {"at_most": 10, "at_once": False, "timeout": 10, "trust": Trust()}


def test_load_with_errors_is_told() -> None:
    http = Http(in_turn(answer(302), answer(200), "timeout", answer(404), answer(502), "refused", answer(502)))

    seen = observe(KIND, http, get=URL, requests=8)

    assert (seen.values["errors"], seen.values["error_rate"]) == (6, 0.75)
    assert seen.values["statuses"] == {"502": 3, "302": 1, "200": 1, "timeout": 1, "404": 1, "refused": 1}
    # Of what was answered, which those that were not are no part of.
    assert (seen.values["rps"], seen.values["max"]) == (12.0, 5.0)
    assert seen.told == (
        "GET http://h/x, sent 8 times: 3 x 502, 1 x 302, 1 x 200, 1 x timeout, 1 x 404, 1 x refused."
        " 12 in a second, p50 5 ms, p95 5 ms, p99 5 ms, max 5 ms."
    )


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("dns", "its host name is not known to the DNS. Correct the address."),
        ("refused", "nothing listens there. Start the server, or correct the address."),
        ("timeout", "none came in whole in time. Look whether the server hangs, or give a longer timeout."),
        (
            "certificate",
            "TLS is not spoken there, or its certificate is not trusted. Correct the address, or give its ca.",
        ),
        ("connection", "the connections broke off. Look into the log of the server."),
    ],
)
def test_load_that_nobody_answers_is_not_observed(reason: str, said: str) -> None:
    with pytest.raises(Unobserved) as caught:
        observe(KIND, Http(in_turn("dns", reason)), get="http://ada:hunter2@h/x?hunter2", requests=3)

    assert caught.value.message == f"GET http://h/x, sent 3 times, had no answer: {said}"


def test_statuses_that_are_no_errors_can_be_given() -> None:
    http = Http(in_turn(answer(200), answer(429), answer(302)))

    assert observe(KIND, http, get=URL, requests=5, ok=[200, "429"]).values["errors"] == 3
    assert observe(KIND, Http(in_turn(answer(429))), get=URL, ok=429).values["errors"] == 0


@pytest.mark.parametrize(("status", "errors"), [(199, 1), (200, 0), (299, 0), (301, 0), (399, 0), (400, 1), (500, 1)])
def test_answer_and_redirect_are_no_errors(status: int, errors: int) -> None:
    assert observe(KIND, Http(in_turn(answer(status))), get=URL, requests=1).values["errors"] == errors


def test_warm_up_is_not_counted() -> None:
    answers: list[Response | str] = [answer(500)] * 7
    http = Http(in_turn(*answers, answer(200)))

    seen = observe(KIND, http, get=URL, requests=20, warm_up=7, concurrency=3)

    assert seen.values["statuses"] == {"200": 20}
    assert [(len(requests), how["at_most"]) for requests, how in http.volleys] == [(7, 3), (20, 3)]


def test_request_is_that_of_the_options() -> None:
    http = Http(in_turn(answer(200)))
    setting = Setting(base_url="http://h", headers={"Authorization": "x"}, trust=Trust(ca="/ca"), timeout=7)

    observe(KIND, http, setting, post="/chat", json={"a": 1}, requests=1)
    observe(KIND, http, setting, post="/chat", body="b", timeout="500ms", requests=1)

    (([first], usual), ([second], own)) = http.volleys
    assert (first.method, first.url, first.body) == ("POST", "http://h/chat", b'{"a": 1}')
    assert first.headers["Authorization"] == "x"
    assert second.body == b"b"
    assert (usual["timeout"], own["timeout"], own["trust"]) == (7, 0.5, Trust(ca="/ca"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
        ({"get": URL, "requests": 0}, ["requests: give a number from 1 to 100000."]),
        ({"get": URL, "requests": 100_001}, ["requests: give a number from 1 to 100000."]),
        ({"get": URL, "concurrency": 0}, ["concurrency: give a number from 1 to 1000."]),
        ({"get": URL, "concurrency": 1001}, ["concurrency: give a number from 1 to 1000."]),
        ({"get": URL, "warm_up": 100_001}, ["warm_up: give a number from 0 to 100000."]),
        ({"get": URL, "ok": ["fine"]}, ["ok: give statuses, which are numbers from 100 to 599."]),
        ({"get": URL, "ok": [200, 99]}, ["ok: give statuses, which are numbers from 100 to 599."]),
        ({"get": URL, "ok": 600}, ["ok: give statuses, which are numbers from 100 to 599."]),
        ({"get": URL, "ok": [100, "599", "${status}"], "requests": "${n}", "concurrency": "${n}"}, []),
        ({"get": URL, "ok": "${statuses}", "requests": 100_000, "concurrency": 1000, "warm_up": "${n}"}, []),
    ],
)
def test_absurd_options_are_told(options: dict[str, Any], told: list[str]) -> None:
    assert problems(KIND, **options) == told


def test_load_reads_if_its_request_does() -> None:
    assert KIND.only_reads({"get": URL})
    assert not KIND.only_reads({"post": URL})


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        # The example that is usual for the nearest rank.
        ([15, 20, 35, 40, 50], 30, 20),
        ([15, 20, 35, 40, 50], 40, 20),
        ([15, 20, 35, 40, 50], 50, 35),
        ([15, 20, 35, 40, 50], 100, 50),
        ([15, 20, 35, 40, 50], 1, 15),
        ([7], 50, 7),
        ([7], 95, 7),
        (list(range(1, 101)), 95, 95),
        (list(range(1, 102)), 95, 96),
        (list(range(1, 21)), 95, 19),
        (list(range(1, 20)), 95, 19),
        # As floating point numbers 7 % of 100 is a little more than 7.
        (list(range(1, 101)), 7, 7),
    ],
)
def test_percentile_is_the_nearest_rank(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected
