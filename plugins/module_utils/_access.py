# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say who may read a file with secrets. This module is private to the collection.

They are documented in the fragment private_file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access


def private_file_argument_spec() -> ArgumentSpec:
    """Owner, group and mode."""
    return ArgumentSpec(
        {
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw", "default": "0600"},
        }
    )


def private_access(params: Mapping[str, Any]) -> Access:
    """The access that these options ask for."""
    mode = _mode(params["mode"])
    if mode is None or not 0 <= mode <= 0o777:
        raise InvalidInput("mode", ['mode is not a quoted octal number such as "0600".'])
    if mode & 0o007:
        raise InvalidInput("mode", [f"mode {mode:04o} opens the file to every user of the host: end it in 0."])
    return Access(params["owner"], params["group"], mode)


def _mode(given: object) -> int | None:
    # YAML reads an unquoted 0600 as the number 384 and an unquoted 400 as 400, which is another mode: both are refused.
    if not isinstance(given, str):
        return None
    try:
        return int(given, 8)
    except ValueError:
        return None
