# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of databases that are put beside another. This module is private to the collection."""

from __future__ import annotations

import hashlib
import re

# What is put between the name of a database and a tag, which is the time in UTC and something that no other has.
_BESIDE = re.compile(r"__(restore|old|verify)_([0-9]{14}[0-9a-f]{6})\Z")
_PURPOSES = ("restore", "old", "verify")
_LENGTH_OF_TAG = 20


def beside_name(name: str, purpose: str, tag: str, longest: int) -> str:
    """The name of a database beside another: purpose is restore, old or verify."""
    suffix = f"__{purpose}_{tag}"
    room = longest - len(suffix)
    if len(_bytes(name)) > room:
        # Cut, it could be the same as that of another database: what tells them apart stays.
        digest = hashlib.sha256(_bytes(name)).hexdigest()[:8]
        while len(_bytes(name)) > room - len(digest) - 1:
            name = name[:-1]
        name = f"{name}_{digest}"
    return name + suffix


def purpose_of(candidate: str, name: str, longest: int) -> str | None:
    """The purpose for which beside_name gives this name for the database, or None if it never does."""
    found = _BESIDE.search(candidate)
    return found[1] if found and candidate == beside_name(name, found[1], found[2], longest) else None


def is_beside(candidate: str, name: str, longest: int) -> bool:
    """Whether this is a name that beside_name gives for the database."""
    return purpose_of(candidate, name, longest) is not None


def beside_stems(name: str, longest: int) -> list[str]:
    """With what each name begins that beside_name can give for the database."""
    tag = "0" * _LENGTH_OF_TAG
    return [beside_name(name, purpose, tag, longest)[:-_LENGTH_OF_TAG] for purpose in _PURPOSES]


def _bytes(name: str) -> bytes:
    # The name of a file can hold what is no text.
    return name.encode("utf-8", "surrogatepass")
