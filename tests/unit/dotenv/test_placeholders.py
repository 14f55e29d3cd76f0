# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.placeholders import (
    holds_placeholder,
    is_placeholder,
)


@pytest.mark.parametrize(
    "value",
    [
        "<strong-secret-key>",
        " <your-a2e-api-key> ",
        "[PRODUCTION_PASSWORD]",
        "[PRODUCTION_API_KEY]",
        "your-secure-api-key",
        "your-256-bit-jwt-secret",
        "your_api_key",
        "YOUR_TOKEN",
        "changeme",
        "change-me-in-production",
        "CHANGE_THIS",
        "REPLACE_ME",
        "replace-with-your-key",
        "{{ vault_secret }}",
        "********",
        "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
        "$encrypted$",
        "__omit_place_holder__0123",
    ],
)
def test_placeholders(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "https://your-domain.com",
        "https://your-production-domain.com/api",
        "admin@your-domain.com",
        "ops@example.com,admin@your-domain.com",
        "postgresql://user:<password>@host/db",
        "postgresql://user:changeme@host/db",
        "redis://:your_redis_password@cache",
    ],
)
def test_placeholders_within(value: str) -> None:
    assert holds_placeholder(value)
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "jotx.your-database.de",
        "track-your-parcel.example.com",
        "changement",
        "replacement",
        "yours truly",
        "yourname",
        "a<b>c",
        "[1, 2]",
        "*******",
        "p<ss>",
        "",
    ],
)
def test_real_values(value: str) -> None:
    assert not holds_placeholder(value)
