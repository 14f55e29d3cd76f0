# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the README promises of a deployment, with clients that ask all the time."""

from __future__ import annotations

from tests.chaos.place import CANARY, OTHER, Place

MANY = 20_000


def test_no_request_is_lost_over_deployments_refusals_and_ways_back(place: Place) -> None:
    first = place.live()
    with place.load() as load:
        deployed = place.deploy(OTHER[first])
        refused = place.deploy("unhealthy", app_stable=0)
        back = place.roll_back()
        again = place.deploy(OTHER[first])
        while load.sent() < MANY:
            again = place.deploy(OTHER[first])

    assert [ended.code for ended in (deployed, refused, back, again)] == [0, 2, 0, 0]
    assert load.failed == {}
    assert load.total >= MANY
    records = [ended.record for ended in (deployed, refused, back, again) if ended.record]
    assert [record["availability"]["failed"] for record in records] == [0, 0, 0, 0]
    assert [record["verdict"] for record in records[:3]] == ["good", "refused", "rolled_back"]


def test_second_run_changes_nothing(place: Place) -> None:
    live = place.live()
    assert place.deploy(live).code == 0
    seen = place.tree()

    ended = place.deploy(live)

    assert ended.code == 0, ended.output
    assert ended.record is not None
    assert ended.record["verdict"] == "unchanged"
    assert place.tree() == seen


def test_check_changes_nothing_and_starts_nothing(place: Place) -> None:
    seen, processes = place.tree(), place.processes()

    ended = place.deploy(OTHER[place.live()], arguments=["--check", "--diff"])

    assert ended.code == 0, ended.output
    assert ended.record is None
    assert (place.tree(), place.processes(), place.lock()) == (seen, processes, "")


def test_mistakes_in_the_file_are_told_before_anything_is_done(place: Place) -> None:
    seen = place.tree()

    ended = place.deploy("one", app_proceses=[], app_processes=[{"name": "web", "script": "index.js"}])

    assert ended.code == 2
    assert "app_proceses: there is no such field" in " ".join(ended.output.split())
    assert place.tree() == seen


def test_group_that_nobody_knows_is_no_success(place: Place) -> None:
    ended = place.deploy("one", app_hosts="nowhere")

    assert ended.code == 2
    assert "the inventory has no such host or group: nowhere" in ended.output


def test_no_secret_is_shown_or_written_down(place: Place) -> None:
    other = OTHER[place.live()]

    # It looks for the canaries in all that is shown.
    ended = place.deploy(other, arguments=["-vvvv", "--diff"])

    assert ended.code == 0, ended.output[-3000:]
    assert "Have it pass its gate" in ended.output
    for file in (place.folder / "records").rglob("*.*"):
        assert CANARY not in file.read_text(), file
