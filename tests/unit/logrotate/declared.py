# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules as the module has them, with what it says where nothing is said."""

from __future__ import annotations

from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import Rule


def rule(**options: Any) -> Rule:
    """A rule for one log, unless it is said otherwise."""
    return Rule(
        **{
            "name": "app",
            "state": "present",
            "paths": ["/srv/app/*.log"],
            "frequency": None,
            "size": None,
            "min_size": None,
            "max_size": None,
            "keep": 14,
            "max_age": None,
            "compress": True,
            "delay_compress": True,
            "date_ext": False,
            "copytruncate": True,
            "create": None,
            "su": None,
            "missing_ok": True,
            "not_empty": True,
            "after": None,
            **options,
        }
    )
