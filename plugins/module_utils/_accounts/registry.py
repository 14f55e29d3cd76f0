# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialect of an engine. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.dialect import Dialect
from ansible_collections.shipshape.webapp.plugins.module_utils._lazy import Lazy


def _mysql() -> Dialect:
    from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.mysql import MysqlAccounts

    return MysqlAccounts()


def _postgresql() -> Dialect:
    from ansible_collections.shipshape.webapp.plugins.module_utils._accounts.postgresql import PostgresqlAccounts

    return PostgresqlAccounts()


DIALECTS: Mapping[str, Dialect] = Lazy(_mysql, _postgresql)
