# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of SQL scripts, as the engine's own client would send them one by one.

This module is private to the collection. Delimiters are those of the engine, and those that the script itself names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.bodies import body_of, refusal
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token, pieces


@dataclass(frozen=True)
class Statement:
    """A statement as it is written, without its delimiter, and the line of the script in which it begins."""

    text: str
    line: int


def statements(script: str, dialect: str) -> list[Statement]:
    """The statements of the script in their order; what is only white space or comments is none.

    Raises MigrationError, with the line, for what only a client understands and no server.
    """
    return list(_statements(script, dialect))


# A script is judged, read for the tables that it touches, and carried out.
@cache
def _statements(script: str, dialect: str) -> Sequence[Statement]:
    script = script.removeprefix("\ufeff")
    found: list[Statement] = []
    line = counted = 0
    for start, end in _spans(script, dialect):
        line += script.count("\n", counted, start)
        counted = start
        found.append(Statement(script[start:end], line + 1))
    return found


def _spans(script: str, dialect: str) -> Iterator[tuple[int, int]]:
    reader, delimiter = pieces(script, dialect), ""
    body = body_of(script, dialect)
    span: tuple[int, int] | None = None
    while piece := next(reader, None):
        command = _client_command(script, piece, is_first=span is None) if dialect == "mysql" else None
        if command:
            delimiter = delimiter if command.delimiter is None else command.delimiter
            reader = pieces(script, dialect, command.end, delimiter)
            is_end = True
        elif piece.kind in ("delimiter", "breakpoint"):
            is_end = True
        else:
            is_end = body.ends(piece) and not (delimiter and body.is_compound)
        if not is_end:
            # Before a delimiter of the script's own, a semicolon ends nothing and is nothing.
            span = span if delimiter and piece.text == ";" else (span[0] if span else piece.start, piece.end)
            continue
        if span:
            yield span
        span, body = None, body_of(script, dialect)
    if span:
        yield span


@dataclass(frozen=True)
class _Command:
    """A line that is meant for the client alone: where it ends, and the delimiter that it sets."""

    end: int
    delimiter: str | None = None


_DELIMITER = re.compile(
    r"""delimiter[ \t]+(?:'([^'\n]+)'|"([^"\n]+)"|`([^`\n]+)`|([^\s'"`]\S*))[^\n]*|delimiter[ \t\r]*(?=\n|\Z)""",
    re.IGNORECASE,
)

# In the middle of a statement the word may be a column, so there only what can be nothing else is the command.
_DELIMITER_ALONE = re.compile(r"(?<![^\n])[ \t]*delimiter[ \t]+[^\w\s'\"`(),.]+[ \t\r]*(?=\n|\Z)", re.IGNORECASE)


def _client_command(script: str, piece: Token, *, is_first: bool) -> _Command | None:
    """What the client would not send to the server, if that is what begins with this piece."""
    if is_first and piece.text == "-" and script.startswith("--", piece.start):
        # The server asks for white space behind the dashes, the client does not where a statement begins.
        end = script.find("\n", piece.start)
        return _Command(len(script) if end < 0 else end)
    if piece.kind != "word" or piece.upper != "DELIMITER":
        return None
    if not is_first and not _DELIMITER_ALONE.match(script, script.rfind("\n", 0, piece.start) + 1):
        return None
    found = _DELIMITER.match(script, piece.start)
    if not found:
        return None
    delimiter = found[found.lastindex] if found.lastindex else ""
    if not delimiter or "\\" in delimiter:
        said = "says DELIMITER without one that the client would take"
        raise refusal(script, piece, f"{said}: name one such as // or $$.")
    return _Command(found.end(), "" if delimiter == ";" else delimiter)
