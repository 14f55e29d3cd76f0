# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often logrotate looks. This module is private to the collection.

A day is too long for rules that are hourly or go by size. Other rules are not rotated more often for being looked at
more often.
"""

from __future__ import annotations

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import HEADER
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.world import World

UNIT = "logrotate.timer"

DROP_IN = f"""\
{HEADER}# Beside the timer's own time of day, for rules that are hourly or go by size.
[Timer]
OnCalendar=hourly
AccuracySec=1min
RandomizedDelaySec=5min
"""


def has_systemd(world: World) -> bool:
    """Whether systemd runs the host, without which the distribution's cron has logrotate look once a day."""
    return world.paths.facts("/run/systemd/system") is not None


def is_hourly(world: World) -> bool:
    """Whether the timer that systemd has loaded fires each hour."""
    said = world.commands.run(["systemctl", "show", "--property", "TimersCalendar", UNIT], timeout=30)
    return "OnCalendar=*-*-* *:00:00 " in said.succeeded("Looking at logrotate's timer").stdout


def load(world: World) -> None:
    """Have systemd read the timer anew, and go by that where it runs."""
    for argv in (["systemctl", "daemon-reload"], ["systemctl", "try-restart", UNIT]):
        world.commands.run(argv, timeout=60).succeeded("Having systemd read logrotate's timer")


def expect_hourly(world: World) -> None:
    """Refuse what takes the hour away again."""
    if not is_hourly(world):
        raise CommandError(
            f"{UNIT} does not fire each hour, although it was told to: look with `systemctl cat {UNIT}` for a file that"
            " takes that back."
        )
