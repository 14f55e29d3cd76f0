# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks over HTTP, carried out by the requests of each distribution against its nginx."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.machine import Host

PLACE = "/run/shipshape-http"

NGINX = f"""
pid {PLACE}/pid;
error_log {PLACE}/error.log;
events {{}}
http {{
    log_format asked "$request $http_authorization $content_length";
    access_log {PLACE}/access.log asked;
    include /etc/nginx/mime.types;
    gzip on;
    gzip_min_length 1;
    server {{
        listen 127.0.0.1:18080;
        return 301 https://localhost:18443$request_uri;
    }}
    server {{
        listen 127.0.0.1:18444 ssl;
        ssl_certificate {PLACE}/self.pem;
        ssl_certificate_key {PLACE}/key.pem;
    }}
    server {{
        listen 127.0.0.1:18443 ssl;
        ssl_certificate {PLACE}/server.pem;
        ssl_certificate_key {PLACE}/key.pem;
        client_max_body_size 1m;
        root {PLACE}/site;
        location /private/ {{ auth_basic "staff"; auth_basic_user_file {PLACE}/users; }}
        location /any/ {{ add_header Access-Control-Allow-Origin $http_origin always; }}
        location /mine/ {{ if ($http_origin = "https://app.example.com") {{
            add_header Access-Control-Allow-Origin $http_origin always;
        }} }}
        location /echo/ {{ default_type text/html; return 200 "<p>$arg_q</p>"; }}
    }}
}}
"""

PREPARE = f"""
set -eu
mkdir -p {PLACE}/site/any {PLACE}/site/mine {PLACE}/site/private
cd {PLACE}
echo '{{"status": "ok"}}' | tee site/health.json site/any/x site/mine/x site/private/x >/dev/null
echo 'ada:{{PLAIN}}s3cret' >users
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
openssl req -x509 $new -keyout ca.key -out ca.pem -subj '/CN=private authority' 2>/dev/null
openssl req -x509 $new -keyout key.pem -out server.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
    -addext basicConstraints=critical,CA:false -CA ca.pem -CAkey ca.key 2>/dev/null
openssl req -x509 -key key.pem -days 2 -out self.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost
nginx -c {PLACE}/nginx.conf
"""

# Everything in the environment that requests would listen to.
LOOK = """
import json, os, sys, time
os.environ.update(HTTP_PROXY="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", REQUESTS_CA_BUNDLE="/dev/null")
utils = "ansible_collections.shipshape.webapp.plugins.module_utils."
from importlib import import_module
module = lambda name: import_module(utils + name)
errors, kinds, types = module("_errors"), module("_smoke.kind"), module("_types")
from ansible_collections.shipshape.webapp.plugins.modules.smoke_check import this_world
CLASSES = {"http_check": "HttpCheck", "auth_required": "AuthRequired", "cors": "Cors", "sanitize": "Sanitize"}

def look(name, argument, trust, headers):
    name = "http_check" if name == "http" else name
    kind = getattr(module("_smoke." + name), CLASSES[name])()
    given = argument if isinstance(argument, dict) else {kind.shorthand: argument}
    options, told = module("_smoke.arguments").read(kind.options, given, name)
    assert not told, told
    setting = kinds.Setting("https://localhost:18443", headers=headers, trust=types.Trust(**trust), timeout=5)
    try:
        seen = kind.observe(options, setting, this_world(), None)
        return {"values": dict(seen.values), "told": seen.told}
    except errors.ShipshapeError as error:
        return {"error": error.message, "reason": getattr(error, "reason", None)}

print(json.dumps([look(*asked) for asked in json.loads(%r)]))
"""


@dataclass(frozen=True)
class Site:
    """nginx on one host, which its own authority vouches for."""

    host: Host

    def looks(self, *asked: tuple[str, object], headers: dict[str, str] | None = None, **trust: Any) -> list[Any]:
        """What these checks see, or why they see nothing."""
        given = [(*one, trust or {"ca": f"{PLACE}/ca.pem"}, headers or {}) for one in asked]
        seen: list[Any] = json.loads(inside.python(self.host, LOOK % json.dumps(given)))
        return seen

    def look(self, kind: str, argument: object, *, headers: dict[str, str] | None = None, **trust: Any) -> Any:
        """What one check sees, or why it sees nothing."""
        return self.looks((kind, argument), headers=headers, **trust)[0]

    def log(self) -> list[str]:
        """What nginx was asked."""
        return self.host.run("cat", f"{PLACE}/access.log").decode().splitlines()


@pytest.fixture(scope="module")
def site(smoke_host: Host) -> Iterator[Site]:
    smoke_host.run("mkdir", PLACE)
    smoke_host.run("sh", "-c", f"cat >{PLACE}/nginx.conf <<'END'\n{NGINX}\nEND\n{PREPARE}")
    yield Site(smoke_host)
    smoke_host.run("nginx", "-c", f"{PLACE}/nginx.conf", "-s", "stop")
    smoke_host.run("rm", "-r", PLACE)


def test_private_authority_is_trusted_whatever_the_environment_says(site: Site) -> None:
    seen = site.look("http", "/health.json", headers={"Authorization": "Bearer t"})

    assert (seen["values"]["status"], seen["values"]["json"]) == (200, {"status": "ok"})
    assert seen["told"] == 'GET https://localhost:18443/health.json answered 200: {"status": "ok"}'
    assert site.log()[-1] == "GET /health.json HTTP/1.1 Bearer t -"


