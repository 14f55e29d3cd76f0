# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    BrokenRules,
    Message,
    Reader,
    accept_of,
    answer,
    check,
    frame,
    key_of,
    upgrade,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response
from tests.unit.smoke.sockets import wire

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = bytes.fromhex("37fa213d")
SWITCHING = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": ACCEPT}


def taken(*data: bytes) -> list[Message]:
    reader = Reader()
    return [message for part in data for message in reader.take(part)]


def test_key_is_proved_as_in_the_example_of_the_rfc() -> None:
    assert key_of(b"the sample nonce") == KEY
    assert accept_of(KEY) == ACCEPT


def test_request_is_sent_with_all_that_makes_it_one() -> None:
    request = Request("GET", "http://example.com:8080/a%20b?x=1", {"Origin": "https://app.example"})

    assert upgrade(request, KEY, ["v2", "v1"]).decode() == (
        "GET /a%20b?x=1 HTTP/1.1\r\n"
        "Host: example.com:8080\r\n"
        "User-Agent: shipshape.webapp\r\n"
        "Origin: https://app.example\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\n"
        "Sec-WebSocket-Protocol: v2, v1\r\n"
        "\r\n"
    )


def test_host_can_be_another_and_what_makes_it_an_upgrade_cannot() -> None:
    request = Request("GET", "http://127.0.0.1/", {"host": "example.com", "connection": "close", "upgrade": "h2c"})

    sent = upgrade(request, KEY, []).decode()

    assert "host: example.com\r\n" in sent
    assert "127.0.0.1" not in sent
    assert "close" not in sent
    assert "h2c" not in sent
    assert "Protocol" not in sent


@pytest.mark.parametrize(
    ("headers", "sent"), [({}, "Basic YWRhOnA6QHc="), ({"authorization": "Bearer token"}, "Bearer token")]
)
def test_user_of_the_address_logs_in_unless_the_headers_do(headers: dict[str, str], sent: str) -> None:
    said = upgrade(Request("GET", "http://ada:p%3A%40w@example.com", headers), KEY, []).decode()

    assert said.startswith("GET / HTTP/1.1\r\nHost: example.com\r\n")
    assert [line.partition(": ")[2] for line in said.splitlines() if line.lower().startswith("authorization")] == [sent]


def test_answer_is_read_once_it_is_whole() -> None:
    said = b"HTTP/1.1 401 Unauthorized\r\nX-Kind:  a: b \r\nContent-Length: 2\r\n\r\nno"

    for end in range(said.index(b"\r\n\r\n") + 4):
        assert answer(said[:end]) is None
    assert answer(said) == (Response(401, {"x-kind": "a: b", "content-length": "2"}, b""), b"no")


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"-E", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/2 101\r\n\r\n", b"HTTP/" + b"x" * 65536]
)
def test_what_is_no_answer_is_told(said: bytes) -> None:
    with pytest.raises(BrokenRules, match="does not speak HTTP"):
        answer(said)


@pytest.mark.parametrize(
    "headers",
    [
        SWITCHING,
        {**SWITCHING, "upgrade": "WebSocket", "connection": "keep-alive, upgrade"},
        {**SWITCHING, "sec-websocket-protocol": "v1"},
    ],
)
def test_switch_to_websocket_is_accepted(headers: dict[str, str]) -> None:
    check(Response(101, headers, b""), KEY, ["v2", "v1"])


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"upgrade": "h2c"}, "answered 101 without the headers that make a WebSocket of it"),
        ({"connection": "close"}, "answered 101 without the headers that make a WebSocket of it"),
        (
            {"sec-websocket-accept": accept_of("another")},
            "answered 101 to another request, because its Sec-WebSocket-Accept is not of this one's key",
        ),
        ({"sec-websocket-protocol": "v3"}, "chose a protocol that was not offered to it"),
        ({"sec-websocket-extensions": "permessage-deflate"}, "chose an extension that was not offered to it"),
    ],
)
def test_switch_to_something_else_is_told(headers: dict[str, str], told: str) -> None:
    with pytest.raises(BrokenRules) as caught:
        check(Response(101, {**SWITCHING, **headers}, b""), KEY, ["v2", "v1"])

    assert str(caught.value) == told


