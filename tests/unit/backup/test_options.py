# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.options import (
    name_of,
    terms_argument_spec,
    terms_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address


@pytest.mark.parametrize(
    ("name", "url", "found"),
    [
        (None, "mysql://localhost/shop", "shop"),
        (None, "sqlite:///srv/shop/data/shop.db", "shop"),
        (None, "postgresql://localhost/my%20shop", "my-shop"),
        ("nightly", "mysql://localhost/shop", "nightly"),
        ("", "mysql://localhost/shop", "shop"),
    ],
)
def test_the_name_is_the_database_s_unless_one_is_given(name: str | None, url: str, found: str) -> None:
    assert name_of({"name": name}, parse_address(url)) == found


def test_terms_are_what_the_options_say() -> None:
    params: dict[str, Any] = {"scratch_directory": "/scratch", "timeout": 7, "lock_timeout": 3}

    found = terms_of(params)

    assert (found.scratch, found.timeout, found.lock_timeout) == ("/scratch", 7, 3)
    assert params.keys() | {"name"} == terms_argument_spec().options.keys()


def test_options_and_terms_agree_in_how_long_to_wait_for_locks() -> None:
    assert terms_argument_spec().options["lock_timeout"]["default"] == Terms("/").lock_timeout
