# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is expected of one value. This module is private to the collection.

A mapping whose keys all are words of WORDS is a matcher: all its words have to hold. Any other mapping expects some
keys of a mapping, each by the same rules. Anything else expects a value that is equal, lists included.

What is missing meets nothing but `exists: false` and `not`; null is not missing. `all` and `sorted` do not hold of an
empty list, because that is what a wrong path gives. Numbers are compared as numbers (1 is 1.0); true is none, nor is a
text. `match` searches all of a text, however long: how much time that takes is up to the pattern.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.path import MISSING, regex_problem

# For texts and lists in messages.
_LONGEST = 200

# Words that others have for the same. count and size are none of these: they are too often keys of what is compared.
_MEANT = {
    "gte": "ge",
    "min": "ge",
    "lte": "le",
    "max": "le",
    "equal": "eq",
    "equals": "eq",
    "neq": "ne",
    "one_of": "in",
    "include": "contains",
    "includes": "contains",
    "length": "len",
    "matches": "match",
    "regex": "match",
    "regexp": "match",
}
# Two or three letters are too near to everything.
_LONG_WORDS = ("contains", "exists", "match", "sorted", "superset")
_NEAR = 0.85
_AS_KEY = "A key of that name is expected in a path of its own (json.type: error), or with all others under eq."

# The words that are given an expectation in turn.
_OF_EXPECTATIONS = ("not", "all", "any", "len")


def is_matcher(expected: object) -> bool:
    """Whether this is a mapping of words of WORDS, and of nothing else."""
    return isinstance(expected, Mapping) and bool(expected) and all(key in WORDS for key in expected)


def problems(expected: object, place: str) -> list[str]:
    """What is wrong with an expectation, as sentences; a text with ${ in it is left for when it has its value."""
    if not isinstance(expected, Mapping):
        return []
    if not expected:
        return [f"{place}: an empty expectation proves nothing. An empty mapping is eq: {{}}."]
    others = [key for key in expected if key not in WORDS]
    meant = {key: word for key in others if (word := _word_meant(key, expected[key]))}
    if others and len(meant) == len(others):
        return [f"{place}: there is no word {key}. Did you mean {word}? {_AS_KEY}" for key, word in meant.items()]
    if others and len(others) < len(expected):
        word = next(key for key in expected if key in WORDS)
        return [f"{place}: {word} is a word of expectations, and {others[0]} is none. {_AS_KEY}"]
    if others:
        return [told for key, wanted in expected.items() for told in problems(wanted, f"{place}.{key}")]
    return [told for word, operand in expected.items() for told in _word_problems(word, operand, f"{place}.{word}")]


def _word_meant(key: object, operand: object) -> str | None:
    """The word in whose place this key seems to stand, if that word can be given this."""
    name = str(key).lower()
    word = _MEANT.get(name) or next(iter(get_close_matches(name, _LONG_WORDS, 1, _NEAR)), None)
    return word if word and _operand_of(word)[0](operand) else None


def _word_problems(word: str, operand: object, place: str) -> list[str]:
    if isinstance(operand, str) and "${" in operand:
        return []
    if told := problems(operand, place) if word in _OF_EXPECTATIONS else []:
        return told
    is_right, what = _operand_of(word)
    if not is_right(operand):
        return [f"{place}: this takes {what}.{f' {_AS_KEY}' if word == 'type' else ''}"]
    refused = regex_problem(operand) if word == "match" and isinstance(operand, str) else None
    return [f"{place}: {refused}"] if refused else []


def _operand_of(word: str) -> tuple[Callable[[Any], bool], str]:
    return _OPERANDS.get(word, (lambda _: True, "anything"))


def failures(expected: object, actual: object, path: str) -> list[str]:
    """One line per assertion that what is found under a path does not meet; it is never refused, whatever it is."""
    asserted = _asserted(expected, actual, path)
    return [line for place, word, operand, found in asserted for line in _failed(word, operand, found, place)]


