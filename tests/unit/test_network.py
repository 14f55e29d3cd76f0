# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _network
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Handshake, Trust
from tests.unit.smoke.sockets import (
    DAY,
    NOW,
    Certificate,
    Talk,
    certificate,
    closed_port,
    saying,
    serving,
    until_closed,
)

# Tests of old versions have to name them.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.*:DeprecationWarning")

ANYBODY = Trust(is_verified=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Certificate:
    return certificate(folder, (), called="authority", is_authority=True)


@pytest.fixture(scope="module")
def good(folder: Path, authority: Certificate) -> Certificate:
    return certificate(folder, ("127.0.0.1", "example.com"), by=authority)


def ask(
    port: int, question: bytes = b"hello", *, host: str = "127.0.0.1", timeout: float = 5, trust: Trust | None = None
) -> bytes:
    with HostNetwork().connect(host, port, timeout=timeout, trust=trust) as stream:
        stream.send(question)
        return stream.receive()


def unanswered(port: int, *, host: str = "127.0.0.1", timeout: float = 5, trust: Trust | None = None) -> HttpError:
    with pytest.raises(HttpError) as caught:
        ask(port, host=host, timeout=timeout, trust=trust)
    return caught.value


def echo(client: socket.socket) -> None:
    client.sendall(client.recv(65536))


def shake(
    port: int, trust: Trust = ANYBODY, *, name: str | None = None, version: str | None = None, timeout: float = 5
) -> Handshake:
    return HostNetwork().handshake("127.0.0.1", port, timeout=timeout, trust=trust, name=name, version=version)


def test_what_is_sent_comes_back_over_tcp() -> None:
    with serving(echo) as port:
        assert ask(port, b"\x00\xff") == b"\x00\xff"


def test_what_is_sent_comes_back_over_tls(good: Certificate, authority: Certificate) -> None:
    with serving(echo, good.context()) as port:
        assert ask(port, b"\x00\xff", trust=Trust(authority.path)) == b"\x00\xff"


def test_end_of_the_other_side_is_nothing() -> None:
    with serving(saying()) as port:
        assert ask(port) == b""


def test_ipv6_is_reached_and_shown_in_brackets() -> None:
    with serving(echo, host="::1") as port:
        assert ask(port, host="::1") == b"hello"

    assert unanswered(port, host="::1").message == (
        f"tcp [::1]:{port} has no connection: nothing listens there. Start the server, or correct the port."
    )


def addresses(*hosts: str) -> Callable[..., list[object]]:
    def getaddrinfo(_host: str, port: int, **_: object) -> list[object]:
        return [
            (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in hosts
        ]

    return getaddrinfo


def test_addresses_of_a_name_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HostNetwork().addresses("127.0.0.1") == ["127.0.0.1"]

    monkeypatch.setattr(socket, "getaddrinfo", addresses("192.0.2.7", "::1", "192.0.2.7"))

    assert HostNetwork().addresses("both") == ["192.0.2.7", "::1"]


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64 + ".invalid"])
def test_name_without_an_address_is_told(host: str) -> None:
    with pytest.raises(HttpError) as caught:
        HostNetwork().addresses(host)

    assert caught.value.reason == "dns"
    assert caught.value.message.startswith(f"{host} has no address: ")


def test_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", addresses("::1", "127.0.0.1"))

    with serving(echo) as port:
        assert ask(port, host="both") == b"hello"


def test_address_that_is_silent_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(echo) as port, ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.2", port))
        full.listen(0)
        # Its queue takes one, and who comes next hears nothing.
        for _time in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", port))
        monkeypatch.setattr(socket, "getaddrinfo", addresses("127.0.0.2", "127.0.0.1"))

        assert ask(port, host="both", timeout=0.4) == b"hello"

        monkeypatch.setattr(socket, "getaddrinfo", addresses("127.0.0.2"))
        assert unanswered(port, host="127.0.0.2", timeout=0.1).message == (
            f"tcp 127.0.0.2:{port} has no connection: nothing came for 0.1 seconds. Look for a firewall in between, or"
            " allow more time."
        )


