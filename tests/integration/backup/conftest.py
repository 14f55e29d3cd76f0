# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of backups share: a database of each engine to which anything may happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.integration.backup import faults_live
from tests.integration.backup.faults import Fault
from tests.integration.backup.faults_live import Live
from tests.integration.database import mariadb as mariadb_server
from tests.integration.database import postgresql as postgresql_server
from tests.integration.machine import Host


@pytest.fixture(scope="session")
def lives(
    database_host: Host, mariadb: mariadb_server.Server, postgresql: postgresql_server.Server
) -> Iterator[Mapping[str, Live]]:
    """A database of each engine, with a backup that is proved."""
    found = [
        faults_live.of_sqlite(database_host),
        faults_live.of_mysql(database_host, mariadb),
        faults_live.of_postgresql(database_host, postgresql),
    ]
    for live in found:
        live.prepare()
    yield {live.engine: live for live in found}
    for live in found:
        live.remove()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Inject each fault on the platforms alone on which it tells something that it does not tell on others."""
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        fault, platform = given.get("fault"), given.get("database_host")
        (others if isinstance(fault, Fault) and platform not in fault.platforms else chosen).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = chosen
