# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic behind a real nginx, with a configuration written by hand."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.conftest import PLATFORMS
from tests.integration.machine import Host

HERE = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp/tests/integration/nginx"
FLAGS = "/var/lib/shipshape/traffic"

BLUE, GREEN, NOBODY = 3001, 3002, 3009
APP1, APP2, APP3 = 3011, 3012, 3013

NGINX = """
user www-data;
# Each worker remembers files by itself, and one shows it at every request.
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
    access_log off;
    open_file_cache max=1000;
    include applications/*/*.conf;
}
"""

UPSTREAM = """
upstream {name}_{group} {{
    zone {name}_{group} 64k;
    {servers}
    keepalive 32;
    keepalive_timeout 1s;
}}
"""

SITE = """
server {{
    listen 80;
    server_name {name}.example.com;
    include applications/{name}/snippets/traffic.conf;
    proxy_http_version 1.1;
    location / {{
        if ($shipshape_maintenance = on) {{ return 503; }}
        error_page 418 = @websocket;
        if ($http_upgrade) {{ return 418; }}
        proxy_set_header Connection "";
        proxy_pass http://{name}_$shipshape_group;
    }}
    location @websocket {{
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection Upgrade;
        proxy_socket_keepalive on;
        proxy_read_timeout 1h;
        proxy_pass http://{name}_$shipshape_group;
    }}
}}
server {{
    listen 127.0.0.1:8099;
    server_name traffic.{name};
    include applications/{name}/snippets/traffic.conf;
    location = /traffic {{
        default_type application/json;
        return 200 '{{"group": "$shipshape_group", "maintenance": "$shipshape_maintenance"}}';
    }}
}}
"""

UNIT = f"""
[Unit]
Description=Backends
[Service]
ExecStart=/usr/bin/env node {HERE}/backends.js {BLUE} {GREEN} {APP1} {APP2} {APP3}
[Install]
WantedBy=multi-user.target
"""

HEALTH = {"path": "/health", "host": "shop.example.com"}


class Balancer:
    """A host with nginx, its applications and their backends."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def write(self, path: str, content: str) -> None:
        """Have a file on the host."""
        self.host.run("sh", "-c", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "-", path, text=content)

    def add(self, name: str, *, is_remembered: bool = False, **told: Any) -> None:
        """Write an application as the role does; `is_remembered` leaves out what a cache of files needs."""
        slots, batches = told.get("slots", {}), told.get("batches", {})
        groups = {slot: [port] for slot, port in slots.items()}
        chosen = {"green": "green"} if slots else {}
        if batches:
            groups["all"] = list(batches.values())
        for batch in batches:
            groups[f"without_{batch}"] = [port for other, port in batches.items() if other != batch]
            chosen[f"drain-{batch}"] = f"without_{batch}"
        seen = f"if (-f {FLAGS}/{name}/on"
        traffic = [
            "" if is_remembered else "open_file_cache off;",
            f"set $shipshape_group {'blue' if slots else 'all'};",
            *(f"{seen}/{flag}) {{ set $shipshape_group {group}; }}" for flag, group in chosen.items()),
            "set $shipshape_maintenance off;",
            f"{seen}/maintenance) {{ set $shipshape_maintenance on; }}",
        ]
        place, upstreams = f"/etc/nginx/applications/{name}", ""
        for group, ports in groups.items():
            servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
            upstreams += UPSTREAM.format(name=name, group=group, servers=servers)
        self.write(f"{place}/site.conf", upstreams + SITE.format(name=name))
        self.write(f"{place}/snippets/traffic.conf", "\n".join(traffic) + "\n")
        for kind in ("slots", "batches"):
            told[kind] = {group: [f"127.0.0.1:{port}"] for group, port in told.get(kind, {}).items()}
        status = {"port": 8099, "host": f"traffic.{name}"}
        whole = {"name": name, "flags": f"{FLAGS}/{name}", "status": status, **told}
        self.write(f"{place}/traffic.json", json.dumps(whole))

    def ask(self, name: str = "shop", path: str = "/") -> str:
        """Which backend answers, or the status without one."""
        connection = http.client.HTTPConnection(self.host.ip(), timeout=30)
        connection.request("GET", path, headers={"Host": f"{name}.example.com"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return text if answer.status == 200 else str(answer.status)

    @contextmanager
    def websocket(self, name: str) -> Iterator[None]:
        """One that stays open."""
        with socket.create_connection((self.host.ip(), 80), timeout=10) as opened:
            head = f"GET /ws HTTP/1.1\r\nHost: {name}.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            opened.sendall(head.encode())
            assert b" 101 " in opened.recv(1000)
            yield

    def traffic(self, name: str = "shop", action: str = "state", **options: Any) -> dict[str, Any]:
        """What the module says; `check` and `diff` are as Ansible gives them."""
        return inside.module(self.host, "traffic", name=name, action=action, **options)

    def files(self) -> dict[str, bytes]:
        """All that the module has on the host."""
        listed = self.host.run("sh", "-c", f"find {FLAGS} -type f 2>/dev/null || :").decode().split()
        return {path: self.host.run("cat", path) for path in listed}


def until(is_so: Callable[[], bool]) -> None:
    """Return once this is so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="session", params=PLATFORMS)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    shared = tmp_path_factory.mktemp(f"traffic-{request.param}")
    name = f"shipshape-nginx-traffic-{request.param}-{os.getpid()}"
    # The engine may lose one that goes with its end when that is started anew: remove() takes it away.
    host = inside.smoke_host(request.param, name, shared, options=("--rm=false",))
    try:
        host.wait_until_running()
        balancer = Balancer(host)
        balancer.write("/etc/nginx/nginx.conf", NGINX)
        balancer.write("/etc/systemd/system/backends.service", UNIT)
        slots = {"blue": BLUE, "green": GREEN}
        balancer.add("shop", slots=slots, health=HEALTH)
        balancer.add("other", slots=slots)
        balancer.add("cached", slots=slots, is_remembered=True)
        balancer.add("dead", slots={"blue": BLUE, "green": NOBODY})
        balancer.add("loans", batches={"app1": APP1, "app2": APP2, "app3": APP3}, health=HEALTH, min_healthy=2)
        host.run("systemctl", "enable", "--quiet", "--now", "backends")
        host.run("systemctl", "restart", "nginx")
        until(lambda: balancer.ask() == str(BLUE))
        yield balancer
    finally:
        host.remove()


