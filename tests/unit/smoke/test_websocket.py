# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.frames import BINARY, CLOSE, PING, PONG, TEXT
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.websocket import OpenSocket, WebSocket
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust
from tests.unit.smoke.sockets import (
    OVER,
    Peer,
    Talk,
    certificate,
    observe,
    problems,
    read_until,
    serving,
    talking,
    wire,
    without_ms,
    world,
)

OPEN = {"status": 101, "connected": True, "reply": None, "reason": None}


def refusing(answer: bytes, *, rest: bytes = b"", is_left_open: bool = False) -> Talk:
    def talk(client: socket.socket) -> None:
        read_until(client, b"\r\n\r\n")
        client.sendall(answer)
        if rest:
            client.sendall(rest)
        if is_left_open:
            client.recv(1)

    return talk


def test_socket_is_opened_and_closed_again() -> None:
    heard: list[str] = []

    def talk(peer: Peer) -> None:
        heard.append(peer.request)
        peer.switch()
        while peer.hear():
            pass

    with serving(talking(talk, heard)) as port:
        seen = observe(WebSocket(), Setting(base_url=f"http://127.0.0.1:{port}/app"), url="/live?room=1")

    assert without_ms(seen.values) == OPEN
    assert seen.told == f"ws://127.0.0.1:{port}/app/live is connected."
    assert heard[0].startswith(f"GET /app/live?room=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")
    assert heard[1:] == [OVER, "end"]


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_identity_and_headers_and_protocols_are_shown(scheme: str) -> None:
    requests: list[str] = []

    def talk(peer: Peer) -> None:
        requests.append(peer.request)
        peer.switch(headers="Sec-WebSocket-Protocol: v1\r\n")

    with serving(talking(talk, [])) as port:
        setting = Setting(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "Bearer token", "X-A": "1"})
        url = f"{scheme}://127.0.0.1:{port}/live"
        seen = observe(WebSocket(), setting, url=url, headers={"x-a": 2}, protocols=["v2", "v1"])
        observe(WebSocket(), setting, url=url.replace("127.0.0.1", "localhost"), protocols="v1")

    assert seen.values["connected"] is True
    assert "\r\nAuthorization: Bearer token\r\n" in requests[0]
    assert "\r\nx-a: 2\r\n" in requests[0]
    assert "X-A" not in requests[0]
    assert "\r\nSec-WebSocket-Protocol: v2, v1\r\n" in requests[0]
    # It is another server's now.
    assert "Bearer" not in requests[1]


@pytest.mark.parametrize(
    ("send", "heard", "said", "message"),
    [
        ("hello", "1 hello", wire(TEXT, b"hi there"), "hi there"),
        ({"type": "ping"}, '1 {"type": "ping"}', wire(TEXT, b'{"type": "pong"}'), {"type": "pong"}),
        ("", "1 ", wire(TEXT, b""), ""),
        ("x" * 200, "1 " + "x" * 200, wire(BINARY, b"[1]"), [1]),
        (
            "parts",
            "1 parts",
            wire(TEXT, b"a", is_last=False) + wire(PONG, b"") + wire(0, b"b"),
            "ab",
        ),
    ],
)
def test_answer_to_what_is_sent_is_seen(send: object, heard: str, said: bytes, message: object) -> None:
    noted: list[str] = []

    def talk(peer: Peer) -> None:
        peer.switch()
        peer.hear()
        peer.send(said)
        peer.hear()

    with serving(talking(talk, noted)) as port:
        seen = observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", send=send)

    assert without_ms(seen.values) == {**OPEN, "message": message}
    assert seen.told.startswith(f"ws://127.0.0.1:{port}/ sent: ")
    assert noted == [heard, OVER]


def test_message_that_comes_with_the_answer_is_seen_and_pings_are_answered() -> None:
    heard: list[str] = []

    def talk(peer: Peer) -> None:
        peer.switch(wire(PING, b"there?"))
        peer.hear()
        peer.send(wire(TEXT, b"welcome " + b"x" * 300))
        peer.hear()

    with serving(talking(talk, heard)) as port:
        seen = observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", wait="5s")

    assert seen.values["message"] == "welcome " + "x" * 300
    assert seen.told == f"ws://127.0.0.1:{port}/ sent: welcome {'x' * 192}…"
    assert heard == ["a there?", OVER]


@pytest.mark.parametrize("chatter", [b"", wire(PONG, b"")])
def test_message_that_does_not_come_is_not_there(chatter: bytes) -> None:
    def talk(peer: Peer) -> None:
        peer.switch(chatter)
        peer.hear()

    with serving(talking(talk, [])) as port:
        seen = observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", wait="100ms")

    assert without_ms(seen.values) == OPEN
    assert seen.told == f"ws://127.0.0.1:{port}/ is connected and sent nothing within 0.1 s."


