# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of module_utils/_backup/options.py."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - What the names of the backups begin with.
      - By default the name of the database, or of SQLite's file without C(.db) or C(.sqlite).
    type: str
  scratch_directory:
    description:
      - Where there is room for what is temporary, such as a copy that is restored for verification. What is made there
        is private, and removed in the end.
    type: path
    default: /var/tmp
  timeout:
    description:
      - After how many seconds a program, such as a dump, is stopped. By default it may take as long as it likes.
    type: int
  lock_timeout:
    description:
      - How many seconds to wait for locks of others in the database.
    type: int
    default: 10
"""
