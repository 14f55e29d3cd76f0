# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How deep in the body of a statement a script is, and so which semicolon ends it.

This module is private to the collection. Each engine sees it in its own way: SQLite by a small machine of states,
PostgreSQL by parentheses and BEGIN ATOMIC, MySQL and MariaDB by the blocks of their procedures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token


def refusal(script: str, token: Token, said: str) -> MigrationError:
    """The error that says this of the line in which the token stands."""
    line = script.count("\n", 0, token.start) + 1
    return MigrationError(f"Line {line} {said}", line=line)


class Body(Protocol):
    """What of one statement has been seen."""

    # Whether it can hold others, so that a delimiter that the script chose is a better sign of its end.
    is_compound: bool

    def ends(self, token: Token) -> bool:
        """Take in the next token, and say whether it is the semicolon at which the statement ends."""


def body_of(script: str, dialect: str) -> Body:
    """The body of a statement of which nothing has been seen yet."""
    if dialect == "sqlite":
        return _SqliteBody()
    return _PostgresqlBody(script) if dialect == "postgresql" else _MysqlBody()


class _SqliteBody:
    """The states of sqlite3_complete(), by which SQLite's own shell knows that a statement is whole."""

    is_compound = False

    def __init__(self) -> None:
        self._state = "start"

    def ends(self, token: Token) -> bool:
        if token.text == ";" and self._state not in ("trigger", "semicolon"):
            return True
        after = _SQLITE_STATES[self._state]
        self._state = after.get(token.upper, after[""])
        return False


_NO_STATEMENT_BEGINS_SO = ("EXPLAIN", "TEMP", "TEMPORARY", "TRIGGER", "END")

# Which word leads to which state, and where any other does.
_SQLITE_STATES: Mapping[str, Mapping[str, str]] = {
    "start": {"EXPLAIN": "explain", "CREATE": "create", "": "plain"},
    "explain": {**dict.fromkeys(_NO_STATEMENT_BEGINS_SO, "plain"), "CREATE": "create", "": "explain"},
    "create": {"TEMP": "create", "TEMPORARY": "create", "TRIGGER": "trigger", "": "plain"},
    "plain": {"": "plain"},
    "trigger": {";": "semicolon", "": "trigger"},
    "semicolon": {";": "semicolon", "END": "end", "": "trigger"},
    "end": {"": "trigger"},
}


class _PostgresqlBody:
    """Parentheses, as in CREATE RULE, and the bodies of functions that are SQL themselves."""

    is_compound = False

    def __init__(self, script: str) -> None:
        self._script = script
        self._words: list[str] = []
        self._last = ""
        self._parentheses = 0
        self._depth = 0

    def ends(self, token: Token) -> bool:
        if token.text == ";":
            self._last = ";"
            return not (self._parentheses or self._depth)
        word = token.upper
        if word == "\\":
            raise self._unknown_to_the_server(token)
        if word in ("(", ")"):
            self._parentheses = max(0, self._parentheses + (1 if word == "(" else -1))
        elif token.kind == "word":
            self._take(word, token)
        self._last = word
        return False

    def _take(self, word: str, token: Token) -> None:
        if len(self._words) < 4:
            self._words.append(word)
        if (self._words[0], self._last, word) == ("COPY", "FROM", "STDIN") and not self._parentheses:
            raise self._data_among_the_statements(token)
        if (word, self._last) == ("ATOMIC", "BEGIN") and self._is_routine():
            self._depth += 1
        elif self._depth and self._last not in (".", "AS"):
            self._depth += {"CASE": 1, "END": -1}.get(word, 0)

    def _is_routine(self) -> bool:
        return self._words[0] == "CREATE" and not {"FUNCTION", "PROCEDURE"}.isdisjoint(self._words)

    def _unknown_to_the_server(self, token: Token) -> MigrationError:
        command = _META_COMMAND.match(self._script, token.start)
        said = f"holds {command[0] if command else 'a backslash'}, which only psql understands and no server"
        return refusal(self._script, token, f"{said}: leave it out or write it as SQL.")

    def _data_among_the_statements(self, token: Token) -> MigrationError:
        said = "copies from stdin, and only psql reads the data that follow it"
        return refusal(self._script, token, f"{said}: write them as INSERT, as pg_dump --inserts does.")


_META_COMMAND = re.compile(r"\\[A-Za-z_]+")


