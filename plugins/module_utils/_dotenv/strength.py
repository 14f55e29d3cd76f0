# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much chance a secret can hold. This module is private to the collection."""

from __future__ import annotations

import math
import re
import string
from itertools import groupby

ENCODINGS = ("auto", "base64", "hex", "plain")

_HEX = re.compile(r"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_OTHER_CHARACTERS = 33

# Steps of one run that a random secret of 64 hexadecimal digits holds less often than once in a million times.
_RUN = 7


def is_encoded(secret: str, encoding: str) -> bool:
    """Whether the text can be what its encoding says."""
    if encoding == "hex":
        return _HEX.fullmatch(secret) is not None
    if encoding == "base64":
        return _BASE64.fullmatch(secret) is not None and len(secret.rstrip("=")) % 4 != 1
    return True


def entropy_bytes(secret: str, encoding: str = "auto") -> int:
    """The most bytes of chance that a text of this alphabet and length can hold; repeats and runs count as nothing.

    An upper bound: whoever chose the text by hand has put in less.
    """
    if encoding == "auto":
        encoding = _encoding_of(secret)
    counted = _unpredictable_length(secret.rstrip("=") if encoding == "base64" else secret)
    return math.floor(counted * _bits_per_character(secret, encoding) / 8)


def _encoding_of(secret: str) -> str:
    if is_encoded(secret, "hex"):
        return "hex"
    # A word is base64 too: only a text that mixes capitals and small letters, as random base64 does, is taken for it.
    mixed = secret != secret.upper() and secret != secret.lower()
    return "base64" if mixed and is_encoded(secret, "base64") else "plain"


def _bits_per_character(secret: str, encoding: str) -> float:
    if encoding == "hex":
        bits = 4.0
    elif encoding == "base64":
        bits = 6.0
    else:
        bits = math.log2(max(1, _alphabet(secret)))
    # A random text of any useful length has far more different characters than this asks for.
    return min(bits, 2 * math.log2(max(1, len(set(secret)))))


def _alphabet(secret: str) -> int:
    size = sum(len(letters) for letters in _CLASSES if any(character in letters for character in secret))
    plain = set("".join(_CLASSES))
    return size if plain.issuperset(secret) else size + _OTHER_CHARACTERS


def _unpredictable_length(text: str) -> int:
    """The number of characters that neither repeat the beginning nor continue a long run (00000000, abcdefgh)."""
    text = text[: _period(text)]
    steps = [ord(after) - ord(before) for before, after in zip(text, text[1:])]
    runs = [len(list(run)) for step, run in groupby(steps) if abs(step) <= 1]
    return len(text) - sum(length - 1 for length in runs if length >= _RUN)


def _period(text: str) -> int:
    """The length of the shortest piece of which the text is a repetition, its own length if there is none."""
    return (text + text).find(text, 1) if text else 0
