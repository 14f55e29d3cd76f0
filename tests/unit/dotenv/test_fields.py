# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.fields import Unfit
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import parse_schema

WORD = {"type": "secret", "refuse": ["ccl-internal-2025"]}


def text_of(limits: dict[str, object], value: object) -> str:
    return parse_schema({"X": limits})["X"].text(value)


@pytest.mark.parametrize(
    ("limits", "value", "text"),
    [
        ({}, "plain", "plain"),
        ({}, "", ""),
        ({}, 5, "5"),
        ({}, True, "true"),
        ({}, "the users' choice", "the users' choice"),
        ({"type": "string", "min_length": 3, "max_length": 3}, "abc", "abc"),
        ({"type": "string", "pattern": "[a-z]+"}, "abc", "abc"),
        ({"type": "integer"}, 30, "30"),
        ({"type": "integer"}, " -7 ", "-7"),
        ({"type": "integer", "min": 1, "max": 1}, "1", "1"),
        ({"type": "number"}, 0.0111, "0.0111"),
        ({"type": "number"}, "0.40", "0.40"),
        ({"type": "number"}, 1e-7, "0.0000001"),
        ({"type": "number", "min": 0, "max": 1}, 1, "1"),
        ({"type": "boolean"}, True, "true"),
        ({"type": "boolean"}, "Off", "false"),
        ({"type": "boolean"}, 1, "true"),
        ({"type": "url"}, "https://faceshot.example.com/a?b=c", "https://faceshot.example.com/a?b=c"),
        ({"type": "url", "scheme": "https"}, "https://a.example", "https://a.example"),
        ({"type": "url", "scheme": ["redis", "rediss"]}, "rediss://:pw@cache:6379/0", "rediss://:pw@cache:6379/0"),
        ({"type": "url"}, "sqlite:///srv/a/data.db", "sqlite:///srv/a/data.db"),
        ({"type": "url"}, "file:./dev.db", "file:./dev.db"),
        ({"type": "url"}, "postgresql://u:p%40ss@[::1]:5432/db", "postgresql://u:p%40ss@[::1]:5432/db"),
        ({"type": "email"}, " ada.l+x@mail.example.com ", "ada.l+x@mail.example.com"),
        ({"type": "emails"}, ["a@x.example", "b@y.example"], "a@x.example,b@y.example"),
        ({"type": "emails"}, "a@x.example, b@y.example", "a@x.example,b@y.example"),
        ({"type": "list"}, ["a", 1], "a,1"),
        ({"type": "list", "separator": ";", "pattern": "[a-z]"}, "a; b", "a;b"),
        ({"type": "port"}, 65535, "65535"),
        ({"type": "port"}, "1", "1"),
        ({"type": "path"}, "./data/my db.sqlite", "./data/my db.sqlite"),
        ({"type": "path", "absolute": True}, "/srv/a", "/srv/a"),
        ({"choices": ["production", "staging"]}, "staging", "staging"),
        ({"choices": [True]}, "true", "true"),
        ({"type": "secret"}, "p@ss 'word$", "p@ss 'word$"),
        ({"type": "secret", "encoding": "hex", "min_entropy": 8}, "9f86d081884c7d65", "9f86d081884c7d65"),
        # A host of a real provider, which only looks like the placeholder your-database.
        ({}, "jotx.your-database.de", "jotx.your-database.de"),
        ({}, "changement", "changement"),
    ],
)
def test_value_is_accepted_as_this_text(limits: dict[str, object], value: object, text: str) -> None:
    assert text_of(limits, value) == text


