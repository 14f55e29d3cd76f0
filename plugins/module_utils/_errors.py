# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The failures that a user can read. This module is private to the collection.

Each says what failed, on what, and what to do. They are raised where the failure is understood and translated into a
module's exit in one place only, the entry point.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence


class ShipshapeError(Exception):
    """A failure with its sentence and the facts that go with it into the module's result."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidInput(ShipshapeError):
    """What the user declared cannot be carried out; every problem is told at once."""

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{subject}: {count}, nothing was changed. {' '.join(problems)}", problems=list(problems))


class CommandError(ShipshapeError):
    """A program of the host is missing, took too long or ended with an error."""


class FileError(ShipshapeError):
    """A file could not be read or written; the one that was there is as it was."""

    @classmethod
    def of(cls, path: str, verb: str, error: OSError) -> FileError:
        """The system's error as a sentence; the verb is what the file cannot be: read, written."""
        advice = _ADVICE.get(error.errno or 0, f"{error.strerror}.")
        return cls(f"{path} cannot be {verb}, and what was there is as it was. {advice}", path=path)


_ADVICE = {
    errno.EACCES: "Permission denied: run as a user who may, for example with become.",
    errno.EPERM: "Not permitted: run as a user who may, for example with become.",
    errno.EEXIST: "It is there already.",
    errno.ENOSPC: "No space is left on its device: free some.",
    errno.EDQUOT: "The disk quota is used up: free some space.",
    errno.EROFS: "Its file system is mounted read-only.",
    errno.ENOENT: "Its directory does not exist: create it first.",
    errno.ENOTDIR: "Something above it is not a directory.",
    errno.ELOOP: "It is a symbolic link: name the file itself.",
}


class HttpError(ShipshapeError):
    """No HTTP answer was had; `reason` is one of dns, refused, timeout, certificate, connection."""

    def __init__(self, message: str, *, reason: str, **details: object) -> None:
        super().__init__(message, reason=reason, **details)
        self.reason = reason


class DatabaseError(ShipshapeError):
    """A database did not do what it was asked.

    `reason` is one of driver, address, refused, timeout, tls, login, unknown_database, permission, locked, read_only,
    disk_full, missing, duplicate, constraint, syntax, corrupt, version, other.
    """

    def __init__(self, message: str, *, reason: str, **details: object) -> None:
        super().__init__(message, reason=reason, **details)
        self.reason = reason


class BackupError(ShipshapeError):
    """A backup is not there, not whole, or not like the database that it was taken of."""


class LockHeld(ShipshapeError):
    """Somebody else holds the lock and did not let go of it in time."""


class Interrupted(ShipshapeError):
    """The module was told to stop by a signal."""