def test_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    class Refusing(socket.socket):
        def connect(self, _: object) -> None:
            shares.append(self.gettimeout() or 0)
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", addresses("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    monkeypatch.setattr(socket, "socket", Refusing)

    assert unanswered(80, timeout=6).reason == "refused"
    assert shares == pytest.approx([2, 3, 6], abs=0.5)


def test_address_that_answers_has_all_of_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", addresses("127.0.0.1", "127.0.0.2"))
    begun = time.monotonic()

    with serving(until_closed) as port:
        assert unanswered(port, timeout=0.2, trust=ANYBODY).reason == "timeout"

    assert time.monotonic() - begun > 0.15


class Firewalled(socket.socket):
    """Where some addresses cannot be reached, each for a reason of its own."""

    def connect(self, address: tuple[str, int]) -> None:  # type: ignore[override]  # of two kinds of address
        code = {"2001:db8::1": errno.ENETUNREACH, "192.0.2.1": errno.EHOSTUNREACH, "192.0.2.2": errno.EPERM}
        if address[0] in code:
            raise OSError(code[address[0]], os.strerror(code[address[0]]))
        super().connect(address)


@pytest.mark.parametrize(
    ("hosts", "reason", "said"),
    [
        (["192.0.2.1"], "refused", "no way leads there. Look for a firewall in between, and whether the host is up."),
        (["192.0.2.2"], "connection", "Operation not permitted."),
        (["2001:db8::1"], "connection", "Network is unreachable."),
        (["127.0.0.1", "2001:db8::1"], "refused", "nothing listens there. Start the server, or correct the port."),
        (["2001:db8::1", "127.0.0.1"], "refused", "nothing listens there. Start the server, or correct the port."),
        (["2001:db8::1", "2001:db8::1"], "connection", "Network is unreachable."),
    ],
)
def test_address_that_cannot_be_reached_is_told(
    hosts: list[str], reason: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_port()
    monkeypatch.setattr(socket, "getaddrinfo", addresses(*hosts))
    monkeypatch.setattr(socket, "socket", Firewalled)

    error = unanswered(port, host="example.com")

    assert (error.message, error.reason) == (f"tcp example.com:{port} has no connection: {said}", reason)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("name.invalid", "its host name is not known to the DNS. Check the name, and the DNS of this host."),
        ("a" * 64 + ".invalid", "this is no valid host name."),
    ],
)
def test_unknown_host_is_told(host: str, said: str) -> None:
    error = unanswered(80, host=host)

    assert (error.message, error.reason) == (f"tcp {host}:80 has no connection: {said}", "dns")


def test_silence_is_told() -> None:
    with serving(until_closed) as port, HostNetwork().connect("127.0.0.1", port, timeout=0.05) as stream:
        stream.send(b"hello")
        for timeout, seconds in ((None, "0.05"), (0.01, "0.01"), (-1, "0")):
            with pytest.raises(HttpError) as caught:
                stream.receive(timeout)

            assert caught.value.reason == "timeout"
            assert caught.value.message == (
                f"tcp 127.0.0.1:{port} gave no answer: nothing came for {seconds} seconds. Look for a firewall in"
                " between, or allow more time."
            )


def test_own_timeout_of_a_wait_does_not_stay() -> None:
    is_asked = threading.Event()

    def slow(client: socket.socket) -> None:
        client.recv(1)
        is_asked.wait(5)
        while not client.recv(1_000_000).endswith(b"end"):
            pass
        client.sendall(b"late")

    with serving(slow) as port, HostNetwork().connect("127.0.0.1", port, timeout=5) as stream:
        stream.send(b"x")
        with pytest.raises(HttpError):
            stream.receive(0.001)
        threading.Timer(0.05, is_asked.set).start()
        # More than anybody keeps for a server that does not read yet.
        stream.send(b"x" * 20_000_000)
        threading.Timer(0.05, stream.send, [b"end"]).start()
        assert stream.receive() == b"late"


def reset(client: socket.socket) -> None:
    client.recv(65536)
    # With this, what is closed is not ended but broken off.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_connection_that_breaks_off_is_told() -> None:
    with serving(reset) as port:
        error = unanswered(port)

    assert error.reason == "connection"
    assert error.message == f"tcp 127.0.0.1:{port} gave no answer: Connection reset by peer."


