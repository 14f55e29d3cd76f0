# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which the user of an application has PM2, and releases of the fixture application."""

from __future__ import annotations

from pathlib import Path

from tests.integration import inside
from tests.integration.machine import Host
from tests.integration.node import packages

USER, HOME = "app", "/home/app"
ROOT = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp"
PM2 = f"{ROOT}/.cache/pm2/node_modules/.bin/pm2"
APPLICATION = f"{ROOT}/tests/integration/processes/app"

_LOCKED = Path(__file__).resolve().parent.parent / "smoke" / "pm2"


def prepare(host: Host) -> None:
    """Have the user there, and PM2."""
    with packages("pm2", _LOCKED):
        pass
    host.run("useradd", "--create-home", USER)


def as_user(*argv: str) -> tuple[str, ...]:
    """The words that run a program as the application's user, with an environment as clean as a unit's."""
    settings = (f"HOME={HOME}", f"PM2_HOME={HOME}/.pm2", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8")
    return ("runuser", "-u", USER, "--", "env", "-i", *settings, *argv)


def release(host: Host, name: str) -> str:
    """The path of a new release of the fixture application."""
    path = f"{HOME}/shop/releases/{name}"
    host.run(*as_user("sh", "-c", 'mkdir -p "$2" && cp -r "$1/." "$2"', "sh", APPLICATION, path))
    return path
