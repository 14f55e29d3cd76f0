# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of backups off the host, by rclone. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.catalogue import Catalogue
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import SUFFIX, Manifest
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Commands, Completed

# A remote of rclone's configuration, and a path in it. What else rclone takes can hold secrets.
_REMOTE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. +@-]*:(?!//)[^\0\n]*|/[^\0\n]*")

# What rclone ends with when there is no such directory.
_NO_DIRECTORY = 3


@dataclass(frozen=True)
class Offsite:
    """A directory in a remote of rclone."""

    remote: str
    commands: Commands
    config: str | None = None
    timeout: float | None = None

    def missing(self, backups: Iterable[Manifest]) -> list[Manifest]:
        """The backups that are not there, or not whole, oldest first."""
        present = self._sizes()
        return [
            backup
            for backup in sorted(backups, key=lambda backup: backup.taken)
            # The manifest goes last there, too.
            if present.get(backup.file) != backup.bytes or f"{backup.id}{SUFFIX}" not in present
        ]

    def send(self, catalogue: Catalogue, backup: Manifest) -> None:
        """Copy a backup and its manifest, and read back what arrived. Raises BackupError."""
        self._copy(catalogue.path(backup), backup.file)
        told = self._run("hashsum", "sha256", "--download", self._at(backup.file)).succeeded(
            f"The check of {backup.file} at {self.remote}"
        )
        if told.stdout.split(" ", 1)[0].strip() != backup.sha256:
            raise BackupError(
                f"{backup.file} arrived at {self.remote} with another SHA-256: the backup here is whole, the copy there"
                " is not. Look at the remote, and run this again.",
                remote=self.remote,
            )
        self._copy(catalogue.manifest_path(backup), f"{backup.id}{SUFFIX}")

    def _copy(self, path: str, name: str) -> None:
        # Whatever is there is not whole, and rclone would leave alone what has the same size and time.
        self._run("copyto", "--ignore-times", path, self._at(name)).succeeded(f"The copy of {name} to {self.remote}")

    def _sizes(self) -> Mapping[str, int]:
        ended = self._run("lsjson", "--files-only", "--no-modtime", "--no-mimetype", self.remote)
        if ended.code == _NO_DIRECTORY:
            return {}
        told = ended.succeeded(f"The listing of {self.remote}").stdout
        try:
            return {entry["Name"]: entry["Size"] for entry in json.loads(told)}
        except (ValueError, KeyError, TypeError):
            raise BackupError(f"The listing of {self.remote} is not understood: update rclone.") from None

    def _at(self, name: str) -> str:
        separator = "" if self.remote.endswith((":", "/")) else "/"
        return f"{self.remote}{separator}{name}"

    def _run(self, *arguments: str) -> Completed:
        config = ("--config", self.config) if self.config else ()
        argv = ("rclone", *config, "--ask-password=false", *arguments)
        return self.commands.run(argv, timeout=self.timeout)


def refuse_unfit(remote: str) -> None:
    """Raise InvalidInput unless this names a remote without saying how to get in."""
    if not _REMOTE.fullmatch(remote):
        raise InvalidInput(
            "copy_to",
            [
                "copy_to is no remote of rclone's configuration and path, as in offsite:holibot. Keys and other"
                " settings belong into the configuration, where no list of processes shows them."
            ],
        )
