# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of one deployment, checked and completed. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

SCHEMA = 1

# What a deployment came to, and how that is said in a word.
VERDICTS = {
    "good": "Deployed",
    "unchanged": "Nothing to do",
    "refused": "Refused",
    "returned": "Taken back",
    "rolled_back": "Rolled back",
    "failed": "Failed",
}

# Each fact with what stands for it where nothing is known.
_FACTS: Mapping[str, Any] = {
    "application": "",
    "deployment": "",
    "verdict": "",
    "sentence": "",
    "by": "",
    "began": "",
    "ended": "",
    "hosts": [],
    "release": {},
    "before": None,
    "phases": [],
    "suites": [],
    "steps": [],
    "availability": None,
    "switched": None,
    "snapshot": None,
    "migrations": [],
    "configuration": {},
    "logs": [],
    "warnings": [],
    "attested": [],
    "asked": [],
    "known_issues": [],
    "kind": None,
    "schema_version": None,
    "expected_downtime": None,
    "next_review": None,
    "go_back": None,
}
_NEEDED = ("application", "deployment", "verdict", "began", "ended")

_SHORT = 10

_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


def complete(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The record of these facts. Raises InvalidInput with everything that is wrong."""
    problems = list(_problems(facts))
    if problems:
        raise InvalidInput("The record of a deployment", problems)
    known = {name: value for name, value in facts.items() if value is not None}
    record = {"schema": SCHEMA, **_FACTS, **known}
    record["seconds"] = _seconds(record)
    record["phases"] = [*_phases(record["phases"], record["ended"])]
    record["counts"] = _counts(record["suites"])
    return record


def moment(text: str) -> datetime:
    """A moment as records have it, with a fraction of a second or without."""
    told = text if "." in text else text.replace("Z", ".0Z")
    return datetime.strptime(told, _STAMP).replace(tzinfo=timezone.utc)


def _problems(facts: Mapping[str, Any]) -> Iterator[str]:
    for name in facts:
        if name not in _FACTS:
            yield f"{name}: there is no such fact. {did_you_mean(name, _FACTS)}"
    for name in _NEEDED:
        if not facts.get(name):
            yield f"{name}: it is not said."
    verdict = facts.get("verdict")
    if verdict and verdict not in VERDICTS:
        yield f"verdict: {verdict} is none. {did_you_mean(str(verdict), VERDICTS)}"
    places: list[tuple[str, Mapping[str, Any]]] = [("", facts)]
    places += [(f"phases[{number}].", phase) for number, phase in enumerate(facts.get("phases") or [], 1)]
    for place, told in places:
        for name in ("began", "ended"):
            if told.get(name) and not _is_moment(told[name]):
                yield f"{place}{name}: write it as 2026-11-22T07:15:00Z."


def _is_moment(text: object) -> bool:
    try:
        moment(str(text))
    except ValueError:
        return False
    return True


def _phases(phases: Sequence[Mapping[str, Any]], ended: str) -> Iterator[dict[str, Any]]:
    """With their ends, which are the beginnings of the next ones where nothing else is said."""
    ends = [*(phase.get("began") for phase in phases[1:]), ended]
    for phase, end in zip(phases, ends):
        told = {"ended": end, **phase}
        yield {**told, "seconds": _seconds(told)}


def _seconds(told: Mapping[str, Any]) -> float | None:
    if not (told.get("began") and told.get("ended")):
        return None
    seconds = round((moment(told["ended"]) - moment(told["began"])).total_seconds(), 1)
    # Nobody wants to know tenths of what takes longer.
    return seconds if seconds < _SHORT and seconds % 1 else int(seconds)


def _counts(suites: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    outcomes = [check.get("outcome") for suite in suites for check in suite.get("checks") or ()]
    passed = outcomes.count("passed")
    skipped = outcomes.count("skipped")
    return {"checks": len(outcomes), "passed": passed, "skipped": skipped, "other": len(outcomes) - passed - skipped}
