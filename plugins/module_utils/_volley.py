# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many HTTP requests at once, as fast as Python sends them. This module is private to the collection.

One thread serves all connections, because threads would wait for each other rather than for the server. Whatever has
to wait is a generator, which gives the number of the connection that it waits for. http.client writes the requests; it
does not read the answers, because its parser is made for e-mail and takes longer than all the rest together.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Shot, Trust

_Value = TypeVar("_Value")
_Waiting = Generator[int, None, _Value]

# How often to look who has waited for too long, in seconds.
_TICK = 0.05

# Whatever happens to a connection, told once.
_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET

_LONGEST_HEAD = 65536
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: |$)")
_CHUNK = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;|$)")

_PORTS = {"http": 80, "https": 443}


class _Server(NamedTuple):
    """What a connection is opened to."""

    scheme: str
    host: str
    port: int


class _Message(NamedTuple):
    """A request as it is sent."""

    server: _Server
    method: str
    content: bytes


class _Answer(NamedTuple):
    """What is known of an answer."""

    status: int
    headers: dict[str, str]
    # Whether the server says that it keeps the connection.
    is_kept: bool


_Addresses = Mapping[_Server, Sequence[tuple[int, tuple[Any, ...]]]]


class _Unreadable(OSError):
    """An answer breaks off, or is none of HTTP."""


def volley(
    requests: Sequence[Request], *, at_most: int, at_once: bool = False, timeout: float = 10, trust: Trust
) -> tuple[list[Shot], float]:
    """What Http.volley promises. Raises HttpError if a request cannot be written or certificates cannot be read."""
    written = {number: _written(request) for number, request in {id(request): request for request in requests}.items()}
    messages = [written[id(request)] for request in requests]
    servers = dict.fromkeys(message.server for message in messages)
    addresses = {server: _addresses(server) for server in servers}
    context = _context(trust) if any(server.scheme == "https" for server in servers) else None
    shots: dict[int, Shot] = {}
    begun = time.perf_counter()
    with contextlib.ExitStack() as opened:
        poll = opened.enter_context(select.epoll())
        guns = [_Gun(poll, addresses, context) for _number in range(min(at_most, len(messages)))]
        for gun in guns:
            opened.callback(gun.close)
        turns = itertools.count(len(guns))

        def fire(gun: _Gun, turn: int) -> _Waiting[None]:
            # Each takes what is next, so that a slow answer holds up nobody else.
            while turn < len(messages):
                shots[turn] = yield from gun.shoot(messages[turn])
                turn = next(turns)

        if at_once:
            _carry_out(((gun, gun.load(message.server)) for gun, message in zip(guns, messages)), poll, timeout)
        _carry_out(((gun, fire(gun, turn)) for turn, gun in enumerate(guns)), poll, timeout)
        return [shots[turn] for turn in range(len(messages))], time.perf_counter() - begun


def _carry_out(tasks: Iterable[tuple[_Gun, _Waiting[None]]], poll: select.epoll, timeout: float) -> None:
    """Go on with each task when something happens on its connection, or when it takes too long."""
    waiting: dict[int, tuple[_Gun, _Waiting[None]]] = {}

    def go_on(gun: _Gun, task: _Waiting[None], error: OSError | None = None) -> None:
        try:
            number = task.throw(error) if error else next(task)
        except StopIteration:
            return
        waiting[number] = gun, task

    for gun, task in tasks:
        go_on(gun, task)
    looked = time.perf_counter()
    while waiting:
        for number, _event in poll.poll(_TICK):
            if number in waiting:
                go_on(*waiting.pop(number))
        if time.perf_counter() - looked > _TICK:
            looked = time.perf_counter()
            for number in [number for number, (gun, _task) in waiting.items() if gun.begun + timeout < looked]:
                go_on(*waiting.pop(number), socket.timeout())


