# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files as text. This module is private to the collection.

A file is written for four readers at once: npm's dotenv, Node's --env-file, systemd's EnvironmentFile and a POSIX
shell. They agree on little. None but the shell and systemd knows an escape, so a value is written bare, in single
quotes or in double quotes, whichever all four take literally, and is refused where there is no such form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Linux refuses a longer string in the environment of a new process.
_LONGEST_ENTRY = 128 * 1024 - 1

_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")

# A shell expands these in double quotes. Of $ that is so before some characters only, but what a POSIX shell makes of
# it before the others is not specified.
_ACTIVE_IN_DOUBLE_QUOTES = re.compile(r'["$`]')
# ... and a backslash before these is dropped by some reader, or (n, r) turned into a line end by npm's dotenv.
_BACKSLASH_IN_DOUBLE_QUOTES = re.compile(r'\\(?=[nr"\\$`\n])')

# What JavaScript takes for white space and for the end of a line.
_SPACE = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_TRIMMED = _SPACE.replace("\u2000-\u200a", "".join(map(chr, range(0x2000, 0x200B))))
_LINE_END = "\n\u2028\u2029"

# A file as npm's dotenv understands it, piece by piece: an assignment, white space, a comment, or a line that it passes
# over. It looks for the closing quote of a value first on the same line and then on all that follow.
_PIECE = re.compile(
    rf"""[{_SPACE}]*(?:export[{_SPACE}]+)?(?P<name>[\w.-]+)(?:[{_SPACE}]*=|:[{_SPACE}])
        (?P<value>[{_SPACE}]*'(?:\\'|[^'])*'|[{_SPACE}]*"(?:\\"|[^"])*"|[{_SPACE}]*`(?:\\`|[^`])*`|[^\#\n]*)
        [{_SPACE}]*(?:\#[^{_LINE_END}]*)?(?=[{_LINE_END}]|\Z)
        |[{_SPACE}]+
        |\#[^{_LINE_END}]*
        |(?P<strange>[^{_LINE_END}]+)""",
    re.VERBOSE | re.ASCII,
)


class Inexpressible(ValueError):
    """No form of this value is read alike by all four readers; the text says why."""


def quote(name: str, value: str) -> str:
    """The value as all four readers take it literally."""
    _refuse_unrepresentable(name, value)
    if _BARE.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    if _ACTIVE_IN_DOUBLE_QUOTES.search(value):
        raise Inexpressible(
            'holds a single quote together with one of " $ `, which no quoting protects in every reader.'
        )
    if _BACKSLASH_IN_DOUBLE_QUOTES.search(value + '"'):
        raise Inexpressible("holds a single quote together with a backslash that some reader takes for an escape.")
    return f'"{value}"'


def _refuse_unrepresentable(name: str, value: str) -> None:
    if "\r" in value:
        raise Inexpressible("holds a carriage return, which npm's dotenv turns into a line feed.")
    if "\0" in value:
        raise Inexpressible("holds a NUL, which no environment can.")
    if any(_is_no_character(ord(character)) for character in value):
        raise Inexpressible("holds a code point that is no Unicode character, which systemd refuses.")
    if len(f"{name}={value}".encode()) > _LONGEST_ENTRY:
        raise Inexpressible("is longer than the 128 KiB that Linux lets one environment variable have.")


def _is_no_character(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def render(values: Mapping[str, str], comments: Mapping[str, str]) -> str:
    """The file: a heading, then each entry under its comment."""
    lines = ["# Written by shipshape.webapp.dotenv, which replaces what is changed here by hand."]
    for name, value in values.items():
        if name in comments:
            lines += ["", f"# {comments[name]}"]
        lines.append(f"{name}={quote(name, value)}")
    return "\n".join(lines) + "\n"


def misread(values: Mapping[str, str], comments: Mapping[str, str]) -> list[str]:
    """The names whose values are not read back from the whole file.

    A backslash at the end of a value makes npm's dotenv look for another closing quote in the lines that follow, and
    some lines have one in the wrong place.
    """
    read = parse(render(values, comments)).values
    return [name for name, value in values.items() if read.get(name) != value]


@dataclass(frozen=True)
class Parsed:
    """What npm's dotenv makes of a file, and the numbers of the lines that it passes over in silence."""

    values: dict[str, str]
    strange_lines: tuple[int, ...]


def parse(text: str) -> Parsed:
    """What the application would read from this file, whoever wrote it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    values: dict[str, str] = {}
    strange: list[int] = []
    for piece in _PIECE.finditer(text):
        if piece["name"]:
            values[piece["name"]] = _unquote(piece["value"].strip(_TRIMMED))
        elif piece["strange"]:
            strange.append(text.count("\n", 0, piece.start()) + 1)
    return Parsed(values, tuple(strange))


def _unquote(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] in "'\"`" and value[-1] == value[0]
    inner = value[1:-1] if is_quoted else value
    return inner.replace("\\n", "\n").replace("\\r", "\r") if value.startswith('"') else inner
