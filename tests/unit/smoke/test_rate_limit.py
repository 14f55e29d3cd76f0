# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.rate_limit import RateLimit
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Trust
from tests.unit.smoke.shooting import URL, Http, answer, in_turn, observe, problems

KIND: Kind = RateLimit()


class Limiter:
    """Lets so many through, by what headers say of the client or for all together."""

    def __init__(self, limit: int, *, believes: str | None = None, retry_after: str = "42") -> None:
        self._limit = limit
        self._believes = believes
        self._retry_after = retry_after
        self._counts: dict[str | None, int] = {}

    def __call__(self, request: Request) -> Response:
        client = request.headers.get(self._believes) if self._believes else None
        self._counts[client] = self._counts.get(client, 0) + 1
        if self._counts[client] > self._limit:
            return answer(429, b"slow down", retry_after=self._retry_after)
        return answer(200)


def test_kind_is_described() -> None:
    assert (KIND.name, KIND.shorthand, KIND.is_each, KIND.is_alone) == ("rate_limit", "get", False, True)
    assert "follow" not in KIND.options
    assert KIND.default({}) == {"ok": {"ge": 1}, "limited": {"ge": 1}}


def test_limit_is_seen() -> None:
    http = Http(Limiter(30))

    seen = observe(KIND, http, get=URL, limit=30)

    assert seen.values == {
        "sent": 36,
        "ok": 30,
        "limited": 6,
        "first": 200,
        "waited": 0.0,
        "spoof_ok": None,
        "retry_after": 42,
        "statuses": {"200": 30, "429": 6},
    }
    assert seen.told == "GET http://h/x, sent 36 times: 30 x 200, 6 x 429."
    [(requests, how)] = http.volleys
    assert requests == [Request("GET", URL)] * 35
    assert how == {"at_most": 10, "at_once": False, "timeout": 10, "trust": Trust()}
    assert http.asked == [(Request("GET", URL), False, 10)]
    assert http.pauses == []


def test_missing_limit_is_seen() -> None:
    seen = observe(KIND, Http(in_turn(answer(200))), get=URL, limit=30, spoof=True)

    assert (seen.values["ok"], seen.values["limited"], seen.values["retry_after"]) == (36, 0, None)
    # So that who expects nothing but spoof_ok: 0 is not told that all is well.
    assert seen.values["spoof_ok"] == 5


def test_other_answers_are_neither_let_through_nor_limited() -> None:
    server = in_turn(answer(302), answer(500), answer(503, retry_after="9"), "timeout", answer(404), answer(399))

    values = observe(KIND, Http(server), get=URL, limit=4, extra=1).values

    assert (values["sent"], values["ok"], values["limited"], values["retry_after"]) == (6, 2, 0, None)
    assert values["statuses"] == {"500": 1, "503": 1, "timeout": 1, "404": 1, "399": 1, "302": 1}


def test_limiter_that_has_just_refused_others_is_waited_for() -> None:
    server = in_turn(answer(429, retry_after="7"), answer(200), answer(200), answer(429, retry_after="60"))
    http = Http(server)

    values = observe(KIND, http, get=URL, limit=1, extra=2).values

    assert http.pauses == [8]
    assert values["waited"] == 8
    assert values["statuses"] == {"429": 2, "200": 2}
    assert (values["ok"], values["limited"], values["first"], values["retry_after"]) == (2, 2, 200, 60)


@pytest.mark.parametrize(
    ("response", "waited"),
    [
        (answer(429), 31),
        (answer(503), 31),
        (answer(429, retry_after="86400"), 31),
        (answer(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), 31),
        (answer(503, retry_after="0"), 1),
    ],
)
def test_limiter_is_waited_for_as_long_as_it_says_but_no_longer_than_its_window(
    response: Response, waited: float
) -> None:
    http = Http(in_turn(response, answer(200), answer(429)))

    assert observe(KIND, http, get=URL, limit=1, window="30s").values["waited"] == waited
    assert http.pauses == [waited]


def test_service_that_stays_limited_proves_nothing() -> None:
    http = Http(in_turn(answer(429, b'{"error": "slow down"}')))

    with pytest.raises(Unobserved) as caught:
        observe(KIND, http, post=URL, json={"query": "hunter2"}, limit=30)

    assert caught.value.message == (
        "A limit shows only after a request that is let through, and already the first after 61 s was not:"
        ' POST http://h/x answered 429: {"error": "slow down"}'
    )
    assert len(http.asked) == 2
    assert http.volleys == []


