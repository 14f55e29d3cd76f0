#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_notice
short_description: Tell people what a deployment came to
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Posts a message to webhooks of chats, hands a mail to a relay, and marks the deployment in the graphs of monitoring
    services.
  - Who could not be told is a warning and no failure, as a deployment that is good stays good.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Returns the message and sends nothing.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each run tells everybody.
options:
  summary:
    description:
      - The first lines, as M(shipshape.webapp.deployment_record) returns them. The first of all is the mail's subject.
    type: list
    elements: str
    required: true
  changes:
    description:
      - What has changed for those who use the application.
    type: list
    elements: str
    default: []
  how_to_use:
    description:
      - How they use it.
    type: list
    elements: str
    default: []
  known:
    description:
      - What is known not to work yet, and when somebody looks at it again.
    type: list
    elements: str
    default: []
  report:
    description:
      - Where the report is.
    type: str
  webhooks:
    description:
      - Where the message is posted, as Slack takes it, and Mattermost, Rocket.Chat and others that do as Slack.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - How it is called in warnings, because its address is a secret.
        type: str
      url:
        description:
          - The address.
        type: str
        required: true
      extra:
        description:
          - What is said besides the text, such as C(channel) and C(username).
        type: dict
  mail:
    description:
      - The mail, and the relay that takes it.
    type: dict
    suboptions:
      to:
        description:
          - Who gets it.
        type: list
        elements: str
        required: true
      sender:
        description:
          - From whom it is.
        type: str
        required: true
      host:
        description:
          - The relay.
        type: str
        default: localhost
      port:
        description:
          - Its port.
        type: int
        default: 587
      security:
        description:
          - Whether the connection is encrypted from its beginning (V(tls)), once the relay has said that it can
            (V(starttls)), or not at all.
        type: str
        choices: [starttls, tls, none]
        default: starttls
      user:
        description:
          - Who logs in to the relay.
        type: str
      password:
        description:
          - The password for that.
        type: str
  markers:
    description:
      - The monitoring services in whose graphs the deployment is marked.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description:
          - V(datadog) gets an event, V(newrelic) a deployment of an application.
        type: str
        choices: [datadog, newrelic]
        required: true
      key:
        description:
          - The API key.
        type: str
        required: true
      url:
        description:
          - The address of its API, such as V(https://api.datadoghq.eu) or V(https://api.eu.newrelic.com). Without it,
            that in the United States.
        type: str
      application:
        description:
          - The number of the application in New Relic, which needs it.
        type: str
      tags:
        description:
          - Tags of Datadog, such as V(env:production). The O(revision) is there as C(version).
        type: list
        elements: str
  revision:
    description:
      - What was deployed, for O(markers).
    type: str
  timeout:
    description:
      - For how many seconds each of them is waited for.
    type: float
    default: 10
  ca_file:
    description:
      - The file with the certificates that are believed, instead of those of the system.
    type: path
seealso:
  - module: shipshape.webapp.deployment_record
"""

EXAMPLES = r"""
- name: Tell the team
  shipshape.webapp.deployment_notice:
    summary: "{{ written.summary }}"
    changes: [Answers are in the language of the question]
    webhooks:
      - {name: team chat, url: "{{ vault_team_chat }}"}
    mail:
      to: [team@example.com]
      sender: deployments@example.com
      host: relay.example.com
      user: deployments
      password: "{{ vault_relay_password }}"
    markers:
      - {service: datadog, key: "{{ vault_datadog_key }}", tags: [env:production]}
    revision: 8c1f2ab
  delegate_to: localhost
"""

RETURN = r"""
subject:
  description: The subject of the mail.
  returned: success
  type: str
  sample: "holibot: Deployed. Version 2 is live."
text:
  description: The message.
  returned: success
  type: str
told:
  description: Who was told, or would be.
  returned: success
  type: list
  elements: str
  sample: [team chat, mail to team@example.com]
failed:
  description: Who was not told, and why.
  returned: success
  type: list
  elements: str
  sample: ["team chat: The webhook answered with status 404."]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._mail import HostMail
from ansible_collections.shipshape.webapp.plugins.module_utils._notice.marker import SERVICES
from ansible_collections.shipshape.webapp.plugins.module_utils._notice.usecase import Host, Request, secrets_of, tell
from ansible_collections.shipshape.webapp.plugins.module_utils._webhook import HostWebhook


def deployment_notice_argument_spec() -> ArgumentSpec:
    """The options of this module."""
    webhook = {
        "name": {"type": "str"},
        "url": {"type": "str", "required": True},
        "extra": {"type": "dict"},
    }
    mail = {
        "to": {"type": "list", "elements": "str", "required": True},
        "sender": {"type": "str", "required": True},
        "host": {"type": "str", "default": "localhost"},
        "port": {"type": "int", "default": 587},
        "security": {"type": "str", "choices": ["starttls", "tls", "none"], "default": "starttls"},
        "user": {"type": "str"},
        "password": {"type": "str", "no_log": True},
    }
    mark = {
        "service": {"type": "str", "choices": list(SERVICES), "required": True},
        "key": {"type": "str", "required": True, "no_log": True},
        "url": {"type": "str"},
        "application": {"type": "str"},
        "tags": {"type": "list", "elements": "str"},
    }
    return ArgumentSpec(
        {
            "summary": {"type": "list", "elements": "str", "required": True},
            "changes": {"type": "list", "elements": "str", "default": []},
            "how_to_use": {"type": "list", "elements": "str", "default": []},
            "known": {"type": "list", "elements": "str", "default": []},
            "report": {"type": "str"},
            # As a whole: what is secret within an option stands in the host's journal otherwise.
            "webhooks": {"type": "list", "elements": "dict", "default": [], "options": webhook, "no_log": True},
            "mail": {"type": "dict", "options": mail, "no_log": True},
            "markers": {"type": "list", "elements": "dict", "default": [], "options": mark, "no_log": True},
            "revision": {"type": "str"},
            "timeout": {"type": "float", "default": 10},
            "ca_file": {"type": "path"},
        }
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **deployment_notice_argument_spec().to_kwargs())
    options = dict(module.params)
    request = Request(ca=options.pop("ca_file"), **options)
    conceal(module, "webhooks mail markers", secrets_of(request))
    host = Host(HostWebhook(), HostMail())
    run(module, lambda: tell(request, host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
