# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._sockets import HostSockets
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Listener, Socket, Sockets

SOCKETS: Sockets = HostSockets()
OWN = [os.getpid()]


@contextmanager
def connection(family: socket.AddressFamily, address: str) -> Iterator[tuple[socket.socket, int]]:
    """A connection, and the port to which it leads."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(family))
        server.bind((address, 0))
        server.listen()
        client = stack.enter_context(socket.socket(family))
        client.connect(server.getsockname())
        stack.enter_context(server.accept()[0])
        yield client, server.getsockname()[1]


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.9"), (socket.AF_INET6, "::1")]
)
def test_connection_is_seen_while_it_lasts(family: socket.AddressFamily, address: str) -> None:
    with connection(family, address) as (client, port):
        assert SOCKETS.established([(address, port)], OWN) == [Socket((address, port), is_kept_alive=False)]

        client.close()

        assert SOCKETS.established([(address, port)], OWN) == []


def test_address_is_the_same_however_it_is_written() -> None:
    with connection(socket.AF_INET6, "::1") as (_client, port):
        assert len(SOCKETS.established([("0:0:0:0:0:0:0:1", port)], OWN)) == 1
    with connection(socket.AF_INET, "127.0.0.1") as (_client, port):
        assert SOCKETS.established([("::ffff:127.0.0.1", port)], OWN) == [Socket(("127.0.0.1", port), False)]


def test_connection_of_a_socket_for_both_families_is_seen() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = server.getsockname()[1]
        client = stack.enter_context(socket.socket(socket.AF_INET6))
        client.connect(("::ffff:127.0.0.1", port))

        assert SOCKETS.established([("127.0.0.1", port)], OWN) == [Socket(("127.0.0.1", port), False)]


def test_kept_alive_connection_is_told_apart() -> None:
    with connection(socket.AF_INET, "127.0.0.1") as (client, port):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

        assert SOCKETS.established([("127.0.0.1", port)], OWN) == [Socket(("127.0.0.1", port), True)]


def test_connections_of_others_are_not_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; c = socket.create_connection(('127.0.0.1', {port})); print(flush=True); input()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            place = ("127.0.0.1", port)

            assert SOCKETS.established([place], [*OWN, 2**22]) == []
            assert SOCKETS.established([place], [*OWN, other.pid]) == [Socket(place, False)]
            other.communicate(b"\n")


def test_all_are_seen_where_their_owners_may_not_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refuse)
    with connection(socket.AF_INET, "127.0.0.1") as (_client, port):
        assert SOCKETS.established([("127.0.0.1", port)], [2**22]) == [Socket(("127.0.0.1", port), False)]
        assert SOCKETS.established([("127.0.0.2", port)], [2**22]) == []


def test_listening_and_other_connections_are_not_seen() -> None:
    with connection(socket.AF_INET, "127.0.0.1") as (_client, port):
        # No client is ever at port 1.
        assert SOCKETS.established([("127.0.0.2", port), ("127.0.0.1", 1)], OWN) == []
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert SOCKETS.established([("0.0.0.0", 0), server.getsockname()[:2]], OWN) == []


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")]
)
def test_listening_socket_is_seen_while_it_is_open(family: socket.AddressFamily, address: str) -> None:
    with socket.create_server((address, 0), family=family) as server:
        port, inode = server.getsockname()[1], str(os.fstat(server.fileno()).st_ino)
        listener = Listener(address, port, os.geteuid(), inode)

        assert SOCKETS.listening([port]) == [listener]
        assert SOCKETS.listening([port, port + 1]).count(listener) == 1
        assert listener in SOCKETS.listening()
        assert SOCKETS.listening([]) == []

    assert SOCKETS.listening([port]) == []
    assert listener not in SOCKETS.listening()


def test_connection_is_no_listening_socket() -> None:
    with connection(socket.AF_INET, "127.0.0.1") as (client, port):
        assert len(SOCKETS.listening([port])) == 1
        assert SOCKETS.listening([client.getsockname()[1]]) == []


def test_sockets_of_a_process_are_known_by_their_inodes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        [listener] = SOCKETS.listening([port])

        assert listener.inode in (SOCKETS.opened(os.getpid()) or ())

    assert listener.inode not in (SOCKETS.opened(os.getpid()) or ())
    assert SOCKETS.opened(2**22) == frozenset()


def test_sockets_of_a_process_that_may_not_be_looked_into_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refuse)

    assert SOCKETS.opened(os.getpid()) is None
