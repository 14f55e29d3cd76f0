# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The strategy of each engine. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql import MysqlBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql import PostgresqlBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.sqlite import SqliteBackup
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Strategy

STRATEGIES: Mapping[str, Strategy] = {
    "mysql": MysqlBackup(),
    "postgresql": PostgresqlBackup(),
    "sqlite": SqliteBackup(),
}
