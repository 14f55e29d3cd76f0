# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html
import json
import socket
from collections.abc import Callable
from urllib.parse import unquote

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.sanitize import Sanitize
from tests.unit.smoke.application import WORLD, Answer, Asked, application
from tests.unit.smoke.on_host import observed, problems

EVIL = "<b onload=\"x('1')\">&"


def looked(answer: Callable[[Asked], Answer], argument: object) -> tuple[Observed, list[Asked]]:
    with application(answer) as app:
        seen = observed(Sanitize(), argument, setting=Setting(app.url), world=WORLD)
    return Observed(seen.values, seen.told.replace(app.url, "http://app")), app.asked


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"json": {"a": {"b": ["${payload}", 1, "x${payload}"]}}}, lambda asked: asked.json["a"]["b"][2] == f"x{EVIL}"),
        ({"body": "<p>${payload}</p>"}, lambda asked: asked.body.decode() == f"<p>{EVIL}</p>"),
        ({"form": {"a": "${payload}"}}, lambda asked: unquote(asked.body.decode()).replace("+", " ") == f"a={EVIL}"),
        (
            {"query": {"a": "${payload}"}},
            lambda asked: unquote(asked.target) == f"/x?a={EVIL}" and asked.target.count("&") == 0,
        ),
        ({"headers": {"X-A": "${payload}"}}, lambda asked: asked.headers["x-a"] == EVIL),
    ],
)
def test_payload_goes_where_it_is_wanted(given: dict[str, object], sent: Callable[[Asked], bool]) -> None:
    seen, asked = looked(lambda asked: Answer(400, "no"), {"post": "/x", **given, "payloads": [EVIL]})

    assert seen.values == {"reflected": [], "statuses": [400]}
    assert seen.told == "POST http://app/x answered 400: no"
    assert [sent(one) for one in asked] == [True]


def test_payload_in_the_address_is_quoted() -> None:
    _seen, asked = looked(lambda asked: Answer(404), {"get": "/x/${payload}/y", "payloads": "a/b?c#<d>"})

    assert [one.target for one in asked] == ["/x/a%2Fb%3Fc%23%3Cd%3E/y"]


def echo(change: Callable[[str], object]) -> Callable[[Asked], Answer]:
    return lambda asked: Answer(body=change(asked.json["name"]))


@pytest.mark.parametrize(
    ("change", "is_reflected"),
    [
        (lambda text: f"<p>{text}</p>", True),
        (lambda text: {"error": [{"value": f"no {text}"}]}, True),
        # To a page this is the same.
        (lambda text: json.dumps({"a": text}).replace("<", "\\u003c"), True),
        (lambda text: {"name": html.escape(text)}, False),
        (lambda text: {"name": text.replace("<", "").replace(">", "")}, False),
        (lambda text: {"length": len(text), "none": None}, False),
        (lambda text: "", False),
    ],
)
def test_payload_that_comes_back_is_seen(change: Callable[[str], object], is_reflected: bool) -> None:
    seen, asked = looked(echo(change), {"post": "/x", "json": {"name": "${payload}"}})

    sent = [one.json["name"] for one in asked]
    assert len(set(sent)) == 5
    assert all("<" in payload for payload in sent)
    assert seen.values == {"reflected": sent if is_reflected else [], "statuses": [200] * 5}


def test_first_that_comes_back_is_told() -> None:
    seen, _asked = looked(
        echo(lambda text: text if "2" in text else "clean"),
        {"post": "/x", "json": {"name": "${payload}"}, "payloads": ["<1>", "<2>", "<22>", "<3>"]},
    )

    assert seen.values == {"reflected": ["<2>", "<22>"], "statuses": [200] * 4}
    assert seen.told == "POST http://app/x answered 200: <2>"


@pytest.mark.parametrize("status", [401, 404, 405, 429, 500, 502])
def test_answer_of_nobody_who_has_looked_proves_nothing(status: int) -> None:
    with pytest.raises(Unobserved) as caught:
        looked(lambda asked: Answer(status, "no"), {"post": "/x", "json": ["${payload}"]})

    said = f"/x answered {status}: no. This does not tell what becomes of markup."
    assert caught.value.message.startswith("POST http://127.0.0.1:")
    assert caught.value.message.endswith(said)


def test_page_that_is_not_found_tells_what_becomes_of_an_address() -> None:
    seen, _asked = looked(
        lambda asked: Answer(404, f"Cannot GET {unquote(asked.target)}"), {"get": "/x/${payload}", "payloads": ["<b>"]}
    )

    assert seen.values == {"reflected": ["<b>"], "statuses": [404]}


def test_silence_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(HttpError) as caught:
        observed(Sanitize(), {"get": "/a", "query": {"a": "${payload}"}}, setting=Setting(url), world=WORLD)

    assert caught.value.message == f"GET {url}/a had no answer: nothing listens there."


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({"get": "/${payload}"}, []),
        ({"post": "/", "json": "${payload}", "payloads": "${list}"}, []),
        ("/x", ["${payload} is missing: it stands in the request where the payloads are to go."]),
        ({"get": "/${payload}", "payloads": []}, ["payloads: give at least one, and each as text."]),
        ({"get": "/${payload}", "payloads": ["a", 1]}, ["payloads: give at least one, and each as text."]),
        ({"get": "/${payload}", "payloads": [""]}, ["payloads: give at least one, and each as text."]),
        ({"json": "${payload}"}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
    ],
)
def test_wrong_options_are_told(argument: object, told: list[str]) -> None:
    assert problems(Sanitize(), argument) == told


def test_what_a_suite_needs_to_know() -> None:
    kind = Sanitize()

    assert kind.default({}) == {"reflected": []}
    assert [kind.only_reads({verb: "/"}) for verb in ("get", "post")] == [True, False]
    assert (kind.name, kind.shorthand, kind.is_each, kind.is_alone) == ("sanitize", "get", False, False)
