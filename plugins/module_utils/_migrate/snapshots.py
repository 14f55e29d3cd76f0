# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup that a migration is tied to. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshots:
    """How to take a backup of the database that is migrated, and how to restore it.

    `take` gives a verified backup of now, as db_backup returns it. `restore` has the database as it was in the backup
    with this id, or leaves it as it is if more rows would be lost than the migrations themselves have changed: so many
    of each table, or all. Both raise ShipshapeError.
    """

    take: Callable[[], Mapping[str, object]]
    restore: Callable[[str, Mapping[str, int | str]], None]
