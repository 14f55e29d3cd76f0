# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller is killed after each phase, or loses its host: the application goes on, and a rerun ends it."""

from __future__ import annotations

import re

import pytest

from tests.chaos.place import OTHER, Place, until
from tests.integration.machine import ROOT

# What is said once each phase has done its last thing.
MOMENTS = {
    "open": "Measure from now on",
    "preflight": "Write the environment",
    "build": "Build the release",
    "migrate": "Bring the database to the release's version",
    "start": "Start the release beside the one that is live",
    "gate": "Have it pass its gate",
    "switch": "Have it take the requests",
    "watch": "Prove it as the world sees it",
    "confirm": "Have it stay",
    "promote": "Have it started again from now on",
    "good": "Have the release good",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_controller_leaves_a_whole_version_and_the_same_command_ends_it(place: Place, moment: str) -> None:
    target = OTHER[place.live()]

    with place.load() as load:
        place.deploy_until(target, MOMENTS[moment])
        assert place.live() in OTHER
        again = place.deploy(target)

    assert again.code == 0, again.output
    assert load.failed == {}
    assert place.live() == target
    assert place.lock() == ""
    assert place.leftovers() == []
    assert place.processes()[place.group()] == [place.current()]


@pytest.mark.parametrize("moment", ["Stop what has the database open", "Bring the database of before back"])
def test_killed_way_back_with_the_database_is_ended_by_the_same_command(place: Place, moment: str) -> None:
    assert place.deploy("two").code == 0
    saved = place.play(ROOT / "playbooks" / "backup.yml")
    [backup] = re.findall(r"faceshot-\d{8}T\d{6}Z-[0-9a-f]{6}", saved.output)
    count = "SELECT count(*) FROM error_logs"
    before = place.sql(count)
    place.sql("INSERT INTO error_logs (severity, message) VALUES ('low', 'since')")
    both = {"deployment_scope": "both", "deployment_backup": backup, "deployment_loss_budget": "unlimited"}

    place.roll_back_until(moment, **both)
    again = place.roll_back(**both)

    assert again.code == 0, again.output
    assert (place.sql(count), place.lock(), place.leftovers()) == (before, "", [])
    assert place.processes()[place.group()] == [place.current()]
    assert place.answer()["status"] == "ok"


def test_switch_that_nobody_confirms_is_taken_back_by_the_host(place: Place) -> None:
    before, group = place.live(), place.group()

    with place.load() as load:
        place.deploy_until(OTHER[before], MOMENTS["switch"], deployment_arm=10)
        assert place.live() == OTHER[before]
        until(lambda: place.group() == group)

    assert place.live() == before
    assert load.failed == {}


def test_host_that_is_out_of_reach_goes_back_by_itself(place: Place) -> None:
    before, group = place.live(), place.group()
    long = {"app_checks": [{"command": "sleep 30"}], "deployment_arm": 10, "app_watch": 1}

    with place.load() as load:
        lost = place.begin(OTHER[before], **long)
        until(lambda: place.group() != group)
        place.host.run("sh", "-c", "systemctl stop ssh; pkill -KILL sshd")
        output, _errors = lost.communicate()
        until(lambda: place.group() == group)
    place.host.run("systemctl", "start", "ssh")

    assert lost.returncode != 0
    assert "can be reached over ssh" in " ".join(output.split()), output
    assert place.live() == before
    assert load.failed == {}
    assert place.deploy(OTHER[before]).code == 0
    assert place.live() == OTHER[before]
