#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_priority
short_description: Have the API credentials of an application in a declared order
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - An application that keeps credentials of several providers in a table, and uses the one with the lowest priority
    first, gets the priorities and the credentials that are declared, in SQLite, MySQL, MariaDB or PostgreSQL, or
    through its own admin API.
  - In a database all of it is one transaction, in which nobody else can write to the table. What is written is read
    again, and if anything is not as planned, all of it is undone. Rows that are not mentioned stay as they are.
  - An API has no transactions. A failure in the middle says which changes are done and which are pending, and another
    run goes on from there.
  - Keys and secrets are never read from a database, which compares them itself, and are never shown.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.database
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the order before and after. Of keys it tells only that they are other ones.
  idempotent:
    support: partial
    details:
      - With O(update_keys), keys that an API does not show are sent by every run.
options:
  database:
    required: false
  lock_timeout:
    description:
      - How many seconds to wait for locks of others in the database.
    type: int
    default: 10
  table:
    description:
      - The table, by name or C(schema.name).
    type: str
    default: api_credentials
  columns:
    description:
      - "What the columns are called, where it is not as usual: C(id), C(name), C(provider), C(priority), C(key)
        (C(api_key)), C(secret) (C(api_secret)), C(endpoint), C(rate_limit), C(active) (C(is_active)), C(global)
        (C(is_global)), C(user) (C(user_id)), C(created_at), C(updated_at)."
      - The first four must be there, and those that are named here or in O(credentials). The last two are kept up in
        the form in which they are, if they are there.
    type: dict
    default: {}
  api:
    description:
      - The admin API of the application. Without O(database), the credentials are read and changed there. With it,
        O(verify) asks there. One of the two is needed.
      - An application that encrypts keys is to be given them here, and not in its table.
    type: dict
    suboptions:
      url:
        description: The address of the collection, such as V(http://localhost:4000/api/admin/credentials).
        type: str
        required: true
      bearer:
        description: The token of an administrator.
        type: str
      basic:
        description: In its place, a login.
        type: dict
        suboptions:
          user:
            description: The user.
            type: str
            required: true
          password:
            description: The password.
            type: str
            required: true
      headers:
        description: Headers to send, for other kinds of identity.
        type: dict
      ca:
        description: A file with the authorities whose certificates are believed, in place of those of the system.
        type: path
      validate_certs:
        description: Whether certificates are verified.
        type: bool
        default: true
      timeout:
        description: How many seconds an answer may take.
        type: int
        default: 10
      update_method:
        description: How a credential is changed. V(PUT) sends the whole of it as it was read, V(PATCH) only what
          changes.
        type: str
        choices: [PATCH, PUT]
        default: PUT
      items:
        description: Where the list stands in the answer, as dotted names such as V(data.items). By default it is the
          answer.
        type: str
      fields:
        description:
          - "What the fields are called, where it is not as usual: C(id), C(name), C(provider), C(priority), C(key)
            (C(apiKey)), C(secret) (C(apiSecret)), C(endpoint), C(rate_limit) (C(rateLimit)), C(active) (C(isActive)),
            C(global) (C(isGlobal)), C(user) (C(userId))."
        type: dict
        default: {}
  priorities:
    description:
      - The priority of each provider, as a whole number from 0 on. The lowest is used first.
    type: dict
  order:
    description:
      - In its place, the providers in their order. They get 10, 20, 30 and so on.
    type: list
    elements: str
  only_default:
    description:
      - Give the priority of their provider only to those credentials that have the default of the column, or 100 if it
        has none. What somebody has set otherwise stays, also what is no number at all.
      - By default every credential of a named provider gets its priority.
      - A priority in O(credentials) is always given.
    type: bool
    default: false
  credentials:
    description:
      - Credentials that are to be there, or not, by their names. What is not given stays.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name, which only one credential may have.
        type: str
        required: true
      state:
        description: Whether it is there, and whether the application may use it. V(present) leaves it as active as it
          is. A new one is active unless it is to be V(inactive).
        type: str
        choices: [present, absent, active, inactive]
        default: present
      provider:
        description: The provider. A new credential needs it.
        type: str
      priority:
        description: A priority of its own, in place of that of its provider.
        type: raw
      key:
        description: The key.
        type: str
      secret:
        description: The secret that belongs to the key.
        type: str
      endpoint:
        description: The address of the provider.
        type: str
      rate_limit:
        description: How many requests the provider allows.
        type: int
      global:
        description: Whether it is for everybody. A new one is, unless O(credentials[].user) is given.
        type: bool
      user:
        description: The id of the user for whom alone it is.
        type: str
  update_keys:
    description:
      - Send the declared keys also where nothing tells whether they differ, because the API does not show them.
    type: bool
    default: false
  strict:
    description:
      - Refuse providers that no credential is of, and credentials of providers that have no priority, where
        O(priorities) or O(order) is given. Without it, the first is a warning.
    type: bool
    default: false
  allow_ties:
    description:
      - Let two providers have the same priority.
    type: bool
    default: false
  verify:
    description:
      - Prove by the answers of the application (O(api)) that the order is in force, all credentials together and for
        each provider by itself (C(?provider=)).
      - In check mode it asks only if there is nothing to change.
    type: bool
    default: false
requirements:
  - requests, for O(api)
seealso:
  - module: shipshape.webapp.migrate
  - module: shipshape.webapp.smoke_check
"""

EXAMPLES = r"""
- name: Give the providers of StackLens their priorities, where nobody has set others
  shipshape.webapp.credential_priority:
    database: sqlite:///srv/stacklens/shared/data/production.db
    priorities: {gemini: 10, groq: 20, openrouter: 30, openai: 40, anthropic: 50}
    only_default: true

- name: Have these credentials, and prove that the application uses them in this order
  shipshape.webapp.credential_priority:
    api:
      url: http://localhost:4000/api/admin/credentials
      bearer: "{{ vault_stacklens_admin_token }}"
    order: [gemini, groq, openai]
    credentials:
      - {name: Gemini-Prod, provider: gemini, key: "{{ vault_gemini_key }}", state: active}
      - {name: OpenAI-Old, state: inactive}
      - {name: Groq-Test, state: absent}
    verify: true

- name: A table of another application
  shipshape.webapp.credential_priority:
    database: postgresql://shop@localhost/shop
    database_password: "{{ vault_shop_db_password }}"
    table: billing.gateways
    columns: {provider: kind, priority: rank, key: token, active: enabled}
    order: [stripe, paypal]
    strict: true
"""

RETURN = r"""
before:
  description: The credentials before, in the order in which an application uses them, by priority and then by id.
  returned: success
  type: list
  elements: dict
  contains: &credential
    id:
      description: What identifies it; none if it is not made yet.
      type: raw
    name:
      description: Its name.
      type: str
    provider:
      description: Its provider.
      type: str
    priority:
      description: Its priority; none if what is kept is no whole number.
      type: int
    active:
      description: Whether the application may use it.
      type: bool
    global:
      description: Whether it is for everybody.
      type: bool
    user:
      description: For whom it is otherwise.
      type: raw
    has_key:
      description: Whether it has a key; none if that cannot be known.
      type: bool
after:
  description: The same as it is now, or would be.
  returned: success
  type: list
  elements: dict
  contains: *credential
first:
  description: The name of the credential that is used first. It is global, active and has a key.
  returned: success
  type: str
  sample: Gemini-Prod
fallbacks:
  description: The names of those that come after it, in their order.
  returned: success
  type: list
  elements: str
ties:
  description: Credentials of different providers that have the same priority.
  returned: success
  type: list
  elements: dict
  contains:
    priority:
      description: The priority.
      type: int
    names:
      description: Their names.
      type: list
      elements: str
passed_over:
  description: What would come before O(ignore:first) and cannot be used.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    why:
      description: Why, V(inactive) or V(no key).
      type: str
without_row:
  description: The providers that have a priority, and no credential.
  returned: success
  type: list
  elements: str
counts:
  description: How many credentials there are.
  returned: success
  type: dict
  contains:
    before:
      description: How many there were.
      type: int
    after:
      description: How many there are now.
      type: int
changes:
  description: What was changed, or would be. After a failure with an API, what is done.
  returned: success, and when an API fails in the middle
  type: list
  elements: dict
  contains: &change
    name:
      description: The name of the credential.
      type: str
    provider:
      description: Its provider.
      type: str
    action:
      description: What was done, V(created), V(updated) or V(deleted).
      type: str
    fields:
      description: Which of its fields, by the words of O(credentials).
      type: list
      elements: str
pending:
  description: What is still to be done.
  returned: when an API fails in the middle
  type: list
  elements: dict
  contains: *change
key_compared_by:
  description: What was compared in place of the keys, where the API does not show them.
  returned: when a key is declared that cannot be compared as a whole
  type: str
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.database import TableBackend
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.options import (
    api_of,
    credentials_argument_spec,
    place_of,
    secrets_of,
    shown_place,
    wanted_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import Wanted
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.usecase import ensure_credentials
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

if TYPE_CHECKING:
    from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import ApiBackend


def table_backend(params: dict[str, Any], wanted: Wanted) -> TableBackend:
    """The table in the database."""
    host, place = this_host(), place_of(params, wanted)
    engine = ENGINES[place.address.engine]
    return TableBackend(place, connect=host.connect, engine=engine, now=host.now, random=host.random)


def api_backend(params: dict[str, Any]) -> ApiBackend:
    """The API, whose code a host compiles only for those who use it."""
    from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import ApiBackend
    from ansible_collections.shipshape.webapp.plugins.module_utils._http import HostHttp

    api = api_of(params)
    return ApiBackend(api, HostHttp().session(api.trust))


def prover(api: ApiBackend) -> Callable[..., None]:
    """What proves that the application has what is planned."""
    from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.verify import verify

    return lambda expected: verify(api, expected)


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **credentials_argument_spec().to_kwargs())
    params = dict(module.params)

    def use_case() -> Result:
        wanted = wanted_of(params)
        backend = table_backend(params, wanted) if params["database"] else api_backend(params)
        prove = prover(api_backend(params)) if params["verify"] else None
        place = shown_place(params)
        return ensure_credentials(wanted, place, backend=backend, prove=prove, check_mode=module.check_mode)

    conceal(module, "database database_password api credentials", secrets_of(params))
    run(module, use_case)


if __name__ == "__main__":
    main()
