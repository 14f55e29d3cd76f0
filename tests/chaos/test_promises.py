# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the README promises of a deployment, with clients that ask all the time."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

from tests.chaos.place import APP_ROOT, CANARY, OTHER, SCENARIO, Place
from tests.integration.machine import ROOT

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


def test_way_back_leads_through_the_gate_only_where_the_release_before_does_not_run_any_more(place: Place) -> None:
    first = place.live()
    titles = []
    for has_ended in (False, True):
        assert place.deploy(OTHER[first]).code == 0
        if has_ended:
            slot = next(slot for slot in ("blue", "green") if slot != place.group())
            place.host.run(
                *("runuser", "-u", "faceshot", "--", "env", f"PM2_HOME={APP_ROOT}/.pm2", "pm2", "delete"),
                f"faceshot-chopshop-{slot}",
            )
        back = place.roll_back()
        assert back.code == 0, back.output
        assert place.live() == first
        titles.append([suite["title"] for suite in (back.record or {})["suites"]])

    assert titles == [["As the world sees it"], ["The gate", "As the world sees it"]]


def test_what_fails_where_there_is_nothing_to_do_stops_nothing(place: Place) -> None:
    seen = place.processes()
    assert len(seen) > 1

    ended = place.deploy(place.live(), app_checks=[{"http": "/nowhere"}])

    assert ended.code == 2
    assert (ended.record or {})["verdict"] == "failed"
    assert place.processes() == seen


def test_database_goes_back_only_when_asked_and_when_what_is_lost_may_be(place: Place) -> None:
    # From version 1 with its schema, so that there is something to migrate.
    place.deploy("one")
    if place.sql("SELECT version FROM schema_migrations WHERE version = '002'"):
        place.sql("DROP TABLE job_feedback")
        place.sql("ALTER TABLE jobs DROP COLUMN rating")
        place.sql("DELETE FROM schema_migrations WHERE version = '002'")
    deployed = place.deploy("two")
    assert deployed.code == 0, deployed.output
    live = place.current()
    count = "SELECT count(*) FROM error_logs"
    before = int(place.sql(count))
    place.sql("INSERT INTO error_logs (severity, message) VALUES ('low', 'since')")
    both = {"deployment_scope": "both", "deployment_backup": (deployed.record or {})["snapshot"]["id"]}

    refused = place.roll_back(**both)
    assert refused.code == 2
    told = (refused.record or {})["sentence"]
    assert "lose rows that were written or changed since the backup: " in told
    assert "1 of error_logs" in told
    assert (refused.record or {})["availability"]["failed"] == 0

    # The checks have A2E asked, which is written down.
    may = {"deployment_loss_budget": {"error_logs": 1, "a2e_api_calls": "unlimited"}}
    unfit = place.roll_back(app_gate=[{"http": "/nowhere"}], **both, **may)
    assert ((unfit.record or {})["verdict"], (unfit.record or {})["warnings"]) == ("refused", [])
    assert (place.live(), place.current(), int(place.sql(count))) == ("two", live, before + 1)

    back = place.roll_back(**both, **may)
    assert back.code == 0, back.output
    assert "error_logs: 1" in back.output
    assert (place.live(), int(place.sql(count))) == ("one", before)
    assert place.sql("SELECT count(*) FROM sqlite_master WHERE name = 'job_feedback'") == "0"

    place.sql("INSERT INTO error_logs (severity, message) VALUES ('low', 'again')")
    database = {**both, "deployment_scope": "database"}
    alone = place.roll_back(**database, **may)
    assert alone.code == 0, alone.output
    assert (place.live(), int(place.sql(count))) == ("one", before)
    assert place.lock() == ""


def test_second_run_changes_nothing(place: Place) -> None:
    live = place.live()
    assert place.deploy(live).code == 0
    seen = place.tree()

    ended = place.deploy(live)

    assert ended.code == 0, ended.output
    assert ended.record is not None
    assert ended.record["verdict"] == "unchanged"
    assert place.tree() == seen


def test_another_environment_is_another_release_and_loses_no_request(place: Place) -> None:
    live, before = place.live(), place.current()
    site = yaml.safe_load((SCENARIO / "vars" / "site.yml").read_text())
    values = {**site["app_environment_values"], "COST_PER_CREDIT": "0.02"}

    with place.load() as load:
        changed = place.deploy(live, app_environment_values=values)

    assert changed.code == 0, changed.output
    assert load.failed == {}
    assert (changed.record or {})["configuration"]["changed"] == ["COST_PER_CREDIT"]
    assert place.current() != before
    assert place.deploy(live).code == 0


def test_people_are_told_what_changed_and_what_it_came_to(place: Place) -> None:
    told: list[dict[str, Any]] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *told: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ended = place.deploy(
            OTHER[place.live()],
            app_build=[{"run": "exit 3"}],
            app_notify={
                "webhooks": [
                    {"url": f"http://127.0.0.1:{server.server_port}/canary-of-the-address"},
                    {"url": "http://127.0.0.1:9/nobody"},
                ]
            },
            app_changes=["Jobs can be rated"],
            app_how_to_use=["Press the star beside a job"],
        )
        server.shutdown()

    assert ended.code == 2
    [message] = told
    text = json.dumps(message, ensure_ascii=False)
    for part in ("faceshot: Refused", "exit code 3", "Jobs can be rated", "Press the star", "Failed requests: 0 of"):
        assert part in text, (part, text)


def test_status_tells_whether_it_is_well(place: Place) -> None:
    assert place.play(ROOT / "playbooks" / "backup.yml").code == 0
    live, release, told = place.live(), place.current(), place.folder / "status.json"
    status = ROOT / "playbooks" / "status.yml"

    well = place.play(status, deployment_status_file=str(told))
    place.host.run("runuser", "-u", "faceshot", "--", "env", f"PM2_HOME={APP_ROOT}/.pm2", "pm2", "stop", "all")
    ill = place.play(status)
    put_right = place.deploy(live)

    assert well.code == 0, well.output
    assert json.loads(told.read_text())[0]["is_well"]
    assert "drift       none" in well.output
    assert f"live        {release}" in well.output
    assert "verified by restore" in well.output
    assert ill.code == 2
    assert "does not run." in ill.output
    assert "processes: these would be started: faceshot-chopshop" in ill.output
    assert put_right.code == 0, put_right.output
    assert place.play(status).code == 0


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
