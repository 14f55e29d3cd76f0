# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which releases go. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.journal import Journal


def releases_to_keep(journal: Journal, keep: int) -> list[str]:
    """The live one, and of those that are good the last ones, by what the journal says and not by how old files are."""
    live = journal.live()
    others = [release for release in journal.good() if release != live]
    return [*([live] if live else []), *others[:keep]]


def plan_pruning(present: Iterable[str], kept: Collection[str], in_use: Collection[str]) -> list[str]:
    """The directories that go: none that is kept, and none in which a process runs."""
    return [name for name in present if name not in kept and name not in in_use]
