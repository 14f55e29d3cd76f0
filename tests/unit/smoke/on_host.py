# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of checks that look at the host, carried out as a suite does it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Observed, Setting, World
from ansible_collections.shipshape.webapp.plugins.modules.smoke_check import this_world

NOBODY = 65534

WORLD = this_world()

SETTING = Setting()


def given(kind: Kind, argument: object) -> dict[str, Any]:
    """The options as a suite reads them, in which nothing is wrong."""
    options, told = read(kind.options, argument if isinstance(argument, dict) else {kind.shorthand: argument}, "check")
    assert [*told, *([] if told else kind.problems(options))] == []
    return options


def problems(kind: Kind, argument: object) -> list[str]:
    """What a suite tells of wrong options."""
    options, told = read(kind.options, argument if isinstance(argument, dict) else {kind.shorthand: argument}, "check")
    return [*told, *([] if told else kind.problems(options))]


def observed(
    kind: Kind, argument: object, *, setting: Setting = SETTING, world: World = WORLD, mark: Any = None
) -> Observed:
    """What is seen, with all that was promised."""
    seen = kind.observe(given(kind, argument), setting, world, mark)
    assert set(seen.values) == set(kind.observes)
    return seen


@contextmanager
def as_nobody() -> Iterator[None]:
    """A user without rights; the tests of whom are run by such a user anyway."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setgroups(groups)
