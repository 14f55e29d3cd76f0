# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths into what a check has observed. This module is private to the collection.

A path without any sign of JMESPath is keys between dots: json.a.b, rows.0.name, headers.content-type (whatever its
case), counts.Rate limit reached. A key that holds dots itself is found as it is. Any other path is JMESPath, for which
null and missing are one: both are MISSING here, so that a path to nothing never exists.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Unobserved, excerpt
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

# What is found where nothing is.
MISSING: Any = object()

_SIGNS_OF_JMESPATH = re.compile(r"""[][(){}|&@*!<>='"`]""")
# A name in front of a parenthesis is a function's.
_FIRST_IN_JMESPATH = re.compile(r"\s*([A-Za-z_]\w*)\s*(?![\w\s(])")
_INDEX = re.compile(r"[0-9]{1,9}")
_SAVED_BY_REGEX = " ~ "
# The library lets pass what Python says of a slice by zero, of a text that is compared with a number and the like.
_REFUSALS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_LONGEST_REASON = 200


def is_jmespath(path: str) -> bool:
    """Whether this is more than keys between dots."""
    return _SIGNS_OF_JMESPATH.search(path) is not None


def problems(path: str, known: Collection[str]) -> list[str]:
    """What is wrong with a path into an observation that has these keys."""
    if not path:
        return ['"": this path is empty.']
    told = []
    first = _first_key(path)
    if first is not None and first not in known:
        told.append(f"{path}: there is no {first} in what is observed. {did_you_mean(first, known)}")
    if is_jmespath(path):
        try:
            _compiled(path)
        except Unobserved as error:
            told.append(error.message)
    return told


def find(path: str, values: Mapping[str, Any]) -> Any:
    """What is there, or MISSING. Raises Unobserved if JMESPath cannot be applied to what is there."""
    if is_jmespath(path):
        return _queried(path, values)
    first, *rest = path.split(".")
    return reached(values, [first, *(key.lower() for key in rest)] if first == "headers" else [first, *rest])


def reached(value: object, keys: Sequence[str]) -> Any:
    """What is found by these keys, one after the other, or MISSING; several in a row can be one key with dots."""
    if not keys:
        return value
    if isinstance(value, list) and _INDEX.fullmatch(keys[0]) and int(keys[0]) < len(value):
        return reached(value[int(keys[0])], keys[1:])
    if isinstance(value, Mapping):
        for count in range(len(keys), 0, -1):
            key = ".".join(keys[:count])
            found = reached(value[key], keys[count:]) if key in value else MISSING
            if found is not MISSING:
                return found
    return MISSING


def save_problems(rule: object, known: Collection[str]) -> list[str]:
    """What is wrong with a rule of `save`: a path, or a path, ~ and a regular expression."""
    if not isinstance(rule, str):
        return ["save: a rule is a text, such as json.id or body ~ id=(.+)."]
    path, pattern = _parts(rule)
    refused = None if pattern is None else regex_problem(pattern)
    return [*problems(path, known), *([f"{rule}: {refused}"] if refused else [])]


def saved(rule: str, values: Mapping[str, Any]) -> Any:
    """What such a rule finds: of a regular expression its first group, or all of it. Raises Unobserved for nothing."""
    path, pattern = _parts(rule)
    found = find(path, values)
    if pattern is not None:
        match = re.search(pattern, found) if isinstance(found, str) and not regex_problem(pattern) else None
        group = None if match is None else match[1 if match.re.groups else 0]
        found = MISSING if group is None else group
    if found is MISSING:
        raise Unobserved(f"{rule}: nothing was found that could be saved.")
    return found


def regex_problem(pattern: str) -> str | None:
    """Why this is no regular expression of Python's, as a sentence, or None if it is one."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        return f"this is no regular expression: {error}."
    return None


def _parts(rule: str) -> tuple[str, str | None]:
    path, sign, pattern = rule.partition(_SAVED_BY_REGEX)
    return (path.strip(), pattern) if sign else (rule, None)


def _first_key(path: str) -> str | None:
    """The key with which a path begins; None where JMESPath begins with something else."""
    if not is_jmespath(path):
        return path.partition(".")[0]
    found = _FIRST_IN_JMESPATH.match(path)
    return found[1] if found else None


def _compiled(path: str) -> ParsedResult:
    try:
        import jmespath
    except ImportError:
        raise Unobserved(
            f"{path}: this path is JMESPath, for which a library is missing: install python3-jmespath (with pip: "
            "jmespath) where the check runs, or write a path of keys and dots."
        ) from None
    try:
        return jmespath.compile(path)
    except _REFUSALS as error:
        position = getattr(error, "lex_position", None)
        where = "" if position is None else f" from character {position + 1} on"
        raise Unobserved(
            f"{path}: this is not understood as JMESPath{where}. A key that holds one of [](){{}}|&@*!<>='\"` stands "
            "in a mapping below its path."
        ) from None


def _queried(path: str, values: Mapping[str, Any]) -> Any:
    query = _compiled(path)
    try:
        found = query.search(values)
    except _REFUSALS as error:
        # It holds what was observed, which can be long.
        reason = excerpt(" ".join(str(error).split()), _LONGEST_REASON)
        raise Unobserved(f"{path}: JMESPath cannot be applied to what is there: {reason}") from None
    return MISSING if found is None else found