def test_server_that_never_stops_saying_nothing_is_not_listened_to_for_ever() -> None:
    class Chatty:
        def __init__(self) -> None:
            self.left = 100

        def receive(self, _timeout: float) -> bytes:
            assert self.left
            self.left -= 1
            return wire(PONG, b"")

    patient = replace(world(), clock=count().__next__)

    assert OpenSocket(Chatty(), "ws://example.com/", patient, b"").receive(10) is None  # type: ignore[arg-type]  # a part


def test_server_that_is_gone_need_not_be_told_that_it_is_over() -> None:
    class Broken:
        def send(self, _data: bytes) -> None:
            raise HttpError("tcp has gone.", reason="connection")

    OpenSocket(Broken(), "ws://example.com/", world(), b"").close()  # type: ignore[arg-type]  # a part of one


def test_nothing_is_waited_for_if_nothing_is_asked() -> None:
    def talk(peer: Peer) -> None:
        peer.switch(wire(TEXT, b"welcome"))
        peer.hear()

    with serving(talking(talk, [])) as port:
        for send in (None, "x"):
            assert (
                "message" not in observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", send=send, wait=send and 0).values
            )


def test_server_that_closes_at_once_has_not_taken_the_connection() -> None:
    heard: list[str] = []

    def talk(peer: Peer) -> None:
        peer.switch(wire(CLOSE, b"\x0f\xa1no token"))
        peer.hear()

    with serving(talking(talk, heard)) as port:
        seen = observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", wait="5s")

    assert without_ms(seen.values) == {
        "status": 101,
        "connected": False,
        "reply": {"code": 4001, "reason": "no token"},
        "reason": "closed with 4001",
    }
    assert seen.told == f"ws://127.0.0.1:{port}/ was closed by the server with 4001: no token"


