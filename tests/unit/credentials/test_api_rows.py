# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import FIELDS
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_rows import (
    credential_of,
    field_problems,
    id_problems,
    is_id,
    json_of,
    rows_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Credential
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Response
from tests.unit.credentials.fake_api import GEMINI, GROQ, answer, row


@pytest.mark.parametrize(
    ("said", "items"),
    [
        ([GEMINI], None),
        ([GEMINI], ""),
        ({"items": [GEMINI]}, "items"),
        ({"data": {"items": [GEMINI]}, "message": "ok"}, "data.items"),
        ({"data": [GEMINI], "total": 1, "count": 1, "pages": 1, "next": None, "hasMore": False}, "data"),
        ({"data": {"rows": [GEMINI], "total": "1"}, "links": {"next": None}}, "data.rows"),
        # Not of the list.
        ({"data": [GEMINI], "usage": {"total": 900}, "totals": 7, "nextRotation": "May"}, "data"),
    ],
)
def test_whole_list_is_found(said: Any, items: str | None) -> None:
    assert rows_of(answer(said), items) == [GEMINI]


@pytest.mark.parametrize(
    ("said", "items", "words"),
    [
        ("<html>", None, "its answer is no JSON, but text/html."),
        (Response(200, {}, b""), None, "its answer is no JSON, but nothing that says what it is."),
        ("[" * 100_000, None, "its answer is no JSON"),
        (
            {"data": {"items": []}, "meta": {}},
            None,
            "there is no list as its answer. Say in api.items where it stands: data.items.",
        ),
        (
            {"a": [], "b": {"c": []}},
            "x.y",
            "there is no list at x.y in its answer. Say in api.items where it stands: a or b.c.",
        ),
        ({"data": {"items": []}}, "data", "no list at data"),
        ({"data": {"items": []}}, "data.items.0", "no list at data.items.0"),
        ([GEMINI], "items", "The whole answer is a list: leave out api.items."),
        (
            {"status": "up", "version": 1},
            None,
            "address of the collection in api.url: what it answers has status, version.",
        ),
        ({}, None, "what it answers has nothing."),
        ("7", None, "what it answers is no object."),
        (["gemini"], None, "the list as its answer has rows that are no objects"),
        ([GEMINI, None], None, "rows that are no objects"),
    ],
)
def test_what_is_no_listing_is_told(said: Any, items: str | None, words: str) -> None:
    with pytest.raises(ShipshapeError) as told:
        rows_of(said if isinstance(said, Response) else answer(said), items)

    assert words in told.value.message


@pytest.mark.parametrize(
    "beside",
    [
        {"total": 2},
        {"totalCount": 25},
        {"total_items": "25"},
        {"count": 25},
        {"totalPages": 2},
        {"meta": {"total": 25}},
        {"pagination": {"pages": 3}},
        {"meta": {"page": {"totalPages": 3}}},
        {"hasMore": True},
        {"pageInfo": {"hasNextPage": True}},
        {"next": "http://localhost/?page=2"},
        {"nextCursor": "abc"},
        {"next_page_token": "abc"},
        {"links": {"next": {"href": "/?page=2"}}},
    ],
)
def test_part_of_a_listing_is_refused(beside: dict[str, Any]) -> None:
    for said, items in (({"data": [GEMINI], **beside}, "data"), ({"all": {"data": [GEMINI], **beside}}, "all.data")):
        with pytest.raises(ShipshapeError, match="lists 1 credentials and says that there are more"):
            rows_of(answer(said), items)


@pytest.mark.parametrize(
    ("headers", "is_part"),
    [
        ({"link": '</credentials?page=2>; rel="next"'}, True),
        ({"link": "</credentials?page=2>; rel=next"}, True),
        ({"link": '</style.css>; rel="preload", </credentials?page=1>; rel="last"'}, False),
        ({"x-total-count": "25"}, True),
        ({"x-total-count": "1"}, False),
    ],
)
def test_headers_tell_of_more(headers: dict[str, str], is_part: bool) -> None:
    said = answer([GEMINI], headers=headers)
    if is_part:
        with pytest.raises(ShipshapeError, match="there are more"):
            rows_of(said, None)
    else:
        assert rows_of(said, None) == [GEMINI]


@pytest.mark.parametrize(
    ("rows", "fields", "wanted", "told"),
    [
        ([], {}, ["endpoint"], []),
        ([GEMINI, GROQ], {}, ["active", "global", "user"], []),
        (
            [GEMINI],
            {"priority": "rank"},
            [],
            [
                "no rank, but id, name, provider, priority, isActive, isGlobal, userId: name the field of the"
                " priority in api.fields.priority."
            ],
        ),
        ([{"a": 1}], {}, ["priority"], ["no id, but a", "no name, but a", "no provider, but a", "no priority, but a"]),
        (
            [GEMINI, {**GROQ, "id": 2} | {"x": 1}, {"id": 3, "name": "n", "provider": "p"}],
            {},
            [],
            ["no priority, but id, name, provider:"],
        ),
        ([GEMINI], {}, ["endpoint", "rate_limit"], ["no endpoint, but", "no rateLimit, but"]),
        # What has no value is often left out.
        ([GEMINI, {**GROQ, "endpoint": "http://a"}], {}, ["endpoint"], []),
        ([{}], {}, [], ["no id, but nothing", "no name", "no provider", "no priority"]),
    ],
)
def test_lacking_fields_are_told(
    rows: list[dict[str, Any]], fields: dict[str, str], wanted: list[str], told: list[str]
) -> None:
    found = list(field_problems(rows, {**FIELDS, **fields}, wanted))

    assert len(found) == len(told)
    assert all(words in problem for problem, words in zip(found, told))


def test_only_so_many_fields_are_named() -> None:
    few, many = ({f"f{number}": 0 for number in range(count)} for count in (20, 21))

    assert "f19:" in next(field_problems([few], FIELDS, []))
    assert "f19, more:" in next(field_problems([many], FIELDS, []))


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([1, 2], None),
        (["a", "b"], None),
        ([1, "2"], None),
        ([1, "1"], "two rows have the same id"),
        (["a", "a"], "two rows have the same id"),
        ([1, None], "id of a row is no whole number and no text"),
        ([1.5], "no whole number"),
        ([True], "no whole number"),
        ([""], "no whole number"),
        ([{"oid": 1}], "no whole number"),
    ],
)
def test_rows_can_be_told_apart(ids: list[Any], words: str | None) -> None:
    told = list(id_problems([{"id": own_id} for own_id in ids], FIELDS))

    assert [words in problem for problem in told if words] == ([True] if words else [])
    assert bool(told) is bool(words)
    assert all("name the right field in api.fields.id." in problem for problem in told)
    assert all(map(is_id, ids)) is (words is None or "same" in words)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, {}),
        ({"priority": "100"}, {}),
        ({"priority": "priority"}, {"priority": None}),
        ({"priority": None}, {"priority": None}),
        ({"priority": True}, {"priority": None}),
        ({"priority": 10.5}, {"priority": None}),
        ({"priority": "-5"}, {"priority": -5}),
        ({"id": "a-1"}, {"id": "a-1"}),
        ({"name": None, "provider": None}, {"name": "", "provider": ""}),
        ({"isActive": False}, {"is_active": False}),
        ({"isActive": 0, "isGlobal": 1}, {"is_active": False}),
        ({"isGlobal": False, "userId": 7}, {"is_global": False, "user": 7}),
        ({"isActive": None}, {"is_active": False}),
        ({"endpoint": "http://a", "rateLimit": "60"}, {"endpoint": "http://a", "rate_limit": 60}),
        ({"apiKey": "sk-0123456789"}, {"has_key": True}),
        ({"apiKey": None}, {"has_key": False}),
        ({"hasKey": True}, {"has_key": True}),
    ],
)
def test_row_is_a_credential(others: dict[str, Any], expected: dict[str, Any]) -> None:
    found = credential_of({**row(1, "main", "gemini", 100), **others}, FIELDS)

    assert found == Credential(**{"id": 1, "name": "main", "provider": "gemini", "priority": 100, **expected})


def test_row_without_flags_is_active_and_global() -> None:
    found = credential_of({"id": 1, "name": "main", "provider": "gemini", "priority": 1}, FIELDS)

    assert (found.is_active, found.is_global, found.user, found.has_key) == (True, True, None, None)


def test_other_names_of_fields_are_read() -> None:
    fields = {**FIELDS, "id": "_id", "priority": "rank", "active": "enabled"}

    found = credential_of({"_id": "x", "name": "main", "provider": "gemini", "rank": 5, "enabled": False}, fields)

    assert (found.id, found.priority, found.is_active) == ("x", 5, False)


def test_empty_listing_is_whole() -> None:
    assert rows_of(answer({"data": [], "total": None, "pages": None}), "data") == []


def test_no_json_is_none() -> None:
    assert json_of(answer("<html>")) is None
    assert json_of(answer({"a": 1})) == {"a": 1}
