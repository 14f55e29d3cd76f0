# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._http import HostHttp


class Site(BaseHTTPRequestHandler):
    """Answers with what the path asks for, and with the request itself."""

    def do_GET(self) -> None:
        wanted = self.path.partition("?")[0].strip("/")
        status = int(wanted) if wanted.isdigit() else 200
        if wanted == "private" and "Authorization" not in self.headers:
            status = 401
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = f"{self.command} {self.path}\n{self.headers}".encode() + body
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/200?followed")
        if wanted == "private":
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.send_header("X-Kind", "Test")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server gives the names

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Certificate:
    """A certificate for 127.0.0.1 that nobody but itself vouches for."""

    def __init__(self, directory: Path) -> None:
        self.path = str(directory / "certificate.pem")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shipshape test")])
        now = dt.datetime.now(dt.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        Path(self.path).write_bytes(
            certificate.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        )


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def serving(certificate: Certificate | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    # A client that does not trust the certificate hangs up in the middle, which is no error of this server.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def saying(answer: bytes | None) -> Iterator[str]:
    """A server that says this to whatever it is asked, or with None is silent for longer than anybody should wait."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client = listener.accept()[0]
            with client:
                client.recv(65536)
                if answer is None:
                    is_over.wait(5)
                else:
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def site() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


def refused(url: str, **options: object) -> HttpError:
    with pytest.raises(HttpError) as caught:
        HostHttp().request("GET", url, timeout=5, **options)  # type: ignore[arg-type]
    assert caught.value.details["reason"] == caught.value.reason
    return caught.value


def test_answer_is_told(site: str) -> None:
    response = HostHttp().request("GET", f"{site}/health?full=1", headers={"X-Given": "a b"})

    assert response.status == 200
    assert (response.headers["x-kind"], response.headers["content-length"]) == ("Test", str(len(response.body)))
    line, *headers = response.body.decode().splitlines()
    assert line == "GET /health?full=1"
    assert {"X-Given: a b", "User-Agent: shipshape.webapp"} <= set(headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_body_is_sent(site: str, method: str) -> None:
    body = b'{"name": "\xff"}'

    response = HostHttp().request(method, f"{site}/", headers={"Content-Type": "application/json"}, body=body)

    assert response.body.startswith(f"{method} /\n".encode())
    assert response.body.endswith(body)
    assert b"\nContent-Type: application/json\n" in response.body


def test_answer_without_a_body_is_told(site: str) -> None:
    assert HostHttp().request("HEAD", site).body == b""


@pytest.mark.parametrize("status", [204, 400, 401, 404, 429, 500, 503])
def test_every_status_is_an_answer(site: str, status: int) -> None:
    response = HostHttp().request("GET", f"{site}/{status}")

    assert (response.status, response.headers["x-kind"]) == (status, "Test")
    assert response.body.startswith(f"GET /{status}\n".encode()) or status == 204


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirect_is_not_followed(site: str, status: int, method: str) -> None:
    response = HostHttp().request(method, f"{site}/{status}", body=b"x" if method == "POST" else None)

    assert (response.status, response.headers["location"]) == (status, "/200?followed")
    assert response.body.startswith(f"{method} /{status}\n".encode())


def test_user_of_the_address_is_told_to_a_server_that_asks(site: str) -> None:
    response = HostHttp().request("GET", f"{site}/private".replace("//", "//ada:hunter2@", 1))

    assert response.status == 200
    assert f"Authorization: Basic {base64.b64encode(b'ada:hunter2').decode()}\n".encode() in response.body


def test_trusted_certificate_is_accepted(certificate: Certificate) -> None:
    with serving(certificate) as url:
        assert HostHttp().request("GET", url, ca_path=certificate.path).status == 200


def test_certificate_that_nobody_vouches_for_is_refused(certificate: Certificate) -> None:
    with serving(certificate) as url:
        error = refused(url)

    assert error.reason == "certificate"
    assert error.message == f"GET {url} had no answer: its certificate is not trusted or TLS is not spoken there."


def test_certificate_of_another_host_is_refused(certificate: Certificate) -> None:
    with serving(certificate) as url:
        assert refused(url.replace("127.0.0.1", "localhost"), ca_path=certificate.path).reason == "certificate"


def test_server_without_tls_is_told(site: str) -> None:
    assert refused(site.replace("http:", "https:")).reason == "certificate"


def test_closed_port_is_told(closed: str) -> None:
    error = refused(f"http://{closed}/health")

    assert error.message == f"GET http://{closed}/health had no answer: nothing listens there."
    assert error.reason == "refused"


def test_unknown_host_is_told() -> None:
    error = refused("http://name.invalid/health")

    assert error.message == "GET http://name.invalid/health had no answer: its host name is not known to the DNS."
    assert error.reason == "dns"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silent_server_is_told(scheme: str) -> None:
    with saying(None) as url, pytest.raises(HttpError, match=r"nothing came for 0\.2 seconds") as caught:
        HostHttp().request("GET", url.replace("http", scheme), timeout=0.2)

    assert caught.value.reason == "timeout"


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(lambda: saying(b""), id="hangs up"),
        pytest.param(lambda: saying(b"SSH-2.0-OpenSSH_9.2\r\n"), id="speaks something else"),
        pytest.param(lambda: saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), id="breaks off"),
        pytest.param(lambda: saying(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70000 + b"\r\n\r\n"), id="has endless headers"),
        pytest.param(
            lambda: saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
            id="says that it packs",
        ),
    ],
)
def test_server_that_breaks_the_rules_is_told(server: Callable[[], AbstractContextManager[str]]) -> None:
    with server() as url:
        error = refused(url)

    assert error.reason == "connection"
    assert error.message.startswith(f"GET {url} had no answer: ")


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:hunter2@{closed}/health?token=hunter2#hunter2",
        "http://ada:hunter2@name.invalid/?hunter2",
        "foo://ada:hunter2@127.0.0.1/",
        "127.0.0.1/health?token=hunter2",
        "ada:hunter2@127.0.0.1/",
        "http://ada:hunter2@[::1/health?token=hunter2",
        "http://ada:hunter2@127.0.0.1:port/",
        "http://127.0.0.1:1/a b?token=hunter2",
        "http://127.0.0.1:1/?token=hunter2\n",
        "hunter2",
        "",
    ],
)
def test_sentence_has_no_secret_of_the_address(url: str, closed: str) -> None:
    error = refused(url.format(closed=closed))

    assert error.message.startswith("GET ")
    # A word alone cannot be told from a host or a path.
    assert "hunter2" not in error.message or url == "hunter2"
