# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a suite knows of its earlier runs. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import Outcome


@dataclass(frozen=True)
class Memory:
    """By the names of checks: what they had to remember, and the numbers that were recorded of them."""

    remembered: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recorded: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def after(self, outcomes: Sequence[Outcome], *, is_recording: bool) -> Memory:
        """With what a run has seen; numbers are replaced only if that was asked for."""
        remembered = {one.name: one.remember for one in outcomes if one.remember}
        recorded = {one.name: one.recorded for one in outcomes if one.recorded and is_recording}
        return Memory({**self.remembered, **remembered}, {**self.recorded, **recorded})

    def as_text(self) -> str:
        """As it is kept in a file."""
        return (
            json.dumps({"remembered": self.remembered, "recorded": self.recorded}, indent=2, ensure_ascii=False) + "\n"
        )


def parse_memory(content: bytes, path: str) -> Memory:
    """What such a file holds. Raises InvalidInput."""
    try:
        found = json.loads(content)
        remembered, recorded = found["remembered"], found["recorded"]
        if not all(isinstance(inner, dict) for one in (remembered, recorded) for inner in one.values()):
            raise ValueError("not as it was written")
        if not all(isinstance(number, (int, float)) for inner in recorded.values() for number in inner.values()):
            raise ValueError("not as it was written")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput(
            "The memory", [f"{path} is no memory of smoke_check: name another file, or remove it."]
        ) from None
    return Memory(remembered, recorded)
