# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of Socket.IO, over its WebSocket. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import frames
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import evidence
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.websocket import (
    USUAL_WAIT,
    OpenSocket,
    address_problems,
    in_one_line,
    json_or_text,
    opened,
    request_to,
    shown,
)

# Engine.IO, which carries Socket.IO, knows these; what it carries begins with MESSAGE.
_OPEN, _CLOSE, _PING, _PONG, _MESSAGE = "0", "1", "2", "3", "4"

# Socket.IO knows these.
_CONNECT, _DISCONNECT, _EVENT, _REFUSAL, _BINARY_EVENT = "0", "1", "2", "4", "5"

# The type, how much binary data follows, the namespace, a number that asks for an answer, and the data.
_PACKET = re.compile(r'4([0-6])(?:\d+-)?(?:(/[^,\["{]*),?)?\d*(.*)', re.DOTALL)

# With these a server that is well refuses somebody before there is a WebSocket.
_REFUSED = (401, 403)

_MOST_NAMES = 5


class SocketIo:
    """Connects to a namespace, says something, and waits for an event, as far as it is told to."""

    name = "socketio"
    options: Mapping[str, Option] = {
        "namespace": Option(default="/"),
        "path": Option(default="/socket.io/"),
        "auth": Option("mapping"),
        "emit": Option("list"),
        "event": Option(),
        "wait": Option("duration", default=USUAL_WAIT),
        # The version of Engine.IO: Socket.IO 2 speaks 3, and everything since speaks 4.
        "eio": Option("whole", default=4),
    }
    shorthand = "namespace"
    is_each = False
    observes: Sequence[str] = ("connected", "reply", "event", "message", "ms")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the address, or with what is to be said."""
        yield from address_problems("path", options["path"])
        emitted = options.get("emit")
        if emitted is not None and not (emitted and isinstance(emitted[0], str)):
            yield "emit: give the name of an event, or a list of its name and what goes with it."
        if options["eio"] not in (3, 4):
            yield "eio: give 4, or 3 for a server of Socket.IO 2."

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it is connected."""
        return {"connected": True}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Unless it says something."""
        return options.get("emit") is None

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """A server that refuses is seen to do so; one that cannot answer is not seen."""
        auth, is_old = options.get("auth") or {}, options["eio"] == 3
        # Old servers are told in the address who asks.
        query = {"EIO": options["eio"], "transport": "websocket", **(auth if is_old else {})}
        request = request_to(options["path"], setting, world, query=query)
        namespace = f"/{options['namespace'].lstrip('/')}"
        begun = world.clock()
        with opened(request, setting, world) as (response, socket):
            if socket is None:
                told = evidence(shown(request), response)
                if response.status not in _REFUSED:
                    raise Unobserved(f"This is no refusal, so correct the option path or eio: {told}")
                return _refused(json_or_text(response.body), told, round((world.clock() - begun) * 1000, 3))
            session = _Session(socket, namespace, world, is_old=is_old)
            verdict = session.connect({} if is_old else auth, begun + setting.timeout)
            ms = round((world.clock() - begun) * 1000, 3)
            if verdict.type != _CONNECT:
                return _refused(verdict.data, f"{session.place} refused the connection: {_excerpt(verdict.data)}", ms)
            if options.get("emit") is not None:
                session.emit(options["emit"])
            if options.get("event") is None:
                return Observed({"connected": True, "reply": None, "ms": ms}, f"{session.place} is connected.")
            return session.wait(options["event"], options["wait"], ms)


def _refused(reply: Any, told: str, ms: float) -> Observed:
    return Observed({"connected": False, "reply": reply, "ms": ms}, told)


def _excerpt(value: Any) -> str:
    return in_one_line(json.dumps(value, ensure_ascii=False))


@dataclass(frozen=True)
class _Packet:
    type: str
    namespace: str = "/"
    data: Any = None


class _Session:
    """A connection to one namespace."""

    def __init__(self, socket: OpenSocket, namespace: str, world: World, *, is_old: bool) -> None:
        self.place = f"{socket.place} (namespace {namespace})"
        self._socket = socket
        self._namespace = namespace
        self._clock = world.clock
        self._is_old = is_old
        # Old servers want to be pinged; the others do it themselves.
        self._pings_every = self._ping_at = float("inf")

    def connect(self, auth: Mapping[str, Any], deadline: float) -> _Packet:
        """What the server says to the wish to be connected, of the type CONNECT if it agrees."""
        opening = self._text(deadline) or ""
        facts = json_or_text(opening[1:].encode())
        if not opening.startswith(_OPEN) or not isinstance(facts, dict):
            raise self._stranger()
        if self._is_old:
            self._pings_every = facts.get("pingInterval", 25000) / 1000
            self._ping_at = self._clock() + self._pings_every
        # Old servers connect everybody to / by themselves.
        if not self._is_old or self._namespace != "/":
            self._send(_CONNECT, json.dumps(auth) if auth else "")
        while True:
            packet = self._packet(deadline)
            if packet is None:
                raise Unobserved(f"{self.place} did not say in time whether it takes the connection.")
            facts = packet.data if isinstance(packet.data, dict) else {"message": packet.data}
            if packet.type == _CONNECT and not self._is_old and "sid" not in facts:
                raise Unobserved(f"{self.place} speaks Socket.IO 2. Give the option eio with 3.")
            if packet.type == _REFUSAL and facts.get("message") == "Invalid namespace":
                raise Unobserved(f"{self.place} has no such namespace. Correct the option namespace.")
            # Whom an old server refuses at / does not get any further.
            if packet.namespace == self._namespace or packet.type == _REFUSAL:
                return packet

    def emit(self, event: Sequence[Any]) -> None:
        """Send an event, of which the first part is the name."""
        self._send(_EVENT, json.dumps(event))

    def wait(self, event: str, seconds: float, ms: float) -> Observed:
        """What comes with the event of this name, if it comes."""
        values: dict[str, Any] = {"connected": True, "reply": None, "ms": ms}
        deadline = self._clock() + seconds
        others: dict[str, None] = {}
        while True:
            packet = self._packet(deadline)
            if packet is None:
                but = f", but {', '.join([*others][:_MOST_NAMES])}" if others else ""
                return Observed(values, f"{self.place} sent no event {event} within {seconds:g} s{but}.")
            if packet.namespace != self._namespace:
                continue
            if packet.type == _DISCONNECT:
                return _refused(None, f"{self.place} has ended the connection by itself.", ms)
            if packet.type in (_EVENT, _BINARY_EVENT) and isinstance(packet.data, list) and packet.data:
                name, *data = packet.data
                if name == event:
                    values.update({"event": data, **({"message": data[0]} if data else {})})
                    return Observed(values, f"{self.place} sent {event}: {_excerpt(data)}")
                others[str(name)] = None

    def _send(self, kind: str, data: str) -> None:
        namespace = "" if self._namespace == "/" else f"{self._namespace},"
        self._socket.send(f"{_MESSAGE}{kind}{namespace}{data}")

    def _packet(self, deadline: float) -> _Packet | None:
        text = self._text(deadline)
        if text is None:
            return None
        if text == _CLOSE:
            return _Packet(_DISCONNECT, self._namespace)
        found = _PACKET.fullmatch(text)
        if not found:
            raise self._stranger()
        kind, namespace, data = found.groups()
        return _Packet(kind, (namespace or "/").partition("?")[0], json_or_text(data.encode()) if data else None)

    def _text(self, deadline: float) -> str | None:
        """The next text that is not about the connection itself; None if none comes in time."""
        while True:
            message = self._socket.receive(min(deadline, self._ping_at))
            if message is None:
                if self._clock() >= deadline:
                    return None
                if self._clock() >= self._ping_at:
                    self._socket.send(_PING)
                    self._ping_at += self._pings_every
            elif message.opcode == frames.CLOSE:
                return _CLOSE
            elif message.opcode == frames.TEXT and message.text == _PING:
                self._socket.send(_PONG)
            elif message.opcode == frames.TEXT and message.text != _PONG:
                return message.text

    def _stranger(self) -> Unobserved:
        return Unobserved(f"{self.place} does not speak Socket.IO. Correct the option path.")
