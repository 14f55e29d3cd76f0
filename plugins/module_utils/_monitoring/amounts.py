# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations, shares and numbers, as people write them. This module is private to the collection."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(text: str) -> int:
    """A duration such as 5m in seconds. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])|0", text.strip())
    if not found:
        raise ValueError("has to be a duration such as 30s, 5m, 26h or 14d")
    return int(found[1]) * _UNITS[found[2]] if found[1] else 0


def duration(number: int) -> str:
    """Seconds, as Prometheus reads them."""
    for unit, size in sorted(_UNITS.items(), key=lambda one: -one[1]):
        if number and number % size == 0 and unit != "w":
            return f"{number // size}{unit}"
    return f"{number}s"


def share(text: str) -> float:
    """A share such as 5% as a number between 0 and 1. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%", text.strip())
    if not found or not 0 < float(found[1]) < 100:
        raise ValueError("has to be a share such as 5%, above 0 % and below 100 %")
    return float(f"{float(found[1]) / 100:.10g}")


def number(text: str) -> float:
    """A number that is not negative. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text.strip()):
        raise ValueError("has to be a number such as 10")
    return float(text)


def plain(value: float) -> str:
    """A number, as short as it can be written."""
    return f"{value:.10f}".rstrip("0").rstrip(".")
