# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import ecosystem
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import (
    Declared,
    declared,
    digest,
    from_json,
    slot_of,
    supervision_argument_spec,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition, Slot
from tests.unit.supervision.fake_world import RELEASE, FakeHost, FakeSupervisor, request

WEB = {"name": "web", "script": "web.js"}

SHA256_OF_A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def read(*processes: dict[str, Any], host: FakeHost | None = None, **options: Any) -> Declared:
    host = host or FakeHost()
    return declared(request("started", *processes, **options), FakeSupervisor(host), host.ports())


def problems(*processes: dict[str, Any], host: FakeHost | None = None, **options: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        read(*processes, host=host, **options)
    found: list[str] = refused.value.details["problems"]
    return found


def test_what_is_left_out_has_its_default() -> None:
    assert read(WEB).definitions == [Definition("web", f"{RELEASE}/web.js", RELEASE)]


def test_everything_that_is_said_is_taken_over() -> None:
    host = FakeHost(content={"/srv/shop/shared/.env": b"a"}, links={f"{RELEASE}/.env": "/srv/shop/shared/.env"})
    said = {
        "name": "api",
        "script": "main.js",
        "cwd": "api",
        "args": ["--one", "two words"],
        "node": "/opt/node/bin/node",
        "node_args": ["--inspect"],
        "instances": 2,
        "mode": "cluster",
        "port": 3002,
        "health": "/health",
        "environment": {"PORT": 1, "DEBUG": True, "NAME": "x", "RATE": 0.5},
        "environment_file": ".env",
        "memory_limit": "500M",
        "kill_timeout": 3.0,
        "listen_timeout": 60.0,
        "wait_ready": True,
        "out_log": "/logs/out",
        "error_log": "/logs/error",
    }
    host.content[f"{RELEASE}/main.js"] = b""

    assert read(said, host=host).definitions == [
        Definition(
            name="api",
            script=f"{RELEASE}/main.js",
            cwd=f"{RELEASE}/api",
            arguments=("--one", "two words"),
            node="/opt/node/bin/node",
            node_arguments=("--inspect",),
            instances=2,
            is_cluster=True,
            port=3002,
            health="/health",
            environment={"PORT": "1", "DEBUG": "true", "NAME": "x", "RATE": "0.5"},
            environment_file="/srv/shop/shared/.env",
            environment_sha256=SHA256_OF_A,
            memory_limit=500 * 2**20,
            kill_timeout=3.0,
            listen_timeout=60.0,
            waits_for_ready=True,
            out_log="/logs/out",
            error_log="/logs/error",
        )
    ]


def test_paths_are_those_to_which_links_lead() -> None:
    host = FakeHost(
        content={"/srv/shop/releases/2/web.js": b""},
        folders={"/srv/shop/releases/2"},
        links={"/srv/shop/current": "/srv/shop/releases/2"},
    )

    found = read(WEB, host=host, release="/srv/shop/current")

    assert (found.release, found.definitions[0].cwd) == ("/srv/shop/releases/2", "/srv/shop/releases/2")
    assert found.definitions[0].script == "/srv/shop/releases/2/web.js"


def test_port_is_told_to_the_process() -> None:
    assert read({**WEB, "port": 3001}).definitions[0].environment == {"PORT": "3001"}


@pytest.mark.parametrize(("slot", "port"), [("blue", 3001), ("green", 3002)])
def test_each_slot_has_a_port_of_its_own(slot: str, port: int) -> None:
    definition = read({**WEB, "ports": [3001, 3002]}, slot=slot).definitions[0]

    assert (definition.port, definition.environment) == (port, {"PORT": str(port)})


@pytest.mark.parametrize(("ports", "slot"), [([3001], "green"), ([1, 2, 3], "blue"), ([1, 2], None), ([1, 2], "red")])
def test_ports_of_slots_have_to_be_two(ports: list[int], slot: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        read({**WEB, "ports": ports}, slot=slot)

    told = "web: ports are two, for the slots blue and green; say which with slot."
    assert refused.value.details["problems"] == [told]


@pytest.mark.parametrize(
    ("said", "bytes_"), [("1048576", 2**20), ("3K", 3 * 2**10), ("500M", 500 * 2**20), ("1G", 2**30)]
)
def test_memory_is_read_in_its_units(said: str, bytes_: int) -> None:
    assert read({**WEB, "memory_limit": said}).definitions[0].memory_limit == bytes_


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"script": None}, "web: script is required."),
        ({"script": ""}, "web: script is required."),
        ({"script": "nope.js"}, f"web: script: {RELEASE}/nope.js is no file."),
        ({"script": "api"}, f"web: script: {RELEASE}/api is no file."),
        ({"cwd": "nope"}, f"web: cwd: {RELEASE}/nope is no directory."),
        ({"cwd": "web.js"}, f"web: cwd: {RELEASE}/web.js is no directory."),
        ({"environment_file": ""}, f"web: environment_file: {RELEASE} is no file."),
        ({"environment_file": ".env"}, f"web: environment_file: {RELEASE}/.env is no file."),
        ({"instances": 0}, "web: instances has to be from 1 to 256."),
        ({"port": 65536}, "web: port has to be from 1 to 65535."),
        ({"port": 0}, "web: port has to be from 1 to 65535."),
        ({"kill_timeout": 0}, "web: kill_timeout has to be from 0.1 to 3600."),
        ({"listen_timeout": 0.5}, "web: listen_timeout has to be from 1 to 3600."),
        ({"instances": 2, "port": 1}, "web: several instances can share a port in mode: cluster only."),
        ({"instances": 2, "port": 1, "mode": "fork"}, "web: several instances can share a port in mode: cluster only."),
        ({"health": "/"}, "web: health needs port."),
        ({"port": 1, "ports": [1, 2]}, "web: give port, or ports for the slots blue and green."),
        ({"health": "x", "port": 1}, "web: health has to begin with /."),
        ({"node": "/nope/node"}, "web: node: /nope/node is no program."),
        ({"out_log": "x.log"}, "web: out_log has to be an absolute path."),
        ({"error_log": "x.log"}, "web: error_log has to be an absolute path."),
        ({"environment": {"A B": "1"}}, "web: environment: A B cannot be the name of a variable here."),
        ({"environment": {"SHIPSHAPE_X": "1"}}, "web: environment: SHIPSHAPE_X cannot be the name of a variable here."),
        ({"environment": {"A": ["secret"]}}, "web: environment: A has to be a text or a number."),
        ({"environment": {"A": None}}, "web: environment: A has to be a text or a number."),
        ({"environment": {"A": "x\0y"}}, "web: environment: A has to be a text or a number."),
        (
            {"memory_limit": "5T"},
            "web: memory_limit has to be a number, or one with K, M or G after it, such as 500M.",
        ),
        ({"name": "web app"}, "web app: use letters, digits, dots, - and _ for the name of a process."),
        ({"name": "-web"}, "-web: use letters, digits, dots, - and _ for the name of a process."),
    ],
)
def test_problem_is_told(said: dict[str, Any], problem: str) -> None:
    assert problems({**WEB, **said}) == [problem]


