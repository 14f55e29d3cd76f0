#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: availability
short_description: Measure how available an application is while something is done to it
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Asks an address again and again from one task to another, over one connection that is kept and over a new one each
    time, and then tells how many requests failed, how long nothing was answered, and how long answers took.
  - What asks is a process of its own, which goes on between tasks and ends by itself after O(at_most).
  - A request has failed if there is no answer in time, or one with a status of 500 or more.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Asks nothing.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - Each O(state=started) begins to measure anew. A second O(state=stopped) changes nothing.
options:
  path:
    description:
      - The file in which the answers are kept meanwhile. It tells one measurement from another. Its directory is made
        unless it is there.
    type: path
    required: true
  state:
    description:
      - V(started) begins to ask. V(stopped) ends it, tells what was measured, and removes the file.
    type: str
    choices: [started, stopped]
    required: true
  url:
    description:
      - What is asked, with GET.
    type: str
  address:
    description:
      - Where the host of O(url) is, if it is asked elsewhere than its name leads to, such as before the name does. The
        name is what is asked for all the same, and what the certificate has to hold.
    type: str
  headers:
    description:
      - What is sent with each request. Nobody else sees it.
    type: dict
    default: {}
  interval:
    description:
      - How many seconds lie between two requests over each of the two connections.
    type: float
    default: 0.2
  timeout:
    description:
      - For how many seconds an answer is waited for.
    type: float
    default: 5
  at_most:
    description:
      - After how many seconds it ends by itself.
    type: float
    default: 7200
  ca_file:
    description:
      - The file with the certificates that are believed, instead of those of the system.
    type: path
  validate_certs:
    description:
      - Whether certificates are verified.
    type: bool
    default: true
notes:
  - Run it where those are whom the application is for, such as on the controller with C(delegate_to).
"""

EXAMPLES = r"""
- name: Measure from now on
  shipshape.webapp.availability:
    path: /tmp/holibot.samples
    state: started
    url: https://bot.example.com/health
  delegate_to: localhost

- name: Tell how it was
  shipshape.webapp.availability:
    path: /tmp/holibot.samples
    state: stopped
  delegate_to: localhost
  register: availability
"""

RETURN = r"""
measured:
  description: What was measured, or V(null) if nothing was.
  returned: success
  type: dict
  contains:
    requests:
      description: How many requests were sent.
      type: int
    failed:
      description: How many of them failed.
      type: int
    outcomes:
      description:
        - How many had which status, or what went wrong instead, one of V(timeout), V(refused), V(certificate),
          V(broken), V(unreadable) and V(connection).
      type: dict
    seconds:
      description: How long it was measured.
      type: float
    longest_gap:
      description: The longest time in seconds from one good answer to the next.
      type: float
    outage:
      description: The same if a request failed in between, otherwise 0.
      type: float
    p50:
      description: Of good answers, half took no longer than so many milliseconds.
      type: float
    p95:
      description: The same for 95 of 100.
      type: float
    slowest:
      description: The slowest good answer in milliseconds.
      type: float
    failures:
      description: The first 20 requests that failed.
      type: list
      elements: dict
    series:
      description: The same over time, as at most 300 points.
      type: list
      elements: dict
  sample:
    requests: 1240
    failed: 0
    outcomes: {"200": 1240}
    seconds: 124.1
    longest_gap: 0.214
    outage: 0.0
    p50: 3.1
    p95: 7.9
    slowest: 22.4
    failures: []
    series: [{at: 1795331700.1, requests: 10, failed: 0, p95: 7.4}]
"""

import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._availability.usecase import (
    STATES,
    Host,
    Request,
    measure,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._prober import HostProber
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Probe


def availability_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return ArgumentSpec(
        {
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": list(STATES), "required": True},
            "url": {"type": "str"},
            "address": {"type": "str"},
            "headers": {"type": "dict", "default": {}, "no_log": True},
            "interval": {"type": "float", "default": 0.2},
            "timeout": {"type": "float", "default": 5},
            "at_most": {"type": "float", "default": 7200},
            "ca_file": {"type": "path"},
            "validate_certs": {"type": "bool", "default": True},
        },
        required_if=[("state", "started", ["url"])],
    )


def measuring(given: Mapping[str, Any], *, check_mode: bool) -> Result:
    """Begin to measure, or end it, with these options."""
    probe = Probe(
        url=given["url"] or "",
        address=given["address"],
        headers=_texts(given["headers"]),
        **{name: given[name] for name in ("interval", "timeout", "at_most")},
        ca=given["ca_file"],
        is_verified=given["validate_certs"],
    )
    host = Host(HostFiles(), HostFolders(), HostProcesses(), HostProber(), time.monotonic, time.sleep)
    return measure(Request(given["path"], given["state"], probe), host, check_mode=check_mode)


def _texts(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in headers.items()}


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **availability_argument_spec().to_kwargs())
    given = dict(module.params)
    conceal(module, "headers", _texts(given["headers"]).values())
    run(module, lambda: measuring(given, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
