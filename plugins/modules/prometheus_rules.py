#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_rules
short_description: Turn a table of alerts into rules of Prometheus that have been seen to fire
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Writes the rules of one application, after C(promtool) has taken them and has seen each alert fire at figures just
    above its limit, after the time that it has to wait and not before, and stay silent at figures just below. The
    figures are made from the table.
  - Then Prometheus reads them, and is seen to go by them. If it does not, what was there before is put back.
  - Rules of other applications are never touched.
  - Where Prometheus does not run, the rules are tried and put in place, and nothing is started.
  - Prometheus has to read them. Its configuration needs C(rule_files) with C(/etc/prometheus/rules/*.yml).
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - The rules are tried as in a real run.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - Prometheus is told to read its rules only if they differ, or if it does not go by what is there.
options:
  name:
    description:
      - The application, by letters, digits, V(-) and V(_). Its alerts carry it as the label C(application).
    type: str
    required: true
  state:
    description:
      - V(absent) removes its rules.
    type: str
    choices: [present, absent]
    default: present
  alerts:
    description:
      - The table.
    type: list
    elements: dict
    default: []
    suboptions:
      alert:
        description:
          - Its name, as one word.
        type: str
        required: true
      severity:
        description:
          - How bad it is, as a label by which Alertmanager finds out whom to tell.
        type: str
        choices: [critical, high, medium, low]
        required: true
      for:
        description:
          - For how long it has to be so before it fires, such as V(5m).
        type: str
        default: 0s
      when:
        description:
          - What it is about, by exactly one of the options that are not marked as going with another.
        type: dict
        suboptions:
          down:
            description:
              - A job of Prometheus that does not answer; V(redis), V(postgresql), V(mysql) or V(nginx) that its
                exporter does not reach. That nothing is known of it counts as well.
            type: str
          unhealthy:
            description:
              - An address of the job C(health) that does not answer as it should. That nothing is known of it counts as
                well.
            type: str
          any:
            description:
              - A counter that counts anything at all, its very first event included.
            type: str
          per_minute:
            description:
              - A counter that counts more than O(alerts[].when.above) a minute.
            type: str
          share:
            description:
              - A counter that is more than the share O(alerts[].when.above) of the counter O(alerts[].when.of).
            type: str
          slower_than:
            description:
              - Seconds that the quantile of the histogram O(alerts[].when.of) is above.
            type: str
          memory_above:
            description:
              - The share of the host's memory that is in use, such as V(80%).
            type: str
          disk_free_below:
            description:
              - The share of a file system that is free, such as V(20%). Those that are read-only are left out.
            type: str
          certificate_within:
            description:
              - The time in which a certificate expires, such as V(14d).
            type: str
          check_fails:
            description:
              - A check of M(shipshape.webapp.smoke_check) that has not passed, by its name, or V(*) for any. Those that
                only warn are left out.
            type: str
          job_silent:
            description:
              - A job of M(shipshape.webapp.cron_jobs) that has not ended well for O(alerts[].when.over), or never has.
            type: str
          connections_above:
            description:
              - The share of the connections that the server O(alerts[].when.of) can take, V(postgresql) or V(mysql).
            type: str
          above:
            description:
              - Goes with O(alerts[].when.per_minute), as a number, and with O(alerts[].when.share), such as V(5%).
            type: str
          of:
            description:
              - Goes with O(alerts[].when.share), O(alerts[].when.slower_than), O(alerts[].when.connections_above) and,
                as an address, with O(alerts[].when.certificate_within).
            type: str
          at:
            description:
              - Goes with O(alerts[].when.disk_free_below), as the directory where the file system is mounted. Without
                it, any.
            type: str
          over:
            description:
              - The time that is looked at. Goes with O(alerts[].when.any), O(alerts[].when.per_minute) and
                O(alerts[].when.slower_than) (5 minutes without it), O(alerts[].when.share) (15 minutes) and
                O(alerts[].when.job_silent), which needs it.
            type: str
          by:
            description:
              - The labels that are kept, so that there is an alert for each of their values; C(instance) without it.
                Goes with O(alerts[].when.per_minute), O(alerts[].when.share) and O(alerts[].when.slower_than).
            type: list
            elements: str
          quantile:
            description:
              - Goes with O(alerts[].when.slower_than); V(0.95) without it.
            type: str
      expr:
        description:
          - An expression of Prometheus' own, instead of O(alerts[].when).
        type: str
      example:
        description:
          - Series with which the alert of O(alerts[].expr) has to fire. Without them there is a warning.
        type: dict
        suboptions:
          series:
            description:
              - The values of each series by its name, in the notation of C(promtool test rules).
            type: dict
            required: true
          interval:
            description:
              - The time between two values.
            type: str
            default: 1m
          at:
            description:
              - When the alert has to fire.
            type: str
            required: true
      summary:
        description:
          - What people are told first. Without it, O(alerts[].when) in words.
        type: str
      description:
        description:
          - What else they are told.
        type: str
      runbook:
        description:
          - The address of the page that says what to do.
        type: str
  labels:
    description:
      - Further labels of all alerts of the application.
    type: dict
    default: {}
  directory:
    description:
      - The directory of the rules, which has to be there.
    type: path
    default: /etc/prometheus/rules
  port:
    description:
      - The port on C(127.0.0.1) at which Prometheus answers.
    type: int
    default: 9090
  unit:
    description:
      - The unit of systemd that runs Prometheus.
    type: str
    default: prometheus
  timeout:
    description:
      - How many seconds to wait at most until Prometheus goes by the rules.
    type: float
    default: 30
"""

EXAMPLES = r"""
- name: Have the alerts of a guide
  shipshape.webapp.prometheus_rules:
    name: lumiku
    alerts:
      - {alert: RedisDown, when: {down: redis}, for: 5m, severity: critical}
      - {alert: CreditRefundFailed, when: {any: credit_refund_failures_total}, severity: high}
      - {alert: JsonParseErrors, when: {per_minute: json_parse_errors_total, above: 10}, for: 1m, severity: medium}
      - alert: QueueFailures
        when: {share: queue_jobs_failed_total, of: queue_jobs_total, above: 5%, by: [queue]}
        for: 5m
        severity: medium

- name: Have one of one's own, with an example that shows that it fires
  shipshape.webapp.prometheus_rules:
    name: holibot
    alerts:
      - alert: ManySessions
        expr: chat_sessions > 500
        for: 10m
        severity: low
        example: {series: {chat_sessions: "400 501+0x15"}, at: 12m}

- name: Have none any more
  shipshape.webapp.prometheus_rules:
    name: holibot
    state: absent
"""

RETURN = r"""
name:
  description: The application.
  returned: success
  type: str
path:
  description: The file of its rules.
  returned: success
  type: str
  sample: /etc/prometheus/rules/lumiku.yml
group:
  description: The group of its rules, whose name differs with whatever is in it. V(null) with O(state=absent).
  returned: success
  type: str
  sample: lumiku 0f3a9bd1c2e4
alerts:
  description: The names of its alerts.
  returned: success
  type: list
  elements: str
tests:
  description: With how many series of figures they were tried, or would be if they differed from what is there.
  returned: success
  type: int
running:
  description: Whether Prometheus answers.
  returned: success
  type: bool
problems:
  description: What is wrong with the table, or what promtool said, a sentence each.
  returned: failure because of the table
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders, room
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.alerts import SEVERITIES, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.conditions import KINDS
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.usecase import Request, ensure_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork


def prometheus_rules_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    text, needed = {"type": "str"}, {"type": "str", "required": True}
    series = {"type": "dict", "required": True}
    example = {"series": series, "interval": {"type": "str", "default": "1m"}, "at": needed}
    alert = {
        "alert": needed,
        "severity": {"type": "str", "choices": list(SEVERITIES), "required": True},
        "for": {"type": "str", "default": "0s"},
        "when": {
            "type": "dict",
            "options": {
                **dict.fromkeys([*KINDS, "above", "of", "at", "over", "quantile"], text),
                "by": {"type": "list", "elements": "str"},
            },
        },
        "expr": text,
        "example": {"type": "dict", "options": example},
        **dict.fromkeys(["summary", "description", "runbook"], text),
    }
    return ArgumentSpec(
        {
            "name": needed,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "alerts": {"type": "list", "elements": "dict", "default": [], "options": alert},
            "labels": {"type": "dict", "default": {}},
            "directory": {"type": "path", "default": "/etc/prometheus/rules"},
            "port": {"type": "int", "default": 9090},
            "unit": {"type": "str", "default": "prometheus"},
            "timeout": {"type": "float", "default": 30},
        }
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **prometheus_rules_argument_spec().to_kwargs())
    given = dict(module.params)
    table = Table(given.pop("name"), given.pop("alerts"), given.pop("labels"))
    request = Request(table, is_wanted=given.pop("state") == "present", **given)
    world = World(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        network=HostNetwork(),
        clock=time.monotonic,
        pause=time.sleep,
        room=room,
    )
    run(module, lambda: ensure_rules(request, world=world, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
