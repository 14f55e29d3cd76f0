# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user asks of a migration. This module is private to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.expect import Expectation
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.plan import Policies
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    project: Project
    state: str = "applied"
    target: str | None = None
    steps: int | None = None
    policies: Policies = field(default_factory=Policies)
    allow_destructive: tuple[str, ...] = ()
    expect: Expectation = field(default_factory=Expectation)
    may_lose_rows: tuple[str, ...] = ()
    restore_on_failure: bool = False
    # Whether the user has said that no backup is needed.
    is_backup_waived: bool = False
    # Of a migration that stopped in a statement: whether that one was carried out after all.
    statement_done: bool | None = None
