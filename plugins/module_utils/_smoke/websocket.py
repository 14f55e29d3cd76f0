# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of WebSockets. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import frames
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import (
    Observed,
    Setting,
    Unobserved,
    World,
    excerpt,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import (
    evidence,
    header_problems,
    request_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Stream

_PORTS = {"http": 80, "https": 443}

# How long to wait for a message if the check does not say.
USUAL_WAIT = 5.0

# The number with which a WebSocket is closed that has served its purpose.
_OVER = 1000

# As the headers of HTTP can hold it in a list.
_PROTOCOL = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)

_LONGEST_BODY = 4096


class WebSocket:
    """Opens a WebSocket, says something, and waits for a message, as far as it is told to."""

    name = "websocket"
    options: Mapping[str, Option] = {
        "url": Option(is_required=True),
        "headers": Option("mapping"),
        "protocols": Option("list"),
        "send": Option("any"),
        "wait": Option("duration"),
    }
    shorthand = "url"
    is_each = False
    observes: Sequence[str] = ("status", "connected", "reply", "message", "ms", "reason")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the request for it."""
        yield from address_problems("url", options["url"])
        yield from header_problems("headers", options.get("headers") or {})
        if not all(isinstance(one, str) and _PROTOCOL.fullmatch(one) for one in options.get("protocols") or ()):
            yield "protocols: give a name, or a list of names, without spaces and commas."

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it is open."""
        return {"connected": True}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Unless it says something."""
        return options.get("send") is None

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """A server that refuses is seen to do so; one that cannot answer is not seen."""
        request = request_to(options["url"], setting, world, headers=options.get("headers"))
        begun = world.clock()
        with opened(request, setting, world, protocols=options.get("protocols") or ()) as (response, socket):
            ms = round((world.clock() - begun) * 1000, 3)
            values = {
                "status": response.status,
                "connected": socket is not None,
                "reply": None,
                "ms": ms,
                "reason": None,
            }
            if socket is None:
                refused = {"reply": json_or_text(response.body), "reason": "the upgrade was refused"}
                return Observed({**values, **refused}, evidence(shown(request), response))
            if options.get("send") is not None:
                socket.send(_as_text(options["send"]))
            seconds = _seconds(options)
            message = socket.receive(world.clock() + seconds) if seconds else None
        if message is None:
            silent = f" and sent nothing within {seconds:g} s" if seconds else ""
            return Observed(values, f"{socket.place} is connected{silent}.")
        if message.opcode == frames.CLOSE:
            reply = {"code": message.code, "reason": message.text}
            closed = {"connected": False, "reply": reply, "reason": f"closed with {message.code}"}
            told = f"{socket.place} was closed by the server with {message.code}: {in_one_line(message.text)}"
            return Observed({**values, **closed}, told)
        return Observed(
            {**values, "message": json_or_text(message.data)}, f"{socket.place} sent: {in_one_line(message.text)}"
        )


class OpenSocket:
    """A WebSocket that is open, which answers pings by itself."""

    def __init__(self, stream: Stream, place: str, world: World, received: bytes) -> None:
        self.place = place
        self._stream = stream
        self._world = world
        self._reader = frames.Reader()
        self._messages = list(self._read(received))

    def send(self, text: str) -> None:
        """Send a text."""
        self._send(frames.TEXT, text.encode(errors="surrogateescape"))

    def receive(self, deadline: float) -> frames.Message | None:
        """The next text, or bytes, or the word that it is closed; None if none of these comes in time."""
        while True:
            while self._messages:
                message = self._messages.pop(0)
                if message.opcode == frames.PING:
                    self._send(frames.PONG, message.data)
                elif message.opcode != frames.PONG:
                    return message
            left = deadline - self._world.clock()
            if left <= 0:
                return None
            try:
                data = self._stream.receive(left)
            except HttpError as error:
                if error.reason == "timeout":
                    return None
                raise
            if not data:
                raise Unobserved(f"{self.place} broke off without closing the WebSocket. Look into the server's log.")
            self._messages += self._read(data)

    def close(self) -> None:
        """Say that it is over, if anybody is still there."""
        with suppress(HttpError):
            self._send(frames.CLOSE, _OVER.to_bytes(2, "big"))

    def _send(self, opcode: int, data: bytes) -> None:
        self._stream.send(frames.frame(opcode, data, self._world.random(4)))

    def _read(self, data: bytes) -> Iterator[frames.Message]:
        with _rules(self.place):
            yield from self._reader.take(data)


@contextmanager
def opened(
    request: Request, setting: Setting, world: World, *, protocols: Sequence[str] = ()
) -> Iterator[tuple[Response, OpenSocket | None]]:
    """The server's answer, and the WebSocket if that is one. Raises HttpError or Unobserved if there is no answer."""
    parts = urlsplit(request.url)
    trust = setting.trust if parts.scheme == "https" else None
    place = str(shown(request)).partition(" ")[2]
    deadline = world.clock() + setting.timeout
    with world.network.connect(
        parts.hostname or "", parts.port or _PORTS[parts.scheme], timeout=setting.timeout, trust=trust
    ) as stream:
        key = frames.key_of(world.random(16))
        stream.send(frames.upgrade(request, key, protocols))
        with _rules(place):
            response, rest = _answer(stream, place, world, deadline)
            if response.status == 101:
                frames.check(response, key, protocols)
        if response.status >= 500:
            said = evidence(shown(request), _with_body(response, rest, stream, world, deadline))
            raise Unobserved(f"The server or its proxy has failed, so look into their logs: {said}")
        if response.status != 101:
            yield _with_body(response, rest, stream, world, deadline), None
            return
        socket = OpenSocket(stream, place, world, rest)
        yield response, socket
        socket.close()


@contextmanager
def _rules(place: str) -> Iterator[None]:
    try:
        yield
    except frames.BrokenRules as error:
        raise Unobserved(f"{place} {error}. Look whether the address is right, and what stands in between.") from error


def _answer(stream: Stream, place: str, world: World, deadline: float) -> tuple[Response, bytes]:
    received = b""
    while True:
        data = stream.receive(deadline - world.clock())
        if not data:
            raise Unobserved(f"{place} ended the connection without an answer. Look into the server's log.")
        received += data
        found = frames.answer(received)
        if found:
            return found


def _with_body(response: Response, body: bytes, stream: Stream, world: World, deadline: float) -> Response:
    """The answer with the beginning of its body, as far as it says how long that is."""
    said = response.headers.get("content-length", "")
    size = min(int(said), _LONGEST_BODY) if said.isdigit() else 0
    # It is evidence only: that the server refuses is known without it.
    with suppress(HttpError):
        while len(body) < size:
            data = stream.receive(deadline - world.clock())
            if not data:
                break
            body += data
    return replace(response, body=body[:_LONGEST_BODY])


def shown(request: Request) -> Request:
    """The request by the address that users know."""
    return replace(request, url=f"ws{request.url[len('http') :]}")


def address_problems(name: str, address: str) -> Iterator[str]:
    """What keeps this from being the address of a WebSocket."""
    if address.startswith("/"):
        return
    try:
        parts = urlsplit(_as_http(address))
        is_whole = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        yield f"{name}: begin the address with / or with ws:// or wss:// and a host."


def request_to(address: str, setting: Setting, world: World, **options: Any) -> Request:
    """The request in which a WebSocket begins. Raises Unobserved if nobody says where the address begins."""
    return request_of({"get": _as_http(address), **options}, setting, world)


def _as_http(address: str) -> str:
    return f"http{address[2:]}" if address.startswith(("ws://", "wss://")) else address


def json_or_text(data: bytes) -> Any:
    """What it says if it is JSON, or else the text."""
    text = data.decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def in_one_line(text: str) -> str:
    """The beginning, whatever ends its lines."""
    return excerpt(" ".join(text.split()))


def _seconds(options: Mapping[str, Any]) -> float:
    """How long to wait for a message: not at all if none is asked for."""
    usual = 0.0 if options.get("send") is None else USUAL_WAIT
    return usual if options.get("wait") is None else float(options["wait"])


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
