# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of scripts, with PostgreSQL's own scanner (by pglast) as judge of its dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pglast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tokens import Token, pieces, tokens
from tests.unit.migrate import scripts
from tests.unit.migrate.grammar import Grammar

DIALECTS = ("sqlite", "mysql", "postgresql")

# What is between two tokens, read one way or another by each engine.
BETWEEN = {
    "sqlite": r"[ \t\r\n\f]|--[^\n]*|/\*.*?(?:\*/|\Z)",
    "mysql": r"[ \t\r\n\f\v]|#[^\n]*|--(?=[\s\x00-\x1f\x7f]|\Z)[^\n]*|-->[ \t]*statement-breakpoint[ \t]*\r?(?=\n|\Z)"
    r"|/\*M?!(?:\d{5,6})?|/\*.*?(?:\*/|\Z)|\*/",
    "postgresql": r"[ \t\r\n\f\v]|--[^\r\n]*|/\*.*\*/|/\*.*\Z|-->[ \t]*statement-breakpoint[ \t]*\r?(?=\n|\Z)",
}

ALPHABET = " \t\r\n\f\v;'\"`[]()\\/*-#$!@.:=+09aAeExXuU&M_é\u3000"


def found(script: str, dialect: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokens(script, dialect)]


def marks(text: str) -> list[tuple[str, str]]:
    return [("mark", character) for character in text]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" \t\r\n", []),
        ("-- a\n/* b */ ", []),
        ("SELECT", [("word", "SELECT")]),
        ("select Größe_2", [("word", "select"), ("word", "Größe_2")]),
        ("a.b", [("word", "a"), ("mark", "."), ("word", "b")]),
        ("a>=1", [("word", "a"), *marks(">="), ("number", "1")]),
        ("1 1.5 .5 1e3 1.5E-3", [("number", text) for text in ("1", "1.5", ".5", "1e3", "1.5E-3")]),
        ("0x1F", [("number", "0x1F")]),
        ("'a' 'it''s' ''", [("text", "'a'"), ("text", "'it''s'"), ("text", "''")]),
        ("x'ff'X'00'", [("text", "x'ff'"), ("text", "X'00'")]),
        ("ax'ff'", [("word", "ax"), ("text", "'ff'")]),
        ("'a;\nb'", [("text", "'a;\nb'")]),
        ("a$b", [("word", "a$b")]),
        ("f(1);", [("word", "f"), ("mark", "("), ("number", "1"), *marks(");")]),
        ("a/b*c", [("word", "a"), ("mark", "/"), ("word", "b"), ("mark", "*"), ("word", "c")]),
        ("a-b", [("word", "a"), ("mark", "-"), ("word", "b")]),
        ("a-- b\nc", [("word", "a"), ("word", "c")]),
        ("a/* b */c", [("word", "a"), ("word", "c")]),
        ("a/**/c", [("word", "a"), ("word", "c")]),
        ("a/*/c*/d", [("word", "a"), ("word", "d")]),
        ("'never closed", [("text", "'never closed")]),
        ("a '", [("word", "a"), ("text", "'")]),
        ("a'b''", [("word", "a"), ("text", "'b''")]),
        ("a /* never closed", [("word", "a")]),
        ("a\n--> statement-breakpoint\nb", [("word", "a"), ("word", "b")]),
        ("*/ a", [*marks("*/"), ("word", "a")]),
        ("\u3000", [("word", "\u3000")]),
    ],
)
def test_tokens_of_every_dialect(dialect: str, script: str, expected: list[tuple[str, str]]) -> None:
    assert found(script, dialect) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            '"a" "a""b" [a b] [a"] `a` `a``b`',
            [("name", text) for text in ('"a"', '"a""b"', "[a b]", '[a"]', "`a`", "`a``b`")],
        ),
        ('"a', [("name", '"a')]),
        ("[a", [("name", "[a")]),
        ("`a", [("name", "`a")]),
        (r"'\' a", [("text", r"'\'"), ("word", "a")]),
        ("a--b\nc", [("word", "a"), ("word", "c")]),
        ("a#b", [("word", "a"), ("mark", "#"), ("word", "b")]),
        ("/* /* */ a", [("word", "a")]),
        ("1end 1.end", [("number", "1end"), ("number", "1"), ("mark", "."), ("word", "end")]),
        (
            "$a :a @a ?1",
            [
                ("word", "$a"),
                ("mark", ":"),
                ("word", "a"),
                ("mark", "@"),
                ("word", "a"),
                ("mark", "?"),
                ("number", "1"),
            ],
        ),
        ("E'a'", [("word", "E"), ("text", "'a'")]),
        ("a\vb", [("word", "a"), ("mark", "\v"), ("word", "b")]),
        ("/*! a */ b", [("word", "b")]),
    ],
)
def test_tokens_of_sqlite(script: str, expected: list[tuple[str, str]]) -> None:
    assert found(script, "sqlite") == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (r"'\'' '\\' '\'", [("text", r"'\''"), ("text", r"'\\'"), ("text", r"'\'")]),
        (r'"a" "\"" "a""b"', [("text", '"a"'), ("text", r'"\""'), ("text", '"a""b"')]),
        ("'a\\", [("text", "'a\\")]),
        ('"a', [("text", '"a')]),
        ("`a` `a``b` `\\`", [("name", "`a`"), ("name", "`a``b`"), ("name", "`\\`")]),
        ("n'a' b'1' B'0' N''", [("text", "n'a'"), ("text", "b'1'"), ("text", "B'0'"), ("text", "N''")]),
        ("_utf8'a'", [("word", "_utf8"), ("text", "'a'")]),
        ("#a\nb", [("word", "b")]),
        ("a --b", [("word", "a"), *marks("--"), ("word", "b")]),
        ("a --\tb\nc --\nd --", [("word", "a"), ("word", "c"), ("word", "d")]),
        ("a --\x01b\nc", [("word", "a"), ("word", "c")]),
        ("/* /* */ a", [("word", "a")]),
        ("/*! a */ b", [("word", "a"), ("word", "b")]),
        ("/*!50001 a */ /*!100100 b */", [("word", "a"), ("word", "b")]),
        ("/*!5000 a */", [("number", "5000"), ("word", "a")]),
        ("/*M! a */ /*M!100100 b */", [("word", "a"), ("word", "b")]),
        ("/*M!999999\\- a */ /*!99999 b */ c", [("word", "c")]),
        ("/*!a*/*/", [("word", "a"), *marks("*/")]),
        ("/*! a /* b */ c */ d", [("word", "a"), ("word", "c"), ("word", "d")]),
        ("/*! '*/' */ a", [("text", "'*/'"), ("word", "a")]),
        ("/*+ a */ b", [("word", "b")]),
        ("/*m! a */ b", [("word", "b")]),
        (
            "1st t.1st 2 0b01 0b2",
            [
                ("word", "1st"),
                ("word", "t"),
                ("mark", "."),
                ("word", "1st"),
                ("number", "2"),
                ("number", "0b01"),
                ("word", "0b2"),
            ],
        ),
        ("$a a$$", [("word", "$a"), ("word", "a$$")]),
        ("@a", [("mark", "@"), ("word", "a")]),
        ("[a]", [("mark", "["), ("word", "a"), ("mark", "]")]),
        ("a\vb", [("word", "a"), ("word", "b")]),
    ],
)
def test_tokens_of_mysql(script: str, expected: list[tuple[str, str]]) -> None:
    assert found(script, "mysql") == expected


