# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import web
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._types import HttpSession, Request, Response, Trust
from tests.unit.smoke.application import WORLD, Answer, application

APP = Setting("http://app.example:3000")

NO_ADDRESS = "begin the address with / or with http:// or https:// and a host."
PLAIN = "this is not text, a number, true or false, or a list of those."


def options(**given: Any) -> dict[str, Any]:
    values, told = read(web.REQUEST_OPTIONS, given, "http")
    assert told == []
    return values


def request(setting: Setting = APP, **given: Any) -> Request:
    return web.request_of(options(**given), setting, WORLD)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"get": "/"}, []),
        ({"head": "http://app.example/x?a=1"}, []),
        ({"get": "${where}"}, []),
        ({"get": "${where}/x", "headers": "${headers}", "query": "${query}", "body_bytes": "${size}"}, []),
        ({"post": "/", "form": {"a": ["1", 2, True, None]}, "files": {"b": ["/x", "/y"]}}, []),
        ({}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
        ({"get": "/", "put": "/"}, ["Give exactly one of get, post, put, patch, delete, head, options."]),
        ({"get": "health"}, [f"get: {NO_ADDRESS}"]),
        ({"get": "localhost:3000/health"}, [f"get: {NO_ADDRESS}"]),
        ({"get": "ftp://app.example/"}, [f"get: {NO_ADDRESS}"]),
        ({"get": "http:///health"}, [f"get: {NO_ADDRESS}"]),
        ({"get": "http://app.example:port/"}, [f"get: {NO_ADDRESS}"]),
        ({"get": "http://[::1/"}, [f"get: {NO_ADDRESS}"]),
        ({"post": "/", "json": {}, "body": "x"}, ["Give only one of json, body: a request has one body."]),
        (
            {"post": "/", "form": {}, "files": {}, "body_bytes": 1},
            ["Give only one of form, files, body_bytes: a request has one body."],
        ),
        ({"get": "/", "query": {"a": {"b": 1}, "c": [[1]]}}, [f"query.a: {PLAIN}", f"query.c: {PLAIN}"]),
        ({"post": "/", "form": {"a": {}}}, [f"form.a: {PLAIN}"]),
        ({"post": "/", "files": {"a": 1}}, ["files.a: this is not a path or a list of paths."]),
        (
            {"get": "/", "headers": {"X-A": "1\r\nX-B: 2", "X-C": None, "X-D": [1], "X\nE": "1", "X-F": 1}},
            [f"headers.{name}: this is not one line of text." for name in ("X-A", "X-C", "X-D", "X\nE")],
        ),
        ({"post": "/", "body_bytes": 50_000_000}, []),
        ({"post": "/", "body_bytes": 50_000_001}, ["body_bytes: 50000000 is the most that is sent."]),
    ],
)
def test_what_is_no_request_is_told(given: dict[str, Any], told: list[str]) -> None:
    assert list(web.request_problems(options(**given))) == told


def test_what_is_no_request_is_not_sent() -> None:
    with pytest.raises(Unobserved) as caught:
        request(get="health", body="x", json={})
    assert caught.value.message == (
        "There is no request to send. get: begin the address with / or with http:// or https:// and a host. Give only"
        " one of json, body: a request has one body."
    )


WRONG_BASE = "base_url: begin it with http:// or https:// and a host, and have no ? or # in it."


@pytest.mark.parametrize(
    ("given", "base_url", "told"),
    [
        ({"get": "/x"}, "https://app.example/base/", []),
        ({"get": "http://app.example/"}, None, []),
        ({"get": "${x}"}, None, []),
        ({"get": "/x"}, None, ["/x is a path alone: give base_url, or begin it with http:// or https://."]),
        (
            {"paths": ["/x", "http://h/", "/y"], "around": "/z"},
            None,
            [
                f"{path} is a path alone: give base_url, or begin it with http:// or https://."
                for path in ("/x", "/y", "/z")
            ],
        ),
        ({"get": "/x"}, "app.example", [WRONG_BASE]),
        ({"get": "/x"}, "http://app.example/?a=1", [WRONG_BASE]),
        ({"get": "/x"}, "http://app.example/#a", [WRONG_BASE]),
        ({"get": "http://h/"}, "http://[", [WRONG_BASE]),
        ({"query": "SELECT 1"}, "app.example", []),
    ],
)
def test_path_without_a_base_is_told(given: dict[str, Any], base_url: str | None, told: list[str]) -> None:
    assert list(web.base_url_problems(given, base_url)) == told


