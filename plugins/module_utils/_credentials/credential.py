# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as they are, as they are declared, and what brings them from one to the other.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

# What identifies a credential where it is kept: a number, a text, a UUID as text.
Id = Union[int, str]

# Of a credential that is not made yet.
NEW: Id = ""


@dataclass(frozen=True)
class Credential:
    """One credential as it is kept, without its key and its secret, which are never read."""

    id: Id
    name: str
    provider: str
    # None is what can be no priority: NULL, or a text that an old mistake has left there.
    priority: int | None
    is_active: bool = True
    is_global: bool = True
    user: Id | None = None
    endpoint: str | None = None
    rate_limit: int | None = None
    # Whether it has a key at all; None is not known.
    has_key: bool | None = None
    # Of the declared "key" and "secret" by these words: whether they are those that are kept; None is not known.
    is_same: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Declared:
    """One credential as the user wants it; what is not in `values` stays as it is."""

    name: str
    # present, absent, active or inactive.
    state: str = "present"
    # By the words of the option: provider, priority, key, secret, endpoint, rate_limit, global, user.
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Change:
    """One credential to be made, changed or taken away."""

    # None is one that is to be made.
    before: Credential | None
    # What it then is, as far as that can be known; None is one that is taken away.
    after: Credential | None
    # By the words of the option, with "active" besides, only what changes (or, of one that is made, is given). Secret.
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def action(self) -> str:
        """The word for it."""
        return "created" if self.before is None else "deleted" if self.after is None else "updated"
