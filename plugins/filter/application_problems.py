# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: application_problems
short_description: What is wrong with an application's file
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Looks through the fields that describe an application, and says everything that is wrong with them, before anything
    is done.
  - Which fields there are, the role P(shipshape.webapp.deployment#role) says. What is in them is judged by the modules
    to which the role hands them, as far as they can do so without looking at a host.
  - A field whose value is not known yet, as a part of it is undefined or null, is not judged.
  - A suite of checks that is given as a path is not read.
positional: _input
options:
  _input:
    description: The fields, by their names that begin with C(app_).
    type: dict
    required: true
seealso:
  - plugin: shipshape.webapp.deployment
    plugin_type: role
"""

EXAMPLES = r"""
- name: Refuse a file that would be understood wrongly
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ lookup('ansible.builtin.file', 'holibot.yml') | from_yaml | shipshape.webapp.application_problems }}"
"""

RETURN = r"""
_value:
  description:
    - A sentence for everything that is wrong, which begins with the path of the field. Elements of lists are counted
      from 1, as the modules do. No sentence holds a value.
  type: list
  elements: str
  sample:
    - "app_migrate.alow_destructive: there is no such field; did you mean allow_destructive?"
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleFilterError
from jinja2 import TemplateError

from ansible_collections.shipshape.webapp.plugins.module_utils._yaml import load_yaml
from ansible_collections.shipshape.webapp.plugins.plugin_utils import application

_ROLE = Path(__file__).resolve().parents[2] / "roles/deployment/meta/argument_specs.yml"

# What the word omit stands for until ansible-core 2.18; since then it is no text.
_OMITTED = "__omit_place_holder__"


def application_problems(fields: object) -> list[str]:
    """What is wrong with an application's fields, a sentence each."""
    if not isinstance(fields, Mapping):
        raise AnsibleFilterError("application_problems takes a mapping of fields to their values.")
    specs: Any = load_yaml(str(_ROLE))
    known = specs["argument_specs"]["main"]["options"]
    given = {str(name): _known(fields, name) for name in fields}
    return application.application_problems(given, known, os.urandom)


def _known(fields: Mapping[Any, Any], name: object) -> Any:
    """The value of the field, or None if any part of it is undefined, which shows only when it is looked at."""
    try:
        value = _plain(fields[name])
        return None if isinstance(value, str) and value.startswith(_OMITTED) else value
    except (AnsibleError, TemplateError):
        return None


def _plain(value: object) -> Any:
    """The value without anything that only Ansible knows of it: where it is from, and that it is to be templated."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else str(value)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By their names."""
        return {"application_problems": application_problems}
