# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many calls on a host and how many seconds a deployment, one with nothing to do, and going back take.

Beside them stands what was measured of Ansistrano without migrations, checks or PM2: 51 tasks on a host are 98
executions and 21 transfers, or with pipelining 25 and 1.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos.place import SITE, Ended, Place
from tests.integration.machine import Host

ANSISTRANO = 98

# A line of timeline for something that was done on the host, and how long it took.
DONE = re.compile(r"^ +\d+:\d\d  .{10} ✓ app .* ([\d.]+) s$", re.MULTILINE)


def measured(name: str, act: Callable[[], Ended]) -> Ended:
    """What comes of it, which is printed."""
    began = time.monotonic()
    ended = act()
    seconds = time.monotonic() - began
    assert ended.code == 0, ended.output
    calls = len(DONE.findall(ended.output))
    print(f"{name:<24} {calls:>3} calls on the host {seconds:6.1f} s  (Ansistrano: {ANSISTRANO})")
    return ended


def until_it_answers(place: Place, version: str, begun: float) -> float:
    """After how many seconds the world is answered by this version."""
    while True:
        connection = http.client.HTTPConnection(place.address, timeout=5)
        connection.request("GET", "/health", headers={"Host": SITE})
        with connection.getresponse() as response:
            told = json.loads(response.read())
        connection.close()
        if told["version"] == version:
            return time.monotonic() - begun
        time.sleep(0.02)


def main() -> None:
    """Print all of it."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"shipshape-bench-deployment-{os.getpid()}"
        # It has a firewall.
        host = Host("debian-13", name, Path(folder), options=("--cap-add", "NET_ADMIN"))
        try:
            host.wait_until_running()
            place = Place(host, Path(folder))
            first = measured("the first deployment", lambda: place.deploy("one"))
            second = measured("a deployment", lambda: place.deploy("two"))
            measured("nothing to do", lambda: place.deploy("two"))
            with ThreadPoolExecutor() as beside:
                seen = beside.submit(until_it_answers, place, "1.0.0", time.monotonic())
                back = measured("going back, warm", place.roll_back)
                print(f"going back, from the command to the traffic: {seen.result():.1f} s")
            availability = (back.record or {})["availability"]
            print(f"and meanwhile {availability['failed']} of {availability['requests']} requests failed")
            for ended in (first, second):
                steps = {step["run"]: step["seconds"] for step in (ended.record or {})["steps"]}
                print(f"npm ci of {(ended.record or {})['release']['id']}: {steps['npm ci']:.2f} s")
        finally:
            host.remove()


if __name__ == "__main__":
    main()
