# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many requests a check of the kind load sends in a second, and what it measures, beside ab.

Both ask the same small server on the same host, by turns. What counts are the ratios and the differences.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
from collections.abc import Callable, Sequence

from tests.bench.host import bench_host, run
from tests.integration import inside
from tests.integration.machine import ROOT, Host

ROUNDS = 5
SERVER = "http://127.0.0.1:8100"
SOURCES = ROOT / "tests/integration/smoke/volley"

# Requests a second, and the milliseconds that 95 % of the answers do not exceed.
Measured = tuple[float, float]


def of_ab(host: Host, path: str, requests: int, at_most: int, is_kept: bool) -> Measured:
    """What ab measures; its table of percentiles has no fractions, its file has."""
    keep = ["-k"] if is_kept else []
    table = ["-e", "/tmp/ab.csv"]
    found = run(host, ["ab", "-q", *keep, *table, "-n", str(requests), "-c", str(at_most), f"{SERVER}{path}"]).stdout
    rate = re.search(r"Requests per second: +([\d.]+)", found)
    failed = re.search(r"Failed requests: +(\d+)", found)
    p95 = re.search(r"(?m)^95,([\d.]+)", run(host, ["cat", "/tmp/ab.csv"]).stdout)
    assert rate
    assert failed
    assert p95
    assert failed[1] == "0"
    return float(rate[1]), float(p95[1])


def of_ours(host: Host, path: str, requests: int, at_most: int, is_kept: bool) -> Measured:
    """What our check measures."""
    options = {"get": f"{SERVER}{path}", "requests": requests, "concurrency": at_most}
    if not is_kept:
        options["headers"] = {"Connection": "close"}
    found = json.loads(run(host, ["python3", "/shared/driver.py", json.dumps(["load", options, None])]).stdout)
    if found.get("errors") != 0:
        raise SystemExit(str(found))
    return found["rps"], found["p95"]


def by_turns(host: Host, path: str, requests: int, at_most: int, is_kept: bool) -> tuple[Measured, Measured]:
    """The medians of both."""
    clients: Sequence[Callable[[Host, str, int, int, bool], Measured]] = (of_ab, of_ours)
    rounds = [[client(host, path, requests, at_most, is_kept) for client in clients] for _round in range(ROUNDS)]
    ab, ours = ((statistics.median(r for r, _p in of), statistics.median(p for _r, p in of)) for of in zip(*rounds))
    return ab, ours


def compare(host: Host) -> None:
    """Print rates without a delay, and percentiles with one."""
    for is_kept in (True, False):
        ab, ours = by_turns(host, "/health", 20000 if is_kept else 10000, 10, is_kept)
        kept = "kept" if is_kept else "new "
        print(f"/health, 10 connections, {kept}: ab {ab[0]:7.0f}/s, load {ours[0]:7.0f}/s, {ours[0] / ab[0]:.2f} times")
    for at_most in (10, 50):
        ab, ours = by_turns(host, "/slow", at_most * 50, at_most, True)
        print(f"/slow, {at_most} connections, kept: p95 of ab {ab[1]:6.2f} ms, of load {ours[1]:6.2f} ms,", end=" ")
        print(f"{ours[1] - ab[1]:+.2f} ms")


def main() -> None:
    with bench_host(inside.smoke_host) as host:
        for source in ("server.js", "driver.py"):
            shutil.copy(SOURCES / source, host.shared)
        host.run("systemd-run", "--quiet", "--unit=volley", "node", "/shared/server.js")
        host.run("curl", "--silent", "--retry", "10", "--retry-connrefused", f"{SERVER}/health")
        # Node compiles what it runs often.
        of_ab(host, "/health", 20000, 10, True)
        print(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
        compare(host)
        print(f"load average {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
