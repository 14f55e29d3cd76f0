# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that ask an application in turn while something is done to it, and count what fails."""

from __future__ import annotations

import http.client
import multiprocessing
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
def load(address: str, name: str) -> Iterator[Load]:
    """Clients of each kind that ask the site of this name at the address, until the context ends."""
    measured = Load()
    pipes = []
    for method, is_kept in KINDS:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(
            target=_ask, args=(there, measured.counter, address, name, method, is_kept), daemon=True
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


def _ask(pipe: Connection[Any, Any], counter: Any, address: str, name: str, method: str, is_kept: bool) -> None:
    answers: Counter[str] = Counter()
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    headers = {"Host": name, "Content-Type": "application/json"}
    # Without a token an order is refused with 401, after its body was read.
    path, body = ("/health", None) if method == "GET" else ("/api/jobs/create-advanced", b'{"sku_code": "C1-15"}')
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
