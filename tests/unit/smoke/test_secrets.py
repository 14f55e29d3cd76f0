# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import html
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import (
    every_form,
    headers_of,
    masked,
    secrets_in,
    secrets_of_identity,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.secrets import secrets_of_checks


@pytest.mark.parametrize(
    ("identity", "headers"),
    [
        ({}, {}),
        ({"headers": {"X-Tenant": 5}}, {"X-Tenant": "5"}),
        ({"bearer": "abc"}, {"Authorization": "Bearer abc"}),
        ({"basic": {"user": "ä", "password": 5}}, {"Authorization": "Basic w6Q6NQ=="}),
        ({"bearer": "abc", "headers": {"X": "y"}}, {"X": "y", "Authorization": "Bearer abc"}),
        ({"headers": None, "bearer": None, "basic": None}, {}),
    ],
)
def test_an_identity_is_headers(identity: dict[str, Any], headers: dict[str, str]) -> None:
    assert headers_of(identity) == headers


@pytest.mark.parametrize(
    "name",
    [
        *("password", "passwd", "PASSWORD", "db_password", "passphrase", "pwd", "secret", "clientSecret", "token"),
        *("accessToken", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "api_key", "apiKey", "apikey"),
        *("X-API-Key", "access_key", "private-key", "auth"),
    ],
)
def test_values_of_such_names_are_secret(name: str) -> None:
    assert list(secrets_in({"a": [{name: "s3cret"}]})) == ["s3cret"]
    assert list(secrets_in({name: {"deep": ["s3cret", 12345]}})) == ["s3cret", "12345"]


@pytest.mark.parametrize(
    "name", ["tokens", "max_tokens", "maxTokens", "tokensUsed", "author", "env", "key", "user", "pass", 5]
)
def test_values_of_other_names_are_not(name: object) -> None:
    assert list(secrets_in({name: "ordinary"})) == []


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("postgresql://u:pw%40x@h/db", ["pw%40x"]),
        ("http://u:one@h/ and redis://:two@h", ["one", "two"]),
        ("http://u@h/x:y@z", []),
        ("http://h/x?a=1&api_key=abc&token=def#x", ["abc", "def"]),
        ("?password=a", ["a"]),
        ("token=abc", []),
        (12345, []),
        (None, []),
    ],
)
def test_addresses_hold_secrets(value: object, secrets: list[str]) -> None:
    assert list(secrets_in({"x": [value]})) == secrets


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("abc", ["abc"]),
        ("Bearer abc", ["Bearer abc", "abc"]),
        ("bearer  abc def", ["bearer  abc def", "abc def"]),
        ("correct horse", ["correct horse"]),
        (5, ["5"]),
        (1.5, ["1.5"]),
        (True, []),
        (None, []),
    ],
)
def test_of_a_secret_all_is_secret(value: object, secrets: list[str]) -> None:
    assert list(secrets_in(value, is_secret=True)) == secrets


def test_how_a_secret_is_expected_to_look_is_none() -> None:
    expect = {
        "json": {"token": {"type": "string"}},
        "headers.set-cookie": {"match": "HttpOnly", "contains": "Secure"},
        "json.tokens": {"sorted": "asc"},
    }

    assert list(secrets_in(expect)) == []
    assert list(secrets_in({"json.token": {"ne": "default"}, "json": {"apiKey": "abcd"}})) == ["default", "abcd"]


def test_checks_are_searched_with_their_steps() -> None:
    checks = [
        {"redis": {"password": "one"}, "save": {"token": "json.token"}},
        {"scenario": [{"http": {"headers": {"Authorization": "two"}}}], "finally": [{"http": "http://u:three@h"}]},
        {"http": ["http://u:four@h"], "expect": {"json.secret": "five"}},
        "text",
    ]

    assert list(secrets_of_checks(checks)) == ["one", "two", "three", "four", "five"]
    assert [list(secrets_of_checks(one)) for one in (None, "x", {"password": "x"}, [{"scenario": "x"}])] == [[]] * 4


@pytest.mark.parametrize(
    ("identity", "secrets"),
    [
        ({"bearer": "abc"}, ["abc"]),
        ({"basic": {"user": "admin", "password": "abc"}}, ["abc"]),
        ({"basic": "abc"}, ["abc"]),
        ({"basic": {"user": "abc"}}, ["abc"]),
        ({"headers": {"X-Any": "abc"}}, ["abc"]),
        ({"headers": {"password": "abc", "X-Any": "def"}}, ["abc", "def"]),
        ("abc", []),
    ],
)
def test_all_of_an_identity_but_the_user_is_secret(identity: object, secrets: list[str]) -> None:
    assert list(secrets_of_identity(identity)) == secrets


SECRET = 'p"ä\\ s/&<\n\t1'


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        html.escape(SECRET),
        html.escape(SECRET, quote=False),
        " ".join(SECRET.split()),
    ],
)
def test_every_form_of_a_secret_is_masked(echo: str) -> None:
    assert masked(f"<{echo}>", every_form([SECRET])).strip('<>"=') == "********"


def test_what_is_quoted_in_an_address_is_masked_plain_as_well() -> None:
    assert {"p%40ss", "p@ss"} <= set(every_form(["p%40ss"]))


def test_short_texts_are_no_secrets() -> None:
    assert every_form(["abc", "", "%41%42%43"]) == ["%41%42%43", "%2541%2542%2543", "JTQxJTQyJTQz", "QUJD"]
    assert every_form(["abcd"]) == ["abcd", "YWJjZA"]


def test_halves_of_characters_are_no_obstacle() -> None:
    assert "\ud800abc" in every_form(["\ud800abc"])
    assert headers_of({"basic": {"user": "\ud800", "password": "x"}})
