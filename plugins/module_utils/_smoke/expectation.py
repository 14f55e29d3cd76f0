# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is expected of all that a check has observed: paths and what is expected there.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import matcher, path
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Unobserved

# In the line that tells of what is as expected.
_LONGEST_MET = 60


@dataclass(frozen=True)
class Assertion:
    """One thing that was expected, and in a line what was found."""

    path: str
    is_met: bool
    told: str


def problems(expect: object, observes: Sequence[str], status_key: str | None, place: str) -> list[str]:
    """What is wrong with what is expected of a kind of check, as sentences; the place is that of the whole.

    `status_key` is what a number alone, or a list of them, is expected of, in kinds that have such.
    """
    if not isinstance(expect, Mapping):
        return _shorthand_problems(expect, observes, status_key, place)
    if not expect:
        return [f"{place}: an empty expectation proves nothing. Leave it out for what is expected by default."]
    told = []
    for key, expected in expect.items():
        if not isinstance(key, str):
            told.append(
                f"{place}.{key}: this is no path. A path is a text and begins with one of {', '.join(observes)}."
            )
            continue
        # It is a path once the expressions in it have values.
        if "${" not in key:
            told += [f"{place}.{problem}" for problem in path.problems(key, observes)]
        told += _problems_of(key, expected, status_key, f"{place}.{key}")
    return told


def normalised(expect: object, status_key: str | None) -> Mapping[str, object]:
    """What is expected, without problems, as a mapping of paths."""
    if isinstance(expect, Mapping):
        return expect
    return {str(status_key): {"in": expect} if isinstance(expect, list) else expect}


def judged(expect: Mapping[str, object], values: Mapping[str, Any]) -> list[Assertion]:
    """What became of each expectation; the mappings among them are followed down to what they expect."""
    return [assertion for key, expected in expect.items() for assertion in _judged(key, expected, values)]


def _judged(key: str, expected: object, values: Mapping[str, Any]) -> list[Assertion]:
    try:
        found = path.find(key, values)
        # Expressions can have made of it what means nothing, and `not` would be met by that.
        if told := matcher.problems(expected, key):
            return [Assertion(key, False, " ".join(told))]
        return [_assertion(*leaf) for leaf in matcher.leaves(_folded(key, expected), found, key)]
    except Unobserved as error:
        return [Assertion(key, False, error.message)]
    except RecursionError:
        return [Assertion(key, False, f"{key}: this is nested too deeply to be compared")]


def _assertion(place: str, expected: object, found: object) -> Assertion:
    failures = matcher.failures(expected, found, place)
    return Assertion(place, not failures, "; ".join(failures) or f"{place}: is {matcher.shown(found, _LONGEST_MET)}")


def _folded(key: str, expected: Any) -> Any:
    """Names of headers ignore case, and those that are observed are in lower case, as the words of matchers are."""
    if key != "headers" or not isinstance(expected, Mapping):
        return expected
    return {str(name).lower(): wanted for name, wanted in expected.items()}


def _problems_of(key: str, expected: object, status_key: str | None, place: str) -> list[str]:
    if key == status_key and isinstance(expected, list) and any(isinstance(status, int) for status in expected):
        return [f"{place}: no status is a list. One of several is expected with in: {matcher.shown(expected)}."]
    if expected is None and path.is_jmespath(key):
        return [f"{place}: JMESPath does not tell null from what is missing. Both are expected with exists: false."]
    if isinstance(expected, Mapping) and len(_folded(key, expected)) < len(expected):
        return [f"{place}: one header is there twice, in upper and lower case."]
    return matcher.problems(expected, place)


def _shorthand_problems(expect: object, observes: Sequence[str], status_key: str | None, place: str) -> list[str]:
    if status_key is None:
        return [f"{place}: this takes a mapping. Known are: {', '.join(observes)}."]
    each = expect if isinstance(expect, list) else [expect]
    if each and all(_is_status(status) for status in each):
        return []
    return [f"{place}: this takes a status, a list of them, or a mapping. Known are: {', '.join(observes)}."]


def _is_status(value: object) -> bool:
    if isinstance(value, str):
        return "${" in value
    return isinstance(value, int) and not isinstance(value, bool)
