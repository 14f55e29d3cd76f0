#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: database_accounts
short_description: Have a database with an owner and a reader of least rights
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Makes a database on the server of this host, the account that owns it, and one that only reads, and brings both to
    exactly the rights that they need. PostgreSQL 15 or later, MariaDB 10.11 or later.
  - The database, the owner and its password are those of the URL by which the application reaches it. Both accounts are
    seen to log in by that URL.
  - If anything fails, also a login, everything is put back as it was. PostgreSQL does that by a transaction. In
    MariaDB, and after a login that fails, each statement is undone, and the server is looked at again.
  - Passwords are in no statement, as they are hashed before. What is done is kept out of the server's logs.
  - What other accounts may do is not touched, with one exception. In PostgreSQL nobody else gets into the database any
    more, unless they were named by a C(GRANT), as C(CONNECT) and C(TEMPORARY) are taken from C(PUBLIC).
  - An account that administers the server is refused, and so is a database of another account.
  - It has to run as root, whom the servers know by their sockets.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.database
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  reader:
    description:
      - An account that may only read, also what comes later, such as for checks.
      - In PostgreSQL it reads the tables that the owner makes in any schema, and its transactions are read-only unless
        it asks otherwise. In MariaDB it has C(SELECT) on the database.
    type: dict
    suboptions:
      name:
        description:
          - Name of the account.
        type: str
        required: true
      password:
        description:
          - Its password. It is needed with O(state=present).
        type: str
  restores:
    description:
      - Whether the owner restores backups, as M(shipshape.webapp.db_restore) does with the database's own account. In
        PostgreSQL it may then create databases. In MariaDB it always may, but only those that a restore makes.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes the accounts. The database stays, in PostgreSQL as the administrator's.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: shipshape.webapp.db_backup
  - module: shipshape.webapp.smoke_check
"""

EXAMPLES = r"""
- name: Have the database of CarLoans
  shipshape.webapp.database_accounts:
    database: postgresql://carloans@localhost/carloans
    database_password: "{{ vault_carloans_db_password }}"
    reader: {name: carloans_checks, password: "{{ vault_carloans_checks_password }}"}

- name: Have the database of HoliBot, which reaches it by a socket
  shipshape.webapp.database_accounts:
    database: mysql://holibot@localhost/holibot?socket=/run/mysqld/mysqld.sock
    database_password: "{{ vault_holibot_db_password }}"

- name: Remove the accounts and keep the database
  shipshape.webapp.database_accounts:
    database: mysql://holibot@localhost/holibot
    state: absent
"""

RETURN = r"""
name:
  description: The database.
  returned: success
  type: str
  sample: carloans
created:
  description: Whether the database was made, or would be in check mode.
  returned: success
  type: bool
added:
  description: What came or was set, one line for each, or would in check mode.
  returned: success
  type: list
  elements: str
  sample: ['account carloans_checks', '"carloans_checks": SELECT on table "public"."leads"']
removed:
  description: What was taken away.
  returned: success
  type: list
  elements: str
  sample: ['PUBLIC: CONNECT on database "carloans"']
problems:
  description: What is wrong with the options or with what is there, a sentence each. Nothing was changed.
  returned: failure because of them
  type: list
  elements: str
restored:
  description: Whether everything is again as it was.
  returned: failure in the middle of a change
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.plan import (
    Request,
    reader_of,
    secrets_of_reader,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.registry import DIALECTS
from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.usecase import ensure_accounts
from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_administration, open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import (
    address_of,
    database_argument_spec,
    secrets_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


def database_accounts_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    return ArgumentSpec(
        {
            "reader": {
                "type": "dict",
                # Of what is within an option, the log of modules would show what looks other in quotes.
                "no_log": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True},
                },
            },
            "restores": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        }
    )


def main() -> None:
    spec = database_accounts_argument_spec().merge(database_argument_spec())
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    params = dict(module.params)

    def use_case() -> Result:
        address = address_of(params)
        return ensure_accounts(
            Request(
                address,
                reader_of(params["reader"]),
                is_wanted=params["state"] == "present",
                restores=params["restores"],
            ),
            dialects=DIALECTS,
            engines=ENGINES,
            connect=open_connection,
            administer=open_administration,
            random=os.urandom,
            check_mode=module.check_mode,
        )

    conceal(module, "database reader", [*secrets_of(params), *secrets_of_reader(params["reader"])])
    run(module, use_case)


if __name__ == "__main__":
    main()
