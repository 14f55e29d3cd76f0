# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection inside a test host, where the servers and their tools are, run by the distribution's own Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible

from tests.integration.machine import ROOT, Host

PACKAGES = "/opt/packages"

_IMAGE = Path(__file__).resolve().parent / "image"

_DATABASE = "age mariadb-server openssl pigz postgresql python3-psycopg2 python3-pymysql rclone sqlite3 zstd"
_SMOKE = "apache2-utils nginx openssl python3-jmespath python3-requests python3-yaml redis-server sqlite3"

# ansible.module_utils needs nothing but Python, so the host can use that of this machine.
MOUNTS = (
    *("--volume", f"{ROOT}:{PACKAGES}/ansible_collections/shipshape/webapp:ro"),
    *("--volume", f"{Path(ansible.__file__).parent}:{PACKAGES}/ansible:ro"),
)

# What finds the collection on the host, and changes nothing there.
ENVIRONMENT = {"PYTHONPATH": PACKAGES, "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Database:
    """A database, and how the host on which it is reaches it."""

    host: Host
    url: str
    password: str | None = None

    @property
    def engine(self) -> str:
        return self.url.partition(":")[0]


def database_host(platform: str, name: str, shared: Path, *, options: Sequence[str] = ()) -> Host:
    """A new host with the database servers of its platform, on which the collection can be run."""
    return _host("database", _DATABASE, platform, name, shared, options)


def smoke_host(platform: str, name: str, shared: Path, *, options: Sequence[str] = ()) -> Host:
    """A new host with Node, Redis, nginx and ab, on which the collection can be run."""
    return _host("smoke", _SMOKE, platform, name, shared, options)


def web_host(platform: str, name: str, shared: Path, *, options: Sequence[str] = ()) -> Host:
    """A new host with all that applications with PostgreSQL stand on: the same, and the server itself."""
    return _host("web", f"{_SMOKE} postgresql python3-psycopg2", platform, name, shared, options)


def _host(image: str, packages: str, platform: str, name: str, shared: Path, options: Sequence[str]) -> Host:
    given = ("--build-arg", f"BASE=shipshape-host:{platform}", "--build-arg", f"PACKAGES={packages}")
    # The engine itself sees when there is nothing to build.
    build = ["docker", "build", "--quiet", *given, "--tag", f"shipshape-{image}:{platform}", str(_IMAGE)]
    subprocess.run(build, check=True)
    return Host(platform, name, shared, image=f"shipshape-{image}", options=(*MOUNTS, *options), packages=PACKAGES)


def command(host: Host, *argv: str, user: str = "root") -> list[str]:
    """The words that run a program on the host, with the collection to be imported."""
    environment = [word for name, value in ENVIRONMENT.items() for word in ("--env", f"{name}={value}")]
    return ["docker", "exec", "--interactive", "--user", user, *environment, host.name, *argv]


def python(host: Host, code: str, *, user: str = "root") -> str:
    """What a piece of Python prints, which must end well."""
    ended = ended_python(host, code, user=user)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def ended_python(
    host: Host, code: str, text: str = "", *, user: str = "root", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """How a piece of Python ended that read this text."""
    return _carried_out(host, {"code": code}, text, user, environment or {})


def _carried_out(
    host: Host, what: Mapping[str, str], text: str, user: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    request = {**what, "user": user, "environment": {**ENVIRONMENT, **environment}}
    ended = host.carried_out(request, text)
    told = (output.decode("utf-8", "replace") for output in (ended.stdout, ended.stderr))
    return subprocess.CompletedProcess(ended.args, ended.returncode, *told)


def module_command(host: Host, name: str, *, user: str = "root") -> list[str]:
    """The words that run a module, which reads its options from standard input."""
    return command(host, "python3", "-m", f"ansible_collections.shipshape.webapp.plugins.modules.{name}", user=user)


def module_input(options: dict[str, Any], *, check: bool = False, diff: bool = False) -> str:
    """What the module reads."""
    internal = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": "/tmp"}
    return json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **internal}})


def module(
    host: Host, name: str, /, *, check: bool = False, diff: bool = False, user: str = "root", **options: Any
) -> dict[str, Any]:
    """The result of a module, failed or not."""
    return result_of(host, name, options, check=check, diff=diff, user=user)


def result_of(
    host: Host, name: str, options: dict[str, Any], *, check: bool = False, diff: bool = False, user: str = "root"
) -> dict[str, Any]:
    """The same of a module that has an option which is called as one of ours."""
    ended = _carried_out(host, {"module": name}, module_input(options, check=check, diff=diff), user, {})
    try:
        result: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise AssertionError(ended.stdout + ended.stderr) from None
    return result