def test_path_without_a_base_is_not_sent() -> None:
    with pytest.raises(Unobserved) as caught:
        request(Setting(), get="/health")
    assert caught.value.message == (
        "There is no address to ask. /health is a path alone: give base_url, or begin it with http:// or https://."
    )


@pytest.mark.parametrize(
    ("address", "query", "url"),
    [
        ("/health", {}, "http://app.example:3000/health"),
        ("https://other.example", {}, "https://other.example/"),
        ("http://ada:a%40b@other.example/x", {}, "http://ada:a%40b@other.example/x"),
        ("/x#part", {}, "http://app.example:3000/x"),
        ("/api/%ff", {}, "http://app.example:3000/api/%ff"),
        ("/100%/a b/é", {}, "http://app.example:3000/100%25/a%20b/%C3%A9"),
        ("/../a//b;c=1,2", {}, "http://app.example:3000/../a//b;c=1,2"),
        ("/x?a=b c&d=%20", {}, "http://app.example:3000/x?a=b%20c&d=%20"),
        ("/x", {"q": "a&b=c d/e%20", "n": 1}, "http://app.example:3000/x?q=a%26b%3Dc%20d%2Fe%2520&n=1"),
        ("/x?a=1", {"b": [1, "2", True, None]}, "http://app.example:3000/x?a=1&b=1&b=2&b=true&b="),
    ],
)
def test_address_is_joined_and_quoted(address: str, query: dict[str, Any], url: str) -> None:
    assert request(get=address, query=query).url == url


def test_base_keeps_its_path_and_its_user() -> None:
    assert request(Setting("https://u:p@app.example/base/"), get="/x").url == "https://u:p@app.example/base/x"


@pytest.mark.parametrize(
    ("base_url", "address", "is_shown"),
    [
        ("http://app.example", "/x", True),
        ("http://app.example", "http://app.example:80/x", True),
        ("http://u:p@app.example", "http://APP.example/x", True),
        ("http://app.example", "https://app.example/x", False),
        ("http://app.example", "http://app.example:3000/x", False),
        ("http://app.example", "http://jira/x", False),
        (None, "http://jira/x", True),
    ],
)
def test_identity_is_shown_to_the_application_alone(base_url: str | None, address: str, is_shown: bool) -> None:
    asked = request(Setting(base_url, headers={"Authorization": "Bearer t"}), get=address, headers={"X-Own": 1})

    assert asked.headers == {**({"Authorization": "Bearer t"} if is_shown else {}), "X-Own": "1"}


def test_own_headers_go_before_those_of_the_identity_and_of_the_body() -> None:
    setting = replace(APP, headers={"Authorization": "Bearer t", "X-A": "1"})

    asked = request(setting, post="/", json=1, headers={"authorization": "none", "content-type": "a/b", "x-on": True})

    assert asked.headers == {"content-type": "a/b", "authorization": "none", "X-A": "1", "x-on": "true"}


@pytest.mark.parametrize(
    ("given", "content_type", "body"),
    [
        ({}, None, None),
        ({"json": {"a": [1, "é", None]}}, "application/json", b'{"a": [1, "\\u00e9", null]}'),
        ({"json": False}, "application/json", b"false"),
        ({"form": {"a": ["1", 2], "b": "c d&é"}}, "application/x-www-form-urlencoded", b"a=1&a=2&b=c+d%26%C3%A9"),
        ({"body": "é"}, "text/plain; charset=utf-8", "é".encode()),
        ({"body": ""}, "text/plain; charset=utf-8", b""),
        ({"body_bytes": 0}, "application/json", b""),
        ({"body_bytes": 3}, "application/json", b"111"),
        ({"body_bytes": 4}, "application/json", b'[""]'),
        ({"body_bytes": 6}, "application/json", b'["xx"]'),
    ],
)
def test_body_is_written(given: dict[str, Any], content_type: str | None, body: bytes | None) -> None:
    asked = request(post="/", **given)

    assert (asked.method, asked.body) == ("POST", body)
    assert asked.headers == ({"Content-Type": content_type} if content_type else {})


