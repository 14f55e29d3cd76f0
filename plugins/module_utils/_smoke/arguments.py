# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a kind of check, as the suite gives them. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.duration import seconds_of
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean


@dataclass(frozen=True)
class Option:
    """What one option takes: one of the words of _TYPES."""

    type: str = "text"
    default: Any = None
    is_required: bool = False
    choices: tuple[str, ...] = ()


def read(spec: Mapping[str, Option], given: Mapping[str, Any], place: str) -> tuple[dict[str, Any], list[str]]:
    """All options with their values, and what is wrong with them.

    A value that still holds a ${name} is taken as it is: it is read again when the name has its value.
    """
    told = [
        f"{place}: there is no option {name}. {did_you_mean(str(name), spec)}" for name in given if name not in spec
    ]
    values: dict[str, Any] = {}
    for name, option in spec.items():
        value = given.get(name)
        if value is None:
            values[name] = option.default
            if option.is_required:
                told.append(f"{place}: {name} is missing.")
            continue
        if isinstance(value, str) and "${" in value:
            values[name] = value
            continue
        described, convert = _TYPES[option.type]
        values[name] = convert(value)
        if values[name] is None:
            told.append(f"{place}.{name}: this is no {described}.")
        elif option.choices and values[name] not in option.choices:
            told.append(f"{place}.{name}: {did_you_mean(str(value), option.choices)}")
    return values, told


_WHOLE = re.compile(r"\s*[0-9]{1,18}\s*")


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _mapping(value: object) -> dict[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) and all(isinstance(name, str) for name in value) else None


_TYPES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "text": ("text", _text),
    "whole": ("whole number", _whole),
    "number": ("number", _number),
    "flag": ("true or false", _flag),
    "duration": ("span of time such as 500ms, 60s or 15m", seconds_of),
    # One thing is a list of one.
    "list": ("list", _listed),
    "mapping": ("mapping", _mapping),
    "any": ("value", lambda value: value),
}
