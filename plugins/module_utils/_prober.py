# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process of its own that asks an application again and again. This module is private to the collection.

It is split off from the module, and outlives it; nothing of what it asks with stands in an argument or on a disk.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Probe

# Of an answer, as much is read as tells that it is one.
_LONGEST = 2**20

_HIGHEST_DESCRIPTOR = 4096

# A name that is none raises UnicodeError.
_ERRORS = (OSError, http.client.HTTPException, UnicodeError)


class HostProber:
    """Starts what asks."""

    def start(self, probe: Probe, path: str) -> None:
        """Begin to ask. The first line of the file says which process does so, and when it began."""
        context = _context(probe)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise FileError.of(path, "written", error) from error
        # It is closed on the other side once the first line is written.
        reader, writer = os.pipe()
        # A process between the two, so that nobody has to wait for the one that stays.
        between = os.fork()
        if between == 0:
            try:
                os.setsid()
                if os.fork() == 0:
                    _become_a_process_of_its_own(descriptor)
                    _ask_until_told(probe, context)
            finally:
                os._exit(0)
        os.close(descriptor)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        os.waitpid(between, 0)


def _context(probe: Probe) -> ssl.SSLContext | None:
    if urlsplit(probe.url).scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=probe.ca)
    except OSError as error:
        raise FileError.of(str(probe.ca), "read as certificates", error) from error
    if not probe.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _become_a_process_of_its_own(descriptor: int) -> None:
    """Let go of all that the module has open, for which whoever started it waits; the file becomes the output."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(descriptor, 1)
    for number in (0, 2):
        os.dup2(nothing, number)
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        # The name of the program, which can hold anything, stands in parentheses before.
        began = file.read().rpartition(")")[2].split()[19]
    os.write(1, f"# {os.getpid()} {began}\n".encode())
    os.closerange(3, _HIGHEST_DESCRIPTOR)
    os.chdir("/")


def _ask_until_told(probe: Probe, context: ssl.SSLContext | None) -> None:
    ends = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ends.set())
    asking = [
        threading.Thread(target=_ask, args=(probe, context, connection, ends), daemon=True)
        for connection in ("kept", "new")
    ]
    for thread in asking:
        thread.start()
    ends.wait(probe.at_most)
    ends.set()
    # What is under way is told, too.
    for thread in asking:
        thread.join(probe.timeout + 1)


def _ask(probe: Probe, context: ssl.SSLContext | None, connection: str, ends: threading.Event) -> None:
    asker = _Asker(probe, context)
    due = time.monotonic()
    while not ends.is_set():
        at, began = time.time(), time.monotonic()
        outcome = asker.ask()
        if connection == "new":
            asker.close()
        line = f"{at:.3f} {(time.monotonic() - began) * 1000:.1f} {connection} {outcome}\n"
        os.write(1, line.encode())
        # In step, however long an answer takes; what could not be asked meanwhile is not asked later.
        due = max(due + probe.interval, time.monotonic())
        ends.wait(due - time.monotonic())


class _Asker:
    """Asks over one connection for as long as it lasts."""

    def __init__(self, probe: Probe, context: ssl.SSLContext | None) -> None:
        self._probe = probe
        self._context = context
        parts = urlsplit(probe.url)
        self._place = (parts.hostname or "", parts.port)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None

    def ask(self) -> str:
        """The status, or in a word what went wrong."""
        is_kept = self._connection is not None
        try:
            return self._status()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not is_kept:
                return _word(error)
        except _ERRORS as error:
            self.close()
            return _word(error)
        # The server may end a connection on which nothing is under way. Browsers ask again, too.
        try:
            return self._status()
        except _ERRORS as error:
            self.close()
            return _word(error)

    def close(self) -> None:
        """The next request opens a new connection."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None

    def _status(self) -> str:
        if self._connection is None:
            self._connection = self._opened()
        self._connection.request("GET", self._path, headers=dict(self._probe.headers))
        response = self._connection.getresponse()
        body = response.read(_LONGEST)
        if len(body) < _LONGEST and response.length:
            # What is read in part is not told to be cut off.
            raise http.client.IncompleteRead(body, response.length)
        if not response.isclosed() or response.will_close:
            self.close()
        return str(response.status)

    def _opened(self) -> http.client.HTTPConnection:
        host, port = self._place
        timeout, context = self._probe.timeout, self._context
        connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
            if context
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
        if self._probe.address is not None:
            # As if the name led there: it is what is asked for, and what the certificate has to hold.
            plain = socket.create_connection((self._probe.address, connection.port), timeout)
            connection.sock = context.wrap_socket(plain, server_hostname=host) if context else plain
        return connection


def _word(error: Exception) -> str:
    for kind, word in _WORDS.items():
        if isinstance(error, kind):
            return word
    return "connection"


_WORDS = {
    TimeoutError: "timeout",
    ConnectionRefusedError: "refused",
    ssl.SSLCertVerificationError: "certificate",
    ConnectionError: "broken",
    http.client.HTTPException: "unreadable",
}
