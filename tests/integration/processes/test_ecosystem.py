# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ecosystem files of every kind, read by the Node of each platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.machine import Host
from tests.integration.processes import hosts

READ = """
import json, sys
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.ecosystem import read_ecosystem

clean = ("env", "-i", "HOME=/home/app", "PATH=/usr/bin:/bin")
try:
    read = read_ecosystem(PATH, ENVIRONMENT, "/home/app", commands=HostCommands(), clean=clean)
    print(json.dumps([read.processes, read.warnings]))
except ShipshapeError as error:
    print(json.dumps(error.details["problems"]))
"""

APPS = '{name: "web", script: "a.js", env: {HOME_OF: process.env.HOME, SECRET: String(process.env.SECRET)}}'
READ_APPS = {"name": "web", "script": "a.js", "environment": {"HOME_OF": "/home/app", "SECRET": "undefined"}}


def read(host: Host, path: str, environment: str | None = None) -> list[Any]:
    """What the file declares and the warnings, or what is wrong with it."""
    found: list[Any] = json.loads(
        inside.python(host, f"PATH, ENVIRONMENT = {path!r}, {environment!r}\n{READ}", user=hosts.USER)
    )
    return found


def write(host: Host, name: str, text: str) -> str:
    path = f"{hosts.HOME}/{name}"
    host.run("sh", "-c", 'printf %s "$2" >"$1"', "sh", path, text)
    return path


def test_file_of_the_application(process_host: Host) -> None:
    [[process], warnings] = read(process_host, f"{hosts.APPLICATION}/ecosystem.config.js", "production")

    assert process == {
        "name": "shop-backend",
        "script": "app.js",
        "args": ["--verbose", "two words"],
        "mode": "cluster",
        "instances": 2,
        "node_args": ["--max-old-space-size=200"],
        "memory_limit": "300M",
        "kill_timeout": 2,
        "environment": {"NODE_ENV": "production", "GREETING": "hello"},
    }
    assert warnings == ["shop-backend: watch, cron_restart of the ecosystem file are not taken over."]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pm2.config.js", f"module.exports = {{apps: [{APPS}]}}; setInterval(() => {{}}, 1000);"),
        ("pm2.config.cjs", f"console.log('{{\\nBanner'); module.exports = {{apps: {APPS}}}"),
        ("pm2.config.mjs", f"export default {{apps: [{APPS}]}}"),
        ("named.config.mjs", f"export const apps = [{APPS}]"),
        ("bare.config.js", f"module.exports = {APPS}"),
    ],
)
def test_every_kind_of_file_is_read(process_host: Host, name: str, text: str) -> None:
    assert read(process_host, write(process_host, name, text)) == [[READ_APPS], []]


def test_json_may_have_comments(process_host: Host) -> None:
    path = write(process_host, "pm2.json", '{"apps": [{"name": "web", /* here */ "script": "a.js"}]}')
    assert read(process_host, path) == [[{"name": "web", "script": "a.js"}], []]


def test_max_is_the_number_of_cpus(process_host: Host) -> None:
    path = write(process_host, "max.config.js", "module.exports = {apps: [{script: 'a.js', instances: 'max'}]}")
    [[process], _warnings] = read(process_host, path)
    assert process["instances"] == int(process_host.run("nproc"))


PROBLEMS: Mapping[str, str] = {
    "const password = 'canary';\nmodule.exports = {apps: ]": "Unexpected token ']'.",
    "require('no-such-package')": "Cannot find module 'no-such-package'.",
    "throw null": "null.",
    "console.log('{}'); process.exit(3)": "Node ended with exit code 3 while it read the file.",
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_what_is_wrong_is_told_without_the_text(process_host: Host, text: str) -> None:
    path = write(process_host, "broken.config.js", text)
    assert read(process_host, path) == [f"{path} cannot be read: {PROBLEMS[text]}"]


def test_missing_file_is_told(process_host: Host) -> None:
    [problem] = read(process_host, f"{hosts.HOME}/none.config.js")
    assert problem.startswith(f"{hosts.HOME}/none.config.js cannot be read: Cannot find module")