@pytest.fixture
def balancer(prepared: Balancer) -> Balancer:
    """With no flag and nothing armed."""
    clear = f"systemctl stop 'shipshape-traffic-*.timer'; rm -rf {FLAGS} /run/sick-* /run/held"
    prepared.host.run("sh", "-c", clear)
    return prepared


def live(said: dict[str, Any]) -> tuple[str, str]:
    return said["before"]["live"], said["after"]["live"]


def test_switch_there_and_back(balancer: Balancer) -> None:
    foretold = balancer.traffic(action="switch", to="green", check=True, diff=True)
    assert (balancer.ask(), balancer.files()) == (str(BLUE), {})

    there = balancer.traffic(action="switch", to="green", diff=True)
    assert balancer.ask() == str(GREEN)
    assert (there["changed"], there["proved"], live(there)) == (True, True, ("blue", "green"))
    assert there["in_flight"] == {"requests": 0, "websockets": 0}
    assert there["after_reboot"] == "The flags outlive a reboot, after which green is live, maintenance is off."
    same = ("changed", "before", "after", "after_reboot", "diff")
    assert [foretold[word] for word in same] == [there[word] for word in same]
    assert (foretold["proved"], foretold["in_flight"]) == (None, None)
    [(path, told)] = balancer.files().items()
    assert path == f"{FLAGS}/shop/on/green"
    assert b"by switch to green of" in told
    assert (
        balancer.host.run("stat", "-c", "%a %U", f"{FLAGS}/shop/on", f"{FLAGS}/shop").split() == [b"755", b"root"] * 2
    )

    again = balancer.traffic(action="switch", to="green")
    assert (again["changed"], again["proved"], live(again)) == (False, True, ("green", "green"))

    back = balancer.traffic(action="switch", to="blue")
    assert (balancer.ask(), back["changed"], live(back)) == (str(BLUE), True, ("green", "blue"))
    state = balancer.traffic()
    assert (state["changed"], state["proved"], state["after"]) == (False, True, back["after"])


def test_applications_do_not_disturb_each_other(balancer: Balancer) -> None:
    balancer.traffic("other", "switch", to="green")
    before = balancer.files()
    armed = balancer.traffic("shop", "maintenance_on", arm=60)
    assert armed["after"]["armed"]["act"] == "maintenance on"
    assert (balancer.ask("shop"), balancer.ask("other")) == ("503", str(GREEN))
    assert before.items() <= balancer.files().items()

    assert balancer.traffic("other", "revert")["changed"] is False
    assert balancer.traffic("shop", "revert")["reverted"]["because"] == "it was asked for"
    assert (balancer.ask("shop"), balancer.ask("other")) == (str(BLUE), str(GREEN))


def test_nginx_that_remembers_files_is_noticed(balancer: Balancer) -> None:
    assert balancer.traffic("cached", "switch", to="green")["proved"] is True
    before = balancer.files()

    for arm in (None, 60):
        failed = balancer.traffic("cached", "switch", to="blue", arm=arm)
        assert failed["failed"]
        assert failed["msg"].startswith("switch to blue was taken back: nginx still takes the group green")
        assert balancer.files() == before
        assert balancer.ask("cached") == str(GREEN)
    assert b"shipshape-traffic-" not in balancer.host.run("systemctl", "list-timers", "--all")


