# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host


@pytest.fixture
def _tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_tokyo")
def test_times_are_of_the_hosts_own_zone() -> None:
    host = this_host()
    assert host.now().utcoffset() == host.local(datetime.now(timezone.utc)).utcoffset() == timedelta(hours=9)
    assert host.local(datetime(2026, 7, 1, 20, tzinfo=timezone.utc)).isoformat() == "2026-07-02T05:00:00+09:00"


def test_chance_is_not_the_same_twice() -> None:
    assert len({this_host().random(16) for attempt in range(3)}) == 3