@pytest.mark.parametrize(
    ("address", "trust", "why"),
    [
        (
            "https://localhost:18443/",
            {"is_verified": True},
            "its certificate is not trusted: unable to get local issuer",
        ),
        ("https://localhost:18444/", {}, "its certificate is not trusted: self-signed certificate"),
        ("https://127.0.0.1:18443/", {}, "its certificate is not trusted: "),
        ("https://localhost:18080/", {}, "TLS is not spoken there, or not as it is spoken here."),
    ],
)
def test_certificate_that_is_not_trusted_is_told(site: Site, address: str, trust: dict[str, Any], why: str) -> None:
    seen = site.look("http", address, **trust)

    assert seen["reason"] == "certificate"
    assert seen["error"].startswith(f"GET {address} had no answer: {why}")


def test_any_certificate_will_do_if_none_is_verified(site: Site) -> None:
    assert site.look("http", "https://127.0.0.1:18444/none", is_verified=False)["values"]["status"] == 404


def test_what_was_not_had_is_told(site: Site) -> None:
    addresses = ("https://localhost:18445/x", "http://name.invalid/x")

    seen = site.looks(*(("http", address) for address in addresses))

    assert seen == [
        {"error": f"GET {addresses[0]} had no answer: nothing listens there.", "reason": "refused"},
        {"error": f"GET {addresses[1]} had no answer: its host name is not known to the DNS.", "reason": "dns"},
    ]


def test_redirect_to_tls_is_seen_and_followed(site: Site) -> None:
    address = "http://127.0.0.1:18080/health.json?a=1"
    seen, followed = site.looks(*(("http", {"get": address, "follow": follow}) for follow in (False, True)))

    assert seen["values"]["status"] == 301
    assert seen["values"]["headers"]["location"] == "https://localhost:18443/health.json?a=1"
    assert followed["values"]["url"] == "https://localhost:18443/health.json?a=1"
    assert followed["told"] == (
        "GET http://127.0.0.1:18080/health.json, redirected to https://localhost:18443/health.json, answered 200:"
        ' {"status": "ok"}'
    )


def test_limit_of_a_body_is_seen(site: Site) -> None:
    seen = site.look("http", {"post": "/health.json", "body_bytes": 11_000_000, "timeout": "20s"})

    assert seen["values"]["status"] == 413
    assert site.log()[-1].endswith(" 11000000")


def test_files_arrive_whole(site: Site) -> None:
    site.look("http", {"post": "/health.json", "files": {"image": "/etc/nginx/mime.types"}, "form": {"a": "b"}})

    size = int(site.host.run("stat", "--format=%s", "/etc/nginx/mime.types"))
    assert size < int(site.log()[-1].split()[-1]) < size + 500


RIGHT = {"Authorization": "Basic YWRhOnMzY3JldA=="}


def test_password_is_asked_for(site: Site) -> None:
    guarded, found, free = site.looks(
        ("auth_required", {"paths": "/private/x", "reject": [{"Authorization": "Basic YWRhOmE="}]}),
        ("auth_required", {"paths": "/private/x", "reject": [RIGHT]}),
        ("auth_required", ["/private/x", "/health.json"]),
        headers=RIGHT,
    )

    assert guarded["values"]["open"] == []
    assert found["values"]["open"] == ["/private/x with reject[0] (Authorization)"]
    assert free["values"] == {"open": ["/health.json"], "statuses": {"/private/x": 401, "/health.json": 200}}


def test_origins_are_told_apart(site: Site) -> None:
    asked = {"allow": "https://app.example.com", "deny": "https://evil.example"}

    seen = site.looks(*(("cors", {"get": path, **asked}) for path in ("/mine/x", "/any/x", "/health.json")))

    told = [(one["values"]["allowed"], one["values"]["leaked"]) for one in seen]
    assert told == [(True, False), (True, True), (False, False)]


def test_markup_that_comes_back_is_seen(site: Site) -> None:
    quoted, plain, unseen = site.looks(
        # nginx gives back what stands in the address as it is quoted there.
        ("sanitize", {"get": "/echo/?q=${payload}"}),
        ("sanitize", {"get": "/echo/?q=${payload}", "payloads": ["markup"]}),
        ("sanitize", {"get": "/private/x", "query": {"q": "${payload}"}}),
    )

    assert quoted["values"] == {"reflected": [], "statuses": [200] * 5}
    assert plain["values"] == {"reflected": ["markup"], "statuses": [200]}
    assert plain["told"] == "GET https://localhost:18443/echo/ answered 200: <p>markup</p>"
    assert unseen["error"].startswith("GET https://localhost:18443/private/x answered 401: <html>")


RUDE = """
import socket, threading
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._http import HostHttp
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Trust

for said in (b"200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nshort", b"413 Too Large\\r\\nConnection: close\\r\\n\\r\\n"):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with listener.accept()[0] as client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 " + said)
        threading.Thread(target=serve).start()
        url = "http://127.0.0.1:%d" % listener.getsockname()[1]
        try:
            print(HostHttp().session(Trust()).ask(Request("POST", url, {}, bytes(11_000_000))).status)
        except HttpError as error:
            print(error.reason)
"""


def test_server_that_hangs_up_is_heard(smoke_host: Host) -> None:
    # The first breaks off, which older versions of urllib3 take for the end; the second refuses what it is sent.
    assert inside.python(smoke_host, RUDE).split() == ["connection", "413"]
