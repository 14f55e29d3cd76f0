# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import (
    Inexpressible,
    misread,
    parse,
    quote,
    render,
)


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", ""),
        ("3000", "3000"),
        ("https://a.example:443/x", "https://a.example:443/x"),
        ("two words", "'two words'"),
        ("a#b", "'a#b'"),
        ("$HOME", "'$HOME'"),
        ('say "hi"', "'say \"hi\"'"),
        ("back\\slash\\n", "'back\\slash\\n'"),
        ("two\nlines", "'two\nlines'"),
        ("ends\\", "'ends\\'"),
        ("it's", '"it\'s"'),
        ("it's C:\\dir", '"it\'s C:\\dir"'),
        ("é€😀", "'é€😀'"),
        ("~/x", "'~/x'"),
    ],
)
def test_form(value: str, quoted: str) -> None:
    assert quote("K", value) == quoted


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("it's $HOME", "no quoting protects"),
        ('it\'s "x"', "no quoting protects"),
        ("it's `x`", "no quoting protects"),
        ("it's\\n", "takes for an escape"),
        ("it's\\", "takes for an escape"),
        ("it's\\\n", "takes for an escape"),
        ("a\rb", "carriage return"),
        ("a\0b", "NUL"),
        ("a\ufdd0", "no Unicode character"),
        ("a\U0001ffff", "no Unicode character"),
        ("a\ud800", "no Unicode character"),
        ("x" * 128 * 1024, "128 KiB"),
    ],
)
def test_value_without_a_common_form_is_refused_with_the_reason(value: str, reason: str) -> None:
    with pytest.raises(Inexpressible, match=reason):
        quote("K", value)


def test_the_longest_value_that_linux_takes() -> None:
    assert quote("K", "x" * (128 * 1024 - 3))
    with pytest.raises(Inexpressible):
        quote("K", "x" * (128 * 1024 - 2))


def test_file() -> None:
    assert render({"A": "1", "B": "x y"}, {"B": "What B is", "C": "not there"}).splitlines()[1:] == [
        "A=1",
        "",
        "# What B is",
        "B='x y'",
    ]


def test_a_backslash_at_the_end_is_seen_where_it_would_be_misread() -> None:
    harmless = {"A": "ends\\", "B": "x y"}
    assert misread(harmless, {}) == []
    assert misread({"A": "ends\\", "B": "\nx y"}, {}) == ["A", "B"]
    assert misread({"A": "ends\\", "B": "1"}, {"B": "The users'"}) == ["A"]


@pytest.mark.parametrize(
    ("text", "values", "strange"),
    [
        ("", {}, ()),
        ("A=1\n\n# c\nB = two words # c\n", {"A": "1", "B": "two words"}, ()),
        ("export A=1\r\nB: 2\r\n", {"A": "1", "B": "2"}, ()),
        ("A='x # y'\nB=\"a\\nb\"\nC=`q`\n", {"A": "x # y", "B": "a\nb", "C": "q"}, ()),
        ("A='two\nlines'\nB=", {"A": "two\nlines", "B": ""}, ()),
        ("A='two\r\nlines'\rB=2", {"A": "two\nlines", "B": "2"}, ()),
        ("A=1\nnonsense\nB=2\n!", {"A": "1", "B": "2"}, (2, 4)),
        ("A='open\nB=2", {"A": "'open", "B": "2"}, ()),
        ("A='it'\"'\"'s'\n", {"A": "it'\"'\"'s"}, ()),
        ("A=1\nA=2\n", {"A": "2"}, ()),
        ("my.key-x=1\n", {"my.key-x": "1"}, ()),
    ],
)
def test_a_file_that_somebody_else_wrote(text: str, values: dict[str, str], strange: tuple[int, ...]) -> None:
    parsed = parse(text)
    assert parsed.values == values
    assert parsed.strange_lines == strange
