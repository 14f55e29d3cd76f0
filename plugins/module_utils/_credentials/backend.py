# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where credentials are kept, as a protocol. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    Change,
    Credential,
    Declared,
)


class Backend(Protocol):
    """A table, or the admin API of an application."""

    # What a new credential gets that is declared without a priority, and what `only_default` takes for untouched.
    default_priority: int | None
    # Whether a session that is left by an error leaves everything as it was.
    undoes: bool
    # How a key is compared, as a sentence for the user; None where it is compared as a whole.
    key_is_compared_by: str | None

    def session(self, *, check_mode: bool) -> AbstractContextManager[None]:
        """Within it nobody else changes the credentials, as far as the backend can see to that.

        Left by an error, all of what was applied within it is undone, if the backend `undoes`.
        """

    def credentials(self, declared: Sequence[Declared]) -> list[Credential]:
        """All of them, with what is to be known of the keys of the declared ones. Raises ShipshapeError."""

    def apply(self, changes: Sequence[Change]) -> Iterator[Change]:
        """Carry the changes out in their order, and tell each once it is done. Raises ShipshapeError."""