def test_nginx_that_does_not_run_is_told(balancer: Balancer) -> None:
    balancer.host.run("systemctl", "stop", "nginx")
    try:
        moved = balancer.traffic(action="switch", to="green")
    finally:
        balancer.host.run("systemctl", "start", "nginx")
    assert (moved["changed"], moved["proved"]) == (True, False)
    assert "nothing answers at 127.0.0.1:8099: nginx does not run" in str(moved["warnings"])
    assert balancer.ask() == str(GREEN)


def test_switch_waits_for_what_is_under_way(balancer: Balancer) -> None:
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(balancer.ask("shop", "/held")))
    slow.start()
    until(lambda: balancer.host.run("sh", "-c", "ls /run/held || :") != b"")
    limited = balancer.traffic(action="switch", to="green", wait=0.5)
    assert limited["in_flight"] == {"requests": 1, "websockets": 0}
    told = f"nginx still has connections to 127.0.0.1:{BLUE}: 1 for requests, 0 for WebSockets."
    assert told in str(limited["warnings"])
    assert (balancer.ask(), answers) == (str(GREEN), [])

    # The first run could have been killed instead.
    balancer.host.run(
        "systemd-run", "--quiet", "--on-active=5", "--timer-property=AccuracySec=100ms", "rm", "/run/held"
    )
    moved = balancer.traffic(action="switch", to="green", wait=60)
    assert answers == [str(BLUE)]
    assert (moved["changed"], moved["in_flight"]) == (False, {"requests": 0, "websockets": 0})
    slow.join()


def test_websockets_have_a_limit_of_their_own(balancer: Balancer) -> None:
    with balancer.websocket("shop"):
        moved = balancer.traffic(action="switch", to="green", wait=60, websocket_wait=1.5)
        assert moved["in_flight"] == {"requests": 0, "websockets": 1}
        assert 1.5 < moved["waited"] < 30
        assert len(moved["warnings"]) == 1
    assert balancer.traffic(action="switch", to="green")["in_flight"] == {"requests": 0, "websockets": 0}


def test_batch_is_drained_and_taken_in_again(balancer: Balancer) -> None:
    def answering() -> set[str]:
        return {balancer.ask("loans") for _time in range(9)}

    assert answering() == {str(APP1), str(APP2), str(APP3)}
    drained = balancer.traffic("loans", "drain", batch="app2")
    assert answering() == {str(APP1), str(APP3)}
    assert (drained["proved"], drained["after"]["drained"]) == (True, ["app2"])
    assert drained["in_flight"] == {"requests": 0, "websockets": 0}
    assert balancer.traffic("loans", "drain", batch="app2")["changed"] is False

    refused = balancer.traffic("loans", "drain", batch="app1")
    assert refused["problems"] == ["app2 is drained already: undrain it first."]
    balancer.host.run("touch", f"/run/sick-{APP2}")
    refused = balancer.traffic("loans", "undrain", batch="app2")
    assert refused["problems"] == [
        f"undrain app2 needs 1 of 127.0.0.1:{APP2} to be healthy, and 0 are so. "
        f"127.0.0.1:{APP2} answers 503 at /health."
    ]
    balancer.host.run("rm", f"/run/sick-{APP2}")
    assert balancer.traffic("loans", "undrain", batch="app2")["after"]["drained"] == []
    assert answering() == {str(APP1), str(APP2), str(APP3)}


def test_too_few_healthy_backends_are_not_left(balancer: Balancer) -> None:
    balancer.host.run("touch", f"/run/sick-{APP3}")
    for check in (True, False):
        refused = balancer.traffic("loans", "drain", batch="app1", check=check)
        assert refused["problems"] == [
            f"drain app1 needs 2 of 127.0.0.1:{APP2}, 127.0.0.1:{APP3} to be healthy, and 1 are so. "
            f"127.0.0.1:{APP3} answers 503 at /health."
        ]
    assert balancer.files() == {}


def test_nothing_is_switched_to_what_is_dead(balancer: Balancer) -> None:
    refused = balancer.traffic("dead", "switch", to="green", arm=60)
    assert "nothing listens there" in refused["problems"][0]
    assert balancer.files() == {}


def test_maintenance(balancer: Balancer) -> None:
    assert balancer.traffic(action="maintenance_on")["proved"] is True
    assert balancer.ask() == "503"
    assert balancer.traffic(action="maintenance_on")["changed"] is False
    assert balancer.traffic(action="maintenance_off")["changed"] is True
    assert balancer.ask() == str(BLUE)


