# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.http_check import HttpCheck
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved
from tests.unit.smoke.application import WORLD, Answer, Asked, application
from tests.unit.smoke.on_host import observed, problems


def answer(asked: Asked) -> Answer:
    if asked.target == "/health":
        return Answer(body={"status": "ok"}, headers={"Content-Type": "application/json", "X-Kind": "a"})
    if asked.target == "/old":
        return Answer(301, headers={"Location": "/health"})
    return Answer(401 if "authorization" not in asked.headers else 404, {"error": "no such page"})


def looked(argument: object, setting: Setting) -> Observed:
    return observed(HttpCheck(), argument, setting=setting, world=WORLD)


def test_answer_is_observed() -> None:
    with application(answer) as app:
        seen = looked("/health", Setting(app.url))

    headers, ms = seen.values["headers"], seen.values["ms"]
    assert (headers["content-type"], headers["x-kind"]) == ("application/json", "a")
    assert 0 < ms < 5000
    assert seen.values == {
        "status": 200,
        "ms": ms,
        "headers": headers,
        "json": {"status": "ok"},
        "body": '{"status": "ok"}',
        "url": f"{app.url}/health",
    }
    assert seen.told == f'GET {app.url}/health answered 200: {{"status": "ok"}}'


def test_failure_is_observed_as_well() -> None:
    with application(answer) as app:
        seen = looked(
            {"post": "/none", "json": {"password": "hunter2"}}, Setting(app.url, headers={"Authorization": "t"})
        )

    assert (seen.values["status"], seen.values["json"]) == (404, {"error": "no such page"})
    assert seen.told == f'POST {app.url}/none answered 404: {{"error": "no such page"}}'
    assert (app.asked[0].json, app.asked[0].headers["content-type"]) == ({"password": "hunter2"}, "application/json")


@pytest.mark.parametrize(("follow", "status", "path"), [(False, 301, "/old"), (True, 200, "/health")])
def test_redirect_is_followed_only_if_asked_for(follow: bool, status: int, path: str) -> None:
    with application(answer) as app:
        seen = looked({"get": "/old", "follow": follow}, Setting(app.url))

    assert (seen.values["status"], seen.values["url"]) == (status, f"{app.url}{path}")


def test_refusal_of_another_server_says_that_it_was_not_shown_the_identity() -> None:
    identity = Setting("http://app.example", headers={"Authorization": "Bearer hunter2"})
    with application(answer) as app:
        told = [looked(f"{app.url}/x", setting).told for setting in (identity, Setting("http://app.example"))]

    refusal = f'GET {app.url}/x answered 401: {{"error": "no such page"}}'
    assert told == [f"{refusal} (asked without the identity, which is shown to base_url alone)", refusal]


def test_silence_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(HttpError) as caught:
        looked(f"{url}/health?token=hunter2", Setting())

    assert caught.value.message == f"GET {url}/health had no answer: nothing listens there."


def test_path_without_a_base_is_told() -> None:
    with pytest.raises(Unobserved, match=r"^There is no address to ask"):
        looked("/health", Setting())


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("/health", []),
        ({"put": "/", "json": {}}, []),
        ({}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
        ({"get": "/", "bodi": 1}, ["check: there is no option bodi. Did you mean body?"]),
    ],
)
def test_wrong_options_are_told(argument: object, told: list[str]) -> None:
    assert problems(HttpCheck(), argument) == told


def test_what_a_suite_needs_to_know() -> None:
    kind, given = HttpCheck(), {"get": "/"}

    assert kind.default(given) == {"status": {"ge": 200, "lt": 300}}
    assert [kind.only_reads({verb: "/"}) for verb in ("get", "post")] == [True, False]
    assert kind.mark(given, Setting(), WORLD) is None  # type: ignore[func-returns-value] # as the protocol has it
    assert (kind.name, kind.shorthand, kind.is_each, kind.is_alone) == ("http", "get", True, False)
