# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import (
    address_of,
    database_argument_spec,
    secrets_of,
)

URL = "mysql://app@localhost/shop"


def test_the_password_beside_the_url_wins() -> None:
    beside = address_of({"database": "mysql://app:within@localhost/shop", "database_password": "beside"})
    within = address_of({"database": "mysql://app:within@localhost/shop", "database_password": None})

    assert beside == Address("mysql", "shop", "localhost", 3306, user="app", password="beside")
    assert within == Address("mysql", "shop", "localhost", 3306, user="app", password="within")


def test_whatever_can_hold_a_secret_is_not_logged() -> None:
    assert {option: spec["no_log"] for option, spec in database_argument_spec().options.items()} == {
        "database": True,
        "database_password": True,
    }


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (URL, []),
        ("sqlite:///srv/shop/shop.db", []),
        ("sqlite:///srv/a@b/shop.db", ["sqlite:///srv/a@b/shop.db"]),
        ("mysql://app:@localhost/shop", []),
        ("mysql://app:plain@localhost/shop", ["mysql://app:plain@localhost/shop", "plain", "plain"]),
        ("mysql://app:a%23b@localhost/shop", ["mysql://app:a%23b@localhost/shop", "a%23b", "a#b"]),
        ("mysql://app:a@b@localhost/shop", ["mysql://app:a@b@localhost/shop", "a@b", "a@b"]),
        # What is special was not encoded, and the password is not where it should be.
        ("mysql://app:12#34@localhost/shop", ["mysql://app:12#34@localhost/shop"]),
        ("mysql://app:12?34@localhost/shop", ["mysql://app:12?34@localhost/shop"]),
        ("mysql://app:12/34@localhost/shop", ["mysql://app:12/34@localhost/shop"]),
        ("mysql://app:[@localhost/shop", ["mysql://app:[@localhost/shop"]),
    ],
)
def test_what_is_secret_in_a_url_is_known(url: str, secrets: list[str]) -> None:
    assert secrets_of({"database": url, "database_password": None}) == secrets
    assert secrets_of({"database": url, "database_password": "beside"}) == [*secrets, "beside"]
