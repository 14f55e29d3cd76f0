# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runners by the names under which they are asked for. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.command import CommandRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.drizzle import DrizzleRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.knex import KnexRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.prisma import PrismaRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Runner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import SqlRunner

RUNNERS: Mapping[str, Runner] = {
    runner.name: runner for runner in (CommandRunner(), DrizzleRunner(), KnexRunner(), PrismaRunner(), SqlRunner())
}
