#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_rules
short_description: Keep rules of ufw, and turn it on without shutting anybody out
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Keeps the rules that are declared, told apart from those of others by their comment, C(shipshape NAME). Rules of
    others stay as they are and where they are.
  - SSH is let in before anything is turned on, on the port of this very connection and wherever an SSH server listens.
    What would shut this connection out is refused.
  - ufw writes all rules at once into a private copy of its files. Only if they come out as they were declared, and the
    kernel takes them, they are put in place. If anything fails after that, everything is put back.
  - A change is armed. The host itself takes it back after some time, or at its next start, unless it is confirmed over
    another connection, whatever becomes of this one and of the controller.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - ufw and the kernel try the rules as in a real run.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - A second O(action=confirm) fails if the change has been taken back.
options:
  rules:
    description:
      - The rules, of which the first that is about a connection decides.
      - Those that are not named here are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Its name on this host, in small letters, digits, C(-) and C(_).
        type: str
        required: true
      state:
        description:
          - Whether there is such a rule.
        type: str
        choices: [present, absent]
        default: present
      port:
        description:
          - The ports, as numbers or as ranges such as V(8000-8010). A present rule needs one.
        type: list
        elements: str
      protocol:
        description:
          - What speaks to the port.
        type: str
        choices: [tcp, udp]
        default: tcp
      from:
        description:
          - Networks or addresses of IPv4 or IPv6. Without any, it is anywhere.
          - What a host sends to itself needs no rule and is refused here.
        type: list
        elements: str
        default: []
      to:
        description:
          - Only what is sent to this address or network of the host.
        type: str
      interface:
        description:
          - Only what comes in here, such as V(eth0).
        type: str
      action:
        description:
          - V(limit) lets in, but refuses an address that has opened six connections within 30 seconds.
          - V(deny) does not answer, V(reject) says that nothing is there.
        type: str
        choices: [allow, limit, deny, reject]
        default: allow
  action:
    description:
      - V(apply) brings ufw to what the other options say.
      - V(confirm) has the change stay that is armed, and heeds no other option. It is refused over the connection by
        which the change was made, as that lives on even if nobody else can log in.
    type: str
    choices: [apply, confirm]
    default: apply
  enabled:
    description:
      - Whether ufw is on, now and after a start of the host.
    type: bool
    default: true
  default_incoming:
    description:
      - What becomes of connections that no rule is about.
    type: str
    choices: [deny, reject, allow]
    default: deny
  ssh_ports:
    description:
      - The ports of the SSH server. Without the option, those where one listens for other hosts.
      - That of this very connection is always one of them.
      - One that no rule at all lets anybody in at is opened to everybody.
    type: list
    elements: int
  arm:
    description:
      - Take the change back after so many seconds, unless it is confirmed. V(0) does without.
      - With O(enabled=true), on hosts that run systemd.
    type: int
    default: 120
notes:
  - ufw must be installed, and the module must run as root.
  - Ports that Docker publishes go past ufw; there is a warning if there are any.
  - The first change puts a script into C(/usr/local/lib/shipshape) and enables a unit of systemd,
    C(shipshape-firewall.service), which before ufw starts takes back what was not confirmed before a reboot.
"""

EXAMPLES = r"""
- name: Let in the web and SSH alone
  shipshape.webapp.firewall_rules:
    rules:
      - {name: web, port: [80, 443]}
  register: firewall

- name: Close the connection
  ansible.builtin.meta: reset_connection

- name: Stay with it, over a new connection
  shipshape.webapp.firewall_rules:
    action: confirm

- name: Let only the balancer reach the application, and only the office log in
  shipshape.webapp.firewall_rules:
    rules:
      - {name: office, port: 22, from: [203.0.113.0/24, "2001:db8::/48"]}
      - {name: carloans-api, port: 5000, from: [10.0.0.5]}

- name: Remove a rule
  shipshape.webapp.firewall_rules:
    rules:
      - {name: carloans-api, state: absent}
"""

RETURN = r"""
enabled:
  description: Whether ufw is on, or would be.
  returned: success, with O(action=apply)
  type: bool
ipv6:
  description: Whether ufw has rules for IPv6.
  returned: success, with O(action=apply)
  type: bool
ssh_ports:
  description: The ports that count as those of the SSH server.
  returned: success, with O(action=apply)
  type: list
  elements: int
  sample: [22]
rules:
  description: The rules that are declared, and what was added for SSH, in words.
  returned: success, with O(action=apply)
  type: list
  elements: str
  sample: ["allow tcp 22 from anywhere  # shipshape SSH", "allow tcp 80,443 from anywhere  # shipshape web"]
others:
  description: The rules of others, in words.
  returned: success, with O(action=apply)
  type: list
  elements: str
  sample: ["allow 3002 from anywhere"]
pending:
  description: The change that is armed, or V(null).
  returned: success
  type: dict
  contains:
    since:
      description: When it was made.
      type: str
    until:
      description: When it will be taken back.
      type: str
  sample: {since: "2026-11-21T09:00:00Z", until: "2026-11-21T09:02:00Z"}
problems:
  description: Why nothing was done, a sentence each.
  returned: failure because of the options
  type: list
  elements: str
"""

import os
from datetime import datetime

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.options import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.usecase import ensure_firewall
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._sockets import HostSockets
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees


def firewall_rules_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    rule = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "port": {"type": "list", "elements": "str"},
        "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
        "from": {"type": "list", "elements": "str", "default": []},
        "to": {"type": "str"},
        "interface": {"type": "str"},
        "action": {"type": "str", "choices": ["allow", "limit", "deny", "reject"], "default": "allow"},
    }
    return ArgumentSpec(
        {
            "rules": {"type": "list", "elements": "dict", "default": [], "options": rule},
            "action": {"type": "str", "choices": ["apply", "confirm"], "default": "apply"},
            "enabled": {"type": "bool", "default": True},
            "default_incoming": {"type": "str", "choices": ["deny", "reject", "allow"], "default": "deny"},
            "ssh_ports": {"type": "list", "elements": "int"},
            "arm": {"type": "int", "default": 120},
        }
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **firewall_rules_argument_spec().to_kwargs())
    host = Host(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        paths=HostPaths(),
        processes=HostProcesses(),
        sockets=HostSockets(),
        trees=HostTrees(),
        parent=os.getppid,
        now=lambda: datetime.now().astimezone(),
        random=os.urandom,
    )
    run(module, lambda: ensure_firewall(Request(**module.params), host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
