#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_processes
short_description: Have exactly the declared Node.js processes run under systemd, with proof
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Brings the processes of one slot of an application to what is declared, each as a unit of systemd. Options and
    result are those of M(shipshape.webapp.pm2), so that what calls them can take either.
  - That they run is not taken from systemd but from the operating system. They are alive in the working directory of
    the release, listen on their port themselves, answer, and stay so for some seconds.
  - If they do not, they are taken away again, what ran before is started again, and the module fails and says why.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.processes
attributes:
  check_mode:
    support: full
    details:
      - Whether new processes would run cannot be foretold.
  diff_mode:
    support: full
    details:
      - Of O(processes[].environment) only the names are shown.
  idempotent:
    support: full
options:
  user:
    description:
      - The user as whom the processes run.
    type: str
    required: true
notes:
  - Run it as root, on a host that runs systemd.
  - "The unit of C(holibot-backend) in the slot C(blue) of C(holibot) is C(holibot-backend@blue.service). Where the name
    of a process does not begin with that of the application, it is put before: C(holibot-worker@blue.service) for
    C(worker). Without a slot it is C(holibot-backend.service)."
  - Your own settings belong into C(/etc/systemd/system/holibot-backend@blue.service.d/*.conf), or for all slots into
    C(/etc/systemd/system/holibot-backend@.service.d/*.conf). They are left alone.
  - systemd ends a process that uses more memory than O(processes[].memory_limit), and starts it again after two seconds
    as any that ends.
  - O(processes[].instances), O(processes[].mode=cluster) and O(processes[].wait_ready) are what PM2 does.
  - Without O(processes[].out_log) and O(processes[].error_log), what a process writes goes to the journal.
  - The first process with O(processes[].environment_file) puts a small script that reads such files into
    C(/usr/local/lib/shipshape), which stays for others.
seealso:
  - module: shipshape.webapp.pm2
"""

EXAMPLES = r"""
- name: Start the new release in the idle slot, to look at it before it gets any traffic
  shipshape.webapp.systemd_processes:
    application: holibot
    slot: green
    user: holibot
    release: /srv/holibot/releases/20261122-1
    candidate: true
    processes: &processes
      - name: holibot-backend
        script: server/index.js
        port: 3002
        health: /health
        environment_file: /srv/holibot/shared/.env
        memory_limit: 500M

- name: Have the same processes started again from now on if they end
  shipshape.webapp.systemd_processes:
    application: holibot
    slot: green
    user: holibot
    release: /srv/holibot/releases/20261122-1
    processes: *processes

- name: Have them come back with the host
  shipshape.webapp.systemd_processes:
    application: holibot
    slot: green
    user: holibot
    state: saved

- name: Stop the old release
  shipshape.webapp.systemd_processes:
    application: holibot
    slot: blue
    user: holibot
    state: stopped
"""

RETURN = r"""
state:
  description: The state that was asked for.
  returned: success
  type: str
  sample: started
supervisor:
  description: What keeps the processes running.
  returned: success
  type: str
  sample: systemd
processes:
  description: The processes of the slot as they are now, or would be.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: As it is declared.
      type: str
    full_name:
      description: As the supervisor calls it.
      type: str
    status:
      description: V(running), V(stopped), or V(missing) if nothing is known of it.
      type: str
    pids:
      description: The ids of its processes, which check mode cannot foretell.
      type: list
      elements: int
    release:
      description: The directory of the release that it runs.
      type: str
    port:
      description: The port on which it has to listen.
      type: int
    candidate:
      description: Whether it is not started again if it ends.
      type: bool
    restarts:
      description: How often it was started again because it had ended.
      type: int
    memory_mb:
      description: The memory that it uses, in megabytes.
      type: float
    definition:
      description: What tells its declaration from others.
      type: str
  sample:
    - name: holibot-backend
      full_name: holibot-backend@green.service
      status: running
      pids: [4711]
      release: /srv/holibot/releases/20261122-1
      port: 3002
      candidate: true
      restarts: 0
      memory_mb: 81.3
      definition: 1c47a5b0d9f2
started:
  description: The names of those that were started.
  returned: success
  type: list
  elements: str
stopped:
  description: The names of those that were stopped, also to be started anew.
  returned: always, after an attempt to start something
  type: list
  elements: str
promoted:
  description: The names of those that were candidates and are ordinary now.
  returned: success
  type: list
  elements: str
killed:
  description: The ids of processes of which the supervisor did not know, or that did not end by themselves.
  returned: always, after an attempt to start something
  type: list
  elements: int
restored:
  description: The names of those that run again as before, after a failure.
  returned: always, after an attempt to start something
  type: list
  elements: str
reasons:
  description: Why something that was there was started anew, by its name.
  returned: success
  type: dict
  sample: {holibot-backend: "is declared otherwise (environment)"}
saved:
  description: Whether a start of the host brings back what runs now.
  returned: success
  type: bool
problems:
  description: Why nothing was done, a sentence each.
  returned: failure because of the options, of a name or of a port
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._sockets import HostSockets
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import (
    request_of,
    supervision_argument_spec,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.systemd import Systemd
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.usecase import supervise


def systemd_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return supervision_argument_spec().merge(ArgumentSpec({"user": {"type": "str", "required": True}}))


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **systemd_argument_spec().to_kwargs())
    host = Host(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        network=HostNetwork(),
        paths=HostPaths(),
        processes=HostProcesses(),
        sockets=HostSockets(),
        clock=time.monotonic,
        pause=time.sleep,
        now=time.time,
    )
    run(
        module,
        lambda: supervise(
            request_of(module.params),
            lambda slot: Systemd(slot, module.params["user"], host),
            host,
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
