#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_lock
short_description: Have one deployment of an application at a time
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Takes the lock of an application, keeps it while its deployment goes on, and gives it back. Who holds it stands in
    C(deployment.lock) in the application's root, and what became of each deployment in C(deployments.jsonl) beside it.
  - A deployment that was killed gives nothing back. On the controller on which it ran, the next one sees that its
    process has ended and takes the lock over at once. Any other takes it over once the dead one has been silent for
    longer than it said it would be.
  - A deployment whose lock was taken over is told so at its next step, and fails.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Tells whether the lock could be had, but does not take it.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each call with O(state=held) says that the deployment lives, and so changes the lock.
options:
  root:
    description:
      - The application's root directory.
    type: path
    required: true
  state:
    description:
      - V(held) takes the lock, or with O(deployment) says that the deployment goes on.
      - V(free) gives it back.
      - V(gathered) changes nothing and tells all.
    type: str
    choices: [held, free, gathered]
    default: gathered
  deployment:
    description:
      - The deployment, as RV(deployment) named it when the lock was taken.
    type: str
  phase:
    description:
      - What the deployment does now. It is told to whoever wants the lock, and kept in C(deployments.jsonl).
    type: str
  note:
    description:
      - Something more for C(deployments.jsonl).
    type: str
  verdict:
    description:
      - How the deployment has ended, with O(state=free).
    type: str
  silent_for:
    description:
      - For how many seconds at most nothing will be heard of the deployment from now on. After that it counts as dead.
    type: float
    default: 900
  attested:
    description:
      - What the owner confirms of the deployment that holds the lock, or with O(state=gathered) of that by which the
        live release became so. It is kept in C(deployments.jsonl).
    type: list
    elements: str
    default: []
  chores:
    description:
      - Chores that the owner has just done, by their names. When each was done last is kept in C(deployments.jsonl).
    type: list
    elements: str
    default: []
  take_over:
    description:
      - The deployment whose lock is taken over even if it may live. It is named in the message of the failure.
    type: str
  traffic:
    description:
      - The application's name in the role P(shipshape.webapp.nginx#role). nginx on this host is then asked where its
        requests go. This is done here so that a deployment needs no further call for it.
    type: str
  status_port:
    description:
      - Where nginx tells that, on 127.0.0.1.
    type: int
    default: 8099
  owner:
    description:
      - Who deploys. The controller fills in what is left out.
    type: dict
    suboptions:
      who:
        description:
          - The user.
        type: str
      controller:
        description:
          - The name of the controller.
        type: str
      machine:
        description:
          - What tells the controller and its processes from all others.
        type: str
      pid:
        description:
          - The process that lives as long as the deployment.
        type: int
      began:
        description:
          - When that process began, in a unit of the kernel's.
        type: str
      job:
        description:
          - The job of AWX.
        type: str
"""

EXAMPLES = r"""
- name: Begin a deployment
  shipshape.webapp.deployment_lock:
    root: /srv/holibot
    state: held
    phase: preflight
  register: begun

- name: Say that building may take an hour
  shipshape.webapp.deployment_lock:
    root: /srv/holibot
    state: held
    deployment: "{{ begun.deployment }}"
    phase: build
    silent_for: 3600

- name: End it
  shipshape.webapp.deployment_lock:
    root: /srv/holibot
    state: free
    deployment: "{{ begun.deployment }}"
    verdict: refused by the gate
"""

RETURN = r"""
deployment:
  description: The deployment that holds the lock, or that has given it back.
  returned: success
  type: str
  sample: 20261122T071500Z-4f2a
holder:
  description: Who holds the lock now, or V(null).
  returned: success, and when somebody else holds it
  type: dict
  sample:
    deployment: 20261122T071500Z-4f2a
    owner: {who: ann, controller: ops1, machine: 5d2c…, pid: 4711, began: "90210", job: null}
    since: "2026-11-22T07:15:00Z"
    heard: "2026-11-22T07:16:10Z"
    until: "2026-11-22T07:31:10Z"
    phase: build
    is_dead: false
