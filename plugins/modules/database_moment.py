#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: database_moment
short_description: Have a PostgreSQL server as it was at a moment, beside the live one
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Restores from a repository of pgBackRest, as it was at a given moment, a whole server into a scratch cluster of its
    own, with a port, a data directory and a socket of its own.
  - The scratch cluster listens on the loopback address and its socket alone, archives nothing, subscribes to nothing,
    and does not come back after a reboot.
  - The live server is not touched. If it runs on this host, it is asked to archive what it has written until now.
  - If anything fails, nothing is left of the scratch cluster.
  - It needs a Debian or Ubuntu whose servers are kept by C(postgresql-common), and root.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Whether the archive reaches to O(moment) is known only once it is read.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) has the scratch cluster, V(absent) removes it with its data.
      - A cluster that this module has not made is refused.
    type: str
    choices: [present, absent]
    default: present
  moment:
    description:
      - The moment, with its zone, such as V(2026-11-22 12:00:29+01:00). What was committed up to then is there.
      - V(latest) is as far as the archive reaches when it is restored.
      - Needed with O(state=present).
    type: str
  stanza:
    description:
      - The stanza of pgBackRest.
    type: str
    default: main
  name:
    description:
      - What the scratch cluster is called among those of the host, in small letters, digits and C(_).
    type: str
    default: moment
  port:
    description:
      - Its port.
    type: int
    default: 5499
  directory:
    description:
      - Where its data are put, in C(VERSION/NAME). PostgreSQL's user has to be able to write there.
    type: path
    default: /var/lib/postgresql
notes:
  - A scratch cluster that is there already, of another moment, is not replaced but refused.
"""

EXAMPLES = r"""
- name: Have the data as they were before a table was dropped
  shipshape.webapp.database_moment:
    moment: "2026-11-22 12:00:29+01:00"
  register: before

- name: Tell how far it came
  ansible.builtin.debug:
    msg: "psql -h {{ before.cluster.sockets }} -p {{ before.cluster.port }} has all until {{ before.cluster.reached }}"

- name: Remove it
  shipshape.webapp.database_moment:
    state: absent
"""

RETURN = r"""
cluster:
  description: The scratch cluster as it is, or would be; V(null) if there is none.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    version:
      description: The version of PostgreSQL.
      type: str
    port:
      description: Its port.
      type: int
    sockets:
      description: The directory of its socket, which is a host to clients.
      type: str
    data:
      description: Where its data are.
      type: str
    stanza:
      description: The stanza.
      type: str
    backup:
      description: The backup from which it was recovered.
      type: str
    moment:
      description: The moment that was asked for, in UTC.
      type: str
    reached:
      description:
        - When the last transaction was committed that is in it.
        - V(null) if none was since the backup, and in check mode.
      type: str
    following:
      description: When the first one was committed that is not in it. V(null) if there is none, and in check mode.
      type: str
  sample:
    name: moment
    version: "17"
    port: 5499
    sockets: /var/run/postgresql
    data: /var/lib/postgresql/17/moment
    stanza: main
    backup: 20261122-010002F_20261122-110001I
    moment: "2026-11-22T11:00:29Z"
    reached: "2026-11-22T11:00:28.41707Z"
    following: "2026-11-22T11:00:30.000912Z"
problems:
  description: Why nothing was done, a sentence each.
  returned: failure because of the options, or of what the host lacks
  type: list
  elements: str
"""

import time
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.usecase import Request, restore_moment
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._sockets import HostSockets


def moment_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "moment": {"type": "str"},
            "stanza": {"type": "str", "default": "main"},
            "name": {"type": "str", "default": "moment"},
            "port": {"type": "int", "default": 5499},
            "directory": {"type": "path", "default": "/var/lib/postgresql"},
        },
        required_if=[("state", "present", ["moment"])],
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **moment_argument_spec().to_kwargs())
    host = Host(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        paths=HostPaths(),
        sockets=HostSockets(),
        now=lambda: datetime.now(timezone.utc),
        pause=time.sleep,
    )
    run(module, lambda: restore_moment(Request(**module.params), host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
