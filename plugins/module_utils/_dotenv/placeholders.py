# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that stand for a value which somebody forgot to fill in. This module is private to the collection."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(
    r"""
      <[^<>]*>                                                      # <strong-secret-key>
    | \[[A-Z][A-Z0-9_ -]*\]                                         # [PRODUCTION_PASSWORD]
    | your[-_][a-z0-9].*                                             # your-domain.com, your_api_key
    | (?:change|replace)[-_ ]?(?:me|this|with)(?![a-z]).*           # changeme, REPLACE_ME, replace-with-key
    | \{\{.*\}\}                                                    # a template that nobody filled in
    """,
    re.VERBOSE | re.IGNORECASE,
)

# What Ansible and AWX show in the place of a secret; written into a file, it would be the password.
_MASK = re.compile(r"\*{8}|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER|\$encrypted\$|__omit_place_holder__.*")

_SEPARATORS = re.compile(r"[/@:?&=,;\s]+")


def is_placeholder(value: str) -> bool:
    """Whether the whole value is a placeholder."""
    value = value.strip()
    return bool(_PLACEHOLDER.fullmatch(value) or _MASK.fullmatch(value))


def holds_placeholder(value: str) -> bool:
    """Whether the value or a part of it is one: a host, a user, a password, one address of a list."""
    return is_placeholder(value) or any(is_placeholder(part) for part in _SEPARATORS.split(value))
