# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What many answers say of how available an application was. This module is private to the collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

# As many points are enough for a plot.
_POINTS = 300


@dataclass(frozen=True)
class Sample:
    """One request: when it was sent, how long it took, over which connection, and the status or what went wrong."""

    at: float
    ms: float
    connection: str
    outcome: str

    @property
    def is_failed(self) -> bool:
        """Whether the application was not available; that it refuses something is its right."""
        return not self.outcome.isdigit() or int(self.outcome) >= 500

    @property
    def end(self) -> float:
        """When the answer was there."""
        return self.at + self.ms / 1000

    def as_line(self) -> str:
        """How it stands in a file."""
        return f"{self.at:.3f} {self.ms:.1f} {self.connection} {self.outcome}\n"


def read_samples(lines: Iterable[str]) -> list[Sample]:
    """The samples of a file, in the order of their time; a line that was cut off is none."""
    found = (_sample(line) for line in lines)
    return sorted((sample for sample in found if sample), key=lambda sample: sample.at)


def figures(samples: Sequence[Sample]) -> dict[str, Any]:
    """How many requests failed, how long nothing was answered, and how long answers took."""
    times = sorted(sample.ms for sample in samples if not sample.is_failed)
    return {
        "requests": len(samples),
        "failed": sum(sample.is_failed for sample in samples),
        "outcomes": dict(sorted(Counter(sample.outcome for sample in samples).items())),
        "seconds": round(samples[-1].end - samples[0].at, 1) if samples else 0.0,
        "longest_gap": round(max(_gaps(samples), default=0.0), 3),
        "outage": round(max(_gaps(samples, only_outages=True), default=0.0), 3),
        "p50": _percentile(times, 50),
        "p95": _percentile(times, 95),
        "slowest": times[-1] if times else None,
        "failures": [_told(sample) for sample in samples if sample.is_failed][:20],
        "series": series(samples, _POINTS),
    }


def series(samples: Sequence[Sample], points: int) -> list[dict[str, Any]]:
    """The same over time: as many spans of equal length at most, each with its requests, failures and slow answers."""
    if not samples:
        return []
    first = samples[0].at
    width = max((samples[-1].at - first) / points, 1.0)
    span: Callable[[Sample], int] = lambda sample: min(int((sample.at - first) / width), points - 1)  # noqa: E731
    return [_point(first + number * width, list(inner)) for number, inner in groupby(samples, span)]


def _point(at: float, samples: Sequence[Sample]) -> dict[str, Any]:
    times = sorted(sample.ms for sample in samples if not sample.is_failed)
    failed = sum(sample.is_failed for sample in samples)
    return {"at": round(at, 3), "requests": len(samples), "failed": failed, "p95": _percentile(times, 95)}


def _gaps(samples: Sequence[Sample], *, only_outages: bool = False) -> Iterator[float]:
    """For how long no answer came, where it began or ended with one; only where a request failed in between."""
    if not samples:
        return
    since, has_failed = samples[0].at, False
    for sample in sorted(samples, key=lambda sample: sample.end):
        if sample.is_failed:
            has_failed = True
            continue
        if has_failed or not only_outages:
            yield sample.end - since
        since, has_failed = sample.end, False
    if has_failed:
        yield max(sample.end for sample in samples) - since


def _percentile(times: Sequence[float], percent: int) -> float | None:
    return times[max(0, -(-len(times) * percent // 100) - 1)] if times else None


def _told(sample: Sample) -> dict[str, Any]:
    return {"at": sample.at, "ms": sample.ms, "connection": sample.connection, "outcome": sample.outcome}


def _sample(line: str) -> Sample | None:
    words = line.split()
    try:
        at, ms, connection, outcome = words
        return Sample(float(at), float(ms), connection, outcome) if line.endswith("\n") else None
    except ValueError:
        return None
