# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A deployment's record in a few lines, for a terminal or a message. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._record.record import VERDICTS


def summary(record: Mapping[str, Any]) -> list[str]:
    """The lines, of which each says one thing, and the first the verdict."""
    return [f"{record['application']}: {VERDICTS[record['verdict']]}. {record['sentence']}".strip(), *_facts(record)]


def _facts(record: Mapping[str, Any]) -> Iterator[str]:
    release, measured = record["release"], record["availability"]
    live = release.get("live") or release.get("id")
    if live:
        yield f"Live release: {live}" + (f" (before: {record['before']})" if record["before"] else "")
    if record["seconds"] is not None:
        yield f"Took: {record['seconds']} s"
    if measured:
        gap = measured["longest_gap"]
        yield f"Failed requests: {measured['failed']} of {measured['requests']}, longest gap {gap} s"
    counts = record["counts"]
    if counts["checks"]:
        yield f"Checks: {counts['passed']} of {counts['checks']} passed"
    if record["snapshot"]:
        yield f"Snapshot: {record['snapshot'].get('id')}"
    yield from (f"To note: {warning}" for warning in record["warnings"])
    for item in record["asked"]:
        due = f", until {item['due']}" if item.get("due") else ""
        yield f"To be confirmed by a person{due}: {item['name']}"
    if record["go_back"]:
        yield f"To go back: {record['go_back']}"