def test_files_are_sent_as_a_form(tmp_path: Path) -> None:
    image, other = tmp_path / "test.jpg", tmp_path / 'a"b'
    image.write_bytes(b"\xff\xd8--\r\n--shipshape")
    other.write_bytes(b"")
    given: dict[str, Any] = {
        "form": {"name": "é", "on": True},
        "files": {"image": [str(image), str(other)], "n\r\n": str(image)},
    }

    asked = request(post="/", **given)

    form = message_from_bytes(b"Content-Type: " + asked.headers["Content-Type"].encode() + b"\r\n\r\n" + asked.body)  # type: ignore[operator] # it has one
    parts = [(part["Content-Disposition"], part["Content-Type"], part.get_payload(decode=True)) for part in form.walk()]
    assert parts[1:] == [
        ('form-data; name="name"', None, "é".encode()),
        ('form-data; name="on"', None, b"true"),
        ('form-data; name="image"; filename="test.jpg"', "image/jpeg", image.read_bytes()),
        ('form-data; name="image"; filename="a%22b"', "application/octet-stream", b""),
        ('form-data; name="n%0D%0A"; filename="test.jpg"', "image/jpeg", image.read_bytes()),
    ]
    assert request(post="/", **given) == asked
    image.write_bytes(b"other")
    assert request(post="/", **given).headers != asked.headers


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        request(post="/", files={"a": str(tmp_path / "none")})
    assert caught.value.message == f"{tmp_path}/none cannot be read. It does not exist."


def test_only_some_methods_only_read() -> None:
    assert [verb for verb in web.VERBS if web.only_reads(options(**{verb: "/"}))] == ["get", "head", "options"]


class Session:
    """Remembers how it is asked."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        self.asked.append({"follows": follows, "timeout": timeout})
        return Response(204, {}, b"")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"follows": False, "timeout": 7}),
        ({"follow": True, "timeout": "500ms"}, {"follows": True, "timeout": 0.5}),
        ({"timeout": 0}, {"follows": False, "timeout": 0}),
    ],
)
def test_session_of_the_scenario_is_asked(given: dict[str, Any], expected: dict[str, Any]) -> None:
    session: HttpSession = Session()
    setting = replace(APP, session=session, timeout=7)

    response = web.ask(Request("GET", "http://app.example/"), options(get="/", **given), setting, WORLD)

    assert response.status == 204
    assert isinstance(session, Session)
    assert session.asked == [expected]


def test_check_without_a_scenario_has_no_cookies_of_another() -> None:
    with application(lambda asked: Answer(headers={"Set-Cookie": "a=1"})) as app:
        for _number in range(2):
            web.ask(Request("GET", app.url), options(get="/"), Setting(trust=Trust()), WORLD)

    assert ["cookie" in asked.headers for asked in app.asked] == [False, False]


@pytest.mark.parametrize(
    ("body", "url", "told"),
    [
        (b'{"error": "no"}', "", 'GET http://h/x answered 404: {"error": "no"}'),
        (b"", "", "GET http://h/x answered 404 without a body."),
        (b" \n", "http://h/x?q=secret", "GET http://h/x answered 404 without a body."),
        (b"a\r\n  b\x1b[31m\xff", "", "GET http://h/x answered 404: a b[31m\N{REPLACEMENT CHARACTER}"),
        (b"x" * 200, "", f"GET http://h/x answered 404: {'x' * 200}"),
        (b"x" * 201, "", f"GET http://h/x answered 404: {'x' * 200}…"),
        (b"no", "http://u:p@h/login?to=x", "GET http://h/x, redirected to http://h/login, answered 404: no"),
    ],
)
def test_evidence_is_short_and_holds_no_secret_of_the_address(body: bytes, url: str, told: str) -> None:
    assert web.evidence(Request("GET", "http://ada:secret@h/x?token=secret"), Response(404, {}, body, url)) == told


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://[", "GET the URL"),
        ("secret", "GET the URL"),
        ("http://u:secret@h:1/x?secret#secret", "GET http://h:1/x"),
    ],
)
def test_request_is_named_without_its_secrets(url: str, shown: str) -> None:
    assert str(Request("GET", url)) == shown


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf["\xc3\xa9"]', ["é"]),
        (b"null", None),
        (b"", None),
        (b"<html>", None),
        (b'{"a": ', None),
        (b'"\xff"', None),
        (b"[" * 100_000, None),
    ],
)
def test_body_is_read_as_json(body: bytes, value: object) -> None:
    assert web.json_of(Response(200, {}, body)) == value
