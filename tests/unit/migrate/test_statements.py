# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statements of scripts, with SQLite's own function and PostgreSQL's own parser (by pglast) as judges.

MariaDB itself is asked in tests/integration/migrate/test_splitter.py.
"""

from __future__ import annotations

import re
import sqlite3
from random import Random

import pglast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.statements import Statement, statements
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import tokens
from tests.unit.migrate import scripts
from tests.unit.migrate.grammar import Grammar

DIALECTS = ("sqlite", "mysql", "postgresql")

FOR_ALL = [*scripts.ANY, *scripts.BREAKPOINTS, *scripts.ANY_UNCONFIRMED]

PARSED_BY_SQLITE = [*scripts.ANY, *scripts.ANY_UNCONFIRMED, *scripts.SQLITE]
PARSED_BY_POSTGRESQL = [*scripts.ANY, *scripts.POSTGRESQL]

CASES = {
    "sqlite": [*FOR_ALL, *scripts.SQLITE, *scripts.SQLITE_UNCONFIRMED],
    "postgresql": [*FOR_ALL, *scripts.POSTGRESQL, *scripts.POSTGRESQL_UNCONFIRMED],
    "mysql": [*FOR_ALL, *scripts.MYSQL_FOR_CLIENT, *scripts.MYSQL, *scripts.MYSQL_UNCONFIRMED],
}

# What quotes, comments and bodies are made of, for scripts without any sense.
SHARDS = (
    *(";", ";", ";", " ", "\n", "\r\n", "a", "1", ".", "(", ")", "-", "--", "-- ", "/", "*", "/*", "*/", "#", "@", ","),
    *(
        "'",
        "'",
        "''",
        '"',
        '""',
        "`",
        "[",
        "]",
        "\\",
        "$",
        "$$",
        "$a$",
        "E'",
        "x'",
        "U&",
        "\t",
        "é",
        ":",
        "=",
        "+",
        "\f",
    ),
)
WORDS = {
    "sqlite": ("CREATE", "TEMP", "temporary", "TRIGGER", "EXPLAIN", "END", "end", "BEGIN", "CASE", "\v"),
    "postgresql": ("CREATE", "FUNCTION", "SELECT", "CASE", "END", "BEGIN", "$b$", "$1", "\v", "\r"),
    "mysql": ("CREATE", "PROCEDURE", "p()", "BEGIN", "END", "IF", "THEN", "CASE", "LOOP", "NOT", "ATOMIC", "/*!", "\v"),
}


def texts(script: str, dialect: str) -> list[str]:
    return [statement.text for statement in statements(script, dialect)]


def words(script: str, dialect: str) -> list[str]:
    return [token.text for token in tokens(script, dialect)]


def shards(dialect: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from((*SHARDS, *WORDS[dialect])), max_size=30).map("".join)


def is_for_psql(script: str) -> bool:
    return any(token.text == "\\" for token in tokens(script, "postgresql"))


def is_for_the_client(script: str) -> bool:
    """Whether there may be dashes that MySQL's client takes for a comment, and no server."""
    return re.search(r"--(?![\s\x00-\x1f]|$)", script) is not None


def scripts_without_sense(dialect: str) -> st.SearchStrategy[str]:
    """Scripts in which every token belongs to a statement."""
    for_clients = {"postgresql": is_for_psql, "mysql": is_for_the_client}
    return shards(dialect).filter(lambda script: dialect not in for_clients or not for_clients[dialect](script))


@pytest.mark.parametrize(
    ("dialect", "script", "expected"),
    [(dialect, *case) for dialect, cases in CASES.items() for case in cases],
)
def test_no_statement_is_lost_or_added(dialect: str, script: str, expected: list[str]) -> None:
    assert texts(script, dialect) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("SELECT 1", [1]),
        ("SELECT 1; SELECT 2", [1, 1]),
        ("SELECT 1;\nSELECT 2", [1, 2]),
        ("\n\n  SELECT 1\n;\n\nSELECT\n2\n;SELECT 3", [3, 6, 8]),
        ("-- a\n/* b\n\n*/ SELECT 1;\n-- c\nSELECT 2", [4, 6]),
        ("SELECT '\n\n';SELECT 2", [1, 3]),
        ("SELECT 1;\r\nSELECT 2;\r\n\r\nSELECT 3", [1, 2, 4]),
        ("\ufeff\nSELECT 1", [2]),
        ("SELECT 1;\n--> statement-breakpoint\nSELECT 2", [1, 3]),
    ],
)
def test_line_is_that_of_the_first_token(dialect: str, script: str, lines: list[int]) -> None:
    assert [statement.line for statement in statements(script, dialect)] == lines


def test_line_counts_what_only_the_client_reads() -> None:
    script = "DELIMITER //\n\nSELECT 1//\n--x\n-- y\nSELECT 2//\nDELIMITER ;\n/*! SELECT\n3 */;\nSELECT 4"

    assert statements(script, "mysql") == [
        Statement("SELECT 1", 3),
        Statement("SELECT 2", 6),
        Statement("/*! SELECT\n3 */", 8),
        Statement("SELECT 4", 10),
    ]


