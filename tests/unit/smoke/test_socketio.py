# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.frames import BINARY, CLOSE, PING
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.socketio import SocketIo
from tests.unit.smoke.sockets import (
    OVER,
    Peer,
    Talk,
    observe,
    problems,
    read_until,
    serving,
    talking,
    wire,
    without_ms,
)

OPENING = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
WELCOME = '40{"sid":"b"}'
OPEN = {"connected": True, "reply": None}


def saying(*texts: str | bytes, opening: str = OPENING, hears: int = 1) -> Callable[[Peer], None]:
    """Opens, hears as many things, says the texts, and hears one more."""

    def talk(peer: Peer) -> None:
        peer.switch()
        peer.say(opening)
        for _time in range(hears):
            peer.hear()
        for text in texts:
            if isinstance(text, str):
                peer.say(text)
            else:
                peer.send(text)
        while peer.hear():
            pass

    return talk


def seen(talk: Callable[[Peer], None], heard: list[str] | None = None, **options: Any) -> tuple[Observed, str]:
    """What is seen, and the address."""
    with serving(talking(talk, [] if heard is None else heard)) as port:
        address = f"127.0.0.1:{port}"
        return observe(SocketIo(), Setting(base_url=f"http://{address}", timeout=5), **options), address


def unseen(talk: Talk, *, timeout: float = 5, **options: Any) -> str:
    """Why nothing is seen, with the place left out."""
    with serving(talk) as port, pytest.raises(Unobserved) as caught:
        observe(SocketIo(), Setting(base_url=f"http://127.0.0.1:{port}", timeout=timeout), **options)
    assert f"ws://127.0.0.1:{port}/socket.io/" in caught.value.message
    return caught.value.message.replace(f"ws://127.0.0.1:{port}/socket.io/", "URL")


@pytest.mark.parametrize(
    ("namespace", "prefix", "place"),
    [(None, "", "/"), ("/", "", "/"), ("/chat", "/chat,", "/chat"), ("chat", "/chat,", "/chat")],
)
def test_namespace_is_connected_to(namespace: str | None, prefix: str, place: str) -> None:
    heard: list[str] = []

    found, address = seen(saying(f'40{prefix}{{"sid":"b"}}'), heard, namespace=namespace)

    assert without_ms(found.values) == OPEN
    assert found.told == f"ws://{address}/socket.io/ (namespace {place}) is connected."
    assert heard == [f"1 40{prefix}", OVER, "end"]


def test_request_names_the_version_and_shows_the_identity_and_keeps_the_query() -> None:
    requests: list[str] = []

    def talk(peer: Peer) -> None:
        requests.append(peer.request)
        saying(WELCOME)(peer)

    with serving(talking(talk, [])) as port:
        setting = Setting(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "Bearer token"})
        observe(SocketIo(), setting, path=f"ws://127.0.0.1:{port}/live/?a=1")

    assert requests[0].startswith("GET /live/?a=1&EIO=4&transport=websocket HTTP/1.1\r\n")
    assert "\r\nAuthorization: Bearer token\r\n" in requests[0]


def test_auth_is_sent_and_what_the_server_refuses_is_seen() -> None:
    heard: list[str] = []
    requests: list[str] = []

    def talk(peer: Peer) -> None:
        requests.append(peer.request)
        saying('44/chat,{"message":"unauthorized","data":{"code":7}}')(peer)

    found, address = seen(talk, heard, namespace="/chat", auth={"token": "hunter2"})

    # Addresses are written to logs.
    assert "hunter2" not in requests[0]
    assert heard[0] == '1 40/chat,{"token": "hunter2"}'
    assert without_ms(found.values) == {"connected": False, "reply": {"message": "unauthorized", "data": {"code": 7}}}
    assert found.told == (
        f"ws://{address}/socket.io/ (namespace /chat) refused the connection:"
        ' {"message": "unauthorized", "data": {"code": 7}}'
    )


@pytest.mark.parametrize("goodbye", ["1", "41", wire(CLOSE, b"")])
def test_server_that_hangs_up_instead_of_agreeing_has_refused(goodbye: str | bytes) -> None:
    found, _told = seen(saying(goodbye))

    assert without_ms(found.values) == {"connected": False, "reply": None}


def test_what_is_said_about_other_namespaces_is_passed_over() -> None:
    found, _told = seen(
        saying(WELCOME, '42["tick",0]', '40/chat,{"sid":"c"}', "41", '42["tick",1]', '42/chat,["tick",2]'),
        namespace="/chat",
        event="tick",
    )

    assert found.values["event"] == [2]


