# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import COLUMNS
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Declared
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.options import (
    api_of,
    credentials_argument_spec,
    place_of,
    secrets_of,
    shown_place,
    wanted_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import Wanted
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust

DATABASE = "postgresql://shop:pa%40ss@db/shop"
API = {"url": "http://localhost:4000/api/credentials", "bearer": "token-4711"}


def params(**given: Any) -> dict[str, Any]:
    """The options as Ansible gives them to the module."""
    checked = ArgumentSpecValidator(**credentials_argument_spec().to_kwargs()).validate({"database": DATABASE, **given})
    assert checked.error_messages == []
    validated: dict[str, Any] = checked.validated_parameters
    return validated


def problems(**given: Any) -> list[str]:
    with pytest.raises(InvalidInput) as told:
        wanted_of(params(**given))
    found: list[str] = told.value.details["problems"]
    return found


def test_nothing_but_priorities() -> None:
    assert wanted_of(params(priorities={"gemini": 10, "groq": "20", "openai": 0})) == Wanted(
        priorities={"gemini": 10, "groq": 20, "openai": 0}, credentials=[]
    )


def test_order_is_priorities_in_steps() -> None:
    assert wanted_of(params(order=["gemini", "groq", "openai"])).priorities == {"gemini": 10, "groq": 20, "openai": 30}


def test_all_wishes() -> None:
    asked = params(
        order=["a"],
        only_default=True,
        strict=True,
        update_keys=True,
        credentials=[
            {"name": "one", "provider": "a", "key": "k", "secret": "", "priority": "7", "user": 5},
            {"name": "two", "state": "absent", "global": False, "rate_limit": 9, "endpoint": "http://x"},
            {"name": "three", "user": "b-1"},
        ],
    )

    assert wanted_of(asked) == Wanted(
        priorities={"a": 10},
        credentials=[
            Declared("one", "present", {"provider": "a", "key": "k", "secret": "", "priority": 7, "user": 5}),
            Declared("two", "absent", {"global": False, "rate_limit": 9, "endpoint": "http://x"}),
            Declared("three", "present", {"user": "b-1"}),
        ],
        only_default=True,
        strict=True,
        update_keys=True,
    )


@pytest.mark.parametrize(
    "value", [True, False, 10.0, 10.5, "10.5", "ten", "", -1, "-1", 2**31, None, [10], "1_0", "\uff11"]
)
def test_priority_that_is_no_whole_number_is_refused(value: object) -> None:
    sentence = "give a whole number from 0 to 2147483647."

    assert problems(priorities={"gemini": value}) == [f"priorities.gemini: {sentence}"]
    if value is not None:
        assert problems(credentials=[{"name": "main", "priority": value}]) == [f"credentials.main.priority: {sentence}"]


NO_WISH = "Give priorities, order or credentials: what is to be so."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, [NO_WISH]),
        ({"priorities": {}, "order": [], "credentials": []}, [NO_WISH]),
        ({"priorities": {"a": 1}, "order": ["a"]}, ["Give priorities or order: both say the same."]),
        ({"priorities": {"a": 1}, "database": None}, ["Give database, or api: where the credentials are."]),
        ({"priorities": {"a": 1}, "verify": True}, ["verify: give api, of which it asks."]),
        ({"priorities": {"a": 1}, "lock_timeout": -1}, ["lock_timeout: give a number of seconds from 0 on."]),
        (
            {"priorities": {"a": 1}, "api": {**API, "timeout": 0}},
            ["api.timeout: give a number of seconds above 0."],
        ),
        ({"order": ["a", "b", "a"]}, ["order: a is there twice."]),
        (
            {"credentials": [{"name": "a"}, {"name": "a", "state": "absent"}, {"name": "b"}]},
            ["credentials: a is there twice."],
        ),
        ({"credentials": [{"name": ""}]}, ["credentials: give each a name."]),
        ({"credentials": [{"name": "a", "provider": ""}]}, ["credentials.a.provider: give a name."]),
        (
            {"credentials": [{"name": "a", "rate_limit": -1}]},
            ["credentials.a.rate_limit: give a whole number from 0 on."],
        ),
        (
            {"credentials": [{"name": "a", "global": True, "user": 5}]},
            ["credentials.a: give global or user: what is for everybody is nobody's own."],
        ),
        (
            {"priorities": {"a": 1, "b": 2, "c": 1}},
            ["a and c have the same priority 1: give each its own, or say allow_ties."],
        ),
        (
            {"priorities": {"a": 1}, "credentials": [{"name": "x", "provider": "b", "priority": 1}]},
            ["a and b have the same priority 1: give each its own, or say allow_ties."],
        ),
        (
            {"order": ["a"], "columns": {"priorty": "p", "key": "", "user": 5, "created_at": "c"}},
            [
                "columns.priorty: there is no such word. Did you mean priority?",
                "columns.key: give a name.",
                "columns.user: give a name.",
            ],
        ),
        (
            {"order": ["a"], "api": {**API, "fields": {"created_at": "c", "zzz": "z", "key": "k"}}},
            [
                "api.fields.created_at: there is no such word. Did you mean rate_limit?",
                "api.fields.zzz: there is no such word. Known are: active, endpoint, global, id, key, name,"
                " priority, provider, rate_limit, secret, user.",
            ],
        ),
        (
            {"priorities": {"a": "x", "b": -1}},
            [f"priorities.{provider}: give a whole number from 0 to 2147483647." for provider in ("a", "b")],
        ),
        (
            {
                "priorities": {"a": "x", "b": 2, "c": 2},
                "verify": True,
                "credentials": [{"name": "n", "priority": True}],
            },
            [
                "verify: give api, of which it asks.",
                "priorities.a: give a whole number from 0 to 2147483647.",
                "credentials.n.priority: give a whole number from 0 to 2147483647.",
                "b and c have the same priority 2: give each its own, or say allow_ties.",
            ],
        ),
    ],
)
def test_bad_input_is_told_at_once(given: dict[str, Any], told: list[str]) -> None:
    assert problems(**given) == told


