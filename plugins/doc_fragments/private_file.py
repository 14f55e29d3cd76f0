# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of module_utils/_access.py."""

    DOCUMENTATION = r"""
options:
  owner:
    description:
      - The user to whom the file belongs, by name or number.
      - By default that of the present file, otherwise the user who runs the module.
    type: str
  group:
    description:
      - The group of the file, by name or number. By default that of the present file.
    type: str
  mode:
    description:
      - The permissions, as a quoted octal number. Any that lets every user of the host at the file is refused.
    type: raw
    default: "0600"
"""