POSTGRESQL: list[tuple[str, list[tuple[str, str]]]] = [
    ('"a" "a""b" U&"a" u&"b"', [("name", text) for text in ('"a"', '"a""b"', 'U&"a"', 'u&"b"')]),
    (r"'\' a", [("text", r"'\'"), ("word", "a")]),
    (r"E'\'' e'\\' a", [("text", r"E'\''"), ("text", r"e'\\'"), ("word", "a")]),
    ("E'a'\n'\\''", [("text", "E'a'\n'\\''")]),
    ("'a'\n'b\\' 'c'", [("text", "'a'\n'b\\'"), ("text", "'c'")]),
    ("'a' -- b\n-- c\r\n\t'd'", [("text", "'a' -- b\n-- c\r\n\t'd'")]),
    ("'a'\n\n\nb 'c'", [("text", "'a'"), ("word", "b"), ("text", "'c'")]),
    ("E'a' b", [("text", "E'a'"), ("word", "b")]),
    (r"U&'\' b'0' B'1' a", [("text", r"U&'\'"), ("text", "b'0'"), ("text", "B'1'"), ("word", "a")]),
    ("$$a$$ $b$ $$ $b$", [("text", "$$a$$"), ("text", "$b$ $$ $b$")]),
    ("$$$$a", [("text", "$$$$"), ("word", "a")]),
    ("$1 $12", [("mark", "$"), ("number", "1"), ("mark", "$"), ("number", "12")]),
    ("a$$ b", [("word", "a$$"), ("word", "b")]),
    ("/* /* */ a */ b", [("word", "b")]),
    ("a--b\nc", [("word", "a"), ("word", "c")]),
    ("a--b\rc", [("word", "a"), ("word", "c")]),
    ("a#b", [("word", "a"), ("mark", "#"), ("word", "b")]),
    ("a\vb", [("word", "a"), ("word", "b")]),
    ("a[1] `", [("word", "a"), ("mark", "["), ("number", "1"), *marks("]`")]),
    ("0x1F 0o17 0b01 1_000", [("number", text) for text in ("0x1F", "0o17", "0b01", "1_000")]),
    (
        "a::int := 1 || -2",
        [("word", "a"), *marks("::"), ("word", "int"), *marks(":="), ("number", "1"), *marks("||-"), ("number", "2")],
    ),
]


