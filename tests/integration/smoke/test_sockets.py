# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of sockets against the servers that applications use."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting, Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.redis import Redis
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.socketio import SocketIo
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tcp import Tcp
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tls import Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.websocket import WebSocket
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust
from tests.integration import inside
from tests.integration.machine import BIN, Host
from tests.integration.node import packages
from tests.unit.smoke.sockets import observe, without_ms

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion.*:DeprecationWarning")

SOURCE = Path(__file__).resolve().parent / "sockets"
AUTH = {"token": "letmein"}


def unseen(kind: Kind, setting: Setting | None = None, **options: Any) -> str:
    with pytest.raises(ShipshapeError) as caught:
        observe(kind, setting, **options)
    assert isinstance(caught.value, (HttpError, Unobserved))
    return caught.value.message


def until(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


@dataclass(frozen=True)
class Node:
    """The servers of sockets on this machine."""

    websockets: str
    new: str
    old: str
    log: Path

    def at(self, address: str) -> Setting:
        return Setting(base_url=f"http://{address}", timeout=5)


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder with the script that serves sockets and the packages that it needs."""
    with packages("sockets", SOURCE) as installed:
        shutil.copy(SOURCE / "serve.js", installed)
    return installed


@pytest.fixture(scope="session")
def node(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    log = tmp_path_factory.mktemp("node") / "log"
    with log.open("w") as said, subprocess.Popen([BIN / "node", installed / "serve.js"], stdout=said) as server:
        try:
            until(lambda: log.read_text().endswith("]\n"))
            websockets, new, old = (f"127.0.0.1:{port}" for port in json.loads(log.read_text()))
            yield Node(websockets, new, old, log)
        finally:
            server.kill()


def test_websocket_is_opened_answers_and_is_closed_properly(node: Node) -> None:
    setting = node.at(node.websockets)

    silent = observe(WebSocket(), setting, url="/")
    echo = observe(WebSocket(), setting, url="/", send={"type": "ping"})
    greeted = observe(WebSocket(), setting, url="/greet", wait="5s", protocols=["v2", "v1"])

    assert without_ms(silent.values) == {"status": 101, "connected": True, "reply": None, "reason": None}
    assert echo.values["message"] == {"type": "ping"}
    assert greeted.values["message"] == {"hello": "v1"}
    until(lambda: node.log.read_text().count("closed with 1000") >= 3)


def test_websocket_answers_pings_and_puts_parts_together(node: Node) -> None:
    setting = node.at(node.websockets)

    assert observe(WebSocket(), setting, url="/ping", wait="5s").values["message"] == "pong are you there"
    assert observe(WebSocket(), setting, url="/parts", wait="5s").values["message"] == "x" * 70000 + "y" * 70000
    assert observe(WebSocket(), setting, url="/", send="z" * 100_000).values["message"] == "z" * 100_000


def test_websocket_without_the_token_is_refused(node: Node) -> None:
    setting = node.at(node.websockets)
    named = Setting(base_url=setting.base_url, headers={"Authorization": "Bearer letmein"})

    refused = observe(WebSocket(), setting, url="/private")
    kicked = observe(WebSocket(), setting, url="/kick", wait="5s")

    assert without_ms(refused.values) == {
        "status": 401,
        "connected": False,
        "reply": {"error": "no token"},
        "reason": "the upgrade was refused",
    }
    assert refused.told == f'GET ws://{node.websockets}/private answered 401: {{"error":"no token"}}'
    assert kicked.values["reply"] == {"code": 4401, "reason": "no token"}
    assert observe(WebSocket(), named, url="/private").values["connected"] is True


@pytest.mark.parametrize("namespace", ["/", "/pose-generator"])
@pytest.mark.parametrize("eio", [3, 4])
def test_namespace_of_socketio_is_connected_to(node: Node, eio: int, namespace: str) -> None:
    setting = node.at(node.old if eio == 3 else node.new)

    seen = observe(SocketIo(), setting, namespace=namespace, auth=AUTH, eio=eio)

    assert without_ms(seen.values) == {"connected": True, "reply": None}


def test_event_of_socketio_comes_with_the_token_and_not_without(node: Node) -> None:
    event = "generation:progress"
    setting = node.at(node.new)

    seen = observe(SocketIo(), setting, namespace="/pose-generator", auth=AUTH, event=event)
    other = observe(SocketIo(), setting, namespace="/pose-generator", auth=AUTH, event="done", wait="600ms")
    refused = observe(SocketIo(), setting, namespace="/pose-generator", event=event)

    assert without_ms(seen.values) == {
        "connected": True,
        "reply": None,
        "event": [{"percent": 5}, {"_placeholder": True, "num": 0}],
        "message": {"percent": 5},
    }
    assert other.told.endswith(f"sent no event done within 0.6 s, but ready, {event}.")
    assert without_ms(refused.values) == {
        "connected": False,
        "reply": {"message": "unauthorized", "data": {"code": 7}},
    }


def test_event_of_old_socketio_comes_with_the_token_and_not_without(node: Node) -> None:
    setting = node.at(node.old)
    options: dict[str, Any] = {"namespace": "/pose-generator", "event": "generation:progress", "eio": 3}

    seen = observe(SocketIo(), setting, auth=AUTH, **options)
    refused = observe(SocketIo(), setting, **options)

    assert without_ms(seen.values) == {
        "connected": True,
        "reply": None,
        "event": [{"percent": 5}],
        "message": {"percent": 5},
    }
    assert without_ms(refused.values) == {"connected": False, "reply": "unauthorized"}


@pytest.mark.parametrize("eio", [3, 4])
def test_socketio_answers_what_is_emitted(node: Node, eio: int) -> None:
    setting = node.at(node.old if eio == 3 else node.new)

    seen = observe(SocketIo(), setting, emit=["echo", {"a": 1}, 2], event="echoed", eio=eio)

    assert seen.values["event"] == [{"a": 1}, 2]


def test_connection_to_new_socketio_outlives_its_pings(node: Node) -> None:
    # It pings every 100 ms, and hangs up on whoever has not answered for 1000.
    seen = observe(SocketIo(), node.at(node.new), event="never", wait="1500ms")

    assert seen.values["connected"] is True


def test_socketio_that_throws_out_has_not_connected(node: Node) -> None:
    seen = observe(SocketIo(), node.at(node.new), namespace="/kick", event="never")

    assert without_ms(seen.values) == {"connected": False, "reply": None}


def test_socketio_that_cannot_be_asked_so_is_not_seen(node: Node) -> None:
    new, old = node.at(node.new), node.at(node.old)

    told = unseen(SocketIo(), new, eio=3)
    assert told.startswith(
        f"ws://{node.new}/socket.io/ agreed to be a WebSocket, and then said: HTTP/1.1 400 Bad Request"
    )
    assert "Unsupported protocol version" in told
    for namespace in ("/", "/pose-generator"):
        assert unseen(SocketIo(), old, namespace=namespace).endswith("speaks Socket.IO 2. Give the option eio with 3.")
    for setting, eio in ((new, 4), (old, 3)):
        assert unseen(SocketIo(), setting, namespace="/nowhere", eio=eio).endswith(
            "(namespace /nowhere) has no such namespace. Correct the option namespace."
        )
    assert unseen(SocketIo(), node.at(node.websockets), path="/greet") == (
        f"ws://{node.websockets}/greet (namespace /) does not speak Socket.IO. Correct the option path."
    )


REDIS = """
bind 0.0.0.0
port {port}
daemonize yes
dir /tmp
pidfile /tmp/redis-{port}.pid
save ""
"""


@contextmanager
def redis(host: Host, port: int, *lines: str) -> Iterator[None]:
    """A server of its own on the host, which has answered something, be it a refusal."""
    config = host.shared / f"redis-{port}.conf"
    config.write_text("\n".join([REDIS.format(port=port), *lines]))
    host.run("redis-server", f"/shared/{config.name}")
    try:
        until(lambda: host.run("sh", "-c", f"redis-cli -p {port} ping 2>/dev/null || true"))
        yield
    finally:
        host.run("sh", "-c", f"kill $(cat /tmp/redis-{port}.pid)")


def test_redis_for_everybody_answers(smoke_host: Host) -> None:
    with redis(smoke_host, 7001, "protected-mode no"):
        seen = observe(Redis(), host=smoke_host.ip(), port=7001)
        given = observe(Redis(), url=f"redis://:hunter2@{smoke_host.ip()}:7001/3")
        missing = unseen(Redis(), host=smoke_host.ip(), port=7001, db=99)

    assert (seen.values["ping"], seen.values["auth"], seen.values["info"]["tcp_port"]) == ("PONG", False, 7001)
    assert seen.values["info"]["redis_version"].count(".") == 2
    assert given.values["auth"] is False
    assert missing == (f"redis {smoke_host.ip()}:7001 refused SELECT with ERR. It said: ERR DB index is out of range")


def test_redis_lets_in_who_knows_the_password(smoke_host: Host) -> None:
    users = ("requirepass p:@/w", "user ada on >pw ~* +@all", "user ben on >pw ~* +ping", "user cy on >pw ~* -ping")
    ip = smoke_host.ip()
    with redis(smoke_host, 7002, *users):
        seen = [
            observe(Redis(), host=ip, port=7002, password="p:@/w"),
            observe(Redis(), url=f"redis://:p%3A%40%2Fw@{ip}:7002"),
            observe(Redis(), host=ip, port=7002, username="ada", password="pw", db=1),
        ]
        limited = observe(Redis(), host=ip, port=7002, username="ben", password="pw")
        told = [
            unseen(Redis(), host=ip, port=7002),
            unseen(Redis(), host=ip, port=7002, password="wrong"),
            unseen(Redis(), host=ip, port=7002, username="ada", password="wrong"),
            unseen(Redis(), host=ip, port=7002, username="cy", password="pw"),
        ]

    assert [(one.values["ping"], one.values["auth"]) for one in seen] == [("PONG", True)] * 3
    assert (limited.values["ping"], limited.values["info"]) == ("PONG", {})
    assert told == [
        f"redis {ip}:7002 refused PING with NOAUTH. It demands a password: give one.",
        *[f"redis {ip}:7002 refused AUTH with WRONGPASS. It does not take this password, or there is no such user."]
        * 2,
        f"redis {ip}:7002 refused PING with NOPERM. This user may not do that: allow it with ACL SETUSER.",
    ]


def test_redis_in_protected_mode_is_not_seen(smoke_host: Host) -> None:
    with redis(smoke_host, 7003, "protected-mode yes"):
        told = unseen(Redis(), host=smoke_host.ip(), port=7003)

    assert told == (
        f"redis {smoke_host.ip()}:7003 refused PING with DENIED. It is in protected mode, so that no other host gets"
        " in: give it a password, or ask from its own."
    )


@dataclass(frozen=True)
class Site:
    """nginx on a host, which speaks TLS on several ports, each in another way."""

    ip: str
    ca: str

    def at(self, port: int) -> str:
        return f"{self.ip}:{port}"

    @property
    def trust(self) -> Trust:
        return Trust(self.ca)


NGINX = """
ssl_certificate_key /shared/tls/key.pem;
server { listen 8441 ssl; ssl_certificate /shared/tls/good.pem; ssl_protocols TLSv1.2 TLSv1.3; }
server { listen 8442 ssl; ssl_certificate /shared/tls/expired.pem; ssl_protocols TLSv1.2 TLSv1.3; }
server { listen 8443 ssl; ssl_certificate /shared/tls/other.pem; ssl_protocols TLSv1.2 TLSv1.3; }
server {
    listen 8444 ssl; ssl_certificate /shared/tls/good.pem;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;
}
server { listen 8445 ssl; ssl_certificate /shared/tls/good.pem; ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0; }
server {
    listen 8446 ssl; ssl_certificate /shared/tls/good.pem;
    location / {
        proxy_pass http://127.0.0.1:8181;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
    }
    location /socket.io/ {
        proxy_pass http://127.0.0.1:8182;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
    }
    location /down { proxy_pass http://127.0.0.1:9; }
}
server { listen 8447 ssl; ssl_certificate /shared/tls/lone.pem; ssl_protocols TLSv1.2 TLSv1.3; }
"""

CERTIFICATES = """
set -e
mkdir -p /shared/tls && cd /shared/tls
sign() {
    printf 'subjectAltName=%s\n' "$2" >"$1.ext"
    openssl req -new -key key.pem -subj "/CN=$1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey key.pem -days "$3" -extfile "$1.ext" -out "$1.pem"
}
openssl genrsa -out key.pem 2048
openssl req -x509 -new -key key.pem -days 90 -subj /CN=private -out ca.pem
sign good "IP:$1,DNS:example.com" 60
sign other DNS:other.example 60
openssl req -x509 -new -key key.pem -days 60 -subj /CN=lone -addext "subjectAltName=IP:$1" -out lone.pem
printf 'subjectAltName=IP:%s\n' "$1" >expired.ext
openssl req -new -key key.pem -subj /CN=expired -out expired.csr
touch index && printf 01 >serial
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n' >ca.cnf
printf 'default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' >>ca.cnf
openssl ca -batch -config ca.cnf -cert ca.pem -keyfile key.pem -in expired.csr -extfile expired.ext -notext \\
    -startdate 20250101000000Z -enddate 20250601000000Z -out expired.pem
chmod 0644 key.pem
"""


@pytest.fixture(scope="session")
def site(smoke_host: Host) -> Site:
    smoke_host.run("sh", "-c", CERTIFICATES, "sh", smoke_host.ip())
    (smoke_host.shared / "sockets.conf").write_text(NGINX)
    smoke_host.run("cp", "/shared/sockets.conf", "/etc/nginx/conf.d/sockets.conf")
    smoke_host.run("systemctl", "restart", "nginx")
    return Site(smoke_host.ip(), str(smoke_host.shared / "tls" / "ca.pem"))


def test_good_certificate_of_nginx_is_trusted(site: Site) -> None:
    seen = observe(Tls(), Setting(trust=site.trust), address=site.at(8441))

    assert seen.values == {
        "trusted": True,
        "days_left": 59,
        "version": "TLSv1.3",
        "names": [site.ip, "example.com"],
        "legacy": [],
        "reason": None,
    }


# The first of June 2025, in seconds since 1970.
EXPIRED = 1748736000


@pytest.mark.parametrize(
    ("port", "days_left", "reason"),
    [
        (
            8442,
            None,
            "its certificate expired on 2025-06-01 00:00 UTC. Renew it, and have the server load it.",
        ),
        (
            8443,
            59,
            "its certificate is not for {ip} but for other.example. Have one issued that names it, or ask for another.",
        ),
        (
            8447,
            59,
            "nobody but itself vouches for its certificate. Have one issued, or give that certificate as ca.",
        ),
    ],
)
def test_bad_certificate_of_nginx_is_seen(site: Site, port: int, days_left: int | None, reason: str) -> None:
    # Of the one that has expired; the tests may run past midnight.
    if days_left is None:
        days_left = int((EXPIRED - time.time()) // 86400)

    seen = observe(Tls(), Setting(trust=site.trust), address=site.at(port))

    assert (seen.values["trusted"], seen.values["days_left"]) == (False, days_left)
    assert seen.values["reason"] == reason.format(ip=site.ip)


def test_authority_that_the_system_does_not_know_is_seen(site: Site) -> None:
    seen = observe(Tls(), address=site.at(8441))

    assert seen.values["trusted"] is False
    assert "an authority that is unknown here" in seen.values["reason"]


def test_certificate_is_looked_at_for_another_name(site: Site) -> None:
    setting = Setting(trust=site.trust)

    assert observe(Tls(), setting, address=site.at(8441), name="example.com").values["trusted"] is True
    assert observe(Tls(), setting, address=site.at(8441), name="example.org").values["trusted"] is False


@pytest.mark.parametrize(("port", "version", "legacy"), [(8444, "TLSv1.2", ["1.0", "1.1"]), (8445, "TLSv1.1", ["1.1"])])
def test_old_versions_of_nginx_are_seen(site: Site, port: int, version: str, legacy: list[str]) -> None:
    seen = observe(Tls(), Setting(trust=site.trust), address=site.at(port))

    assert (seen.values["trusted"], seen.values["version"], seen.values["legacy"]) == (True, version, legacy)


@pytest.mark.parametrize("port", [8441, 8444, 8445])
def test_python_of_the_host_sees_the_same(site: Site, smoke_host: Host, port: int) -> None:
    code = f"""
import json
from {Setting.__module__.rpartition(".")[0].rpartition(".")[0]}._network import HostNetwork
from {Trust.__module__} import Trust
from {HttpError.__module__} import HttpError
seen = []
for version in ("1.0", "1.1", "1.2", "1.3"):
    try:
        options = {{"timeout": 5, "trust": Trust("/shared/tls/ca.pem"), "version": version}}
        seen.append(HostNetwork().handshake("{site.ip}", {port}, **options).names)
    except HttpError as error:
        seen.append(error.reason)
print(json.dumps(seen))
"""
    names, no = [site.ip, "example.com"], "version"

    assert (
        json.loads(inside.python(smoke_host, code))
        == {
            8441: [no, no, names, names],
            8444: [names, names, names, no],
            8445: [no, names, no, no],
        }[port]
    )


def test_closed_port_of_another_host_is_seen(site: Site, smoke_host: Host) -> None:
    assert observe(Tcp(), address=site.at(8441)).values["open"] is True
    assert observe(Tcp(), address=site.at(8440)).values["reason"] == "refused"


@pytest.fixture(scope="session")
def application(smoke_host: Host, site: Site, installed: Path) -> Site:
    """The servers of Node on the host itself, behind nginx."""
    shutil.copytree(installed, smoke_host.shared / "node", dirs_exist_ok=True)
    ports = ["8181", "8182", "8183"]
    smoke_host.run("systemd-run", "--unit=sockets", "node", "/shared/node/serve.js", *ports)
    until(lambda: b"[8181,8182,8183]" in smoke_host.run("journalctl", "--unit=sockets"))
    return site


def test_sockets_are_reached_through_a_proxy_with_tls(application: Site) -> None:
    base = f"https://{application.at(8446)}"
    setting = Setting(base_url=base, trust=application.trust, timeout=5)

    echo = observe(WebSocket(), setting, url="/", send="hello")
    refused = observe(WebSocket(), setting, url="/private")
    seen = observe(SocketIo(), setting, namespace="/pose-generator", auth=AUTH, event="generation:progress")

    assert echo.values["message"] == "hello"
    assert echo.told == f"wss://{application.at(8446)}/ sent: hello"
    assert (refused.values["status"], refused.values["connected"]) == (401, False)
    assert seen.values["message"] == {"percent": 5}


def test_proxy_without_its_server_is_not_seen(application: Site) -> None:
    setting = Setting(trust=application.trust)

    told = unseen(WebSocket(), setting, url=f"wss://{application.at(8446)}/down")
    distrusted = unseen(WebSocket(), url=f"wss://{application.at(8446)}/")

    assert told.startswith(
        "The server or its proxy has failed, so look into their logs:"
        f" GET wss://{application.at(8446)}/down answered 502: <html>"
    )
    assert distrusted == (
        f"tls {application.at(8446)} has no connection: its certificate comes from an authority that is unknown here."
        " Have the server send the whole chain, or give the authority's certificate as ca."
    )
