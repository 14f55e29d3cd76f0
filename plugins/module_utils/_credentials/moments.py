# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A moment in the form in which a column keeps those of its rows. This module is private to the collection."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import is_text, is_whole
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column

# As many seconds are 3000 years, as many milliseconds three.
_ABOVE_SECONDS = 100_000_000_000

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)?")
# JavaScript's toISOString.
_USUAL = ("T", "000", "Z")


def moment_as_kept(now: datetime, column: Column, sample: object, engine: str) -> int | str:
    """The moment, like the sample, which is the column of another row, or None."""
    in_utc = now.astimezone(timezone.utc)
    # The types of SQLite bind nobody: what the rows have is what the application reads.
    like: Any = sample if isinstance(sample, (int, float, Decimal)) else None
    if like is not None or (sample is None and is_whole(column, engine)):
        return int(in_utc.timestamp() * (1000 if abs(like or 0) > _ABOVE_SECONDS else 1))
    if engine == "sqlite" or is_text(column):
        return _as_text(in_utc, sample)
    # The session is in UTC, too.
    return f"{in_utc:%Y-%m-%d %H:%M:%S}" + ("+00:00" if engine == "postgresql" else "")


def _as_text(in_utc: datetime, sample: object) -> str:
    found = _ISO.fullmatch(sample) if isinstance(sample, str) else None
    between, fraction, zone = found.groups(default="") if found else _USUAL
    zone = "+00:00" if zone and zone != "Z" else zone
    digits = f".{in_utc:%f}"[: len(fraction) + 1] if fraction else ""
    return f"{in_utc:%Y-%m-%d}{between}{in_utc:%H:%M:%S}{digits}{zone}"
