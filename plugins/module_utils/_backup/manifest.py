# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written beside a backup when it is done: a file without it is no backup.

This module is private to the collection.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import Ledger
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError

FORMAT = 1
SUFFIX = ".manifest.json"

# How far a backup can be verified; each proves what those before it prove, and more.
LEVELS = ("none", "checksum", "structure", "restore")

_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_ID = re.compile(rf"(?P<name>{_NAME})-(?P<time>[0-9]{{8}}T[0-9]{{6}}Z)-(?P<chance>[0-9a-f]{{6}})")
_FILE = re.compile(rf"{_ID.pattern}(?=\.|\Z)")
_TIME = "%Y%m%dT%H%M%SZ"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Facts:
    """A database at one moment, as far as a copy of it has to be like it."""

    tables: Mapping[Table, int]
    schema_sha256: str
    # What an empty database has to be made with, so that a copy is the same: character set and the like.
    traits: Mapping[str, str] = field(default_factory=dict)
    # Of all rows, where somebody wanted to know.
    content_sha256: str | None = None
    ledger: Ledger | None = None
    # The number of rows is of nearly the same moment, where the engine could not give more.
    is_approximate: bool = False


@dataclass(frozen=True)
class Verification:
    """What a backup has been through: none, checksum, structure or restore; when; and where it was restored."""

    level: str
    at: datetime
    where: str | None = None


@dataclass(frozen=True)
class Manifest:
    """All that is known of one backup."""

    id: str
    name: str
    file: str
    bytes: int
    sha256: str
    compression: str
    recipients: tuple[str, ...]
    engine: str
    # The address without user and password: which backups are of the same database.
    source: str
    server: str
    tool: str
    taken: datetime
    seconds: float
    consistency: str
    facts: Facts
    verified: Verification | None = None
    release: str | None = None
    # Taken because somebody asked for a backup, or for safety before a restore.
    purpose: str = "backup"

    @property
    def is_encrypted(self) -> bool:
        """Whether only the recipients can read it."""
        return bool(self.recipients)

    @property
    def is_verified(self) -> bool:
        """Whether it was looked into, and not only read back."""
        return self.verified is not None and self.verified.level in ("structure", "restore")

    def with_verification(self, verified: Verification | None) -> Manifest:
        """The same, verified."""
        return replace(self, verified=verified)

    def as_returned(self) -> dict[str, Any]:
        """The form that users see and that is written, in values of JSON."""
        return {
            **{name.name: getattr(self, name.name) for name in fields(self) if name.name not in ("facts", "verified")},
            "recipients": list(self.recipients),
            "taken": self.taken.isoformat(),
            "tables": [
                {"schema": table.schema, "name": table.name, "rows": rows} for table, rows in self.facts.tables.items()
            ],
            "schema_sha256": self.facts.schema_sha256,
            "content_sha256": self.facts.content_sha256,
            "traits": dict(self.facts.traits),
            "ledger": asdict(self.facts.ledger) if self.facts.ledger else None,
            "is_approximate": self.facts.is_approximate,
            "verified": {**asdict(self.verified), "at": self.verified.at.isoformat()} if self.verified else None,
        }

    def to_text(self) -> str:
        """The file's content. Raises BackupError rather than give what could not be read again."""
        text = json.dumps({"format": FORMAT, **self.as_returned()}, indent=1) + "\n"
        parse_manifest(f"{self.id}{SUFFIX}", text)
        return text


