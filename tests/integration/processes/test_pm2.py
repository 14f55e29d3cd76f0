# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes under a real PM2: exactly the declared ones, whatever happened to them meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.integration.processes import hosts
from tests.integration.processes.shop import BLUE, GREEN, NAME, OTHER, Shop, until

DEFINITIONS = f"{hosts.HOME}/.pm2/shipshape/shop.blue.json"

# Has PM2 start a file that the module wrote as anybody would have written it: so that what crashes is started again.
LOOPING = f"""
import json
told = json.load(open("{DEFINITIONS}"))
[app] = told["apps"]
for key in ("min_uptime", "max_restarts", "exp_backoff_restart_delay"):
    del app[key]
for key in ("created_at", "unstable_restarts"):
    del app["env"][key]
app.update(wait_ready=True, listen_timeout=1000, instances=4, max_restarts=10000)
app["env"].update(FAULT="crash")
json.dump({{"apps": [app]}}, open("{hosts.HOME}/looping.json", "w"))
"""


def answer(shop: Shop, port: int = BLUE) -> dict[str, Any]:
    """What the application answers, which it has to."""
    answered = shop.ask(port)
    assert answered is not None
    return answered


def test_declared_process_runs_and_stays(shop: Shop) -> None:
    check = shop.start(check=True, diff=True)
    shop.forget_calls()
    result = shop.started(diff=True)
    calls = shop.calls()
    again = shop.started()

    told = answer(shop)
    [process] = result["processes"]
    assert (told["cwd"], told["greeting"], told["has_secret"]) == (shop.release(), "from 1", True)
    assert process["pids"] == [told["pid"]]
    assert (process["status"], process["port"], process["candidate"], process["restarts"]) == (
        "running",
        BLUE,
        False,
        0,
    )
    assert (result["started"], again["changed"], again["processes"][0]["pids"]) == ([NAME], False, [told["pid"]])
    assert (check["changed"], check["started"], check["diff"]) == (True, [NAME], result["diff"])
    assert len(calls) <= 4
    assert shop.calls() == ["jlist"]


def test_every_change_takes_effect_once(shop: Shop) -> None:
    shop.host.run(*hosts.as_user("mkdir", "-p", f"{shop.release()}/sub"))
    variable = {"EXTRA": "1"}
    steps: list[tuple[Mapping[str, Any], str, Any]] = [
        ({"environment": variable}, "EXTRA", True),
        ({}, "EXTRA", False),
        ({"cwd": "sub"}, "cwd", f"{shop.release()}/sub"),
        ({"args": ["a", "two words"]}, "arguments", ["a", "two words"]),
        ({"node_args": ["--max-old-space-size=200"]}, "--max-old-space-size=200", True),
        ({"script": "app.mjs"}, "script", "app.mjs"),
        ({"mode": "cluster"}, "mode", ["cluster_mode"]),
        ({"mode": "cluster", "instances": 2}, "mode", ["cluster_mode", "cluster_mode"]),
        ({"mode": "cluster", "instances": 1}, "mode", ["cluster_mode"]),
    ]
    for options, what, wanted in steps:
        shop.forget_calls()
        result = shop.started(shop.process(**options))
        assert len(shop.calls()) <= 4, options
        assert result["started"] == [NAME], options
        assert _seen(shop, what) == wanted, options
        assert shop.started(shop.process(**options))["changed"] is False, options


def _seen(shop: Shop, what: str) -> Any:
    told = answer(shop)
    if what in ("mode", "script"):
        ours = [one["pm2_env"] for one in shop.listed() if one["pm2_env"]["namespace"] == NAME]
        return [one["exec_mode"] for one in ours] if what == "mode" else ours[0]["pm_exec_path"].rpartition("/")[2]
    return told[what] if what in told else what in (*told["variables"], *told["node_arguments"])


def test_other_release_and_other_content_of_the_environment_file_take_effect(shop: Shop) -> None:
    shop.started()
    shop.started(release=shop.release("2"))
    assert (answer(shop)["cwd"], answer(shop)["greeting"]) == (shop.release("2"), "from 2")

    write = f'echo "GREETING=changed" >{shop.release("2")}/.env'
    shop.host.run(*hosts.as_user("sh", "-c", write))
    assert shop.started(release=shop.release("2"))["changed"] is True
    assert answer(shop)["greeting"] == "changed"
    del shop.releases["2"]


def test_undeclared_processes_of_this_slot_alone_are_stopped(shop: Shop) -> None:
    worker = shop.process(name="worker", port=None, health=None, environment={"PORT": "0"})
    green = shop.process(port=GREEN)
    shop.started(shop.process(), worker)
    shop.started(green, slot="green")

    result = shop.started(shop.process())

    assert (result["started"], result["stopped"]) == ([], ["worker"])
    assert answer(shop, GREEN)["pid"] in shop.running()
    assert {one["name"] for one in shop.listed()} == {"other", f"{NAME}-blue", f"{NAME}-green"}


