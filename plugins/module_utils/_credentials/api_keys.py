# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API shows of a key, and what that tells of another one. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# Stands in a text for what is not shown of a key.
_HIDDEN = re.compile(r"[*•●∙·…█#]+|\.{3,}|x{4,}", re.IGNORECASE)
_HOLDS_NO_KEY = re.compile(
    r"\W*(?:configured|encrypted|hidden|masked|present|protected|redacted|secret|set|stored|unchanged)\W*",
    re.IGNORECASE,
)
# Of CryptoJS, of Fernet, and what Node's crypto is mostly written down as: iv:tag:text.
_ENCRYPTED = re.compile(r"U2FsdGVkX1.*|gAAAA.*|enc:.*|v\d+:.*|[A-Za-z0-9+/]{16,}=*(?::[A-Za-z0-9+/]{16,}=*)+")
_KEY = re.compile(r"[\w.~+/=:@!$%-]+", re.ASCII)
# Between what is shown and what is not, these can belong to either.
_BETWEEN = "-_.: "

# Fewer letters are those of many keys: all of one provider often begin alike.
_ENOUGH_LETTERS = 4
# No whole key is so short, but what is shown of one can be.
_SHORTEST = 8

_SENDS = "with update_keys it is sent nevertheless."
# From the strongest comparison to none at all.
_COMPARED_BY = (
    None,
    "The API shows only the beginning or the end of keys, and these are compared: a key that differs elsewhere is not"
    f" noticed, {_SENDS}",
    f"The API tells only whether there is a key: one that differs is not noticed, {_SENDS}",
    f"The API tells nothing of keys: one that is missing or differs is not noticed, {_SENDS}",
)


@dataclass(frozen=True)
class Shown:
    """What the API shows of one key."""

    # Whether there is one; None is not known.
    exists: bool | None
    text: str | None = field(default=None, repr=False)
    is_whole: bool = False
    begin: str = field(default="", repr=False)
    end: str = field(default="", repr=False)

    def is_same(self, declared: str) -> bool | None:
        """Whether it is the declared key; None is not known."""
        if not self.exists or not declared:
            return None if self.exists is None else self.exists == bool(declared)
        if self.is_whole or self.text == declared:
            return self.text == declared
        if not declared.startswith(self.begin) or not declared[len(self.begin) :].endswith(self.end):
            return False
        return True if self._shows_enough() else None

    def weakness(self) -> int:
        """How little it tells; 0 is all."""
        if self.is_whole or self.exists is False:
            return 0
        if self._shows_enough():
            return 1
        return 2 if self.exists else 3

    def _shows_enough(self) -> bool:
        return len(self.begin + self.end) >= _ENOUGH_LETTERS


def compared_by(shown: Iterable[Shown]) -> str | None:
    """How keys are compared of which this is shown, as a sentence; None is as a whole."""
    return _COMPARED_BY[max((one.weakness() for one in shown), default=0)]


def shown_in(row: Mapping[str, Any], name: str, word: str) -> Shown:
    """What a row shows of its key, under the field of that name or beside it: hasKey, hasApiKey, maskedKey."""
    beside = {re.sub(r"[\W_]", "", key).casefold(): value for key, value in row.items()}
    of_it = [re.sub(r"[\W_]", "", either).casefold() for either in (name, word)]
    values = [row.get(name), *(beside.get(f"{prefix}{one}") for prefix in ("masked", "has") for one in of_it)]
    for place, value in enumerate(values):
        if isinstance(value, str) and value:
            return replace(_of_text(value), is_whole=_is_whole(value) and place == 0)
        if isinstance(value, int):
            return Shown(bool(value))
    # A key that is nowhere shown may well be there.
    return Shown(False if name in row else None)


def _of_text(text: str) -> Shown:
    hidden = list(_HIDDEN.finditer(text))
    if not hidden:
        return Shown(True, text)
    begin, end = text[: hidden[0].start()].rstrip(_BETWEEN), text[hidden[-1].end() :].lstrip(_BETWEEN)
    return Shown(True, text, begin=_if_key(begin), end=_if_key(end))


def _is_whole(text: str) -> bool:
    is_other = _HIDDEN.search(text) or _HOLDS_NO_KEY.fullmatch(text) or _ENCRYPTED.fullmatch(text)
    return not is_other and len(text) >= _SHORTEST and _KEY.fullmatch(text) is not None


def _if_key(part: str) -> str:
    """The same if it can be part of a key; "(51 letters)" is not."""
    return part if _KEY.fullmatch(part) else ""
