# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.cors import Cors
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved
from tests.unit.smoke.application import WORLD, Answer, Asked, application
from tests.unit.smoke.on_host import observed, problems

GOOD, EVIL = "https://app.example.com", "https://evil.example"

JSON = {"post": "/chat", "json": {"query": "test"}}


def letting(
    *origins: str, methods: str = "GET,POST", headers: str = "Content-Type", preflight: int = 204, status: int = 200
) -> Callable[[Asked], Answer]:
    """An application that lets in these origins, each by its name, or all with *."""

    def answer(asked: Asked) -> Answer:
        origin = asked.headers.get("origin")
        said = {"Access-Control-Allow-Origin": origin} if origin in origins else {}
        if "*" in origins:
            said = {"Access-Control-Allow-Origin": "*"}
        if asked.method == "OPTIONS":
            said.update({"Access-Control-Allow-Methods": methods, "Access-Control-Allow-Headers": headers})
            return Answer(preflight, headers=said)
        return Answer(status, "said", headers=said)

    return answer


def looked(
    answer: Callable[[Asked], Answer], argument: object, **setting: dict[str, str]
) -> tuple[Observed, list[Asked]]:
    with application(answer) as app:
        seen = observed(Cors(), argument, setting=Setting(app.url, **setting), world=WORLD)  # type: ignore[arg-type] # headers
    told = seen.told.replace(app.url, "http://app")
    return Observed(seen.values, told), app.asked


def test_right_origins_are_let_in_and_wrong_ones_are_not() -> None:
    seen, asked = looked(letting(GOOD), {**JSON, "allow": GOOD, "deny": EVIL}, headers={"X-Token": "hunter2"})

    assert seen.values["leaked"] is False
    assert seen.values["statuses"] == {
        GOOD: {"preflight": 204, "request": 200},
        EVIL: {"preflight": 204, "request": 200},
    }
    preflight, request, *_rest = asked
    sent = {name: value for name, value in preflight.headers.items() if name.startswith(("origin", "access", "x-"))}
    assert (preflight.method, preflight.body, sent) == (
        "OPTIONS",
        b"",
        {
            "origin": GOOD,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-token",
        },
    )
    assert (request.method, request.json) == ("POST", {"query": "test"})
    assert (request.headers["origin"], request.headers["x-token"]) == (GOOD, "hunter2")


NO_PREFLIGHT = f"OPTIONS http://app/chat with Origin: {GOOD} answered"
ALLOWS = f"access-control-allow-origin: {GOOD}, access-control-allow-methods: GET,POST, access-control-allow-headers:"


@pytest.mark.parametrize(
    ("argument", "answer", "told"),
    [
        (JSON, letting(GOOD), None),
        (JSON, letting("*"), None),
        (JSON, letting(GOOD, methods="*", headers="*"), None),
        (JSON, letting(GOOD, methods="", headers="X-A, content-type"), None),
        ({"put": "/chat", "json": 1}, letting(GOOD, methods="get, put"), None),
        ({"put": "/chat", "json": 1}, letting(GOOD, methods="*"), None),
        # A browser does not ask before these.
        ({"get": "/chat"}, letting(GOOD, preflight=404), None),
        ({"post": "/chat", "form": {"a": 1}, "headers": {"Accept": "a/b"}}, letting(GOOD, preflight=404), None),
        ({"post": "/chat", "body": "a"}, letting(GOOD, headers="", preflight=405), None),
        (
            {"post": "/chat", "body": "a", "headers": {"Content-Type": "Text/Plain ; charset=x"}},
            letting(GOOD, preflight=404),
            None,
        ),
        (JSON, letting(GOOD, preflight=300), f"{NO_PREFLIGHT} 300 with {ALLOWS} Content-Type"),
        (JSON, letting(GOOD, preflight=404), f"{NO_PREFLIGHT} 404 with {ALLOWS} Content-Type"),
        (JSON, letting(GOOD, headers="X-A"), f"{NO_PREFLIGHT} 204 with {ALLOWS} X-A"),
        (
            {"delete": "/chat"},
            letting(GOOD),
            f"{NO_PREFLIGHT} 204 with {ALLOWS} Content-Type",
        ),
        (
            {"get": "/chat", "headers": {"Authorization": "t"}},
            letting(GOOD, headers="*"),
            f"{NO_PREFLIGHT} 204 with {ALLOWS} *",
        ),
        (
            {"get": "/chat"},
            letting(EVIL),
            f"GET http://app/chat with Origin: {GOOD} answered 200 with no header that lets anybody in",
        ),
        (
            {"get": "/chat"},
            lambda asked: Answer(headers={"Access-Control-Allow-Origin": f"{GOOD}/"}),
            f"GET http://app/chat with Origin: {GOOD} answered 200 with access-control-allow-origin: {GOOD}/",
        ),
    ],
)
def test_origin_is_let_in_as_a_browser_would(
    argument: dict[str, object], answer: Callable[[Asked], Answer], told: str | None
) -> None:
    seen, _asked = looked(answer, {**argument, "allow": [GOOD]})

    assert (seen.values["allowed"], seen.values["leaked"]) == (told is None, False)
    assert told is None or seen.told == told


