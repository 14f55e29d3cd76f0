# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime as dt
import gzip
import ipaddress
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.shipshape.webapp.plugins.module_utils import _volley
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._http import HostHttp
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response, Shot, Trust

# Two requests that are under way at the same time.
BOTH = threading.Barrier(2)


class Site(BaseHTTPRequestHandler):
    """Answers with what the path asks for, and with the request itself."""

    protocol_version = "HTTP/1.1"
    # The two writes of an answer would wait for each other.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path, _mark, query = self.path.partition("?")
        wanted, asked = path.strip("/"), parse_qs(query)
        status = int(wanted) if wanted.isdigit() else 302 if wanted == "loop" else 200
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        sent = f"{self.command} {self.path}\n{headers}\n".encode("latin-1") + body
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", asked.get("to", ["/loop" if wanted == "loop" else "/200?followed"])[0])
        if wanted == "cookie":
            self.send_header("Set-Cookie", "seen=1")
        if wanted == "gzip":
            sent = gzip.compress(sent)
            self.send_header("Content-Encoding", "gzip")
        if wanted == "zeros":
            sent = bytes(21_000_000)
        if wanted == "packed-zeros":
            sent = gzip.compress(bytes(21_000_000), 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("X-Kind", "Test")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if wanted == "slow":
            time.sleep(0.05)
        if wanted == "both":
            BOTH.wait(10)
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - http.server gives the names

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


class Server(ThreadingHTTPServer):
    """Counts its connections."""

    daemon_threads = True
    connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    # A client that does not trust the certificate hangs up in the middle, which is no error of this server.
    def handle_error(self, *_: object) -> None:
        """Stay silent."""

    @property
    def url(self) -> str:
        return f"{'https' if isinstance(self.socket, ssl.SSLSocket) else 'http'}://127.0.0.1:{self.server_port}"


@contextmanager
def serving(certificate: Certificate | None = None) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Site)
    # Threads that wait for the next request of a connection that is kept are not waited for.
    server.block_on_close = False
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def saying(*answers: bytes, every: float = 0) -> Iterator[str]:
    """A server that says one of these after the other, and then hangs up or, with every, is silent until the end."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client = listener.accept()[0]
            with client, suppress(OSError):
                client.recv(65536)
                for answer in answers:
                    client.sendall(answer)
                    is_over.wait(every)
                if every:
                    is_over.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def site(server: Server) -> str:
    return server.url


@pytest.fixture
def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    *,
    trust: Trust | None = None,
    follows: bool = False,
    timeout: float = 5,
) -> Response:
    session = HostHttp().session(trust or Trust())
    return session.ask(Request(method, url, headers or {}, body), follows=follows, timeout=timeout)


def refused(url: str, **options: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        ask("GET", url, **options)
    assert caught.value.details["reason"] == caught.value.reason
    return caught.value


def lines(response: Response) -> list[str]:
    return response.body.decode().splitlines()


def test_answer_is_told(site: str) -> None:
    response = ask("GET", f"{site}/health?full=1#part", {"X-Given": "a b"})

    assert (response.status, response.url) == (200, f"{site}/health?full=1")
    assert (response.headers["x-kind"], response.headers["content-length"]) == ("Test", str(len(response.body)))
    assert lines(response)[0] == "GET /health?full=1"
    assert {"X-Given: a b", "User-Agent: shipshape.webapp"} <= set(lines(response))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_body_is_sent(site: str, method: str) -> None:
    body = b'{"name": "\xff"}'

    response = ask(method, f"{site}/", {"Content-Type": "application/json"}, body)

    assert response.body.startswith(f"{method} /\n".encode())
    assert response.body.endswith(body)
    assert b"\nContent-Type: application/json\n" in response.body


def test_own_header_takes_the_place_of_the_usual_one(site: str) -> None:
    sent = [line for line in lines(ask("GET", site, {"user-agent": "probe"})) if line.lower().startswith("user-agent")]

    assert sent == ["user-agent: probe"]


def test_header_beyond_latin_1_is_sent_as_utf_8(site: str) -> None:
    assert "X-Price: 5 €" in lines(ask("GET", site, {"X-Price": "5 €"}))


@pytest.mark.parametrize("path", ["/api/%ff", "/a/../%2e%2e/etc/passwd", "/a//b?q=%7Ea", "/a%20b;c=d"])
def test_address_is_sent_as_it_is(site: str, path: str) -> None:
    assert lines(ask("GET", f"{site}{path}"))[0].lower() == f"get {path.lower()}"


def test_answer_without_a_body_is_told(site: str) -> None:
    assert ask("HEAD", site).body == b""


def test_packed_answer_is_unpacked(site: str) -> None:
    response = ask("GET", f"{site}/gzip")

    assert response.headers["content-encoding"] == "gzip"
    assert {"GET /gzip", "Accept-Encoding: gzip, deflate"} <= set(lines(response))


def test_time_is_that_of_the_whole_answer(site: str) -> None:
    assert 50 <= ask("GET", f"{site}/slow").ms < 2000
    assert 50 <= ask("GET", f"{site}/302?to=/slow", follows=True).ms < 2000


@pytest.mark.parametrize("status", [204, 400, 401, 404, 429, 500, 503])
def test_every_status_is_an_answer(site: str, status: int) -> None:
    response = ask("GET", f"{site}/{status}")

    assert (response.status, response.headers["x-kind"]) == (status, "Test")
    assert response.body.startswith(f"GET /{status}\n".encode()) or status == 204


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirect_is_not_followed(site: str, status: int, method: str) -> None:
    response = ask(method, f"{site}/{status}", body=b"x" if method == "POST" else None)

    assert (response.status, response.headers["location"]) == (status, "/200?followed")
    assert response.body.startswith(f"{method} /{status}\n".encode())


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"),
        (301, "POST", "GET"),
        (302, "HEAD", "HEAD"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "DELETE", "DELETE"),
    ],
)
def test_redirect_is_followed_as_browsers_do(site: str, status: int, method: str, then: str) -> None:
    headers = {"Content-Type": "text/plain", "X-Token": "hunter2"}

    response = ask(method, f"{site}/{status}", headers, b"body", follows=True)

    assert (response.status, response.url) == (200, f"{site}/200?followed")
    if method != "HEAD":
        assert lines(response)[0] == f"{then} /200?followed"
        assert "X-Token: hunter2" in lines(response)
        assert (b"Content-Type" in response.body, response.body.endswith(b"body")) == ((then == method,) * 2)


@pytest.mark.parametrize("status", [302, 307])
def test_another_server_is_told_no_secret(site: str, status: int) -> None:
    headers = {"Authorization": "Bearer hunter2", "X-API-Key": "hunter2", "Cookie": "hunter2", "Content-Type": "text/x"}
    with serving() as other:
        response = ask("PUT", f"{site}/{status}?to={other.url}/", headers, b"body", follows=True)

    assert response.url == f"{other.url}/"
    assert b"hunter2" not in response.body
    assert "Content-Type: text/x" in lines(response)


@pytest.mark.parametrize("to", ["/caf\u00e9 1", "/caf%C3%A9%201"])
def test_redirect_may_hold_what_an_address_may_not(site: str, to: str) -> None:
    with saying(b"HTTP/1.1 302 Found\r\nLocation: %s%s\r\n\r\n" % (site.encode(), to.encode())) as url:
        assert lines(ask("GET", url, follows=True))[0] == "GET /caf%C3%A9%201"


@pytest.mark.parametrize(
    "said", ["201 Created\r\nLocation: /elsewhere", "302 Found", "304 Not Modified\r\nLocation: /x"]
)
def test_what_leads_nowhere_is_not_followed(said: str) -> None:
    with saying(f"HTTP/1.1 {said}\r\nContent-Length: 0\r\n\r\n".encode()) as url:
        assert ask("GET", url, follows=True).status == int(said[:3])


def test_endless_redirects_are_told(site: str) -> None:
    error = refused(f"{site}/loop", follows=True)

    said = f"GET {site}/loop had no answer: the server has redirected 10 times, and still does."
    assert (error.reason, error.message) == ("connection", said)


def test_redirect_to_nowhere_counts_only_where_it_is_followed(site: str) -> None:
    assert ask("GET", f"{site}/302?to=http://[hunter2").status == 302
    error = refused(f"{site}/302?to=http://[hunter2", follows=True)

    assert (
        error.message
        == f"GET {site}/302 had no answer: this is no valid URL, or one of its headers is no valid header."
    )


def test_cookies_are_those_of_the_session(site: str) -> None:
    http = HostHttp()
    first, second = http.session(Trust()), http.session(Trust())
    first.ask(Request("GET", f"{site}/cookie"))

    assert "Cookie: seen=1" in lines(first.ask(Request("GET", site)))
    assert "Cookie: mine=2" in lines(first.ask(Request("GET", site, {"Cookie": "mine=2"})))
    assert b"Cookie" not in second.ask(Request("GET", site)).body


def test_cookie_of_a_redirect_is_kept(site: str) -> None:
    with saying(b"HTTP/1.1 302 Found\r\nSet-Cookie: seen=1\r\nLocation: %s\r\n\r\n" % site.encode()) as url:
        assert "Cookie: seen=1" in lines(ask("GET", url, follows=True))


@pytest.mark.parametrize("has_tls", [False, True])
def test_sessions_share_connections(certificate: Certificate, has_tls: bool) -> None:
    http, trust = HostHttp(), Trust(certificate.path)
    with serving(certificate if has_tls else None) as server:
        for _number in range(3):
            http.session(trust).ask(Request("GET", f"{server.url}/404"))
            http.session(trust).ask(Request("HEAD", server.url))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(http.session(trust).ask, Request("GET", server.url)).result()

        assert server.connections == 1


def test_sessions_that_ask_at_the_same_time_do_not_share(certificate: Certificate) -> None:
    http = HostHttp()
    with serving() as server, ThreadPoolExecutor(2) as pool:
        for connections in (2, 2):
            # Neither is answered before both have asked.
            asked = [pool.submit(http.session(Trust()).ask, Request("GET", f"{server.url}/both")) for one in range(2)]
            assert [one.result().status for one in asked] == [200, 200]

            assert server.connections == connections


def test_connection_is_not_used_again_after_an_error() -> None:
    http, closed = HostHttp(), saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    with serving() as server, closed as broken:
        http.session(Trust()).ask(Request("GET", server.url))
        with pytest.raises(HttpError):
            http.session(Trust()).ask(Request("GET", broken))
        http.session(Trust()).ask(Request("GET", server.url))

        assert server.connections == 2


def test_who_trusts_anybody_does_not_share_connections(certificate: Certificate) -> None:
    http = HostHttp()
    with serving(certificate) as server:
        assert http.session(Trust(is_verified=False)).ask(Request("GET", server.url)).status == 200
        with pytest.raises(HttpError, match="not trusted"):
            http.session(Trust()).ask(Request("GET", server.url))


def test_user_of_the_address_is_told_to_the_server(site: str) -> None:
    response = ask("GET", site.replace("//", "//ada:hunter%402@", 1))

    assert f"Authorization: Basic {base64.b64encode(b'ada:hunter@2').decode()}" in lines(response)
    assert response.url == site


def test_header_goes_before_the_user_of_the_address(site: str) -> None:
    response = ask("GET", site.replace("//", "//ada:hunter2@", 1), {"AUTHORIZATION": "Bearer x"})

    assert [line for line in lines(response) if line.lower().startswith("auth")] == ["AUTHORIZATION: Bearer x"]


def test_environment_says_nothing(
    certificate: Certificate, closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password hunter2\n")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{closed}")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    for given in (None, certificate):
        with serving(given) as server:
            assert b"Authorization" not in ask("GET", server.url, trust=Trust(certificate.path)).body


def test_trusted_certificate_is_accepted(certificate: Certificate) -> None:
    with serving(certificate) as server:
        assert ask("GET", server.url, trust=Trust(certificate.path)).status == 200


@pytest.mark.parametrize("place", ["file", "directory", None])
def test_what_the_system_trusts_is_accepted(
    certificate: Certificate, place: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True)
    monkeypatch.setenv("SSL_CERT_FILE", certificate.path if place == "file" else "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path) if place == "directory" else "/nowhere")

    with serving(certificate) as server:
        if place:
            assert ask("GET", server.url).status == 200
        else:
            assert refused(server.url).reason == "certificate"


def test_any_certificate_is_accepted_if_none_is_verified(
    certificate: Certificate, recwarn: pytest.WarningsRecorder
) -> None:
    with serving(certificate) as server:
        assert ask("GET", server.url.replace("127.0.0.1", "localhost"), trust=Trust(is_verified=False)).status == 200
    assert not recwarn.list


def test_certificate_that_nobody_vouches_for_is_refused(certificate: Certificate) -> None:
    with serving(certificate) as server:
        error = refused(server.url)

    assert error.reason == "certificate"
    assert error.message in [
        f"GET {server.url} had no answer: its certificate is not trusted: self{sign}signed certificate."
        for sign in " -"
    ]


def test_certificate_of_another_host_is_refused(certificate: Certificate) -> None:
    with serving(certificate) as server:
        error = refused(server.url.replace("127.0.0.1", "localhost"), trust=Trust(certificate.path))

    assert error.reason == "certificate"
    assert "'localhost'" in error.message.partition(" had no answer: its certificate is not trusted: ")[2]


def test_server_without_tls_is_told(site: str) -> None:
    error = refused(site.replace("http:", "https:"))

    said = "had no answer: TLS is not spoken there, or not as it is spoken here."
    assert (error.reason, error.message) == ("certificate", f"GET {site.replace('http:', 'https:')} {said}")


@pytest.mark.parametrize(
    ("ca", "why"), [("/nowhere", "No such file or directory"), ("/etc/hostname", r".*no certificate or crl found.*")]
)
def test_file_without_certificates_is_told(certificate: Certificate, ca: str, why: str) -> None:
    with serving(certificate) as server:
        error = refused(server.url, trust=Trust(ca))

    assert error.reason == "certificate"
    assert re.fullmatch(rf"{ca} cannot be read as certificates: {why}\.", error.message)


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
    with saying(every=5) as url:
        error = refused(url.replace("http", scheme), timeout=0.2)

        said = "had no answer: none came in whole within 0.2 seconds."
        assert (error.reason, error.message) == ("timeout", f"GET {url.replace('http', scheme)} {said}")


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], id="body"),
        pytest.param([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n"], id="chunk"),
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\n"], id="body without an end"),
        pytest.param([b"HTTP/1.1 200 OK\r\nX-Long: "], id="header"),
        pytest.param([b"HTTP/1.1 "], id="status"),
    ],
)
def test_server_that_drips_does_not_hold_anybody(begin: list[bytes]) -> None:
    begun = time.monotonic()
    with saying(*begin, *[b"1"] * 1000, every=0.02) as url:
        error = refused(url, timeout=0.3)

    assert error.reason == "timeout"
    assert 0.3 <= time.monotonic() - begun < 1.5


def test_time_that_is_over_is_told(site: str) -> None:
    assert refused(site, timeout=0).message == f"GET {site} had no answer: none came in whole within 0 seconds."


def test_deadline_is_that_of_all_redirects(site: str) -> None:
    begun = time.monotonic()
    with saying(b"HTTP/1.1 302 Found\r\nLocation: %s/slow\r\n" % site.encode(), b"\r\n", every=0.28) as url:
        assert refused(url, timeout=0.3, follows=True).reason == "timeout"

    assert time.monotonic() - begun < 1.5


def test_connection_that_was_nearly_late_is_good_for_more() -> None:
    size = 20_000_000
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client = listener.accept()[0]
            with client:
                client.recv(65536)
                time.sleep(0.2)
                client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                # Whoever is sent more than fits into the buffers waits for longer than was left to the first request.
                time.sleep(0.3)
                received = 0
                while received < size:
                    received += len(client.recv(1_000_000)) or size
                client.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url, session = f"http://127.0.0.1:{listener.getsockname()[1]}", HostHttp().session(Trust())
        first = session.ask(Request("GET", url), timeout=0.4)
        second = session.ask(Request("POST", url, {}, bytes(size)), timeout=5)
        thread.join()

    assert (first.status, second.status) == (204, 201)


@pytest.mark.parametrize("path", ["zeros", "packed-zeros"])
def test_endless_answer_is_not_read(site: str, path: str) -> None:
    error = refused(f"{site}/{path}?token=hunter2")

    assert error.message == f"GET {site}/{path} was answered with more than 20 MB, which is not read."
    assert error.reason == "connection"


def test_server_that_refuses_a_body_is_heard() -> None:
    with saying(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as url:
        assert ask("POST", url, body=bytes(11_000_000)).status == 413


def test_connection_that_the_server_has_ended_is_not_used_again() -> None:
    session = HostHttp().session(Trust())
    with saying(b"HTTP/1.1 204 No Content\r\n\r\n") as url:
        assert session.ask(Request("GET", url)).status == 204
    with pytest.raises(HttpError, match="nothing listens there"):
        session.ask(Request("GET", url))


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
        "http://" + "a" * 70 + ".invalid/?token=hunter2",
        "http://127.0.0.1:99999/?token=hunter2",
        "hunter2",
        "",
    ],
)
def test_sentence_has_no_secret_of_the_address(url: str, closed: str) -> None:
    error = refused(url.format(closed=closed))

    assert error.message.startswith("GET ")
    # A word alone cannot be told from a host or a path.
    assert "hunter2" not in error.message or url == "hunter2"


@pytest.mark.parametrize(
    "headers", [{"X-A": "hunter2\r\nX-B: 1"}, {"X\n": "hunter2"}, {"Ä": "hunter2"}, {"": "hunter2"}]
)
def test_wrong_header_is_told_without_its_value(site: str, headers: dict[str, str]) -> None:
    error = refused(site, headers=headers)

    assert error.message == f"GET {site} had no answer: this is no valid URL, or one of its headers is no valid header."


def test_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)

    with pytest.raises(ShipshapeError) as caught:
        HostHttp().session(Trust())
    assert caught.value.message == (
        "The Python library requests is missing on this host: install the package python3-requests, or requests"
        f" for {sys.executable}."
    )


def test_volley_is_passed_on(site: str) -> None:
    shots, seconds = HostHttp().volley([Request("GET", f"{site}/404")] * 3, at_most=2, trust=Trust())

    assert [shot.status for shot in shots] == [404] * 3
    assert seconds > 0


@pytest.mark.parametrize(("given", "passed"), [({}, (False, 10)), ({"at_once": True, "timeout": 3}, (True, 3))])
def test_terms_of_a_volley_are_passed_on(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], passed: tuple[bool, float]
) -> None:
    seen: list[Any] = []

    def volley(requests: Any, **terms: Any) -> tuple[list[Shot], float]:
        seen.append(terms)
        return [], 0.0

    monkeypatch.setattr(_volley, "volley", volley)

    HostHttp().volley([], at_most=2, trust=Trust("ca"), **given)

    at_once, timeout = passed
    assert seen == [{"at_most": 2, "at_once": at_once, "timeout": timeout, "trust": Trust("ca")}]