@pytest.mark.parametrize(
    ("limits", "value", "said"),
    [
        ({}, ["a"], "is not a string."),
        ({"required": True}, "", "is empty."),
        ({"type": "string", "min_length": 3}, "ab", "shorter than 3"),
        ({"type": "string", "max_length": 3}, "abcd", "longer than 3"),
        ({"type": "string", "pattern": "[a-z]+"}, "abc1", "does not match"),
        ({"type": "integer"}, "3.5", "is not a whole number."),
        ({"type": "integer"}, True, "is not a whole number."),
        ({"type": "integer"}, "", "is not a whole number."),
        ({"type": "integer", "min": 1}, 0, "is less than 1."),
        ({"type": "integer", "max": 9}, 10, "is greater than 9."),
        ({"type": "number"}, "0,5", "is not a number."),
        ({"type": "number"}, "nan", "is not a number."),
        ({"type": "number"}, "inf", "is not a number."),
        ({"type": "number"}, False, "is not a number."),
        ({"type": "number", "max": 0.5}, "0.51", "is greater than 0.5."),
        ({"type": "boolean"}, "maybe", "is not true or false."),
        ({"type": "boolean"}, 2, "is not true or false."),
        ({"type": "url"}, "faceshot.example.com", "is not a URL"),
        ({"type": "url"}, "https:///path", "is not a URL"),
        ({"type": "url"}, "https://a.example/a b", "is not a URL"),
        ({"type": "url"}, "https://a.example:70000", "is not a URL"),
        ({"type": "url"}, "https://[::1", "is not a URL"),
        ({"type": "url"}, "sqlite:", "is not a URL"),
        ({"type": "url", "scheme": "https"}, "http://a.example", "begins with https:"),
        ({"type": "url", "pattern": ".*[^/]"}, "https://a.example/", "does not match"),
        ({"type": "email"}, "ada", "is not an e-mail address."),
        ({"type": "email"}, "ada@localhost", "is not an e-mail address."),
        ({"type": "email"}, "a b@x.example", "is not an e-mail address."),
        ({"type": "email"}, "a@x.example,b@x.example", "is not an e-mail address."),
        ({"type": "email"}, "a" * 250 + "@x.example", "is not an e-mail address."),
        ({"type": "emails"}, ["a@x.example", "b"], "item 2"),
        ({"type": "emails"}, [], "is empty."),
        ({"type": "list"}, ["a", "b,c"], "separator , within its item 2"),
        ({"type": "list"}, "a,,c", "nothing as its item 2"),
        ({"type": "list"}, {"a": 1}, "is not a list."),
        ({"type": "list"}, [["a"]], "is not a list of plain values."),
        ({"type": "list", "pattern": "[a-z]"}, "a,B", "does not match"),
        ({"type": "port"}, 0, "is not a port"),
        ({"type": "port"}, 65536, "is not a port"),
        ({"type": "port"}, "http", "is not a port"),
        ({"type": "path"}, " /srv", "white space"),
        ({"type": "path"}, "~/data", "neither ~ nor"),
        ({"type": "path"}, "$HOME/data", "neither ~ nor"),
        ({"type": "path"}, "", "is empty."),
        ({"type": "path", "absolute": True}, "data", "is not an absolute path."),
        ({"choices": ["production", "staging"]}, "prodx", "is not one of production, staging."),
        ({"type": "secret"}, "hunter22\n", "white space"),
        ({"type": "secret"}, "", "is empty."),
        ({"type": "secret", "min_length": 32}, "brief", "shorter than 32"),
        ({"type": "secret", "encoding": "hex"}, "xyz", "is not hex."),
        ({"type": "secret", "encoding": "base64"}, "a b", "is not base64."),
        ({"type": "secret", "min_entropy": 32}, "9f86d081884c7d65", "less than 32 bytes of chance"),
        (WORD, "ccl-internal-2025", "published default"),
        (WORD, " CCL-Internal-2025", "published default"),
        ({"type": "list", "refuse": ["admin"]}, ["root", "admin"], "published default"),
    ],
)
def test_value_is_refused_and_not_told(limits: dict[str, object], value: object, said: str) -> None:
    with pytest.raises(Unfit) as refusal:
        text_of(limits, value)
    assert said in str(refusal.value)
    if isinstance(value, str) and len(value) > 3:
        assert value not in str(refusal.value)


@pytest.mark.parametrize("declared_type", ["string", "integer", "url", "email", "emails", "port", "path", "secret"])
@pytest.mark.parametrize("value", ["<strong-secret-key>", "your-256-bit-jwt-secret", "changeme", "REPLACE_ME"])
def test_placeholder_is_called_that_in_every_type(declared_type: str, value: str) -> None:
    with pytest.raises(Unfit, match="placeholder"):
        text_of({"type": declared_type}, value)


@pytest.mark.parametrize(
    ("limits", "value", "is_hidden"),
    [
        ({}, "plain", False),
        ({"type": "secret"}, "x", True),
        ({"type": "string", "secret": True}, "x", True),
        ({"type": "url"}, "https://a.example", False),
        ({"type": "url"}, "postgresql://user@host/db", False),
        ({"type": "url"}, "postgresql://user:pw@host/db", True),
    ],
)
def test_what_nobody_may_see(limits: dict[str, object], value: str, is_hidden: bool) -> None:
    assert parse_schema({"X": limits})["X"].hides(value) is is_hidden
