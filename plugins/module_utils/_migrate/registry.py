# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runners by the names under which they are asked for. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._lazy import Lazy
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Runner


def _command() -> Runner:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.command import CommandRunner

    return CommandRunner()


def _drizzle() -> Runner:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.drizzle import DrizzleRunner

    return DrizzleRunner()


def _knex() -> Runner:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.knex import KnexRunner

    return KnexRunner()


def _prisma() -> Runner:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.prisma import PrismaRunner

    return PrismaRunner()


def _sql() -> Runner:
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import SqlRunner

    return SqlRunner()


RUNNERS: Mapping[str, Runner] = Lazy(_command, _drizzle, _knex, _prisma, _sql)