def only(method: str) -> Callable[[Asked], Answer]:
    return lambda asked: letting(EVIL)(asked) if asked.method == method else Answer()


@pytest.mark.parametrize(
    ("answer", "leaked", "told"),
    [
        (letting(GOOD), False, f"OPTIONS http://app/chat with Origin: {EVIL} answered 204 with"),
        (letting(EVIL), True, f"OPTIONS http://app/chat with Origin: {EVIL} answered 204 with"),
        (letting("*"), True, f"OPTIONS http://app/chat with Origin: {EVIL} answered 204 with"),
        (
            only("GET"),
            True,
            f"GET http://app/chat with Origin: {EVIL} answered 200 with access-control-allow-origin: {EVIL}",
        ),
        (only("OPTIONS"), True, f"OPTIONS http://app/chat with Origin: {EVIL} answered 204 with"),
        # As the package cors does if a function of one's own refuses.
        (lambda asked: Answer(500 if "origin" in asked.headers else 200), False, "OPTIONS http://app/chat with"),
    ],
)
def test_wrong_origin_is_not_let_in(answer: Callable[[Asked], Answer], leaked: bool, told: str) -> None:
    seen, _asked = looked(answer, {"get": "/chat", "deny": EVIL})

    assert (seen.values["allowed"], seen.values["leaked"]) == (True, leaked)
    assert seen.told.startswith(told)


@pytest.mark.parametrize("status", [500, 502])
def test_server_that_fails_for_everybody_proves_nothing(status: int) -> None:
    with pytest.raises(Unobserved) as caught:
        looked(lambda asked: Answer(status, "broken"), {"get": "/chat", "deny": EVIL})

    assert "Without an origin, GET http://127.0.0.1:" in caught.value.message
    assert caught.value.message.endswith(f"/chat answered {status}: broken")


def test_silence_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(HttpError) as caught:
        observed(Cors(), {"get": "/a", "allow": GOOD}, setting=Setting(url), world=WORLD)

    assert caught.value.message == f"OPTIONS {url}/a had no answer: nothing listens there."


WRONG = "an origin is a scheme and a host alone, such as https://app.example.com."


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({"get": "/", "allow": [GOOD, "http://localhost:3000", "null", "${origin}"]}, []),
        ({"get": "/", "deny": "${origins}"}, []),
        ({"get": "/"}, ["Give an origin in allow, in deny, or in both."]),
        ({"get": "/", "allow": [], "deny": []}, ["Give an origin in allow, in deny, or in both."]),
        ({"get": "/", "allow": f"{GOOD}/", "deny": ["evil.example", 1]}, [f"allow: {WRONG}", *[f"deny: {WRONG}"] * 2]),
        ({"deny": EVIL}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
    ],
)
def test_wrong_options_are_told(argument: object, told: list[str]) -> None:
    assert problems(Cors(), argument) == told


def test_what_a_suite_needs_to_know() -> None:
    kind = Cors()

    assert kind.default({}) == {"allowed": True, "leaked": False}
    assert [kind.only_reads({verb: "/"}) for verb in ("get", "post")] == [True, False]
    assert (kind.name, kind.shorthand, kind.is_each, kind.is_alone) == ("cors", "get", False, False)
