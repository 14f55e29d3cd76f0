# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spans of time as people write them. This module is private to the collection."""

from __future__ import annotations

import re

# Nobody waits for longer, and no clock counts without end.
_LONGEST = 366 * 86400
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhd])\s*")


def seconds_of(text: object) -> float | None:
    """The seconds of 250ms, 60s, 15m, 2h or 1d, or of a bare number of seconds; None if it is no span of time."""
    seconds: float = -1
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        seconds = text
    elif isinstance(text, str) and (found := _DURATION.fullmatch(text)):
        seconds = float(found[1]) * _UNITS[found[2]]
    return float(seconds) if 0 <= seconds <= _LONGEST else None
