# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written beside a backup when it is done: a file without it is no backup.

This module is private to the collection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError

FORMAT = 1
SUFFIX = ".manifest.json"

_ID = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99})-(?P<time>[0-9]{8}T[0-9]{6}Z)-(?P<chance>[0-9a-f]{6})")
_TIME = "%Y%m%dT%H%M%SZ"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Ledger:
    """How far the schema's migrations had come: the table that lists them, how many it lists, and the last."""

    table: str
    applied: int
    last: str | None


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
        """The file's content."""
        return json.dumps({"format": FORMAT, **self.as_returned()}, indent=1) + "\n"


def parse_manifest(name: str, text: str) -> Manifest:
    """The manifest in a file of this name. Raises BackupError, which says what is wrong with it."""
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise BackupError(f"{name} was written by a newer version of this collection: update the collection.")
        manifest = _manifest(told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BackupError(f"{name} is damaged or is no manifest of a backup.") from None
    if f"{manifest.id}{SUFFIX}" != name:
        raise BackupError(f"{name} is the manifest of another backup, {manifest.id}.")
    return manifest


def _manifest(told: Mapping[str, Any]) -> Manifest:
    verified, ledger = told["verified"], told["ledger"]
    facts = Facts(
        tables={Table(_str(table["name"]), table["schema"]): int(table["rows"]) for table in told["tables"]},
        schema_sha256=_str(told["schema_sha256"]),
        traits=dict(told["traits"]),
        content_sha256=told["content_sha256"],
        ledger=Ledger(**ledger) if ledger else None,
        is_approximate=bool(told["is_approximate"]),
    )
    plain = {word: told[word] for word in _PLAIN}
    # The file's name leads to what is read, restored and removed: nothing but a name may stand there.
    if not _ID.fullmatch(plain["id"]) or "/" in plain["file"] or not plain["file"].startswith(plain["id"]):
        raise ValueError
    if not _SHA256.fullmatch(plain["sha256"]) or not isinstance(plain["bytes"], int):
        raise ValueError
    return Manifest(
        **plain,
        recipients=tuple(told["recipients"]),
        taken=_time(told["taken"]),
        facts=facts,
        verified=Verification(verified["level"], _time(verified["at"]), verified["where"]) if verified else None,
    )


_PLAIN = (
    *("id", "name", "file", "bytes", "sha256", "compression", "engine", "source", "server", "tool", "seconds"),
    *("consistency", "release"),
)


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
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
    found = _ID.match(file)
    return found[0] if found and (file[found.end() :].startswith(".") or not file[found.end() :]) else None


def default_name(database: str) -> str:
    """The name of a database's backups: its own, or that of its file, as far as it can stand in a file's name."""
    stem = database.rstrip("/").rpartition("/")[2]
    stem = re.sub(r"\.(?:db|sqlite3?)$", "", stem)
    return re.sub(r"[^A-Za-z0-9._]+", "-", stem).strip(".-_")[:100] or "database"


def name_problems(name: str) -> Sequence[str]:
    """What is wrong with a name that the user gave."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        return ()
    return ("name: it takes letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.",)
