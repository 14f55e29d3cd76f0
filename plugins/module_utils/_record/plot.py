# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plots as SVG, which a page can hold without anything beside it. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 24

# As much of the scale stays free above the slowest answer.
_AIR = 1.1


def availability_plot(series: Sequence[Mapping[str, Any]], switched: float | None) -> str:
    """How long answers took over time, where requests failed, and when traffic moved."""
    if not series:
        return ""
    first = float(series[0]["at"])
    last = max(float(series[-1]["at"]), first + 1)
    highest = max([float(point["p95"] or 0) for point in series] + [1.0]) * _AIR

    def x(at: float) -> float:
        return round(_LEFT + (at - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(ms: float) -> float:
        return round(_HEIGHT - _BOTTOM - ms / highest * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [_grid(highest, y), _axis(first, last)]
    parts += [f'<polyline class="line" points="{line}"/>' for line in _lines(series, x, y)]
    parts += [
        f'<rect class="failed" x="{x(point["at"]) - 1.5}" y="{_TOP}" width="3" height="{_HEIGHT - _TOP - _BOTTOM}">'
        f"<title>{_clock(point['at'])}: {point['failed']} of {point['requests']} failed</title></rect>"
        for point in series
        if point["failed"]
    ]
    if switched is not None and first <= switched <= last:
        parts.append(
            f'<line class="switch" x1="{x(switched)}" x2="{x(switched)}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
            f'<text class="switch" x="{x(switched)}" y="{_TOP - 3}" text-anchor="middle">switch</text>'
        )
    title = "Time of answers in milliseconds, 95 of 100 were faster"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}"><title>{title}</title>'
        f"{''.join(parts)}</svg>"
    )


def _lines(series: Sequence[Mapping[str, Any]], x: Any, y: Any) -> list[str]:
    """The points of each line; where nothing was answered, one ends."""
    lines: list[list[str]] = [[]]
    for point in series:
        if point["p95"] is None:
            lines.append([])
        else:
            lines[-1].append(f"{x(point['at'])},{y(point['p95'])}")
    return [" ".join(line) for line in lines if line]


def _grid(highest: float, y: Any) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(ms)}" y2="{y(ms)}"/>'
        f'<text x="{_LEFT - 6}" y="{y(ms) + 4}" text-anchor="end">{ms:.0f}</text>'
        for ms in _steps(highest)
    )


def _steps(highest: float) -> list[float]:
    """Round numbers from 0 on, six of them at most."""
    size = 1.0
    while highest / size > 5:
        size *= 2.5 if f"{size:g}"[0] == "2" else 2
    return [size * number for number in range(int(highest / size) + 1)]


def _axis(first: float, last: float) -> str:
    return "".join(
        f'<text x="{place}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{_clock(at)}</text>'
        for place, anchor, at in ((_LEFT, "start", first), (_WIDTH - _RIGHT, "end", last))
    )


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, timezone.utc):%H:%M:%S}"