@pytest.mark.parametrize(("script", "expected"), POSTGRESQL)
def test_tokens_of_postgresql(script: str, expected: list[tuple[str, str]]) -> None:
    assert found(script, "postgresql") == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("$a$ $$", [("text", "$a$ $$")]),
        ("$a", [("mark", "$"), ("word", "a")]),
        ('"a', [("name", '"a')]),
        (r"E'a\'", [("text", r"E'a\'")]),
        ("E'a\\", [("text", "E'a\\")]),
        ("/* /* */ a", []),
        (r"\connect", [("mark", "\\"), ("word", "connect")]),
    ],
)
def test_what_postgresql_would_refuse(script: str, expected: list[tuple[str, str]]) -> None:
    assert found(script, "postgresql") == expected


def scanned(script: str) -> Iterator[tuple[str, str]]:
    """The same by PostgreSQL's own scanner."""
    for token in pglast.parser.scan(script):
        text = script[token.start : token.end + 1]
        if token.name == "PARAM":
            yield from [("mark", "$"), ("number", text[1:])]
        elif token.name.endswith("CONST"):
            yield ("number" if token.name in ("ICONST", "FCONST") else "text", text)
        elif text.endswith('"'):
            yield "name", text
        elif not token.name.endswith("_COMMENT"):
            yield from [("word", text)] if re.match(r"[^\W\d]|[^\x00-\x7f]", text) else marks(text)


@pytest.mark.parametrize("script", [*(script for script, expected in [*POSTGRESQL, *scripts.POSTGRESQL])])
def test_postgresql_agrees(script: str) -> None:
    assert found(script, "postgresql") == list(scanned(script))


@given(random=st.randoms(use_true_random=False))
def test_postgresql_agrees_about_generated_scripts(random: Random) -> None:
    script = ";\n".join(Grammar("postgresql", random).statements())

    assert found(script, "postgresql") == list(scanned(script))


