# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what an application does when it is asked the same many times at once.

This module is private to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.volleys import (
    MOST_AT_ONCE,
    VOLLEY_OPTIONS,
    counted,
    fire,
    number_problems,
    status_problems,
    statuses_of,
    told,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import (
    ask,
    evidence,
    only_reads,
    request_of,
    request_problems,
    text_of,
)

_USUAL = range(200, 300)


class Concurrent:
    """Sends one request many times at the same moment, and looks at something before and after."""

    name = "concurrent"
    options: Mapping[str, Option] = {
        **VOLLEY_OPTIONS,
        "times": Option("whole", is_required=True),
        "around": Option(),
        "ok": Option("list"),
    }
    shorthand = "get"
    is_each = False
    observes = ("statuses", "ok", "errors", "before", "after", "spent")
    is_alone = True

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the requests."""
        yield from request_problems(options)
        yield from number_problems(options, "times", 1, MOST_AT_ONCE)
        yield from status_problems(options)
        if options["around"] is not None:
            yield from (f"around: {problem}" for problem in request_problems({"get": options["around"]}))

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That every request is answered as it should be."""
        return {"errors": 0}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """If each of the requests does."""
        return only_reads(options)

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """How each was answered, and what all of them together have changed."""
        request, count, around = request_of(options, setting, world), options["times"], options["around"]
        before = _seen(around, options, setting, world)
        shots, _seconds = fire([request] * count, options, setting, world, at_most=count, at_once=True)
        after = _seen(around, options, setting, world)
        right = statuses_of(options, _USUAL)
        ok = sum(shot.status in right for shot in shots)
        statuses, changed = counted(shots), _changed(before, after)
        values = {
            "statuses": statuses,
            "ok": ok,
            "errors": count - ok,
            "before": before,
            "after": after,
            "spent": None if around is None else _spent(changed),
        }
        changes = ", ".join(f"{name} went from {old} to {new}" for name, (old, new) in changed.items())
        return Observed(
            values, told(request, statuses) + (f" Of {around}, {changes or 'no number changed'}." if around else "")
        )


def _seen(around: str | None, options: Mapping[str, Any], setting: Setting, world: World) -> Any:
    if around is None:
        return None
    request = request_of({"get": around}, setting, world)
    response = ask(request, {"timeout": options.get("timeout")}, setting, world)
    if not 200 <= response.status < 300:
        raise Unobserved(f"What the requests change cannot be seen: {evidence(request, response)}")
    try:
        return json.loads(text_of(response))
    except ValueError:
        message = f"What the requests change cannot be seen, because this is no JSON: {evidence(request, response)}"
        raise Unobserved(message) from None


def _changed(before: Any, after: Any) -> dict[str, tuple[float, float]]:
    """The numbers that are another one now, by their paths."""
    earlier, later = dict(_numbers(before)), dict(_numbers(after))
    return {path: (number, later[path]) for path, number in earlier.items() if path in later and number != later[path]}


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in inside:
        yield from _numbers(inner, f"{path}.{name}" if path else str(name))


def _spent(changed: Mapping[str, tuple[float, float]]) -> float | None:
    """By how much the only number that changed has become smaller; with several, nobody knows which one is meant."""
    if len(changed) > 1:
        return None
    # Sums of money in floating point come out a little beside the truth.
    return round(sum(before - after for before, after in changed.values()), 9)
