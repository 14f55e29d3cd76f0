# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell which backups there are and what is wrong with others. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.catalogue import (
    Broken,
    Catalogue,
    is_unfinished,
    lock_path,
    name_of,
    read_catalogue,
    refuse_relative,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import read_back
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

# What the names of a run's directories begin with.
_TEMPORARY = "shipshape-"


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    directory: str
    name: str | None
    read_back: bool


def list_backups(request: Request, *, host: Host) -> Result:
    """The catalogue; nothing is changed."""
    refuse_relative(request.directory)
    catalogue = read_catalogue(request.directory, files=host.files, folders=host.folders)
    wanted = [backup for backup in catalogue.backups if _is_wanted(request, backup.name)]
    damaged = _damaged(catalogue, wanted, host) if request.read_back else {}
    whole = [backup for backup in wanted if backup.id not in damaged]
    broken = [
        *(found for found in catalogue.broken if _is_wanted(request, name_of(found.file))),
        *(Broken(catalogue.path(backup), damaged[backup.id]) for backup in wanted if backup.id in damaged),
    ]
    holders = {name: host.locks.holder(lock_path(request.directory, name)) for name in catalogue.locked}
    running = {name: holder for name, holder in holders.items() if holder}
    now = host.now()
    return Result(
        changed=False,
        data={
            "backups": [_shown(catalogue, backup, now) for backup in whole],
            "broken": [{"path": posixpath.join(request.directory, found.file), "why": found.why} for found in broken],
            "orphaned": [
                posixpath.join(request.directory, file)
                for file in catalogue.orphaned
                if _is_wanted(request, name_of(file)) and not (is_unfinished(file) and name_of(file) in running)
            ],
            "foreign": [
                posixpath.join(request.directory, file)
                for file in catalogue.foreign
                # Whose it is, its name does not say.
                if not (running and file.startswith(_TEMPORARY))
            ],
            "running": {name: holder for name, holder in running.items() if _is_wanted(request, name)},
        },
    )


def _is_wanted(request: Request, name: str | None) -> bool:
    return request.name in (None, name)


def _damaged(catalogue: Catalogue, backups: list[Manifest], host: Host) -> Mapping[str, str]:
    found = {}
    for backup in backups:
        try:
            read_back(catalogue.path(backup), backup.sha256, host, Terms(scratch="/"))
        except ShipshapeError as error:
            found[backup.id] = error.message
    return found


def _shown(catalogue: Catalogue, backup: Manifest, now: datetime) -> Mapping[str, object]:
    return {
        **backup.as_returned(),
        "path": catalogue.path(backup),
        "age": round((now - backup.taken).total_seconds()),
    }
