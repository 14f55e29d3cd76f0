# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which releases run, by the marks that processes bear. This module is private to the collection."""

from __future__ import annotations

import posixpath

from ansible_collections.shipshape.webapp.plugins.module_utils._types import PROCESS_MARK, RELEASE_MARK, ProcessTable


def running(application: str, processes: ProcessTable) -> dict[str, list[str]]:
    """The releases that run in each slot of an application; of other users' processes nothing is known."""
    found: dict[str, set[str]] = {}
    for process in processes.all():
        # Of what else stands there, which may be secret, nothing is kept.
        marks = dict(
            line.split("=", 1)
            for line in (processes.environment(process.pid) or "").split("\0")
            if line.startswith((f"{PROCESS_MARK}={application}/", f"{RELEASE_MARK}="))
        )
        if len(marks) > 1:
            slot = marks[PROCESS_MARK].split("/")[1]
            found.setdefault(slot, set()).add(posixpath.basename(marks[RELEASE_MARK]))
    return {slot: sorted(releases) for slot, releases in sorted(found.items())}
