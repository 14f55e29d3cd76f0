# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.options import (
    Request,
    request_of,
    secrets_of,
    smoke_argument_spec,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust

CHECKS = [{"http": "/"}]
PATH = "/etc/shop.yml"


def params(**options: Any) -> dict[str, Any]:
    """What the module has, with everything that is not given."""
    spec = smoke_argument_spec().to_kwargs()["argument_spec"]
    return {**{name: option.get("default") for name, option in spec.items()}, "checks": CHECKS, **options}


def request(file: object = None, **options: Any) -> Request:
    asked: list[str] = []

    def load(path: str) -> object:
        asked.append(path)
        return file

    found = request_of(params(**({"checks": PATH} if file is not None else {}), **options), load)
    assert asked == ([PATH] if file is not None else [])
    return found


def told(file: object = None, **options: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        request(file, **options)
    assert caught.value.message.startswith("The suite: ")
    problems: list[str] = caught.value.details["problems"]
    return problems


def test_everything_has_a_default_but_the_checks() -> None:
    assert request() == Request(
        checks=CHECKS,
        base_url=None,
        database=None,
        identities={},
        variables={},
        secrets=[],
        trust=Trust(None, True),
        timeout=10,
        only_tags=[],
        except_tags=[],
        report={},
        memory=None,
        record=False,
    )


def test_all_options_are_read() -> None:
    found = request(
        base_url="http://h/api",
        database="postgresql://u@h/db",
        database_password="s3cret",
        identities={"admin": {"bearer": "t0ken"}, "user": {"basic": {"user": "u", "password": "pass"}}},
        vars={"a": 1},
        ca="/ca.pem",
        validate_certs=False,
        timeout="500ms",
        only_tags=["x"],
        except_tags=["y"],
        report={"junit": "/r.xml", "tap": None},
        memory="/m.json",
        record=True,
    )

    assert (found.base_url, found.trust, found.timeout) == ("http://h/api", Trust("/ca.pem", False), 0.5)
    assert found.database == Address("postgresql", "db", "h", 5432, user="u", password="s3cret")
    assert found.identities == {"admin": {"bearer": "t0ken"}, "user": {"basic": {"user": "u", "password": "pass"}}}
    assert (found.variables, found.report) == ({"a": 1}, {"junit": "/r.xml"})
    assert (found.only_tags, found.except_tags) == (["x"], ["y"])
    assert (found.memory, found.record) == ("/m.json", True)


@pytest.mark.parametrize("secret", ["s3cret", "t0ken"])
def test_a_request_does_not_show_its_secrets(secret: str) -> None:
    found = request(
        {"checks": [{"redis": {"password": secret}}]},
        database="postgresql://u:t0ken@h/db",
        identities={"a": {"bearer": secret}},
        vars={"password": secret},
        secrets=[secret],
    )

    assert secret not in repr(found)


def test_variables_stand_in_addresses_and_times() -> None:
    found = request(
        base_url="http://${host}",
        database="sqlite:///${path}/x.db",
        ca="/${path}",
        timeout="${patience}",
        vars={"host": "h", "path": "srv", "patience": 3},
    )

    assert (found.base_url, found.trust.ca, found.timeout) == ("http://h", "/srv", 3)
    assert found.database == Address("sqlite", "/srv/x.db")


@pytest.mark.parametrize(("given", "seconds"), [("5", 5), ("5s", 5), ("1m", 60), ("0.5", 0.5), (None, 10)])
def test_a_timeout_is_a_span_of_time_or_a_number_of_seconds(given: str | None, seconds: float) -> None:
    assert request(timeout=given).timeout == seconds


# A whole suite, in a file or in checks.

SUITE = {
    "base_url": "http://file",
    "ca": "/file.pem",
    "checks": [{"http": "/file"}],
    "database": "postgresql://u@h/file",
    "database_password": 12345,
    "identities": {"a": {"bearer": "file"}, "b": {"bearer": "file"}},
    "secrets": "file-secret",
    "timeout": 3,
    "validate_certs": False,
    "vars": {"x": "file", "y": "file"},
}


def test_a_file_can_hold_the_whole_suite() -> None:
    found = request(SUITE)

    assert (found.base_url, found.checks, found.timeout) == ("http://file", [{"http": "/file"}], 3)
    assert (found.trust, found.variables) == (Trust("/file.pem", False), {"x": "file", "y": "file"})
    assert found.database == Address("postgresql", "file", "h", 5432, user="u", password="12345")
    assert {"file-secret", "file", "12345"} <= set(found.secrets)
    assert request(checks=SUITE) == found


def test_options_are_stronger_than_a_file_each_name_by_itself() -> None:
    found = request(
        SUITE,
        base_url="http://task",
        ca="/task.pem",
        database="postgresql://u@h/task",
        database_password="task",
        identities={"b": {"bearer": "task"}},
        secrets=["task-secret"],
        timeout="7",
        validate_certs=True,
        vars={"y": "task", "z": "task"},
    )

    assert (found.base_url, found.timeout, found.trust) == ("http://task", 7, Trust("/task.pem", True))
    assert found.database == Address("postgresql", "task", "h", 5432, user="u", password="task")
    assert found.identities == {"a": {"bearer": "file"}, "b": {"bearer": "task"}}
    assert found.variables == {"x": "file", "y": "task", "z": "task"}
    assert found.checks == [{"http": "/file"}]


def test_a_file_is_not_read_by_a_path_that_depends_on_who_reads() -> None:
    assert told(checks="shop.yml") == [
        "checks: the path is not absolute: which file it is depends on who runs the module.",
        "checks: this is no list of checks, and no path of a file that holds one.",
    ]


NO_LIST = "checks: this is no list of checks, and no path of a file that holds one."


@pytest.mark.parametrize(
    ("file", "problems"),
    [
        ([], ["checks: the file holds no mapping with the key checks.", NO_LIST]),
        ("text", ["checks: the file holds no mapping with the key checks.", NO_LIST]),
        ({}, [NO_LIST]),
        ({"checks": {"http": "/"}}, [NO_LIST]),
        ({"checks": CHECKS, "base_ulr": 1}, ["checks: there is no option base_ulr. Did you mean base_url?"]),
        ({"checks": CHECKS, 5: 1}, None),
        ({"checks": CHECKS, "base_url": ["secret"]}, ["checks.base_url: this is no text."]),
        ({"checks": CHECKS, "vars": ["secret"]}, ["checks.vars: this is no mapping."]),
        ({"checks": CHECKS, "vars": {5: "secret"}}, ["checks.vars: this is no mapping."]),
        ({"checks": CHECKS, "vars": "${x}"}, ["vars: this is no mapping of names to values."]),
        (
            {"checks": CHECKS, "vars": "${x}", "base_url": "http://${h}"},
            [
                "vars: this is no mapping of names to values.",
                "base_url: There is no variable h. None is known here.",
            ],
        ),
        ({"checks": CHECKS, "identities": []}, ["checks.identities: this is no mapping."]),
        ({"checks": CHECKS, "validate_certs": "no"}, ["checks.validate_certs: this is no true or false."]),
        ({"checks": CHECKS, "timeout": []}, ["timeout: this is no span of time such as 500ms, 10s or 1m."]),
    ],
)
def test_a_file_that_is_no_suite_is_refused(file: object, problems: list[str] | None) -> None:
    assert (told(file) == problems) or (problems is None and len(told(file)) == 1)


def test_certificates_are_verified_unless_it_is_clearly_said_otherwise() -> None:
    assert request({"checks": CHECKS, "validate_certs": "${x}"}).trust.is_verified


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"checks": 5}, [NO_LIST]),
        ({"timeout": "soon"}, ["timeout: this is no span of time such as 500ms, 10s or 1m."]),
        ({"timeout": "0"}, ["timeout: this is no span of time such as 500ms, 10s or 1m."]),
        ({"record": True}, ["record: name a file in memory, in which the numbers are kept."]),
        (
            {"memory": "m.json"},
            ["memory: the path is not absolute: which file it is depends on who runs the module."],
        ),
        (
            {"report": {"tap": "r.tap"}},
            ["report.tap: the path is not absolute: which file it is depends on who runs the module."],
        ),
        ({"base_url": "h:80"}, ["base_url: begin it with http:// or https:// and a host, and have no ? or # in it."]),
        ({"base_url": "${x}"}, ["base_url: There is no variable x. None is known here."]),
        ({"base_url": "${x}", "vars": {"x": 5}}, ["base_url: this is no text."]),
        ({"ca": "${x}", "vars": {"x": 5}}, ["ca: this is no text."]),
        ({"database": "${x}", "vars": {"x": 5}}, ["database: this is no text."]),
        ({"identities": "${x}", "vars": {"x": 5}}, ["identities: this is no mapping of names to identities."]),
        (
            {"database": "oracle://secret"},
            [
                "database: The database's URL does not begin with one of"
                " sqlite:, file:, mysql:, mariadb:, postgresql:, postgres:."
            ],
        ),
        ({"identities": {"a": "secret"}}, ["identities.a: give bearer, basic or headers."]),
        ({"identities": {"a": {}}}, ["identities.a: give bearer, basic or headers."]),
        ({"identities": {"a": {"baerer": "x"}}}, ["identities.a: there is no word baerer. Did you mean bearer?"]),
        (
            {"identities": {"a": {"bearer": "x", "basic": {"user": "u", "password": "p"}}}},
            ["identities.a: give bearer or basic: a request shows one of them."],
        ),
        *(
            ({"identities": {"a": {"bearer": token}}}, ["identities.a.bearer: give a token."])
            for token in ("", None, True, ["secret"])
        ),
        *(
            ({"identities": {"a": {"basic": basic}}}, ["identities.a.basic: give user and password."])
            for basic in (
                *("secret", None, {}, {"user": "u"}, {"user": "u", "password": None}, {"user": "", "password": "p"}),
                {"user": "u", "password": "p", "realm": "r"},
            )
        ),
        ({"identities": {"a": {"headers": ["secret"]}}}, ["identities.a.headers: this is no mapping."]),
        ({"identities": {"a": {"headers": {"X": "a\nb"}}}}, ["identities.a.X: this is not one line of text."]),
        ({"identities": {"a": {"bearer": "a\nb"}}}, ["identities.a.Authorization: this is not one line of text."]),
        (
            {"identities": {"a": {"bearer": "${x}"}}, "vars": {"x": "a\nb"}},
            ["identities.a.Authorization: this is not one line of text."],
        ),
        (
            {"identities": {"a": {"bearer": "${x"}}},
            [
                "identities.a: An expression ${…} is not understood: it has no }. Write $${ where no expression is"
                " meant."
            ],
        ),
    ],
)
def test_options_that_are_wrong_are_refused(options: dict[str, Any], problems: list[str]) -> None:
    assert told(**options) == problems


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = told(
        {"chekcs": 1},
        base_url="${x}",
        database="secret",
        identities={"a": {"bearer": ""}},
        timeout="x",
        record=True,
        report={"json": "x"},
    )

    assert [one.split(":")[0] for one in found] == [
        *("checks", "base_url", "identities.a.bearer", "checks", "timeout", "record", "report.json", "database"),
    ]


