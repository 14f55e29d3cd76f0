# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that say what a test wants, certificates, and the world as checks of sockets see it."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.frames import TEXT, accept_of
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Observed, Setting, World
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Http, Network, Paths
from ansible_collections.shipshape.webapp.plugins.modules.smoke_check import this_world

NOW = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
DAY = dt.timedelta(days=1)

Talk = Callable[[socket.socket], None]


def world(network: Network | None = None) -> World:
    """This machine; of HTTP and files no check of sockets may know."""
    return replace(this_world(), http=cast(Http, None), network=network or HostNetwork(), paths=cast(Paths, None))


def observe(kind: Kind, setting: Setting | None = None, network: Network | None = None, **options: Any) -> Observed:
    """What the kind sees with these options, which must be right."""
    values, told = read(kind.options, options, kind.name)
    assert [*told, *kind.problems(values)] == []
    assert kind.mark(values, setting or Setting(), world(network)) is None
    return kind.observe(values, setting or Setting(timeout=5), world(network), None)


def problems(kind: Kind, **options: Any) -> list[str]:
    """What the kind has against these options."""
    values, told = read(kind.options, options, kind.name)
    assert told == []
    return list(kind.problems(values))


@contextmanager
def serving(talk: Talk, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[int]:
    """The port of a server that talks so with everybody who connects, over TLS if there is a context for it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        threads: list[threading.Thread] = []

        def one(client: socket.socket) -> None:
            # Whoever does not believe the certificate, or has seen enough, hangs up in the middle.
            with client, contextlib.suppress(OSError):
                client.settimeout(5)
                if not context:
                    talk(client)
                    return
                with context.wrap_socket(client, server_side=True) as secured:
                    talk(secured)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=one, args=[listener.accept()[0]]))
                    threads[-1].start()

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (server, *threads):
                thread.join()


def until_closed(client: socket.socket) -> None:
    """Say nothing, and read until the client hangs up."""
    while client.recv(65536):
        pass


def read_until(client: socket.socket, end: bytes) -> bytes:
    """What the client says up to there."""
    data = b""
    while not data.endswith(end):
        more = client.recv(65536)
        if not more:
            raise OSError("the client hung up")
        data += more
    return data


def saying(*data: bytes) -> Talk:
    """Says this as soon as it is asked anything, and hangs up."""

    def talk(client: socket.socket) -> None:
        client.recv(65536)
        for part in data:
            client.sendall(part)

    return talk


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key in one file, and what others can be signed with."""

    path: str
    own: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def context(self, **versions: ssl.TLSVersion) -> ssl.SSLContext:
        """How a server shows it, that speaks these versions (minimum, maximum)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if versions:
            context.set_ciphers("ALL:@SECLEVEL=0")
        for end, version in versions.items():
            setattr(context, f"{end}_version", version)
        context.load_cert_chain(self.path)
        return context


def certificate(
    folder: Path,
    names: Sequence[str] = ("127.0.0.1",),
    *,
    called: str = "shipshape test",
    by: Certificate | None = None,
    begins: dt.datetime = NOW - DAY,
    ends: dt.datetime = NOW + 30 * DAY,
    is_authority: bool = False,
) -> Certificate:
    """A new one, which vouches for itself unless somebody else does."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.own.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
    own = builder.sign(by.key if by else key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / f"{own.serial_number}.pem"
    file.write_bytes(own.public_bytes(pem) + secret)
    return Certificate(str(file), own, key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def without_ms(values: Mapping[str, Any]) -> dict[str, Any]:
    """All but how long it took, which must have taken some time and less than these tests may."""
    assert 0 < values["ms"] < 5000
    return {name: value for name, value in values.items() if name != "ms"}


def wire(opcode: int, data: bytes, *, is_last: bool = True) -> bytes:
    """A frame as a server sends it."""
    first = bytes([(0x80 if is_last else 0) | opcode])
    if len(data) < 126:
        return first + bytes([len(data)]) + data
    if len(data) < 65536:
        return first + b"\x7e" + len(data).to_bytes(2, "big") + data
    return first + b"\x7f" + len(data).to_bytes(8, "big") + data


# What a peer hears of a client that closes properly.
OVER = "8 \x03\\xe8"


class Peer:
    """The server's end of a WebSocket."""

    def __init__(self, client: socket.socket, heard: list[str]) -> None:
        self._client = client
        self._heard = heard
        self.request = read_until(client, b"\r\n\r\n").decode(errors="surrogateescape")

    def switch(self, *frames: bytes, headers: str = "") -> None:
        """Agree, and send the first frames in the same breath."""
        key = next(line[19:] for line in self.request.splitlines() if line.startswith("Sec-WebSocket-Key: "))
        said = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}"
        self._client.sendall(f"{said}Sec-WebSocket-Accept: {accept_of(key)}\r\n\r\n".encode() + b"".join(frames))

    def say(self, text: str) -> None:
        """Send a text."""
        self._client.sendall(wire(TEXT, text.encode()))

    def send(self, data: bytes) -> None:
        """Send frames."""
        self._client.sendall(data)

    def hear(self) -> bytes:
        """The next thing that the client says; nothing if it has ended without a word."""
        head = self._exactly(2)
        if not head:
            self._heard.append("end")
            return b""
        assert head[1] & 0x80, "a client masks what it says"
        size = head[1] & 0x7F
        if size == 126:
            size = int.from_bytes(self._exactly(2), "big")
        mask = self._exactly(4)
        data = bytes(letter ^ mask[at % 4] for at, letter in enumerate(self._exactly(size)))
        self._heard.append(f"{head[0] & 0x0F:x} {data.decode(errors='backslashreplace')}")
        return data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._client.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data


def talking(talk: Callable[[Peer], None], heard: list[str]) -> Talk:
    """A server of WebSockets; what it hears, it writes down with the opcode before it."""

    def answer(client: socket.socket) -> None:
        talk(Peer(client, heard))

    return answer