@pytest.mark.parametrize(
    ("said", "event", "message"),
    [
        ('42["progress",{"percent":5},"more"]', [{"percent": 5}, "more"], {"percent": 5}),
        ('4217["progress",1]', [1], 1),
        (
            '451-["progress",{"_placeholder":true,"num":0}]',
            [{"_placeholder": True, "num": 0}],
            {"_placeholder": True, "num": 0},
        ),
    ],
)
def test_event_is_seen_with_what_it_carries(said: str, event: list[object], message: object) -> None:
    found, address = seen(saying(WELCOME, '42["hello"]', wire(BINARY, b"x"), said), event="progress")

    assert without_ms(found.values) == {**OPEN, "event": event, "message": message}
    assert found.told == f"ws://{address}/socket.io/ (namespace /) sent progress: {json.dumps(event)}"


def test_event_that_carries_nothing_has_no_message() -> None:
    found, _told = seen(saying(WELCOME, '42["ready"]'), event="ready")

    assert without_ms(found.values) == {**OPEN, "event": []}


@pytest.mark.parametrize(
    ("said", "but"),
    [
        ((), ""),
        (('42["a",1]', '42["b"]', '42["a",2]', "42[]", '42{"x":1}', '43["c"]', "3"), ", but a, b"),
        (tuple(f'42["{name}"]' for name in "abcdefg"), ", but a, b, c, d, e"),
    ],
)
def test_event_that_does_not_come_is_not_there(said: tuple[str, ...], but: str) -> None:
    found, address = seen(saying(WELCOME, *said), event="progress", wait="150ms")

    assert without_ms(found.values) == OPEN
    assert found.told == (f"ws://{address}/socket.io/ (namespace /) sent no event progress within 0.15 s{but}.")


@pytest.mark.parametrize("goodbye", ["41", "1", wire(CLOSE, b"\x03\xe8")])
def test_server_that_hangs_up_in_waiting_has_not_taken_the_connection(goodbye: str | bytes) -> None:
    found, address = seen(saying(WELCOME, goodbye), event="progress")

    assert without_ms(found.values) == {"connected": False, "reply": None}
    assert found.told == f"ws://{address}/socket.io/ (namespace /) has ended the connection by itself."


@pytest.mark.parametrize(
    ("emit", "sent"), [("join", '1 42/chat,["join"]'), (["join", {"room": 7}], '1 42/chat,["join", {"room": 7}]')]
)
def test_event_is_emitted(emit: object, sent: str) -> None:
    heard: list[str] = []

    found, _told = seen(
        saying('40/chat,{"sid":"b"}', '42/chat,["joined",7]'), heard, namespace="chat", emit=emit, event="joined"
    )

    assert heard == ["1 40/chat,", sent, OVER, "end"]
    assert found.values["message"] == 7


def test_pings_are_answered() -> None:
    heard: list[str] = []

    seen(saying("2", wire(PING, b"p"), WELCOME, "2", '42["x"]'), heard, event="x")

    assert heard == ["1 40", "1 3", "a p", "1 3", OVER, "end"]


def test_old_server_is_told_who_asks_in_the_address_and_connects_by_itself() -> None:
    heard: list[str] = []
    requests: list[str] = []

    def talk(peer: Peer) -> None:
        requests.append(peer.request)
        saying("40", '42["x",1]', hears=0)(peer)

    found, address = seen(talk, heard, eio=3, auth={"token": "hunter 2"}, event="x")

    assert requests[0].startswith("GET /socket.io/?EIO=3&transport=websocket&token=hunter%202 HTTP/1.1\r\n")
    assert heard == [OVER, "end"]
    assert without_ms(found.values) == {**OPEN, "event": [1], "message": 1}
    assert found.told == f"ws://{address}/socket.io/ (namespace /) sent x: [1]"


@pytest.mark.parametrize("answer", ["40/chat", "40/chat,", "40/chat?token=x,"])
def test_old_server_is_asked_for_another_namespace(answer: str) -> None:
    heard: list[str] = []

    found, _told = seen(saying("40", answer), heard, eio=3, namespace="/chat", auth={"token": "x"})

    assert heard == ["1 40/chat,", OVER, "end"]
    assert without_ms(found.values) == OPEN