# Secrets.


def test_ansible_is_told_which_options_hold_secrets() -> None:
    spec = smoke_argument_spec().to_kwargs()["argument_spec"]

    assert [name for name, option in spec.items() if option.get("no_log")] == [
        *("checks", "database", "database_password", "identities", "vars", "secrets"),
    ]
    assert spec["checks"]["required"] is True


@pytest.mark.parametrize(
    "options",
    [
        {"checks": [{"redis": {"password": "canary"}}]},
        {"checks": {"checks": [], "secrets": ["canary"]}},
        {"checks": {"checks": [{"redis": {"password": "${pw}"}}], "vars": {"pw": "canary"}}},
        {"checks": {"checks": [{"redis": {"password": "${pw}"}}]}, "vars": {"pw": "canary"}},
        {"base_url": "http://u:canary@h"},
        {"database": "mysql://u:canary@h/db"},
        {"database": "mysql://u:${pw}@h/db", "vars": {"pw": "canary"}},
        {"database_password": "canary"},
        {"database_password": "canary${"},
        {"identities": {"a": {"bearer": "canary"}}},
        {"identities": {"a": {"bearer": "${x}"}}, "vars": {"x": {"y": "canary"}}},
        {"identities": {"a": {"basic": {"user": "u", "password": "canary"}}}},
        {"identities": {"a": {"bearer": "canary", "unknown": 1}}},
        {"identities": {"a": {"headers": {"X": "canary"}}}},
        {"vars": {"token": "canary"}},
        {"secrets": ["canary"]},
        {"checks": [{"http": {"get": "/", "query": {"token": "${x}"}}}], "vars": {"x": "canary", "y": "other"}},
    ],
)
def test_secrets_are_found_wherever_they_are_given(options: dict[str, Any]) -> None:
    found = secrets_of(params(**options))

    assert any("canary" in one for one in found)
    assert "other" not in found