class _MysqlBody:
    """The blocks of stored programs and of MariaDB's compound statements.

    A keyword opens a block only where a statement can begin. So IF and REPEAT are no functions there, FOR belongs to no
    cursor, and a column may be called end.
    """

    def __init__(self) -> None:
        self.is_compound = False
        self._take = self._first
        self._kind = ""
        # The keywords of the open blocks; in lower case what is not a block but an expression.
        self._blocks: list[str] = []
        self._parentheses = 0
        self._is_start = True
        self._is_condition = False
        self._is_in_comment = False
        self._last = ""
        self._is_operand = False

    def ends(self, token: Token) -> bool:
        if token.kind in ("open", "close"):
            self._is_in_comment = token.kind == "open"
            return False
        word = token.upper
        if word == ";":
            return self._end_of_statement()
        self._parentheses += {"(": 1, ")": -1}.get(word, 0)
        self._take(word)
        self._last = word
        self._is_operand = word == ")" or (token.kind != "mark" and word not in _BEFORE_OPERANDS)
        return False

    def _end_of_statement(self) -> bool:
        # Whatever expression was begun has ended, or is a mistake that goes no further.
        while self._blocks and self._blocks[-1].islower():
            self._blocks.pop()
        self._parentheses = 0
        self._is_start = True
        self._last = ";"
        return not (self._blocks or self._is_in_comment)

    def _first(self, word: str) -> None:
        if word in ("CREATE", "ALTER"):
            self._take = self._create
        elif word == "BEGIN":
            self._take = self._begin
        elif word in _OPENING:
            self._enter_body(word)
        else:
            # In the mode that is called ORACLE, this is the beginning of a block.
            self.is_compound = word == "DECLARE"
            self._take = self._plain

    def _plain(self, word: str) -> None:
        """Nothing that comes is of interest."""

    def _begin(self, word: str) -> None:
        """A transaction begins, unless this is BEGIN NOT ATOMIC."""
        self._take = self._plain
        if word == "NOT":
            self._enter_body("BEGIN")

    def _create(self, word: str) -> None:
        if word in _PROGRAMS:
            self.is_compound = True
            self._kind = word
            self._take = self._declaration
        elif word[0].isalpha() and word not in _BEFORE_PROGRAM and self._last not in ("=", "@", "."):
            self._take = self._plain

    def _declaration(self, word: str) -> None:
        """The name of a program and what else stands before a place where its body can begin."""
        if self._kind == "TRIGGER":
            is_over = (self._last, word) == ("EACH", "ROW")
        elif self._kind == "EVENT":
            is_over = word == "DO"
        else:
            is_over = word == ")"
        if is_over:
            self._take = self._characteristics

    def _characteristics(self, word: str) -> None:
        """What may stand before the body, or its first word."""
        if self._parentheses or self._last in ("FOLLOWS", "PRECEDES"):
            return
        if word in _OPENING:
            self._enter_body(word)
        elif word in _VERBS and (self._last, word) not in (("CHARACTER", "SET"), ("RETURNS", "SET")):
            self._is_start = False
            self._take = self._statement

    def _enter_body(self, word: str) -> None:
        self.is_compound = True
        self._take = self._statement
        self._is_start = True
        self._statement(word)

    def _statement(self, word: str) -> None:
        is_start, self._is_start = self._is_start, False
        if self._is_condition:
            if not is_start or word == ",":
                self._is_start = word not in ("SQLSTATE", "VALUE", "NOT", ",")
                return
            self._is_condition = False
        block = self._blocks[-1] if self._blocks else ""
        if is_start and word in _OPENING:
            self._blocks.append(word)
            self._is_start = word in ("BEGIN", "LOOP", "REPEAT")
        elif word == "CASE" and self._last not in (".", "@"):
            self._blocks.append(f"case {self._parentheses}")
        elif word == "END":
            if self._blocks and (is_start or self._is_end_of_expression(block)):
                self._blocks.pop()
        elif word == "UNTIL" and is_start and block == "REPEAT":
            self._blocks[-1] = f"until {self._parentheses}"
        elif (word, self._last) == ("FOR", "HANDLER"):
            self._is_condition = True
        else:
            self._is_start = (
                (word in ("THEN", "ELSE") and block in ("IF", "CASE"))
                or (word == "DO" and not is_start)
                or word == ":"
                or (word, self._last) == ("ATOMIC", "NOT")
            )

    def _is_end_of_expression(self, block: str) -> bool:
        return block.endswith(f" {self._parentheses}") and self._is_operand


_PROGRAMS = ("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE")

_BEFORE_PROGRAM = ("OR", "REPLACE", "DEFINER", "AGGREGATE")

_OPENING = ("BEGIN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR")

# The beginnings of statements in which an expression can stand.
_VERBS = (
    *("ALTER", "ANALYZE", "CALL", "CREATE", "DELETE", "DO", "EXECUTE", "EXPLAIN", "GET", "HANDLER", "INSERT"),
    *("KILL", "LOAD", "PREPARE", "REPLACE", "RESIGNAL", "RETURN", "SELECT", "SET", "SHOW", "SIGNAL", "UPDATE"),
    *("VALUES", "WITH"),
)

# Behind these, END is a column.
_BEFORE_OPERANDS = (
    *("AND", "BETWEEN", "BINARY", "CASE", "DIV", "ELSE", "IN", "INTERVAL", "IS", "LIKE", "MOD", "NOT", "OR", "REGEXP"),
    *("RLIKE", "THEN", "UNTIL", "WHEN", "XOR"),
)
