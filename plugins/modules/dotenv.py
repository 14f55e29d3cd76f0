#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: dotenv
short_description: Write an application's environment file from a schema
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Writes the environment file (C(.env)) of an application from a schema and values, and refuses to write one that is
    incomplete, weak or still has a placeholder in it. All problems are told at once, by name and without the values.
  - What is written reads back identically in npm's dotenv, Node's C(--env-file), systemd's C(EnvironmentFile) and a
    POSIX shell. A value that one of them would read differently is refused, with the reason.
  - The file is replaced at once and is private from its first byte. Comments in a file that somebody else wrote are not
    kept.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.private_file
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Names the variables that come, change and go. The values of secrets, of URLs that carry a password, and of
        variables that the schema does not know are never shown.
  idempotent:
    support: full
    details:
      - A secret that the module makes is made once and kept.
options:
  path:
    description:
      - The file, as an absolute path. Its directory must exist.
      - A symbolic link is refused, because it could lead out of the application's directory.
    type: path
    required: true
  schema:
    description:
      - The variables, in the order in which they are written. Each name has a dictionary of limits, which can be empty.
      - "V(type) is one of V(string) (the default), V(integer), V(number), V(boolean), V(url), V(email), V(emails),
        V(list), V(port), V(path), V(choice) (the default if there are V(choices)) and V(secret)."
      - "All types take V(required) (V(false) by default), V(default), V(description) (a comment above the variable),
        V(refuse) (values that must not be used, such as published defaults) and V(secret) (V(true) hides the value of
        another type)."
      - "V(string): V(min_length), V(max_length), V(pattern) (a regular expression for the whole value)."
      - "V(integer) and V(number): V(min), V(max). V(choice): V(choices). V(path): V(absolute), V(pattern)."
      - "V(url): V(scheme) (one or a list), V(pattern). V(email): V(pattern). V(list) and V(emails): V(separator) (a
        comma by default); V(list) also V(pattern), for each item."
      - "V(secret): V(min_length), V(max_length), V(pattern), V(encoding) (V(hex), V(base64), V(plain), or V(auto), the
        default), V(min_entropy) (bytes of chance after decoding: 32 means 256 bits) and V(generate)."
      - With V(generate), a secret that is not given is made from the system's random source, at least 32 bytes, and
        kept afterwards.
      - Placeholders such as C(<your-key>), C(your-domain.com), C([PRODUCTION_PASSWORD]), C(changeme) and C(REPLACE_ME)
        are refused in every type.
    type: dict
    required: true
  values:
    description:
      - The value of each variable. What is V(null) counts as not given.
      - A value that is given here wins over the schema's default and over what the file holds.
    type: dict
    default: {}
  unknown:
    description:
      - What to do with variables that the schema does not know, given or found in the present file.
      - V(refuse) tells their names and writes nothing, V(keep) writes them behind the others, V(drop) leaves them out.
    type: str
    choices: [refuse, keep, drop]
    default: refuse
  return_secrets:
    description:
      - Return the secrets that have V(generate), so that the other hosts of a fleet can take the same ones.
      - The task must have C(no_log=true).
    type: bool
    default: false
seealso:
  - module: ansible.builtin.template
"""

EXAMPLES = r"""
- name: Write the environment of FaceShot
  shipshape.webapp.dotenv:
    path: /srv/faceshot/shared/.env
    owner: faceshot
    group: faceshot
    schema:
      NODE_ENV: {choices: [production]}
      PORT: {type: port, default: 3000}
      DB_PATH: {type: path, required: true, absolute: true}
      SESSION_SECRET: {type: secret, min_entropy: 32, generate: true}
      FRONTEND_URL: {type: url, scheme: https, required: true}
      STRIPE_SECRET_KEY: {type: secret, required: true}
      ADMIN_EMAILS: {type: emails, required: true}
      COST_PER_CREDIT: {type: number, min: 0, default: 0.0111}
    values:
      NODE_ENV: production
      DB_PATH: /srv/faceshot/shared/data/faceshot.db
      FRONTEND_URL: https://faceshot.example.com
      STRIPE_SECRET_KEY: "{{ vault_faceshot_stripe_secret_key }}"
      ADMIN_EMAILS: [ada@example.com, grace@example.com]

