# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.language import directives


def said(text: str) -> list[tuple[str, int, int, list[str]]]:
    return [(one.name, one.line, one.depth, [word.text for word in one.arguments]) for one in directives("/f", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# listen 80;\n", []),
        ("a b c;", [("a", 1, 0, ["b", "c"])]),
        ("a\n  b\n;\nc;", [("a", 1, 0, ["b"]), ("c", 4, 0, [])]),
        ("a { b { c; } d; } e;", [("a", 1, 0, []), ("b", 1, 1, []), ("c", 1, 2, []), ("d", 1, 1, []), ("e", 1, 0, [])]),
        ('a "b ; { c";', [("a", 1, 0, ["b ; { c"])]),
        ('a \'it\\\'s\' "\\"x\\" \\n";', [("a", 1, 0, ["it's", '"x" \\n'])]),
        ("a '\n' b;\nc;", [("a", 1, 0, ["\n", "b"]), ("c", 3, 0, [])]),
        ("a x${y}z #c;\n b;", [("a", 1, 0, ["x${y}z", "b"])]),
        ("a x#y it's;", [("a", 1, 0, ["x#y", "it's"])]),
        ('a ";" "{" "}"; b;', [("a", 1, 0, [";", "{", "}"]), ("b", 1, 0, [])]),
        ("location ~ \\.php$ { }", [("location", 1, 0, ["~", "\\.php$"])]),
        ("a b", []),
        ('a "b;', [("a", 1, 0, ['"b'])]),
    ],
)
def test_text_is_understood_as_nginx_does(text: str, expected: list[tuple[str, int, int, list[str]]]) -> None:
    assert said(text) == expected


def test_word_knows_its_line_and_where_it_stands() -> None:
    text = "a\n 'b'\n c;"

    [one] = directives("/f", text)

    assert one.file == "/f"
    assert [(word.line, text[word.start : word.end]) for word in one.arguments] == [(2, "'b'"), (3, "c")]
