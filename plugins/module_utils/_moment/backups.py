# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backups of a stanza, and from which a moment is reached. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.moment import written


@dataclass(frozen=True)
class Backup:
    """One backup, of the size that the database had, and of which server it is."""

    label: str
    # When it was whole, in seconds, rounded down.
    stopped: int
    size: int
    version: str
    system: int

    @property
    def usable_from(self) -> datetime:
        """The first moment that can be reached from it."""
        return datetime.fromtimestamp(self.stopped + 1, timezone.utc)


def read_backups(stanza: str, text: str) -> list[Backup]:
    """The backups of the stanza, the oldest first."""
    told: dict[str, Any] = next((one for one in json.loads(text) if one["name"] == stanza), {})
    servers = {(one.get("repo-key"), one["id"]): one for one in told.get("db", [])}
    backups = []
    for one in told.get("backup", []):
        server = servers[one["database"].get("repo-key"), one["database"]["id"]]
        backups.append(
            Backup(one["label"], one["timestamp"]["stop"], one["info"]["size"], server["version"], server["system-id"])
        )
    if not backups:
        said = told.get("status", {}).get("message", "the stanza is unknown")
        raise BackupError(f"pgBackRest has no backup of the stanza {stanza}: {said}. Have it take a full one first.")
    return sorted(backups, key=lambda backup: backup.stopped)


def read_tablespaces(text: str) -> set[str]:
    """The numbers of the tablespaces of the one backup that was asked for."""
    return {str(one["oid"]) for one in json.loads(text)[0]["backup"][0].get("tablespace") or []}


def choose(stanza: str, backups: Sequence[Backup], moment: datetime | None) -> Backup:
    """The last backup that was whole before the moment, or the last of all."""
    # PostgreSQL would not stop before the backup's own end, and would say nothing of it.
    whole = [backup for backup in backups if moment is None or backup.usable_from <= moment]
    if not whole:
        raise BackupError(
            f"The first backup of {stanza} reaches back to {written(backups[0].usable_from)}: nothing before can be "
            "restored."
        )
    return whole[-1]