def test_full_connection_does_not_take_for_ever() -> None:
    is_over = threading.Event()

    def deaf(_client: socket.socket) -> None:
        is_over.wait(5)

    with serving(deaf) as port:
        with HostNetwork().connect("127.0.0.1", port, timeout=0.1) as stream, pytest.raises(HttpError) as caught:
            stream.send(b"x" * 50_000_000)
        is_over.set()

    assert caught.value.reason == "timeout"


def test_handshake_shows_a_certificate_that_is_trusted(good: Certificate, authority: Certificate) -> None:
    with serving(until_closed, good.context()) as port:
        shown = shake(port, Trust(authority.path))

    assert shown == Handshake("TLSv1.3", (NOW + 30 * DAY).timestamp(), ("127.0.0.1", "example.com"), None)


def test_handshake_asks_for_the_name(good: Certificate, authority: Certificate) -> None:
    context = good.context()
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    with serving(until_closed, context) as port:
        assert shake(port, Trust(authority.path), name="example.com").distrust is None

    assert asked == ["example.com"]


def test_handshake_without_verification_shows_whatever_there_is(folder: Path) -> None:
    bad = certificate(folder, ("elsewhere.example",), begins=NOW - 9 * DAY, ends=NOW - DAY)

    with serving(until_closed, bad.context()) as port:
        shown = shake(port)

    assert shown == Handshake("TLSv1.3", (NOW - DAY).timestamp(), ("elsewhere.example",), None)


@pytest.mark.parametrize(
    ("change", "distrust"),
    [
        pytest.param(
            {"begins": NOW - 9 * DAY, "ends": NOW - DAY},
            f"its certificate expired on {NOW - DAY:%Y-%m-%d %H:%M} UTC. Renew it, and have the server load it.",
            id="expired",
        ),
        pytest.param(
            {"begins": NOW + DAY},
            "its certificate is not valid yet. Compare the clocks of this host and of the server.",
            id="not yet valid",
        ),
        pytest.param(
            {"names": ("a.example", "b.example")},
            "its certificate is not for 127.0.0.1 but for a.example, b.example. Have one issued that names it, or ask"
            " for another.",
            id="other names",
        ),
        pytest.param(
            {"names": ()},
            "its certificate is not for 127.0.0.1 but for nobody. Have one issued that names it, or ask for another.",
            id="no name",
        ),
        pytest.param(
            {"by": None},
            "nobody but itself vouches for its certificate. Have one issued, or give that certificate as ca.",
            id="its own word",
        ),
        pytest.param(
            {"by": "stranger"},
            "its certificate comes from an authority that is unknown here. Have the server send the whole chain, or"
            " give the authority's certificate as ca.",
            id="unknown authority",
        ),
        pytest.param(
            {"by": "authority"},
            "its certificate comes from an authority that is unknown here. Have the server send the whole chain, or"
            " give the authority's certificate as ca.",
            id="other authority of the same name",
        ),
    ],
)
def test_distrust_is_told(change: dict[str, Any], distrust: str, folder: Path, authority: Certificate) -> None:
    by = change.get("by", authority)
    if isinstance(by, str):
        by = certificate(folder, (), called=by, is_authority=True)
    shown = certificate(folder, **{**change, "by": by})

    with serving(until_closed, shown.context()) as port:
        assert shake(port, Trust(authority.path)).distrust == distrust
        error = unanswered(port, trust=Trust(authority.path))

    assert (error.message, error.reason) == (f"tls 127.0.0.1:{port} has no connection: {distrust}", "certificate")


def test_certificate_that_not_every_server_behind_an_address_shows_is_told(
    good: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostNetwork, "handshake", lambda *_, **__: Handshake("TLSv1.3", 0, (), None))

    with serving(until_closed, good.context()) as port:
        error = unanswered(port, trust=Trust())

    assert error.message == (
        f"tls 127.0.0.1:{port} has no connection: not all of its certificates are trusted. Look at each server behind"
        " it."
    )


