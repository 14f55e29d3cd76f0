#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pm2
short_description: Have exactly the declared processes of an application run under PM2
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Brings one slot of one application to its declared processes, and proves it by what the operating system says. What
    PM2 says of a process is not believed.
  - A process counts as started once it runs in the release, listens on its port, answers, and then stays the same for
    some seconds. Otherwise the module fails and says what the process did and wrote. Then nothing of what was started
    is left, and what it was to replace runs again.
  - A process whose declaration differs in anything is stopped and started anew, because PM2 takes over some changes in
    a restart or reload only.
  - What runs unknown to PM2, such as a worker that it started while it deleted it, is found and stopped.
  - Run it as the application's user, with C(become_user).
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.processes
attributes:
  check_mode:
    support: full
    details:
      - Asks a daemon that runs, and never starts one. Process ids and what they use cannot be foretold.
  diff_mode:
    support: full
    details:
      - Of variables only the names are shown.
  idempotent:
    support: full
options:
  home:
    description:
      - PM2's directory, by default C(.pm2) in the user's home directory.
    type: path
  program:
    description:
      - PM2, by its path or its name.
    type: str
    default: pm2
notes:
  - PM2 calls a process by its name and slot, such as C(holibot-backend-blue), in a namespace of the bare name. So
    C(pm2 logs holibot-backend) and C(pm2 stop holibot-backend) do what people expect.
  - The declarations of a slot stand in C(shipshape) in PM2's directory while its processes are started. PM2's directory
    and its dump are kept private.
  - Where a systemd unit C(pm2-USER.service) exists and PM2 does not run, the module starts no daemon, because it would
    not be the unit's.
  - A process that has just been started is not started again if it ends while it is proved.
seealso:
  - module: shipshape.webapp.systemd_processes
"""

EXAMPLES = r"""
- name: Start the new release beside the old one
  shipshape.webapp.pm2:
    application: holibot
    slot: green
    release: /srv/holibot/releases/2026-11-22-1
    candidate: true
    processes: &processes
      - name: holibot-backend
        script: backend/server.js
        port: 3102
        health: /health
        environment_file: .env
        memory_limit: 500M
      - name: holibot-frontend
        script: frontend/server.js
        mode: cluster
        instances: 2
        port: 3101
        health: /
  become: true
  become_user: holibot

- name: Have it restarted from now on if it ends
  shipshape.webapp.pm2:
    application: holibot
    slot: green
    release: /srv/holibot/releases/2026-11-22-1
    processes: *processes
  become: true
  become_user: holibot

- name: Take over what an ecosystem file says, and add what it cannot say
  shipshape.webapp.pm2:
    application: lumiku
    release: /srv/lumiku/current
    ecosystem: ecosystem.config.js
    ecosystem_environment: production
    processes:
      - {name: lumiku-app, port: 3000, health: /health}
  become: true
  become_user: lumiku

- name: Have a start of the host bring it back
  shipshape.webapp.pm2:
    application: holibot
    slot: green
    state: saved
  become: true
  become_user: holibot

- name: Stop the old release
  shipshape.webapp.pm2:
    application: holibot
    slot: blue
    state: absent
  become: true
  become_user: holibot
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
  sample: pm2
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
      full_name: holibot-backend-green
      status: running
      pids: [4711]
      release: /srv/holibot/releases/2026-11-22-1
      port: 3102
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
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.pm2 import Pm2
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.usecase import supervise


def pm2_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    own = ArgumentSpec({"home": {"type": "path"}, "program": {"type": "str", "default": "pm2"}})
    return supervision_argument_spec().merge(own)


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **pm2_argument_spec().to_kwargs())
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
    home, program = module.params["home"], module.params["program"]
    run(
        module,
        lambda: supervise(
            request_of(module.params),
            lambda slot: Pm2(slot, home=home, program=program, host=host),
            host,
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
