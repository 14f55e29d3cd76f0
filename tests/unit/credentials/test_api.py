# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import FIELDS, Api
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    NEW,
    Change,
    Credential,
    Declared,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.options import (
    credentials_argument_spec,
    wanted_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import ATTRIBUTES, Wanted
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.usecase import ensure_credentials
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response
from tests.unit.credentials.fake_api import GEMINI, GROQ, URL, FakeApi, answer, backend, row

KEY = "sk-canary-0123456789abcd"


def update(credential: Credential, **values: Any) -> Change:
    """The change that gives it these values, by the words of the options."""
    visible = {ATTRIBUTES[word]: value for word, value in values.items() if word in ATTRIBUTES}
    return Change(credential, replace(credential, **visible), values)


def new(name: str = "new", provider: str = "openai", priority: int = 40, **values: Any) -> Change:
    """The change that makes one."""
    after = Credential(NEW, name, provider, priority, has_key="key" in values)
    return Change(None, after, {"provider": provider, "priority": priority, **values})


def gemini_and_groq(session: FakeApi, **options: Any) -> tuple[Any, Credential, Credential]:
    """The backend, with both credentials as it reads them."""
    asking = backend(session, **options)
    by_name = {one.name: one for one in asking.credentials([])}
    return asking, by_name["main"], by_name["fast"]


def test_all_is_read_by_one_request() -> None:
    session = FakeApi(GEMINI, GROQ)

    with backend(session).session(check_mode=True):
        found = backend(session).credentials([])

    assert [(one.id, one.name, one.provider, one.priority) for one in found] == [
        (1, "main", "gemini", 100),
        (2, "fast", "groq", 100),
    ]
    (request,) = session.asked
    assert (request.method, request.url, request.body) == ("GET", URL, None)
    assert request.headers["Authorization"] == "Bearer t0ken-canary"


def test_default_priority_is_that_of_the_guide() -> None:
    assert backend(FakeApi()).default_priority == 100


@pytest.mark.parametrize(
    ("shown", "is_same", "words"),
    [
        ({"apiKey": KEY}, True, None),
        ({"apiKey": "sk-canary-9999999999"}, False, None),
        ({"apiKey": "sk-c…abcd"}, True, "only the beginning or the end"),
        ({"apiKey": "sk-c…9999"}, False, "only the beginning or the end"),
        ({"hasKey": True}, None, "only whether there is a key"),
        ({"hasKey": False}, False, None),
        ({}, None, "nothing of keys"),
    ],
)
def test_declared_key_is_compared_with_what_is_shown(
    shown: dict[str, Any], is_same: bool | None, words: str | None
) -> None:
    # What another credential shows does not matter to this one.
    asking = backend(FakeApi({**GEMINI, **shown}, {**GROQ, "apiKey": "********"}))

    main, fast = asking.credentials([Declared("main", values={"key": KEY}), Declared("fast", values={"key": None})])

    assert main.is_same == {"key": is_same}
    assert fast.is_same == {}
    told = asking.key_is_compared_by
    assert (words in told) if words and told else told is words


def test_secret_is_compared_by_its_own_field() -> None:
    asking = backend(FakeApi({**GEMINI, "apiKey": KEY, "apiSecret": "********abcd"}))

    (main,) = asking.credentials([Declared("main", values={"key": KEY, "secret": KEY})])

    assert main.is_same == {"key": True, "secret": True}
    assert "only the beginning or the end" in (asking.key_is_compared_by or "")


def test_manner_of_the_others_is_told_of_a_new_key() -> None:
    asking = backend(FakeApi({**GEMINI, "hasKey": True}))

    asking.credentials([Declared("new", values={"key": KEY})])

    assert "only whether there is a key" in (asking.key_is_compared_by or "")


@pytest.mark.parametrize(
    ("declared", "fields", "words"),
    [
        (Declared("main", values={"endpoint": "http://a"}), {}, "a row has no endpoint"),
        (Declared("main", values={"rate_limit": 60}), {}, "a row has no rateLimit"),
        (Declared("main", "inactive"), {"active": "enabled"}, "a row has no enabled"),
        (None, {"global": "shared"}, "a row has no shared"),
        (Declared("main", values={"key": KEY}), {}, None),
        (None, {"key": "token"}, None),
        (Declared("main", "inactive"), {}, None),
    ],
)
def test_field_that_is_needed_is_asked_for(
    declared: Declared | None, fields: dict[str, str], words: str | None
) -> None:
    asking = backend(FakeApi(GEMINI), fields={**FIELDS, **fields})
    given = [declared] if declared else []
    if words is None:
        asking.credentials(given)
        return

    with pytest.raises(ShipshapeError) as told:
        asking.credentials(given)

    assert told.value.message.startswith(f"GET {URL}: {words}, but id, name")


def test_activity_is_asked_for_only_where_it_is_declared() -> None:
    bare = {word: GEMINI[word] for word in ("id", "name", "provider", "priority")}
    backend(FakeApi(bare)).credentials([Declared("main", "present")])

    for state in ("active", "inactive"):
        with pytest.raises(ShipshapeError, match="a row has no isActive"):
            backend(FakeApi(bare)).credentials([Declared("main", state)])


def test_all_that_is_lacking_is_told_at_once() -> None:
    declared = [Declared("main", values={"endpoint": "http://a", "rate_limit": 5})]

    with pytest.raises(ShipshapeError, match=r"api\.fields\.endpoint\. a row has no rateLimit"):
        backend(FakeApi(GEMINI)).credentials(declared)


def test_rows_with_one_id_are_refused() -> None:
    session = FakeApi(answers=lambda _request: answer([GEMINI, {**GROQ, "id": 1}]))

    with pytest.raises(ShipshapeError, match=r"two rows have the same id"):
        backend(session).credentials([])


def test_put_sends_what_the_row_is_made_of_but_no_masked_key() -> None:
    shown = {"apiKey": "sk-…abcd", "apiSecret": None, "hasKey": True, "usageCount": 7, "updatedAt": "2026-01-01"}
    session = FakeApi({**GEMINI, **shown, "rateLimit": 60}, GROQ)
    asking, main, _fast = gemini_and_groq(session)

    change = update(main, priority=10)

    assert list(asking.apply([change])) == [change]
    body = {"name": "main", "provider": "gemini", "priority": 10, "rateLimit": 60}
    assert session.sent() == [("PUT", "/1", {**body, "isActive": True, "isGlobal": True, "userId": None})]
    assert [request.method for request in session.asked] == ["GET", "PUT", "GET"]


def test_put_sends_a_whole_key_along() -> None:
    session = FakeApi({**GEMINI, "apiKey": KEY}, GROQ)
    asking, main, _fast = gemini_and_groq(session)

    list(asking.apply([update(main, priority=10)]))

    assert session.sent()[0][2]["apiKey"] == KEY


def test_put_sends_a_new_key() -> None:
    session = FakeApi({**GEMINI, "apiKey": "sk-…9999"}, GROQ)
    asking, main, _fast = gemini_and_groq(session)

    list(asking.apply([update(main, key=KEY)]))

    assert session.sent()[0][2]["apiKey"] == KEY


def test_patch_sends_only_what_changes() -> None:
    session = FakeApi({**GEMINI, "apiKey": KEY}, GROQ)
    asking, main, fast = gemini_and_groq(session, update_method="PATCH")

    list(asking.apply([update(main, priority=10), update(fast, priority=20, endpoint=None)]))

    assert session.sent() == [("PATCH", "/1", {"priority": 10}), ("PATCH", "/2", {"priority": 20, "endpoint": None})]


def test_flags_are_sent_as_the_api_shows_them() -> None:
    session = FakeApi({**GEMINI, "isActive": 1, "isGlobal": 0}, GROQ)
    asking, main, fast = gemini_and_groq(session, update_method="PATCH")

    list(asking.apply([update(main, active=False), new(), update(fast, active=False, rate_limit=5)]))

    # In Python, 0 is False.
    flags = json.dumps([body["isActive"] for _method, _end, body in session.sent()])
    assert flags == "[0, 1, false]"


def test_flags_are_flags_where_nothing_else_is_known() -> None:
    session = FakeApi()

    list(backend(session).apply([new()]))

    assert b'"isActive": true, "isGlobal": true' in (session.asked[0].body or b"")


def test_number_can_be_taken_away() -> None:
    session = FakeApi({**GEMINI, "rateLimit": 60}, GROQ)
    asking, main, _fast = gemini_and_groq(session, update_method="PATCH")

    list(asking.apply([update(main, rate_limit=None)]))

    assert session.sent() == [("PATCH", "/1", {"rateLimit": None})]


@pytest.mark.parametrize(
    "created",
    [
        {"id": 3},
        {"data": {"id": 3, "name": "new"}},
        {"id": "request-77", "credential": {"id": 3, "name": "new"}},
        {"id": 9, "name": "other"},
        {"message": "created"},
        [{"id": 9}],
        {"id": None, "data": {"id": ""}},
        "",
    ],
)
def test_id_of_what_is_made_is_found(created: object) -> None:
    session = FakeApi(GEMINI, GROQ)

    def answers(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        session.rows["3"] = {"id": 3, **json.loads(request.body or b"")}
        return answer(created, 201)

    session._answers = answers
    asking, _main, _fast = gemini_and_groq(session)

    (done,) = asking.apply([new(key=KEY)])

    assert done.after == Credential(3, "new", "openai", 40, has_key=True)
    body = {"name": "new", "provider": "openai", "priority": 40, "apiKey": KEY, "isActive": True, "isGlobal": True}
    assert session.sent() == [("POST", "", body)]


def test_what_is_made_but_not_listed_is_an_error() -> None:
    session = FakeApi(GEMINI, GROQ, answers=lambda asked: answer("", 204) if asked.method == "POST" else None)

    with pytest.raises(
        ShipshapeError, match=rf"^POST {URL} was answered with 204, but the API does not list the new credential new\.$"
    ):
        list(backend(session).apply([new()]))


def test_what_is_absent_is_deleted() -> None:
    session = FakeApi(GEMINI, row("a/b?c", "fast", "groq", 100))
    asking, _main, fast = gemini_and_groq(session)

    list(asking.apply([Change(fast, None)]))

    assert session.sent() == [("DELETE", "/a%2Fb%3Fc", None)]
    assert [one.name for one in asking.listing()] == ["main"]


@pytest.mark.parametrize(
    ("url", "listed", "own", "of_provider"),
    [
        ("http://a/x", "http://a/x", "http://a/x/1", "http://a/x?provider=open+router%26"),
        ("http://a/x/", "http://a/x/", "http://a/x/1", "http://a/x/?provider=open+router%26"),
        ("http://a/x?t=1#f", "http://a/x?t=1", "http://a/x/1?t=1", "http://a/x?t=1&provider=open+router%26"),
    ],
)
def test_addresses(url: str, listed: str, own: str, of_provider: str) -> None:
    asked = []

    def answers(request: Request) -> Response:
        asked.append(request.url)
        return answer([GEMINI] if request.method == "GET" else "")

    asking = backend(FakeApi(answers=answers), url=url)
    (main,) = asking.credentials([])
    list(asking.apply([update(main, endpoint="http://b")]))
    asking.listing("open router&")

    assert asked[0] == listed
    assert asked[1] == own
    assert asked[-1] == of_provider


def test_changes_before_a_failure_are_told() -> None:
    session = FakeApi(GEMINI, GROQ)
    asking, main, fast = gemini_and_groq(session)
    session._answers = lambda asked: answer("down", 503) if asked.url.endswith("/2") else None
    changes = asking.apply([update(main, priority=10), update(fast, priority=20), new()])

    assert next(changes).after.priority == 10
    with pytest.raises(ShipshapeError, match=rf"PUT {URL}/2 was answered with 503: down\."):
        next(changes)
    assert [body["name"] for _method, _end, body in session.sent()] == ["main", "fast"]


class Careless(FakeApi):
    """Answers changes with success, and does something else."""

    def __init__(self, *rows: dict[str, Any], does: dict[str, Any]) -> None:
        super().__init__(*rows)
        self.does = does

    def _do(self, request: Request) -> Response:
        if request.method == "GET":
            return super()._do(request)
        if self.does and request.method != "DELETE":
            super()._do(request)
        for each in self.rows.values():
            each.update(self.does)
        return answer({"ok": True})


@pytest.mark.parametrize(
    ("does", "values", "words"),
    [
        ({"priority": 100}, {"priority": 10}, "main has another priority than was sent: 100 instead of 10."),
        ({}, {"priority": 10}, "main has another priority than was sent: 100 instead of 10."),
        ({"endpoint": "http://p4ss@b"}, {"endpoint": "http://c"}, "main has another endpoint than was sent."),
        ({"apiKey": None}, {"priority": 10}, "main has lost its apiKey, or has another one."),
        ({"apiKey": "re-encrypted-once-more"}, {"priority": 10}, "main has lost its apiKey, or has another one."),
        ({"apiKey": None}, {"key": "sk-other-0123456789"}, "main has lost its apiKey, or has another one."),
        ({"apiSecret": ""}, {"priority": 10}, "main has lost its apiSecret, or has another one."),
        ({"apiSecret": "••••••••"}, {"priority": 10}, None),
        ({"apiKey": "********"}, {"key": "sk-other-0123456789"}, None),
        ({"usageCount": 8}, {"priority": 10}, None),
        # Which was not sent, and may be somebody else's doing.
        ({"isGlobal": False}, {"priority": 10}, None),
    ],
)
def test_success_is_not_believed(does: dict[str, Any], values: dict[str, Any], words: str | None) -> None:
    others = {"endpoint": "http://a", "apiKey": KEY, "apiSecret": "********"}
    session = Careless({**GEMINI, **others}, {**GROQ, **others}, does=does)
    asking, main, fast = gemini_and_groq(session)
    changes = asking.apply([update(main, **values), update(fast, priority=20)])
    if words is None:
        assert next(changes).after.id == 1
        assert [request.method for request in session.asked] == ["GET", "PUT", "GET"]
        return

    with pytest.raises(ShipshapeError) as told:
        next(changes)

    assert told.value.message == f"The API has answered with success, but {words}"
    assert told.value.details == {"changed": True}
    assert len(session.sent()) == 1


def test_success_is_not_believed_of_deleting_and_making() -> None:
    session = Careless(GEMINI, GROQ, does={})
    asking, main, _fast = gemini_and_groq(session)

    with pytest.raises(ShipshapeError, match=r"but main is still there\."):
        list(asking.apply([Change(main, None)]))

    session._answers = lambda asked: answer({"id": 7}) if asked.method == "POST" else None
    with pytest.raises(ShipshapeError, match=r"but new is not there\."):
        list(asking.apply([new()]))


def test_what_is_made_otherwise_than_was_sent_is_an_error() -> None:
    session = FakeApi(GEMINI)

    def answers(request: Request) -> Response | None:
        if request.method != "POST":
            return None
        session.rows["2"] = {"id": 2, **json.loads(request.body or b""), "isGlobal": False}
        return answer({"id": 2})

    session._answers = answers

    with pytest.raises(ShipshapeError, match=r"new has another isGlobal than was sent\."):
        list(backend(session).apply([new()]))


def test_the_last_change_is_looked_at_too() -> None:
    session = FakeApi(GEMINI, GROQ, row(3, "slow", "openai", 100))
    asking, main, fast = gemini_and_groq(session)
    slow = next(one for one in asking.credentials([]) if one.name == "slow")
    changes = asking.apply([update(main, priority=10), update(slow, priority=30), update(fast, priority=20)])
    next(changes)
    looked = len(session.asked)
    next(changes)
    assert [request.method for request in session.asked[looked:]] == ["PUT"]
    session._answers = lambda asked: answer("") if asked.method == "PUT" else None

    with pytest.raises(ShipshapeError, match=r"fast has another priority than was sent: 100 instead of 20\."):
        next(changes)


def test_shown_keys_are_masked_in_what_the_api_says() -> None:
    session = FakeApi({**GEMINI, "apiKey": KEY}, GROQ)
    asking, main, _fast = gemini_and_groq(session)
    session._answers = lambda _asked: answer(f"UPDATE … '{KEY}' failed", 500)

    with pytest.raises(ShipshapeError, match=r"500: UPDATE … '\*{8}' failed"):
        list(asking.apply([update(main, priority=10)]))


def test_answer_may_take_as_long_as_is_given() -> None:
    session = FakeApi(GEMINI)
    backend(session).credentials([])
    backend(session, timeout=3).credentials([])

    assert session.timeouts == [10, 3]


def test_what_stands_for_a_key_is_not_masked() -> None:
    session = FakeApi({**GEMINI, "apiKey": "secret"}, GROQ)
    asking, main, _fast = gemini_and_groq(session)
    session._answers = lambda _asked: answer("no secret given", 422)

    with pytest.raises(ShipshapeError, match=r"422: no secret given\."):
        list(asking.apply([update(main, priority=10)]))


def test_secrets_are_not_in_what_is_written_of_the_api() -> None:
    assert "canary" not in repr(Api(URL, {"X-Key": "canary"}, secrets=["canary"]))


def test_change_that_is_done_by_half_is_a_change() -> None:
    session = Careless({**GEMINI, "apiKey": KEY}, GROQ, does={"apiKey": None})

    with pytest.raises(ShipshapeError) as told:
        ensure_credentials(Wanted({"gemini": 10}), URL, backend=backend(session), prove=None, check_mode=False)

    assert told.value.details["changed"] is True


@pytest.mark.parametrize("url", ["", "localhost:4000/x", "/api", "ftp://a/b", "http://", "http://[", "http://a:99999/"])
def test_address_that_is_none_is_refused(url: str) -> None:
    given = ArgumentSpecValidator(**credentials_argument_spec().to_kwargs()).validate(
        {"api": {"url": url}, "order": ["a"]}
    )

    with pytest.raises(InvalidInput) as told:
        wanted_of(given.validated_parameters)

    assert told.value.details["problems"] == ["api.url: begin it with http:// or https:// and a host."]