@pytest.mark.parametrize(
    "given",
    [
        {"priorities": {"a": 1, "b": 1}, "allow_ties": True},
        {"order": ["a"], "database": None, "api": API},
        {"order": ["a"], "verify": True, "api": API},
        {"order": ["a"], "lock_timeout": 0},
        {"credentials": [{"name": "x", "global": False, "user": 5}]},
        # These are not used beside each other.
        {"priorities": {"a": 1}, "credentials": [{"name": "x", "provider": "b", "priority": 1, "user": 5}]},
        {"priorities": {"a": 1}, "credentials": [{"name": "x", "provider": "b", "priority": 1, "global": False}]},
        {"priorities": {"a": 1}, "credentials": [{"name": "x", "provider": "b", "priority": 1, "state": "inactive"}]},
        {"priorities": {"a": 1}, "credentials": [{"name": "x", "provider": "a", "priority": 1}]},
    ],
)
def test_what_can_be_carried_out_is_accepted(given: dict[str, Any]) -> None:
    wanted_of(params(**given))


def test_place() -> None:
    asked = params(
        table="billing.gateways",
        columns={"priority": "rank"},
        lock_timeout=3,
        credentials=[{"name": "a", "endpoint": "http://x"}, {"name": "b", "state": "active"}],
    )

    place = place_of(asked, wanted_of(asked))

    assert place.address.password == "pa@ss"
    assert place.table == "billing.gateways"
    assert place.columns == {**COLUMNS, "priority": "rank"}
    assert set(place.needed) == {"priority", "endpoint", "active"}
    assert place.lock_timeout == 3


def test_api() -> None:
    given = {
        **API,
        "headers": {"X-Tenant": 5},
        "ca": "/etc/ca.pem",
        "validate_certs": False,
        "timeout": 3,
        "update_method": "PATCH",
        "items": "data.items",
        "fields": {"priority": "rank"},
    }

    api = api_of(params(api=given, order=["a"]))

    assert api.url == API["url"]
    assert api.headers == {"X-Tenant": "5", "Authorization": "Bearer token-4711"}
    assert api.trust == Trust("/etc/ca.pem", is_verified=False)
    assert (api.timeout, api.update_method, api.items) == (3, "PATCH", "data.items")
    assert (api.fields["priority"], api.fields["key"]) == ("rank", "apiKey")
    assert "token-4711" in api.secrets


def test_api_as_it_is_by_itself() -> None:
    api = api_of(params(api={"url": API["url"]}, order=["a"]))

    assert (api.headers, api.trust, api.timeout, api.update_method, api.items) == ({}, Trust(), 10, "PUT", None)
    assert api.fields["user"] == "userId"


def test_place_is_shown_without_secrets() -> None:
    asked = params(database=None, order=["a"], api={"url": "http://root:hidden@host:1/credentials?token=hidden"})

    assert shown_place(asked) == "http://host:1/credentials"
    assert shown_place(params(order=["a"], api=API)) == "postgresql://shop@db:5432/shop api_credentials"


def test_what_nobody_may_see() -> None:
    given = {
        "url": "http://root:of-the-url@host/credentials?token=of-the-query",
        "basic": {"user": "admin", "password": "of-the-login"},
        "headers": {"X-Key": "of-the-header"},
    }
    credentials = [{"name": "visible", "key": "of-the-key", "secret": 'of "the" secret'}, {"name": "other"}]
    asked = params(api=given, database_password="beside", credentials=credentials, order=["groq"])

    secrets = secrets_of(asked)

    words = ("beside", "pa@ss", "of-the-url", "of-the-query", "of-the-login", "of-the-header", "of-the-key")
    assert set(words) <= set(secrets)
    assert json.dumps('of "the" secret')[1:-1] in secrets
    # In whichever form.
    assert "YWRtaW46b2YtdGhlLWxvZ2lu" in secrets
    assert not set(secrets) & {"visible", "other", "groq", "admin", "X-Key", ""}


def test_password_of_no_database_is_a_secret() -> None:
    assert "beside" in secrets_of(params(database=None, api=API, order=["a"], database_password="beside"))