class _Gun:
    """Shoots over one connection after the other, each for as long as the server keeps it."""

    def __init__(self, poll: select.epoll, addresses: _Addresses, context: ssl.SSLContext | None) -> None:
        self._poll = poll
        self._addresses = addresses
        self._context = context
        # When the newest shot began.
        self.begun = 0.0
        self._server: _Server | None = None
        self._connection: _Connection | None = None

    def load(self, server: _Server) -> _Waiting[None]:
        """Have a connection, if there is one to be had; the shot tells why not."""
        self.begun = time.perf_counter()
        with contextlib.suppress(OSError):
            yield from self._open(server)

    def shoot(self, message: _Message) -> _Waiting[Shot]:
        """Send one request, once, and read its answer."""
        self.begun = time.perf_counter()
        try:
            connection = self._connection
            if connection is None or self._server != message.server or connection.is_stale():
                connection = yield from self._open(message.server)
            answer = yield from connection.exchange(message)
        except OSError as error:
            self.close()
            return Shot(None, self._ms(), {}, _reason(error))
        if not answer.is_kept:
            self.close()
        return Shot(answer.status, self._ms(), answer.headers)

    def close(self) -> None:
        """Be without a connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _ms(self) -> float:
        return (time.perf_counter() - self.begun) * 1000

    def _open(self, server: _Server) -> _Waiting[_Connection]:
        failure: OSError | None = None
        for family, address in self._addresses[server]:
            self.close()
            try:
                self._connection = connection = _Connection(self._poll, family)
                yield from connection.connect(address)
            except OSError as error:
                # The first address is the most promising one.
                failure = failure or error
                continue
            if self._context and server.scheme == "https":
                yield from connection.secure(self._context, server.host)
            self._server = server
            return connection
        raise failure or socket.gaierror


class _Connection:
    """Sends messages and reads answers."""

    def __init__(self, poll: select.epoll, family: int) -> None:
        self._socket = socket.socket(family)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(self._socket, _EVENTS)
        # What was received and belongs to no answer yet.
        self._rest = b""

    def connect(self, address: tuple[Any, ...]) -> _Waiting[None]:
        """Connect to where a server may be."""
        yield from self._persist(self._socket.connect, address)

    def secure(self, context: ssl.SSLContext, host: str) -> _Waiting[None]:
        """Go on in TLS."""
        self._socket = secured = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        yield from self._persist(secured.do_handshake)

    def is_stale(self) -> bool:
        """Whether the server has ended the connection, or has said what nobody asked."""
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return bool(self._rest)
        except OSError:
            return True
        return True

    def exchange(self, message: _Message) -> _Waiting[_Answer]:
        """Send a message and read the answer to its end."""
        # Whoever finds a request too large answers, and hangs up, before it has come to its end.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            yield from self._send(message.content)
        answer = yield from self._head()
        while answer.status < 200:
            answer = yield from self._head()
        yield from self._skip_body(message.method, answer)
        return answer

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _persist(self, act: Callable[..., _Value], *arguments: object) -> _Waiting[_Value]:
        """Do this as soon as it can be done."""
        while True:
            try:
                return act(*arguments)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                yield self._socket.fileno()

    def _send(self, content: bytes) -> _Waiting[None]:
        left = memoryview(content)
        while left:
            left = left[(yield from self._persist(self._socket.send, left)) :]

    def _receive(self) -> _Waiting[bytes]:
        received = yield from self._persist(self._socket.recv, 16384)
        if not received:
            raise _Unreadable
        return received

    def _head(self) -> _Waiting[_Answer]:
        line, *lines = (yield from self._until(b"\r\n\r\n")).split(b"\r\n")
        found = _STATUS.match(line)
        if not found:
            raise _Unreadable
        headers: dict[str, str] = {}
        for name, _colon, text in (line.decode("latin-1").partition(":") for line in lines):
            known, value = name.lower(), text.strip()
            headers[known] = f"{headers[known]}, {value}" if known in headers else value
        said = headers.get("connection", "").lower()
        return _Answer(int(found[2]), headers, "close" not in said if found[1] == b"1" else "keep-alive" in said)

    def _skip_body(self, method: str, answer: _Answer) -> _Waiting[None]:
        length = answer.headers.get("content-length", "")
        if method == "HEAD" or answer.status in (204, 304):
            return
        if "chunked" in answer.headers.get("transfer-encoding", "").lower():
            yield from self._skip_chunks()
        elif length.isdecimal():
            yield from self._skip(int(length))
        else:
            while (yield from self._persist(self._socket.recv, 65536)):
                pass

    def _skip_chunks(self) -> _Waiting[None]:
        size = -1
        while size:
            found = _CHUNK.match((yield from self._until(b"\r\n")))
            if not found:
                raise _Unreadable
            size = int(found[1], 16)
            yield from self._skip(size)
            # What follows the last one ends in an empty line, as each of the others does.
            while (yield from self._until(b"\r\n")):
                if size:
                    raise _Unreadable

    def _skip(self, count: int) -> _Waiting[None]:
        while count > len(self._rest):
            count -= len(self._rest)
            self._rest = yield from self._receive()
        self._rest = self._rest[count:]

    def _until(self, mark: bytes) -> _Waiting[bytes]:
        while mark not in self._rest:
            if len(self._rest) > _LONGEST_HEAD:
                raise _Unreadable
            self._rest += yield from self._receive()
        found, _mark, self._rest = self._rest.partition(mark)
        return found


class _Writer(HTTPConnection):
    """Keeps what it would send."""

    content = b""

    def send(self, data: bytes) -> None:  # type: ignore[override] # it is given no files here
        self.content += data


def _written(request: Request) -> _Message:
    try:
        parts = urlsplit(request.url)
        server = _Server(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
        headers = {"user-agent": "shipshape.webapp", "accept": "*/*", **_login(parts)}
        headers.update((name.lower(), value) for name, value in request.headers.items())
        writer = _Writer(server.host, server.port)
        writer.default_port = _PORTS[server.scheme]
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        # As bytes, because http.client would refuse what latin-1 does not have.
        encoded = {name: value.encode(errors="surrogateescape") for name, value in headers.items()}
        writer.request(request.method, target, request.body, encoded)
    except (ValueError, KeyError, HTTPException) as error:
        # What these say quotes the address or a header with all that is secret in it.
        message = f"No {request.method} could be sent: its address or one of its headers is not valid."
        raise HttpError(message, reason="connection") from error
    return _Message(server, request.method, writer.content)


def _login(parts: SplitResult) -> dict[str, str]:
    user, at, _host = parts.netloc.rpartition("@")
    return {"authorization": f"Basic {base64.b64encode(unquote(user).encode()).decode()}"} if at else {}


def _addresses(server: _Server) -> list[tuple[int, tuple[object, ...]]]:
    """Those of the name; looked up once, because what is measured is the server and not the DNS."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return [(family, address) for family, _type, _protocol, _name, address in found]


def _context(trust: Trust) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=trust.ca)
    except OSError as error:
        message = f"{trust.ca} cannot be read as certificates: {error.strerror or error}."
        raise HttpError(message, reason="certificate") from error
    if not trust.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: OSError) -> str:
    for kinds, reason in _REASONS:
        if isinstance(error, kinds):
            return reason
    return "connection"


_REASONS: tuple[tuple[tuple[type[OSError], ...], str], ...] = (
    ((socket.gaierror,), "dns"),
    ((ssl.SSLError,), "certificate"),
    # They are two up to Python 3.9.
    ((TimeoutError, socket.timeout), "timeout"),
    ((ConnectionRefusedError,), "refused"),
)
