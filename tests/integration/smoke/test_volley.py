# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many requests at once to Node and to nginx, with each distribution's own Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.machine import Host

SOURCES = Path(__file__).resolve().parent / "volley"

NODE = "http://localhost:8100"
NGINX = "https://localhost:8143"
CA = "/etc/nginx/volley.pem"

PREPARED = f"""
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
    -keyout /etc/nginx/volley.key -out {CA} 2>/dev/null
cp /shared/site.conf /etc/nginx/conf.d/volley.conf
systemctl restart nginx
systemd-run --quiet --unit=volley node /shared/server.js
"""

Check = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def check(smoke_host: Host) -> Check:
    """Runs a check on the host, where the application and nginx before it run."""
    for source in ("server.js", "site.conf", "driver.py"):
        shutil.copy(SOURCES / source, smoke_host.shared)
    smoke_host.run("sh", "-c", PREPARED)

    def run(kind: str, **options: Any) -> dict[str, Any]:
        argv = inside.command(smoke_host, "python3", "/shared/driver.py", json.dumps([kind, options, CA]))
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        seen: dict[str, Any] = json.loads(ended.stdout)
        return seen

    until = time.monotonic() + 30
    while "error" in run("load", get=f"{NODE}/health", requests=1) and time.monotonic() < until:
        time.sleep(0.1)
    return run


def reset(check: Check, credits_left: int) -> None:
    assert check("load", get=f"{NODE}/reset", query={"credits": credits_left}, requests=1)["errors"] == 0


def facts(check: Check) -> Any:
    return check("concurrent", get=f"{NODE}/health", times=1, around=f"{NODE}/facts")["before"]


def test_load_is_borne(check: Check) -> None:
    seen = check("load", get=f"{NODE}/health", requests=2000, warm_up=200)

    assert (seen["errors"], seen["statuses"]) == (0, {"200": 2000})
    assert seen["rps"] > 0
    assert 0 < seen["p50"] <= seen["p95"] <= seen["p99"] <= seen["max"]


def test_slow_answers_are_measured(check: Check) -> None:
    seen = check("load", get=f"{NODE}/slow", requests=200, concurrency=10, warm_up=20)

    assert seen["p50"] >= 19
    assert seen["rps"] < 10 / 0.019


def test_errors_are_counted(check: Check) -> None:
    seen = check("load", get=f"{NODE}/nowhere", requests=20)

    assert (seen["errors"], seen["error_rate"], seen["statuses"]) == (20, 1.0, {"404": 20})


def test_load_on_a_server_that_ends_connections_has_no_errors(check: Check) -> None:
    assert check("load", get=f"{NGINX}/health", requests=500)["statuses"] == {"200": 500}
    assert check("load", get=f"{NGINX}/health", requests=50, headers={"Connection": "close"})["errors"] == 0


def test_load_on_a_closed_port_is_not_observed(check: Check) -> None:
    assert check("load", get="http://localhost:8199/", requests=20) == {
        "error": "GET http://localhost:8199/, sent 20 times, had no answer: nothing listens there."
        " Start the server, or correct the address."
    }


def test_what_is_too_large_is_refused_to_all(check: Check) -> None:
    seen = check("concurrent", post=f"{NGINX}/sound", body_bytes=11_000_000, times=5, ok=[413])

    assert (seen["statuses"], seen["errors"]) == ({"413": 5}, 0)


def test_sound_application_spends_what_it_says(check: Check) -> None:
    reset(check, 7)

    seen = check("concurrent", post=f"{NODE}/sound", times=10, around=f"{NODE}/credits", ok=[201])

    assert (seen["before"], seen["after"]) == ({"creditBalance": 7}, {"creditBalance": 0})
    assert (seen["ok"], seen["spent"], seen["statuses"]) == (7, 7, {"201": 7, "402": 3})


@pytest.mark.parametrize("server", [NODE, NGINX])
def test_race_is_found(check: Check, server: str) -> None:
    reset(check, 1)

    seen = check("concurrent", post=f"{server}/racing", times=20, around=f"{NODE}/credits")

    assert seen["after"] == {"creditBalance": -19}
    assert (seen["ok"], seen["spent"]) == (20, 20)
    assert facts(check)["most"] == 20


def test_limit_is_found(check: Check) -> None:
    query = {"name": "found", "limit": 30, "window": 60000}

    seen = check("rate_limit", post=f"{NODE}/limited", query=query, json={"query": "test"}, limit=30, spoof=True)

    assert (seen["sent"], seen["ok"], seen["limited"], seen["spoof_ok"]) == (36, 30, 6, 0)
    assert 50 < seen["retry_after"] <= 60


def test_limit_that_believes_headers_is_found_out(check: Check) -> None:
    query = {"name": "believing", "limit": 5, "window": 60000, "believes": 1}

    seen = check("rate_limit", get=f"{NODE}/limited", query=query, limit=5, spoof=True)

    assert (seen["ok"], seen["limited"], seen["spoof_ok"]) == (5, 6, 5)


def test_missing_limit_is_found_out(check: Check) -> None:
    seen = check("rate_limit", get=f"{NODE}/health", limit=5)

    assert (seen["ok"], seen["limited"], seen["retry_after"]) == (11, 0, None)


def test_limit_that_others_have_used_up_is_waited_for(check: Check) -> None:
    query = {"name": "used", "limit": 5, "window": 6000}
    assert check("load", get=f"{NODE}/limited", query=query, requests=10)["statuses"] == {"200": 5, "429": 5}

    seen = check("rate_limit", get=f"{NODE}/limited", query=query, limit=5, window="6s")

    # What is left of the window, and a second more.
    assert 1 < seen["waited"] <= 7
    assert (seen["first"], seen["ok"], seen["limited"]) == (200, 5, 6)


def test_limit_that_stays_used_up_is_not_observed(check: Check) -> None:
    query = {"name": "staying", "limit": 0, "window": 60000}

    seen = check("rate_limit", get=f"{NODE}/limited", query=query, limit=5, window="0s")

    assert seen["error"] == (
        "A limit shows only after a request that is let through, and already the first after 1 s was not:"
        f' GET {NODE}/limited answered 429: {{"error":"slow down"}}'
    )


def test_nginx_refuses_with_a_status_of_its_own(check: Check) -> None:
    seen = check("rate_limit", get=f"{NGINX}/few", limit=5)

    assert seen["statuses"] == {"503": 5, "200": 6}
    assert seen["limited"] == 0
