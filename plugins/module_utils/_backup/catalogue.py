# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a directory of backups. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import (
    SUFFIX,
    Manifest,
    id_of_file,
    is_id,
    name_problems,
    parse_manifest,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, FileError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Entry, Files, Folders

LATEST = "latest"

_PARTIAL = ".partial"
_LOCK = ".lock"

# A backup, and a manifest, that is being written.
_UNFINISHED = (_PARTIAL, f"{SUFFIX}.shipshape-")

# The time and the chance in an id, each after a hyphen.
_AFTER_THE_NAME = 24


@dataclass(frozen=True)
class Broken:
    """A backup that cannot be used, and why."""

    file: str
    why: str

    @property
    def id(self) -> str | None:
        """Which one."""
        return id_of_file(self.file)


@dataclass(frozen=True)
class Catalogue:
    """The directory's backups, newest first, and what else is in it."""

    directory: str
    backups: tuple[Manifest, ...] = ()
    broken: tuple[Broken, ...] = ()
    # What has the name of a backup and no manifest: of a run that was killed, or whose manifest somebody removed.
    orphaned: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    # The names for which there is a lock, whether anybody holds it or not.
    locked: tuple[str, ...] = ()

    def of(self, engine: str, source: str) -> list[Manifest]:
        """The backups of one database, newest first."""
        return [backup for backup in self.backups if (backup.engine, backup.source) == (engine, source)]

    def path(self, backup: Manifest) -> str:
        """Where the backup is."""
        return posixpath.join(self.directory, backup.file)

    def manifest_path(self, backup: Manifest) -> str:
        """Where its manifest is."""
        return manifest_path(self.directory, backup.id)


def manifest_path(directory: str, backup: str) -> str:
    """Where the manifest of the backup with this id is."""
    return posixpath.join(directory, f"{backup}{SUFFIX}")


def lock_path(directory: str, name: str) -> str:
    """The file that is locked while the backups of this name are written."""
    return posixpath.join(directory, f".{name}{_LOCK}")


def name_of(file: str) -> str | None:
    """The name of the backups that this file belongs to, finished or not."""
    found = id_of_file(file) or _id_of_unfinished(file)
    return found[:-_AFTER_THE_NAME] if found else None


def partial_path(directory: str, file: str) -> str:
    """Under which name a backup is written before it is done."""
    return posixpath.join(directory, f".{file}{_PARTIAL}")


def is_unfinished(file: str) -> bool:
    """Whether this is the file of a run that goes on, or that was killed."""
    return _id_of_unfinished(file) is not None


def leftovers(entries: Sequence[Entry], name: str) -> list[Entry]:
    """The files that runs for this name have left when they were killed; whoever asks holds the lock."""
    return [entry for entry in entries if entry.is_file and is_unfinished(entry.name) and name_of(entry.name) == name]


def read_catalogue(directory: str, *, files: Files, folders: Folders) -> Catalogue:
    """What is in the directory now; one that does not exist is empty."""
    entries = {entry.name: entry for entry in folders.entries(directory)}
    backups: list[Manifest] = []
    broken: list[Broken] = []
    for name in entries:
        if name.endswith(SUFFIX) and is_id(name[: -len(SUFFIX)]):
            try:
                backups.append(_backup(directory, name, entries, files))
            except (BackupError, FileError) as error:
                broken.append(Broken(name, error.message))
    locked = {lock_path("", found): found for found in map(_name_of_lock, entries.values()) if found}
    known = {*locked, *(file for backup in backups for file in (backup.file, f"{backup.id}{SUFFIX}"))}
    unusable = {found.id for found in broken}
    others = [name for name in entries if name not in known and id_of_file(name) not in unusable]
    orphaned = [name for name in others if entries[name].is_file and name_of(name)]
    return Catalogue(
        directory=directory,
        backups=tuple(sorted(backups, key=lambda backup: (backup.taken, backup.id), reverse=True)),
        broken=tuple(broken),
        orphaned=tuple(orphaned),
        foreign=tuple(name for name in others if name not in orphaned),
        locked=tuple(locked.values()),
    )


def select(catalogue: Catalogue, wanted: str, engine: str, name: str, source: str) -> Manifest:
    """The backup with this id, or the latest that was asked for as a backup under this name. Raises BackupError.

    Where databases share the name, the latest is one of this database, if there is any.
    """
    if wanted == LATEST:
        alike = [
            backup
            for backup in catalogue.backups
            if (backup.engine, backup.name, backup.purpose) == (engine, name, "backup")
        ]
        found = next((backup for backup in alike if backup.source == source), alike[0] if alike else None)
    else:
        found = next((backup for backup in catalogue.backups if backup.id == wanted), None)
    if found is None:
        raise BackupError(_why_not(catalogue, wanted, engine, name))
    if found.engine != engine:
        raise BackupError(f"The backup {found.id} is one of {found.engine}, and the database is of {engine}.")
    return found


def _why_not(catalogue: Catalogue, wanted: str, engine: str, name: str) -> str:
    for broken in catalogue.broken:
        if broken.id == wanted:
            return f"The backup {wanted} cannot be used: {broken.why}"
    for file in catalogue.orphaned:
        if id_of_file(file) == wanted:
            return f"{file} in {catalogue.directory} has no manifest, and so it is no backup."
    what = f"no backup of {name} for {engine}" if wanted == LATEST else f"no backup with the id {wanted}"
    present = ", ".join(backup.id for backup in catalogue.backups[:5]) or "none"
    return f"There is {what} in {catalogue.directory}. The newest that are there: {present}."


def locate(wanted: str, directory: str | None) -> tuple[str, str]:
    """The directory in which to look, and the id or `latest`, of what may be a path. Raises InvalidInput."""
    if "/" in wanted:
        folder, file = posixpath.split(wanted)
        found = id_of_file(file)
        if not posixpath.isabs(wanted) or found is None:
            raise InvalidInput("backup", ["backup is neither an id, nor latest, nor the absolute path of a backup."])
        return folder, found
    if directory is None:
        raise InvalidInput("backup", ["directory is missing: say where the backups are, or give the backup's path."])
    refuse_relative(directory)
    if wanted != LATEST and not is_id(wanted):
        raise InvalidInput("backup", ["backup is neither an id, nor latest, nor the absolute path of a backup."])
    return directory, wanted


def refuse_relative(directory: str) -> None:
    """Raise InvalidInput unless the directory is absolute."""
    if not posixpath.isabs(directory):
        raise InvalidInput("directory", ["directory is not absolute: which one it is depends on who runs the module."])


def _backup(directory: str, name: str, entries: dict[str, Entry], files: Files) -> Manifest:
    content = files.read(posixpath.join(directory, name))
    if content is None:
        raise BackupError(f"{name} went while the directory was read.")
    backup = parse_manifest(name, content.content.decode("utf-8", "replace"))
    entry = entries.get(backup.file)
    if entry is None:
        raise BackupError(f"{backup.file}, which the manifest is about, is not there.")
    if not entry.is_file:
        raise BackupError(f"{backup.file}, which the manifest is about, is no plain file.")
    if entry.size != backup.bytes:
        raise BackupError(f"{backup.file} has {entry.size} bytes and not {backup.bytes} as when it was written.")
    return backup


def _id_of_unfinished(file: str) -> str | None:
    return id_of_file(file[1:]) if file.startswith(".") and any(mark in file for mark in _UNFINISHED) else None


def _name_of_lock(entry: Entry) -> str | None:
    found = entry.name[1 : -len(_LOCK)]
    return found if entry.is_file and entry.name == lock_path("", found) and not name_problems(found) else None
