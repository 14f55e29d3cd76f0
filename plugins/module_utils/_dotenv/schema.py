# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema of an environment file, as declared by the user. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.fields import TYPES, Field, Unfit
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.strength import ENCODINGS
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_COMMON_LIMITS = frozenset({"type", "description", "required", "default", "secret", "refuse"})


def parse_schema(declared: Mapping[str, object]) -> dict[str, Field]:
    """The fields by name, in the order of the declaration; every mistake in it is told at once."""
    fields: dict[str, Field] = {}
    problems: list[str] = []
    for name, limits in declared.items():
        try:
            fields[name] = _field(name, limits)
        except Unfit as unfit:
            problems.append(f"schema.{name}{unfit}")
    if problems:
        raise InvalidInput("The schema", problems)
    return fields


def declares_secret(limits: object) -> bool:
    """Whether this declaration, right or wrong, may be meant for a secret: in doubt it is."""
    if limits is None:
        return False
    if not isinstance(limits, Mapping) or not set(limits) <= set(_LIMITS):
        return True
    declared_type = limits.get("type", "string")
    return declared_type == "secret" or declared_type not in TYPES or bool(limits.get("secret"))


def is_name(name: str) -> bool:
    """Whether all readers take this for the name of a variable."""
    return _NAME.fullmatch(name) is not None


def _field(name: str, declared: object) -> Field:
    if not is_name(name):
        raise Unfit(": is no name of an environment variable: use letters, digits and _, no digit first.")
    if not isinstance(declared, Mapping) and declared is not None:
        raise Unfit(": is not a dictionary such as {type: port}.")
    limits = dict(declared or {})
    declared_type = str(limits.setdefault("type", "choice" if "choices" in limits else "string"))
    if declared_type not in TYPES:
        raise Unfit(f".type: there is no such type. {did_you_mean(declared_type, TYPES)}")
    allowed = _COMMON_LIMITS | TYPES[declared_type].limits
    for limit in limits:
        if limit not in _LIMITS:
            raise Unfit(f".{limit}: is not known. {did_you_mean(limit, allowed)}")
        if limit not in allowed:
            raise Unfit(f".{limit}: does not go with type {declared_type}.")
    checked = {limit: _LIMITS[limit](value, f".{limit}") for limit, value in limits.items() if value is not None}
    field = Field(name=name, **cast(dict[str, Any], checked))
    _check_consistent(field)
    return field


def _check_consistent(field: Field) -> None:
    if field.type == "choice" and not field.choices:
        raise Unfit(".choices: is required by type choice.")
    for low, high, names in (
        (field.min, field.max, "min"),
        (field.min_length, field.max_length, "min_length"),
    ):
        if low is not None and high is not None and low > high:
            raise Unfit(f".{names}: is greater than its counterpart {names.replace('min', 'max')}.")
    if field.default is not None:
        try:
            text = field.text(field.default)
        except Unfit as unfit:
            raise Unfit(f".default: {unfit}") from None
        if field.hides(text):
            raise Unfit(".default: a secret has none, because whoever reads the schema would know it.")


def _is(expected: type, noun: str) -> Callable[[object, str], object]:
    def check(value: object, where: str) -> object:
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            raise Unfit(f"{where}: is not {noun}.")
        return value

    return check


def _length(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Unfit(f"{where}: is not a whole number above 0.")
    return value


def _decimal(value: object, where: str) -> Decimal:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Unfit(f"{where}: is not a number.")
    return Decimal(str(value))


def _words(value: object, where: str) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(word, (str, int, float)) and word != "" for word in given):
        raise Unfit(f"{where}: is not a list of words.")
    return tuple(str(word).lower() if isinstance(word, bool) else str(word) for word in given)


def _pattern(value: object, where: str) -> str:
    try:
        re.compile(str(value))
    except re.error as error:
        raise Unfit(f"{where}: is not a regular expression: {error}.") from None
    return str(value)


def _encoding(value: object, where: str) -> str:
    if value not in ENCODINGS:
        raise Unfit(f"{where}: is not one of {', '.join(ENCODINGS)}.")
    return str(value)


def _separator(value: object, where: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^\s\w]", value):
        raise Unfit(f"{where}: is not one mark such as , or ;")
    return value


def _description(value: object, where: str) -> str:
    # In a comment, a backslash at the end makes systemd take the next line for a part of it.
    if not isinstance(value, str) or not value.isprintable() or "\\" in value:
        raise Unfit(f"{where}: is not one line of text without a backslash.")
    return value.strip()


_LIMITS: Mapping[str, Callable[[object, str], object]] = {
    "absolute": _is(bool, "true or false"),
    "choices": _words,
    "default": lambda value, where: value,
    "description": _description,
    "encoding": _encoding,
    "generate": _is(bool, "true or false"),
    "max": _decimal,
    "max_length": _length,
    "min": _decimal,
    "min_entropy": _length,
    "min_length": _length,
    "pattern": _pattern,
    "refuse": _words,
    "required": _is(bool, "true or false"),
    "scheme": _words,
    "secret": _is(bool, "true or false"),
    "separator": _separator,
    "type": _is(str, "a word"),
}
