# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications that do not run as they should: what the module says of them, and that nothing of them is left."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.processes.shop import BLUE, NAME, Shop

FULL_NAME = f"{NAME}-blue"


@dataclass(frozen=True)
class Fault:
    """A fault of the application, what is declared of it besides, and what has to be said of it."""

    name: str
    said: str
    options: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0

    def environment(self) -> dict[str, Any]:
        return {"FAULT": self.name, "SECONDS": self.seconds}

    def __str__(self) -> str:
        return self.name


SILENT = f"does not listen on {BLUE} after 2 s"
FAULTS = [
    Fault("crash", r"ended (in \d of its instances )?with exit code 1 after \d+\.\d s\. It wrote last: .*no database"),
    Fault("syntax", r"ended (in \d of its instances )?with exit code 1 after \d+\.\d s\. It wrote last: .*SyntaxError"),
    Fault("never_listens", SILENT, {"listen_timeout": 2}),
    Fault("wrong_port", f"listens on {BLUE + 1000} instead of {BLUE} after 5 s", {"listen_timeout": 5}),
    Fault("slow", SILENT, {"listen_timeout": 2}, seconds=20),
    Fault(
        "ready_late", "did not say that it is ready after 2 s", {"listen_timeout": 2, "wait_ready": True}, seconds=20
    ),
    Fault("leak", r"uses \d+ MB of its 120 MB", {"memory_limit": "120M"}),
    Fault("exits", r"ended (in \d of its instances )?with exit code 3 after \d+\.\d s", seconds=0.8),
    Fault("unhealthy", r"answers /health with 503 after 5 s", {"listen_timeout": 5}),
]


@pytest.mark.parametrize("mode", ["fork", "cluster"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_is_told_and_leaves_nothing(shop: Shop, fault: Fault, mode: str) -> None:
    before = shop.running()

    options = {"mode": mode, "instances": 2 if mode == "cluster" else 1, **fault.options}
    result = shop.start(shop.process(environment=fault.environment(), **options), candidate=mode == "fork")

    assert result.get("failed"), result
    assert re.match(f"{FULL_NAME} {fault.said}", result["msg"]), result["msg"]
    assert "What was started is stopped again." in result["msg"]
    assert shop.running() == before
    assert [one["name"] for one in shop.listed()] == ["other", "other"]


@pytest.mark.parametrize("mode", ["fork", "cluster"])
@pytest.mark.parametrize("fault", ["slow", "ready_late"])
def test_slow_start_is_waited_for(shop: Shop, fault: str, mode: str) -> None:
    environment = {"FAULT": fault, "SECONDS": 1}
    result = shop.started(shop.process(environment=environment, mode=mode, wait_ready=fault == "ready_late"))

    assert result["started"] == [NAME]
    assert shop.ask() is not None


@pytest.mark.parametrize("mode", ["fork", "cluster"])
@pytest.mark.parametrize("fault", ["ignores_sigint", "spawns"])
def test_process_that_does_not_want_to_end_is_killed(shop: Shop, fault: str, mode: str) -> None:
    before = shop.running()
    shop.started(shop.process(environment={"FAULT": fault}, mode=mode))
    assert shop.running() != before

    stopped = shop.module(state="stopped")

    assert stopped["stopped"] == [NAME]
    assert shop.running() == before


def test_release_of_before_comes_back_when_the_new_one_fails(shop: Shop) -> None:
    shop.started()

    result = shop.start(shop.process(environment={"FAULT": "crash"}), release=shop.release("2"))

    assert result["failed"]
    assert f"{FULL_NAME} runs again as before." in result["msg"]
    assert result["restored"] == [NAME]
    answer = shop.ask()
    assert answer is not None
    assert answer["cwd"] == shop.release("1")
    assert shop.start()["changed"] is False
