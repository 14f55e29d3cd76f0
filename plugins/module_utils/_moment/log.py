# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PostgreSQL logs of a recovery. This module is private to the collection."""

from __future__ import annotations

import re

from ansible_collections.shipshape.webapp.plugins.module_utils._moment.moment import read_moment, written

_FOLLOWING = re.compile(r"recovery stopping before (?:commit|abort).* transaction \d+, time (.+)$", re.MULTILINE)
_LAST = re.compile(r"last completed transaction was at log time (.+)$", re.MULTILINE)
_TOO_EARLY = "recovery ended before configured recovery target was reached"

# To whoever asks while it is not ready it says something of the database system, which is no failure.
_FAILURE = re.compile(r"(?:FATAL|PANIC):  (?!the database system is )(.+)$", re.MULTILINE)


def following(log: str) -> str | None:
    """When the first transaction was committed that is not in it any more."""
    return _time(_FOLLOWING, log)


def why_not_recovered(log: str, stanza: str, moment: str) -> str:
    """The sentence for a server that has ended instead of being recovered."""
    if _TOO_EARLY in log:
        last = _time(_LAST, log)
        where = f"with the transaction of {last}" if last else "without a transaction after the backup"
        return f"The archive of {stanza} ends {where}, so that nothing tells what was at {moment}."
    found = _FAILURE.search(log)
    return f"The scratch cluster was not recovered: {found[1] if found else 'its log does not say why'}."


def _time(pattern: re.Pattern[str], log: str) -> str | None:
    found = pattern.search(log)
    moment = read_moment(found[1]) if found else None
    return written(moment) if moment else None
