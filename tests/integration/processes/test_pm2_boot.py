# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PM2 brings back when the host starts, by the commands of its unit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.processes.shop import BLUE, GREEN, NAME, OTHER, Shop, until


@pytest.fixture
def saved(beside: Shop) -> Iterator[Shop]:
    """The application with its new slot promoted and saved, and its old one still running."""
    beside.started()
    beside.module(state="saved")
    beside.started(beside.process(port=GREEN), slot="green", release=beside.release("2"), candidate=True)
    beside.started(beside.process(port=GREEN), slot="green", release=beside.release("2"))
    result = beside.module(slot="green", state="saved")
    assert (result["changed"], result["saved"]) == (True, True)
    yield beside
    beside.absent()


def test_saved_slot_comes_back_and_is_restarted_from_the_first_second_on(saved: Shop) -> None:
    assert saved.module(slot="green", state="saved")["changed"] is False
    saved.pm2("kill")
    assert saved.running() == {}

    saved.pm2("resurrect")
    until(lambda: saved.ask(GREEN) is not None)

    told = saved.ask(GREEN)
    assert told is not None
    assert told["cwd"] == saved.release("2")
    for _time in range(3):
        _kill_green(saved)
    assert sorted(one["name"] for one in saved.listed()) == ["other", "other", f"{NAME}-green"]
    assert saved.ask(BLUE) is None
    result = saved.started(saved.process(port=GREEN), slot="green", release=saved.release("2"))
    assert result["changed"] is False


def _kill_green(shop: Shop) -> None:
    """Kill its process, and see another one take its place."""
    told = shop.ask(GREEN)
    assert told is not None
    shop.host.run("kill", "-KILL", str(told["pid"]))
    until(lambda: told["pid"] not in shop.running())
    until(lambda: shop.ask(GREEN) is not None)


def test_candidate_is_not_saved(shop: Shop) -> None:
    shop.started(candidate=True)
    result = shop.module(state="saved")
    assert result["failed"]
    assert f"{NAME}-blue is a candidate" in result["msg"]


def test_what_is_absent_does_not_come_back(saved: Shop) -> None:
    saved.absent()
    saved.pm2("kill")
    saved.pm2("resurrect")
    assert {one["name"] for one in saved.listed()} == {"other"}
    until(lambda: saved.ask(OTHER) is not None)
