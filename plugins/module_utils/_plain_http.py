# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smallest question over HTTP, for what a server on this host tells of itself without any library.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.shipshape.webapp.plugins.module_utils._types import Network


def get(network: Network, place: tuple[str, int], path: str, *, host: str, timeout: float) -> tuple[int, str]:
    """The status and the text that the server at this place has for a path of this host. Raises HttpError."""
    with network.connect(*place, timeout=timeout) as stream:
        stream.send(question(path, host))
        return answer(stream.receive)


def question(path: str, host: str) -> bytes:
    """What to send; the server ends the connection after its answer."""
    return f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()


def answer(receive: Callable[[], bytes]) -> tuple[int, str]:
    """The status and the text of what is received until nothing comes any more; 0 for what is no HTTP."""
    received = b"".join(iter(receive, b""))
    head, _separator, body = received.partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    is_http = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return int(words[1]) if is_http else 0, body.decode("utf-8", "replace")
