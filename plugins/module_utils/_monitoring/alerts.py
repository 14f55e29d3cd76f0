# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table of alerts, as it is declared and as it is understood. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.amounts import duration, seconds
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.conditions import (
    Figures,
    Meaning,
    meaning_of,
)

SEVERITIES = ("critical", "high", "medium", "low")

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_ALERT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*\Z")
_OWN_LABELS = ("alertname", "application", "severity")

# What a test takes in at most, so that promtool is done soon.
_LONGEST = 86400


@dataclass(frozen=True)
class Example:
    """Series with which an alert whose expression is the user's own has to fire at a time."""

    series: Mapping[str, str]
    interval: str
    at: str


@dataclass(frozen=True)
class Alert:
    """One row of the table, understood."""

    name: str
    expr: str
    seconds: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    firing: Sequence[Figures] = ()
    quiet: Sequence[Figures] = ()
    example: Example | None = None

    @property
    def tests(self) -> int:
        """How many series of figures show what it does."""
        return len(self.firing) + len(self.quiet) + (self.example is not None)


@dataclass(frozen=True)
class Table:
    """The alerts of one application, as declared."""

    name: str
    rows: Sequence[Mapping[str, Any]] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)


def alerts_of(table: Table) -> list[Alert]:
    """The alerts, understood. Raises InvalidInput with all that cannot be."""
    problems = [*_problems_of_names(table)]
    found = []
    for place, row in enumerate(table.rows):
        at = f"alerts[{place}]"
        wrong = [f"{at}.{problem}." for problem in _problems_of(row)]
        problems += wrong
        if not wrong:
            try:
                found.append(_alert(row, table))
            except ValueError as error:
                problems.append(f"{at}.{error}.")
    if problems:
        raise InvalidInput("The alerts", problems)
    return found


def _problems_of_names(table: Table) -> Iterator[str]:
    if not _NAME.match(table.name):
        yield "name has to consist of letters, digits, - and _."
    yield from (
        f"labels.{name} has to be a label that Prometheus knows, with a text, and none of {', '.join(_OWN_LABELS)}."
        for name, value in table.labels.items()
        if not _LABEL.match(str(name)) or name in _OWN_LABELS or not _is_literal(value)
    )
    names = [row["alert"] for row in table.rows]
    yield from (f"alerts has two of the name {name}." for name in sorted({n for n in names if names.count(n) > 1}))


def _is_literal(value: object) -> bool:
    """Whether it stands for itself: Prometheus would fill in what is in double braces."""
    return "{{" not in str(value) and bool(str(value))


def _problems_of(row: Mapping[str, Any]) -> Iterator[str]:
    if not _ALERT.match(row["alert"]):
        yield "alert has to be one word, such as RedisDown"
    if (row.get("when") is None) is (row.get("expr") is None):
        yield "when has to be there, or expr instead of it"
    if row.get("example") is not None and row.get("expr") is None:
        yield "example goes with expr, as for when there are tests already"
    try:
        seconds(str(row["for"]))
        for name in ("interval", "at"):
            seconds(str((row.get("example") or {}).get(name, "0")))
    except ValueError as error:
        yield f"for, or a time of example, {error}"


def _alert(row: Mapping[str, Any], table: Table) -> Alert:
    pending = seconds(str(row["for"]))
    meaning = _meaning(row, pending)
    labels = {str(name): str(value) for name, value in table.labels.items()}
    example = row.get("example")
    return Alert(
        name=row["alert"],
        expr=meaning.expr if meaning else str(row["expr"]).strip(),
        seconds=pending,
        labels={**labels, "application": table.name, "severity": row["severity"]},
        annotations=_annotations(row, meaning),
        firing=meaning.firing if meaning else (),
        quiet=meaning.quiet if meaning else (),
        example=Example(example["series"], example["interval"], example["at"]) if example else None,
    )


def _meaning(row: Mapping[str, Any], pending: int) -> Meaning | None:
    if row.get("when") is None:
        return None
    try:
        meaning = meaning_of(row["when"])
    except ValueError as error:
        # What is about the whole has no name of an option before it.
        text = str(error)
        raise ValueError(f"when {text}" if text.startswith("has ") else f"when.{text}") from None
    if meaning.holds is not None and pending >= meaning.holds:
        raise ValueError(f"for has to be shorter than {duration(meaning.holds)}, for which one event is seen")
    longest = max(one.onset + one.settle for one in [*meaning.firing, *meaning.quiet])
    if longest + pending > _LONGEST:
        raise ValueError(f"for and when.over are too long to be tried: {duration(_LONGEST)} at most")
    return meaning


def _annotations(row: Mapping[str, Any], meaning: Meaning | None) -> dict[str, str]:
    summary = row.get("summary") or (meaning.words if meaning else None)
    said = {"summary": summary, "description": row.get("description"), "runbook_url": row.get("runbook")}
    return {name: str(text) for name, text in said.items() if text}
