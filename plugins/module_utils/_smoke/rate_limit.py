# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of how often an application lets itself be asked. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.volleys import (
    MOST_AT_ONCE,
    VOLLEY_OPTIONS,
    counted,
    fire,
    number_problems,
    told,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import (
    ask,
    evidence,
    merged,
    request_of,
    request_problems,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Shot

_MOST_REQUESTS = 100_000

_LIMITED = 429
# With the second, nginx refuses unless it is told otherwise; but only the first says that there is a limit.
_MAY_BE_LIMITED = (_LIMITED, 503)

# Where a proxy writes whom it asks for, and anybody else can write what he likes.
_SPOOFED = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP")


class RateLimit:
    """Asks more often than is allowed."""

    name = "rate_limit"
    options: Mapping[str, Option] = {
        **VOLLEY_OPTIONS,
        "limit": Option("whole", is_required=True),
        "window": Option("duration", default=60.0),
        "extra": Option("whole", default=5),
        "spoof": Option("flag", default=False),
        "concurrency": Option("whole", default=10),
    }
    shorthand = "get"
    is_each = False
    observes = ("sent", "ok", "limited", "first", "waited", "spoof_ok", "retry_after", "statuses")
    is_alone = True

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the request, and how often it can be sent."""
        yield from request_problems(options)
        yield from number_problems(options, "limit", 1, _MOST_REQUESTS)
        yield from number_problems(options, "extra", 1, _MOST_REQUESTS)
        yield from number_problems(options, "concurrency", 1, MOST_AT_ONCE)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That some are let through and some are not."""
        return {"ok": {"ge": 1}, "limited": {"ge": 1}}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Never, because others of the same address are not let through for a while."""
        return False

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """How many are let through, among them the first, without which the others would prove nothing."""
        request, at_most = request_of(options, setting, world), options["concurrency"]
        first, waited = _first(request, options, setting, world)
        burst = [request] * (options["limit"] + options["extra"])
        shots, _seconds = fire(burst, options, setting, world, at_most=at_most)
        statuses = counted([*shots, Shot(first.status, first.ms, first.headers)])
        refusals = [shot.headers for shot in shots if shot.status == _LIMITED]
        values = {
            "sent": len(shots) + 1,
            "ok": 1 + sum(_is_let_through(shot.status) for shot in shots),
            "limited": len(refusals),
            "first": first.status,
            "waited": waited,
            "spoof_ok": None,
            "retry_after": max((found for found in map(_retry_after, refusals) if found is not None), default=None),
            "statuses": statuses,
        }
        sentence = told(request, statuses)
        if options["spoof"]:
            spoofed = [_spoofed(request, number) for number in range(options["extra"])]
            shots, _seconds = fire(spoofed, options, setting, world, at_most=at_most)
            values["spoof_ok"] = sum(_is_let_through(shot.status) for shot in shots)
            sentence += f" Of {len(shots)} more, whose headers name other clients, {values['spoof_ok']} got through."
        return Observed(values, sentence)


def _first(request: Request, options: Mapping[str, Any], setting: Setting, world: World) -> tuple[Response, float]:
    """An answer that shows that there is no limit now, and how long it was waited for."""
    response, waited = ask(request, options, setting, world), 0.0
    if response.status in _MAY_BE_LIMITED:
        window = options["window"]
        said = _retry_after(response.headers)
        # A second more, because servers round.
        waited = (window if said is None else min(said, window)) + 1
        world.pause(waited)
        response = ask(request, options, setting, world)
    if not _is_let_through(response.status):
        after = f" after {waited:g} s" if waited else ""
        raise Unobserved(
            f"A limit shows only after a request that is let through, and already the first{after} was not:"
            f" {evidence(request, response)}"
        )
    return response, waited


def _is_let_through(status: int | None) -> bool:
    return status is not None and 200 <= status < 400


def _retry_after(headers: Mapping[str, str]) -> int | None:
    said = headers.get("retry-after", "")
    return int(said) if said.isdecimal() else None


def _spoofed(request: Request, number: int) -> Request:
    """The same on behalf of another client, whose address is one of those that are set aside for measurements."""
    address = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
    headers = {**dict.fromkeys(_SPOOFED, address), "Forwarded": f"for={address}"}
    return replace(request, headers=merged(request.headers, headers))
