# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bundle for support holds. This module is private to the collection."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import every_form, masked, secrets_in

# Of a text that is too long, the end says more: it is what was said last.
_CUT_OFF = "[What stood before this was left out, as the bundle would have become too large.]\n"

# What servers hand out and logs tell: nobody knows these beforehand.
_TOKEN = re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*|(?<=[Bb]earer )[^\s\"',;]{8,}|(?<=[Bb]asic )[\w+/=-]{8,}")


@dataclass
class Contents:
    """Texts by the names of their files, and what could not be had."""

    texts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """One more file."""
        self.texts[name] = text if text.endswith("\n") else f"{text}\n"

    def add_table(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        """One more file, with the cells of a row below each other."""
        cells = [[str(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells)
        self.add(name, "\n".join(lines))

    def add_json(self, name: str, value: object) -> None:
        """One more file, of what programs read."""
        self.add(name, json.dumps(value, indent=2, ensure_ascii=False, default=str))


def concealed(contents: Contents, secrets: Iterable[str]) -> Contents:
    """The same without these, in whichever form they stand there, and without what looks like a password or a token.

    The longest come first, as one can be within another.
    """
    found = [secret for text in contents.texts.values() for secret in (*secrets_in(text), *_TOKEN.findall(text))]
    forms = sorted(every_form([*secrets, *found]), key=len, reverse=True)
    texts = {masked(name, forms): masked(text, forms) for name, text in contents.texts.items()}
    return Contents(texts, masked(contents.missing, forms))


def shown(texts: Mapping[str, str], secrets: Iterable[str]) -> list[str]:
    """The names of the files in which one of these can still be read."""
    forms = every_form(secrets)
    return [name for name, text in texts.items() if any(form in text or form in name for form in forms)]


def bounded(texts: Mapping[str, str], at_most: int) -> dict[str, str]:
    """The texts, of which the longest lose their beginnings until all of them together have no more characters."""
    sizes = sorted(map(len, texts.values()))
    limit, left = at_most, at_most
    for number, size in enumerate(sizes):
        limit = left // (len(sizes) - number)
        if size > limit:
            break
        left -= size
    return {name: text if len(text) <= limit else _end_of(text, limit) for name, text in texts.items()}


def _end_of(text: str, limit: int) -> str:
    kept = max(limit - len(_CUT_OFF), 0)
    end = text[len(text) - kept :]
    # From the beginning of a line on.
    return _CUT_OFF + end[end.find("\n") + 1 :]


def packed(texts: Mapping[str, str], folder: str, moment: float) -> bytes:
    """An archive with these files in a folder, which only its owner may read once it is unpacked."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as files:
        for name, text in texts.items():
            content = text.encode("utf-8", "backslashreplace")
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(moment)
            files.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
