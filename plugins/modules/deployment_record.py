#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_record
short_description: Write down what a deployment came to
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Writes C(record.json) for machines and C(report.html) for people into a directory of the deployment's own, and gives
    the same in a few lines.
  - The report is one page that needs nothing beside it, on a screen, on a phone and on paper.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  directory:
    description:
      - Where the directories of all deployments are. It is made unless it is there.
    type: path
    required: true
  facts:
    description:
      - What is known of the deployment. C(docs/record.md) lists every fact.
    type: dict
    required: true
notes:
  - Both files can be read by whoever writes them only, as evidence can hold what an application shows to its users.
  - Run it on the controller, with C(delegate_to).
seealso:
  - module: shipshape.webapp.deployment_lock
"""

EXAMPLES = r"""
- name: Write down what the deployment came to
  shipshape.webapp.deployment_record:
    directory: "{{ playbook_dir }}/records"
    facts:
      application: holibot
      deployment: 20261122T071500Z-4f2a
      verdict: good
      sentence: Version 2 is live.
      began: "2026-11-22T07:15:00Z"
      ended: "2026-11-22T07:17:05Z"
      availability: "{{ availability.measured }}"
  delegate_to: localhost
"""

RETURN = r"""
record:
  description: The file for machines.
  returned: success
  type: str
  sample: records/20261122T071500Z-4f2a/record.json
report:
  description: The file for people.
  returned: success
  type: str
  sample: records/20261122T071500Z-4f2a/report.html
summary:
  description: The same in a few lines.
  returned: success
  type: list
  elements: str
  sample: ["holibot: Deployed. Version 2 is live.", "Took: 125 s"]
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._record.usecase import Host, write_record
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


def deployment_record_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    return ArgumentSpec(
        {
            "directory": {"type": "path", "required": True},
            "facts": {"type": "dict", "required": True},
        }
    )


def writing(given: Mapping[str, Any], *, check_mode: bool) -> Result:
    """Write it down with these options."""
    return write_record(given["facts"], given["directory"], Host(HostFiles(), HostFolders()), check_mode=check_mode)


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **deployment_record_argument_spec().to_kwargs())
    run(module, lambda: writing(module.params, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
