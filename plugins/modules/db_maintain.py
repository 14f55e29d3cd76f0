#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: db_maintain
short_description: Vacuum and analyze a database
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Gives back the room of deleted rows and renews the statistics by which the database plans its queries, for SQLite,
    MySQL, MariaDB and PostgreSQL.
  - V(vacuum) is C(VACUUM), in MySQL and MariaDB C(OPTIMIZE TABLE). In SQLite it needs as much free space again as the
    database has, and locks others out meanwhile.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.database
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The rows and the schema stay as they are.
  idempotent:
    support: none
    details:
      - It is work and not a state. Every run does it.
options:
  actions:
    description:
      - What to do. To vacuum comes first, in whatever order they are named.
    type: list
    elements: str
    choices: [vacuum, analyze]
    default: [vacuum, analyze]
  tables:
    description:
      - Only these tables, by name or C(schema.name). By default all.
      - SQLite can vacuum the whole database only.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - After how many seconds a statement is stopped. By default it may take as long as it likes. SQLite has no limit.
    type: int
  lock_timeout:
    description:
      - How many seconds to wait for locks of others.
    type: int
    default: 10
seealso:
  - module: shipshape.webapp.db_backup
"""

EXAMPLES = r"""
- name: Vacuum and analyze FaceShot's database
  shipshape.webapp.db_maintain:
    database: sqlite:///srv/faceshot/shared/data/faceshot.db

- name: Renew the statistics of two tables
  shipshape.webapp.db_maintain:
    database: postgresql://carloans@localhost/carloans
    database_password: "{{ vault_carloans_db_password }}"
    actions: [analyze]
    tables: [leads, public.campaigns]
"""

RETURN = r"""
actions:
  description: What was done, in this order, or would be.
  returned: success
  type: list
  elements: str
tables:
  description: The tables that were asked for; none means all.
  returned: success
  type: list
  elements: str
bytes_before:
  description: About how much the database took before.
  returned: success
  type: int
bytes_after:
  description: About how much it takes now.
  returned: success
  type: int
seconds:
  description: How long it took.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import (
    address_of,
    database_argument_spec,
    secrets_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._maintain.usecase import ACTIONS, Request, maintain
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


def maintain_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    return ArgumentSpec(
        {
            "actions": {"type": "list", "elements": "str", "choices": list(ACTIONS), "default": list(ACTIONS)},
            "tables": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int"},
            "lock_timeout": {"type": "int", "default": 10},
        }
    )


def main() -> None:
    spec = maintain_argument_spec().merge(database_argument_spec())
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    params = dict(module.params)

    def use_case() -> Result:
        address = address_of(params)
        alike = ("actions", "tables", "timeout", "lock_timeout")
        request = Request(address=address, **{option: params[option] for option in alike})
        host, engine = this_host(), ENGINES[address.engine]
        return maintain(request, connect=host.connect, engine=engine, now=host.now, check_mode=module.check_mode)

    conceal(module, "database", secrets_of(params))
    run(module, use_case)


if __name__ == "__main__":
    main()
