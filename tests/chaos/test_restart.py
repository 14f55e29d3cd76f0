# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application that cannot run twice: the new release takes the place of the old one, and the other way round."""

from __future__ import annotations

import json
from typing import Any

from tests.chaos.place import Place

ROOT, PORT = "/srv/single", 3050
DIRECTORIES = [f"{ROOT}{path}" for path in ("", "/shared", "/shared/data", "/backups")]


def single(place: Place) -> dict[str, Any]:
    """The example once more, without nginx before it."""
    process = {"name": "single", "script": "index.js", "port": PORT, "health": "/health", "environment_file": ".env"}
    return {
        "app_name": "single",
        "app_user": "faceshot",
        "app_root": ROOT,
        "app_strategy": "restart",
        "app_url": f"http://127.0.0.1:{PORT}",
        "app_probe": {"url": f"http://{place.address}:{PORT}/health"},
        "app_processes": [process],
    }


def version(place: Place) -> str:
    told = json.loads(place.host.run("curl", "--silent", f"http://127.0.0.1:{PORT}/health"))
    found: str = told["version"]
    return found


def test_release_takes_the_place_of_the_other_and_gives_it_back(place: Place) -> None:
    place.host.run("install", "--directory", "--owner=faceshot", "--group=faceshot", *DIRECTORIES)
    database = f"{ROOT}/shared/data/production.db"
    place.host.run("install", "--owner=faceshot", "--group=faceshot", "--mode=600", "/dev/null", database)

    first = place.deploy("one", **single(place))
    assert first.code == 0, first.output
    assert version(place) == "1.0.0"
    second = place.deploy("two", **single(place))
    assert second.code == 0, second.output
    assert version(place) == "2.0.0"
    again = place.deploy("two", **single(place))
    broken = place.deploy("crash-at-start", **single(place))
    unhealthy = place.deploy(
        "two", app_checks=[{"http": "/nowhere"}], app_build=[{"install": "npm ci"}], **single(place)
    )

    assert (again.code, again.record and again.record["verdict"]) == (0, "unchanged")
    for ended in (broken, unhealthy):
        assert ended.code == 2, ended.output
        assert ended.record is not None
        assert ended.record["release"]["live"] == (second.record or {})["release"]["id"]
        assert ended.record["warnings"] == []
    assert version(place) == "2.0.0"
    back = place.roll_back(**single(place))
    assert back.code == 0, back.output
    assert version(place) == "1.0.0"