def leaves(expected: object, actual: object, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The expectations down to which mappings lead, each with its path and what is found there."""
    if not isinstance(expected, Mapping) or not expected or is_matcher(expected) or not isinstance(actual, Mapping):
        yield path, expected, actual
        return
    for key, wanted in expected.items():
        # YAML makes numbers of keys that JSON has as texts.
        yield from leaves(wanted, actual.get(key, actual.get(str(key), MISSING)), f"{path}.{key}")


def _asserted(expected: object, actual: object, path: str) -> Iterator[tuple[str, str, Any, Any]]:
    """Each word that has to hold, with the path and the value of which it has to."""
    for place, wanted, found in leaves(expected, actual, path):
        for word, operand in (wanted if is_matcher(wanted) else {"eq": wanted}).items():
            yield place, word, operand, found


def shown(value: object, longest: int = _LONGEST) -> str:
    """The value as JSON, and no more of it than a line can take."""
    if value is MISSING:
        return "missing"
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, TypeError, ValueError):
        return "something that cannot be shown"
    # A server can send halves of characters, which nothing can print.
    text = text.encode(errors="backslashreplace").decode()
    if len(text) <= longest:
        return text
    noun = "keys" if isinstance(value, Mapping) else "items" if isinstance(value, list) else "characters"
    return f"{text[:longest]}… ({len(value) if isinstance(value, (str, list, Mapping)) else len(text)} {noun})"


def _failed(word: str, operand: Any, actual: Any, path: str) -> list[str]:
    if _HOLDS[word](operand, actual):
        return []
    if word == "all" and isinstance(actual, list) and actual:
        told = (failures(operand, item, f"{path}.{index}") for index, item in enumerate(actual))
        return next(lines for lines in told if lines)
    expected = f"{path}: expected {_described(word, operand)}"
    if actual is MISSING:
        return [f"{expected}, is missing"]
    note = _note(word, operand, actual)
    return [f"{expected}, got {shown(actual)}{f' ({note})' if note else ''}"]


def _described(word: str, operand: Any) -> str:
    if word == "exists":
        return "to exist" if operand is True else "to be missing"
    if word == "eq":
        return shown(operand)
    if word in _OF_EXPECTATIONS and is_matcher(operand):
        return f"{word} {' and '.join(_described(inner, value) for inner, value in operand.items())}"
    return f"{word} {shown(operand)}"


def _note(word: str, operand: Any, actual: Any) -> str | None:
    """What explains a failure that is hard to see."""
    kind = _kind(actual)
    if word == "eq":
        # 10 and "10" look alike.
        return kind if kind != _kind(operand) and kind in _SCALARS and _kind(operand) in _SCALARS else None
    if kind not in _TAKES.get(word, (kind,)):
        return kind
    if word == "len":
        return f"len {len(actual)}"
    if word == "superset" and isinstance(operand, list):
        return f"without {shown([wanted for wanted in operand if not _is_in(wanted, actual)])}"
    return "an empty list proves nothing" if word in ("all", "sorted") and not actual else None


def _kind(value: object) -> str:
    return next(name for name, is_one in _KINDS.items() if is_one(value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _is_equal(wanted: object, actual: object) -> bool:
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        return wanted.keys() == actual.keys() and all(_is_equal(wanted[key], actual[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(actual, list):
        return len(wanted) == len(actual) and all(map(_is_equal, wanted, actual))
    return isinstance(wanted, bool) == isinstance(actual, bool) and wanted == actual


def _is_in(wanted: object, values: object) -> bool:
    return isinstance(values, list) and any(_is_equal(wanted, value) for value in values)


def _is_superset(wanted: object, actual: object) -> bool:
    return isinstance(wanted, list) and isinstance(actual, list) and all(_is_in(item, actual) for item in wanted)


def _compares(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda wanted, actual: _is_number(wanted) and _is_number(actual) and compare(actual, wanted)


def _contains(wanted: Any, actual: Any) -> bool:
    return wanted in actual if isinstance(wanted, str) and isinstance(actual, str) else _is_in(wanted, actual)


def _matches(wanted: Any, actual: Any) -> bool:
    is_possible = isinstance(wanted, str) and isinstance(actual, str) and not regex_problem(wanted)
    return is_possible and re.search(wanted, actual) is not None


def _is_sorted(wanted: Any, actual: Any) -> bool:
    if not (isinstance(actual, list) and actual):
        return False
    if not (all(map(_is_number, actual)) or all(isinstance(item, str) for item in actual)):
        return False
    items = actual if wanted == "asc" else actual[::-1]
    return all(before <= after for before, after in zip(items, items[1:]))


def _is_met(expected: object, actual: object) -> bool:
    return all(_HOLDS[word](operand, found) for place, word, operand, found in _asserted(expected, actual, ""))


def _is_met_by_all(expected: object, actual: object) -> bool:
    return isinstance(actual, list) and bool(actual) and all(_is_met(expected, item) for item in actual)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, Mapping),
    "string": lambda value: isinstance(value, str),
}

# What a value is called in messages.
_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "a text": _TYPES["string"],
    "a number": _TYPES["number"],
    "a truth value": _TYPES["boolean"],
    "a list": _TYPES["array"],
    "a mapping": _TYPES["object"],
    "no value": lambda _: True,
}
_SCALARS = ("a text", "a number", "a truth value")

# Of what each word can hold; of anything, if it is not here.
_TAKES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("lt", "le", "gt", "ge"), ("a number",)),
    "match": ("a text",),
    "contains": ("a text", "a list"),
    "len": ("a text", "a list", "a mapping"),
    **dict.fromkeys(("superset", "all", "any", "sorted"), ("a list",)),
}

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": _is_equal,
    "ne": lambda wanted, actual: actual is not MISSING and not _is_equal(wanted, actual),
    "lt": _compares(operator.lt),
    "le": _compares(operator.le),
    "gt": _compares(operator.gt),
    "ge": _compares(operator.ge),
    "in": lambda wanted, actual: _is_in(actual, wanted),
    "contains": _contains,
    "match": _matches,
    "exists": lambda wanted, actual: wanted is (actual is not MISSING),
    "len": lambda wanted, actual: isinstance(actual, (str, list, Mapping)) and _is_met(wanted, len(actual)),
    "type": lambda wanted, actual: isinstance(wanted, str) and wanted in _TYPES and _TYPES[wanted](actual),
    "superset": _is_superset,
    "not": lambda wanted, actual: not _is_met(wanted, actual),
    "all": _is_met_by_all,
    "any": lambda wanted, actual: isinstance(actual, list) and any(_is_met(wanted, item) for item in actual),
    "sorted": _is_sorted,
}
WORDS = tuple(_HOLDS)

# What a word has to be given, where that is not anything.
_OPERANDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("lt", "le", "gt", "ge"), (_is_number, "a number")),
    **dict.fromkeys(("in", "superset"), (lambda value: isinstance(value, list) and bool(value), "a list of something")),
    "match": (_TYPES["string"], "a regular expression"),
    "exists": (_TYPES["boolean"], "true or false"),
    "len": (
        lambda value: is_matcher(value) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0),
        "a whole number, or words for it such as {ge: 1}",
    ),
    "type": (lambda value: isinstance(value, str) and value in _TYPES, f"one of {', '.join(_TYPES)}"),
    "sorted": (lambda value: value in ("asc", "desc"), "asc or desc"),
}
