# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_keys import compared_by, shown_in

KEY = "sk-proj-0123456789abcd"
CRYPTOJS = "U2FsdGVkX1+Vq1mBrXyZ0123456789abcdef=="
AES_GCM = "6f1e0c5d9a8b7c6d5e4f3a2b:9f8e7d6c5b4a39281706f5e4:a1b2c3d4e5f60718293a4b5c"


@pytest.mark.parametrize(
    ("row", "exists", "same", "other", "weakness"),
    [
        ({"apiKey": KEY}, True, True, False, 0),
        ({"apiKey": None}, False, False, False, 0),
        ({"apiKey": ""}, False, False, False, 0),
        ({"apiKey": "sk-…abcd"}, True, True, False, 1),
        ({"apiKey": "sk-pr...abcd"}, True, True, False, 1),
        ({"apiKey": "********abcd"}, True, True, False, 1),
        ({"apiKey": "****-****-abcd"}, True, True, False, 1),
        ({"apiKey": "xxxx xxxx abcd"}, True, True, False, 1),
        ({"apiKey": "••••••••abcd"}, True, True, False, 1),
        ({"apiKey": "sk-proj-********"}, True, True, True, 1),
        ({"apiKey": "sk-pr…(22 letters)"}, True, True, True, 1),
        ({"apiKey": "****bcd"}, True, None, False, 2),
        ({"apiKey": "********"}, True, None, None, 2),
        ({"apiKey": "[REDACTED]"}, True, None, None, 2),
        ({"apiKey": "see the vault"}, True, None, None, 2),
        ({"apiKey": "zz…abcd"}, True, False, False, 1),
        ({"apiKey": "configured"}, True, None, None, 2),
        ({"apiKey": "789abcd"}, True, None, None, 2),
        ({"apiKey": "6789abcd"}, True, False, False, 0),
        ({"apiKey": CRYPTOJS}, True, None, None, 2),
        ({"apiKey": AES_GCM}, True, None, None, 2),
        ({"apiKey": True}, True, None, None, 2),
        ({"apiKey": False}, False, False, False, 0),
        ({"apiKey": None, "hasApiKey": True}, True, None, None, 2),
        ({"hasKey": True}, True, None, None, 2),
        ({"has_key": 1}, True, None, None, 2),
        ({"has_api_key": 0}, False, False, False, 0),
        ({"hasSecret": True}, None, None, None, 3),
        ({"maskedKey": "sk-…abcd"}, True, True, False, 1),
        ({"maskedApiKey": "0123456789abcd"}, True, None, None, 2),
        ({}, None, None, None, 3),
    ],
)
def test_what_is_shown_of_a_key_tells(
    row: dict[str, object], exists: bool | None, same: bool | None, other: bool | None, weakness: int
) -> None:
    shown = shown_in(row, "apiKey", "key")

    assert shown.exists is exists
    assert shown.is_same(KEY) is same
    assert shown.is_same("sk-proj-9876543210dcba") is other
    assert shown.weakness() == weakness


def test_key_is_not_shorter_than_what_is_shown_of_it() -> None:
    shown = shown_in({"apiKey": "sk-abc…bcd"}, "apiKey", "key")

    assert shown.is_same("sk-abcd") is False
    assert shown.is_same("sk-abcbcd") is True


def test_key_that_looks_like_none_is_known_where_it_is_shown() -> None:
    key = '{"type": "service_account", "private_key": "canary"}'
    shown = shown_in({"apiKey": key}, "apiKey", "key")

    assert (shown.is_same(key), shown.is_same(KEY)) == (True, None)


def test_other_name_of_the_field_is_looked_for_beside_it() -> None:
    assert shown_in({"hasServiceToken": True}, "service_token", "key").exists is True
    assert shown_in({"masked_service_token": "****abcd"}, "serviceToken", "key").is_same(KEY) is True


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], None),
        ([{"apiKey": KEY}], None),
        ([{"apiKey": KEY}, {"apiKey": "sk-…abcd"}], "only the beginning or the end"),
        ([{"apiKey": "sk-…abcd"}, {"apiKey": "****"}], "only whether there is a key"),
        ([{"apiKey": "****"}, {}], "nothing of keys"),
    ],
)
def test_weakest_comparison_is_told(rows: list[dict[str, object]], words: str | None) -> None:
    told = compared_by(shown_in(row, "apiKey", "key") for row in rows)

    assert (words in told and "with update_keys it is sent" in told) if words and told else told is words


@pytest.mark.parametrize(
    ("row", "same"), [({"apiKey": KEY}, False), ({"apiKey": "****"}, False), ({"apiKey": None}, True), ({}, None)]
)
def test_no_key_can_be_declared_too(row: dict[str, object], same: bool | None) -> None:
    assert shown_in(row, "apiKey", "key").is_same("") is same


def test_key_is_not_in_what_is_written_of_it() -> None:
    assert "abcd" not in repr([shown_in({"apiKey": text}, "apiKey", "key") for text in (KEY, "abcd…1", "1…abcd")])