def test_frame_is_masked_as_in_the_example_of_the_rfc() -> None:
    assert frame(TEXT, b"Hello", MASK) == bytes.fromhex("818537fa213d7f9f4d5158")


@pytest.mark.parametrize(
    ("size", "head"),
    [(0, "8280"), (125, "82fd"), (126, "82fe007e"), (65535, "82feffff"), (65536, "82ff0000000000010000")],
)
def test_frame_says_how_long_it_is(size: int, head: str) -> None:
    assert frame(BINARY, bytes(size), MASK) == bytes.fromhex(head) + MASK + (MASK * (size // 4 + 1))[:size]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ("810548656c6c6f", Message(TEXT, b"Hello")),
        ("010348656c80026c6f", Message(TEXT, b"Hello")),
        ("890548656c6c6f", Message(PING, b"Hello")),
        ("827e0100" + "00" * 256, Message(BINARY, bytes(256))),
        ("827f0000000000010000" + "00" * 65536, Message(BINARY, bytes(65536))),
    ],
)
def test_messages_of_the_rfc_are_read(frames: str, message: Message) -> None:
    assert taken(bytes.fromhex(frames)) == [message]


def test_pings_between_the_parts_of_a_message_come_first() -> None:
    assert taken(
        wire(TEXT, b"a", is_last=False),
        wire(PING, b"?"),
        wire(0, b"b", is_last=False),
        wire(PONG, b"!"),
        wire(0, b"c"),
        wire(TEXT, b"d"),
    ) == [Message(PING, b"?"), Message(PONG, b"!"), Message(TEXT, b"abc"), Message(TEXT, b"d")]


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_messages_are_the_same_however_they_are_cut(datas: list[bytes], size: int) -> None:
    sent = b"".join(wire(BINARY, data) for data in datas)

    parts = [sent[at : at + size] for at in range(0, len(sent), size)]

    assert taken(*parts) == [Message(BINARY, data) for data in datas]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 200,
            f"agreed to be a WebSocket, and then said: HTTP/1.1 400 Bad Request {'x' * 175}…",
        ),
        (b"\xc1\x00", "sent a frame with bits that a server may not set"),
        (b"\x81\x80", "sent a frame with bits that a server may not set"),
        (b"\x09\x00", "sent a control frame that is too long or in parts"),
        (wire(PING, bytes(126)), "sent a control frame that is too long or in parts"),
        (wire(0, b"x"), "sent a frame that may not come there"),
        (wire(TEXT, b"x", is_last=False) + wire(TEXT, b"x"), "sent a frame that may not come there"),
        (wire(3, b"x"), "sent a frame that may not come there"),
        (b"\x82\x7f" + (4_000_001).to_bytes(8, "big"), "sent more than 4000000 bytes in one message"),
        (
            wire(BINARY, bytes(3_000_000), is_last=False) + wire(0, bytes(1_000_001)),
            "sent more than 4000000 bytes in one message",
        ),
    ],
)
def test_frame_that_breaks_the_rules_is_told(data: bytes, told: str) -> None:
    with pytest.raises(BrokenRules) as caught:
        taken(data)

    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [(b"\x0f\xa1not you", 4001, "not you"), (b"\x03\xe8", 1000, ""), (b"", 1005, "")],
)
def test_closing_has_a_number_and_a_reason(data: bytes, code: int, text: str) -> None:
    message = Message(CLOSE, data)

    assert (message.code, message.text) == (code, text)


def test_text_that_is_none_is_shown_as_far_as_it_can_be() -> None:
    assert Message(TEXT, b"a\xffb").text == "a\N{REPLACEMENT CHARACTER}b"
