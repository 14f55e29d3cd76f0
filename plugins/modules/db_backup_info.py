#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: db_backup_info
short_description: List the backups of databases
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Lists the backups in a directory of M(shipshape.webapp.db_backup), newest first, with their age, size, verification,
    release and the position of the migrations.
  - Tells apart what is broken (its file is missing or another one), what is orphaned (it has the name of a backup and
    no manifest), and what is foreign.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Never changes anything.
  diff_mode:
    support: N/A
    details:
      - There is nothing to be different.
  idempotent:
    support: full
options:
  directory:
    description:
      - Where the backups are. One that does not exist holds none.
    type: path
    required: true
  name:
    description:
      - Only backups of this name.
    type: str
  read_back:
    description:
      - Read every backup and compare its SHA-256, which finds what a disk has spoiled.
    type: bool
    default: false
seealso:
  - module: shipshape.webapp.db_backup
"""

EXAMPLES = r"""
- name: Look at the backups of FaceShot
  shipshape.webapp.db_backup_info:
    directory: /var/backups/faceshot
    read_back: true
  register: faceshot_backups

- name: Refuse to go on without a backup of today that was restored for proof
  ansible.builtin.assert:
    that:
      - faceshot_backups.backups | selectattr('age', 'lt', 86400)
        | selectattr('verified.level', 'eq', 'restore') | list | length > 0
      - faceshot_backups.broken | length == 0
"""

RETURN = r"""
backups:
  description:
    - The manifests, as M(shipshape.webapp.db_backup) returns them, with C(path) and with C(age) in seconds.
  returned: success
  type: list
  elements: dict
broken:
  description: The path of what cannot be used, and why.
  returned: success
  type: list
  elements: dict
orphaned:
  description: The paths of files that have the name of a backup and no manifest, such as a killed run leaves them.
  returned: success
  type: list
  elements: str
foreign:
  description: The paths of everything else.
  returned: success
  type: list
  elements: str
running:
  description: What is going on at the moment, and how far it is, by the name of the backups.
  returned: success
  type: dict
  sample: {shop: "process 4711 (backup of shop: dump, 42 %, 120.0 MB, since 2026-11-20T02:00:00+0100)"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_list import Request, list_backups
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host


def info_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return ArgumentSpec(
        {
            "directory": {"type": "path", "required": True},
            "name": {"type": "str"},
            "read_back": {"type": "bool", "default": False},
        }
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **info_argument_spec().to_kwargs())
    run(module, lambda: list_backups(Request(**module.params), host=this_host()))


if __name__ == "__main__":
    main()
