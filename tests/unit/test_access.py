# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.shipshape.webapp.plugins.module_utils._access import private_access, private_file_argument_spec
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access

FRAGMENT = Path(__file__).resolve().parents[2] / "plugins/doc_fragments/private_file.py"


def access(**given: Any) -> Access:
    """The access that a module with these options asks for."""
    validated = ArgumentSpecValidator(**private_file_argument_spec().to_kwargs()).validate(given)
    assert not validated.error_messages
    return private_access(validated.validated_parameters)


def test_file_is_private_by_default() -> None:
    assert access() == Access(owner=None, group=None, mode=0o600)


def test_owner_and_group_are_as_given() -> None:
    assert access(owner="ada", group=1234, mode="0640") == Access("ada", "1234", 0o640)


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("'0600'", 0o600),
        ("'600'", 0o600),
        ("'0o600'", 0o600),
        ("'0660'", 0o660),
        ("'0400'", 0o400),
        ("'0770'", 0o770),
    ],
)
def test_mode_is_read_as_octal(written: str, mode: int) -> None:
    assert access(mode=yaml.safe_load(written)).mode == mode


@pytest.mark.parametrize(
    "written",
    [
        "0600",
        "0640",
        "600",
        "640",
        "1.5",
        "-384",
        "true",
        "null",
        "[1]",
        "''",
        "'0800'",
        "'1600'",
        "'4700'",
        "'-600'",
        "'u=rw'",
    ],
)
def test_what_is_no_mode_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        private_access({"owner": None, "group": None, "mode": yaml.safe_load(written)})

    assert caught.value.details == {"problems": ['mode is not a quoted octal number such as "0600".']}


@pytest.mark.parametrize("digits", ["0604", "0642", "0641", "0777", "644"])
def test_mode_that_lets_everybody_in_is_refused(digits: str) -> None:
    with pytest.raises(InvalidInput, match=f"mode {int(digits, 8):04o} opens the file to every user of the host"):
        access(mode=digits)


def test_options_are_those_that_are_documented() -> None:
    source = FRAGMENT.read_text(encoding="utf-8")
    documented = yaml.safe_load(source.split('r"""')[1].split('"""')[0])["options"]

    wanted = {name: {"type": o["type"], "default": o.get("default")} for name, o in documented.items()}
    spec = private_file_argument_spec().options
    assert {name: {"type": o["type"], "default": o.get("default")} for name, o in spec.items()} == wanted