@pytest.mark.parametrize(
    ("dialect", "script", "line", "told"),
    [
        ("postgresql", "\\connect shop\n", 1, "Line 1 holds \\connect, which only psql understands and no server"),
        ("postgresql", "SELECT 1;\n\\i other.sql", 2, "Line 2 holds \\i, "),
        ("postgresql", "SELECT 1\n\\gexec\n", 2, "Line 2 holds \\gexec, "),
        ("postgresql", "-- a\n\n\\restrict s3cret\nSELECT 1", 3, "Line 3 holds \\restrict, which"),
        ("postgresql", "\\! rm s3cret", 1, "Line 1 holds a backslash, "),
        ("postgresql", "SELECT 'a';\nSELECT \\", 2, "Line 2 holds a backslash, "),
        ("postgresql", "SELECT (1; \\echo\n);", 1, "Line 1 holds \\echo, "),
        ("postgresql", "SELECT 1;\nCOPY t FROM stdin;\n1\ts3cret\n\\.\n", 2, "Line 2 copies from stdin, and only psql"),
        ("postgresql", "COPY t (a, b)\n FROM STDIN WITH (FORMAT csv);\nit's;\n\\.\n", 2, "Line 2 copies from stdin"),
        ("postgresql", "copy t from /* x */ Stdin;\n\\.\n", 1, "--inserts"),
        ("mysql", "SELECT 1;\nDELIMITER\nSELECT 2;", 2, "Line 2 says DELIMITER without one that the client would take"),
        ("mysql", "DELIMITER \r\nSELECT 2;", 1, "Line 1 says DELIMITER without"),
        ("mysql", "SELECT 1;\n delimiter", 2, "Line 2 says DELIMITER without"),
        ("mysql", "DELIMITER \\\\\nSELECT 2;", 1, "name one such as // or $$"),
        ("mysql", "DELIMITER /\\/\nSELECT 2;", 1, "Line 1 says DELIMITER without"),
    ],
)
def test_what_only_a_client_understands_is_refused(dialect: str, script: str, line: int, told: str) -> None:
    with pytest.raises(MigrationError) as caught:
        statements(script, dialect)

    assert told in caught.value.message
    assert caught.value.details == {"line": line}
    assert "s3cret" not in caught.value.message


def shell_statements(script: str) -> list[str]:
    """The pieces that SQLite's shell sends: each as short as sqlite3_complete() allows."""
    found, start = [], 0
    for position, character in enumerate(script, 1):
        if character == ";" and sqlite3.complete_statement(script[start:position]):
            found.append(script[start : position - 1])
            start = position
    return [piece for piece in [*found, script[start:]] if words(piece, "sqlite")]


def assert_like_sqlite(script: str) -> None:
    pieces = shell_statements(script.removeprefix("\ufeff"))

    assert [words(text, "sqlite") for text in texts(script, "sqlite")] == [words(piece, "sqlite") for piece in pieces]


@pytest.mark.parametrize("script", [script for script, expected in PARSED_BY_SQLITE])
def test_sqlite_agrees(script: str) -> None:
    assert_like_sqlite(script)


@given(shards("sqlite"))
@settings(max_examples=400)
def test_sqlite_agrees_about_scripts_without_sense(script: str) -> None:
    assert_like_sqlite(script)


def assert_like_postgresql(script: str) -> None:
    pieces = pglast.split(script.removeprefix("\ufeff"))

    # Its parser takes comments to the statement that they follow.
    assert [words(text, "postgresql") for text in texts(script, "postgresql")] == [
        words(piece, "postgresql") for piece in pieces
    ]


@pytest.mark.parametrize("script", [script for script, expected in PARSED_BY_POSTGRESQL])
def test_postgresql_agrees(script: str) -> None:
    assert_like_postgresql(script)


def scanned_statements(script: str) -> list[str]:
    """The statements by PostgreSQL's own scanner, which knows nothing of BEGIN ATOMIC."""
    found: list[str] = []
    span: tuple[int, int] | None = None
    depth = 0
    for token in pglast.parser.scan(script):
        depth = max(0, depth + {"ASCII_40": 1, "ASCII_41": -1}.get(token.name, 0))
        if token.name == "ASCII_59" and not depth:
            found.extend([script[slice(*span)]] if span else [])
            span = None
        elif not token.name.endswith("_COMMENT"):
            span = (span[0] if span else token.start, token.end + 1)
    return [*found, *([script[slice(*span)]] if span else [])]


@given(shards("postgresql"))
@settings(max_examples=400)
def test_postgresql_agrees_about_scripts_without_sense(script: str) -> None:
    try:
        expected = scanned_statements(script)
    except pglast.Error:
        # A quote or a comment has no end there.
        return
    if not is_for_psql(script):
        assert texts(script, "postgresql") == expected


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_every_token_is_in_one_statement(dialect: str, data: st.DataObject) -> None:
    script = data.draw(scripts_without_sense(dialect))

    found = [token for text in texts(script, dialect) for token in words(text, dialect)]

    assert [token for token in found if token != ";"] == [token for token in words(script, dialect) if token != ";"]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(random=st.randoms(use_true_random=False))
def test_what_is_put_together_comes_apart_again(dialect: str, random: Random) -> None:
    grammar = Grammar(dialect, random)
    made = grammar.statements()

    assert texts(grammar.script(made), dialect) == made


@given(st.randoms(use_true_random=False))
def test_sqlite_agrees_about_generated_scripts(random: Random) -> None:
    grammar = Grammar("sqlite", random)

    assert_like_sqlite(";\n".join(grammar.statements()))


@given(st.randoms(use_true_random=False))
def test_postgresql_agrees_about_generated_scripts(random: Random) -> None:
    grammar = Grammar("postgresql", random)

    assert_like_postgresql(";\n".join(grammar.statements()))


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_statements_taken_apart_stay_as_they_are(dialect: str, data: st.DataObject) -> None:
    script = data.draw(scripts_without_sense(dialect))
    apart = texts(script, dialect)

    assert texts(";\n".join(apart), dialect) == apart
    assert [texts(text, dialect) for text in apart] == [[text] for text in apart]