def test_armed_switch_comes_back_when_its_caller_is_gone(balancer: Balancer) -> None:
    with balancer.websocket("shop"):
        caller = subprocess.Popen(
            inside.module_command(balancer.host, "traffic"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert caller.stdin
        options = {"name": "shop", "action": "switch", "to": "green", "arm": 10, "websocket_wait": 60}
        caller.stdin.write(inside.module_input(options))
        caller.stdin.close()
        until(lambda: balancer.ask() == str(GREEN))
        caller.kill()
        caller.wait()
        balancer.host.run("systemctl", "restart", "nginx")
        until(lambda: balancer.ask() == str(BLUE))
    until(lambda: balancer.traffic()["reverted"] is not None)
    state = balancer.traffic()
    assert state["reverted"]["act"] == "switch to green"
    assert state["reverted"]["because"] == "nobody confirmed it in time"
    assert state["after"]["armed"] is None
    late = balancer.traffic(action="confirm", to="green")
    assert f"Taken back at {state['reverted']['at']}, because nobody confirmed it in time" in late["msg"]


# The module is killed in the place of the rename, when the timer runs and the record is written.
KILLED = """
import os, signal, sys
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.modules import traffic
HostFolders.move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
traffic.main()
"""


def test_armed_and_killed_before_the_rename_leaves_nothing(balancer: Balancer) -> None:
    options = {"name": "shop", "action": "switch", "to": "green", "arm": 600}
    killed = inside.ended_python(balancer.host, KILLED, inside.module_input(options))
    assert killed.returncode == 137
    assert f"{FLAGS}/shop/armed" in balancer.files()
    refused = balancer.traffic(action="confirm")
    assert refused["problems"] == ["switch to green is armed, but was not done: revert it, and do it again."]
    refused = balancer.traffic(action="switch", to="green", arm=60)
    assert "is armed until" in refused["problems"][0]

    # What the timer does when the time is up.
    balancer.host.run("systemctl", "start", "shipshape-traffic-shop-*.service", "--all")
    # It has started by now, and not ended.
    until(lambda: balancer.traffic()["reverted"] is not None)
    state = balancer.traffic()
    assert (state["after"], state["reverted"]["act"]) == (state["before"], "switch to green")
    assert (state["after"]["live"], state["after"]["armed"], balancer.ask()) == ("blue", None, str(BLUE))
    assert balancer.traffic(action="switch", to="green")["changed"] is True


def test_confirmed_switch_stays(balancer: Balancer) -> None:
    armed = balancer.traffic(action="switch", to="green", arm=600)
    assert armed["after_reboot"] == (
        "A reboot takes back what is armed (switch to green) before nginx starts, after which blue is live, "
        "maintenance is off."
    )
    unchanged = balancer.traffic(action="switch", to="green", arm=60)
    assert unchanged["changed"] is False
    assert unchanged["after"] == armed["after"]
    foretold = balancer.traffic(action="confirm", to="green", check=True)
    confirmed = balancer.traffic(action="confirm", to="green")
    assert foretold["changed"] is confirmed["changed"] is True
    assert foretold["after"] == confirmed["after"]
    assert balancer.traffic(action="confirm", to="green")["changed"] is False

    assert b"shipshape-traffic-" not in balancer.host.run("systemctl", "list-timers", "--all")
    balancer.host.run("systemctl", "restart", "nginx")
    assert balancer.ask() == str(GREEN)
    assert balancer.traffic(action="confirm", to="blue")["problems"] == ["green is live. Nothing is armed."]


def test_reboot_takes_back_what_was_not_confirmed(balancer: Balancer) -> None:
    balancer.traffic("other", "switch", to="green", arm=600)
    balancer.traffic("other", "confirm")
    balancer.traffic("loans", "drain", batch="app1")
    balancer.traffic("shop", "switch", to="green", arm=600)
    # Only a start of the host is one.
    balancer.host.run("systemctl", "restart", "nginx", "shipshape-traffic.service")
    assert balancer.traffic()["after"]["live"] == "green"

    subprocess.run(["docker", "restart", balancer.host.name], check=True, stdout=subprocess.DEVNULL)
    balancer.host.wait_until_running()
    until(lambda: balancer.ask("other") == str(GREEN))
    assert balancer.ask("shop") == str(BLUE)
    state = balancer.traffic("shop")
    assert (state["after"]["live"], state["after"]["armed"], state["proved"]) == ("blue", None, True)
    assert state["reverted"]["because"] == "the host was started anew"
    assert balancer.traffic("loans")["after"]["drained"] == ["app1"]
    order = balancer.host.run("systemctl", "show", "--property=Before", "--value", "shipshape-traffic.service")
    assert b"nginx.service" in order.split()
