# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a configuration of nginx consists of: words, directives and the lines they stand in.

This module is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A word without its quotes, and where it stands in the text."""

    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Directive:
    """A directive of a file; `depth` tells how many blocks of this file it is in."""

    file: str
    name: str
    line: int
    arguments: tuple[Word, ...]
    depth: int


def directives(file: str, text: str) -> Iterator[Directive]:
    """The directives of a text, in order; of one that is broken, what can be understood."""
    words: list[Word] = []
    depth = 0
    for token in _tokens(text):
        if token.text not in _MARKS or text[token.start] in _QUOTES:
            words.append(token)
            continue
        if words:
            yield Directive(file, words[0].text, words[0].line, tuple(words[1:]), depth)
            words = []
        depth += {"{": 1, "}": -1}.get(token.text, 0)


_MARKS = (";", "{", "}")
_QUOTES = ('"', "'")

# A brace ends a word unless it is that of ${variable}.
_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | (?P<quoted> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' ) | (?P<mark> [;{}] )
    | (?P<word> (?: \\. | \$\{ | [^\s;{\\] )+ ) | .""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\"'\\])")


def _tokens(text: str) -> Iterator[Word]:
    line = 1
    for found in _TOKEN.finditer(text):
        if found["quoted"]:
            yield Word(_ESCAPED.sub(r"\1", found["quoted"][1:-1]), line, found.start(), found.end())
        elif found["mark"] or found["word"]:
            yield Word(found.group(), line, found.start(), found.end())
        line += found.group().count("\n")
