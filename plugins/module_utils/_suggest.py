# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nearest right word for a wrong one. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest known word, or else the sentence that names them all."""
    words = sorted(known)
    by_folded = {candidate.casefold(): candidate for candidate in words}
    near = get_close_matches(word.casefold(), by_folded, n=1)
    if near:
        return f"Did you mean {by_folded[near[0]]}?"
    return f"Known are: {', '.join(words)}."
