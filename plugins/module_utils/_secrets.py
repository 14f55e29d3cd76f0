# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which texts of what a user gives nobody may see. This module is private to the collection."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote

# Of options, headers and variables. Tokens in the plural are what language models count.
_SECRET = re.compile(
    r"passw(?:or)?d|passphrase|pwd|secret|token(?!s)|authorization|cookie|(?:api|access|private)[-_]?key|^auth$",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]*?:([^\s/?#]+)@", re.IGNORECASE)
_IN_QUERY = re.compile(r"[?&]([^\s=&#]+)=([^\s&#]+)")
# Bearer eyJ…: the word before it says nothing.
_SCHEME = re.compile(r"(?:apikey|basic|bearer|digest|token)\s+(\S.*)", re.IGNORECASE)

# What these words of expectations are given tells how a secret looks, and not what it is.
_LOOKS = ("contains", "match", "sorted", "type")

# Anything shorter would blot out half of the result, and is no secret worth the name.
_SHORTEST = 4

# Where a text is cut off.
CUT = "…"
_MASK = "********"


def headers_of(identity: Mapping[str, Any]) -> dict[str, str]:
    """What an identity adds to requests."""
    headers = {str(name): str(value) for name, value in (identity.get("headers") or {}).items()}
    if identity.get("bearer") is not None:
        headers["Authorization"] = f"Bearer {identity['bearer']}"
    if identity.get("basic") is not None:
        login = f"{identity['basic']['user']}:{identity['basic']['password']}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode('utf-8', 'surrogatepass')).decode()}"
    return headers


def secrets_in(value: object, *, is_secret: bool = False) -> Iterator[str]:
    """The values under names that speak of secrets, and the passwords of addresses; of `is_secret`, all values."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            is_one = (is_secret or _SECRET.search(str(name)) is not None) and name not in _LOOKS
            yield from secrets_in(inner, is_secret=is_one)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from secrets_in(inner, is_secret=is_secret)
    elif isinstance(value, str):
        yield from (found[1] for found in _LOGIN.finditer(value))
        yield from (found[2] for found in _IN_QUERY.finditer(value) if _SECRET.search(found[1]))
        if is_secret:
            yield value
            yield from _SCHEME.findall(value)
    elif is_secret and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def secrets_of_identity(identity: object) -> Iterator[str]:
    """All of it but the name of the user, which is often an ordinary word."""
    for word, value in identity.items() if isinstance(identity, Mapping) else ():
        is_login = word == "basic" and isinstance(value, Mapping)
        yield from secrets_in(value["password"] if is_login and "password" in value else value, is_secret=True)


def every_form(secrets: Iterable[str]) -> list[str]:
    """Each as a server or a program may echo it."""
    found: dict[str, None] = {}
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            for one in (secret, unquote(secret)):
                found.update(dict.fromkeys(_forms(one)))
    return [form for form in found if len(form) >= _SHORTEST]


def _forms(secret: str) -> Iterator[str]:
    # JSON can hold halves of characters, which have no bytes.
    encoded = secret.encode("utf-8", "surrogatepass")
    yield from (secret, " ".join(secret.split()), html.escape(secret), html.escape(secret, quote=False))
    yield from (quote(encoded, safe=""), quote(encoded), quote_plus(encoded))
    in_json = [secret]
    # What is echoed can be JSON within JSON, and is shown as JSON.
    for _depth in range(3):
        in_json = [json.dumps(one, ensure_ascii=is_ascii)[1:-1] for one in in_json for is_ascii in (True, False)]
        yield from in_json
    yield from (base64.b64encode(encoded).decode().rstrip("="), base64.urlsafe_b64encode(encoded).decode().rstrip("="))


def masked(value: Any, secrets: Sequence[str]) -> Any:
    """The value with stars in the place of these texts, and of their beginnings where a text is cut off."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _MASK)
            for size in range(len(secret) - 1, _SHORTEST - 1, -1) if CUT in value else ():
                value = value.replace(f"{secret[:size]}{CUT}", f"{_MASK}{CUT}")
        return value
    if isinstance(value, (int, float)) and str(value) in secrets:
        return _MASK
    if isinstance(value, Mapping):
        return {masked(key, secrets): masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(inner, secrets) for inner in value]
    return value
