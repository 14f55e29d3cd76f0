# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an API has done what it has answered with success. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_keys import shown_in
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_rows import Row, credential_of
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Change, Credential
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import ATTRIBUTES, SECRETS

# Of a credential that is made, these are sent whether declared or not.
IMPLIED = ("provider", "priority", "active", "global")


def undone(change: Change, before: Row | None, now: Row | None, fields: Mapping[str, str]) -> Iterator[str]:
    """What is not as it should be of a credential that was listed as the one row and is now listed as the other."""
    wanted = change.after
    if wanted is None:
        if now is not None:
            yield f"{now[fields['name']]} is still there."
    elif now is None:
        yield f"{wanted.name} is not there."
    else:
        found = credential_of(now, fields)
        for word in (*change.values, *(IMPLIED if before is None else ())):
            if word in ATTRIBUTES and fields[word] in now and _told(found, word) != _told(wanted, word):
                # Values can be secret, but not numbers of the order.
                numbers = f": {found.priority} instead of {wanted.priority}" if word == "priority" else ""
                yield f"{wanted.name} has another {fields[word]} than was sent{numbers}."
        for word in SECRETS:
            if _is_lost(change, word, before or {}, now, fields[word]):
                yield f"{wanted.name} has lost its {fields[word]}, or has another one."


def _told(credential: Credential, word: str) -> str:
    # A number can come back as text.
    return str(getattr(credential, ATTRIBUTES[word]))


def _is_lost(change: Change, word: str, before: Row, now: Row, name: str) -> bool:
    found = shown_in(now, name, word)
    if word in change.values:
        return found.exists is (not change.values[word])
    was = shown_in(before, name, word)
    return bool(was.exists) and (found.exists is False or (was.is_whole and found.text != was.text))
