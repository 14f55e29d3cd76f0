# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""WebSockets as RFC 6455 writes them down: the handshake and the frames. This module is private to the collection."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import excerpt
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import merged
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_CONTINUATION = 0x0

# What servers say when they close without saying why.
_NO_CODE = 1005

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STATUS = re.compile(r"HTTP/1\.[01] (\d{3})(?: .*)?")
_LONGEST_HEAD = 65536
_LONGEST = 4_000_000
_LONGEST_CONTROL = 125
# Of what breaks the rules.
_LONGEST_READ = 1000


class BrokenRules(Exception):
    """What the server says is not how WebSockets speak; the sentence goes on from the server's name."""


@dataclass(frozen=True)
class Message:
    """What came as a whole: a text, bytes, or a word about the connection itself."""

    opcode: int
    data: bytes

    @property
    def text(self) -> str:
        """The data as text; that of a closing is its reason."""
        return (self.data[2:] if self.opcode == CLOSE else self.data).decode(errors="replace")

    @property
    def code(self) -> int:
        """With which number the connection is closed."""
        return int.from_bytes(self.data[:2], "big") if len(self.data) >= 2 else _NO_CODE


def key_of(random: bytes) -> str:
    """The key, of 16 random bytes, by which the server proves that it means this request."""
    return base64.b64encode(random).decode()


def accept_of(key: str) -> str:
    """What the server makes of the key."""
    # SHA-1 is what the protocol says, and keeps no secret.
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()  # noqa: S324 (it protects nothing)


def upgrade(request: Request, key: str, protocols: Sequence[str]) -> bytes:
    """The request, as it is sent to become a WebSocket."""
    parts = urlsplit(request.url)
    headers = merged(
        {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "shipshape.webapp"},
        _login(unquote(parts.username or ""), unquote(parts.password or "")),
        request.headers,
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key},
        {"Sec-WebSocket-Protocol": ", ".join(protocols)} if protocols else {},
    )
    target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    lines = (f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode(errors="surrogateescape")


def _login(user: str, password: str) -> dict[str, str]:
    if not user and not password:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def answer(data: bytes) -> tuple[Response, bytes] | None:
    """The answer without its body, and what came after; None as long as it is not whole."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not data.startswith(b"HTTP/"[: len(data)]) or len(head) > _LONGEST_HEAD:
        raise BrokenRules("does not speak HTTP")
    if not end:
        return None
    first, *lines = head.decode(errors="replace").split("\r\n")
    found = _STATUS.fullmatch(first)
    if not found:
        raise BrokenRules("does not speak HTTP")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _colon, value in pairs}
    return Response(int(found[1]), headers, b""), rest


def check(response: Response, key: str, protocols: Sequence[str]) -> None:
    """Raise BrokenRules unless the answer 101 says what it has to."""
    said = response.headers
    words = [word.strip().lower() for word in said.get("connection", "").split(",")]
    if said.get("upgrade", "").lower() != "websocket" or "upgrade" not in words:
        raise BrokenRules("answered 101 without the headers that make a WebSocket of it")
    if said.get("sec-websocket-accept") != accept_of(key):
        raise BrokenRules("answered 101 to another request, because its Sec-WebSocket-Accept is not of this one's key")
    if said.get("sec-websocket-protocol") not in (*protocols, None):
        raise BrokenRules("chose a protocol that was not offered to it")
    if said.get("sec-websocket-extensions"):
        raise BrokenRules("chose an extension that was not offered to it")


def frame(opcode: int, data: bytes, mask: bytes) -> bytes:
    """One message as a client sends it, whole and masked by four random bytes."""
    if len(data) <= _LONGEST_CONTROL:
        size = bytes([0x80 | len(data)])
    elif len(data) < 1 << 16:
        size = bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
    else:
        size = bytes([0x80 | 127]) + len(data).to_bytes(8, "big")
    return bytes([0x80 | opcode]) + size + mask + _masked(data, mask)


def _masked(data: bytes, mask: bytes) -> bytes:
    whole = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(data), "big")


class Reader:
    """Makes messages of bytes, however these are cut."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._opcode = _CONTINUATION
        self._parts = bytearray()

    def take(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole by now. Raises BrokenRules."""
        self._rest += data
        found = self._frame()
        while found:
            yield from self._message(*found)
            found = self._frame()

    def _frame(self) -> tuple[bool, int, bytes] | None:
        """The next frame, which is taken away: whether it ends a message, what it is, and what it holds."""
        rest = self._rest
        if len(rest) < 2:
            return None
        if rest.startswith(b"HTTP/"):
            # So Engine.IO refuses a version that it does not speak.
            said = excerpt(" ".join(rest[:_LONGEST_READ].decode(errors="replace").split()))
            raise BrokenRules(f"agreed to be a WebSocket, and then said: {said}")
        if rest[0] & 0x70 or rest[1] & 0x80:
            raise BrokenRules("sent a frame with bits that a server may not set")
        start, size = 2, rest[1]
        if size > _LONGEST_CONTROL:
            start = 4 if size == 126 else 10
            size = int.from_bytes(rest[2:start], "big")
        if size > _LONGEST:
            raise BrokenRules(f"sent more than {_LONGEST} bytes in one message")
        if len(rest) < start + size:
            return None
        payload = bytes(rest[start : start + size])
        is_last, opcode = bool(rest[0] & 0x80), rest[0] & 0x0F
        del rest[: start + size]
        return is_last, opcode, payload

    def _message(self, is_last: bool, opcode: int, payload: bytes) -> Iterator[Message]:
        if opcode in (CLOSE, PING, PONG):
            # These come between the parts of another message too.
            if not is_last or len(payload) > _LONGEST_CONTROL:
                raise BrokenRules("sent a control frame that is too long or in parts")
            yield Message(opcode, payload)
            return
        if opcode not in (TEXT, BINARY, _CONTINUATION) or (opcode == _CONTINUATION) != bool(self._opcode):
            raise BrokenRules("sent a frame that may not come there")
        self._opcode = self._opcode or opcode
        self._parts += payload
        if len(self._parts) > _LONGEST:
            raise BrokenRules(f"sent more than {_LONGEST} bytes in one message")
        if is_last:
            message = Message(self._opcode, bytes(self._parts))
            self._opcode, self._parts = _CONTINUATION, bytearray()
            yield message
