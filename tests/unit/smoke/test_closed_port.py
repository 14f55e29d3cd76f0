# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kinds tell that need a server where there is none; that of `tcp` sees it as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.redis import Redis
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.socketio import SocketIo
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tls import Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.websocket import WebSocket
from tests.unit.smoke.sockets import closed_port, observe


@pytest.mark.parametrize(
    ("kind", "options", "scheme"),
    [
        (Redis(), {"url": "redis://:hunter2@{place}"}, "tcp"),
        (SocketIo(), {"auth": {"token": "hunter2"}, "eio": 3}, "tcp"),
        (Tls(), {"address": "{place}"}, "tls"),
        (WebSocket(), {"url": "ws://ada:hunter2@{place}/?token=hunter2"}, "tcp"),
    ],
)
def test_closed_port_is_not_seen_and_no_secret_told(kind: Kind, options: dict[str, Any], scheme: str) -> None:
    place = f"127.0.0.1:{closed_port()}"
    given: dict[str, Any] = {
        name: value.format(place=place) if isinstance(value, str) else value for name, value in options.items()
    }

    with pytest.raises(HttpError) as caught:
        observe(kind, Setting(base_url=f"http://{place}"), **given)

    assert caught.value.message == (
        f"{scheme} {place} has no connection: nothing listens there. Start the server, or correct the port."
    )
