# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The strategy of each engine. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Strategy
from ansible_collections.shipshape.webapp.plugins.module_utils._lazy import Lazy


def _mysql() -> Strategy:
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql import MysqlBackup

    return MysqlBackup()


def _postgresql() -> Strategy:
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.postgresql import PostgresqlBackup

    return PostgresqlBackup()


def _sqlite() -> Strategy:
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.sqlite import SqliteBackup

    return SqliteBackup()


STRATEGIES: Mapping[str, Strategy] = Lazy(_mysql, _postgresql, _sqlite)