def test_all_problems_are_told_at_once() -> None:
    host = FakeHost()
    supervisor = FakeSupervisor(host, cannot=["The supervisor cannot."])
    wanted = request("started", {**WEB, "port": 0}, {**WEB, "name": "other", "script": "nope.js", "port": 0})

    with pytest.raises(InvalidInput) as refused:
        declared(wanted, supervisor, host.ports())

    assert refused.value.details["problems"] == [
        "web: port has to be from 1 to 65535.",
        "other: port has to be from 1 to 65535.",
        f"other: script: {RELEASE}/nope.js is no file.",
        "other: its port is that of another before it, and one of them only can listen to it.",
        "The supervisor cannot.",
    ]


def test_name_that_is_declared_twice_is_a_problem() -> None:
    assert problems(WEB, {**WEB}) == ["web: it is declared 2 times."]


def test_release_that_is_not_there_is_a_problem() -> None:
    assert problems(WEB, release="/srv/nope") == ["release: /srv/nope is no directory."]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"application": "a/b"}, "application: use letters, digits, dots, - and _."),
        ({"application": ""}, "application: use letters, digits, dots, - and _."),
        ({"slot": ""}, "slot: use letters, digits, dots, - and _."),
        ({"slot": "blue green"}, "slot: use letters, digits, dots, - and _."),
        ({"stable": -1.0}, "stable: give seconds, 0 or more."),
    ],
)
def test_slot_that_cannot_be_is_a_problem(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        slot_of(request(**options))

    assert refused.value.details["problems"] == [problem]


def test_slot_is_that_of_the_options() -> None:
    assert slot_of(request(slot=None)) == Slot("shop", None)


def test_ecosystem_file_is_read_in_the_release_and_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def fake_read(path: str, environment: str | None, release: str, **how: Any) -> ecosystem.Ecosystem:
        asked.extend([path, environment, release, how["clean"]])
        return ecosystem.Ecosystem([{"name": "web", "script": "web.js", "instances": 3}], ["watch is not taken over."])

    monkeypatch.setattr(ecosystem, "read_ecosystem", fake_read)
    host = FakeHost(content={f"{RELEASE}/eco.js": b""})

    found = read(
        {"name": "web", "mode": "cluster", "script": None},
        host=host,
        ecosystem="eco.js",
        ecosystem_environment="production",
    )

    assert asked == [f"{RELEASE}/eco.js", "production", RELEASE, ["env", "-i"]]
    assert found.definitions == [
        Definition("web", f"{RELEASE}/web.js", RELEASE, instances=3, is_cluster=True),
    ]
    assert found.warnings == ["watch is not taken over."]


def test_ecosystem_file_that_is_not_there_is_a_problem() -> None:
    assert problems(ecosystem="eco.js") == [f"ecosystem: {RELEASE}/eco.js is no file."]


def test_definition_outlives_json() -> None:
    definition = read({**WEB, "args": ["x"], "node_args": ["y"], "environment": {"A": "1"}}).definitions[0]
    other = replace(definition, environment={"A": "2"})

    assert from_json(json.loads(json.dumps(asdict(definition)))) == definition
    assert digest(from_json(json.loads(json.dumps(asdict(definition))))) == digest(definition)
    assert digest(definition) != digest(other)


def test_processes_have_no_defaults_that_would_hide_an_ecosystem_file() -> None:
    options = supervision_argument_spec().options["processes"]["options"]

    assert [name for name, option in options.items() if "default" in option] == []
