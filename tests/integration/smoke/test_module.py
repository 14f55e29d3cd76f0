# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as a whole, on hosts of two distributions."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.integration import inside
from tests.integration.machine import Host

PORT = "8077"
URL = f"http://127.0.0.1:{PORT}"
MODULE = "ansible_collections.shipshape.webapp.plugins.modules.smoke_check"
COUNTS = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, "warned": 0, "inconclusive": 0}

# Runs a program, and tells how much memory it had at most.
MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)


@contextmanager
def shop(host: Host, *, is_late_by: float = 0) -> Iterator[None]:
    """The shop runs, and knows nothing yet."""
    shutil.copy(Path(__file__).with_name("shop.py"), host.shared)
    argv = inside.command(host, "python3", "/shared/shop.py", PORT, str(is_late_by))
    running = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        host.run("timeout", "20", "sh", "-c", f"until curl -sf {URL}/health; do sleep 0.05; done")
        yield
    finally:
        # The client's end does not end what runs inside.
        host.run("sh", "-c", f"kill $(pgrep -f '^python3 /shared/shop.py {PORT}')")
        running.wait(10)


def until(holds: Callable[[], Any], limit: float = 20) -> Any:
    """What it gives as soon as it gives something."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("This did not come to be in time.")


def check(host: Host, *checks: object, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """The result of a suite."""
    return inside.module(host, "smoke_check", check=check_mode, checks=list(checks), base_url=URL, **options)


@contextmanager
def under_way(host: Host, *checks: object, **options: Any) -> Iterator[Callable[[], str]]:
    """The module at work on a suite; what is given says what it prints, once it has ended."""
    argv = inside.module_command(host, "smoke_check")
    with tempfile.TemporaryFile("w+") as told:
        told.write(inside.module_input({"checks": checks, "base_url": URL, **options}))
        told.seek(0)
        with subprocess.Popen(argv, stdin=told, stdout=subprocess.PIPE, text=True) as running:
            yield lambda: running.communicate(timeout=60)[0]


def seen(host: Host) -> dict[str, Any]:
    """What the shop was asked, and what it knows."""
    found = json.loads(host.run("curl", "-s", f"{URL}/seen"))
    assert isinstance(found, dict)
    return found


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["outcome"] for one in result["checks"]}


ORDER = {
    "name": "an order",
    "scenario": [
        {"http": {"post": "/orders", "json": {"article": 5}}, "expect": 201, "save": {"id": "json.id"}},
        {"http": "/orders/${id}"},
    ],
    "finally": [{"http": {"delete": "/orders/${id}"}, "expect": 204}, {"http": "/orders/${id}", "expect": 404}],
}


def test_a_suite_passes_or_fails_with_its_evidence(smoke_host: Host) -> None:
    with shop(smoke_host):
        good = check(smoke_host, {"http": ["/health", "/nothing"], "gate": True}, ORDER, {"tcp": f"127.0.0.1:{PORT}"})
        bad = check(smoke_host, {"http": "/missing"}, {"http": "http://127.0.0.1:9/"}, {"http": "/health"})

    assert "failed" not in good, good
    assert (good["changed"], good["counts"]) == (False, {**COUNTS, "passed": 4})
    assert good["msg"].startswith("4 passed in ")
    assert [step["outcome"] for step in good["checks"][2]["steps"]] == ["passed"] * 4
    assert bad["failed"] is True
    assert bad["counts"] == {**COUNTS, "passed": 1, "failed": 1, "errors": 1}
    told, refused = bad["failures"]
    assert told == (
        f"http /missing: status: expected ge 200 and lt 300, got 404 (GET {URL}/missing answered 404: {{}})"
    ) or told.startswith("http /missing: status: ")
    assert refused.startswith("http http://127.0.0.1:9/: ")
    assert "exception" not in bad


def test_a_suite_that_is_wrong_sends_nothing(smoke_host: Host) -> None:
    with shop(smoke_host):
        before = seen(smoke_host)["seen"]
        result = check(smoke_host, {"http": "/echo"}, {"htpp": "/echo"}, {"http": "/echo", "as": "x"}, timeout="soon")
        told = check(smoke_host, {"http": "/echo"}, {"htpp": "/echo"}, {"name": "n", "http": "/echo", "as": "x"})
        assert seen(smoke_host)["seen"] == before

    assert result["problems"] == ["timeout: this is no span of time such as 500ms, 10s or 1m."]
    assert told["problems"] == [
        "check 2: there is no kind htpp. Did you mean http?",
        'check 3 "n".as: there is no identity of this name. There are none in identities.',
    ]
    assert told["msg"] == f"The suite: 2 problems, nothing was changed. {' '.join(told['problems'])}"


@pytest.mark.parametrize("form", ["yml", "json"])
def test_a_suite_can_stand_in_a_file(smoke_host: Host, form: str) -> None:
    path = smoke_host.shared / f"suite.{form}"
    words = ["base_url: ${url}", f"vars: {{url: '{URL}', x: 1}}", "checks:", "- http: /health", "- {http: '/${x}'}"]
    suite = {"base_url": "${url}", "vars": {"url": URL, "x": 1}, "checks": [{"http": "/health"}, {"http": "/${x}"}]}
    path.write_text("\n".join(words) if form == "yml" else json.dumps(suite), encoding="utf-8")
    overruled = {"x": "nothing"}

    with shop(smoke_host):
        result = inside.module(smoke_host, "smoke_check", checks=f"/shared/suite.{form}", vars=overruled)
        as_mapping = inside.module(smoke_host, "smoke_check", checks=suite, vars=overruled)

    assert outcomes(result) == outcomes(as_mapping) == {"http /health": "passed", "http /${x}": "passed"}


def test_a_file_that_is_no_suite_is_refused(smoke_host: Host) -> None:
    path = smoke_host.shared / "wrong.yml"
    path.write_text("checks:\n- {http: /}\npassword: [canary-1\n", encoding="utf-8")

    broken = inside.module(smoke_host, "smoke_check", checks="/shared/wrong.yml")
    absent = inside.module(smoke_host, "smoke_check", checks="/shared/none.yml")
    relative = inside.module(smoke_host, "smoke_check", checks="wrong.yml")

    assert broken["msg"].startswith("/shared/wrong.yml, line ")
    assert "canary" not in json.dumps(broken)
    assert absent["msg"] == "/shared/none.yml cannot be read. It does not exist."
    assert relative["problems"][0].startswith("checks: the path is not absolute")


def test_check_mode_changes_nothing(smoke_host: Host) -> None:
    with shop(smoke_host):
        before = seen(smoke_host)
        result = check(smoke_host, {"http": "/nothing"}, ORDER, check_mode=True, report={"tap": "/shared/check.tap"})
        after = seen(smoke_host)

    assert outcomes(result) == {"http /nothing": "passed", "an order": "skipped"}
    assert after["seen"] == [*before["seen"], "GET /nothing"]
    assert not (smoke_host.shared / "check.tap").exists()


def test_reports_and_memory_are_written(smoke_host: Host) -> None:
    paths = {form: f"/shared/report.{form}" for form in ("junit", "tap", "json", "textfile")}
    baseline = {"http": "/health", "baseline": {"ms": "100000%"}}
    with shop(smoke_host):
        first = check(smoke_host, baseline, memory="/shared/memory.json", record=True)
        result = check(smoke_host, baseline, {"http": "/missing"}, memory="/shared/memory.json", report=paths)

    assert outcomes(first) == {"http /health": "passed"}
    assert outcomes(result) == {"http /health": "passed", "http /missing": "failed"}
    assert [one["path"] for one in result["checks"][0]["assertions"]] == ["status", "ms"]
    tests = ET.fromstring((smoke_host.shared / "report.junit").read_bytes())  # noqa: S314 - it is our own
    assert [case.get("name") for case in tests] == ["http /health", "http /missing"]
    assert "not ok 2 - http: http /missing\n" in (smoke_host.shared / "report.tap").read_text(encoding="utf-8")
    assert json.loads((smoke_host.shared / "report.json").read_bytes())["counts"] == result["counts"]
    assert smoke_host.run("stat", "-c", "%a", *paths.values(), "/shared/memory.json").split() == [b"644"] * 4 + [b"600"]


def test_a_canary_is_nowhere(smoke_host: Host) -> None:
    # Each says by what it is known for a secret.
    checks = [
        {"http": {"post": "/echo", "json": {"password": "canary-body"}}, "as": "admin", "for": "2s"},
        {"http": {"get": "/echo", "query": {"token": "canary/query"}}, "expect": {"json.path": "other"}},
        {"http": {"get": "/echo", "headers": {"X-Api-Key": "canary-header"}}, "expect": {"json.headers": {"x": 1}}},
        {"http": {"post": "/echo", "body": "canary-var"}, "expect": {"json.body": "canary-secret"}},
        {"scenario": [{"http": {"post": "/orders", "json": 1}, "save": {"token": "json.token"}, "expect": 201}]},
    ]
    options = {
        "identities": {"admin": {"basic": {"user": "shopkeeper", "password": "canary-login"}}},
        "vars": {"db_password": "canary-var"},
        "secrets": ["canary-secret"],
        "report": {form: f"/shared/hidden.{form}" for form in ("junit", "tap", "json", "textfile")},
    }
    looks = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -v grep"

    with shop(smoke_host), under_way(smoke_host, *checks, **options) as printed:
        until(lambda: "POST /orders" in seen(smoke_host)["seen"])
        processes = smoke_host.run("sh", "-c", looks).decode(errors="replace")
        said = printed()

    assert MODULE in processes
    assert "canary" not in processes
    result = json.loads(said)
    assert result["counts"] == {**COUNTS, "passed": 2, "failed": 3}
    reports = "".join(path.read_text(encoding="utf-8") for path in smoke_host.shared.glob("hidden.*"))
    assert "canary" not in said + reports
    assert "********" in said
    # Of the login nothing is there in the form in which it was sent.
    assert "c2hvcGtlZXBlcjpj" not in said + reports


@pytest.mark.parametrize("is_gate", [False, True])
def test_a_signal_in_the_middle_of_a_scenario_leaves_nothing_behind(smoke_host: Host, *, is_gate: bool) -> None:
    order = {**ORDER, "scenario": [*ORDER["scenario"], {"http": "/missing", "within": "5m"}], "gate": is_gate}
    with shop(smoke_host), under_way(smoke_host, order, {"http": "/health", "for": "5m"}) as printed:
        until(lambda: "GET /missing" in seen(smoke_host)["seen"])
        assert seen(smoke_host)["orders"] == ["1"]
        [number] = smoke_host.run("pgrep", "-f", f"^python3 -m {MODULE}").decode().split()
        smoke_host.run("kill", "-INT", number)
        result = json.loads(printed())
        known = seen(smoke_host)

    assert result["failed"] is True
    assert result["msg"] == "Stopped by SIGINT before it was done: run it again."
    assert known["orders"] == []
    assert known["seen"][-2:] == ["DELETE /orders/1", "GET /orders/1"]


def test_windows_are_watched_side_by_side_in_little_memory(smoke_host: Host) -> None:
    checks = [{"name": f"watch {number}", "http": "/health", "for": "${watch}", "every": "1s"} for number in range(40)]
    with shop(smoke_host):
        argv = inside.command(smoke_host, "python3", "-c", MEASURE, "python3", "-m", MODULE)
        text = inside.module_input({"checks": checks, "base_url": URL, "vars": {"watch": "4s"}})
        ended = subprocess.run(argv, input=text, capture_output=True, text=True, check=True)

    result = json.loads(ended.stdout)
    assert result["counts"] == {**COUNTS, "passed": 40}
    # One after the other they would take 160 seconds.
    assert 4000 <= result["duration_ms"] < 80000
    assert all(2 <= one["attempts"] <= 6 for one in result["checks"])
    assert int(ended.stderr) < 80 * 1024


def test_what_is_late_is_waited_for(smoke_host: Host) -> None:
    with shop(smoke_host, is_late_by=3):
        result = check(smoke_host, {"http": "/late", "within": "30s", "every": "200ms"})

    [one] = result["checks"]
    assert one["outcome"] == "passed"
    assert one["attempts"] > 1
