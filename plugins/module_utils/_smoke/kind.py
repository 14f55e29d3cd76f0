# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kind of check is. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Connect
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Commands,
    FileLocks,
    Files,
    Http,
    HttpSession,
    Network,
    Paths,
    Trust,
)


@dataclass(frozen=True)
class World:
    """All that kinds reach."""

    http: Http
    network: Network
    connect: Connect
    commands: Commands
    files: Files
    paths: Paths
    file_locks: FileLocks
    now: Callable[[], datetime]
    # Seconds of a clock that is never set.
    clock: Callable[[], float]
    pause: Callable[[float], None]
    random: Callable[[int], bytes]


@dataclass(frozen=True)
class Setting:
    """What a check has from the suite around it."""

    # With this begin addresses that are a path alone.
    base_url: str | None = None
    database: Address | None = None
    # Those of the identity that it is asked as.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust: Trust = field(default_factory=Trust)
    timeout: float = 10
    # The steps of a scenario share one, and with it their cookies; any other check has its own.
    session: HttpSession | None = None
    # What this very check had remembered in an earlier run.
    remembered: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """What a check has seen: what is expected of it, and the words in which a failure is told what was seen where."""

    values: Mapping[str, Any]
    told: str = ""
    # For the next run.
    remember: Mapping[str, Any] = field(default_factory=dict)


def excerpt(text: str, longest: int = 200) -> str:
    """The beginning of what is too long; that it is cut must be seen, or half a secret would not be known for one."""
    return text if len(text) <= longest else f"{text[:longest]}…"


class Unobserved(ShipshapeError):
    """Nothing could be observed, so that nothing is known of what was to be proved."""


class Kind(Protocol):
    """One kind of check."""

    name: str
    options: Mapping[str, Option]
    # The option that a bare text stands for.
    shorthand: str
    # Whether a list in its place means one check each.
    is_each: bool
    # Whether it disturbs others, so that it comes last and alone.
    is_alone: bool

    @property
    def observes(self) -> Sequence[str]:
        """The keys of what it observes."""

    def problems(self, options: Mapping[str, Any]) -> Iterable[str]:
        """What is wrong with options that are right one by one, as sentences without the place."""

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is expected if the check does not say: something, always."""

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Whether it changes nothing, so that it is carried out in check mode as well."""

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> Any:
        """What is to be known from before the first check of the suite, if anything; observe is given it."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """Look once. Raises ShipshapeError, whose sentence says why nothing could be observed."""
