# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going through the tokens of one statement. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token


class Group:
    """What stands in parentheses."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes: list[Node] = []


Node = Union[Token, Group]


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


class Unreadable(Exception):
    """Something else stands where a name has to be."""


class Reader:
    """A position in what a statement consists of."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._at = 0

    @property
    def rest(self) -> Sequence[Node]:
        """What was not read yet."""
        return self._nodes[self._at :]

    @property
    def is_over(self) -> bool:
        """Whether all was read."""
        return self._at >= len(self._nodes)

    def is_name(self, ahead: int = 0) -> bool:
        """Whether a name can stand so far ahead, which a keyword can be too."""
        return self.kind(ahead) in ("word", "name", "text")

    def kind(self, ahead: int = 0) -> str:
        """Of what kind the token is that stands so far ahead; nothing for parentheses, and behind the end."""
        node = self._node(ahead)
        return node.kind if isinstance(node, Token) else ""

    def peek(self, ahead: int = 0) -> str:
        """The keyword or the mark that stands so far ahead; nothing for what is quoted, and behind the end."""
        node = self._node(ahead)
        return symbol(node) if node else ""

    def take(self, *wanted: str) -> bool:
        """Go past these keywords and marks if they all come next."""
        if all(self.peek(ahead) == here for ahead, here in enumerate(wanted)):
            self._at += len(wanted)
            return True
        return False

    def take_any(self, *wanted: str) -> str:
        """Go past the next keyword or mark if it is one of these, and say which it was."""
        found = self.peek()
        return found if found in wanted and self.take(found) else ""

    def take_all(self, *wanted: str) -> list[str]:
        """Go past as many of these as come next."""
        return list(iter(lambda: self.take_any(*wanted), ""))

    def skip(self) -> None:
        """Go past whatever comes next."""
        self._at += 1

    def until(self, *wanted: str) -> Sequence[Node]:
        """Go to the first of these, or to the end if there is none; what stands before it."""
        start = self._at
        while not self.is_over and self.peek() not in wanted:
            self._at += 1
        return self._nodes[start : self._at]

    def past(self, *wanted: str) -> bool:
        """Go past the first of these; false, and the end, if there is none."""
        self.until(*wanted)
        self._at += 1
        return self._at <= len(self._nodes)

    def group(self) -> Sequence[Node]:
        """Go past the parentheses that stand here; what is in them."""
        node = self._node()
        if not isinstance(node, Group):
            return ()
        self._at += 1
        return node.nodes

    def name(self) -> Name:
        """Go past a name, which may have others before it with dots between. Raises Unreadable if there is none."""
        parts = [self._part()]
        while self.peek() == "." and self.kind(1) in ("word", "name"):
            self._at += 1
            parts.append(self._part())
        return Name(tuple(parts))

    def names(self) -> list[Name]:
        """Go past names of tables with commas between, and past what stands around each, as in ONLY a *, b.*."""
        found: list[Name] = []
        while not found or self.take(","):
            if self.is_name(1):
                self.take("ONLY")
            found.append(self.name())
            self.take(".")
            self.take("*")
        return found

    def _part(self) -> str:
        node = self._node()
        if not isinstance(node, Token) or not self.is_name():
            raise Unreadable
        self._at += 1
        # SQLite takes a string for a name where only a name can be.
        return node.text.strip("'") if node.kind == "text" else node.value

    def _node(self, ahead: int = 0) -> Node | None:
        at = self._at + ahead
        return self._nodes[at] if at < len(self._nodes) else None


def tree(tokens: Iterable[Token]) -> Sequence[Node]:
    """The tokens, and as one what is in parentheses; where these are not closed, it runs to the end."""
    levels: list[list[Node]] = [[]]
    for token in tokens:
        if token.text == "(":
            group = Group()
            levels[-1].append(group)
            levels.append(group.nodes)
        elif token.text == ")" and len(levels) > 1:
            levels.pop()
        else:
            levels[-1].append(token)
    return levels[0]


def leaves(nodes: Sequence[Node]) -> Iterator[Token]:
    """All tokens, also those that are in parentheses."""
    for node in nodes:
        if isinstance(node, Group):
            yield from leaves(node.nodes)
        else:
            yield node


def symbol(node: Node) -> str:
    """The keyword in upper case, or the mark; nothing for what is quoted, and for numbers."""
    if isinstance(node, Group):
        return "("
    return node.upper if node.kind in ("word", "mark") else ""


def symbols(nodes: Sequence[Node]) -> list[str]:
    """The keywords and marks that are in no parentheses."""
    return [symbol(node) for node in nodes]


def divided(nodes: Sequence[Node]) -> list[Sequence[Node]]:
    """The pieces between commas; none where there is nothing."""
    reader = Reader(nodes)
    pieces = [reader.until(",")] if nodes else []
    while reader.take(","):
        pieces.append(reader.until(","))
    return pieces


def listed(nodes: Sequence[Node]) -> list[str]:
    """The keys of the names with which the pieces between commas begin."""
    return [reader.name().key for reader in map(Reader, divided(nodes)) if reader.is_name()]


def follows(found: Sequence[str], *wanted: str) -> bool:
    """Whether these come one after the other among them."""
    width = len(wanted)
    return any(tuple(found[at : at + width]) == wanted for at in range(len(found) - width + 1))


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())