def test_a_login_is_secret_as_it_is_sent() -> None:
    found = secrets_of({"identities": {"a": {"basic": {"user": "admin", "password": "canary"}}}})

    assert "YWRtaW46Y2FuYXJ5" in found
    assert "admin" not in found


def test_ordinary_words_are_not_secret() -> None:
    options = params(
        checks=[{"http": "/admin", "name": "production", "expect": {"json.token": {"type": "string"}}}],
        vars={"host": "production", "port": 3000},
        identities={"admin": {"basic": {"user": "admin", "password": "canary"}}},
        base_url="http://production",
    )

    assert not {"admin", "production", "3000", "string", "/admin"} & set(secrets_of(options))


# Whatever is given.

_TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["${x}", "${", "5s", "/x", "http://h", "http://[", "sqlite:///x", "mysql://u:p@h/d", "\ud800", "²"]
    ),
)
_WORDS = st.sampled_from(
    [
        *("checks", "base_url", "database", "database_password", "identities", "vars", "secrets", "ca", "timeout"),
        *("validate_certs", "bearer", "basic", "headers", "user", "password", "x", "token"),
    ]
)
_NESTED = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.just(10**400), st.floats(), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(_WORDS, _TEXTS, st.integers(0, 2), st.none()), inner, max_size=3),
    ),
    max_leaves=10,
)
_NAMED = st.dictionaries(_TEXTS, _NESTED, max_size=2)
_PLACE = re.compile(r"(?:checks|base_url|database|identities|vars|ca|timeout)(?:\..*)?: ", re.DOTALL)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(_NESTED, st.dictionaries(_WORDS, _NESTED, max_size=4)),
    st.one_of(st.none(), _NAMED),
    st.one_of(st.none(), _NAMED),
    st.one_of(st.none(), _TEXTS),
    st.booleans(),
)
@example({"vars": {"checks": None, None: None}}, {"": {"${A}": None}}, None, None, False)
def test_whatever_is_given_is_read_or_refused_with_its_place(
    checks: Any, identities: Any, variables: Any, text: str | None, is_file: bool
) -> None:
    options = {"identities": identities, "vars": variables, "base_url": text, "database": text, "timeout": text}
    secrets_of(params(checks=checks, **options))
    try:
        found = request_of(params(checks="/suite.yml" if is_file else checks, **options), lambda path: checks)
    except InvalidInput as error:
        for problem in error.details["problems"]:
            assert _PLACE.match(problem), problem
    else:
        assert isinstance(found.checks, list)
        assert found.timeout > 0