def test_authority_that_expired_is_told(folder: Path) -> None:
    old = certificate(folder, (), called="old authority", is_authority=True, begins=NOW - 9 * DAY, ends=NOW - DAY)

    with serving(until_closed, certificate(folder, by=old).context()) as port:
        assert shake(port, Trust(old.path)).distrust == (
            "a certificate above its own has expired. Renew the chain, and have the server load it."
        )


def test_authorities_of_the_system_do_not_know_ours(good: Certificate) -> None:
    with serving(until_closed, good.context()) as port:
        assert "unknown here" in (shake(port, Trust()).distrust or "")


def test_authorities_of_the_system_are_those_that_openssl_looks_for(
    good: Certificate, authority: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.path)

    with serving(until_closed, good.context()) as port:
        assert shake(port, Trust()).distrust is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file or directory"), ("no certificate", "it holds no certificate")],
)
def test_file_of_authorities_that_cannot_be_read_is_told(
    content: str | None, said: str, tmp_path: Path, good: Certificate
) -> None:
    ca = tmp_path / "ca.pem"
    if content:
        ca.write_text(content)

    with serving(until_closed, good.context()) as port:
        error = unanswered(port, trust=Trust(str(ca)))

    assert (error.message, error.reason) == (f"The certificates in {ca} cannot be read: {said}.", "certificate")


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_version_that_is_spoken_is_shown(version: str, good: Certificate) -> None:
    only = _network._VERSIONS[version]

    with serving(until_closed, good.context(minimum=only, maximum=only)) as port:
        shown = shake(port, version=version)

        assert shown.version == ("TLSv1" if version == "1.0" else f"TLSv{version}")
        for other in {"1.0", "1.1", "1.2", "1.3"} - {version}:
            with pytest.raises(HttpError) as caught:
                shake(port, version=other)
            assert caught.value.reason == "version"
            assert caught.value.message == (f"tls 127.0.0.1:{port} has no connection: it does not speak TLS {other}.")


def test_server_that_speaks_only_old_versions_is_told(good: Certificate) -> None:
    context = good.context(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1)

    with serving(until_closed, context) as port, pytest.raises(HttpError) as caught:
        shake(port)

    assert caught.value.reason == "version"
    assert caught.value.message == (
        f"tls 127.0.0.1:{port} has no connection: it speaks no version of TLS that this host still accepts. Enable TLS"
        " 1.2 and 1.3 there."
    )


@pytest.mark.parametrize("talk", [reset, saying()])
def test_server_that_hangs_up_on_a_version_does_not_speak_it(talk: Talk) -> None:
    with serving(talk) as port, pytest.raises(HttpError) as caught:
        shake(port, version="1.0")

    assert caught.value.reason == "version"


def test_version_that_this_host_does_not_offer_is_told(good: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    # TLS 1.0 has none of these ciphers.
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    strict.set_ciphers("AESGCM:@SECLEVEL=0")
    strict.minimum_version = strict.maximum_version = ssl.TLSVersion.TLSv1
    monkeypatch.setattr(_network, "_context", lambda *_: strict)

    with serving(until_closed, good.context()) as port, pytest.raises(HttpError) as caught:
        shake(port, version="1.0")

    assert caught.value.reason == "connection"
    assert caught.value.message == (
        f"tls 127.0.0.1:{port} has no connection: the TLS library of this host does not offer TLS 1.0."
    )


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_server_without_tls_is_told(said: bytes) -> None:
    with serving(saying(said)) as port:
        error = unanswered(port, trust=ANYBODY)

    assert (error.message, error.reason) == (
        f"tls 127.0.0.1:{port} has no connection: TLS is not spoken there.",
        "connection",
    )


def test_server_that_is_silent_instead_of_shaking_hands_is_told() -> None:
    with serving(until_closed) as port, pytest.raises(HttpError) as caught:
        shake(port, timeout=0.1)

    assert caught.value.reason == "timeout"


def test_server_that_hangs_up_instead_of_shaking_hands_is_told() -> None:
    with serving(saying()) as port:
        error = unanswered(port, trust=ANYBODY)

    assert (error.message, error.reason) == (
        f"tls 127.0.0.1:{port} has no connection: it hung up in the middle of the handshake.",
        "connection",
    )
