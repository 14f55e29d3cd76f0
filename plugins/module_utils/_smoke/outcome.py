# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of the checks of a suite. This module is private to the collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import isfinite
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import CUT, masked
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expectation import Assertion

PASSED, FAILED, ERROR, INCONCLUSIVE, SKIPPED = "passed", "failed", "error", "inconclusive", "skipped"

# In results and reports a value is shown up to here; what is within another shows half as many items as that.
_LONGEST_TEXT, _MOST_ITEMS = 200, 20


@dataclass(frozen=True)
class Outcome:
    """One check, or one step of a scenario, with its evidence."""

    name: str
    kind: str
    outcome: str
    severity: str = "fail"
    ms: float = 0.0
    attempts: int = 0
    assertions: Sequence[Assertion] = ()
    # Why it is not passed, line by line.
    failures: Sequence[str] = ()
    # Cut, because a whole answer may not stay in memory until the end.
    observed: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[Outcome] = ()
    # What later checks and later runs are given.
    saved: Mapping[str, Any] = field(default_factory=dict)
    remember: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, float] = field(default_factory=dict)
    # The requirements that it proves.
    ids: Sequence[str] = ()

    @property
    def is_against(self) -> bool:
        """Whether it alone makes the whole suite fail."""
        return self.outcome in (FAILED, ERROR) and self.severity == "fail"

    def as_returned(self) -> dict[str, Any]:
        """Without what is of no use to the user."""
        return {
            "name": self.name,
            "kind": self.kind,
            "outcome": self.outcome,
            "severity": self.severity,
            "ids": list(self.ids),
            "ms": round(self.ms, 1),
            "attempts": self.attempts,
            "assertions": [{"path": one.path, "is_met": one.is_met, "told": one.told} for one in self.assertions],
            "failures": list(self.failures),
            "observed": dict(self.observed),
            **({"steps": [step.as_returned() for step in self.steps]} if self.steps else {}),
        }


@dataclass(frozen=True)
class Verdict:
    """The whole suite."""

    outcomes: Sequence[Outcome]
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against it."""
        return not any(one.is_against for one in self.outcomes)

    def counts(self) -> dict[str, int]:
        """How many there are of each outcome; what only warns counts as warned."""
        counted = Counter(
            "warned" if one.severity == "warn" and one.outcome in (FAILED, ERROR) else one.outcome
            for one in self.outcomes
        )
        words = {"passed": PASSED, "failed": FAILED, "errors": ERROR, "skipped": SKIPPED, "warned": "warned"}
        return {word: counted[outcome] for word, outcome in {**words, INCONCLUSIVE: INCONCLUSIVE}.items()}

    def sentence(self) -> str:
        """How many of what, and a line for each that failed."""
        said = {"errors": "could not observe"}
        shown = {word: count for word, count in self.counts().items() if count or word == PASSED}
        counted = [f"{count} {said.get(word, word)}" for word, count in shown.items()]
        return "\n".join([f"{', '.join(counted)} in {self.seconds:.1f} s", *self.failures()])

    def failures(self) -> list[str]:
        """A line for each thing that speaks against it."""
        return [line for one in self.outcomes if one.is_against for line in self._lines(one)]

    def saved(self) -> list[Mapping[str, Any]]:
        """All that checks and steps have saved."""
        return [one.saved for outcome in self.outcomes for one in (outcome, *outcome.steps)]

    def warnings(self) -> list[str]:
        """A line for each that warns, or of which nothing is known."""
        return [
            line
            for one in self.outcomes
            if one.outcome == INCONCLUSIVE or (one.outcome in (FAILED, ERROR) and not one.is_against)
            for line in self._lines(one)
        ]

    @staticmethod
    def _lines(one: Outcome) -> Iterator[str]:
        yield from (f"{one.name}: {failure}" for failure in one.failures)

    def hiding(self, secrets: Sequence[str]) -> Verdict:
        """The same without these texts, wherever they stand."""
        # Of two secrets, one can be a part of the other.
        ordered = sorted(filter(None, secrets), key=len, reverse=True)
        return replace(self, outcomes=[_hidden(one, ordered) for one in self.outcomes]) if ordered else self


def _hidden(outcome: Outcome, secrets: Sequence[str]) -> Outcome:
    return replace(
        outcome,
        name=masked(outcome.name, secrets),
        assertions=[
            Assertion(masked(one.path, secrets), one.is_met, masked(one.told, secrets)) for one in outcome.assertions
        ],
        failures=masked(list(outcome.failures), secrets),
        observed=masked(dict(outcome.observed), secrets),
        steps=[_hidden(step, secrets) for step in outcome.steps],
    )


def cut(value: Any, most: int = _MOST_ITEMS) -> Any:
    """The value without what is too long or too deep to be read."""
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}{CUT} ({len(value)} characters)"
    if isinstance(value, float) and not isfinite(value):
        # JSON has no such number.
        return str(value)
    if not isinstance(value, (Mapping, list, tuple)) or not value:
        return value
    if not most:
        return CUT
    rest = len(value) - most
    if isinstance(value, Mapping):
        kept = {str(key): cut(inner, most // 2) for key, inner in islice(value.items(), most)}
        return {**kept, CUT: f"and {rest} more"} if rest > 0 else kept
    return [*(cut(inner, most // 2) for inner in value[:most]), *([f"{CUT} and {rest} more"] if rest > 0 else [])]
