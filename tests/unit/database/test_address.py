# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, Tls, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("sqlite:///srv/a/data.db", Address("sqlite", "/srv/a/data.db")),
        ("sqlite:///srv/my%20app/a%23b.db?mode=ro", Address("sqlite", "/srv/my app/a#b.db")),
        ("file:/srv/a/data.db", Address("sqlite", "/srv/a/data.db")),
        ("mysql://app@db.example/shop", Address("mysql", "shop", "db.example", 3306, None, "app")),
        ("mariadb://app:p%40ss@db:3307/shop", Address("mysql", "shop", "db", 3307, None, "app", "p@ss")),
        (
            "mysql://app@localhost/shop?socket=/run/mysqld/mysqld.sock",
            Address("mysql", "shop", None, None, "/run/mysqld/mysqld.sock", "app"),
        ),
        ("postgresql://db/shop", Address("postgresql", "shop", "db", 5432)),
        ("postgres://app@[::1]:5433/my%20shop", Address("postgresql", "my shop", "::1", 5433, None, "app")),
        (
            "postgresql:///shop?host=/run/postgresql&connect_timeout=3",
            Address("postgresql", "shop", None, None, "/run/postgresql", connect_timeout=3),
        ),
        (
            "postgresql://db/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem&schema=public&connection_limit=5",
            Address("postgresql", "shop", "db", 5432, tls=Tls("verify-full", "/etc/ca.pem"), schema="public"),
        ),
        ("postgresql://db/shop?schema=the%20app", Address("postgresql", "shop", "db", 5432, schema="the app")),
        ("postgresql://db/shop?schema=", Address("postgresql", "shop", "db", 5432)),
        ("mysql://db/shop?schema=app", Address("mysql", "shop", "db", 3306)),
        ("file:/srv/a/data.db?schema=app", Address("sqlite", "/srv/a/data.db")),
        (
            "mysql://db/shop?ssl-mode=VERIFY_IDENTITY&ssl-cert=/etc/c.pem&ssl-key=/etc/k.pem",
            Address("mysql", "shop", "db", 3306, tls=Tls("verify-full", None, "/etc/c.pem", "/etc/k.pem")),
        ),
        (
            "mysql://db/shop?ssl-ca=/etc/ca.pem",
            Address("mysql", "shop", "db", 3306, tls=Tls("verify-ca", "/etc/ca.pem")),
        ),
    ],
)
def test_address(url: str, address: Address) -> None:
    assert parse_address(url) == address


def test_a_password_beside_the_url_wins() -> None:
    assert parse_address("mysql://app:within@db/shop", "beside % @").password == "beside % @"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("oracle://hunter22@db/shop", "does not begin with one of sqlite:, file:, mysql:"),
        ("hunter22", "does not begin with"),
        ("mysql://app:hunter22@[db/shop", "is no URL"),
        ("mysql://app:hunter22/x@db/shop", "is no URL"),
        ("mysql://hunter22@db", "does not end in the name of one database"),
        ("mysql://hunter22@db/a/b", "does not end in the name of one database"),
        ("mysql:///hunter22", "has no host and no socket"),
        ("mysql://db/hunter22%00", "has a NUL in it"),
        ("mysql:///hunter22?socket=run/x", "socket that is no absolute path"),
        ("mysql://db/hunter22?sockte=/x", "sockte. Did you mean socket?"),
        ("mysql://app:1?hunter22@db/shop", "a ? before its host: percent-encode it"),
        ("mysql://db/hunter22?ssl-mode=maybe", "TLS mode that is none of disable, prefer"),
        ("mysql://db/hunter22?ssl-ca=ca.pem", "TLS ca by a path that is not absolute"),
        ("mysql://db/hunter22?connect_timeout=0", "connect_timeout"),
        ("mysql://db/hunter22?connect_timeout=x", "connect_timeout"),
        ("sqlite://hunter22/x.db", "absolute path, as in sqlite:///srv/app/data.db"),
        ("sqlite:hunter22.db", "absolute path"),
        ("sqlite:///srv/hunter22/", "absolute path"),
        ("file:./hunter22.db", "absolute path"),
    ],
)
def test_what_is_no_address_is_refused_and_not_told(url: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_address(url)
    assert problem in refusal.value.message
    assert "hunter22" not in refusal.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///srv/a/data.db", "/srv/a/data.db"),
        ("mysql://app:hunter22@db/shop", "mysql://app@db:3306/shop"),
        ("postgresql:///shop?host=/run/postgresql", "postgresql:///run/postgresql/shop"),
    ],
)
def test_the_password_is_never_shown(url: str, shown: str) -> None:
    address = parse_address(url, "hunter23" if "hunter22" in url else None)
    assert str(address) == shown
    assert "hunter2" not in repr(address)
