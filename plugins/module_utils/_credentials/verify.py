# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof, by an application's own answers, that its credentials have the planned order.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Credential
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed

_MOST_PROBLEMS = 5


class Listing(Protocol):
    """What an application lists."""

    def listing(self, provider: str | None = None) -> list[Credential]:
        """Its credentials, in its order; of one provider if asked for. Raises ShipshapeError."""


def verify(api: Listing, expected: Sequence[Credential]) -> None:
    """Return if the application shows what is expected, sorted, and the same when asked for each provider.

    Raises ChecksFailed, and ShipshapeError if the application does not answer.
    """
    whole = api.listing()
    problems = [*_differences(whole, expected), *_disorder(whole, "It")]
    for provider in dict.fromkeys(one.provider for one in expected if one.provider):
        problems += _differences_by_provider(whole, api.listing(provider), provider)
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        rest = f" And {more} more." if more > 0 else ""
        raise ChecksFailed(
            f"The application does not show the planned order. {' '.join(problems[:_MOST_PROBLEMS])}{rest}",
            problems=problems,
        )


def _differences(whole: Sequence[Credential], expected: Sequence[Credential]) -> Iterator[str]:
    shown, planned = _by_id(whole), _by_id(expected)
    for own_id, wanted in planned.items():
        found = shown.get(own_id)
        if found is None:
            # What it does not use, an application need not list.
            if wanted.is_active and wanted.is_global:
                yield f"It does not list {_called(wanted)}."
        elif (found.name, found.provider) != (wanted.name, wanted.provider):
            yield f"It shows {_called(found)} where {_called(wanted)} was planned."
        elif found.priority != wanted.priority:
            yield f"It shows {_called(wanted)} with {_told(found)} instead of {_told(wanted)}."
    yield from (
        f"It lists {_called(one)}, which was not planned." for own_id, one in shown.items() if own_id not in planned
    )


def _differences_by_provider(whole: Sequence[Credential], found: Sequence[Credential], provider: str) -> Iterator[str]:
    asked = f"Asked for ?provider={provider}, it"
    shown, known = _by_id(found), _by_id(whole)
    for own_id, one in shown.items():
        if one.provider != provider:
            yield f"{asked} lists {_called(one)} too."
        elif own_id not in known:
            yield f"{asked} lists {_called(one)}, which it does not list otherwise."
        elif one.priority != known[own_id].priority:
            yield f"{asked} shows {_called(one)} with {_told(one)}, and otherwise with {_told(known[own_id])}."
    for own_id, one in known.items():
        if one.provider == provider and own_id not in shown:
            yield f"{asked} does not list {_called(one)}."
    yield from _disorder(found, asked)


def _disorder(found: Sequence[Credential], who: str) -> Iterator[str]:
    # Where those without a priority stand depends on the database.
    placed = [(one.priority, one) for one in found if one.priority is not None]
    for (priority, one), (following, other) in zip(placed, placed[1:]):
        if priority > following:
            yield (
                f"{who} does not sort by priority: {_called(one)} with {_told(one)} comes before {_called(other)} with"
                f" {_told(other)}."
            )
            return


def _by_id(credentials: Sequence[Credential]) -> Mapping[str, Credential]:
    # A number in the database can be a text in the API.
    return {str(one.id): one for one in credentials}


def _called(credential: Credential) -> str:
    return f"{credential.name} ({credential.provider}, id {credential.id})"


def _told(credential: Credential) -> str:
    return "no priority" if credential.priority is None else f"priority {credential.priority}"
