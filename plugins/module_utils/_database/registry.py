# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of an address. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine
from ansible_collections.shipshape.webapp.plugins.module_utils._lazy import Lazy


def _mysql() -> Engine:
    from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql

    return Mysql()


def _postgresql() -> Engine:
    from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql

    return Postgresql()


def _sqlite() -> Engine:
    from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite

    return Sqlite()


ENGINES: Mapping[str, Engine] = Lazy(_mysql, _postgresql, _sqlite)
