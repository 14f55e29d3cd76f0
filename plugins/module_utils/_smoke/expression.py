# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expressions in the values of a suite, such as ${id} and ${tickets + 1}. This module is private to the collection.

    sum     = product {("+" | "-") product}
    product = term {("*" | "/") term}
    term    = number | name {"." key} | "(" sum ")"

$${ stands for the characters ${. No sentence holds the value of a variable, nor an expression whose names are unknown:
that can be a part of a password that has these characters by accident.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.path import MISSING, reached
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

_WHOLE = re.compile(r"\$\{([^}]*)\}")
_PART = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^\W\d]\w*(?:\.\w+)*|\S")
_END = ""
_LONGEST = 200
_DEEPEST = 20
# Beyond it numbers are no results of a check, and Python's are no longer all shown as texts.
_LARGEST = 1e100


class ExpressionError(ShipshapeError):
    """An expression is not understood, or has no value."""


def names_in(value: object) -> set[str]:
    """The variables that a value uses, wherever in it. Raises ExpressionError."""
    if isinstance(value, Mapping):
        return names_in([*value, *value.values()])
    if isinstance(value, list):
        return {name for item in value for name in names_in(item)}
    if not isinstance(value, str):
        return set()
    texts = [_expression(part) for part in _PART.finditer(value)]
    return {step.split(".")[0] for text in texts if text is not None for step in _steps(text) if _is_name(step)}


def expanded(value: object, variables: Mapping[str, object]) -> Any:
    """The value with the values of all expressions in it; a text that is one expression has that one's type.

    Keys stay texts. Raises ExpressionError.
    """
    if isinstance(value, Mapping):
        keys = [_expanded_text(key, variables) if isinstance(key, str) else key for key in value]
        if len(set(keys)) < len(keys):
            raise ExpressionError("Two keys of one mapping are the same once their expressions have values.")
        return dict(zip(keys, (expanded(item, variables) for item in value.values())))
    if isinstance(value, list):
        return [expanded(item, variables) for item in value]
    if not isinstance(value, str):
        return value
    whole = _WHOLE.fullmatch(value)
    return _value(whole[1], variables) if whole else _expanded_text(value, variables)


def _expanded_text(text: str, variables: Mapping[str, object]) -> str:
    def replaced(part: re.Match[str]) -> str:
        expression = _expression(part)
        return "${" if expression is None else _as_text(expression, _value(expression, variables))

    return _PART.sub(replaced, text)


def _expression(part: re.Match[str]) -> str | None:
    """What stands between the braces; None if the characters themselves are meant."""
    if part[1] is None:
        return None
    if not part[2]:
        raise _not_understood("it has no }")
    return part[1]


def _as_text(expression: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        return str(value)
    raise ExpressionError(f"${{{expression}}}: only texts, numbers, true and false can be a part of a text.")


def _value(text: str, variables: Mapping[str, object]) -> Any:
    steps = _steps(text)
    unknown = next((name for step in steps if _is_name(step) and (name := step.split(".")[0]) not in variables), None)
    if unknown is not None:
        # A suite that is still being read can hold names that are none.
        names = [name for name in variables if isinstance(name, str)]
        known = did_you_mean(unknown, names) if names else "None is known here."
        raise ExpressionError(f"There is no variable {unknown}. {known}")
    values: list[Any] = []
    for step in steps:
        if step in _OPERATIONS:
            right, left = values.pop(), values.pop()
            values.append(_calculated(text, step, left, right))
        elif _is_name(step):
            values.append(_looked_up(text, step, variables))
        else:
            values.append(float(step) if "." in step else int(step))
    return values.pop()


def _looked_up(text: str, name: str, variables: Mapping[str, object]) -> Any:
    found = reached(variables, name.split("."))
    if found is MISSING:
        raise ExpressionError(f"${{{text}}}: there is no {name} in what was saved.")
    return found


def _calculated(text: str, sign: str, left: Any, right: Any) -> Any:
    if not (_is_number(left) and _is_number(right)):
        raise ExpressionError(f"${{{text}}}: {sign} takes two numbers of at most {_LARGEST:g}, and no text is one.")
    if sign == "/" and right == 0:
        raise ExpressionError(f"${{{text}}}: this divides by zero.")
    value = _OPERATIONS[sign](left, right)
    if not _is_number(value):
        raise ExpressionError(f"${{{text}}}: the result is greater than {_LARGEST:g}.")
    return value


def _divided(left: float, right: float) -> float:
    """Six by three is two and not 2.0, which no address and no number of rows looks like."""
    return left // right if left % right == 0 else left / right


_OPERATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_name(step: str) -> bool:
    return step[0] == "_" or step[0].isalpha()


def _not_understood(why: str) -> ExpressionError:
    return ExpressionError(f"An expression ${{…}} is not understood: {why}. Write $${{ where no expression is meant.")


def _steps(text: str) -> list[str]:
    """The numbers, names and signs of an expression in the order of calculation: what a sign takes comes before it."""
    if len(text) > _LONGEST:
        raise _not_understood(f"it has more than {_LONGEST} characters")
    return _Parser(text).steps


class _Parser:
    """Reads one expression by recursive descent."""

    def __init__(self, text: str) -> None:
        self.steps: list[str] = []
        self._tokens = [*_TOKEN.findall(text), _END]
        self._sum(0)
        if self._tokens[0] != _END:
            raise _not_understood("+, -, * or / is missing between two of its parts")

    def _sum(self, depth: int) -> None:
        self._product(depth)
        while self._tokens[0] in ("+", "-"):
            sign = self._tokens.pop(0)
            self._product(depth)
            self.steps.append(sign)

    def _product(self, depth: int) -> None:
        self._term(depth)
        while self._tokens[0] in ("*", "/"):
            sign = self._tokens.pop(0)
            self._term(depth)
            self.steps.append(sign)

    def _term(self, depth: int) -> None:
        following = self._tokens[0]
        if following == "(":
            self._inner_sum(depth + 1)
        elif following != _END and (following[0] in "0123456789" or _is_name(following)):
            self.steps.append(self._tokens.pop(0))
        else:
            raise _not_understood("a number, a name or ( is missing")

    def _inner_sum(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise _not_understood(f"it has more than {_DEEPEST} parentheses in each other")
        self._tokens.pop(0)
        self._sum(depth)
        if self._tokens[0] != ")":
            raise _not_understood("a ) is missing")
        self._tokens.pop(0)