- name: Refuse the key that the guide published
  shipshape.webapp.dotenv:
    path: /srv/carloans/shared/.env
    schema:
      INTERNAL_API_KEY: {type: secret, required: true, min_entropy: 32, refuse: [ccl-internal-2025]}
    values:
      INTERNAL_API_KEY: "{{ vault_carloans_internal_api_key }}"

# A fleet with common secrets: the first host makes them, and every host takes them from it.
- name: Have the first host make the common secrets
  shipshape.webapp.dotenv:
    path: /srv/carloans/shared/.env
    schema: "{{ carloans_schema }}"
    values: "{{ carloans_values }}"
    return_secrets: true
  register: carloans_first
  run_once: true
  no_log: true

- name: Write the environment on every host
  shipshape.webapp.dotenv:
    path: /srv/carloans/shared/.env
    schema: "{{ carloans_schema }}"
    values: "{{ carloans_values | combine(carloans_first.secrets) }}"

- name: Take over a file that was written by hand, with all that it holds
  shipshape.webapp.dotenv:
    path: /srv/holibot/shared/.env
    schema:
      PORT: {type: port, default: 3002}
    unknown: keep
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /srv/faceshot/shared/.env
fingerprint:
  description: What tells the file's content from another, without telling what it is.
  returned: success
  type: str
  sample: 2c26b46b
changes:
  description: The names of the variables that came, changed and went, or would in check mode.
  returned: success
  type: dict
  contains:
    added:
      description: Names that the file did not hold.
      type: list
      elements: str
    changed:
      description: Names whose value is another now.
      type: list
      elements: str
    removed:
      description: Names that the file no longer holds.
      type: list
      elements: str
  sample: {added: [SESSION_SECRET], changed: [PORT], removed: []}
dropped:
  description: The names that were left out because the schema does not know them and O(unknown=drop).
  returned: success
  type: list
  elements: str
generated:
  description: The names of the secrets that were made in this run.
  returned: success
  type: list
  elements: str
  sample: [SESSION_SECRET]
secrets:
  description: The secrets that have V(generate), by name. In check mode new ones stand for those that a real run makes.
  returned: success, with O(return_secrets=true)
  type: dict
problems:
  description: What is wrong with the schema or the values, a sentence each.
  returned: failure because of the schema or the values
  type: list
  elements: str
  sample: [SESSION_SECRET is too weak.]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._access import private_access, private_file_argument_spec
from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.plan import UNKNOWN, confidential_texts
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.usecase import Request, ensure_environment
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


def dotenv_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    return ArgumentSpec(
        {
            "path": {"type": "path", "required": True},
            "schema": {"type": "dict", "required": True},
            "values": {"type": "dict", "default": {}, "no_log": True},
            "unknown": {"type": "str", "choices": list(UNKNOWN), "default": "refuse"},
            "return_secrets": {"type": "bool", "default": False, "no_log": False},
        }
    )


def main() -> None:
    spec = dotenv_argument_spec().merge(private_file_argument_spec())
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    schema, values = module.params["schema"], module.params["values"]
    conceal(module, "values", confidential_texts(schema, values))

    def use_case() -> Result:
        request = Request(
            path=module.params["path"],
            schema=schema,
            values=values,
            unknown=module.params["unknown"],
            access=private_access(module.params),
            return_secrets=module.params["return_secrets"],
            is_result_hidden=module.no_log,
        )
        return ensure_environment(
            request, files=HostFiles(), locks=HostLocks(), random=os.urandom, check_mode=module.check_mode
        )

    run(module, use_case)


if __name__ == "__main__":
    main()