@pytest.mark.parametrize("dialect", DIALECTS)
@given(script=st.text(ALPHABET, max_size=40))
@settings(max_examples=300)
def test_nothing_but_white_space_and_comments_is_left_out(dialect: str, script: str) -> None:
    position = 0
    for token in tokens(script, dialect):
        assert token.text
        assert script[token.start : token.end] == token.text
        assert re.fullmatch(f"(?:{BETWEEN[dialect]})*", script[position : token.start], re.DOTALL)
        position = token.end
    assert re.fullmatch(f"(?:{BETWEEN[dialect]})*", script[position:], re.DOTALL)


@pytest.mark.parametrize(
    ("dialect", "text", "value"),
    [
        ("sqlite", '"a""b"', 'a"b'),
        ("sqlite", "[a b]", "a b"),
        ("sqlite", '["a"]', '"a"'),
        ("sqlite", "`a``b`", "a`b"),
        ("sqlite", '"a', "a"),
        ("sqlite", '""', ""),
        ("sqlite", "Word", "Word"),
        ("mysql", "`a``b`", "a`b"),
        ("mysql", '"a"', '"a"'),
        ("mysql", "'a'", "'a'"),
        ("postgresql", '"A"', "A"),
        ("postgresql", 'U&"a""b"', 'a"b'),
        ("postgresql", "1.5", "1.5"),
    ],
)
def test_value_is_the_name_without_its_quotes(dialect: str, text: str, value: str) -> None:
    (token,) = tokens(text, dialect)

    assert token.value == value


def test_keywords_are_compared_in_upper_case() -> None:
    assert [token.upper for token in tokens("select From `a`", "mysql")] == ["SELECT", "FROM", "`A`"]


def test_unknown_dialect_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        list(tokens("SELECT 1", "oracle"))


@pytest.mark.parametrize(
    ("script", "delimiter", "expected"),
    [
        ("a//b", "//", [("word", "a"), ("delimiter", "//"), ("word", "b")]),
        ("END$$x", "$$", [("word", "END"), ("delimiter", "$$"), ("word", "x")]),
        ("a12b 12", "1", [("word", "a"), ("delimiter", "1"), ("word", "2b"), ("delimiter", "1"), ("word", "2")]),
        ("2.*", ".*", [("word", "2"), ("delimiter", ".*")]),
        ("'//' `//` /* // */", "//", [("text", "'//'"), ("name", "`//`")]),
        ("a -- b", "--", [("word", "a"), ("delimiter", "--"), ("word", "b")]),
        ("a;b", ";;", [("word", "a"), ("mark", ";"), ("word", "b")]),
        ("/*!50001 a */ b", "//", [("open", "/*!50001"), ("word", "a"), ("close", "*/"), ("word", "b")]),
        (
            "a\n--> statement-breakpoint\nb",
            "//",
            [("word", "a"), ("breakpoint", "--> statement-breakpoint"), ("word", "b")],
        ),
    ],
)
def test_pieces_of_what_the_client_reads(script: str, delimiter: str, expected: list[tuple[str, str]]) -> None:
    assert [(piece.kind, piece.text) for piece in pieces(script, "mysql", 0, delimiter)] == expected


def test_pieces_begin_where_they_are_asked_for() -> None:
    assert list(pieces("a b c", "sqlite", 2)) == [Token("word", "b", 2), Token("word", "c", 4)]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "shard",
    ["'", "''", "\\'", '"', "`", "[", "/*", "*/", "--", "-- \n", "$$", "$a", "$a$", "E'a'\n", "1", "1.", "é", " "],
)
def test_long_scripts_of_anything_are_read_in_one_go(dialect: str, shard: str) -> None:
    # With any way back, these would take hours.
    script = shard * 100_000

    assert sum(len(token.text) for token in tokens(script, dialect)) <= len(script)
