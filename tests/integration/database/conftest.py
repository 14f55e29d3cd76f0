# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database servers of both platforms, each pair on one host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.database import mariadb as mariadb_server
from tests.integration.database import postgresql as postgresql_server
from tests.integration.machine import Host

IMAGE = Path(__file__).resolve().parent / "image"


@pytest.fixture(scope="session", params=["debian-12", "debian-13"])
def database_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host on which both servers run as their distribution sets them up."""
    # The engine itself sees when there is nothing to build.
    base = f"BASE=shipshape-host:{request.param}"
    tag = f"shipshape-database:{request.param}"
    subprocess.run(["docker", "build", "--quiet", "--build-arg", base, "--tag", tag, str(IMAGE)], check=True)
    shared = tmp_path_factory.mktemp(request.param)
    shared.chmod(0o755)
    name = f"shipshape-database-{request.param}-{os.getpid()}"
    host = Host(request.param, name, shared, image="shipshape-database")
    try:
        host.wait_until_running()
        yield host
    finally:
        host.remove()


@pytest.fixture(scope="session")
def mariadb(database_host: Host) -> mariadb_server.Server:
    """MariaDB 10.11 or 11.8."""
    return mariadb_server.prepare(database_host)


@pytest.fixture(scope="session")
def postgresql(database_host: Host) -> postgresql_server.Server:
    """PostgreSQL 15 or 17."""
    return postgresql_server.prepare(database_host)
