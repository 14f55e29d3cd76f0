# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_client import Client
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response
from tests.unit.credentials.fake_api import URL, answer

SECRET = "k3y-canary-0123456789"


class Saying:
    """Says one thing to whatever it is asked."""

    def __init__(self, said: Response | HttpError) -> None:
        self.said = said
        self.asked: list[tuple[Request, float]] = []

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        assert not follows
        self.asked.append((request, timeout))
        if isinstance(self.said, HttpError):
            raise self.said
        return self.said


def client(session: Saying, headers: dict[str, str] | None = None) -> Client:
    given = {"Authorization": f"Bearer {SECRET}"} if headers is None else headers
    return Client(session, headers=given, timeout=3, secrets=[SECRET, "canary", ""])


def refusal(said: Response | HttpError, method: str = "GET", headers: dict[str, str] | None = None) -> str:
    with pytest.raises(ShipshapeError) as told:
        client(Saying(said), headers).ask(method, f"{URL}?tenant=t0ken")
    assert "t0ken" not in told.value.message
    assert "canary" not in told.value.message
    return told.value.message


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_request_is_sent_as_json_with_the_identity(status: int) -> None:
    session = Saying(answer("", status))

    assert client(session, {"X-Key": SECRET, "accept": "a/b"}).ask("PUT", URL, {"priority": 10}).status == status

    (request, timeout), *others = session.asked
    assert (request.method, request.url, request.body, timeout, others) == ("PUT", URL, b'{"priority": 10}', 3, [])
    assert request.headers["X-Key"] == SECRET
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("said", "method", "words"),
    [
        (answer("", 401), "GET", "was answered with 401: the identity in api is not accepted."),
        (answer("", 403), "PUT", "was answered with 403: the identity in api may not do this."),
        (answer("no", 404), "GET", "404: no. Give the address of the collection in api.url."),
        (answer("", 404), "POST", "takes no new ones there"),
        (answer("", 404), "PUT", "Either the credential is gone by now"),
        (answer("", 404), "DELETE", "Either the credential is gone by now"),
        (answer("", 405), "PATCH", "api.update_method"),
        (answer("", 500), "GET", f"GET {URL} was answered with 500: it says nothing more."),
        (answer({"error": "no such column"}, 500), "PUT", '500: {"error": "no such column"}.'),
        (Response(500, {}, b"\xff down"), "GET", "500: � down."),
        (answer("no", 199), "GET", "199: no."),
        (answer("", 300), "GET", f"300, which leads to {URL}. That"),
        (answer("", 399), "GET", f"399, which leads to {URL}. That"),
        (answer("no", 400), "PUT", "400: no."),
        (answer("a\n  b\x00\x1b[31m", 422), "POST", "422: a b[31m."),
        (
            answer("", 302, {"location": "/login?next=t0ken"}),
            "GET",
            "302, which leads to http://localhost:4000/login. That",
        ),
        (
            answer("", 301, {"location": "https://a:t0ken@b.example/x"}),
            "GET",
            "which leads to https://b.example/x. That",
        ),
        (answer("", 307, {"location": "http://[t0ken"}), "GET", "which leads to no valid URL."),
    ],
)
def test_refusal_is_a_sentence(said: Response, method: str, words: str) -> None:
    told = refusal(said, method)

    assert told.startswith(f"{method} {URL} was answered with ")
    assert words in told


@pytest.mark.parametrize("status", [401, 403])
def test_missing_identity_is_told(status: int) -> None:
    assert "Give bearer, basic or headers in api." in refusal(answer("", status), headers={})


@pytest.mark.parametrize(
    "said",
    [
        f"Invalid key {SECRET} given",
        json.dumps({"sent": {"apiKey": SECRET, "x": "canary"}}),
        f"{'x' * 195}{SECRET}",
        f"{'x' * 180}{SECRET}",
    ],
)
def test_secret_is_masked_before_the_body_is_cut(said: str) -> None:
    told = refusal(answer(said, 500))

    assert "k3y" not in told
    assert "********"[:4] in told


@pytest.mark.parametrize(("length", "is_cut"), [(200, False), (201, True)])
def test_long_body_is_cut(length: int, is_cut: bool) -> None:
    told = refusal(answer("x" * length, 500))

    assert told.count("x") == 200
    assert told.endswith("…" if is_cut else "x.")


def test_what_is_learned_to_be_secret_is_masked_too() -> None:
    session = Saying(answer('was an\\"other-key once', 500))
    asking = client(session)
    asking.conceal(['an"other-key'])

    with pytest.raises(ShipshapeError) as told:
        asking.ask("GET", URL)

    assert told.value.message.endswith("500: was ******** once.")


@pytest.mark.parametrize(
    ("method", "reason", "is_unknown"),
    [
        ("PUT", "timeout", True),
        ("POST", "connection", True),
        ("PUT", "refused", False),
        ("POST", "dns", False),
        ("DELETE", "certificate", False),
        ("GET", "timeout", False),
    ],
)
def test_change_without_an_answer_may_be_done(method: str, reason: str, is_unknown: bool) -> None:
    error = HttpError("None came.", reason=reason)

    told = refusal(error, method)

    assert ("Whether it was carried out nevertheless is not known." in told) is is_unknown
    assert error.details.get("changed", False) is is_unknown
