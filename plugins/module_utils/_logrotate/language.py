# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which logs a file of logrotate's is about. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

_WORD = re.compile(r'"[^"]*"|\'[^\']*\'|[^\s"\']+')
_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")


def patterns(text: str) -> list[str]:
    """The patterns that stand before the blocks of the file."""
    found: list[str] = []
    pending: list[str] = []
    for line in _outside_of_blocks(text):
        heading, brace, _inside = line.partition("{")
        if heading.startswith(("/", '"', "'")):
            pending += [word.strip("\"'") for word in _WORD.findall(heading)]
        if brace:
            found += pending
            pending = []
    return found


def _outside_of_blocks(text: str) -> Iterator[str]:
    """The lines with which blocks begin, and those between them."""
    in_block = in_script = False
    for line in map(str.strip, text.splitlines()):
        first = (line.split() or [""])[0]
        if in_script:
            in_script = not line.startswith("endscript")
        elif in_block:
            in_script = first in _SCRIPTS
            in_block = not line.endswith("}")
        elif not line.startswith("#"):
            yield line
            in_block = "{" in line and not line.endswith("}")


def overlap(one: str, other: str) -> bool:
    """Whether two patterns are the same, or one is a log of the other; that two match the same is seen in logs only."""
    return one == other or is_matched(one, other) or is_matched(other, one)


def is_matched(path: str, pattern: str) -> bool:
    """Whether a pattern of the shell matches this path, of which a star never spans several names."""
    names, parts = path.split("/"), pattern.split("/")
    return len(names) == len(parts) and all(map(fnmatchcase, names, parts))
