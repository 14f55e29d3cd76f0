# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that ask an application in turn while something is done to it, and count what fails."""

from __future__ import annotations

import http.client
import multiprocessing
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

# Over a connection that is kept and over a new one, with a body and without.
KINDS = [(method, is_kept) for method in ("GET", "POST") for is_kept in (True, False)]

# So that the machine has time for what is done to the application.
PAUSE = 0.01
TIMEOUT = 15


@dataclass(frozen=True)
class Site:
    """What is asked for: the name at the address, by TLS where an authority vouches for it."""

    address: str
    name: str
    get: str = "/health"
    # Without a token an order is refused with 401, after its body was read.
    post: str = "/api/jobs/create-advanced"
    body: bytes = b'{"sku_code": "C1-15"}'
    authority: str = ""

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is not open yet."""
        if not self.authority:
            return http.client.HTTPConnection(self.address, timeout=TIMEOUT)
        return _Named(self)


class _Named(http.client.HTTPSConnection):
    """A connection to the address at which the resolver does not know the name."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._trust = ssl.create_default_context(cafile=site.authority)
        super().__init__(site.name, timeout=TIMEOUT, context=self._trust)

    def connect(self) -> None:
        plain = socket.create_connection((self._site.address, self.port), TIMEOUT)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self._site.name)


@dataclass
class Load:
    """What the clients were answered, once they have stopped."""

    answers: Counter[str] = field(default_factory=Counter)
    counter: Any = field(default_factory=lambda: multiprocessing.Value("i", 0))

    def sent(self) -> int:
        """How many requests there were so far."""
        sent: int = self.counter.value
        return sent

    @property
    def failed(self) -> dict[str, int]:
        """What nobody may be answered: errors of the server, and nothing at all."""
        return {answer: count for answer, count in self.answers.items() if not "200" <= answer < "500"}

    @property
    def total(self) -> int:
        """How many requests there were."""
        return sum(self.answers.values())


@contextmanager
def load(address: str, name: str, **asked: Any) -> Iterator[Load]:
    """Clients of each kind that ask the site of this name at the address, until the context ends."""
    site = Site(address, name, **asked)
    measured = Load()
    pipes = []
    for method, is_kept in KINDS:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(
            target=_ask, args=(there, measured.counter, site, method, is_kept), daemon=True
        )
        process.start()
        pipes.append((here, process))
    try:
        yield measured
    finally:
        for here, _process in pipes:
            here.send("stop")
        for here, process in pipes:
            measured.answers.update(here.recv())
            process.join()


def _ask(pipe: Connection[Any, Any], counter: Any, site: Site, method: str, is_kept: bool) -> None:
    answers: Counter[str] = Counter()
    connection = site.connection()
    headers = {"Host": site.name, "Content-Type": "application/json"}
    path, body = (site.get, None) if method == "GET" else (site.post, site.body)
    while not pipe.poll():
        try:
            connection.request(method, path, body=body, headers=headers)
            with connection.getresponse() as response:
                response.read()
                answers[str(response.status)] += 1
        except (OSError, http.client.HTTPException) as error:
            answers[_again(connection, method, path, headers, error)] += 1
        with counter.get_lock():
            counter.value += 1
        if not is_kept:
            connection.close()
        time.sleep(PAUSE)
    pipe.send(answers)


def _again(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], error: Exception
) -> str:
    """A server may end a connection on which nothing is under way; browsers then ask once more, but never for POST."""
    connection.close()
    if method != "GET" or not isinstance(error, http.client.RemoteDisconnected):
        return type(error).__name__
    try:
        connection.request(method, path, headers=headers)
        with connection.getresponse() as response:
            response.read()
            return str(response.status)
    except (OSError, http.client.HTTPException) as again:
        return type(again).__name__
