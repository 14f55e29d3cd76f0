# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a use case gives back. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Diff:
    """What was there and what is wanted, as text for people."""

    before: str
    after: str
    path: str

    def as_returned(self) -> dict[str, str]:
        """The form that Ansible prints under --diff."""
        return {
            "before": self.before,
            "after": self.after,
            "before_header": self.path,
            "after_header": self.path,
        }


@dataclass(frozen=True)
class Result:
    """Whether something changed (or would, in check mode), and the facts that the module documents under RETURN."""

    changed: bool
    data: Mapping[str, Any] = field(default_factory=dict)
    diff: Diff | None = None
    # Instead of it one for each file, where there are several.
    diffs: Sequence[Diff] = ()
    warnings: Sequence[str] = ()