@pytest.mark.parametrize(
    ("talk", "status", "reply", "told"),
    [
        (
            refusing(
                b'HTTP/1.1 401 Unauthorized\r\nContent-Length: 15\r\n\r\n{"error"', rest=b': "no"}', is_left_open=True
            ),
            401,
            {"error": "no"},
            'answered 401: {"error": "no"}',
        ),
        (refusing(b"HTTP/1.1 403 Forbidden\r\n\r\nsorry"), 403, "sorry", "answered 403: sorry"),
        (refusing(b"HTTP/1.1 404 Not Found\r\n\r\n", is_left_open=True), 404, "", "answered 404 without a body."),
        (
            refusing(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\nshort"),
            400,
            "short",
            "answered 400: short",
        ),
        (
            refusing(b"HTTP/1.1 301 Moved\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9000, is_left_open=True),
            301,
            "x" * 4096,
            f"answered 301: {'x' * 200}…",
        ),
    ],
)
def test_refusal_is_seen(talk: Talk, status: int, reply: object, told: str) -> None:
    with serving(talk) as port:
        seen = observe(WebSocket(), url=f"ws://127.0.0.1:{port}/live?token=hunter2")

    assert without_ms(seen.values) == {
        "status": status,
        "connected": False,
        "reply": reply,
        "reason": "the upgrade was refused",
    }
    assert seen.told == f"GET ws://127.0.0.1:{port}/live {told}"


def test_refusal_whose_body_does_not_come_is_seen_all_the_same() -> None:
    talk = refusing(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nno", is_left_open=True)

    with serving(talk) as port:
        seen = observe(WebSocket(), Setting(timeout=0.1), url=f"ws://127.0.0.1:{port}/")

    assert (seen.values["status"], seen.values["reply"]) == (401, "no")


def test_bytes_that_are_no_text_are_sent_as_they_are() -> None:
    heard: list[str] = []

    def talk(peer: Peer) -> None:
        heard.append(peer.request.encode(errors="surrogateescape").hex())
        peer.switch()
        peer.hear()

    with serving(talking(talk, heard)) as port:
        observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", headers={"x": "\udcff"}, send="\udcff", wait=0)

    assert b"\r\nx: \xff\r\n".hex() in heard[0]
    assert heard[1] == "1 \\xff"


ADVICE = "Look whether the address is right, and what stands in between."


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (
            refusing(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad"),
            "The server or its proxy has failed, so look into their logs: GET {} answered 502: bad",
        ),
        (refusing(b"SSH-2.0-OpenSSH_9.2\r\n"), f"{{}} does not speak HTTP. {ADVICE}"),
        (refusing(b"HTTP/1.1 "), "{} ended the connection without an answer. Look into the server's log."),
        (
            refusing(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
            "{} answered 101 to another request, because its Sec-WebSocket-Accept is not of this one's key."
            f" {ADVICE}",
        ),
        (
            talking(lambda peer: peer.switch(b"\xc1\x00"), []),
            f"{{}} sent a frame with bits that a server may not set. {ADVICE}",
        ),
        (
            talking(lambda peer: peer.switch(), []),
            "{} broke off without closing the WebSocket. Look into the server's log.",
        ),
    ],
)
def test_server_that_cannot_answer_is_not_seen(talk: Talk, told: str) -> None:
    with serving(talk) as port, pytest.raises(Unobserved) as caught:
        observe(WebSocket(), url=f"ws://127.0.0.1:{port}/live", wait="5s")

    assert caught.value.message == told.format(f"ws://127.0.0.1:{port}/live")


def test_unknown_host_is_not_seen() -> None:
    with pytest.raises(HttpError) as unknown:
        observe(WebSocket(), url="wss://name.invalid/live")

    assert unknown.value.message == (
        "tls name.invalid:443 has no connection: its host name is not known to the DNS. Check the name, and the DNS of"
        " this host."
    )


def test_silent_server_is_not_seen() -> None:
    def silent(client: socket.socket) -> None:
        while client.recv(65536):
            pass

    with serving(silent) as port, pytest.raises(HttpError) as caught:
        observe(WebSocket(), Setting(timeout=0.1), url=f"ws://127.0.0.1:{port}/")

    assert caught.value.reason == "timeout"
    assert caught.value.message.startswith(f"tcp 127.0.0.1:{port} gave no answer: nothing came for 0.")


def test_connection_that_breaks_in_waiting_is_not_seen() -> None:
    def talk(client: socket.socket) -> None:
        peer = Peer(client, [])
        peer.switch()
        peer.hear()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(talk) as port, pytest.raises(HttpError, match="Connection reset by peer"):
        observe(WebSocket(), url=f"ws://127.0.0.1:{port}/", send="x")


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_tls_is_spoken_where_it_is_asked_for(scheme: str, tmp_path: Path) -> None:
    shown = certificate(tmp_path)

    def talk(peer: Peer) -> None:
        peer.switch()
        peer.hear()

    with serving(talking(talk, []), shown.context()) as port:
        url = f"{scheme}://127.0.0.1:{port}/"
        seen = observe(WebSocket(), Setting(trust=Trust(shown.path)), url=url)
        with pytest.raises(HttpError, match="nobody but itself vouches for its certificate"):
            observe(WebSocket(), url=url)

    assert seen.told == f"wss://127.0.0.1:{port}/ is connected."


NO_PROTOCOL = "protocols: give a name, or a list of names, without spaces and commas."
NO_ADDRESS = "url: begin the address with / or with ws:// or wss:// and a host."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": "/live"}, []),
        ({"url": "wss://[::1]:443/live?a=b"}, []),
        ({"url": "https://example.com"}, []),
        ({"url": "live"}, [NO_ADDRESS]),
        ({"url": "ftp://example.com"}, [NO_ADDRESS]),
        ({"url": "ws:///live"}, [NO_ADDRESS]),
        ({"url": "ws://example.com:0/"}, [NO_ADDRESS]),
        ({"url": "ws://example.com:port/"}, [NO_ADDRESS]),
        ({"url": "/live", "headers": {"X-A": "1\r\nX-B: 2"}}, ["headers.X-A: this is not one line of text."]),
        ({"url": "/live", "protocols": ["graphql-transport-ws", "v1.json"]}, []),
        ({"url": "/live", "protocols": "a, b"}, [NO_PROTOCOL]),
        ({"url": "/live", "protocols": ["a", 1]}, [NO_PROTOCOL]),
        ({"url": "/live", "protocols": ["a\r\nb"]}, [NO_PROTOCOL]),
    ],
)
def test_options_are_judged(options: dict[str, Any], told: list[str]) -> None:
    assert problems(WebSocket(), **options) == told


def test_path_without_base_url_is_not_seen() -> None:
    with pytest.raises(Unobserved, match="/live is a path alone: give base_url"):
        observe(WebSocket(), url="/live")


def test_connection_is_expected_and_what_is_sent_may_change_something() -> None:
    judge: Callable[..., bool] = WebSocket().only_reads

    assert WebSocket().default({}) == {"connected": True}
    assert judge({"url": "/", "send": None})
    assert not judge({"url": "/", "send": "x"})
    assert not judge({"url": "/", "send": ""})
