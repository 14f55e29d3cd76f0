# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The failures that a user can read. This module is private to the collection.

Each says what failed, on what, and what to do. They are raised where the failure is understood and translated into a
module's exit in one place only, the entry point.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Sequence
from typing import Any


class ShipshapeError(Exception):
    """A failure with its sentence and the facts that go with it into the module's result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def add(self, sentence: str) -> None:
        """Go on with this; what programs say, which often comes last, seldom ends in a full stop."""
        self.message += f"{'' if self.message.endswith('.') else '.'} {sentence}"
        self.args = (self.message,)


class InvalidInput(ShipshapeError):
    """What the user declared cannot be carried out; every problem is told at once."""

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{subject}: {count}, nothing was changed. {' '.join(problems)}", problems=list(problems))


class CommandError(ShipshapeError):
    """A program of the host is missing, took too long or ended with an error."""


def words_of_failure(said: str) -> str:
    """The line by which a program that failed says why: the first that speaks of an error, or else the last."""
    lines = said.strip().splitlines() or ["it said nothing"]
    # After it may come advice, or details, which can hold what is in the database.
    return next((line for line in lines if _ERROR.search(line)), lines[-1]).strip()


_ERROR = re.compile(r"\b(?:error|fatal)\b", re.IGNORECASE)


class FileError(ShipshapeError):
    """A file or a directory could not be read, written or otherwise used."""

    @classmethod
    def of(cls, path: str, verb: str, error: OSError, advice: Mapping[int, str] | None = None) -> FileError:
        """The system's error as a sentence; the verb is what the file cannot be: read, written.

        `advice` is what to say of errors that mean something of their own here.
        """
        known = {**_ADVICE, **(_ADVICE_FOR_WRITING if verb == "written" else {}), **(advice or {})}
        said = known.get(error.errno or 0, f"{error.strerror}.")
        # Whoever writes a file replaces it whole or not at all.
        kept = ", and what was there is as it was" if verb == "written" else ""
        return cls(f"{path} cannot be {verb}{kept}. {said}", path=path)


_ADVICE = {
    errno.EACCES: "Permission denied: run as a user who may, for example with become.",
    errno.EPERM: "Not permitted: run as a user who may, for example with become.",
    errno.EEXIST: "It is there already.",
    errno.ENOSPC: "No space is left on its device: free some.",
    errno.EDQUOT: "The disk quota is used up: free some space.",
    errno.EROFS: "Its file system is mounted read-only.",
    errno.ENOENT: "It does not exist.",
    errno.ENOTDIR: "Something above it is not a directory.",
    errno.EISDIR: "It is a directory.",
    errno.ELOOP: "It is a symbolic link: name the file itself.",
}

_ADVICE_FOR_WRITING = {errno.ENOENT: "Its directory does not exist: create it first."}


class HttpError(ShipshapeError):
    """No HTTP answer was had; `reason` is one of dns, refused, timeout, certificate, connection."""

    def __init__(self, message: str, *, reason: str, **details: Any) -> None:
        super().__init__(message, reason=reason, **details)
        self.reason = reason


class DatabaseError(ShipshapeError):
    """A database did not do what it was asked.

    `reason` is one of driver, address, refused, timeout, tls, login, unknown_database, permission, locked, read_only,
    disk_full, missing, changed, duplicate, constraint, syntax, corrupt, version, other.
    """

    def __init__(self, message: str, *, reason: str, **details: Any) -> None:
        super().__init__(message, reason=reason, **details)
        self.reason = reason


class BackupError(ShipshapeError):
    """A backup is not there, not whole, or not like the database that it was taken of."""


class LockHeld(ShipshapeError):
    """Somebody else holds the lock and did not let go of it in time."""


class Interrupted(ShipshapeError):
    """The module was told to stop by a signal."""


class MigrationError(ShipshapeError):
    """The schema could not be brought from one state to the next, or not with proof."""


class ChecksFailed(ShipshapeError):
    """What was to be proved is not so, or could not be observed."""


class DeliveryError(ShipshapeError):
    """A message did not get to where it was to go."""
