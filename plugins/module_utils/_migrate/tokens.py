# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words and marks of SQL scripts, as the lexers of the three engines see them.

This module is private to the collection. A dialect is the name of an engine: sqlite, mysql or postgresql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Token:
    """A piece of a script, and the offset at which it stands.

    `kind` is word (an unquoted identifier or keyword), name (a quoted identifier), text (a string in any notation),
    number, or mark (any other single character, so that an operator may be several of them).
    """

    kind: str
    text: str
    start: int

    @property
    def upper(self) -> str:
        """The text in upper case, as keywords are compared."""
        return self.text.upper()

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)

    @property
    def value(self) -> str:
        """A name without its quotes; anything else as it is written."""
        if self.kind != "name":
            return self.text
        opening = self.text.index('"') if self.text[0] in "uU" else 0
        closing = "]" if self.text[opening] == "[" else self.text[opening]
        inside = self.text[opening + 1 :].removesuffix(closing)
        return inside.replace(closing * 2, closing)


def tokens(script: str, dialect: str) -> Iterator[Token]:
    """The tokens of the script; comments and white space are left out, a quote that is never closed runs to the end.

    The comments that MySQL and MariaDB execute, such as /*!50001 ... */, are left out alone: what is in them counts.
    """
    return (piece for piece in pieces(script, dialect) if piece.kind in _KINDS)


def pieces(script: str, dialect: str, position: int = 0, delimiter: str = "") -> Iterator[Token]:
    """The tokens from this offset on, and between them what divides the script without being SQL.

    Beyond the kinds of tokens there are open and close (the ends of a comment of MySQL's that is executed), delimiter
    (where that is not a semicolon, which is a mark) and breakpoint (the line by which Drizzle separates statements).
    """
    match = _grammar(dialect, delimiter).match
    is_open = False
    while found := match(script, position):
        kind, position = found.lastgroup or "mark", found.end()
        start = found.start(kind)
        if kind == "nesting":
            position = _end_of_nested_comment(script, position)
        elif kind == "close" and not is_open:
            kind, position = "mark", start + 1
        if kind in _SEEN:
            yield Token(kind, script[start:position], start)
        is_open = kind == "open" or (is_open and kind != "close")


_KINDS = ("word", "name", "text", "number", "mark")

_SEEN = (*_KINDS, "open", "close", "delimiter", "breakpoint")

_COMMENT_ENDS = re.compile(r"/\*|\*/")


def _end_of_nested_comment(script: str, position: int) -> int:
    depth = 1
    for found in _COMMENT_ENDS.finditer(script, position):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    return len(script)


_LETTER = r"A-Za-z_\x80-\U0010ffff"

# Everything in a quote but its beginning may be missing, so that no attempt ever has to be taken back.
_SINGLE = "'[^']*(?:''[^']*)*'?"
_DOUBLE = '"[^"]*(?:""[^"]*)*"?'
_BACKTICK = "`[^`]*(?:``[^`]*)*`?"
_SINGLE_ESCAPED = r"'[^'\\]*(?:(?:''|\\(?:.|\Z))[^'\\]*)*'?"
_DOUBLE_ESCAPED = r'"[^"\\]*(?:(?:""|\\(?:.|\Z))[^"\\]*)*"?'

_BLOCK_COMMENT = r"/\*.*?(?:\*/|\Z)"

_BREAKPOINT = r"(?P<breakpoint>-->[ \t]*statement-breakpoint[ \t]*\r?(?=\n|\Z))"

_SQLITE = (
    _BREAKPOINT,
    rf"(?P<comment>--[^\n]*|{_BLOCK_COMMENT})",
    rf"(?P<text>[xX]?{_SINGLE})",
    rf"(?P<name>{_DOUBLE}|{_BACKTICK}|\[[^\]]*\]?)",
    # 1.end is three tokens to SQLite's shell.
    rf"(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[$0-9{_LETTER}]*)",
    rf"(?P<word>[${_LETTER}][$0-9{_LETTER}]*)",
)

# A string goes on behind a line break, and then with the escapes of its beginning.
_CONTINUED = r"[ \t\f\v]*(?:--[^\r\n]*)?[\r\n](?:[ \t\r\n\f\v]|--[^\r\n]*[\r\n])*"

_POSTGRESQL = (
    _BREAKPOINT,
    r"(?P<comment>--[^\r\n]*)",
    r"(?P<nesting>/\*)",
    rf"(?P<name>(?:[uU]&)?{_DOUBLE})",
    r"(?P<text>"
    rf"[eE]{_SINGLE_ESCAPED}(?:{_CONTINUED}{_SINGLE_ESCAPED})*"
    rf"|(?:[bBxX]|[uU]&)?{_SINGLE}(?:{_CONTINUED}{_SINGLE})*"
    rf"|\$(?P<tag>(?:[{_LETTER}][0-9{_LETTER}]*)?)\$.*?(?:\$(?P=tag)\$|\Z))",
    r"(?P<number>0[xXoObB][0-9A-Fa-f_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)",
    rf"(?P<word>[{_LETTER}][$0-9{_LETTER}]*)",
)

# 99999 is a version that never comes: dumps write it before what no server is to see.
_MYSQL = (
    _BREAKPOINT,
    r"(?P<open>/\*M?!(?!99999)(?:[0-9]{5,6})?)",
    rf"(?P<comment>\#[^\n]*|--(?=[\x00-\x20\x7f]|\Z)[^\n]*|{_BLOCK_COMMENT})",
    r"(?P<close>\*/)",
    rf"(?P<text>[xXbBnN]?{_SINGLE_ESCAPED}|{_DOUBLE_ESCAPED})",
    rf"(?P<name>{_BACKTICK})",
)

# An identifier may begin with digits.
_MYSQL_NUMBER = (
    r"(?P<number>(?:0x[0-9A-Fa-f]+|0b[01]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"(?![$0-9{_LETTER}]))"
)

_ALTERNATIVES = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


@lru_cache(maxsize=16)
def _grammar(dialect: str, delimiter: str) -> re.Pattern[str]:
    """What stands at a position behind white space, as the group that matched."""
    alternatives = _mysql(delimiter) if dialect == "mysql" else _ALTERNATIVES[dialect]
    # To SQLite a vertical tab is no white space.
    space = r" \t\r\n\f" if dialect == "sqlite" else r" \t\r\n\f\v"
    return re.compile(f"[{space}]*(?:{'|'.join(alternatives)}|(?P<mark>[^{space}]))", re.DOTALL)


def _mysql(delimiter: str) -> tuple[str, ...]:
    character = f"[$0-9{_LETTER}]"
    if not delimiter:
        return (*_MYSQL, _MYSQL_NUMBER, f"(?P<word>{character}+)")
    # The client sees its delimiter also in the middle of what would else be a word or a number, such as END$$.
    delimiter = re.escape(delimiter)
    return (f"(?P<delimiter>{delimiter})", *_MYSQL, f"(?P<word>(?:(?!{delimiter}){character})+)")
