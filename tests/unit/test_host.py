# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
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


def test_who_runs_it_is_told_as_the_system_tells_it() -> None:
    said = subprocess.run(["sh", "-c", 'echo "$(id -un)@$(uname -n)"'], check=True, capture_output=True, text=True)
    assert this_host().who() == said.stdout.strip()


def test_user_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert this_host().who().startswith("54321@")
