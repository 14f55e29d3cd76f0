# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tcp import Tcp
from tests.unit.smoke.sockets import closed_port, observe, problems, serving, until_closed, without_ms


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_on_which_somebody_listens_is_open(host: str) -> None:
    with serving(until_closed, host=host) as port:
        place = f"[::1]:{port}" if host == "::1" else f"127.0.0.1:{port}"
        for options in ({"address": place}, {"host": host, "port": port}):
            seen = observe(Tcp(), **options)

            assert without_ms(seen.values) == {"open": True, "reason": None}
            assert seen.told == f"tcp {place} is open."


def test_port_on_which_nobody_listens_is_closed() -> None:
    port = closed_port()

    seen = observe(Tcp(), address=f"127.0.0.1:{port}")

    assert without_ms(seen.values) == {"open": False, "reason": "refused"}
    assert seen.told == (
        f"tcp 127.0.0.1:{port} has no connection: nothing listens there. Start the server, or correct the port."
    )


class Silent:
    """A network in which nothing comes back, or that fails for another reason."""

    def __init__(self, reason: str = "timeout") -> None:
        self._reason = reason
        self.timeouts: list[float] = []

    def connect(self, *_: object, timeout: float, **__: object) -> None:
        self.timeouts.append(timeout)
        raise HttpError("tcp example.com:80 has no connection: so it is.", reason=self._reason)


def test_port_that_is_silent_is_closed() -> None:
    network = Silent()

    seen = observe(Tcp(), Setting(timeout=7), network, address="example.com:80")  # type: ignore[arg-type]  # a part
    observe(Tcp(), Setting(timeout=7), network, address="example.com:80", timeout="500ms")  # type: ignore[arg-type]

    assert without_ms(seen.values) == {"open": False, "reason": "timeout"}
    assert seen.told == "tcp example.com:80 has no connection: so it is."
    assert network.timeouts == [7, 0.5]


@pytest.mark.parametrize("reason", ["dns", "connection"])
def test_what_is_not_the_server_s_doing_proves_nothing(reason: str) -> None:
    with pytest.raises(HttpError, match="so it is"):
        observe(Tcp(), network=Silent(reason), address="example.com:80")  # type: ignore[arg-type]  # a part of one


def test_unknown_host_proves_nothing() -> None:
    with pytest.raises(HttpError) as caught:
        observe(Tcp(), address="name.invalid:80")

    assert caught.value.message == (
        "tcp name.invalid:80 has no connection: its host name is not known to the DNS. Check the name, and the DNS of"
        " this host."
    )


NO_ADDRESS = "This is no host:port, such as example.com:443 or [::1]:443."
NO_PORT = "A port is a number from 1 to 65535."
NOT_BOTH = "Give host:port, or host and port, and not both."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"address": "example.com:1"}, []),
        ({"address": "[::1]:65535"}, []),
        ({"host": "::1", "port": 80}, []),
        ({}, ["Give host:port, or host and port."]),
        ({"port": 80}, ["Give host:port, or host and port."]),
        ({"host": "example.com"}, ["port is missing."]),
        ({"address": "example.com:80", "port": 80}, [NOT_BOTH]),
        ({"address": "example.com:80", "host": "example.com"}, [NOT_BOTH]),
        ({"address": "example.com"}, [NO_ADDRESS]),
        ({"address": "::1:80"}, [NO_ADDRESS]),
        ({"address": "https://example.com:443"}, [NO_ADDRESS]),
        ({"address": "example.com:http"}, [NO_ADDRESS]),
        ({"address": "example.com:0"}, [NO_PORT]),
        ({"address": "example.com:65536"}, [NO_PORT]),
        ({"host": "example.com", "port": 65536}, [NO_PORT]),
    ],
)
def test_address_is_judged(options: dict[str, object], told: list[str]) -> None:
    assert problems(Tcp(), **options) == told


def test_open_is_expected() -> None:
    assert Tcp().default({}) == {"open": True}
    assert Tcp().only_reads({})
