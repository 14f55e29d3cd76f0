# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going through the tokens of one statement. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token


@dataclass(frozen=True)
class Name:
    """What a table or a column is called, with the schema before it, as it is written but without quotes."""

    parts: tuple[str, ...]

    @property
    def key(self) -> str:
        """By what it is looked up: in lower case and without the schema."""
        return self.parts[-1].lower()

    def __str__(self) -> str:
        return ".".join(self.parts)


class Reader:
    """A position in a sequence of tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def rest(self) -> Sequence[Token]:
        """What was not read yet."""
        return self._tokens[self._at :]

    @property
    def is_over(self) -> bool:
        """Whether all was read."""
        return self._at >= len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """The keyword or the mark that stands so far ahead; nothing for what is quoted, and behind the end."""
        at = self._at + ahead
        return symbol(self._tokens[at]) if at < len(self._tokens) else ""

    def kind(self, ahead: int = 0) -> str:
        """Of what kind the token is that stands so far ahead; nothing behind the end."""
        at = self._at + ahead
        return self._tokens[at].kind if at < len(self._tokens) else ""

    def take(self, *symbols: str) -> bool:
        """Go past these keywords and marks if they all come next."""
        if all(self.peek(ahead) == wanted for ahead, wanted in enumerate(symbols)):
            self._at += len(symbols)
            return True
        return False

    def take_any(self, *symbols: str) -> str:
        """Go past the next keyword or mark if it is one of these, and say which it was."""
        found = self.peek()
        if found and found in symbols:
            self._at += 1
            return found
        return ""

    def skip(self) -> None:
        """Go past one token, whatever it is."""
        self._at += 1

    def skip_to(self, *symbols: str) -> bool:
        """Go to the first of these that is in no parentheses; to the end if there is none."""
        while not self.is_over:
            if self.peek() in symbols:
                return True
            if self.peek() == "(":
                self.group()
            else:
                self._at += 1
        return False

    def group(self) -> Sequence[Token]:
        """Go past the parentheses that open here; what is in them."""
        if self.peek() != "(":
            return ()
        depth = 0
        start = self._at + 1
        while self._at < len(self._tokens):
            found = self.peek()
            self._at += 1
            depth += (found == "(") - (found == ")")
            if not depth:
                return self._tokens[start : self._at - 1]
        return self._tokens[start:]

    def name(self) -> Name | None:
        """Go past a name, which may have others before it with dots between."""
        parts: list[str] = []
        while self.kind() in ("word", "name", "text"):
            parts.append(_unquoted(self._tokens[self._at]))
            self._at += 1
            if not (self.peek() == "." and self.kind(1) in ("word", "name")):
                break
            self._at += 1
        return Name(tuple(parts)) if parts else None

    def names(self) -> list[Name]:
        """Go past names with commas between."""
        found = []
        while name := self.name():
            found.append(name)
            if not self.take(","):
                break
        return found


def symbol(token: Token) -> str:
    """The keyword in upper case, or the mark; nothing for what is quoted, and for numbers."""
    return token.upper if token.kind in ("word", "mark") else ""


def first_symbol(tokens: Sequence[Token]) -> str:
    """The keyword or mark with which they begin."""
    return symbol(tokens[0]) if tokens else ""


def _unquoted(token: Token) -> str:
    # SQLite takes a string for a name where only a name can be.
    return token.text.strip("'") if token.kind == "text" else token.value


def symbols(tokens: Sequence[Token]) -> list[str]:
    """The keywords and marks that are in no parentheses."""
    found = []
    depth = 0
    for token in tokens:
        here = symbol(token)
        depth -= here == ")"
        if not depth:
            found.append(here)
        depth += here == "("
    return found


def divided(tokens: Sequence[Token], mark: str = ",") -> list[Sequence[Token]]:
    """The pieces between marks that are in no parentheses; none where there is nothing."""
    pieces: list[Sequence[Token]] = []
    depth = start = 0
    for at, token in enumerate(tokens):
        here = symbol(token)
        depth += (here == "(") - (here == ")")
        if here == mark and not depth:
            pieces.append(tokens[start:at])
            start = at + 1
    return [*pieces, tokens[start:]] if tokens else []


def follows(found: Sequence[str], *wanted: str) -> bool:
    """Whether these come one after the other among them."""
    width = len(wanted)
    return any(tuple(found[at : at + width]) == wanted for at in range(len(found) - width + 1))


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())
