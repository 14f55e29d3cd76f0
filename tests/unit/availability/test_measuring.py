# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real prober, and a server that does as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._availability.usecase import Host, Request, measure
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._prober import HostProber
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Probe
from tests.unit.smoke.sockets import certificate

CANARY = "canary-7-%$"


class Application(ThreadingHTTPServer):
    """Answers with a status, and notes who asks over which connection."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.keeps = True
        self.asked: list[tuple[Any, str | None]] = []
        self.hosts: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/health?deep=1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Application

    def do_GET(self) -> None:
        self.server.hosts.add(self.headers.get("Host"))
        self.server.asked.append((self.client_address, self.headers.get("X-Key")))
        body = self.path.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # As servers end a connection on which nothing is under way: without a word.
        self.close_connection = not self.server.keeps

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def application() -> Iterator[Application]:
    with Application() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    path = tmp_path / "samples"
    host = Host(HostFiles(), HostFolders(), HostProcesses(), HostProber(), time.monotonic, time.sleep)

    def call(state: str, *, check: bool = False, **probe: Any) -> dict[str, Any]:
        request = Request(str(path), state, Probe(**{"url": "", "interval": 0.02, "timeout": 1, **probe}))
        result = measure(request, host, check_mode=check)
        return {"changed": result.changed, **result.data, "path": path}

    yield call
    call("stopped")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def asker(path: Path) -> int:
    return int(path.read_text().split()[1])


def test_everything_is_asked_over_a_kept_and_over_new_connections(
    application: Application, call: Callable[..., dict[str, Any]]
) -> None:
    started = call("started", url=application.url, headers={"X-Key": CANARY})
    assert started["changed"]
    assert started["measured"] is None
    wait_for(lambda: len(application.asked) >= 20)
    pid = asker(started["path"])
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert CANARY.encode() not in shown + started["path"].read_bytes()
    assert started["path"].stat().st_mode & 0o777 == 0o600

    stopped = call("stopped")
    assert stopped["changed"]
    measured = stopped["measured"]
    assert measured["requests"] == len(application.asked)
    assert measured["outcomes"] == {"200": measured["requests"]}
    assert measured["failed"] == 0
    assert {key for _client, key in application.asked} == {CANARY}
    times = [[client for client, _key in application.asked].count(client) for client, _key in application.asked]
    # The one that is kept, and each new one once.
    assert max(times) > 5
    assert times.count(1) > 5
    assert HostProcesses().at(pid) is None
    assert not stopped["path"].exists()
    assert call("stopped") == {"changed": False, "measured": None, "path": stopped["path"]}


def test_failures_are_counted_and_timed(application: Application, call: Callable[..., dict[str, Any]]) -> None:
    call("started", url=application.url)
    wait_for(lambda: len(application.asked) >= 10)
    application.status = 503
    failing = len(application.asked)
    wait_for(lambda: len(application.asked) >= failing + 10)
    application.status = 200
    failing = len(application.asked)
    wait_for(lambda: len(application.asked) >= failing + 10)
    measured = call("stopped")["measured"]
    assert measured["failed"] == measured["outcomes"]["503"] >= 8
    assert measured["outage"] > 0.02
    assert {failure["outcome"] for failure in measured["failures"]} == {"503"}


def test_a_server_that_is_gone_or_silent_is_told(tmp_path: Path, call: Callable[..., dict[str, Any]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        started = call("started", url=url, timeout=0.1)
        wait_for(lambda: "timeout" in started["path"].read_text())
    wait_for(lambda: "refused" in started["path"].read_text())
    measured = call("stopped")["measured"]
    assert measured["failed"] == measured["requests"]
    assert {"timeout", "refused"} <= set(measured["outcomes"])


def test_a_kept_connection_that_the_server_ends_is_no_failure(
    application: Application, call: Callable[..., dict[str, Any]]
) -> None:
    application.keeps = False
    call("started", url=application.url)
    wait_for(lambda: len(application.asked) >= 20)
    assert call("stopped")["measured"]["failed"] == 0


def test_an_answer_that_breaks_off_is_a_failure(call: Callable[..., dict[str, Any]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _address = server.accept()
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                    connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        started = call("started", url=f"http://127.0.0.1:{server.getsockname()[1]}/")
        wait_for(lambda: started["path"].read_text().count("unreadable") >= 2)
        assert set(call("stopped")["measured"]["outcomes"]) == {"unreadable"}
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_it_ends_by_itself(application: Application, call: Callable[..., dict[str, Any]]) -> None:
    started = call("started", url=application.url, at_most=0.3)
    pid = asker(started["path"])
    wait_for(lambda: HostProcesses().at(pid) is None)
    assert call("stopped")["measured"]["requests"] > 2


def test_beginning_anew_ends_what_an_earlier_run_has_left(
    application: Application, call: Callable[..., dict[str, Any]]
) -> None:
    first = asker(call("started", url=application.url)["path"])
    wait_for(lambda: len(application.asked) >= 10)
    application.status = 500
    second = asker(call("started", url=application.url)["path"])
    assert HostProcesses().at(first) is None
    assert second != first
    seen = len(application.asked)
    wait_for(lambda: len(application.asked) >= seen + 10)
    assert set(call("stopped")["measured"]["outcomes"]) == {"500"}


def test_a_process_that_only_has_the_same_number_is_left_alone(
    application: Application, call: Callable[..., dict[str, Any]]
) -> None:
    started = call("started", url=application.url)
    path, pid = started["path"], asker(started["path"])
    content = path.read_text()
    path.write_text(content.replace(content.split()[2], "1", 1))
    call("stopped")
    assert HostProcesses().at(pid) is not None
    path.write_text(content)
    call("stopped")
    assert HostProcesses().at(pid) is None


def test_check_mode_asks_nothing(application: Application, call: Callable[..., dict[str, Any]]) -> None:
    checked = call("started", check=True, url=application.url)
    assert checked["changed"]
    assert not checked["path"].exists()
    started = call("started", url=application.url)
    wait_for(lambda: len(application.asked) >= 5)
    assert call("stopped", check=True)["changed"]
    assert HostProcesses().at(asker(started["path"])) is not None


@pytest.mark.parametrize(
    ("probe", "problem"),
    [
        ({"url": "ftp://x/"}, "url: give an address that begins with http:// or https://."),
        ({"url": "http:///x"}, "url: give an address that begins with http:// or https://."),
        ({"url": f"http://ann:{CANARY}@x/"}, "url: leave the password out, and say it in headers."),
        ({"url": "http://x/", "interval": 0}, "interval: give seconds, more than 0."),
        ({"url": "http://x/", "timeout": -1}, "timeout: give seconds, more than 0."),
        ({"url": "http://x/", "at_most": 0}, "at_most: give seconds, more than 0."),
    ],
)
def test_what_cannot_be_measured_is_refused(
    call: Callable[..., dict[str, Any]], probe: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        call("started", **probe)
    assert caught.value.details["problems"] == [problem]
    assert CANARY not in caught.value.message


def test_certificates_that_are_not_there_are_told_at_once(call: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(FileError, match=r"/nowhere\.pem cannot be read as certificates"):
        call("started", url="https://127.0.0.1/", ca="/nowhere.pem")


@pytest.mark.parametrize("name", ["shop.example", "another.example"])
def test_a_name_is_asked_at_another_address(
    name: str, application: Application, call: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    own = certificate(tmp_path, ("shop.example",))
    context, asked_for = own.context(), []
    context.sni_callback = lambda _socket, server_name, _context: asked_for.append(server_name)
    application.socket = context.wrap_socket(application.socket, server_side=True)

    started = call("started", url=f"https://{name}:{application.server_port}/", address="127.0.0.1", ca=own.path)
    wait_for(lambda: len(started["path"].read_text().splitlines()) > 5)

    measured = call("stopped")["measured"]
    assert set(asked_for) == {name}
    assert set(measured["outcomes"]) == ({"200"} if name == "shop.example" else {"certificate"})
    assert application.hosts <= {f"shop.example:{application.server_port}"}


def test_a_name_is_asked_at_another_address_without_tls(
    application: Application, call: Callable[..., dict[str, Any]]
) -> None:
    call("started", url=f"http://shop.example:{application.server_port}/", address="127.0.0.1")
    wait_for(lambda: len(application.asked) > 5)

    assert call("stopped")["measured"]["failed"] == 0
    assert application.hosts == {f"shop.example:{application.server_port}"}
