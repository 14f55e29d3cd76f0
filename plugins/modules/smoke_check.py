#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_check
short_description: Prove that an application works, with a whole suite of checks in one call
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Carries out the checks that a deployment guide ends in, and returns the evidence for each of them. What is expected
    and is not so fails the task; so does what could not be observed at all, and the message says which of the two it
    was.
  - A check is a mapping with one kind, such as C(http) or C(sql), and words that are the same for all kinds, such as
    C(expect) and C(within). The page C(docs/checks.md) of the collection tells all of them.
  - The whole suite is read before anything is sent, and everything that is wrong with it is told at once.
  - The gates (C(gate=true)) come first, in their order; if one does not pass, the rest is skipped. Then everything is
    checked side by side, so that a suite lasts as long as its longest check. What disturbs others (C(rate_limit),
    C(concurrent), C(load)) comes last, one after the other.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Carries out what only reads, such as GET requests, queries and files, and reports the rest as skipped. Neither
        reports nor the memory are written.
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - It never reports a change. What the requests of the suite change in the application is the suite's own affair.
options:
  checks:
    description:
      - The checks in their order, or the absolute path of a file on the host where the module runs that holds them. The
        file is YAML or JSON, with the key C(checks) and any of C(base_url), C(database), C(database_password),
        C(identities), C(vars), C(secrets), C(ca), C(validate_certs) and C(timeout). Options of the task are stronger.
      - What such a file holds can be given in its place as well, as a mapping.
      - Values may hold C(${name}), which stands for a variable of O(vars), or for what an earlier step has saved.
    type: raw
    required: true
  base_url:
    description: What addresses begin with that are a path alone, such as V(https://shop.example.com).
    type: str
  database:
    description: The database of C(sql) checks, as the other modules take it, such as V(postgresql://shop@db/shop).
    type: str
  database_password:
    description: Its password, which then need not be in the address.
    type: str
  identities:
    description:
      - As whom requests can be sent, by a name that checks refer to with C(as). Each has C(bearer) (a token), C(basic)
        (C(user) and C(password)) or C(headers). They may hold what a gate saves, such as C(${token}).
      - Their secrets appear nowhere, not even if a server echoes them. Only the origin of O(base_url) is shown them.
    type: dict
  vars:
    description: Variables of the suite, by their names.
    type: dict
  secrets:
    description: Further texts that must not appear in results and reports.
    type: list
    elements: str
  ca:
    description: A file with the authorities whose certificates are believed, in place of those of the system.
    type: path
  validate_certs:
    description: Whether certificates are verified. By default they are.
    type: bool
  timeout:
    description: How long a single request may take if the check does not say. By default V(10s).
    type: str
  only_tags:
    description: Carry out only checks with one of these C(tags), and the gates.
    type: list
    elements: str
    default: []
  except_tags:
    description: Leave out checks with one of these C(tags), but no gates. Tags that no check has are taken as well.
    type: list
    elements: str
    default: []
  report:
    description: Files to which the verdict is written as well. They can be read by everybody.
    type: dict
    default: {}
    suboptions:
      junit:
        description: The absolute path of a JUnit file, for CI.
        type: path
      tap:
        description: The absolute path of a file in the Test Anything Protocol.
        type: path
      json:
        description: The absolute path of a file with all that the module returns.
        type: path
      textfile:
        description: The absolute path of a file for the textfile collector of Prometheus' node_exporter.
        type: path
  memory:
    description:
      - The absolute path of a private file in which the suite keeps what later runs need, such as how far a log was
        read (C(since=last)) and the numbers of C(baseline).
    type: path
  record:
    description:
      - Keep the numbers of all checks with a C(baseline) in O(memory), for later runs to be compared with, in place of
        comparing them.
    type: bool
    default: false
requirements:
  - requests, for kinds that speak HTTP
  - jmespath, for paths that are more than names and dots
  - PyYAML, for a suite in a file that is YAML
  - PyMySQL, psycopg2 or psycopg, for C(sql) with such a database
seealso:
  - module: shipshape.webapp.migrate
  - module: ansible.builtin.uri
"""

EXAMPLES = r"""
- name: Prove that the shop works
  shipshape.webapp.smoke_check:
    base_url: https://shop.example.com
    database: postgresql://shop@localhost/shop
    database_password: "{{ shop_database_password }}"
    identities:
      admin: {bearer: "{{ shop_admin_token }}"}
    checks:
      - {http: /health, within: 60s, gate: true}
      - {http: /api/orders, as: admin, expect: {json: {total: {ge: 1}}, ms: {lt: 200}}}
      - auth_required: [/api/orders, /api/settings]
      - {sql: {tables: [orders, customers]}}
      - name: An order can be made and taken back
        as: admin
        scenario:
          - {http: {post: /api/orders, json: {article: probe}}, expect: 201, save: {id: json.id}}
          - {http: "/api/orders/${id}", expect: {json.state: open}}
        finally:
          - {http: {delete: "/api/orders/${id}"}}
      - {load: {get: /health, requests: 300, concurrency: 20}, expect: {p95: {lt: 500}}}

- name: Watch for fifteen minutes
  shipshape.webapp.smoke_check:
    checks:
      - {pm2: shop, for: 15m}
      - {log: {path: /srv/shop/logs/error.log, since: now, forbid: [.]}, for: 15m, every: 10s}

- name: The suite of a file, with a report for CI
  shipshape.webapp.smoke_check:
    checks: /etc/shipshape/shop.yml
    report:
      junit: /var/lib/shipshape/shop.xml
"""

RETURN = r"""
msg:
  description: How many checks passed, failed and so on, and a line for each that speaks against the application.
  returned: always
  type: str
  sample: "21 passed, 1 failed in 3.4 s\nsign-in: status: expected 200, got 500"
counts:
  description: How many checks came to which end.
  returned: when the suite was carried out
  type: dict
  contains:
    passed:
      description: How many passed.
      type: int
    failed:
      description: How many did not find what was expected.
      type: int
    errors:
      description: How many could not observe anything.
      type: int
    skipped:
      description: How many were not carried out.
      type: int
    warned:
      description: How many of severity C(warn) did not pass.
      type: int
    inconclusive:
      description: How many had nothing to judge by. They warn and never pass.
      type: int
duration_ms:
  description: How long all of it took.
  returned: when the suite was carried out
  type: int
failures:
  description: The lines of O(ignore:msg) that speak against the application.
  returned: when the suite was carried out
  type: list
  elements: str
checks:
  description: The evidence, check by check.
  returned: when the suite was carried out
  type: list
  elements: dict
  contains:
    name:
      description: The name of the check.
      type: str
    kind:
      description: Its kind, or C(scenario).
      type: str
    outcome:
      description: One of V(passed), V(failed), V(error), V(inconclusive), V(skipped).
      type: str
    severity:
      description: Whether it can make the suite fail.
      type: str
    ids:
      description: The requirements that it proves, as its C(ids) name them.
      type: list
      elements: str
    ms:
      description: How long it took.
      type: float
    attempts:
      description: How often was looked.
      type: int
    assertions:
      description: What was expected, one by one, each with C(path), C(is_met) and C(told).
      type: list
      elements: dict
    failures:
      description: Why it did not pass.
      type: list
      elements: str
    observed:
      description: What was seen, without what is too long to be read.
      type: dict
    steps:
      description: The steps of a scenario, in the same form.
      type: list
      elements: dict
"""

import os
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._crew import HostCrew
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._http import HostHttp
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.options import (
    request_of,
    secrets_of,
    smoke_argument_spec,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.registry import KINDS
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.usecase import prove
from ansible_collections.shipshape.webapp.plugins.module_utils._yaml import load_yaml

# Options of which only what is secret is masked.
CONCEALED = "checks database database_password identities secrets vars"


def this_world() -> World:
    """All that checks reach, as it really is."""
    return World(
        http=HostHttp(),
        network=HostNetwork(),
        connect=open_connection,
        commands=HostCommands(),
        files=HostFiles(),
        paths=HostPaths(),
        file_locks=HostProcesses(),
        now=lambda: datetime.now().astimezone(),
        clock=time.monotonic,
        pause=time.sleep,
        random=os.urandom,
    )


def proving(params: Mapping[str, Any], *, check_mode: bool) -> Result:
    """Carry out the checks."""
    return prove(request_of(params, load_yaml), kinds=KINDS, world=this_world(), crew=HostCrew(), check_mode=check_mode)


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **smoke_argument_spec().to_kwargs())
    params = dict(module.params)
    conceal(module, CONCEALED, secrets_of(params))
    run(module, lambda: proving(params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
