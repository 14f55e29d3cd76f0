#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: traffic
short_description: Move an application's traffic behind nginx without a reload
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Switches between two slots, takes a batch of backends out and in again, and turns maintenance on and off. Each is
    one rename of a file whose name nginx looks for, so that nginx is not reloaded and no request is lost.
  - What the application has is read from C(applications/NAME/traffic.json), which the role nginx writes together with
    the configuration.
  - After each act nginx itself is asked where traffic goes. If it says anything else than the flags, the act is taken
    back and the module fails.
  - Nothing is switched to a slot, or undrained, whose backends do not all answer.
  - An act can be armed. Then the host itself takes it back after some time unless it is confirmed, whatever becomes of
    the connection and of the controller.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Asks the backends whether they are healthy, as a real run does, but waits for nothing and does not ask nginx.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - A second O(action=confirm) without O(to) fails if what was armed has been taken back.
options:
  name:
    description:
      - The application, in letters, digits, C(-) and C(_).
    type: str
    required: true
  action:
    description:
      - V(state) changes nothing and tells all.
      - V(switch) moves traffic to the slot O(to). V(drain) takes the backends of O(batch) out, V(undrain) in again.
        Only one batch can be drained at a time.
      - V(maintenance_on) and V(maintenance_off) have nginx answer by itself instead of the application, or no more.
      - V(confirm) has what is armed stay, V(revert) takes it back at once.
    type: str
    choices: [state, switch, drain, undrain, maintenance_on, maintenance_off, confirm, revert]
    default: state
  to:
    description:
      - The slot, V(blue) or V(green), with O(action=switch).
      - With O(action=confirm), the slot that has to be live. Then a switch that is confirmed already changes nothing.
    type: str
  batch:
    description:
      - The batch, with O(action=drain) and O(action=undrain).
    type: str
  arm:
    description:
      - Take the act back after so many seconds, unless it is confirmed before. A start of the host takes it back, too.
      - With O(action=switch), O(action=drain) and O(action=maintenance_on), on hosts that run systemd. One act of an
        application can be armed at a time. What is so already is not armed.
    type: int
  wait:
    description:
      - How many seconds to wait, after O(action=switch) and O(action=drain), until no request is under way to the
        backends that traffic has left. nginx keeps each connection for another second, which is waited for, too.
    type: float
    default: 30
  websocket_wait:
    description:
      - How many seconds more to wait for WebSockets.
    type: float
    default: 10
  directory:
    description:
      - Where nginx has its configuration.
    type: path
    default: /etc/nginx
notes:
  - The flags stand in C(/var/lib/shipshape/traffic/NAME/on) and outlive a reboot. The role nginx can have them
    elsewhere, and C(traffic.json) tells where. There nothing can be armed.
  - The first act that is armed puts a script into C(/usr/local/lib/shipshape) and enables a unit of systemd,
    C(shipshape-traffic.service), which takes back before nginx starts what was armed before a reboot.
  - A request whose body is still being sent when traffic is moved goes to the old backend once it is whole. Until then
    nginx has no connection for it that could be waited for.
"""

EXAMPLES = r"""
- name: Switch to the new release, and back by itself unless the next tasks are done within 15 minutes
  shipshape.webapp.traffic:
    name: holibot
    action: switch
    to: green
    arm: 900
    wait: 60

- name: Stay with the new release
  shipshape.webapp.traffic:
    name: holibot
    action: confirm
    to: green

- name: Take the hosts of one batch out, before they are updated
  shipshape.webapp.traffic:
    name: carloans
    action: drain
    batch: app1
  delegate_to: balancer.example.com

- name: Tell where traffic goes
  shipshape.webapp.traffic:
    name: holibot
  register: holibot_traffic
"""

RETURN = r"""
before:
  description: Where traffic went.
  returned: success
  type: dict
  contains:
    live:
      description: The live slot, or V(null) for an application without slots.
      type: str
    drained:
      description: The batches that are drained.
      type: list
      elements: str
    maintenance:
      description: Whether nginx answers by itself.
      type: bool
    armed:
      description: What is armed, or V(null).
      type: dict
      contains:
        act:
          description: What will be taken back.
          type: str
        since:
          description: When it was armed.
          type: str
        until:
          description: When it will be taken back.
          type: str
  sample: {live: blue, drained: [], maintenance: false, armed: null}
after:
  description: The same as it is now, or would be.
  returned: success
  type: dict
  sample:
    live: green
    drained: []
    maintenance: false
    armed: {act: switch to green, since: "2026-11-21T09:00:00Z", until: "2026-11-21T09:15:00Z"}
in_flight:
  description:
    - What is still under way to the backends that traffic has left, after the wait. V(null) if nothing was waited for.
  returned: success
  type: dict
  contains:
    requests:
      description: How many connections there are with requests, or were so a moment ago.
      type: int
    websockets:
      description: How many WebSockets there are.
      type: int
waited:
  description: How many seconds that took.
  returned: success
  type: float
  sample: 4.2
proved:
  description:
    - Whether nginx itself says the same as the flags. V(false) if it does not run. V(null) in check mode.
  returned: success
  type: bool
after_reboot:
  description: What a reboot leaves, as a sentence.
  returned: success
  type: str
  sample: The flags outlive a reboot, after which green is live, maintenance is off.
reverted:
  description: What was armed last, if it was taken back; otherwise V(null).
  returned: success
  type: dict
  contains:
    act:
      description: What was taken back.
      type: str
    since:
      description: When it was armed.
      type: str
    at:
      description: When it was taken back, or V(null) if that could not be written down.
      type: str
    because:
      description: Why, or V(null) likewise.
      type: str
problems:
  description: Why nothing was done, a sentence each.
  returned: failure because of the options, or because backends are not healthy
  type: list
  elements: str
"""

import os
import time
from datetime import datetime

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
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.plan import ACTIONS, Request
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.usecase import move_traffic


def traffic_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return ArgumentSpec(
        {
            "name": {"type": "str", "required": True},
            "action": {"type": "str", "choices": list(ACTIONS), "default": "state"},
            "to": {"type": "str"},
            "batch": {"type": "str"},
            "arm": {"type": "int"},
            "wait": {"type": "float", "default": 30},
            "websocket_wait": {"type": "float", "default": 10},
            "directory": {"type": "path", "default": "/etc/nginx"},
        },
        required_if=[("action", "switch", ["to"]), ("action", "drain", ["batch"]), ("action", "undrain", ["batch"])],
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **traffic_argument_spec().to_kwargs())
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
        now=lambda: datetime.now().astimezone(),
        random=os.urandom,
    )
    run(module, lambda: move_traffic(Request(**module.params), host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
