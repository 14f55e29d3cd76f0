# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which texts of a suite nobody may see. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import secrets_in


def secrets_of_checks(checks: object) -> Iterator[str]:
    """Those that stand in the checks themselves; where a secret is saved from is none."""
    for check in checks if isinstance(checks, (list, tuple)) else ():
        for word, value in check.items() if isinstance(check, Mapping) else ():
            if word in ("scenario", "finally"):
                yield from secrets_of_checks(value)
            elif word != "save":
                yield from secrets_in(value)
