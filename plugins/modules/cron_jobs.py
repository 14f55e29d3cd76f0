#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cron_jobs
short_description: Have cron run jobs that never overlap, end in time, and tell how they went
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Writes a file into C(/etc/cron.d) for each job. cron starts the job through a program that this module installs,
    C(/usr/local/lib/shipshape/job).
  - That program gives the job its user, its directory and what its environment file says, as npm's dotenv reads it. It
    holds a lock, ends the job with all its processes when its time is over, writes a log for each day, and removes old
    ones.
  - When a job began and when it last succeeded, its exit code and duration, and how often it ran, failed and was
    skipped, stand in C(/var/lib/shipshape/metrics/job_NAME.prom), as the textfile collector of Prometheus reads it.
  - All jobs are written, or none. Jobs that are not named, and files of others, stay as they are.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Warns where cron or a user is missing, which a real run refuses, as a check may come before what provides them.
  diff_mode:
    support: full
    details:
      - A diff for each file. What O(jobs[].run), O(jobs[].environment) and O(jobs[].on_failure) say is shown.
  idempotent:
    support: full
options:
  jobs:
    description:
      - The jobs.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the job and of its files, of C(a-z), C(0-9), C(_) and C(-).
        type: str
        required: true
      state:
        description:
          - V(absent) removes the job. A run that is under way goes on to its end, and logs stay.
        type: str
        choices: [present, absent]
        default: present
      at:
        description:
          - When it runs, as five fields of cron (minute, hour, day of the month, month, day of the week), in the time
            zone of the host; or V(@hourly), V(@daily), V(@weekly), V(@monthly) or V(@yearly). Required if present.
          - Where both days are given, cron takes either. What can never come true is refused.
        type: str
      user:
        description:
          - Whose rights the job has.
        type: str
        default: root
      run:
        description:
          - What to run, a text for C(/bin/sh), or a list of a program and its arguments. Required if present.
        type: raw
      directory:
        description:
          - Where it runs. Symbolic links are followed at each run. Without it, the user's home.
        type: path
      environment_file:
        description:
          - A file that is read into its environment at each run, with the rights of the user.
        type: path
      environment:
        description:
          - Further variables, before which those of O(jobs[].environment_file) step back.
          - No secrets, as they stand in a file and in diffs.
        type: dict
        default: {}
      timeout:
        description:
          - How long it may take, in V(s), V(m), V(h) or V(d). Then all its processes are ended.
        type: str
        default: 1h
      grace:
        description:
          - How long after SIGTERM what has not ended by itself is killed.
        type: str
        default: 10s
      random_delay:
        description:
          - How long at most to wait before it begins, so that many hosts do not begin at once.
        type: str
        default: 0s
      keep_logs:
        description:
          - For how many days logs are kept.
        type: int
        default: 30
      lock:
        description:
          - Jobs with the same lock never run at once. What cannot have its lock is skipped. Without it, the job's name.
        type: str
      mail_to:
        description:
          - To whom cron mails the reason and the last lines of the log when the job fails. The host needs a program
            C(sendmail). Without it, nothing is mailed.
        type: str
      on_failure:
        description:
          - A program and its arguments, run as the job's user when the job fails. It gets the last lines of the log on
            its standard input, and has E(JOB_NAME), E(JOB_EXIT), E(JOB_REASON) and E(JOB_LOG) beside the job's own
            environment.
        type: list
        elements: str
        default: []
"""

EXAMPLES = r"""
- name: Clean up each night
  shipshape.webapp.cron_jobs:
    jobs:
      - name: holibot-cleanup
        at: 0 3 * * *
        user: holibot
        directory: /srv/holibot/current/backend
        environment_file: /srv/holibot/current/backend/.env
        run: [node, scripts/cleanup-chat-sessions.js]
        timeout: 20m

- name: Look after the sessions each Monday, and tell whom it concerns when that fails
  shipshape.webapp.cron_jobs:
    jobs:
      - name: holibot-monitor
        at: 0 9 * * MON
        user: holibot
        directory: /srv/holibot/current/backend
        environment_file: /srv/holibot/current/backend/.env
        run: node scripts/monitor-chat-sessions.js --json | gzip >"/srv/holibot/reports/$(date +%F).json.gz"
        random_delay: 10m
        mail_to: ops@example.com

- name: Have a job no more
  shipshape.webapp.cron_jobs:
    jobs:
      - name: holibot-cleanup
        state: absent
"""

RETURN = r"""
jobs:
  description: The jobs, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the job.
      type: str
    state:
      description: Whether the host has it, or would.
      type: str
    changed:
      description: Whether that is new.
      type: bool
  sample: [{name: holibot-cleanup, state: present, changed: true}]
problems:
  description: What is wrong with the options, or missing on the host, a sentence each.
  returned: failure because of these
  type: list
  elements: str
"""

import pkgutil

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils import _job
from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._cron.usecase import Host, ensure_jobs
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths


def cron_jobs_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    job = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "at": {"type": "str"},
        "user": {"type": "str", "default": "root"},
        "run": {"type": "raw"},
        "directory": {"type": "path"},
        "environment_file": {"type": "path"},
        "environment": {"type": "dict", "default": {}},
        "timeout": {"type": "str", "default": "1h"},
        "grace": {"type": "str", "default": "10s"},
        "random_delay": {"type": "str", "default": "0s"},
        "keep_logs": {"type": "int", "default": 30},
        "lock": {"type": "str"},
        "mail_to": {"type": "str"},
        "on_failure": {"type": "list", "elements": "str", "default": []},
    }
    return ArgumentSpec({"jobs": {"type": "list", "elements": "dict", "required": True, "options": job}})


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **cron_jobs_argument_spec().to_kwargs())
    host = Host(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        paths=HostPaths(),
    )
    program = b"#!/usr/bin/python3 -IS\n" + (pkgutil.get_data(_job.__package__ or "", "_job.py") or b"")
    run(module, lambda: ensure_jobs(module.params["jobs"], program, host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
