# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The failures that a user can read. This module is private to the collection.

Each says what failed, on what, and what to do. They are raised where the failure is understood and translated into a
module's exit in one place only, the entry point.
"""

from __future__ import annotations

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


class HttpError(ShipshapeError):
    """No HTTP answer was had; `reason` is one of dns, refused, timeout, certificate, connection."""

    def __init__(self, message: str, *, reason: str, **details: object) -> None:
        super().__init__(message, reason=reason, **details)
        self.reason = reason


class LockHeld(ShipshapeError):
    """Somebody else holds the lock and did not let go of it in time."""


class Interrupted(ShipshapeError):
    """The module was told to stop by a signal."""
