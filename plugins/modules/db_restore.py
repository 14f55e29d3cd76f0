#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: db_restore
short_description: Put a backup in the place of a database
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Restores a backup of M(shipshape.webapp.db_backup) beside the live database, compares it with its manifest, shows
    which rows would be lost, and only then puts it in the place of the live one, at once.
  - "What was live is kept beside it: SQLite's file with what belongs to it as C(<file>__old_…), a database of a server
    as C(<name>__old_…). If the last look at the restored database fails, it is put back."
  - If anything fails before, the live database is as it was. A database that is not there any more is made anew.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.database
  - shipshape.webapp.backup
attributes:
  check_mode:
    support: full
    details:
      - Reads the backup and counts rows, but restores nothing. Rows that changed without being more are not seen then.
  diff_mode:
    support: full
    details:
      - Shows the number of rows of each table before and after.
  idempotent:
    support: full
    details:
      - A database that is as it was at the time of the backup is left alone.
options:
  backup:
    description:
      - V(latest) for the newest backup of this name, the id of a backup in O(directory), or the absolute path of one.
      - Backups that were taken for safety before a restore are never the latest.
      - Required if O(state=restored).
    type: str
  directory:
    description:
      - Where the backups are. Not needed if O(backup) is a path.
    type: path
  state:
    description:
      - V(restored) restores.
      - V(settled) removes, for good, what earlier restores of this database have left, which is what was live before
        them and the safety backups in O(directory).
    type: str
    choices: [restored, settled]
    default: restored
  loss_budget:
    description:
      - How many rows that were written or changed since the backup may be lost. With more, nothing is changed.
      - "A number or V(unlimited), or a dictionary of tables with C(*) for all that are not named, as in
        C({sessions: unlimited, '*': 0})."
    type: raw
    default: 0
  safety_backup:
    description:
      - Take a backup of what is there before it is replaced.
    type: bool
    default: true
  keep_old:
    description:
      - Keep what was live until O(state=settled). With V(false) it is removed once the restored database is proved.
    type: bool
    default: true
  stopped_by:
    description:
      - The supervisor that has stopped the application and keeps it stopped, such as V(pm2) or V(systemd).
      - Without it a database that somebody uses is refused at once. With it, whoever still uses it has O(stop_timeout)
        seconds to let go. A process that goes on would write into what is put away, so it is never overruled.
      - In check mode it is believed that the application will be stopped, so that one can see beforehand what would be
        lost.
    type: str
  compare_rows:
    description:
      - In check mode, restore the backup beside the database for a moment and compare rows, rather than only count
        them. So one knows beforehand, while the application goes on, what a restore would refuse.
    type: bool
    default: false
  stop_timeout:
    description:
      - How many seconds what O(stopped_by) has stopped may still take to end.
    type: int
    default: 30
  age_identity:
    description:
      - The secret key of a recipient, for an encrypted backup. It is never written to a disk.
    type: str
notes:
  - MySQL and MariaDB cannot rename a database. There the tables change places in one statement; views, triggers,
    routines and events are made anew just before and after it, so that an application should be stopped meanwhile.
seealso:
  - module: shipshape.webapp.db_backup
  - module: shipshape.webapp.db_backup_info
"""

EXAMPLES = r"""
- name: See what going back to the latest backup would cost
  shipshape.webapp.db_restore:
    database: sqlite:///srv/faceshot/shared/data/faceshot.db
    directory: /var/backups/faceshot
    backup: latest
    loss_budget: unlimited
  check_mode: true

- name: Go back to the backup of this deployment
  shipshape.webapp.db_restore:
    database: mysql://holibot@localhost/holibot?socket=/run/mysqld/mysqld.sock
    database_password: "{{ vault_holibot_db_password }}"
    directory: /var/backups/holibot
    backup: holibot-20261120T020000Z-1a2b3c
    stopped_by: pm2
    loss_budget: {ChatSession: unlimited, "*": 0}

- name: Remove what restores have left, once all is well
  shipshape.webapp.db_restore:
    database: mysql://holibot@localhost/holibot?socket=/run/mysqld/mysqld.sock
    database_password: "{{ vault_holibot_db_password }}"
    directory: /var/backups/holibot
    state: settled
"""

RETURN = r"""
backup:
  description: The manifest of the backup, as M(shipshape.webapp.db_backup) returns it, and its C(path).
  returned: success, with O(state=restored)
  type: dict
lost:
  description: The schema, name and number of rows of each table that are gone, or would be in check mode.
  returned: success, with O(state=restored); the failure that O(loss_budget) leads to has a dictionary by table instead
  type: list
  elements: dict
  sample: [{schema: null, name: orders, rows: 3}]
lost_is_estimate:
  description: Whether rows were only counted, as in check mode.
  returned: success, with O(state=restored)
  type: bool
safety_backup:
  description: The id of the backup that was taken of what was there before.
  returned: success, with O(state=restored)
  type: str
old:
  description: The name, or SQLite's file, under which what was live before is kept.
  returned: success, with O(state=restored)
  type: str
removed:
  description: The databases, files and ids of safety backups that were removed, or would be.
  returned: success, with O(state=settled)
  type: list
  elements: str
used_by:
  description: Who uses the database.
  returned: failure because somebody does
  type: list
  elements: str
  sample: [process 4711 (node server.js)]
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.loss import parse_budget
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.options import (
    name_of,
    terms_argument_spec,
    terms_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.registry import STRATEGIES
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_restore import Request, restore, settle
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import (
    address_of,
    database_argument_spec,
    secrets_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

_STATES = {"restored": restore, "settled": settle}


def restore_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    return ArgumentSpec(
        {
            "backup": {"type": "str"},
            "directory": {"type": "path"},
            "state": {"type": "str", "choices": list(_STATES), "default": "restored"},
            "loss_budget": {"type": "raw", "default": 0},
            "safety_backup": {"type": "bool", "default": True},
            "keep_old": {"type": "bool", "default": True},
            "stopped_by": {"type": "str"},
            "stop_timeout": {"type": "int", "default": 30},
            "compare_rows": {"type": "bool", "default": False},
            "age_identity": {"type": "str", "no_log": True},
        },
        required_if=[("state", "restored", ("backup",))],
    )


def request_of(params: Mapping[str, Any]) -> Request:
    """What the options ask for."""
    address = address_of(params)
    alike = ("directory", "safety_backup", "keep_old", "stopped_by", "stop_timeout", "age_identity", "compare_rows")
    return Request(
        address=address,
        backup=params["backup"] or "",
        name=name_of(params, address),
        terms=terms_of(params),
        loss_budget=parse_budget(params["loss_budget"]),
        **{option: params[option] for option in alike},
    )


def main() -> None:
    spec = restore_argument_spec().merge(terms_argument_spec(), database_argument_spec())
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    params = dict(module.params)

    def use_case() -> Result:
        request = request_of(params)
        strategy = STRATEGIES[request.address.engine]
        carry_out = _STATES[params["state"]]
        return carry_out(request, host=this_host(), strategy=strategy, check_mode=module.check_mode)

    conceal(module, "database", secrets_of(params))
    run(module, use_case)


if __name__ == "__main__":
    main()
