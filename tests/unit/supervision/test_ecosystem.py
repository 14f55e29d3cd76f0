# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.ecosystem import (
    Ecosystem,
    ecosystem_of,
    read_ecosystem,
    with_declared,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed

CPUS = 4
RELEASE = "/srv/shop/releases/1"
FILE = f"{RELEASE}/ecosystem.config.js"


def taken(told: Mapping[str, Any], environment: str | None = None) -> dict[str, Any]:
    """What becomes of one app, which has to give no warning."""
    read = ecosystem_of([{"name": "shop", "script": "app.js", **told}], environment, CPUS)
    assert read.warnings == []
    [process] = read.processes
    return {
        key: value for key, value in process.items() if (key, value) not in (("name", "shop"), ("script", "app.js"))
    }


def warnings(told: Mapping[str, Any], environment: str | None = None) -> tuple[Sequence[str], Mapping[str, Any]]:
    read = ecosystem_of([{"name": "shop", "script": "app.js", **told}], environment, CPUS)
    return read.warnings, read.processes[0]


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, {}),
        ({"args": ["--port", 80, True]}, {"args": ["--port", "80", "true"]}),
        ({"args": '--verbose \'two words\' --a="b c" ""'}, {"args": ["--verbose", "two words", '--a="b c"', ""]}),
        ({"args": ""}, {"args": []}),
        ({"node_args": "--inspect --max-old-space-size=200"}, {"node_args": ["--inspect", "--max-old-space-size=200"]}),
        ({"nodeArgs": ["--inspect"]}, {"node_args": ["--inspect"]}),
        ({"interpreter_args": ["--inspect"]}, {"node_args": ["--inspect"]}),
        ({"interpreterArgs": ["--inspect"]}, {"node_args": ["--inspect"]}),
        ({"interpreter": "/opt/node/bin/node"}, {"node": "/opt/node/bin/node"}),
        ({"exec_interpreter": "node"}, {"node": "node"}),
        ({"exec_mode": "cluster"}, {"mode": "cluster"}),
        ({"execMode": "cluster_mode"}, {"mode": "cluster"}),
        ({"exec_mode": "fork_mode"}, {"mode": "fork"}),
        ({"exec_mode": "fork", "instances": 2}, {"mode": "fork", "instances": 2}),
        ({"instances": 2}, {"mode": "cluster", "instances": 2}),
        ({"instances": 1, "interpreter": "tsx"}, {"instances": 1, "node": "tsx"}),
        (
            {"instances": 1, "interpreter": "/usr/bin/node"},
            {"mode": "cluster", "instances": 1, "node": "/usr/bin/node"},
        ),
        ({"instances": "max"}, {"mode": "cluster", "instances": 4}),
        ({"instances": 0}, {"mode": "cluster", "instances": 4}),
        ({"instances": "3"}, {"mode": "cluster", "instances": 3}),
        ({"instances": -1}, {"mode": "cluster", "instances": 3}),
        ({"instances": -9}, {"mode": "cluster", "instances": 1}),
        ({"max_memory_restart": "300M"}, {"memory_limit": "300M"}),
        ({"maxMemoryRestart": 1000000}, {"memory_limit": "1000000"}),
        ({"kill_timeout": 2500, "listen_timeout": "8000"}, {"kill_timeout": 2.5, "listen_timeout": 8.0}),
        ({"wait_ready": True}, {"wait_ready": True}),
        ({"wait_ready": False}, {"wait_ready": False}),
        ({"port": 3000}, {"port": 3000}),
        ({"port": "3000"}, {"port": 3000}),
        ({"env": {"PORT": 3000}}, {"port": 3000}),
        ({"env": {"PORT": "3000", "A": "b"}}, {"port": 3000, "environment": {"A": "b"}}),
        ({"env": {"PORT": "/run/shop.sock"}}, {"environment": {"PORT": "/run/shop.sock"}}),
        ({"env": {"PORT": 3000}, "port": 4000}, {"port": 4000}),
        (
            {"env": {"A": 1, "B": 0.5, "C": True, "D": None, "E": {"f": ["ž"]}, "F": ""}},
            {"environment": {"A": "1", "B": "0.5", "C": "true", "E": '{"f":["ž"]}', "F": ""}},
        ),
        ({"cwd": "backend/", "script": "./src/app.js"}, {"cwd": "backend", "script": "backend/src/app.js"}),
        ({"cwd": "./"}, {"cwd": "."}),
        ({"cwd": f"{RELEASE}/api"}, {"cwd": f"{RELEASE}/api", "script": f"{RELEASE}/api/app.js"}),
        ({"cwd": "api", "script": "/srv/app.js"}, {"cwd": "api", "script": "/srv/app.js"}),
        ({"script": "./app.js"}, {}),
        *(
            ({key: "/var/log/out.log"}, {"out_log": "/var/log/out.log"})
            for key in ("out_file", "out", "output", "out_log")
        ),
        *(
            ({key: "/var/log/err.log"}, {"error_log": "/var/log/err.log"})
            for key in ("error_file", "error", "err", "err_file", "err_log", "errorFile")
        ),
        ({"out": "NULL"}, {"out_log": "/dev/null"}),
        # These ask for what is done anyway, or for nothing.
        (
            {"autorestart": True, "watch": False, "merge_logs": True, "exp_backoff_restart_delay": 100, "time": False},
            {},
        ),
        ({"cron_restart": 0, "max_restarts": None, "ignore_watch": [], "vizion": False, "env_staging": {"A": "b"}}, {}),
    ],
)
def test_value_is_taken_over_as_pm2_understands_it(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert taken(told) == {key: value for key, value in wanted.items() if (key, value) != ("script", "app.js")}


@pytest.mark.parametrize("key", ["script", "exec", "cmd", "command"])
def test_script_and_the_name_that_comes_of_it(key: str) -> None:
    assert ecosystem_of([{key: "dist/server.prod.js"}], None, CPUS) == Ecosystem(
        [{"name": "server.prod", "script": "dist/server.prod.js"}], []
    )


@pytest.mark.parametrize(
    ("told", "warned", "left_out"),
    [
        ({"watch": True}, "shop: watch of the ecosystem file is not taken over.", "watch"),
        (
            {"cron": "0 3 * * *", "ignore_watch": ["logs"], "autorestart": False, "restrat": 1},
            "shop: cron, ignore_watch, autorestart, restrat of the ecosystem file are not taken over.",
            "cron",
        ),
        *(
            (
                {"script": script},
                "shop: script of the ecosystem file is not taken over: it names what starts Node",
                "script",
            )
            for script in ("npm", "yarn", "node app.js")
        ),
        (
            {"error_file": "logs/e.log"},
            "shop: error_file of the ecosystem file is not taken over: a log in a",
            "error_log",
        ),
        (
            {"interpreter": "none"},
            "shop: exec_interpreter of the ecosystem file is not taken over: it is no pro",
            "node",
        ),
        (
            {"interpreter": "node@18"},
            "shop: exec_interpreter of the ecosystem file is not taken over: it is no",
            "node",
        ),
        (
            {"kill_timeout": "5s"},
            "shop: kill_timeout of the ecosystem file is not taken over: it is no whole",
            "kill_timeout",
        ),
        ({"instances": "many"}, "shop: instances of the ecosystem file is not taken over: it is no whole", "instances"),
        ({"max_memory_restart": "2 GB"}, "shop: max_memory_restart of the ecosystem file is not tak", "memory_limit"),
    ],
)
def test_what_is_not_taken_over_is_told(told: Mapping[str, Any], warned: str, left_out: str) -> None:
    [warning], process = warnings(told)
    assert warning.startswith(warned)
    assert left_out not in process


def test_environment_is_chosen() -> None:
    told = {
        "env": {"NODE_ENV": "development", "A": "1", "PORT": 1},
        "env_production": {"NODE_ENV": "production", "PORT": 2},
    }

    assert taken(told, "production") == {"port": 2, "environment": {"NODE_ENV": "production", "A": "1"}}
    assert taken(told) == {"port": 1, "environment": {"NODE_ENV": "development", "A": "1"}}


def test_app_without_the_environment_is_told() -> None:
    apps = [{"script": "a.js", "env_production": {"A": "1"}}, {"script": "b.js", "env": {"A": "2"}}]

    read = ecosystem_of(apps, "production", CPUS)

    assert [process["environment"] for process in read.processes] == [{"A": "1"}, {"A": "2"}]
    assert read.warnings == ["b has no env_production in the ecosystem file."]


@pytest.mark.parametrize(
    ("apps", "environment", "problem"),
    [
        ([], None, "the file exports no apps with a name or a script each."),
        (["app.js"], None, "the file exports no apps with a name or a script each."),
        ([{"apps": []}], None, "the file exports no apps with a name or a script each."),
        (
            [{"script": "a.js", "env_production": {}}, {"script": "b.js", "env_test": {}}],
            "prodution",
            "no app of the file has env_prodution. Did you mean production?",
        ),
        ([{"script": "a.js"}], "production", "no app of the file has env_production. It has no other either."),
        ([{"script": "a.js", "env": "A=1"}], None, "a: env of the ecosystem file is no object."),
        ([{"script": "a.js", "env_x": ["A=1"]}], "x", "a: env_x of the ecosystem file is no object."),
    ],
)
def test_what_is_wrong_with_the_file_is_told(apps: Sequence[Any], environment: str | None, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ecosystem_of(apps, environment, CPUS)
    assert refused.value.details["problems"] == [problem]


def test_declared_processes_override_and_join() -> None:
    imported: list[dict[str, Any]] = [
        {"name": "web", "script": "a.js", "port": 1, "environment": {"A": "1", "B": "2"}},
        {"name": "work", "script": "b.js"},
    ]
    declared: list[dict[str, Any]] = [
        {"name": "mail", "script": "c.js", "port": None},
        {"name": "web", "port": 3001, "script": None, "health": "/health", "environment": {"B": "3"}},
    ]

    assert with_declared(imported, declared) == [
        {"name": "web", "script": "a.js", "port": 3001, "health": "/health", "environment": {"A": "1", "B": "3"}},
        {"name": "work", "script": "b.js"},
        {"name": "mail", "script": "c.js", "port": None},
    ]


@dataclass
class Node:
    """What Node says, and how it was asked."""

    stdout: str
    code: int = 0
    asked: list[tuple[Sequence[str], str | None]] = field(default_factory=list)

    def run(self, argv: Sequence[str], *, cwd: str | None = None, **_options: Any) -> Completed:
        self.asked.append((argv, cwd))
        return Completed(tuple(argv), self.code, self.stdout, "the source text of a line, with a secret")

    def find(self, *programs: str) -> str | None:
        return programs[0]


def read(node: Node, path: str = FILE) -> Ecosystem:
    return read_ecosystem(path, None, RELEASE, commands=node, clean=("env", "-i", "HOME=/home/app"), node="/opt/node")


def test_node_is_asked_once_with_a_clean_environment() -> None:
    node = Node(f"A banner\n\n{json.dumps({'apps': [{'script': 'a.js', 'instances': 'max'}], 'cpus': 3})}")

    assert read(node).processes == [{"name": "a", "script": "a.js", "mode": "cluster", "instances": 3}]
    [(argv, cwd)] = node.asked
    assert (argv[:5], argv[-1], cwd) == (["env", "-i", "HOME=/home/app", "/opt/node", "-e"], FILE, RELEASE)


@pytest.mark.parametrize(
    ("node", "path", "problem"),
    [
        (Node('\n{"problem": "Unexpected token"}'), FILE, f"{FILE} cannot be read: Unexpected token."),
        (Node("", 7), FILE, f"{FILE} cannot be read: Node ended with exit code 7 while it read the file."),
        (Node("\n[1]"), FILE, f"{FILE} cannot be read: Node ended with exit code 0 while it read the file."),
        (Node(""), "/srv/apps.yml", "/srv/apps.yml ends in none of .js, .cjs, .mjs, .json."),
    ],
)
def test_file_that_cannot_be_read_is_refused(node: Node, path: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(node, path)
    assert refused.value.details["problems"] == [problem]
