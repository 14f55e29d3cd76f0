# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of a machine a host is. This module is private to the collection."""

from __future__ import annotations

import os

_MB = 1024 * 1024


def machine_of(root: str) -> dict[str, int]:
    """Its processors and its memory, and what is free where the application is."""
    space = os.statvfs(root)
    return {
        # Those that whoever asks may use.
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MB,
        "free_mb": space.f_bavail * space.f_frsize // _MB,
    }
