# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time, as users, PostgreSQL and files write them. This module is private to the collection."""

from __future__ import annotations

import re
from datetime import datetime, timezone

LATEST = "latest"

# As ISO 8601 has it and as PostgreSQL shows it, whose zone can do without minutes.
_WRITTEN = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d)(?P<seconds>:\d\d)?(?P<fraction>\.\d{1,6})? ?"
    r"(?P<zone>Z|UTC|(?P<hours>[+-]\d\d):?(?P<minutes>\d\d)?)"
)


def read_moment(text: str) -> datetime | None:
    """The point in time, or None if it is not written as one with its zone."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    fraction = (found["fraction"] or ".0").ljust(7, "0")
    zone = f"{found['hours']}:{found['minutes'] or '00'}" if found["hours"] else "+00:00"
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['time']}{found['seconds'] or ':00'}{fraction}{zone}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def written(moment: datetime) -> str:
    """The point in time as results and files have it."""
    text = moment.astimezone(timezone.utc).isoformat(timespec="microseconds")
    return re.sub(r"\.?0*\+00:00\Z", "Z", text)
