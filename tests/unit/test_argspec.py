# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec

FIRST = ArgumentSpec(
    {"name": {"type": "str"}, "path": {"type": "path"}, "state": {"type": "str"}},
    mutually_exclusive=[["name", "path"]],
    required_one_of=[["name", "path"]],
    required_if=[["state", "present", ["path"]]],
)
SECOND = ArgumentSpec(
    {"user": {"type": "str"}, "password": {"type": "str", "no_log": True}, "port": {"type": "int"}},
    required_together=[["user", "password"]],
    required_by={"port": ["user"]},
)
THIRD = ArgumentSpec(
    {"host": {}, "socket": {}, "tls": {}},
    mutually_exclusive=[["host", "socket"]],
    required_one_of=[["host", "socket"]],
    required_if=[["tls", True, ["host"]]],
    required_together=[["host", "tls"]],
    required_by={"tls": ["host"]},
)


def test_merged_spec_has_the_options_and_rules_of_all() -> None:
    assert FIRST.merge(SECOND, THIRD).to_kwargs() == {
        "argument_spec": {**FIRST.options, **SECOND.options, **THIRD.options},
        "mutually_exclusive": [["name", "path"], ["host", "socket"]],
        "required_one_of": [["name", "path"], ["host", "socket"]],
        "required_if": [["state", "present", ["path"]], ["tls", True, ["host"]]],
        "required_together": [["user", "password"], ["host", "tls"]],
        "required_by": {"port": ["user"], "tls": ["host"]},
    }


def test_merging_leaves_the_parts_as_they_were() -> None:
    before = [dataclasses.replace(part).to_kwargs() for part in (FIRST, SECOND, THIRD)]

    FIRST.merge(SECOND, THIRD)

    assert [part.to_kwargs() for part in (FIRST, SECOND, THIRD)] == before
    assert FIRST.merge() == FIRST


@pytest.mark.parametrize(
    "other", [ArgumentSpec({"password": {}, "name": {}}), ArgumentSpec({}, required_by={"port": ["host"]})]
)
def test_what_is_declared_twice_is_refused(other: ArgumentSpec) -> None:
    with pytest.raises(ValueError, match=r"^declared twice: (name, password|port)$"):
        FIRST.merge(SECOND, other)


def test_options_of_a_spec_are_all_that_ansible_needs() -> None:
    assert set(FIRST.to_kwargs()) <= set(inspect.signature(AnsibleModule).parameters)
    assert ArgumentSpec({}).to_kwargs() == {
        "argument_spec": {},
        "mutually_exclusive": [],
        "required_one_of": [],
        "required_if": [],
        "required_together": [],
        "required_by": {},
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "a", "user": "b", "password": "c", "port": "1"}, ""),
        ({"name": "a", "path": "/b"}, "mutually exclusive: name|path"),
        ({}, "one of the following is required: name, path"),
        ({"name": "a", "state": "present"}, "state is present but all of the following are missing: path"),
        ({"name": "a", "user": "b"}, "required together: user, password"),
        ({"name": "a", "port": "1"}, "missing parameter(s) required by 'port': user"),
    ],
)
def test_ansible_applies_the_rules_of_all(given: dict[str, Any], told: str) -> None:
    validator = ArgumentSpecValidator(**FIRST.merge(SECOND).to_kwargs())

    messages = validator.validate(given).error_messages

    assert told in " ".join(messages)
    assert len(messages) == bool(told)
