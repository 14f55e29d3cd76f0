# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order an application uses its credentials, and what follows from that.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import NEW, Credential

_MOST_NAMES = 5


@dataclass(frozen=True)
class Tie:
    """Credentials of different providers that have the same priority."""

    priority: int
    names: Sequence[str]


@dataclass(frozen=True)
class Order:
    """What an application uses for everybody: credentials that are global, active and have a key."""

    first: str | None
    fallbacks: Sequence[str]
    ties: Sequence[Tie]
    # What would come before the first, by name, and why it does not: inactive, no key.
    passed_over: Sequence[tuple[str, str]]


def in_order(credentials: Iterable[Credential]) -> list[Credential]:
    """By priority, then by id; those whose priority is none come last."""
    return sorted(credentials, key=_rank)


def order_of(credentials: Iterable[Credential]) -> Order:
    """Which of them is used first, which then, and what is in doubt."""
    competing = [credential for credential in in_order(credentials) if credential.is_global]
    usable = [credential for credential in competing if not _obstacle(credential)]
    before_first = competing[: competing.index(usable[0])] if usable else competing
    return Order(
        first=usable[0].name if usable else None,
        fallbacks=[credential.name for credential in usable[1:]],
        ties=list(_ties(usable)),
        passed_over=[(credential.name, _obstacle(credential)) for credential in before_first],
    )


def listed(credential: Credential) -> dict[str, Any]:
    """The credential as the module returns it."""
    return {
        "id": None if credential.id == NEW else credential.id,
        "name": credential.name,
        "provider": credential.provider,
        "priority": credential.priority,
        "active": credential.is_active,
        "global": credential.is_global,
        "user": credential.user,
        "has_key": credential.has_key,
    }


def line(credential: Credential) -> str:
    """The credential as a line of a diff."""
    priority = "-" if credential.priority is None else str(credential.priority)
    facts = [
        "active" if credential.is_active else "inactive",
        *([] if credential.user is None else [f"user {credential.user}"]),
        *([] if credential.is_global or credential.user is not None else ["not global"]),
        *(["no key"] if credential.has_key is False else []),
    ]
    return f"{priority}  {credential.provider}  {credential.name}  {', '.join(facts)}"


def doubts(credentials: Sequence[Credential], order: Order) -> Iterator[str]:
    """What somebody should know of the order, in sentences."""
    for tie in order.ties:
        yield f"{some(tie.names)} have the same priority {tie.priority}: the application decides which comes first."
    if order.first is None:
        yield "No global credential is active and has a key, so that the application has none to use."
    else:
        for why in ("inactive", "no key"):
            names = [name for name, reason in order.passed_over if reason == why]
            if names:
                yield f"Passed over before {order.first} is used ({why}): {some(names)}."
    unclear = [credential.name for credential in credentials if credential.priority is None]
    if unclear:
        yield (
            f"The priority of {some(unclear)} is no whole number, so that the application may put it anywhere: give its"
            " provider a priority without only_default."
        )


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _rank(credential: Credential) -> tuple[bool, int, bool, int, str]:
    number, text = (credential.id, "") if isinstance(credential.id, int) else (0, credential.id)
    return credential.priority is None, credential.priority or 0, credential.id == NEW, number, text


def _obstacle(credential: Credential) -> str:
    if not credential.is_active:
        return "inactive"
    return "no key" if credential.has_key is False else ""


def _ties(usable: Sequence[Credential]) -> Iterator[Tie]:
    by_priority: dict[int, list[Credential]] = {}
    for credential in usable:
        if credential.priority is not None:
            by_priority.setdefault(credential.priority, []).append(credential)
    for priority, equal in by_priority.items():
        if len({credential.provider for credential in equal}) > 1:
            yield Tie(priority, [credential.name for credential in equal])
