# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one SQL file of a migration holds: the way up, the way down, and what its markers ask for.

The markers are those of dbmate (`-- migrate:up`), goose (`-- +goose Up`), sql-migrate (`-- +migrate Up`), and our own
(`-- shipshape: no transaction`). As in those tools, a marker is a line of its own, wherever it stands. This module is
private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens

_BOM = b"\xef\xbb\xbf"

_MARKER = re.compile(
    r"\s*--\s*(?:(?P<dbmate>migrate:(?:up|down)\b.*)|\+(?:goose|migrate)\b(?P<goose>.*)|shipshape:(?P<own>.*))",
    re.IGNORECASE,
)

_BLANKED = ("statementbegin", "statementend")

_IS_IN_TRANSACTION = {"transaction:false": False, "notransaction": False, "transaction:true": True}


@dataclass(frozen=True)
class Script:
    """The parts of a file; lines are counted from 1, and each part begins at the line that is given with it."""

    up: str
    down: str | None = None
    up_line: int = 1
    down_line: int = 1
    is_autocommit: bool = False
    has_parts: bool = False


class Unfit(ValueError):
    """A file cannot be a migration; each problem continues a sentence that begins with the file's name."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class _Marker:
    line: int
    text: str
    word: str
    options: tuple[str, ...] = ()

    @property
    def is_part(self) -> bool:
        return self.word in ("up", "down")


def digest(content: bytes) -> str:
    """The SHA-256 of the file as git stores it: line ends and a mark of byte order make no other migration of it."""
    return sha256(_plain(content)).hexdigest()


def parse_script(content: bytes, dialect: str) -> Script:
    """The parts of the file. Line ends become LF, as they do in the digest. Raises Unfit."""
    lines = _text_of(content).split("\n")
    markers = [_marker(number, line, match) for number, line in enumerate(lines) if (match := _MARKER.match(line))]
    problems = [*_problems_of_markers(markers), *_problems_of_parts(lines, markers, dialect)]
    if problems:
        raise Unfit(problems)
    for marker in markers:
        if marker.word in _BLANKED:
            lines[marker.line] = ""
    parts = [marker for marker in markers if marker.is_part]
    if not parts:
        return Script("\n".join(lines), is_autocommit=any(marker.word == "no transaction" for marker in markers))
    ends = [*(marker.line for marker in parts[1:]), len(lines)]
    first = {marker.word: marker.line + 1 for marker in parts}
    text = {marker.word: "\n".join(lines[marker.line + 1 : end]) for marker, end in zip(parts, ends)}
    return Script(
        text["up"],
        text.get("down"),
        first["up"] + 1,
        first.get("down", 0) + 1,
        is_autocommit=_asks_for_autocommit(markers),
        has_parts=True,
    )


def _plain(content: bytes) -> bytes:
    return content.removeprefix(_BOM).replace(b"\r\n", b"\n")


def _text_of(content: bytes) -> str:
    try:
        text = _plain(content).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Unfit([f"is not UTF-8 in line {line}: save it in this encoding."]) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unfit([f"holds a zero byte in line {line}: save it as UTF-8."])
    return text


def _marker(number: int, line: str, match: re.Match[str]) -> _Marker:
    words = (match["dbmate"] or match["goose"] or match["own"] or "").casefold().removeprefix("migrate:").split()
    if match["own"] is not None:
        # It has no parts, so that a slip does not make one.
        return _Marker(number, line.strip(), "no transaction" if words == ["no", "transaction"] else "")
    if words[:1] in (["up"], ["down"]):
        return _Marker(number, line.strip(), words[0], tuple(words[1:]))
    return _Marker(number, line.strip(), " ".join(words))


def _problems_of_markers(markers: Sequence[_Marker]) -> Iterator[str]:
    for marker in markers:
        place = f"line {marker.line + 1}"
        if marker.word == "envsub on":
            yield f"asks in {place} for variables of the environment to be put in, which is not done here."
        elif marker.word not in ("up", "down", "no transaction", "envsub off", *_BLANKED):
            yield f"has a marker in {place} that is not known: {marker.text}"
        for option in marker.options:
            if option not in _IS_IN_TRANSACTION:
                yield f"has an option in {place} that is not known, {option}: known is transaction:false."


def _problems_of_parts(lines: Sequence[str], markers: Sequence[_Marker], dialect: str) -> Iterator[str]:
    parts = [marker for marker in markers if marker.is_part]
    for word in ("up", "down"):
        places = [marker.line + 1 for marker in parts if marker.word == word]
        if len(places) > 1:
            yield f"has its part {word} twice, in the lines {places[0]} and {places[1]}."
        elif parts and word == "up" and not places:
            yield f"has a part down in line {parts[0].line + 1} and no part up."
    if parts and any(True for token in tokens("\n".join(lines[: parts[0].line]), dialect)):
        yield f"has statements before its first part, in line {parts[0].line + 1}, which nothing would carry out."


def _asks_for_autocommit(markers: Sequence[_Marker]) -> bool:
    """Whether the way up asks for it; what is said below the way down is about that alone, except by goose."""
    part = "up"
    for marker in markers:
        if marker.is_part:
            part = marker.word
            if part == "up" and not all(_IS_IN_TRANSACTION[option] for option in marker.options):
                return True
        elif marker.word == "no transaction" and (part == "up" or "goose" in marker.text.casefold()):
            return True
    return False
