# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic is moved while clients ask as fast as they can, and not one of their requests is lost."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.conftest import PLATFORMS
from tests.integration.machine import BIN, ROOT, Host
from tests.integration.nginx.load import Answer, Kind

LOAD = "ansible_collections.shipshape.webapp.tests.integration.nginx.load"
BACKEND = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp/tests/integration/nginx/backend.js"

SLOTS = {"blue": 3001, "green": 3002}

# Five applications, each on its own port of three hosts; deployed at the same time, so that the waits do not add up.
FLEETS = {f"fleet{number}": 5000 + number for number in (1, 2, 3, 4, 5)}
HOSTS = {"app1": "127.0.0.1", "app2": "127.0.0.2", "app3": "127.0.0.3"}

# Each host is drained so many times for each application.
ROUNDS = 2


def site(name: str, **process: Any) -> dict[str, Any]:
    """An application as the role takes it."""
    return {
        "name": name,
        "server_names": [f"{name}.example.com"],
        "processes": [{"name": "app", **process}],
        "proxy": [{"path": "/", "to": "app"}],
        "health": {"path": "/health"},
    }


SITES = [
    site("shop", ports=list(SLOTS.values())),
    *(
        site(name, hosts=[{"address": f"{address}:{port}", "batch": host} for host, address in HOSTS.items()])
        for name, port in FLEETS.items()
    ),
]

# Each kind twice makes eight that never pause; because of the others something is under way at every moment.
QUICK = [Kind(method, is_kept) for method in ("GET", "POST") for is_kept in (True, False)] * 2
SLOW = [Kind("GET", True, "answer"), Kind("POST", False, "answer")] * 4
CLIENTS = [*QUICK, *SLOW, Kind("POST", True, "upload")]


@dataclass(frozen=True)
class Act:
    """When traffic was moved, by the clock that the host has in common with this machine."""

    begun: float
    ended: float
    result: dict[str, Any]


