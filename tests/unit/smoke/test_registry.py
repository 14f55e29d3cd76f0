# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import suite
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.registry import KINDS

# As pytest finds the collection.
PATHS = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
BASE = Setting(base_url="https://shop.example.com")

# The least that each kind takes.
LEAST: dict[str, Any] = {
    "auth_required": "/a",
    "command": "true",
    "concurrent": {"get": "/a", "times": 2},
    "cors": {"get": "/a", "deny": "https://evil.example.com"},
    "file": "/etc/hosts",
    "http": "/a",
    "load": "/a",
    "log": "/var/log/a.log",
    "pm2": "shop",
    "rate_limit": {"get": "/a", "limit": 3},
    "redis": {},
    "sanitize": {"get": "/a", "query": {"q": "${payload}"}},
    "socketio": "/",
    "sql": {"tables": ["a"], "database": "sqlite:////srv/a.db"},
    "tcp": "localhost:80",
    "tls": "localhost",
    "websocket": "/a",
}


def read(setting: Setting, **words: Any) -> list[str]:
    """What is refused of a check."""
    try:
        suite.read_suite([words], KINDS, setting, {}, {})
    except InvalidInput as error:
        problems = error.details["problems"]
        assert isinstance(problems, list)
        return problems
    return []


def test_there_is_a_least_for_each() -> None:
    assert set(LEAST) == set(KINDS)
    assert all(name == kind.name for name, kind in KINDS.items())


def test_only_what_a_suite_asks_for_is_imported() -> None:
    package = "ansible_collections.shipshape.webapp.plugins.module_utils._smoke"
    program = f"import sys; from {package}.registry import KINDS; KINDS['tcp']; 'sql' in KINDS; print(*sys.modules)"
    argv = [sys.executable, "-c", program]

    imported = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, env=PATHS).stdout.split()

    modules = [f"{package}.{name}" for name in ("tcp", "sql", "websocket", "http_check")]
    assert [name in imported for name in modules] == [True, False, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_is_enough(kind: str) -> None:
    assert read(BASE, **{kind: LEAST[kind]}) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_is_expected_as_a_status_where_there_is_one(kind: str) -> None:
    refused = read(BASE, **{kind: LEAST[kind], "expect": 200})

    assert bool(refused) is (kind not in ("http", "websocket"))


@pytest.mark.parametrize("kind", KINDS)
def test_something_is_always_expected(kind: str) -> None:
    options = {name: option.default for name, option in KINDS[kind].options.items()}

    assert KINDS[kind].default(options)
    assert set(KINDS[kind].default(options)) <= set(KINDS[kind].observes)


@pytest.mark.parametrize("kind", ["auth_required", "concurrent", "cors", "http", "load", "rate_limit", "websocket"])
def test_a_path_alone_takes_a_base_url(kind: str) -> None:
    assert read(Setting(), **{kind: LEAST[kind]}) == [
        f"check 1.{kind}: /a is a path alone: give base_url, or begin it with http:// or https://."
    ]