@pytest.mark.parametrize("status", [199, 400, 401, 404, 500])
def test_first_answer_must_be_a_good_one(status: int) -> None:
    http = Http(in_turn(answer(status)))

    with pytest.raises(Unobserved) as caught:
        observe(KIND, http, get=URL, limit=30)

    assert caught.value.message == (
        "A limit shows only after a request that is let through, and already the first was not:"
        f" GET http://h/x answered {status} without a body."
    )
    assert (http.pauses, http.volleys) == ([], [])


def test_server_that_does_not_answer_is_told() -> None:
    class Down(Http):
        def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
            raise HttpError(f"{request} had no answer: nothing listens there.", reason="refused")

    with pytest.raises(HttpError) as caught:
        observe(KIND, Down(in_turn("refused")), get=URL, limit=30)

    assert caught.value.message == "GET http://h/x had no answer: nothing listens there."


def test_server_that_falls_over_is_told() -> None:
    with pytest.raises(Unobserved) as caught:
        observe(KIND, Http(in_turn(answer(200), "connection")), get=URL, limit=1)

    assert caught.value.message == (
        "GET http://h/x, sent 6 times, had no answer: the connections broke off. Look into the log of the server."
    )


def test_longest_retry_after_is_told() -> None:
    refusals = [answer(429, retry_after=after) for after in ("3", "21", "soon", "20")]

    assert observe(KIND, Http(in_turn(answer(200), *refusals)), get=URL, limit=1).values["retry_after"] == 21


def test_limiter_that_is_not_fooled_lets_nothing_through() -> None:
    http = Http(Limiter(3))

    seen = observe(KIND, http, get=URL, limit=3, extra=2, spoof=True)

    assert seen.values["spoof_ok"] == 0
    # The numbers are those from before.
    assert (seen.values["sent"], seen.values["ok"], seen.values["limited"]) == (6, 3, 3)
    assert seen.told == (
        "GET http://h/x, sent 6 times: 3 x 200, 3 x 429. Of 2 more, whose headers name other clients, 0 got through."
    )


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP"),
        "Forwarded",
    ],
)
def test_limiter_that_believes_a_header_is_found_out(header: str) -> None:
    http = Http(Limiter(1, believes=header))

    assert observe(KIND, http, get=URL, limit=1, extra=600, spoof=True).values["spoof_ok"] == 600


def test_spoofed_requests_are_otherwise_the_same() -> None:
    http = Http(in_turn(answer(200)))
    setting = Setting(headers={"Authorization": "x"}, timeout=3)

    observe(
        KIND, http, setting, post=URL, body="b", headers={"x-forwarded-for": "1.2.3.4"}, limit=1, extra=2, spoof=True
    )

    (burst, how), (spoofed, how_spoofed) = http.volleys
    assert burst[0].headers["x-forwarded-for"] == "1.2.3.4"
    assert how == how_spoofed
    assert [(request.method, request.url, request.body) for request in spoofed] == [("POST", URL, b"b")] * 2
    for number, request in enumerate(spoofed, 1):
        assert request.headers["Authorization"] == "x"
        assert "x-forwarded-for" not in request.headers
        assert request.headers["X-Forwarded-For"] == f"198.18.0.{number}"
        assert request.headers["Forwarded"] == f"for=198.18.0.{number}"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"limit": 1}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
        ({"get": URL}, ["rate_limit: limit is missing."]),
        ({"get": URL, "limit": 0}, ["limit: give a number from 1 to 100000."]),
        ({"get": URL, "limit": 100_001}, ["limit: give a number from 1 to 100000."]),
        ({"get": URL, "limit": 1, "extra": 0}, ["extra: give a number from 1 to 100000."]),
        ({"get": URL, "limit": 1, "concurrency": 0}, ["concurrency: give a number from 1 to 1000."]),
        (
            {"get": URL, "limit": 1, "window": "soon"},
            ["rate_limit.window: this is no span of time such as 500ms, 60s or 15m."],
        ),
        ({"get": URL, "limit": "${n}", "extra": "${n}", "concurrency": "${n}", "window": "${n}"}, []),
    ],
)
def test_absurd_options_are_told(options: dict[str, Any], told: list[str]) -> None:
    assert problems(KIND, **options) == told


def test_check_never_only_reads() -> None:
    assert not KIND.only_reads({"get": URL})