@dataclass
class Load:
    """Clients at work, and what they were told once they have stopped."""

    process: subprocess.Popen[str]
    # To each client, in their order, and to all of them.
    told: list[list[Answer]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def counts(self) -> list[int]:
        """How many answers each client has so far."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        counts: list[int] = json.loads(self.process.stdout.readline())
        return counts

    def go_on(self, requests: int = 1, *, until: int = 0) -> None:
        """Return when each quick client has begun more requests and has the answers, and so many are there in all."""
        enough = [count + 1 + requests for count in self.counts()[: len(QUICK)]]
        deadline = time.monotonic() + 180
        while any(count < least for count, least in zip(self.counts(), enough)) or sum(self.counts()) < until:
            assert time.monotonic() < deadline, f"{self.counts()} answers so far"
            time.sleep(0.01)

    def failures(self) -> list[str]:
        """What became of those requests that the application did not answer, when, and whose they were."""
        begun = min(answer.begun for answer in self.answers)
        failed = [
            (answer.begun - begun, kind, answer)
            for kind, answers in zip(CLIENTS, self.told)
            for answer in answers
            if answer.status != 200
        ]
        return [f"{answer.status} {answer.told} after {after:.3f} s: {kind}" for after, kind, answer in sorted(failed)]

    def between(self, before: Act, after: Act) -> list[Answer]:
        """The answers to what was asked after the one act, and answered before the other."""
        return [answer for answer in self.answers if before.ended < answer.begun and answer.ended < after.begun]

    def processes(self, name: str) -> set[str]:
        """Which processes of a backend have answered."""
        return {answer.who for answer in self.answers if answer.who.startswith(f"{name}/")}


@dataclass(frozen=True)
class Balancer:
    """A host with nginx, and the backends behind it."""

    host: Host

    def act(self, name: str, action: str, **options: Any) -> Act:
        """Move traffic."""
        begun = time.monotonic()
        result = inside.module(self.host, "traffic", name=name, action=action, **options)
        assert not result.get("failed"), result
        return Act(begun, time.monotonic(), result)

    def start(self, name: str, address: str, port: int) -> None:
        """Have a backend."""
        unit = (f"--unit={name}", "--property=Type=notify", "--property=NotifyAccess=all")
        self.host.run("systemd-run", "--quiet", *unit, "node", BACKEND, name, address, str(port))

    def restart(self, name: str) -> None:
        """Have another process of a backend, as after a deployment."""
        self.host.run("systemctl", "restart", name)

    @contextmanager
    def load(self, *names: str) -> Iterator[Load]:
        """Clients at work for as long as the context lasts."""
        process = subprocess.Popen(
            inside.command(self.host, "python3", "-m", LOAD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin
        load = Load(process)
        try:
            process.stdin.write(json.dumps([[f"{name}.example.com" for name in names], *CLIENTS]) + "\n")
            load.go_on()
            yield load
        finally:
            told, _nothing = process.communicate()
        assert process.returncode == 0
        load.told.extend([Answer(*answer) for answer in answers] for answers in json.loads(told))
        load.answers.extend(chain.from_iterable(load.told))


def set_up(host: Host, folder: Path) -> None:
    """Have the role write the configuration."""
    reached = {"ansible_connection": "community.docker.docker", "ansible_python_interpreter": "/usr/bin/python3"}
    role = {"name": "Set up nginx", "ansible.builtin.import_role": {"name": "shipshape.webapp.nginx"}}
    play = {"hosts": "all", "gather_facts": False, "vars": {"nginx_sites": SITES}, "tasks": [role]}
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {host.name: reached}}}))
    (folder / "playbook.yml").write_text(json.dumps([play]))
    run = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "inventory.json", "playbook.yml"],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module", params=PLATFORMS)
def balancer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    """A balancer of each platform, as the role sets it up."""
    folder = tmp_path_factory.mktemp(f"load-{request.param}")
    # Whose connections are open, root may know on a server and needs leave to know in a container.
    options = ("--cap-add", "SYS_PTRACE")
    host = inside.smoke_host(request.param, f"shipshape-load-{request.param}-{os.getpid()}", folder, options=options)
    try:
        host.wait_until_running()
        balancer = Balancer(host)
        for slot, port in SLOTS.items():
            balancer.start(slot, "127.0.0.1", port)
        for name, port in FLEETS.items():
            for host_name, address in HOSTS.items():
                balancer.start(f"{name}-{host_name}", address, port)
        set_up(host, folder)
        yield balancer
    finally:
        host.remove()


def test_switches_lose_nothing(balancer: Balancer) -> None:
    slots = ["green", "blue"] * 10
    acts = []
    with balancer.load("shop") as load:
        for turn, slot in enumerate(slots, start=1):
            # Now and then the slot that is left gets a new release, once nothing is under way to it.
            is_left_alone = turn % 7 == 0
            acts.append(balancer.act("shop", "switch", to=slot, wait=30 if is_left_alone else 0))
            if is_left_alone:
                balancer.restart("blue" if slot == "green" else "green")
            load.go_on()
        load.go_on(until=20_000)

    assert load.failures() == []
    for (before, after), slot in zip(pairwise(acts), slots):
        assert {answer.who.partition("/")[0] for answer in load.between(before, after)} == {slot}
    assert [len(load.processes(slot)) for slot in SLOTS] == [2, 2]


def test_drains_lose_nothing(balancer: Balancer) -> None:
    def deploy(name: str, host: str) -> tuple[Act, Act]:
        out = balancer.act(name, "drain", batch=host)
        assert out.result["in_flight"] == {"requests": 0, "websockets": 0}
        balancer.restart(f"{name}-{host}")
        return out, balancer.act(name, "undrain", batch=host)

    acts = []
    with balancer.load(*FLEETS) as load, ThreadPoolExecutor(len(FLEETS)) as crew:
        for host in [*HOSTS] * ROUNDS:
            for name, (out, back) in zip(FLEETS, crew.map(deploy, FLEETS, [host] * len(FLEETS))):
                acts.append((name, host, out, back))
            load.go_on(20)
        load.go_on(until=6_000)

    assert load.failures() == []
    for name, host, out, back in acts:
        answering = {answer.who.partition("/")[0] for answer in load.between(out, back) if answer.who.startswith(name)}
        assert answering == {f"{name}-{other}" for other in HOSTS if other != host}
    assert {len(load.processes(f"{name}-{host}")) for name in FLEETS for host in HOSTS} == {ROUNDS + 1}


def test_maintenance_is_told_while_it_lasts_and_only_then(balancer: Balancer) -> None:
    # The first and the last change nothing.
    acts = [balancer.act("shop", "maintenance_off")]
    with balancer.load("shop") as load:
        for action in ["maintenance_on", "maintenance_off"] * 3:
            load.go_on()
            acts.append(balancer.act("shop", action))
        load.go_on(until=3_000)
        acts.append(balancer.act("shop", "maintenance_off"))

    assert {(answer.status, answer.told) for answer in load.answers} == {(200, ""), (503, "300")}
    for turn, (before, after) in enumerate(pairwise(acts)):
        assert {answer.status for answer in load.between(before, after)} == {503 if turn % 2 else 200}


def test_what_is_lost_is_noticed(balancer: Balancer) -> None:
    with balancer.load("shop") as load:
        balancer.restart(balancer.act("shop", "state").result["after"]["live"])
        load.go_on()

    assert any(failure.startswith("502 ") for failure in load.failures())

    with balancer.load("fleet1") as load:
        for host in HOSTS:
            balancer.restart(f"fleet1-{host}")
            load.go_on()

    assert load.failures() != []
