# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.quiet import InFlight, wait_until_quiet


def test_request_that_was_being_sorted_is_waited_for() -> None:
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    left = wait_until_quiet(
        lambda: InFlight(requests=int(0.1 < now[0] < 3)),
        wait=30,
        websocket_wait=10,
        clock=lambda: now[0],
        pause=pause,
    )

    assert left == InFlight()
    assert 3 <= now[0] < 3.5