@pytest.mark.parametrize("refusal", ['44"unauthorized"', '44/chat,"unauthorized"'])
def test_old_server_refuses_with_a_text(refusal: str) -> None:
    found, _told = seen(saying(refusal), eio=3, namespace="/chat")

    assert without_ms(found.values) == {"connected": False, "reply": "unauthorized"}


def test_old_server_is_pinged_as_often_as_it_wants() -> None:
    heard: list[str] = []

    def talk(peer: Peer) -> None:
        peer.switch()
        peer.say(OPENING.replace("25000", "20"))
        peer.say("40")
        peer.hear()
        peer.say("3")
        peer.hear()
        peer.say('42["x"]')
        peer.hear()

    found, _told = seen(talk, heard, eio=3, event="x")

    assert heard[:2] == ["1 2", "1 2"]
    assert found.values["event"] == []


def refusing(status: str, body: bytes) -> Talk:
    def talk(client: socket.socket) -> None:
        read_until(client, b"\r\n\r\n")
        client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return talk


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_refusal_before_there_is_a_socket_is_seen(status: str) -> None:
    with serving(refusing(status, b'{"code":4,"message":"no"}')) as port:
        found = observe(SocketIo(), Setting(base_url=f"http://127.0.0.1:{port}"), auth={"token": "hunter2"}, eio=3)

    assert without_ms(found.values) == {"connected": False, "reply": {"code": 4, "message": "no"}}
    assert found.told == (f'GET ws://127.0.0.1:{port}/socket.io/ answered {status[:3]}: {{"code":4,"message":"no"}}')


STRANGER = "URL (namespace /) does not speak Socket.IO. Correct the option path."


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (
            refusing("400 Bad Request", b'{"code":5,"message":"Unsupported protocol version"}'),
            'This is no refusal, so correct the option path or eio: GET URL answered 400: {"code":5,"message":'
            '"Unsupported protocol version"}',
        ),
        (
            refusing("404 Not Found", b""),
            "This is no refusal, so correct the option path or eio: GET URL answered 404 without a body.",
        ),
        (
            refusing("503 Unavailable", b""),
            "The server or its proxy has failed, so look into their logs: GET URL answered 503 without a body.",
        ),
        (talking(saying(opening="hello"), []), STRANGER),
        (talking(saying(opening="0hello"), []), STRANGER),
        (talking(saying(opening='4{"sid":"a"}'), []), STRANGER),
        (talking(saying("hello"), []), STRANGER),
        (talking(saying(opening="1"), []), STRANGER),
        (talking(saying("40"), []), "URL (namespace /) speaks Socket.IO 2. Give the option eio with 3."),
        (
            talking(saying('44{"message":"Invalid namespace"}'), []),
            "URL (namespace /) has no such namespace. Correct the option namespace.",
        ),
    ],
)
def test_server_that_cannot_answer_is_not_seen(talk: Talk, told: str) -> None:
    assert unseen(talk) == told


def test_old_server_without_the_namespace_is_not_seen() -> None:
    assert unseen(talking(saying("40", '44/chat,"Invalid namespace"'), []), eio=3, namespace="/chat") == (
        "URL (namespace /chat) has no such namespace. Correct the option namespace."
    )


def test_server_that_does_not_decide_is_not_seen() -> None:
    assert unseen(talking(saying(), []), timeout=0.1) == (
        "URL (namespace /) did not say in time whether it takes the connection."
    )


NO_EVENT = "emit: give the name of an event, or a list of its name and what goes with it."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, []),
        ({"path": "wss://example.com/socket.io/", "emit": ["join", 1], "eio": "3"}, []),
        ({"path": "socket.io"}, ["path: begin the address with / or with ws:// or wss:// and a host."]),
        ({"emit": []}, [NO_EVENT]),
        ({"emit": [1, "join"]}, [NO_EVENT]),
        ({"emit": {"join": 1}}, [NO_EVENT]),
        ({"eio": 2}, ["eio: give 4, or 3 for a server of Socket.IO 2."]),
    ],
)
def test_options_are_judged(options: dict[str, Any], told: list[str]) -> None:
    assert problems(SocketIo(), **options) == told


def test_connection_is_expected_and_what_is_emitted_may_change_something() -> None:
    judge: Callable[..., bool] = SocketIo().only_reads

    assert SocketIo().default({}) == {"connected": True}
    assert judge({"emit": None, "event": "x"})
    assert not judge({"emit": ["x"]})
