# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an environment file says, and what of it nobody may see. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Collection

_LINE = re.compile(r"\s*(?:export\s+)?([\w.-]+)\s*[=:](.*)")
_QUOTES = "'\"`"


def names_of(text: str) -> list[str]:
    """The names of the variables, in their order."""
    return [found[1] for line in text.splitlines() if (found := _LINE.match(line))]


def secrets_of(text: str, plain: Collection[str]) -> list[str]:
    """Every value, but for those of the names in `plain`; of a value over several lines, each line.

    It is rather too much: what only looks like a value is taken for one.
    """
    found: list[str] = []
    is_plain = True
    for line in text.splitlines():
        begun = _LINE.match(line)
        if begun:
            is_plain = begun[1] in plain
        value = (begun[2] if begun else line).strip()
        if not is_plain and value and not value.startswith("#"):
            found += [value, value.strip(_QUOTES)]
    return list(dict.fromkeys(found))
