# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say which database is meant. This module is private to the collection.

They are documented in the fragment database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address


def database_argument_spec() -> ArgumentSpec:
    """The address, and the password beside it."""
    return ArgumentSpec(
        {
            "database": {"type": "str", "required": True, "no_log": True},
            "database_password": {"type": "str", "no_log": True},
        }
    )


def address_of(params: Mapping[str, Any]) -> Address:
    """The address that these options give."""
    return parse_address(params["database"], params["database_password"])


def secrets_of(params: Mapping[str, Any]) -> list[str]:
    """What of these options nobody may see."""
    password = params["database_password"]
    return [*_secrets_in(params["database"]), *([password] if password else [])]


def _secrets_in(url: str) -> list[str]:
    """The password, as it is written there and as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    if parts.password:
        return [url, parts.password, unquote(parts.password)]
    # A password with one of /?# in it that is not percent-encoded ends up in what follows the host.
    return [url] if "@" in f"{parts.path}{parts.query}{parts.fragment}" else []
