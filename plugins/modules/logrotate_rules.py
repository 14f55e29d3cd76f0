#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: logrotate_rules
short_description: Rotate logs by rules that logrotate has been seen to take
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Writes a file in C(/etc/logrotate.d) for each rule, after C(logrotate --debug) has read the whole configuration as
    it would be. Its words decide, as its exit code is 0 even for what it does not understand.
  - If it complains of anything that it did not complain of without these rules, nothing is changed, and a rule that is
    there stays. What it said of others' files before is a warning.
  - Refuses what logrotate does not see or says too late. Two files that rotate the same log, a pattern that matches
    what was rotated already, logs that the owner of their directory may not write to, a command that no shell can read.
  - Whatever is written stays out of logrotate's sight until it is whole.
  - A rule that is hourly, or has O(rules[].size) or O(rules[].max_size), needs logrotate to look more often than once a
    day. As long as there is one, C(logrotate.timer) fires each hour, too.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - The rules are tried as in a real run.
  diff_mode:
    support: full
    details:
      - A diff for each file.
  idempotent:
    support: full
options:
  rules:
    description:
      - The rules. Those that are not named here stay as they are.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the file in C(/etc/logrotate.d), of lower case letters, digits, V(_) and V(-).
          - A file of that name that is not of this module is refused.
        type: str
        required: true
      state:
        description:
          - V(absent) removes the rule. Logs and what was rotated stay.
        type: str
        choices: [present, absent]
        default: present
      paths:
        description:
          - The logs, as absolute paths in which V(*), V(?) and V([]) stand for something, as in a shell.
          - Needed unless O(rules[].state=absent).
        type: list
        elements: str
      frequency:
        description:
          - How often a log is rotated. Without it and without O(rules[].size), V(daily).
        type: str
        choices: [hourly, daily, weekly, monthly, yearly]
      size:
        description:
          - Rotate whenever a log is larger, however long ago it was rotated. A number of bytes, such as V(500k), V(10M)
            or V(1G).
        type: str
      min_size:
        description:
          - Leave a log that is smaller for the next time, although its time has come.
        type: str
      max_size:
        description:
          - Rotate a log that is larger also before its time.
        type: str
      keep:
        description:
          - How many rotated files are kept of each log.
        type: int
        default: 14
      max_age:
        description:
          - After how many days a rotated file goes, even if fewer than O(rules[].keep) are there.
        type: int
      compress:
        description:
          - Whether rotated files are compressed.
        type: bool
        default: true
      delay_compress:
        description:
          - Whether the newest rotated file stays as it is until the next rotation.
        type: bool
        default: true
      date_ext:
        description:
          - Name rotated files by date and time, as in C(app.log-20260131-000000), instead of by number.
        type: bool
        default: false
      copytruncate:
        description:
          - Copy the log and empty it, for processes that keep their file open, as those of Node do. Lines that are
            written between the copy and the emptying are lost.
          - With V(false) the log is renamed and O(rules[].create) makes a new one. A process that keeps its file open
            writes on into the old one, unless O(rules[].after) tells it to open a new one.
        type: bool
        default: true
      create:
        description:
          - How a new log is made with O(rules[].copytruncate=false). Without it, as the old one was.
        type: dict
        suboptions:
          mode:
            description: Its mode, as a quoted octal number.
            type: str
            required: true
          owner:
            description: Its owner. Goes with O(rules[].create.group).
            type: str
          group:
            description: Its group. Goes with O(rules[].create.owner).
            type: str
      su:
        description:
          - As whom logrotate works in the directories of the logs.
          - Without it, as the owner and group of the directories; where they are root's, and another group may write to
            them, as root with that group.
        type: dict
        suboptions:
          user:
            description: The user.
            type: str
            required: true
          group:
            description: The group.
            type: str
            required: true
      missing_ok:
        description:
          - Whether it is all right that there is no such log. There is a warning as long as no log matches.
        type: bool
        default: true
      not_empty:
        description:
          - Whether an empty log is left as it is.
        type: bool
        default: true
      after:
        description:
          - A command for C(/bin/sh), run by root after logs of the rule were rotated, once for all of them.
          - On a host with systemd, it runs in the sandbox of C(logrotate.service), in which Node and PM2 crash. Start
            them with C(systemd-run --quiet --wait --collect).
        type: str
"""

EXAMPLES = r"""
- name: Rotate the logs of an application each day, and earlier if one grows beyond 50 MB
  shipshape.webapp.logrotate_rules:
    rules:
      - name: holibot
        paths: [/srv/holibot/shared/logs/*.log]
        max_size: 50M
        keep: 14

- name: Rotate a log that its program opens anew when told to
  shipshape.webapp.logrotate_rules:
    rules:
      - name: gateway
        paths: [/var/log/gateway/access.log]
        frequency: weekly
        copytruncate: false
        create: {mode: "0640", owner: gateway, group: adm}
        after: systemctl kill --kill-whom=main --signal=USR1 gateway.service

- name: Rotate them no more
  shipshape.webapp.logrotate_rules:
    rules:
      - {name: gateway, state: absent}
"""

RETURN = r"""
rules:
  description: The rules, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The rule.
      type: str
    state:
      description: Whether it is there.
      type: str
    changed:
      description: Whether its file was changed, or would be in check mode.
      type: bool
    su:
      description: As whom logrotate works in the directories, or V(null) where that is root without another group.
      type: dict
    logs:
      description: The logs that are there now.
      type: list
      elements: str
  sample:
    - name: holibot
      state: present
      changed: true
      su: {user: holibot, group: holibot}
      logs: [/srv/holibot/shared/logs/api.log]
hourly:
  description: Whether C(logrotate.timer) fires each hour because of rules of this module, or would in check mode.
  returned: success
  type: bool
problems:
  description: What is wrong with the rules, a sentence each.
  returned: failure because of the rules
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.plan import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import Rule
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.usecase import ensure_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees


def logrotate_rules_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    name: dict[str, Any] = {"type": "str", "required": True}
    rule = {
        "name": name,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "paths": {"type": "list", "elements": "str"},
        "frequency": {"type": "str", "choices": ["hourly", "daily", "weekly", "monthly", "yearly"]},
        "size": {"type": "str"},
        "min_size": {"type": "str"},
        "max_size": {"type": "str"},
        "keep": {"type": "int", "default": 14},
        "max_age": {"type": "int"},
        "compress": {"type": "bool", "default": True},
        "delay_compress": {"type": "bool", "default": True},
        "date_ext": {"type": "bool", "default": False},
        "copytruncate": {"type": "bool", "default": True},
        "create": {"type": "dict", "options": {"mode": name, "owner": {"type": "str"}, "group": {"type": "str"}}},
        "su": {"type": "dict", "options": {"user": name, "group": name}},
        "missing_ok": {"type": "bool", "default": True},
        "not_empty": {"type": "bool", "default": True},
        "after": {"type": "str"},
    }
    return ArgumentSpec({"rules": {"type": "list", "elements": "dict", "required": True, "options": rule}})


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **logrotate_rules_argument_spec().to_kwargs())
    request = Request([Rule(**rule) for rule in module.params["rules"]])
    world = World(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        paths=HostPaths(),
        trees=HostTrees(),
    )
    run(module, lambda: ensure_rules(request, world=world, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
