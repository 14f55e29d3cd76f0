# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes under a real systemd."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.machine import Host
from tests.integration.processes.hosts import HOME, USER, release

UNITS = "/etc/systemd/system"
PORT = 3001
CANARY = "canary-of-a-file"


@pytest.fixture(scope="module")
def releases(process_host: Host) -> tuple[str, str]:
    """The paths of two releases, of which the second has an environment file with a secret."""
    first, second = release(process_host, "s1"), release(process_host, "s2")
    # Another user is to get there too.
    process_host.run("chmod", "755", HOME)
    process_host.run("sh", "-c", f"echo 'SECRET={CANARY}\nPORT=1' >{second}/.env && chown {USER} {second}/.env")
    return first, second


@pytest.fixture(scope="module")
def beside(process_host: Host, releases: tuple[str, str]) -> Iterator[None]:
    """Another application that comes back with the host."""
    one = {"name": "beside", "script": "app.js", "port": 3900}
    ensure(process_host, application="beside", release=releases[0], processes=[one])
    ensure(process_host, application="beside", state="saved")
    yield
    ensure(process_host, application="beside", state="absent")


@pytest.fixture(autouse=True)
def undisturbed(process_host: Host, beside: None) -> Iterator[None]:
    """What is there before a test is there after it, and nothing else."""
    before, files, boot = members(process_host), units(process_host), began(process_host)
    yield
    for slot in slots(process_host):
        assert not run(process_host, slot=slot, state="absent").get("failed")
    assert units(process_host) == files
    if began(process_host) != boot:
        # Whatever else the user had running, nothing brings it back.
        before = {show(process_host, "show", "--property=MainPID", "--value", "beside.service")}
    assert members(process_host) == before


