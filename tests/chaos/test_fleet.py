# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts behind a balancer: no request is lost, and what one of them refuses none keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.clients import Load, load
from tests.chaos.place import APP_ROOT, OTHER, Controller, running, until
from tests.integration.machine import ROOT, Host

BALANCER, HOSTS = "balancer", ("one", "two")
VERSIONS = {"1.0.0": "one", "2.0.0": "two"}
MANY = 20_000

# It does not wait long for what will never be well.
QUICK = {
    "name": "faceshot-chopshop",
    "script": "index.js",
    "port": 3000,
    "health": "/health",
    "environment_file": ".env",
    "listen_timeout": 10,
}


class Fleet(Controller):
    """The hosts and their balancer."""

    files = (ROOT / "tests" / "chaos" / "vars" / "fleet.yml",)

    def __init__(self, hosts: dict[str, Host], folder: Path) -> None:
        members = "\n".join(HOSTS)
        super().__init__(hosts, f"{BALANCER}\n[faceshot]\n{members}\n", folder)
        self.hosts = {name: hosts[name] for name in HOSTS}
        self.address = hosts[BALANCER].ip()
        self.balancer = hosts[BALANCER]
        self.own = {
            "balancer_address": self.address,
            "addresses": [{"address": f"{host.ip()}:3000", "batch": name} for name, host in self.hosts.items()],
        }
        ended = self.play(ROOT / "tests" / "chaos" / "fleet.yml", quiet=False)
        assert ended.code == 0, ended.output

    def load(self) -> AbstractContextManager[Load]:
        """Clients that ask all the time."""
        return load(self.address, self.address)

    def versions(self) -> dict[str, str]:
        """What each host answers."""
        told = {
            name: json.loads(host.run("curl", "--silent", "http://127.0.0.1:3000/health"))
            for name, host in self.hosts.items()
        }
        return {name: VERSIONS[answer["version"]] for name, answer in told.items()}

    def drained(self) -> list[str]:
        """The batches to which the balancer sends nothing."""
        asked = ("curl", "--silent", "--header", "Host: traffic.faceshot", "http://127.0.0.1:8099/traffic")
        group = json.loads(self.balancer.run(*asked))["group"]
        return [] if group == "all" else [group.removeprefix("without_")]

    def is_at_rest(self) -> bool:
        """Whether everybody gets requests, runs the live release alone, and nobody deploys."""
        for host in self.hosts.values():
            current = host.run("readlink", f"{APP_ROOT}/current").decode().strip().removeprefix("releases/")
            if running(host) != {"": [current]} or host.run("cat", f"{APP_ROOT}/deployment.lock").strip():
                return False
        return self.drained() == []


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Version 1 on both hosts."""
    folder = tmp_path_factory.mktemp("fleet")
    with ExitStack() as stack:
        hosts = {}
        for name in (BALANCER, *HOSTS):
            shared = tmp_path_factory.mktemp(name)
            hosts[name] = Host("debian-13", f"shipshape-fleet-{name}-{os.getpid()}", shared)
            stack.callback(hosts[name].remove)
        for host in hosts.values():
            host.wait_until_running()
        fleet = Fleet(hosts, folder)
        first = fleet.deploy("one")
        assert first.code == 0, first.output
        yield fleet


def test_first_deployment_is_on_all_hosts_with_the_same_secrets(fleet: Fleet) -> None:
    assert fleet.versions() == {"one": "one", "two": "one"}
    assert fleet.is_at_rest()
    secrets = {host.run("grep", "^SESSION_SECRET=", f"{APP_ROOT}/current/.env") for host in fleet.hosts.values()}
    assert len(secrets) == 1


def test_no_request_is_lost_when_the_second_host_refuses_and_all_go_back(fleet: Fleet) -> None:
    with fleet.load() as load:
        deployed = fleet.deploy("two")
        refused = fleet.deploy("one", faults={"two": "unhealthy"}, app_processes=[QUICK], app_stable=0)
        assert fleet.versions() == {"one": "two", "two": "two"}
        back = fleet.roll_back()
        assert fleet.versions() == {"one": "one", "two": "one"}, back.output
        again = fleet.deploy("two")
        while load.sent() < MANY:
            again = fleet.deploy("two")

    assert [ended.code for ended in (deployed, refused, back, again)] == [0, 2, 0, 0], refused.output
    assert load.failed == {}
    assert load.total >= MANY
    assert fleet.is_at_rest()
    record = refused.record or {}
    assert (record["verdict"], record["warnings"], record["hosts"]) == ("returned", [], list(HOSTS))
    assert record["sentence"].startswith("two: faceshot-chopshop answers /health with 503")
    assert record["availability"]["failed"] == 0
    titles = {(suite["title"], suite["host"]) for suite in (deployed.record or {})["suites"]}
    assert titles == {
        ("The gate", "one"),
        ("The gate", "two"),
        ("As the world sees it, before the next batch", "one"),
        ("As the world sees it", "one"),
    }


def test_second_run_changes_nothing_and_a_check_starts_nothing(fleet: Fleet) -> None:
    (live,) = set(fleet.versions().values())
    assert fleet.deploy(live).code == 0

    again = fleet.deploy(live)
    checked = fleet.deploy(OTHER[live], arguments=["--check", "--diff"])

    assert (again.code, (again.record or {})["verdict"]) == (0, "unchanged")
    assert (checked.code, checked.record) == (0, None), checked.output
    assert set(fleet.versions().values()) == {live}
    assert fleet.is_at_rest()


def test_killed_while_a_batch_is_out_the_others_go_on_and_a_rerun_ends_it(fleet: Fleet) -> None:
    (before,) = set(fleet.versions().values())

    with fleet.load() as load:
        fleet.deploy_until(OTHER[before], "Start the release in the place")
        assert fleet.drained() == ["one"]
        # What cannot be built changes nothing but that the batch is brought back.
        refused = fleet.deploy(OTHER[before], app_build=[{"run": "exit 3"}])
        assert fleet.versions() == {"one": before, "two": before}
        assert fleet.drained() == []
        fleet.deploy_until(OTHER[before], "before the next batch")
        again = fleet.deploy(OTHER[before])

    assert (refused.code, (refused.record or {})["warnings"]) == (2, [])
    assert again.code == 0, again.output
    assert load.failed == {}
    assert set(fleet.versions().values()) == {OTHER[before]}
    assert fleet.is_at_rest()


def test_host_that_gets_lost_has_the_others_go_back(fleet: Fleet) -> None:
    (before,) = set(fleet.versions().values())
    lost = fleet.hosts["two"]

    with fleet.load() as load:
        begun = fleet.begin(OTHER[before], app_soak=10)
        until(lambda: fleet.drained() == ["one"])
        until(lambda: fleet.drained() == [])
        lost.run("sh", "-c", "systemctl stop ssh; pkill -KILL sshd || true")
        output, _errors = begun.communicate()
        assert fleet.versions() == {"one": before, "two": before}, output
        lost.run("systemctl", "start", "ssh")
        again = fleet.deploy(OTHER[before])

    assert begun.returncode != 0
    assert "two cannot be reached any more." in " ".join(output.split()), output
    assert again.code == 0, again.output
    assert load.failed == {}
    assert fleet.is_at_rest()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"app_strategy": "restart"}, "app_hosts: these are 2 hosts, and app_strategy is for one"),
        ({"app_balancer": "nobody"}, "app_balancer: the inventory has no such host: nobody."),
        ({"app_database": "sqlite:///srv/faceshot/shared/data/production.db"}, "as SQLite is a file"),
        ({"app_one_host": "It keeps uploads on its disk."}, "app_one_host: It keeps uploads on its disk."),
    ],
)
def test_what_is_not_for_several_hosts_is_refused(fleet: Fleet, options: dict[str, Any], said: str) -> None:
    ended = fleet.deploy("one", **options)

    assert ended.code == 2
    assert said in " ".join(ended.output.split())
    assert fleet.is_at_rest()
