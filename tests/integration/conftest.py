# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What integration tests need of the machine: Node's packages and hosts that run systemd."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.integration import inside
from tests.integration.database import mariadb as mariadb_server
from tests.integration.database import postgresql as postgresql_server
from tests.integration.database.servers import Servers
from tests.integration.machine import Host
from tests.integration.node import packages
from tests.integration.processes.hosts import prepare

READERS = Path(__file__).resolve().parent / "readers"
PLATFORMS = ("debian-12", "debian-13")
HERE = "tests/integration/"
# Where the tests are that share a host: that with the database servers, and that with what applications stand beside.
SHARED = {
    "databases": ("backup/", "credentials/test_databases", "database/", "migrate/"),
    "smoke": ("credentials/test_api_module", "smoke/"),
}
# A test is done on each platform if it asks programs of which that has a version of its own: servers, systemd, nginx,
# Python, Node. These ask programs from npm, which are the same everywhere, or break and burden what others use as it
# is, and other tests show that we get along with each version of the servers and of Node: they are done on the newer
# platform.
ON_ONE_PLATFORM = (
    "backup/test_faults",
    "dotenv/test_readers",
    "migrate/test_tools",
    "nginx/test_load",
    *(f"processes/test_{name}.py" for name in ("ecosystem", "pm2", "pm2_faults", "pm2_private")),
    *(f"smoke/test_{name}" for name in ("sockets", "volley")),
)


def is_in(nodeid: str, places: tuple[str, ...]) -> bool:
    """Whether a test is in one of these places."""
    return nodeid.startswith(tuple(f"{HERE}{place}" for place in places))


class SideBySide(LoadScopeScheduling):
    """Tests that share a host are done by one worker, so that there is one of each."""

    def _split_scope(self, nodeid: str) -> str:
        platform = next((platform for platform in PLATFORMS if platform in nodeid), PLATFORMS[0])
        shared = (name for name, places in SHARED.items() if is_in(nodeid, places))
        return f"{platform} {next(shared, nodeid.removeprefix(HERE).partition('/')[0])}"


@contextmanager
def running(host: Host) -> Iterator[Host]:
    """The host once its systemd is up, and for as long as the context lasts."""
    try:
        host.wait_until_running()
        yield host
    finally:
        host.remove()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SideBySide:
    """Not by --dist loadgroup, which groups nothing: https://github.com/pytest-dev/pytest-xdist/issues/1386."""
    return SideBySide(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what tells nothing that it does not tell on the newer platform."""
    others = [item for item in items if is_in(item.nodeid, ON_ONE_PLATFORM) and PLATFORMS[0] in item.nodeid]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def readers() -> Path:
    """A folder with the script that reads environment files and the packages that it needs."""
    with packages("readers", READERS) as installed:
        shutil.copy(READERS / "read.js", installed)
    return installed


@pytest.fixture(scope="session", params=PLATFORMS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host of each platform."""
    shared = tmp_path_factory.mktemp(request.param)
    with running(Host(request.param, f"shipshape-integration-{request.param}-{os.getpid()}", shared)) as host:
        yield host


@pytest.fixture(scope="session", params=PLATFORMS)
def database_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host on which both servers run as their distribution sets them up, and the collection itself can be run."""
    shared = tmp_path_factory.mktemp(f"database-{request.param}")
    shared.chmod(0o755)
    name = f"shipshape-database-{request.param}-{os.getpid()}"
    # A place that fills up soon, and one that nobody can write to.
    places = ("--tmpfs", "/small:size=64m,mode=0755", "--volume", f"{shared}:/read-only:ro")
    with running(inside.database_host(request.param, name, shared, options=places)) as host:
        yield host


@pytest.fixture(scope="session", params=PLATFORMS)
def smoke_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with what web applications stand beside, on which the collection can be run."""
    shared = tmp_path_factory.mktemp(f"smoke-{request.param}")
    shared.chmod(0o755)
    with running(inside.smoke_host(request.param, f"shipshape-smoke-{request.param}-{os.getpid()}", shared)) as host:
        yield host


@pytest.fixture(scope="session", params=PLATFORMS)
def nginx_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host of its own for whoever changes what nginx serves, on which the collection can be run."""
    shared = tmp_path_factory.mktemp(f"nginx-{request.param}")
    shared.chmod(0o755)
    # A place that fills up soon.
    place = ("--tmpfs", "/small:size=1m,mode=0755")
    name = f"shipshape-nginx-{request.param}-{os.getpid()}"
    with running(inside.smoke_host(request.param, name, shared, options=place)) as host:
        yield host


@pytest.fixture(scope="session", params=PLATFORMS)
def process_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host of its own for whoever compares all processes, with a user whose PM2 has never run."""
    shared = tmp_path_factory.mktemp(f"process-{request.param}")
    shared.chmod(0o755)
    name = f"shipshape-process-{request.param}-{os.getpid()}"
    with running(inside.smoke_host(request.param, name, shared)) as host:
        prepare(host)
        yield host


@pytest.fixture(scope="session")
def mariadb(database_host: Host) -> mariadb_server.Server:
    """MariaDB 10.11 or 11.8."""
    return mariadb_server.prepare(database_host)


@pytest.fixture(scope="session")
def postgresql(database_host: Host) -> postgresql_server.Server:
    """PostgreSQL 15 or 17."""
    return postgresql_server.prepare(database_host)


@pytest.fixture(scope="session")
def servers(database_host: Host, mariadb: mariadb_server.Server, postgresql: postgresql_server.Server) -> Servers:
    """All engines of one host."""
    return Servers(database_host, mariadb, postgresql)