def parse_manifest(name: str, text: str) -> Manifest:
    """The manifest in a file of this name. Raises BackupError, which says what is wrong with it."""
    try:
        told = json.loads(text)
        if _of(told["format"], int) > FORMAT:
            raise BackupError(f"{name} was written by a newer version of this collection: update the collection.")
        manifest = _manifest(told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BackupError(f"{name} is damaged or is no manifest of a backup.") from None
    if f"{manifest.id}{SUFFIX}" != name:
        raise BackupError(f"{name} is the manifest of another backup, {manifest.id}.")
    return manifest


def _manifest(told: Mapping[str, Any]) -> Manifest:
    plain = {word: _of(told[word], *kinds) for word, kinds in _PLAIN.items()}
    whose = _ID.fullmatch(plain["id"])
    # The file's name leads to what is read, restored and removed: nothing but a backup's own may stand there.
    file = re.fullmatch(re.escape(plain["id"]) + _SUFFIXES, plain["file"])
    is_sound = _SHA256.fullmatch(plain["sha256"]) and plain["bytes"] >= 0 and 0 <= plain["seconds"] < math.inf
    if not whose or whose["name"] != plain["name"] or not file or not is_sound or told["format"] != FORMAT:
        raise ValueError
    return Manifest(
        **plain,
        recipients=tuple(_of(recipient, str) for recipient in _of(told["recipients"], list)),
        taken=_time(told["taken"]),
        facts=_facts(told),
        verified=_verification(told["verified"]) if told["verified"] is not None else None,
    )


def _facts(told: Mapping[str, Any]) -> Facts:
    tables = {
        Table(_of(table["name"], str), _of(table["schema"], str, _NOTHING)): _of(table["rows"], int)
        for table in _of(told["tables"], list)
    }
    ledger = told["ledger"]
    return Facts(
        tables=tables,
        schema_sha256=_of(told["schema_sha256"], str),
        traits={word: _of(value, str) for word, value in _of(told["traits"], dict).items()},
        content_sha256=_of(told["content_sha256"], str, _NOTHING),
        ledger=None if ledger is None else _ledger(ledger),
        is_approximate=_of(told["is_approximate"], bool),
    )


def _ledger(told: Mapping[str, Any]) -> Ledger:
    return Ledger(_of(told["table"], str), _of(told["applied"], int), _of(told["last"], str, _NOTHING))


def _verification(told: Mapping[str, Any]) -> Verification:
    if told["level"] not in LEVELS:
        raise ValueError
    return Verification(told["level"], _time(told["at"]), _of(told["where"], str, _NOTHING))


_NOTHING = type(None)
_TEXT = (str,)
_PLAIN: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "name", "file", "sha256", "compression", "engine", "source", "server", "tool"), _TEXT),
    **dict.fromkeys(("consistency", "purpose"), _TEXT),
    "bytes": (int,),
    "seconds": (int, float),
    "release": (str, _NOTHING),
}
# What the file's name may have after the id; the manifest itself is not a backup.
_SUFFIXES = rf"(?!{re.escape(SUFFIX)}\Z)(?:\.[A-Za-z0-9]+)*"


def _of(value: Any, *kinds: type) -> Any:
    """The value, if it is of one of these kinds exactly: here, true is no number."""
    if type(value) not in kinds:
        raise TypeError
    return value


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    # With the first and the last years of the calendar nothing can be computed in another zone.
    if moment.utcoffset() is None or not 1 < moment.year < 9999:
        raise ValueError
    return moment


def new_id(name: str, taken: datetime, chance: bytes) -> str:
    """The id of a backup, which its file's name begins with: whose, when in UTC, and something that no other has."""
    return f"{name}-{taken.astimezone(timezone.utc).strftime(_TIME)}-{chance[:3].hex()}"


def is_id(text: str) -> bool:
    """Whether this has the form of an id."""
    return bool(_ID.fullmatch(text))


def id_of_file(file: str) -> str | None:
    """The id that the file's name begins with, if it is the name of a backup or of its manifest."""
    found = _FILE.match(file)
    return found[0] if found else None


def default_name(database: str) -> str:
    """The name of a database's backups: its own, or that of its file, as far as it can stand in a file's name."""
    stem = database.rstrip("/").rpartition("/")[2]
    stem = re.sub(r"\.(?:db|sqlite3?)$", "", stem)
    return re.sub(r"[^A-Za-z0-9._]+", "-", stem).strip(".-_")[:100] or "database"


def name_problems(name: str) -> Sequence[str]:
    """What is wrong with a name that the user gave."""
    if re.fullmatch(_NAME, name):
        return ()
    return ("name: it takes letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.",)