def test_candidate_is_restarted_from_its_promotion_on(shop: Shop) -> None:
    shop.started(candidate=True)
    _kill(shop)
    time.sleep(1)
    assert shop.ask() is None
    [dead] = shop.module(state="gathered")["processes"]
    assert (dead["status"], dead["pids"]) == ("stopped", [])

    candidate = shop.started(candidate=True)
    shop.forget_calls()
    promoted = shop.started()
    assert promoted["promoted"] == [NAME]
    assert promoted["processes"][0]["pids"] == candidate["processes"][0]["pids"]
    assert len(shop.calls()) <= 4
    assert shop.started()["changed"] is False
    for _time in range(2):
        _kill(shop)
        until(lambda: shop.ask() is not None)


def _kill(shop: Shop, port: int = BLUE) -> None:
    pid = answer(shop, port)["pid"]
    shop.host.run("kill", "-KILL", str(pid))
    until(lambda: pid not in shop.running())


def test_several_are_promoted_at_once(shop: Shop) -> None:
    both = [shop.process(), shop.process(name="worker", port=GREEN)]
    shop.started(*both, candidate=True, program=hosts.PM2)

    promoted = shop.started(*both, program=hosts.PM2)

    assert promoted["promoted"] == [NAME, "worker"]
    assert shop.started(*both, program=hosts.PM2)["changed"] is False
    _kill(shop, BLUE)
    _kill(shop, GREEN)
    until(lambda: shop.ask(BLUE) is not None and shop.ask(GREEN) is not None)


def test_nothing_is_started_only_to_look(shop: Shop) -> None:
    before = shop.daemons()
    home = f"{hosts.HOME}/none"
    assert shop.start(home=home, check=True)["started"] == [NAME]
    assert shop.module(home=home, state="gathered")["processes"] == []
    assert shop.module(home=home, state="absent")["changed"] is False
    assert shop.daemons() == before


def test_people_reach_the_slot_by_the_name_of_the_guide(shop: Shop) -> None:
    shop.started()
    # It goes on until it is interrupted.
    words = hosts.as_user("sh", "-c", 'timeout 5 "$1" logs "$2" --lines 50 || :', "sh", hosts.PM2, NAME)
    assert b"Server started" in shop.host.run(*words)
    shop.pm2("stop", NAME)
    assert shop.ask() is None
    assert shop.started()["started"] == [NAME]


def test_loop_of_crashes_leaves_no_ghost(shop: Shop) -> None:
    before = shop.running()
    shop.started()
    shop.host.run(*hosts.as_user("python3", "-c", LOOPING))
    shop.absent()
    for _round in range(3):
        shop.pm2("start", f"{hosts.HOME}/looping.json")
        until(lambda: sum(one["pm2_env"]["restart_time"] for one in shop.listed()) >= 5)

        stopped = shop.module(state="stopped", program=hosts.PM2)

        assert not stopped.get("failed"), stopped["msg"]
        assert [one["name"] for one in shop.listed()] == ["other", "other"]
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            assert shop.running() == before


def test_port_of_somebody_else_is_not_taken(shop: Shop) -> None:
    before = shop.running()
    result = shop.start(shop.process(port=OTHER))
    assert result["failed"]
    assert f"{NAME}: port {OTHER} is taken by process " in result["msg"]
    assert shop.running() == before


def test_process_of_that_name_that_somebody_started_is_left_alone(shop: Shop) -> None:
    shop.pm2("start", f"{shop.release()}/app.js", "--name", f"{NAME}-blue", "--", "theirs")
    try:
        before = set(shop.running())
        result = shop.start()
        assert result["failed"]
        assert f"pm2 delete {NAME}-blue" in result["msg"]
        shop.module(state="absent")
        assert set(shop.running()) == before
    finally:
        shop.pm2("delete", f"{NAME}-blue")


def test_ecosystem_file_is_taken_over(shop: Shop) -> None:
    here = {"name": NAME, "port": BLUE, "health": "/health", "environment_file": ".env"}
    file = {"ecosystem": "ecosystem.config.js", "ecosystem_environment": "production"}

    result = shop.started(here, **file)

    told = answer(shop)
    assert told["arguments"] == ["--verbose", "two words"]
    assert "--max-old-space-size=200" in told["node_arguments"]
    assert told["greeting"] == "hello"
    assert len(result["processes"][0]["pids"]) == 2
    assert "watch, cron_restart of the ecosystem file are not taken over" in str(result["warnings"])
    assert shop.started(here, **file)["changed"] is False
    shown = json.dumps(shop.start(here, **file, release=shop.release("2"), check=True, diff=True)["diff"])
    assert "hello" not in shown
    assert "GREETING" in shown
