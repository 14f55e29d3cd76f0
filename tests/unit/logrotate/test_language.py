# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.language import is_matched, overlap, patterns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("/a.log {\n  daily\n}\n", ["/a.log"]),
        ("/a.log{\n}\n", ["/a.log"]),
        ("/a.log {\n daily }\n/b.log {\n}\n", ["/a.log", "/b.log"]),
        ("/a.log { daily }\n/b.log { daily }\n", ["/a.log", "/b.log"]),
        ("/a.log /b/*.log\n/c.log\n{\n}\n", ["/a.log", "/b/*.log", "/c.log"]),
        ("\"/the logs/a.log\" '/b c.log' /d.log {\n}\n", ["/the logs/a.log", "/b c.log", "/d.log"]),
        ("# /a.log {\nweekly\ninclude /x\n/b.log {\n # }\n daily\n}\n", ["/b.log"]),
        ("/a.log {\n postrotate\n  /bin/x {\n}\n /c.log {\n endscript\n}\n/b.log {\n}\n", ["/a.log", "/b.log"]),
        ("/a.log {\n prerotate\n  true }\n endscript\n}\n/b.log {\n}\n", ["/a.log", "/b.log"]),
        ("/a.log {\n", ["/a.log"]),
        ("/a.log\n", []),
    ],
)
def test_patterns_are_those_before_blocks(text: str, expected: list[str]) -> None:
    assert patterns(text) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a/x.log", "/a/x.log", True),
        ("/a/*.log", "/a/*.log", True),
        ("/a/*.log", "/a/x.log", True),
        ("/a/x.log", "/a/*.log", True),
        ("/a/[x].log", "/a/x.log", True),
        ("/a/[x].log", "/a/[x].log", True),
        ("/a/*.log", "/a/b/x.log", False),
        ("/*/x.log", "/a/x.log", True),
        ("/a/x.log", "/a/y.log", False),
    ],
)
def test_patterns_overlap(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected


def test_star_spans_one_name() -> None:
    assert is_matched("/a/b.log", "/*/*.log")
    assert not is_matched("/a/b/c.log", "/*/*")
