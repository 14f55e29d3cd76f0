# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all checks that send many requests at once have in common. This module is private to the collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import REQUEST_OPTIONS
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Shot

# A redirect is an answer like any other.
VOLLEY_OPTIONS: Mapping[str, Option] = {name: option for name, option in REQUEST_OPTIONS.items() if name != "follow"}

# As many connections as a process may usually have open.
MOST_AT_ONCE = 1000

_ADVICE = {
    "dns": "its host name is not known to the DNS. Correct the address.",
    "refused": "nothing listens there. Start the server, or correct the address.",
    "timeout": "none came in whole in time. Look whether the server hangs, or give a longer timeout.",
    "certificate": "TLS is not spoken there, or its certificate is not trusted. Correct the address, or give its ca.",
    "connection": "the connections broke off. Look into the log of the server.",
}


def number_problems(options: Mapping[str, Any], name: str, least: int, most: int) -> Iterator[str]:
    """What is wrong with a number, unless it still holds a ${name}."""
    number = options[name]
    if isinstance(number, int) and not least <= number <= most:
        yield f"{name}: give a number from {least} to {most}."


def status_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the statuses in ok, unless they still hold a ${name}."""
    given = options["ok"]
    if isinstance(given, list) and not all(_is_status(each) or "${" in str(each) for each in given):
        yield "ok: give statuses, which are numbers from 100 to 599."


def statuses_of(options: Mapping[str, Any], usual: Collection[int]) -> Collection[int]:
    """The statuses that are no errors."""
    given = options["ok"]
    return usual if given is None else [int(each) for each in given]


def fire(
    requests: Sequence[Request],
    options: Mapping[str, Any],
    setting: Setting,
    world: World,
    *,
    at_most: int,
    at_once: bool = False,
) -> tuple[list[Shot], float]:
    """What became of the requests, and how long that took. Raises Unobserved if none of them was answered."""
    timeout = options.get("timeout")
    shots, seconds = world.http.volley(
        requests,
        at_most=at_most,
        at_once=at_once,
        timeout=setting.timeout if timeout is None else timeout,
        trust=setting.trust,
    )
    if all(shot.status is None for shot in shots):
        reason = Counter(str(shot.reason) for shot in shots).most_common(1)[0][0]
        raise Unobserved(f"{requests[0]}, sent {times(len(shots))}, had no answer: {_ADVICE[reason]}")
    return shots, seconds


def counted(shots: Sequence[Shot]) -> dict[str, int]:
    """How often there was which status, or for which reason none, the most frequent first."""
    return dict(Counter(str(shot.status or shot.reason) for shot in shots).most_common())


def told(request: Request, statuses: Mapping[str, int]) -> str:
    """What was sent and what came."""
    said = ", ".join(f"{count} x {status}" for status, count in statuses.items())
    return f"{request}, sent {times(sum(statuses.values()))}: {said}."


def times(count: int) -> str:
    """The number in words of English."""
    return "once" if count == 1 else f"{count} times"


def _is_status(value: object) -> bool:
    return str(value).isdecimal() and 100 <= int(str(value)) <= 599
