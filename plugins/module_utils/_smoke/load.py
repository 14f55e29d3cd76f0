# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of how an application bears load. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, World
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
    only_reads,
    request_of,
    request_problems,
)

# What is known of each takes a kilobyte of memory.
_MOST_REQUESTS = 100_000

_USUAL = range(200, 400)


class Load:
    """Sends one request many times, over several connections, and measures."""

    name = "load"
    options: Mapping[str, Option] = {
        **VOLLEY_OPTIONS,
        "requests": Option("whole", default=100),
        "concurrency": Option("whole", default=10),
        "ok": Option("list"),
        "warm_up": Option("whole", default=0),
    }
    shorthand = "get"
    is_each = False
    observes = ("rps", "p50", "p95", "p99", "max", "errors", "error_rate", "statuses", "seconds")
    is_alone = True

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the request, and how often it can be sent."""
        yield from request_problems(options)
        yield from number_problems(options, "requests", 1, _MOST_REQUESTS)
        yield from number_problems(options, "concurrency", 1, MOST_AT_ONCE)
        yield from number_problems(options, "warm_up", 0, _MOST_REQUESTS)
        yield from status_problems(options)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That every request is answered as it should be."""
        return {"errors": 0}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """If each of the requests does."""
        return only_reads(options)

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """How many it answers in a second, and after how many milliseconds."""
        request = request_of(options, setting, world)
        count, at_most = options["requests"], options["concurrency"]
        if options["warm_up"]:
            fire([request] * options["warm_up"], options, setting, world, at_most=at_most)
        shots, seconds = fire([request] * count, options, setting, world, at_most=at_most)
        ok = statuses_of(options, _USUAL)
        errors = sum(shot.status not in ok for shot in shots)
        answered = sorted(shot.ms for shot in shots if shot.status is not None)
        statuses = counted(shots)
        measured = {name: round(percentile(answered, share), 2) for name, share in _PERCENTILES.items()}
        values = {
            "rps": round(len(answered) / seconds, 1),
            **measured,
            "errors": errors,
            "error_rate": errors / count,
            "statuses": statuses,
            "seconds": round(seconds, 3),
        }
        spread = ", ".join(f"{name} {ms:g} ms" for name, ms in measured.items())
        return Observed(values, f"{told(request, statuses)} {values['rps']:g} in a second, {spread}.")


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank: the smallest of the values that so many percent of them do not exceed."""
    # Rounded up, without the errors of floating point numbers.
    return ordered[-(-len(ordered) * percent // 100) - 1]


_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
