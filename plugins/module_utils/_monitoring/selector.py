# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selectors of Prometheus, such as requests_total{status=~"5.."}, and series that they select.

This module is private to the collection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SELECTOR = re.compile(rf"({_METRIC})(?:\{{(.*)\}})?\Z", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|\Z)')

# What stands for the parts of a pattern, tried from the left.
_STAND_INS = ((r"\\d|\[0-9\]", "0"), (r"\.[+*]", "x"), (r"\\\.", "."), (r"[+*?()^$]", ""), (r"(?<!\d)\.(?!\d)|\.", "0"))

# Values for a label that is to be another one.
_OTHERS = ("200", "other", "0")


@dataclass(frozen=True)
class Matcher:
    """What a selector says of one label."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{json.dumps(self.value)}"

    def takes(self, value: str) -> bool:
        """Whether a label with this value is selected; one that is not there has an empty one."""
        is_same = value == self.value if self.operator in ("=", "!=") else bool(re.fullmatch(self.value, value))
        return is_same is not self.operator.startswith("!")


@dataclass(frozen=True)
class Selector:
    """A metric, and what its labels have to be."""

    metric: str
    matchers: Sequence[Matcher] = ()

    def __str__(self) -> str:
        return self.named(self.metric)

    def named(self, metric: str) -> str:
        """The same of another metric."""
        return f"{metric}{{{','.join(map(str, self.matchers))}}}" if self.matchers else metric

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of the metric with these labels is selected."""
        return all(one.takes(labels.get(one.label, "")) for one in self.matchers)

    def sample(self, **labels: str) -> dict[str, str]:
        """The labels of a series that is selected, with these if they are. Raises ValueError if none is found."""
        found = {**labels, **{one.label: _example(one) for one in self.matchers if not one.operator.startswith("!")}}
        if not self.takes(found):
            raise ValueError(f"no series is found that {self} selects: write it as expr, with an example")
        return found

    def without(self, selector: Selector, labels: Mapping[str, str]) -> dict[str, str] | None:
        """The labels of a series that this one selects and the other does not, made of those that both do."""
        for matcher in selector.matchers:
            for value in _OTHERS:
                other = {**labels, matcher.label: value}
                if self.takes(other) and not selector.takes(other):
                    return other
        return None


def selector(text: str) -> Selector:
    """A selector as Prometheus writes it. Raises ValueError."""
    found = _SELECTOR.match(text.strip())
    if not found:
        raise ValueError('has to be a metric such as errors_total or errors_total{status=~"5.."}')
    metric, inner = found.groups()
    matchers, place = [], 0
    while inner and inner[place:].strip():
        one = _MATCHER.match(inner, place)
        if not one:
            raise ValueError('has to have matchers such as {status=~"5..",method="GET"}')
        matchers.append(_matcher(*one.groups()))
        place = one.end()
    return Selector(metric, matchers)


def series(metric: str, labels: Mapping[str, str]) -> str:
    """A series by its name and its labels."""
    return f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in sorted(labels.items()))}}}"


def _matcher(label: str, operator: str, quoted: str) -> Matcher:
    try:
        value = json.loads(quoted)
        re.compile(value if operator.endswith("~") else "")
    except (ValueError, re.error):
        raise ValueError(f"has a value of {label} that cannot be read") from None
    return Matcher(label, operator, value)


def _example(matcher: Matcher) -> str:
    if matcher.operator == "=":
        return matcher.value
    text = matcher.value.split("|", 1)[0]
    for pattern, stand_in in _STAND_INS:
        text = re.sub(pattern, stand_in, text)
    return text
