# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the modules for backups have in common. This module is private to the collection.

They are documented in the fragment backup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import default_name
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address


def terms_argument_spec() -> ArgumentSpec:
    """How long it may take, and where there is room for what is temporary."""
    return ArgumentSpec(
        {
            "name": {"type": "str"},
            "scratch_directory": {"type": "path", "default": "/var/tmp"},  # noqa: S108 (what is made there is private)
            "timeout": {"type": "int"},
            "lock_timeout": {"type": "int", "default": 10},
        }
    )


def terms_of(params: Mapping[str, Any]) -> Terms:
    """What these options ask for."""
    return Terms(params["scratch_directory"], params["timeout"], params["lock_timeout"])


def name_of(params: Mapping[str, Any], address: Address) -> str:
    """The name of the backups: the given one, or the database's own."""
    return params["name"] or default_name(address.name)
