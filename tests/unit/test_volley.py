# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import re
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Shot, Trust
from ansible_collections.shipshape.webapp.plugins.module_utils._volley import volley
from tests.unit.smoke.sockets import Certificate, Talk, certificate, closed_port, saying, serving, until_closed

ANYBODY = Trust(is_verified=False)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TEAPOT = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n"

Asked = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def good(folder: Path) -> Certificate:
    return certificate(folder, is_authority=True)


def requests_of(client: socket.socket) -> Iterator[bytes]:
    """The requests that come over a connection."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return
            data += more
        head, _end, rest = data.partition(b"\r\n\r\n")
        body = bytearray(rest)
        length = re.search(rb"(?i)\ncontent-length: (\d+)", head)
        size = int(length[1]) if length else 0
        while len(body) < size:
            body += client.recv(65536)
        yield head + b"\r\n\r\n" + body[:size]
        data = bytes(body[size:])


@contextmanager
def answering(*answers: bytes, context: Certificate | None = None) -> Iterator[tuple[str, Asked]]:
    """A server that gives these answers in turn, and what it was asked over which connection.

    After an answer that ends in END it ends the connection, in the same packet.
    """
    asked: Asked = []
    numbers = iter(range(1000))

    def talk(client: socket.socket) -> None:
        number = next(numbers)
        for request in requests_of(client):
            answer = answers[min(len(asked), len(answers) - 1)]
            asked.append((number, request))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            client.sendall(answer.removesuffix(END))
            if answer.endswith(END):
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    with serving(talk, context.context() if context else None) as port:
        yield f"http{'s' if context else ''}://127.0.0.1:{port}", asked


END = b"<end>"


def shots(
    *urls: str, at_most: int = 1, at_once: bool = False, timeout: float = 5, trust: Trust = ANYBODY
) -> list[Shot]:
    requests = [Request("GET", url) for url in urls]
    return volley(requests, at_most=at_most, at_once=at_once, timeout=timeout, trust=trust)[0]


def one(url: str, *, timeout: float = 5, trust: Trust = ANYBODY) -> tuple[int | None, str | None]:
    [shot] = shots(url, timeout=timeout, trust=trust)
    assert (shot.status is None) == (shot.reason is not None)
    return shot.status, shot.reason


def sent(request: Request) -> bytes:
    with answering(OK) as (url, asked):
        address = request.url.replace("HOST", url.partition("//")[2])
        [shot], _seconds = volley(
            [Request(request.method, address, request.headers, request.body)], at_most=1, trust=ANYBODY
        )
        assert shot.status == 200
        [(_number, content)] = asked
        return content.replace(url.partition("//")[2].encode(), b"HOST")


def test_no_request_needs_no_server() -> None:
    assert volley([], at_most=10, at_once=True, trust=ANYBODY)[0] == []


def test_shots_are_in_the_order_of_the_requests() -> None:
    def talk(client: socket.socket) -> None:
        for request in requests_of(client):
            status = request[5:8]
            # The first ones are the last to be answered.
            time.sleep((220 - int(status)) / 1000)
            client.sendall(
                b"HTTP/1.1 %b X\r\nContent-Length: 0\r\nX-Status: %b\r\nx-status: b\r\n\r\n" % (status, status)
            )

    with serving(talk) as port:
        begun = time.perf_counter()
        requests = [Request("GET", f"http://127.0.0.1:{port}/{status}") for status in range(200, 220)]
        found, seconds = volley(requests, at_most=20, trust=ANYBODY)
        took = time.perf_counter() - begun

    assert [shot.status for shot in found] == list(range(200, 220))
    assert {shot.reason for shot in found} == {None}
    assert found[7].headers == {"content-length": "0", "x-status": "207, b"}
    assert found[0].ms >= 20
    assert 0.02 <= max(shot.ms for shot in found) / 1000 <= seconds <= took


def test_request_is_written_as_it_is_given() -> None:
    assert sent(Request("GET", "http://HOST/a/../%ff?b=c%20d&e#f")) == (
        b"GET /a/../%ff?b=c%20d&e HTTP/1.1\r\nHost: HOST\r\nAccept-Encoding: identity\r\n"
        b"user-agent: shipshape.webapp\r\naccept: */*\r\n\r\n"
    )


def test_body_and_own_headers_are_sent() -> None:
    headers = {"User-Agent": "mine", "ACCEPT": "text/html", "X-Name": "ü"}

    assert sent(Request("PATCH", "http://HOST", headers, b"\xff\r\n\r\n")) == (
        b"PATCH / HTTP/1.1\r\nHost: HOST\r\nAccept-Encoding: identity\r\nContent-Length: 5\r\n"
        b"user-agent: mine\r\naccept: text/html\r\nx-name: \xc3\xbc\r\n\r\n\xff\r\n\r\n"
    )
    assert b"\r\nContent-Length: 0\r\n" in sent(Request("POST", "http://HOST/"))
    assert b"\r\nHost: other\r\n" not in sent(Request("GET", "http://HOST/"))
    assert b"\r\nhost: other\r\n" in sent(Request("GET", "http://HOST/", {"Host": "other"}))


def test_login_of_the_address_is_a_header() -> None:
    assert b"\r\nauthorization: Basic YWRhOmh1bnRlcjI=\r\n" in sent(Request("GET", "http://ada:hunter%32@HOST/"))
    content = sent(Request("GET", "http://ada:hunter2@HOST/", {"Authorization": "Bearer x"}))
    assert content.count(b"uthorization") == 1
    assert b"\r\nauthorization: Bearer x\r\n" in content


def test_head_and_body_come_in_one_packet() -> None:
    received: list[bytes] = []

    def talk(client: socket.socket) -> None:
        received.append(client.recv(65536))
        client.sendall(OK)

    with serving(talk) as port:
        volley([Request("POST", f"http://127.0.0.1:{port}/", {}, b"x" * 1000)], at_most=1, trust=ANYBODY)

    assert received[0].endswith(b"x" * 1000)


def test_large_body_is_sent() -> None:
    with answering(OK) as (url, asked):
        found, _seconds = volley([Request("POST", url, {}, b"x" * 11_000_000)] * 3, at_most=2, trust=ANYBODY)

    assert [shot.status for shot in found] == [200] * 3
    assert [len(content) > 11_000_000 for _number, content in asked] == [True] * 3


def test_connections_are_used_again() -> None:
    with answering(OK) as (url, asked):
        assert [shot.status for shot in shots(*[url] * 100, at_most=4)] == [200] * 100

    assert len({number for number, _content in asked}) == 4


def test_each_server_has_its_connection() -> None:
    with answering(OK) as (one, asked_of_one), answering(TEAPOT) as (other, asked_of_other):
        assert [shot.status for shot in shots(one, one, other, one)] == [200, 200, 418, 200]

    assert [number for number, _content in asked_of_one] == [0, 0, 1]
    assert [number for number, _content in asked_of_other] == [0]


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n4;ext=1\r\n\r\n\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfFfF\r\n"
        + b"x" * 65535
        + b"\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200\r\nContent-Length:0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
    ],
)
@pytest.mark.parametrize("is_dripping", [False, True])
def test_connection_is_used_after_an_answer_that_ends(answer: bytes, is_dripping: bool) -> None:
    asked, connections = [], []

    def talk(client: socket.socket) -> None:
        connections.append(client)
        for request in requests_of(client):
            asked.append(request)
            reply = answer if len(asked) == 1 else TEAPOT
            size = max(1, len(reply) // 200) if is_dripping else len(reply)
            for start in range(0, len(reply), size):
                client.sendall(reply[start : start + size])

    with serving(talk) as port:
        first, second = shots(*[f"http://127.0.0.1:{port}/"] * 2)

    assert first.status == int(re.findall(rb"HTTP/1\.. (\d+)", answer)[-1])
    assert second.status == 418
    assert (len(asked), len(connections)) == (2, 1)


def test_answer_without_a_length_is_read_to_its_end() -> None:
    def talk(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\nfirst")
        time.sleep(0.1)
        client.sendall(b"last")

    with serving(talk) as port:
        [shot] = shots(f"http://127.0.0.1:{port}/")

    assert (shot.status, shot.ms >= 100) == (200, True)


def test_answer_to_head_has_no_body() -> None:
    with answering(OK.removesuffix(b"ok"), TEAPOT) as (url, asked):
        requests = [Request("HEAD", url), Request("GET", url)]
        found, _seconds = volley(requests, at_most=1, trust=ANYBODY)

    assert [shot.status for shot in found] == [200, 418]
    assert [number for number, _content in asked] == [0, 0]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"), id="the server is about to close it"),
        pytest.param(OK.replace(b"1.1", b"1.0"), id="HTTP/1.0 knows nothing else"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nall that comes" + END, id="the body has no other end"),
        pytest.param(OK + END, id="the server has closed it unasked"),
        pytest.param(OK + b"HTTP/1.1 408 Request Timeout\r\n\r\n", id="the server has said too much"),
    ],
)
@pytest.mark.parametrize("is_secure", [False, True])
def test_connection_is_opened_anew_if(answer: bytes, is_secure: bool, good: Certificate) -> None:
    with answering(answer, TEAPOT, context=good if is_secure else None) as (url, asked):
        found = shots(url, url, url)

    assert [shot.status for shot in found] == [200, 418, 418]
    assert [number for number, _content in asked] == [0, 1, 1]


@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize("count", [0, 1])
def test_request_is_never_repeated(is_reset: bool, count: int) -> None:
    """Whoever has read it may have carried it out."""
    asked = []

    def talk(client: socket.socket) -> None:
        for answered, _request in enumerate(requests_of(client)):
            asked.append(_request)
            if answered == count:
                break
            client.sendall(OK)
        if is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(talk) as port:
        url = f"http://127.0.0.1:{port}/"
        found, _seconds = volley([Request("POST", url, {}, b"pay")] * (count + 1), at_most=1, trust=ANYBODY)

    assert [shot.status for shot in found] == [200] * count + [None]
    assert found[-1].reason == "connection"
    assert len(asked) == count + 1


def test_answer_that_comes_before_the_request_has_ended_counts() -> None:
    def talk(client: socket.socket) -> None:
        client.recv(1000)
        client.sendall(TEAPOT)

    with serving(talk) as port:
        found, _seconds = volley(
            [Request("POST", f"http://127.0.0.1:{port}/", {}, b"x" * 11_000_000)] * 2, at_most=1, trust=ANYBODY
        )

    assert [shot.status for shot in found] == [418, 418]


def test_slow_answer_holds_up_nobody_else() -> None:
    others_are_answered = threading.Event()
    answered = []

    def talk(client: socket.socket) -> None:
        for request in requests_of(client):
            if b"/slow" in request:
                assert others_are_answered.wait(5)
            client.sendall(OK)
            answered.append(request)
            if len(answered) == 20:
                others_are_answered.set()

    with serving(talk) as port:
        urls = [f"http://127.0.0.1:{port}/{'slow' if number == 0 else ''}" for number in range(21)]
        assert [shot.status for shot in shots(*urls, at_most=2)] == [200] * 21

    assert b"/slow" in answered[-1]


def test_all_at_once_are_in_flight_together() -> None:
    together = threading.Barrier(20)
    arrived = []

    def talk(client: socket.socket) -> None:
        for _request in requests_of(client):
            arrived.append(time.perf_counter())
            together.wait(5)
            client.sendall(OK)

    with serving(talk) as port:
        found = shots(*[f"http://127.0.0.1:{port}/"] * 20, at_most=20, at_once=True)

    assert [shot.status for shot in found] == [200] * 20
    # Some milliseconds, if the machine has nothing else to do.
    assert max(arrived) - min(arrived) < 0.5


def test_all_connections_are_opened_before_the_first_request(good: Certificate) -> None:
    is_open = threading.Event()
    too_early = []
    numbers = iter(range(3))
    context = good.context()

    def talk(client: socket.socket) -> None:
        if next(numbers) == 1:
            time.sleep(0.2)
            is_open.set()
        with context.wrap_socket(client, server_side=True) as secured:
            for request in requests_of(secured):
                if not is_open.is_set():
                    too_early.append(request)
                secured.sendall(OK)

    with serving(talk) as port:
        url = f"https://127.0.0.1:{port}/"
        found = shots(*[url] * 6, at_most=3, at_once=True)

        assert [shot.status for shot in found] == [200] * 6
        assert too_early == []
        # What the handshake took is not what the answer took.
        assert max(shot.ms for shot in found) < 150


def test_those_that_cannot_connect_keep_none_of_the_others_from_shooting() -> None:
    with answering(OK) as (url, _asked):
        found = shots(f"http://127.0.0.1:{closed_port()}", url, "http://name.invalid/", at_most=3, at_once=True)

    assert [(shot.status, shot.reason) for shot in found] == [(None, "refused"), (200, None), (None, "dns")]


def test_every_address_of_a_name_is_tried() -> None:
    with answering(OK) as (url, _asked):
        assert one(url.replace("127.0.0.1", "localhost")) == (200, None)


def test_all_addresses_of_a_name_are_tried_and_the_first_tells_why_none_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", closed_port()))
    unusable = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("255.255.255.255", 1))

    with serving(saying(OK)) as port:
        good = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for addresses, status, reason in (
            ([closed, unusable], None, "refused"),
            ([unusable, closed], None, "connection"),
            ([closed, unusable, good], 200, None),
        ):
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, found=addresses, **_options: found)
            assert one("http://name.example/") == (status, reason)


def test_address_of_ipv6_is_asked() -> None:
    with serving(saying(OK), host="::1") as port:
        assert one(f"http://[::1]:{port}/") == (200, None)


def test_closed_port_is_told() -> None:
    assert one(f"http://127.0.0.1:{closed_port()}/") == (None, "refused")


@pytest.mark.parametrize("host", ["name.invalid", "a..b", "x" * 70])
def test_unknown_name_is_told(host: str) -> None:
    assert one(f"http://{host}/") == (None, "dns")


def dripping(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.02)


@pytest.mark.parametrize(("talk", "scheme"), [(until_closed, "http"), (until_closed, "https"), (dripping, "http")])
@pytest.mark.parametrize("at_once", [False, True])
def test_server_that_does_not_answer_in_time_is_told(talk: Talk, scheme: str, at_once: bool) -> None:
    begun = time.perf_counter()
    with serving(talk) as port:
        found = shots(*[f"{scheme}://127.0.0.1:{port}/"] * 3, at_most=3, at_once=at_once, timeout=0.2)

    assert [(shot.status, shot.reason) for shot in found] == [(None, "timeout")] * 3
    assert 200 <= found[0].ms < 1000
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
)
def test_answer_that_breaks_off_or_is_none_is_told(answer: bytes) -> None:
    with serving(saying(answer)) as port:
        assert one(f"http://127.0.0.1:{port}/") == (None, "connection")


def test_trusted_certificate_is_accepted(good: Certificate) -> None:
    with answering(OK, context=good) as (url, asked):
        found = shots(*[url] * 6, at_most=2, trust=Trust(ca=good.path))
        assert one(url, trust=ANYBODY) == (200, None)

    assert [shot.status for shot in found] == [200] * 6
    # Tickets that come with the first answer, or before it, are no reason to open it anew.
    assert len({number for number, _content in asked[:6]}) == 2


def test_untrusted_certificate_is_told(good: Certificate) -> None:
    with answering(OK, context=good) as (url, asked):
        assert one(url, trust=Trust()) == (None, "certificate")
        assert one(url.replace("127.0.0.1", "localhost"), trust=Trust(ca=good.path)) == (None, "certificate")
    assert asked == []


def test_server_without_tls_is_told() -> None:
    with serving(saying(OK)) as port:
        assert one(f"https://127.0.0.1:{port}/", trust=ANYBODY) == (None, "certificate")


def test_certificates_that_cannot_be_read_are_told(folder: Path) -> None:
    missing, other = folder / "missing.pem", folder / "other.pem"
    other.write_text("no certificate")

    for path, said in ((missing, "No such file or directory"), (other, "[X509: NO_CERTIFICATE_OR_CRL_FOUND]")):
        with pytest.raises(HttpError, match=f"^{re.escape(str(path))} cannot be read as certificates: ") as caught:
            shots("https://127.0.0.1:1/", trust=Trust(ca=str(path)))
        assert said in caught.value.message
        assert caught.value.reason == "certificate"


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "foo://127.0.0.1/hunter2"),
        Request("GET", "127.0.0.1/hunter2"),
        Request("GET", "http://[::1/hunter2"),
        Request("GET", "http://127.0.0.1:port/hunter2"),
        Request("GET", "http://127.0.0.1:1/hunter2 x"),
        Request("GET", "http://127.0.0.1:1/ü"),
        Request("GET", "http://127.0.0.1:1/", {"Authorization": "hunter2\r\nX: y"}),
        Request("GET", "http://127.0.0.1:1/", {"hunter2\n": "y"}),
    ],
)
def test_request_that_cannot_be_written_is_told_without_secrets(request_: Request) -> None:
    with pytest.raises(HttpError) as caught:
        volley([request_], at_most=1, trust=ANYBODY)

    assert caught.value.message == "No GET could be sent: its address or one of its headers is not valid."
    assert caught.value.reason == "connection"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupted_volley_ends_at_once(interrupt: type[BaseException]) -> None:
    def stop(*_: object) -> None:
        raise interrupt

    hung_up = []

    def talk(client: socket.socket) -> None:
        until_closed(client)
        hung_up.append(client)

    usual = signal.signal(signal.SIGALRM, stop)
    try:
        with serving(talk) as port:
            before = threading.active_count()
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            begun = time.perf_counter()
            with pytest.raises(interrupt) as caught:
                shots(*[f"http://127.0.0.1:{port}/"] * 10, at_most=5)
            assert time.perf_counter() - begun < 1
            assert threading.active_count() <= before + 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)

    # What is caught still knows all connections, so that they were not ended just by being forgotten.
    assert caught.traceback
    assert len(hung_up) == 5


def test_volleys_of_several_threads_do_not_meet() -> None:
    """Nothing is shared, so that kinds of checks can be observed side by side."""
    found: list[list[int | None]] = []

    def shoot(url: str) -> None:
        found.append([shot.status for shot in shots(*[url] * 50, at_most=5)])

    with answering(OK) as (url, _asked), answering(TEAPOT) as (other, _asked_of_other):
        threads = [threading.Thread(target=shoot, args=[url]) for url in (url, other, url, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(found, key=str) == [[200] * 50, [200] * 50, [418] * 50, [418] * 50]
