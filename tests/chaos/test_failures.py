# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every row of the table of failures: what was live stays live, nobody notices, and the report tells the truth."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.chaos.place import DATABASE, OTHER, Place, until
from tests.integration.machine import ROOT


@dataclass(frozen=True)
class Row:
    """A branch, in which phase it has to fail, and what has to be said of it."""

    branch: str
    phase: str
    said: str
    verdict: str = "refused"
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.branch


# A busy machine takes a while to start anything.
PATIENCE = 10
PROCESS = {
    "name": "faceshot-chopshop",
    "script": "index.js",
    "ports": [3000, 3001],
    "health": "/health",
    "environment_file": ".env",
    "memory_limit": "500M",
    "listen_timeout": PATIENCE,
}

# The fault of each begins only once it has the requests.
LATE = {"app_gate": [{"http": "/alive"}], "app_watch": 60}
ROWS = [
    Row("crash-at-start", "roll out", r"ended with exit code 1 after .* cannot read the configuration of the renderer"),
    Row("syntax-error", "roll out", r"ended with exit code 1 after .*Unexpected token"),
    Row("never-listens", "roll out", rf"does not listen on \d+ after {PATIENCE} s"),
    Row("wrong-port", "roll out", rf"listens on \d+ instead of \d+ after {PATIENCE} s"),
    Row("unhealthy", "roll out", rf"answers /health with 503 after {PATIENCE} s"),
    Row("errors-after", "watch", r"answered 500", "returned", LATE),
    Row("crashes-after", "watch", r"answered 502", "returned", LATE),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_was_live_stays_live(place: Place, row: Row) -> None:
    live, current, group = place.live(), place.current(), place.group()

    with place.load() as load:
        ended = place.deploy(row.branch, app_processes=[PROCESS], **row.options)

    assert ended.code == 2, ended.output
    assert ended.record is not None
    record = ended.record
    assert (record["verdict"], record["release"]["live"]) == (row.verdict, current)
    assert re.search(row.said, record["sentence"]), record["sentence"]
    assert [phase["name"] for phase in record["phases"] if phase.get("state") == "failed"] == [row.phase]
    assert record["sentence"].endswith(f"The release {current} is live, as before.")
    assert (place.live(), place.current(), place.group()) == (live, current, group)
    assert place.lock() == ""
    assert place.leftovers() == []
    assert place.processes()[group] == [current]
    # What has the requests while it fails does fail; what never gets them harms nobody.
    if row.verdict == "refused":
        assert load.failed == {}
        assert record["availability"]["failed"] == 0


def test_figure_that_gets_worse_is_a_failure(place: Place) -> None:
    live = place.live()
    insert = "INSERT INTO error_logs (severity, message) VALUES ('high', 'the candidate is worse')"
    script = f'import sqlite3; c = sqlite3.connect("{DATABASE}"); c.execute("{insert}"); c.commit()'
    query = {"sql": "SELECT count(*) FROM error_logs WHERE severity = 'high'"}

    ended = place.deploy(
        OTHER[live],
        app_gate=[{"command": ["python3", "-c", script]}],
        app_checks=[{"name": "Errors", **query, "baseline": {"value": "0%"}}],
    )

    assert ended.code == 2, ended.output
    assert (ended.record or {})["verdict"] == "returned"
    assert (ended.record or {})["sentence"].startswith("Errors: "), (ended.record or {})["sentence"]
    assert place.live() == live


def test_migration_that_fails_halfway_harms_nobody(place: Place) -> None:
    live, current = place.live(), place.current()

    with place.load() as load:
        ended = place.deploy("migration-fails-halfway")

    assert ended.code == 2, ended.output
    assert ended.record is not None
    assert ended.record["verdict"] == "refused"
    assert "render_queue" in ended.record["sentence"]
    assert [phase["name"] for phase in ended.record["phases"] if phase.get("state") == "failed"] == ["migrate"]
    assert (place.live(), place.current(), place.lock(), load.failed) == (live, current, "", {})


def test_database_comes_back_where_the_live_release_does_not_go_on_with_it(place: Place) -> None:
    live, current, group = place.live(), place.current(), place.group()

    ended = place.deploy("migration-breaks-version-1", app_gate=[{"http": "/health"}])

    assert ended.code == 2, ended.output
    assert ended.record is not None
    assert ended.record["verdict"] == "refused"
    assert "answered 503" in ended.record["sentence"]
    assert ended.record["warnings"] == [], ended.output
    assert (place.live(), place.current(), place.group(), place.lock()) == (live, current, group, "")
    assert place.answer()["status"] == "ok"
    assert place.processes()[group] == [current]


def test_what_cannot_be_taken_back_is_told(place: Place) -> None:
    current = place.current()
    insert = "INSERT INTO error_logs (severity, message) VALUES ('low', 'the work of somebody')"
    script = f'import sqlite3; c = sqlite3.connect("{DATABASE}"); c.execute("{insert}"); c.commit()'
    gate = [{"command": ["python3", "-c", script], "gate": True}, {"http": "/health"}]

    ended = place.deploy("migration-breaks-version-1", app_gate=gate)
    record = ended.record or {}
    put_right = place.play(
        ROOT / "playbooks" / "restore.yml",
        deployment_backup=record["snapshot"]["id"],
        deployment_loss_budget="unlimited",
    )

    assert ended.code == 2
    assert record["verdict"] == "failed"
    assert record["sentence"].endswith("Not all of it could be taken back; what is to note says why."), record[
        "sentence"
    ]
    assert any("1 of error_logs" in warning for warning in record["warnings"]), record["warnings"]
    assert put_right.code == 0, put_right.output
    assert (place.current(), place.lock()) == (current, "")
    assert place.answer()["status"] == "ok"


def test_full_disk_during_a_build_leaves_the_live_release(place: Place) -> None:
    live, current = place.live(), place.current()

    with place.load() as load:
        ended = place.deploy("one", app_build=[{"run": "cat /dev/zero >/small/full"}])

    assert ended.code == 2, ended.output
    assert ended.record is not None
    said = [line for log in ended.record["logs"] for line in log["lines"]]
    assert any("No space left on device" in line for line in said), said
    assert [phase["name"] for phase in ended.record["phases"] if phase.get("state") == "failed"] == ["build"]
    assert (place.live(), place.current(), place.lock(), load.failed) == (live, current, "", {})


def test_full_disk_during_a_backup_has_nothing_migrated(place: Place) -> None:
    live, current = place.live(), place.current()
    place.host.run("sh", "-c", "rm -f /small/full; mkdir -p /small/backups; chown faceshot /small/backups")
    place.host.run("sh", "-c", "cat /dev/zero >/small/full || :")

    with place.load() as load:
        ended = place.deploy(OTHER[live], app_backup={"directory": "/small/backups"})

    assert ended.code == 2, ended.output
    assert ended.record is not None
    assert [phase["name"] for phase in ended.record["phases"] if phase.get("state") == "failed"] == ["migrate"]
    assert ended.record["migrations"] == []
    assert (place.live(), place.current(), place.lock(), load.failed) == (live, current, "", {})
    assert place.host.run("ls", "/small/backups") == b""


def test_second_deployment_is_refused_while_the_first_lives(place: Place) -> None:
    target = OTHER[place.live()]
    first = place.begin(target)
    until(lambda: place.lock() != "")

    second = place.deploy(target)
    first_ended = first.wait()

    assert second.code == 2
    assert re.search(r"is being deployed|deploys|holds", second.output), second.output
    assert second.record is None
    assert first_ended == 0
    assert place.live() == target