took_over:
  description: The same of a dead deployment whose lock was taken over, or V(null).
  returned: success
  type: dict
live:
  description: The release that went live last, or V(null).
  returned: success
  type: str
  sample: 9f86d081884c-2c26b46b
live_since:
  description: When it did.
  returned: success
  type: str
  sample: "2026-11-22T07:20:00Z"
live_by:
  description: The deployment by which it did.
  returned: success
  type: str
  sample: 20261122T071500Z-4f2a
attested:
  description: What was confirmed of the deployment that holds the lock, or else of RV(live_by).
  returned: success
  type: list
  elements: dict
  sample: [{name: The page is looked at on a phone, who: ann on ops1, when: "2026-11-22T07:30:00Z"}]
chores:
  description: When each chore was done last, and by whom.
  returned: success
  type: dict
  sample: {the error log is read: {who: ann on ops1, when: "2026-11-22T07:30:00Z"}}
good:
  description: The releases that were live and passed their watch window, the last one first.
  returned: success
  type: list
  elements: str
releases:
  description: What became last of each release.
  returned: success
  type: dict
  sample: {9f86d081884c-2c26b46b: good}
slot:
  description: With O(traffic), the slot that has the application's requests; otherwise V(null).
  returned: success
  type: str
  sample: blue
running:
  description: With O(traffic), the releases that run in each slot, as far as the user may know; otherwise V(null).
  returned: success
  type: dict
  sample: {blue: [9f86d081884c-2c26b46b], green: [2c624232cc10-2c26b46b]}
machine:
  description: How many processors the host has, its memory, and what is free where O(root) is, in megabytes.
  returned: success
  type: dict
  sample: {cores: 4, memory_mb: 7941, free_mb: 51200}
unfinished:
  description: What was last heard of the last deployment if it has not ended, before this call; otherwise V(null).
  returned: success
  type: dict
  sample: {at: "2026-11-22T03:10:00Z", deployment: 20261122T030900Z-11d0, event: phase, phase: build}
deployments:
  description: The last deployments before this call, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    deployment:
      description: Its name.
      type: str
    what:
      description: What it was, V(deploy) or V(rollback).
      type: str
    by:
      description: Who began it, from where.
      type: str
    began:
      description: When.
      type: str
    ended:
      description: When it ended, or was found to be dead. V(null) if it goes on, or nobody knows.
      type: str
    verdict:
      description: How.
      type: str
"""

import os
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_lock import (
    STATES,
    Host,
    Request,
    keep_lock,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._machine import machine_of
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses


def deployment_lock_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    owner = {
        "who": {"type": "str"},
        "controller": {"type": "str"},
        "machine": {"type": "str"},
        "pid": {"type": "int"},
        "began": {"type": "str"},
        "job": {"type": "str"},
    }
    return ArgumentSpec(
        {
            "root": {"type": "path", "required": True},
            "state": {"type": "str", "choices": list(STATES), "default": "gathered"},
            "deployment": {"type": "str"},
            "phase": {"type": "str"},
            "note": {"type": "str"},
            "verdict": {"type": "str"},
            "silent_for": {"type": "float", "default": 900},
            "take_over": {"type": "str"},
            "attested": {"type": "list", "elements": "str", "default": []},
            "chores": {"type": "list", "elements": "str", "default": []},
            "traffic": {"type": "str"},
            "status_port": {"type": "int", "default": 8099},
            "owner": {"type": "dict", "options": owner},
        },
        required_if=[("state", "free", ["deployment"])],
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **deployment_lock_argument_spec().to_kwargs())
    host = Host(
        files=HostFiles(),
        locks=HostLocks(),
        paths=HostPaths(),
        now=lambda: datetime.now(timezone.utc),
        random=os.urandom,
        network=HostNetwork(),
        processes=HostProcesses(),
        machine=machine_of,
    )
    run(module, lambda: keep_lock(Request(**module.params), host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
