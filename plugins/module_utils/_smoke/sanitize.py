# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that markup in what users send is not sent back as it is. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import web
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response

_PLACE = "${payload}"

# All of them are markup: quotes alone are no harm in most places, and whoever leaves them has done nothing wrong.
_PAYLOADS = (
    "<script>alert('shipshape')</script>",
    "\"><img src=x onerror=alert('shipshape')>",
    "<svg/onload=alert('shipshape')>",
    '<a href="javascript:alert(1)">shipshape</a>',
    "</textarea><iframe src=//shipshape.invalid></iframe>",
)

# With these, nobody has looked at what was sent.
_UNSEEN = (401, 404, 405, 429)


class Sanitize:
    """Sends the same request with one payload after the other."""

    name = "sanitize"
    options: Mapping[str, Option] = {**web.REQUEST_OPTIONS, "payloads": Option("list", default=_PAYLOADS)}
    shorthand = "get"
    is_each = False
    observes = ("reflected", "statuses")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the request and the payloads."""
        yield from web.request_problems(options)
        if _filled(_asked(options), "") == _asked(options):
            yield f"{_PLACE} is missing: it stands in the request where the payloads are to go."
        payloads = options["payloads"]
        if not payloads or (isinstance(payloads, list) and not all(isinstance(one, str) and one for one in payloads)):
            yield "payloads: give at least one, and each as text."

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That none comes back."""
        return {"reflected": []}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """As the method is meant."""
        return web.only_reads(options)

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """Which payloads come back, in an answer of whatever status, 400 among them."""
        statuses: list[int] = []
        reflected: list[str] = []
        told: dict[str, str] = {}
        for payload in options["payloads"]:
            filled = _filled(_asked(options), payload)
            request = web.request_of(filled, setting, world)
            response = web.ask(request, filled, setting, world)
            _must_be_seen(request, response, options)
            statuses.append(response.status)
            told[payload] = web.evidence(request, response)
            if _has(response, payload):
                reflected.append(payload)
        return Observed({"reflected": reflected, "statuses": statuses}, told[[*reflected, *told][0]])


def _asked(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in web.REQUEST_OPTIONS}


def _filled(options: Mapping[str, Any], payload: str) -> dict[str, Any]:
    """The options with the payload in its places, quoted in an address."""
    return {
        name: _put(value, quote(payload, safe="") if name in web.VERBS else payload) for name, value in options.items()
    }


def _put(value: Any, payload: str) -> Any:
    if isinstance(value, str):
        return value.replace(_PLACE, payload)
    if isinstance(value, Mapping):
        return {name: _put(inner, payload) for name, inner in value.items()}
    if isinstance(value, list):
        return [_put(inner, payload) for inner in value]
    return value


def _must_be_seen(request: Request, response: Response, options: Mapping[str, Any]) -> None:
    """An answer of somebody who has not looked at the payload proves nothing."""
    is_for_address = response.status == 404 and any(_PLACE in (options.get(verb) or "") for verb in web.VERBS)
    if response.status >= 500 or (response.status in _UNSEEN and not is_for_address):
        error = Unobserved(web.evidence(request, response))
        error.add("This does not tell what becomes of markup.")
        raise error


def _has(response: Response, payload: str) -> bool:
    """Whether the payload is there as it was sent: in the body, or in a text of its JSON, where a page gets it from."""
    return payload in web.text_of(response) or any(payload in text for text in _texts(web.json_of(response)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)
