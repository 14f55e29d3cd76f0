# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import (
    Application,
    Backend,
    Question,
    read_application,
)
from tests.unit.traffic.fake_host import BATCHES, HEALTH, SHOP, SLOTS, declared


def read(content: object) -> Application:
    return read_application("shop", "/traffic.json", json.dumps(content).encode())


def test_slots() -> None:
    assert read(declared(**SLOTS, **HEALTH)) == Application(
        name="shop",
        flags=SHOP,
        status_port=8099,
        status_host="traffic.shop",
        slots={"blue": [Backend("127.0.0.1", 3001)], "green": [Backend("127.0.0.1", 3002)]},
        batches={},
        health=Question("/health", "shop.example.com"),
        min_healthy=1,
    )


def test_batches() -> None:
    application = read(declared(**{**BATCHES, "batches": {"a-1": ["[::1]:5000", "one:5000"]}}))

    assert [str(backend) for backend in application.batches["a-1"]] == ["[::1]:5000", "one:5000"]
    assert application.batches["a-1"][0] == Backend("::1", 5000)
    assert (application.min_healthy, application.health, application.slots) == (2, None, {})


def test_neither() -> None:
    assert (read(declared()).slots, read(declared()).batches) == ({}, {})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({**declared(), "name": "loans"}, "it is of the application loans and not of shop"),
        ({**declared(), "flags": "/tmp/loans"}, "flags is no path that ends with /shop"),
        ({**declared(), "flags": "tmp/shop"}, "flags is no path that ends with /shop"),
        ({"name": "shop", "flags": SHOP}, "status is missing"),
        (declared(status={"port": 0, "host": "x"}), "0 is no port"),
        (declared(status={"port": 65536, "host": "x"}), "65536 is no port"),
        (declared(health={"path": "/"}), "host is missing"),
        (declared(**SLOTS, **BATCHES), "it has both slots and batches"),
        (declared(slots={"blue": ["a:1"], "red": ["a:2"]}), "the slots are not blue and green"),
        (declared(batches={"../x": ["a:1"]}), "a slot or batch has a name of other characters"),
        (declared(batches={"app1": []}), "app1 has no address"),
        (declared(batches={"app1": ["one"]}), "one is no host:port"),
        (declared(batches={"app1": ["http://one:80"]}), "http://one:80 is no host:port"),
        (declared(batches={"app1": ["one:99999"]}), "99999 is no port"),
        (declared(batches={"app1": [5000]}), "something in it is of another kind"),
        (declared(batches=["app1"]), "something in it is of another kind"),
        ([], "something in it is of another kind"),
    ],
)
def test_what_is_not_understood_is_told(content: object, problem: str) -> None:
    with pytest.raises(FileError) as refused:
        read(content)
    assert refused.value.message.startswith(f"/traffic.json is not understood: {problem}")


def test_what_is_no_json_is_told() -> None:
    for content in (b"{", b"\xff"):
        with pytest.raises(FileError, match="is not understood"):
            read_application("shop", "/traffic.json", content)