def run(host: Host, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
    """What the module says of the application of the tests."""
    given = {"application": "shop", "user": USER, "stable": 0.3, **options}
    return inside.result_of(host, "systemd_processes", given, check=check, diff=diff)


def ensure(host: Host, **options: Any) -> dict[str, Any]:
    """The same, which must succeed."""
    result = run(host, **options)
    assert not result.get("failed"), result["msg"]
    return result


def process(**options: Any) -> list[dict[str, Any]]:
    """One declared process."""
    return [{"name": "shop-api", "script": "app.js", "port": PORT, **options}]


def units(host: Host) -> list[str]:
    """All that stands there of the applications of the tests, what has them started with the host included."""
    return sorted(host.run("find", UNITS, "-name", "shop*", "-o", "-name", "beside*").decode().split())


def members(host: Host) -> set[str]:
    """The numbers of all processes of the application's user."""
    return set(host.ended("pgrep", "--uid", USER).stdout.decode().split())


def slots(host: Host) -> set[str | None]:
    """Those of which there is a unit."""
    named = [path.rpartition("/")[2].removesuffix(".service") for path in units(host)]
    return {name.partition("@")[2] or None for name in named if name.startswith("shop")}


def began(host: Host) -> bytes:
    """When the host was started."""
    return host.run("cut", "-d", " ", "-f", "22", "/proc/1/stat")


def answer(host: Host, port: int = PORT) -> dict[str, Any]:
    """What the process says that listens there."""
    code = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{port}/').read().decode())"
    told: dict[str, Any] = json.loads(inside.python(host, code))
    return told


def show(host: Host, *words: str) -> str:
    """What systemd says."""
    return host.run("systemctl", *words).decode().strip()


def eventually(is_so: Callable[[], bool], seconds: float = 15) -> None:
    """Return as soon as it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_declared_process_runs_and_stays(process_host: Host, releases: tuple[str, str]) -> None:
    first = ensure(process_host, slot="blue", release=releases[0], processes=process(health="/health"))
    told = answer(process_host)

    assert first["changed"] is True
    assert first["started"] == ["shop-api"]
    [one] = first["processes"]
    assert one["full_name"] == "shop-api@blue.service"
    assert (one["status"], one["pids"], one["release"], one["candidate"]) == (
        "running",
        [told["pid"]],
        releases[0],
        False,
    )
    assert (told["cwd"], told["release"], told["parent"]) == (releases[0], releases[0], 1)
    assert show(process_host, "show", "--property=MainPID", "--value", one["full_name"]) == str(told["pid"])

    second = ensure(process_host, slot="blue", release=releases[0], processes=process(health="/health"))

    assert second["changed"] is False
    assert second["processes"][0]["pids"] == [told["pid"]]
    assert ensure(process_host, slot="blue", state="gathered")["processes"][0]["pids"] == [told["pid"]]


def test_every_text_reaches_the_process(process_host: Host, releases: tuple[str, str]) -> None:
    arguments = ["two words", "$HOME", "${HOME}", "%i%%", ";", 'q"\\x', "'", "tab\tline\nü", "", "\\"]
    environment = {"GREETING": "a \"b\" 'c' $HOME %i \\ ;#\n\tü"}

    for logs in ({}, {"out_log": f"{HOME}/out '$x %i\".log"}):
        declared = process(args=arguments, node_args=["--max-old-space-size=99"], environment=environment, **logs)
        ensure(process_host, release=releases[0], processes=declared)
        told = answer(process_host)

        assert told["arguments"] == arguments
        assert told["node_arguments"] == ["--max-old-space-size=99"]
        assert told["greeting"] == environment["GREETING"]

    assert process_host.run("cat", logs["out_log"]) == b"Server started\n"
    assert process_host.run("stat", "--format=%U %a", logs["out_log"]) == f"{USER} 600\n".encode()
    assert f"{UNITS}/shop-api.service" in units(process_host)


FAULTS = [
    ("crash", 0, {}, "ended with exit code 1 "),
    ("crash", 0, {"port": None, "error_log": f"{HOME}/error.log"}, "Error: no database"),
    ("syntax", 0, {}, "SyntaxError"),
    ("never_listens", 0, {"listen_timeout": 1}, f"does not listen on {PORT} after 1 s"),
    ("wrong_port", 0, {"listen_timeout": 5}, f"listens on {PORT + 1000} instead of {PORT} after 5 s"),
    ("slow", 30, {"listen_timeout": 1}, f"does not listen on {PORT} after 1 s"),
    ("exits", 0.5, {}, "ended with exit code 3 "),
    ("unhealthy", 0, {"listen_timeout": 5, "health": "/health"}, "answers /health with 503 after 5 s"),
    ("leak", 0, {"memory_limit": "200M"}, ""),
    ("", 0, {"node": "nodejs-none"}, "nodejs-none: No such file"),
    ("", 0, {"error_log": "/none/error.log"}, "/none/error.log"),
]


@pytest.mark.parametrize(("fault", "seconds", "options", "told"), FAULTS)
def test_faulty_process_is_told_and_taken_away(
    process_host: Host, releases: tuple[str, str], fault: str, seconds: float, options: dict[str, Any], told: str
) -> None:
    before, files = members(process_host), units(process_host)
    declared = process(environment={"FAULT": fault, "SECONDS": seconds}, **options)

    # Every other one as a candidate.
    is_candidate = [one[0] for one in FAULTS].index(fault) % 2 == 0
    failed = run(process_host, slot="blue", release=releases[0], processes=declared, candidate=is_candidate, stable=3)

    assert failed["failed"] is True
    assert failed["msg"].startswith("shop-api@blue.service ")
    assert told in failed["msg"]
    assert members(process_host) == before
    assert units(process_host) == files


def test_candidate_that_ends_in_peace_is_faulty_too(process_host: Host, releases: tuple[str, str]) -> None:
    declared = process(port=None, node_args=["--check"])

    failed = run(process_host, release=releases[0], processes=declared, candidate=True, stable=3)

    assert "shop-api.service ended with exit code 0 " in failed["msg"]


def test_slow_process_has_its_time(process_host: Host, releases: tuple[str, str]) -> None:
    declared = process(environment={"FAULT": "slow", "SECONDS": 2})

    assert ensure(process_host, release=releases[0], processes=declared)["started"] == ["shop-api"]


def test_process_that_does_not_end_is_killed(process_host: Host, releases: tuple[str, str]) -> None:
    declared = process(environment={"FAULT": "ignores_sigint"}, kill_timeout=1)
    before = members(process_host)
    ensure(process_host, release=releases[0], processes=declared)

    stopped = ensure(process_host, state="stopped")

    assert stopped["stopped"] == ["shop-api"]
    assert members(process_host) == before
    assert ensure(process_host, state="stopped")["changed"] is False


def test_what_a_process_has_started_ends_with_it(process_host: Host, releases: tuple[str, str]) -> None:
    declared = process(environment={"FAULT": "spawns"})
    before = members(process_host)
    ensure(process_host, release=releases[0], processes=declared)
    assert len(members(process_host) - before) == 2
    # It belongs to the unit, also when nobody is left who knows it.
    assert ensure(process_host, release=releases[0], processes=declared)["changed"] is False

    ensure(process_host, state="stopped")

    assert members(process_host) == before


@pytest.mark.parametrize("candidate", [True, False])
def test_what_ran_before_runs_again_after_a_failure(
    process_host: Host, releases: tuple[str, str], candidate: bool
) -> None:
    ensure(process_host, slot="blue", release=releases[0], processes=process(environment={"GREETING": "old"}))

    declared = process(environment={"FAULT": "crash"})
    failed = run(process_host, slot="blue", release=releases[1], processes=declared, candidate=candidate)

    assert failed["failed"] is True
    told = answer(process_host)
    assert (told["release"], told["greeting"]) == (releases[0], "old")
    again = process(environment={"GREETING": "old"})
    assert ensure(process_host, slot="blue", release=releases[0], processes=again)["changed"] is False


def test_what_is_declared_otherwise_takes_effect(process_host: Host, releases: tuple[str, str]) -> None:
    declared = process(environment={"GREETING": "hello"})
    pids = ensure(process_host, release=releases[0], processes=declared)["processes"][0]["pids"]
    others: list[dict[str, Any]] = [
        {"environment": {}},
        {"args": ["other"]},
        {"node_args": ["--no-deprecation"]},
        {"cwd": ".."},
    ]
    for other in others:
        declared = [{**declared[0], **other}]
        foretold = ensure(process_host, release=releases[0], processes=declared, check=True, diff=True)
        assert answer(process_host)["pid"] == pids[0]
        changed = ensure(process_host, release=releases[0], processes=declared, diff=True)
        told = answer(process_host)

        assert foretold["changed"] is changed["changed"] is True
        assert foretold["diff"] == changed["diff"]
        assert changed["processes"][0]["pids"] == [told["pid"]] != pids
        assert told.get("greeting") == declared[0]["environment"].get("GREETING")
        assert told["arguments"] == declared[0].get("args", [])
        assert told["node_arguments"] == declared[0].get("node_args", [])
        assert told["cwd"] == (f"{HOME}/shop/releases" if "cwd" in declared[0] else releases[0])
        pids = changed["processes"][0]["pids"]
    assert ensure(process_host, release=releases[0], processes=declared)["changed"] is False


def test_check_mode_does_nothing(process_host: Host, releases: tuple[str, str]) -> None:
    before, files = members(process_host), units(process_host)

    foretold = ensure(process_host, slot="blue", release=releases[0], processes=process(), check=True, diff=True)

    assert foretold["changed"] is True
    assert (members(process_host), units(process_host)) == (before, files)
    done = ensure(process_host, slot="blue", release=releases[0], processes=process(), diff=True)
    assert done["diff"] == foretold["diff"]
    for state in ("stopped", "absent", "saved"):
        now, files = members(process_host), units(process_host)
        assert ensure(process_host, slot="blue", state=state, check=True)["changed"] is True
        assert (members(process_host), units(process_host)) == (now, files)


def test_candidate_is_not_started_again_until_it_is_promoted(process_host: Host, releases: tuple[str, str]) -> None:
    options = {"slot": "green", "release": releases[0], "processes": process()}
    one = ensure(process_host, candidate=True, **options)["processes"][0]
    assert one["candidate"] is True
    process_host.run("kill", "-KILL", str(one["pids"][0]))
    # Longer than systemd waits before it starts anything again.
    time.sleep(3)
    assert ensure(process_host, slot="green", state="gathered")["processes"][0]["pids"] == []

    again = ensure(process_host, candidate=True, **options)["processes"][0]["pids"]
    assert ensure(process_host, candidate=True, **options)["changed"] is False
    promoted = ensure(process_host, **options)

    assert promoted["promoted"] == ["shop-api"]
    assert promoted["processes"][0]["pids"] == again
    assert ensure(process_host, **options)["changed"] is False
    process_host.run("kill", "-KILL", str(again[0]))
    eventually(lambda: ensure(process_host, slot="green", state="gathered")["processes"][0]["pids"] not in ([], again))
    eventually(lambda: ensure(process_host, **options)["changed"] is False)


def test_process_that_somebody_stopped_is_started(process_host: Host, releases: tuple[str, str]) -> None:
    ensure(process_host, release=releases[0], processes=process())
    show(process_host, "stop", "shop-api.service")

    assert ensure(process_host, release=releases[0], processes=process())["started"] == ["shop-api"]


def test_process_of_another_user_is_replaced(process_host: Host, releases: tuple[str, str]) -> None:
    ensure(process_host, release=releases[0], processes=process(), user="daemon")
    assert show(process_host, "show", "--property=User", "--value", "shop-api.service") == "daemon"

    assert ensure(process_host, release=releases[0], processes=process())["started"] == ["shop-api"]

    assert show(process_host, "show", "--property=User", "--value", "shop-api.service") == USER
    pid = show(process_host, "show", "--property=MainPID", "--value", "shop-api.service")
    assert pid in members(process_host)


def test_unit_that_somebody_removed_is_written_again(process_host: Host, releases: tuple[str, str]) -> None:
    ensure(process_host, release=releases[0], processes=process())
    process_host.run("rm", f"{UNITS}/shop-api.service")
    show(process_host, "stop", "shop-api.service")

    assert ensure(process_host, release=releases[0], processes=process())["started"] == ["shop-api"]


def test_process_that_is_not_declared_any_longer_is_stopped(process_host: Host, releases: tuple[str, str]) -> None:
    worker = {"name": "worker", "script": "app.js", "environment": {"FAULT": "never_listens"}}
    both = ensure(process_host, slot="blue", release=releases[0], processes=[*process(), worker])
    assert [one["full_name"] for one in both["processes"]] == ["shop-api@blue.service", "shop-worker@blue.service"]
    ensure(process_host, slot="green", release=releases[0], processes=[worker])

    alone = ensure(process_host, slot="blue", release=releases[0], processes=process())

    assert alone["stopped"] == ["worker"]
    assert ensure(process_host, slot="blue", release=releases[0], processes=process())["changed"] is False
    assert show(process_host, "is-active", "shop-worker@green.service") == "active"


def test_saved_slot_comes_back_with_the_host(process_host: Host, releases: tuple[str, str]) -> None:
    ensure(process_host, slot="blue", release=releases[0], processes=process())
    assert ensure(process_host, slot="blue", state="saved")["changed"] is True
    assert ensure(process_host, slot="blue", state="saved")["changed"] is False
    green = process(port=3002, environment={"FAULT": "slow", "SECONDS": 1})
    ensure(process_host, slot="green", release=releases[1], processes=green)
    assert ensure(process_host, slot="green", state="saved")["changed"] is True
    assert ensure(process_host, slot="blue", state="gathered")["saved"] is False

    subprocess.run(["docker", "restart", process_host.name], check=True, capture_output=True)
    process_host.wait_until_running()

    eventually(lambda: ensure(process_host, slot="green", state="gathered")["processes"][0]["status"] == "running")
    eventually(lambda: ensure(process_host, slot="green", release=releases[1], processes=green)["changed"] is False)
    assert answer(process_host, 3002)["release"] == releases[1]
    assert ensure(process_host, slot="blue", state="gathered")["processes"][0]["pids"] == []


def test_absent_leaves_nothing(process_host: Host, releases: tuple[str, str]) -> None:
    files = units(process_host)
    ensure(process_host, slot="blue", release=releases[0], processes=process())
    ensure(process_host, slot="blue", state="saved")
    assert units(process_host) != files

    assert ensure(process_host, slot="blue", state="absent")["changed"] is True

    assert units(process_host) == files
    assert show(process_host, "show", "--property=LoadState", "--value", "shop-api@blue.service") == "not-found"
    assert ensure(process_host, slot="blue", state="absent")["changed"] is False


def test_unit_of_somebody_else_is_refused(process_host: Host, releases: tuple[str, str]) -> None:
    text = "[Service]\nExecStart=/bin/sleep 1000\n"
    process_host.run("sh", "-c", f"printf '{text}' >{UNITS}/shop-api@.service && systemctl daemon-reload")
    try:
        refused = run(process_host, slot="blue", release=releases[0], processes=process())
    finally:
        process_host.run("rm", f"{UNITS}/shop-api@.service")

    assert refused["problems"] == [f"shop-api: The unit shop-api@blue.service ({UNITS}/shop-api@.service)."]


def test_port_of_somebody_else_is_refused(process_host: Host, releases: tuple[str, str]) -> None:
    refused = run(process_host, release=releases[0], processes=process(port=3900))

    [problem] = refused["problems"]
    assert "port 3900 is taken by process " in problem
    assert "beside.service" in problem


def test_secret_is_seen_by_the_process_alone(process_host: Host, releases: tuple[str, str]) -> None:
    declared = process(environment_file=".env", error_log=f"{HOME}/error.log")
    results = [
        ensure(process_host, release=releases[1], processes=declared, diff=True, check=check) for check in (1, 0)
    ]
    told = answer(process_host)
    # The port is the slot's, whatever the file says.
    assert told["has_secret"] is True

    faulty = process(environment_file=".env", environment={"FAULT": "crash"})
    results.append(run(process_host, release=releases[1], processes=faulty, diff=True))

    assert results[-1]["failed"] is True
    assert CANARY not in json.dumps(results)
    seen = [
        show(process_host, "show", "--all", "shop-api.service"),
        process_host.run("ps", "axeww").decode(),
        process_host.run("grep", "-r", "", UNITS).decode(),
    ]
    assert all("shop-api" in one or "app.js" in one for one in seen)
    assert CANARY not in "".join(seen)

    process_host.run("sh", "-c", f"echo OTHER=1 >>{releases[1]}/.env")
    assert ensure(process_host, release=releases[1], processes=declared)["changed"] is True


def test_what_systemd_cannot_do_is_refused(process_host: Host, releases: tuple[str, str]) -> None:
    declared = [
        *process(mode="cluster"),
        {"name": "many", "script": "app.js", "instances": 2},
        {"name": "ready", "script": "app.js", "wait_ready": True},
        {"name": "shop-ready", "script": "app.js"},
    ]

    refused = run(process_host, release=releases[0], processes=declared, user="nobody-here")

    assert [problem.split(":")[0] for problem in refused["problems"]] == [
        "There is no user nobody-here here",
        "shop-api",
        "many",
        "ready",
        "ready and shop-ready would both be shop-ready.service",
    ]
