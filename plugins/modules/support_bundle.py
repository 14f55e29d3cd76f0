#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: support_bundle
short_description: Put everything that support asks for into one archive, without secrets
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Collects the last lines of logs, versions, what runs and listens, the tables of the database with their rows, the
    names of the environment's variables, the journal of the deployments, and what the caller knows besides.
  - Every value of the environment file is removed from all of it unless its name is in O(plain), and so are passwords
    in addresses and what looks like a token. The archive is written only after it was searched for them once more.
  - What could not be had is named in C(missing.txt), and is no failure.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  path:
    description:
      - The archive, which only the user of the task can read. Its name ends in V(.tar.gz).
    type: path
    required: true
  about:
    description: What is wrong, in words.
    type: str
    default: ""
  facts:
    description: What else is known, such as the state of the application. Values under names of secrets are removed.
    type: dict
    default: {}
  contacts:
    description: Whom to ask, by subject.
    type: dict
    default: {}
  journal:
    description: The journal of the deployments.
    type: path
  environment_file:
    description: The environment file of the application.
    type: path
  plain:
    description: The variables in O(environment_file) whose values are no secret.
    type: list
    elements: str
    default: []
  logs:
    description: The logs, as paths or patterns. Of those that match a pattern, the six newest are taken.
    type: list
    elements: path
    default: []
  lines:
    description: How many lines of each log are taken, from its end.
    type: int
    default: 200
  versions:
    description: Commands that tell versions, each a list, by what they are of.
    type: dict
    default: {}
  ports:
    description: The ports on which somebody has to listen.
    type: list
    elements: int
    default: []
  database:
    description: The database whose tables and rows are told, as in M(shipshape.webapp.db_backup).
    type: str
  database_password:
    description: Its password, which then need not be in the address.
    type: str
  secrets:
    description: Further texts that must not appear.
    type: list
    elements: str
    default: []
  max_bytes:
    description: How much all texts may take together before they are packed. The longest lose their beginnings.
    type: int
    default: 5000000
requirements:
  - PyMySQL, psycopg2 or psycopg, for such a O(database)
notes:
  - Run it as the application's user, with C(become_user). What that user may not read is missing.
seealso:
  - module: shipshape.webapp.deployment_record
"""

EXAMPLES = r"""
- name: Collect what support asks for
  shipshape.webapp.support_bundle:
    path: /srv/holibot/bundle.tar.gz
    about: The widget shows no answer since this morning.
    contacts: {the database: support@example.com}
    environment_file: /srv/holibot/current/backend/.env
    plain: [NODE_ENV, PORT]
    logs: [/srv/holibot/.pm2/logs/*.log]
    versions:
      Node.js: [node, --version]
    ports: [3002, 3003]
  become: true
  become_user: holibot
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
  sample: /srv/holibot/bundle.tar.gz
bytes:
  description: Its size.
  returned: success
  type: int
files:
  description: What is in it, and how large each file is.
  returned: success
  type: dict
  sample: {summary.txt: 210, versions.txt: 634}
missing:
  description: What could not be had, and why.
  returned: success
  type: list
  elements: str
"""

from datetime import datetime

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._bundle.usecase import Host, bundle, request_of
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import address_of, secrets_of
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._sockets import HostSockets


def support_bundle_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return ArgumentSpec(
        {
            "path": {"type": "path", "required": True},
            "about": {"type": "str", "default": ""},
            "facts": {"type": "dict", "default": {}},
            "contacts": {"type": "dict", "default": {}},
            "journal": {"type": "path"},
            "environment_file": {"type": "path"},
            "plain": {"type": "list", "elements": "str", "default": []},
            "logs": {"type": "list", "elements": "path", "default": []},
            "lines": {"type": "int", "default": 200},
            "versions": {"type": "dict", "default": {}},
            "ports": {"type": "list", "elements": "int", "default": []},
            "database": {"type": "str", "no_log": True},
            "database_password": {"type": "str", "no_log": True},
            "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "max_bytes": {"type": "int", "default": 5_000_000},
        }
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **support_bundle_argument_spec().to_kwargs())
    params = dict(module.params)
    secrets = [*params["secrets"], *(secrets_of(params) if params["database"] else [])]
    host = Host(
        files=HostFiles(),
        paths=HostPaths(),
        commands=HostCommands(),
        processes=HostProcesses(),
        sockets=HostSockets(),
        connect=open_connection,
        now=lambda: datetime.now().astimezone(),
    )

    def use_case() -> Result:
        address = address_of(params) if params["database"] else None
        request = request_of(params, address, secrets)
        return bundle(request, ENGINES[address.engine] if address else None, host, check_mode=module.check_mode)

    conceal(module, "database database_password secrets", secrets)
    run(module, use_case)


if __name__ == "__main__":
    main()
