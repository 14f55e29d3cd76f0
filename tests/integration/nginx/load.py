# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that ask the sites of nginx in turn, as fast as they can, and read and compare each answer to its last byte.

Runs on a test host. The first line of its standard input says which sites are asked by which clients. To each other
line it says how many answers each client has so far, and at the end it tells all of them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import select
import socket
import sys
import time
from typing import NamedTuple

# How often the backend writes the line that says who it is and what it was asked, before the body that it echoes.
LINES = 40

# How long a slow client stops in the middle of its request, in seconds; the backend itself stops in the answer.
_PAUSE = 0.5

_LONGEST_BODY = 20_000
_TIMEOUT = 15

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nRetry-After: (\d+)\r\n", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nConnection: close\r\n", re.IGNORECASE)


class Kind(NamedTuple):
    """What a client does: GET or POST, over one connection or many; with a pause in the answer, or in the upload."""

    method: str
    is_kept: bool
    pause: str = ""


class Answer(NamedTuple):
    """When a request began and ended, its status or 0, which process answered, and Retry-After or what went wrong."""

    begun: float
    ended: float
    status: int
    who: str
    told: str


class _Wrong(Exception):
    """An answer is not the one to this request, or not all of it."""


class Client:
    """Asks without end, one request at a time."""

    def __init__(self, kind: Kind, number: int, sites: list[str]) -> None:
        self._kind = kind
        self._number = number
        self._sites = sites
        self._connection: socket.socket | None = None
        self._block = random.Random(number).randbytes(_LONGEST_BODY)  # noqa: S311 (bytes like any others)

    def ask(self, turn: int) -> Answer:
        """What becomes of one request, which is never sent twice."""
        path = f"/{self._kind.pause or 'at-once'}/{self._number}/{turn}"
        # Of all sizes, also such that nginx takes to a file.
        body = self._block[: (turn + 1) * 7919 % _LONGEST_BODY] if self._kind.method == "POST" else b""
        begun = time.monotonic()
        status, who, told = 0, "", ""
        try:
            connection = self._open()
            self._send(connection, self._sites[turn % len(self._sites)], path, body)
            head, received = _receive(connection)
            status, who, told = _judge(head, received, path, body)
            if not self._kind.is_kept or _CLOSES.search(head):
                self._close()
        except (OSError, _Wrong) as error:
            self._close()
            told = f"{type(error).__name__} {error}"
        return Answer(round(begun, 6), round(time.monotonic(), 6), status, who, told)

    def _open(self) -> socket.socket:
        # The server may end a connection over which it owes nothing.
        if self._connection and select.select([self._connection], [], [], 0)[0]:
            self._close()
        if not self._connection:
            self._connection = socket.create_connection(("127.0.0.1", 80), timeout=_TIMEOUT)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection

    def _send(self, connection: socket.socket, site: str, path: str, body: bytes) -> None:
        kept = "keep-alive" if self._kind.is_kept else "close"
        lines = (f"{self._kind.method} {path} HTTP/1.1", f"Host: {site}", f"Connection: {kept}")
        length = f"Content-Length: {len(body)}\r\n" if self._kind.method == "POST" else ""
        content = "\r\n".join((*lines, f"{length}\r\n")).encode() + body
        if self._kind.pause == "upload":
            half = len(content) - len(body) // 2
            connection.sendall(content[:half])
            time.sleep(_PAUSE)
            content = content[half:]
        connection.sendall(content)

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


def _receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of an answer."""
    received, wanted = b"", -1
    while wanted < 0 or len(received) < wanted:
        more = connection.recv(65536)
        if not more:
            raise _Wrong(f"ended after {len(received)} bytes")
        received += more
        end = received.find(b"\r\n\r\n") + 4 if wanted < 0 else 0
        if end > 3:
            head = received[: end - 2]
            found = _LENGTH.search(head)
            if not found:
                raise _Wrong("no length")
            wanted = end + int(found[1])
    if len(received) > wanted:
        raise _Wrong("more than an answer")
    return head, received[len(head) + 2 :]


def _judge(head: bytes, received: bytes, path: str, body: bytes) -> tuple[int, str, str]:
    """The status, who answered, and what goes with it. Raises _Wrong."""
    found = _STATUS.match(head)
    if not found:
        raise _Wrong("no status")
    status = int(found[1])
    if status != 200:
        retry_after = _RETRY_AFTER.search(head)
        return status, "", retry_after[1].decode() if retry_after else ""
    who = received[: received.find(b" ")]
    if received != b"%s %s\n" % (who, path.encode()) * LINES + body:
        raise _Wrong("not the answer to this request")
    return status, who.decode(), ""


# What the process that listens shares with its clients, which begin as copies of it.
_FORK = multiprocessing.get_context("fork")
_IS_OVER = _FORK.Event()
_COUNTS = _FORK.RawArray("L", 64)


def _work(kind: Kind, number: int, sites: list[str]) -> list[Answer]:
    """All that a client is told."""
    # Clients take all the time that there is, and whoever moves the traffic is not to wait for it.
    os.nice(5)
    client = Client(kind, number, sites)
    answers: list[Answer] = []
    while not _IS_OVER.is_set():
        answers.append(client.ask(len(answers)))
        _COUNTS[number] = len(answers)
    return answers


def main() -> None:
    """Do what the standard input says."""
    sites, *kinds = json.loads(sys.stdin.readline())
    tasks = [(Kind(*kind), number, sites) for number, kind in enumerate(kinds)]
    with _FORK.Pool(len(tasks)) as pool:
        working = pool.starmap_async(_work, tasks, chunksize=1)
        for _line in sys.stdin:
            print(json.dumps(list(_COUNTS)[: len(tasks)]), flush=True)
        _IS_OVER.set()
        print(json.dumps(working.get()))


if __name__ == "__main__":
    main()
