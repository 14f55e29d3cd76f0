# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a dump becomes smaller and unreadable to others, and how that is taken back.

This module is private to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Stage

# By what each is packed, the best first, and by what it is unpacked.
_TOOLS = {"zstd": "zstd", "pigz": "gzip", "gzip": "gzip"}
# zstd takes one processor if nobody says to take all, pigz takes all. Not -q: pigz tells no errors either then.
_PACK = {"zstd": ("-T0",)}
# More takes the tools up to twice as long, and rows of a database come out hardly smaller.
_USUAL_LEVEL = 1
_HIGHEST = {"zstd": 19, "pigz": 9, "gzip": 9}
_SUFFIXES = {"zstd": ".zst", "gzip": ".gz", "none": ""}

COMPRESS = ("auto", *_TOOLS, "none")

_RECIPIENT = re.compile(r"age1[0-9a-z]{10,}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+(?: [^\x00-\x1f\x7f]*)?")
_IDENTITY = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]+$", re.MULTILINE)
_PUBLIC = re.compile(r"^# public key: (age1[0-9a-z]+)$", re.MULTILINE)

Find = Callable[..., "str | None"]


@dataclass(frozen=True)
class Packing:
    """Which tool compresses, how strongly, and who can read the result: everybody if there are no recipients."""

    tool: str
    level: int
    recipients: tuple[str, ...] = ()

    @property
    def compression(self) -> str:
        """The format, by which it is unpacked."""
        return _TOOLS.get(self.tool, "none")

    @property
    def suffix(self) -> str:
        """What the name of the file ends in."""
        return _SUFFIXES[self.compression] + (".age" if self.recipients else "")

    def stages(self) -> list[Stage]:
        """The programs through which a dump goes."""
        packed = [] if self.tool == "none" else [Stage((self.tool, *_PACK.get(self.tool, ()), f"-{self.level}", "-c"))]
        to = [argument for recipient in self.recipients for argument in ("--recipient", recipient)]
        return [*packed, Stage(("age", "--encrypt", *to))] if self.recipients else packed


def choose_packing(compress: str, level: int | None, recipients: Sequence[str], find: Find) -> Packing:
    """What the user wants and this host has. Raises InvalidInput."""
    problems = [
        f"encrypt_to: recipient {number} is no public key of age (age1…) or SSH (ssh-ed25519 …, ssh-rsa …)."
        for number, recipient in enumerate(recipients, 1)
        if not _RECIPIENT.fullmatch(recipient)
    ]
    tool = (find(*_TOOLS) or "none") if compress == "auto" else compress
    highest = _HIGHEST.get(tool)
    if level is not None and highest and not 1 <= level <= highest:
        problems.append(f"compress_level: {tool} takes 1 to {highest}.")
    if tool != "none" and not find(tool):
        problems.append(f"compress: {tool} is not installed on this host: install it, or leave compress at auto.")
    if recipients and not find("age"):
        problems.append("encrypt_to: age is not installed on this host: install the package age.")
    if problems:
        raise InvalidInput("The backup", problems)
    return Packing(tool, level or (0 if tool == "none" else _USUAL_LEVEL), tuple(recipients))


def unpacking(compression: str, identity: str | None, find: Find) -> list[Stage]:
    """The programs that give the dump back; the identity is that of age, where the backup is encrypted."""
    decrypt = [Stage(("age", "--decrypt", "--identity", FILE), file=identity)] if identity is not None else []
    if compression == "none":
        return decrypt
    tool = find(*(tool for tool, unpacks in _TOOLS.items() if unpacks == compression))
    if tool is None:
        raise BackupError(f"The backup is compressed with {compression}, which is not installed on this host.")
    return [*decrypt, Stage((tool, "-d", "-c"))]


@dataclass(frozen=True)
class Key:
    """A key of age that lives as long as this process, so that it can read what it has just encrypted for others."""

    recipient: str
    identity: str = field(repr=False)


def parse_key(told: str) -> Key:
    """The key that age-keygen has printed."""
    public, secret = _PUBLIC.search(told), _IDENTITY.search(told)
    if not public or not secret:
        raise BackupError("age-keygen made a key that is not understood: update age.")
    return Key(public[1], secret[0] + "\n")
