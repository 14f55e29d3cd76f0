# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_lock import Host, Request, keep_lock
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    FileError,
    HttpError,
    InvalidInput,
    LockHeld,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._machine import machine_of
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses

ANN = {"who": "ann", "controller": "ops1", "machine": "m1", "pid": 11, "began": "900", "job": None}
BOB = {"who": "bob", "controller": "ops2", "machine": "m2", "pid": 22, "began": "901", "job": "77"}


@dataclass
class Place:
    """A root of an application, and a clock that stands still until it is moved."""

    root: Path
    now: datetime = datetime(2026, 11, 22, 7, 15, tzinfo=timezone.utc)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, *, check: bool = False, **asked: Any) -> dict[str, Any]:
        host = Host(
            files=HostFiles(),
            locks=HostLocks(),
            paths=HostPaths(),
            now=lambda: self.now,
            random=lambda size: next(self.numbers).to_bytes(size, "big"),
            network=HostNetwork(),
            processes=HostProcesses(),
            machine=machine_of,
        )
        result = keep_lock(Request(root=str(self.root), **asked), host, check_mode=check)
        return {"changed": result.changed, **result.data}

    def take(self, owner: dict[str, Any] | None = None, **asked: Any) -> dict[str, Any]:
        return self.call(state="held", owner=owner or ANN, **asked)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def lines(self) -> list[dict[str, Any]]:
        path = self.root / "deployments.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    @property
    def seen(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.root.iterdir()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_tells_how_much_of_a_machine_the_host_is(place: Place) -> None:
    told = place.call()["machine"]
    described = Path("/proc/meminfo").read_text().split()
    assert told["cores"] == len(os.sched_getaffinity(0))
    assert abs(told["memory_mb"] - int(described[1]) // 1024) <= 1
    assert 0 < told["free_mb"] <= shutil.disk_usage(place.root).total // 1024**2


def test_a_deployment_takes_the_lock_says_what_it_does_and_gives_it_back(place: Place) -> None:
    taken = place.take(phase="preflight", note="main at 9f86d08")
    assert taken["changed"]
    assert taken["deployment"] == "20261122T071500Z-0000"
    assert taken["holder"] == {
        "deployment": "20261122T071500Z-0000",
        "owner": ANN,
        "since": "2026-11-22T07:15:00Z",
        "heard": "2026-11-22T07:15:00Z",
        "until": "2026-11-22T07:30:00Z",
        "phase": "preflight",
        "is_dead": False,
    }
    assert taken["took_over"] is None
    assert taken["unfinished"] is None

    place.wait(60)
    kept = place.call(state="held", deployment=taken["deployment"], phase="build", silent_for=3600)
    assert kept["changed"]
    assert kept["deployment"] == taken["deployment"]
    assert kept["holder"]["since"] == "2026-11-22T07:15:00Z"
    assert kept["holder"]["heard"] == "2026-11-22T07:16:00Z"
    assert kept["holder"]["until"] == "2026-11-22T08:16:00Z"
    assert kept["holder"]["phase"] == "build"

    place.wait(60)
    freed = place.call(state="free", deployment=taken["deployment"], verdict="refused by the gate", note="see the log")
    assert freed["changed"]
    assert freed["holder"] is None
    deployment = {"deployment": taken["deployment"]}
    by = "ann on ops1 (process 11)"
    begun = {"event": "begun", "phase": "preflight", "by": by, "note": "main at 9f86d08"}
    ended = {"event": "ended", "phase": "build", "verdict": "refused by the gate", "note": "see the log"}
    assert place.lines == [
        {"at": "2026-11-22T07:15:00Z", **deployment, **begun},
        {"at": "2026-11-22T07:16:00Z", **deployment, "event": "phase", "phase": "build"},
        {"at": "2026-11-22T07:17:00Z", **deployment, **ended},
    ]
    assert place.take(BOB)["deployment"] == "20261122T071700Z-0001"


def test_the_journal_tells_phases_and_notes_but_no_heartbeats(place: Place) -> None:
    ours = place.take(phase="build")["deployment"]
    place.call(state="held", deployment=ours)
    place.call(state="held", deployment=ours, phase="build")
    assert place.events == ["begun"]
    place.call(state="held", deployment=ours, note="half of it is done")
    assert place.events == ["begun", "phase"]
    assert place.lines[-1]["note"] == "half of it is done"


def test_nobody_else_gets_the_lock_of_a_deployment_that_lives(place: Place) -> None:
    taken = place.take(phase="build")
    place.wait(900)
    before = place.seen
    with pytest.raises(LockHeld) as caught:
        place.take(BOB)
    assert caught.value.message == (
        "ann on ops1 (process 11) deploys since 2026-11-22T07:15:00Z (20261122T071500Z-0000), in the phase build, "
        "was heard of 900 seconds ago, and counts as dead from 2026-11-22T07:30:00Z on: wait until it has ended. If "
        "you know that it is dead, set take_over to 20261122T071500Z-0000."
    )
    assert caught.value.details["holder"]["deployment"] == taken["deployment"]
    assert place.seen == before


def test_who_is_silent_for_longer_than_it_said_loses_the_lock(place: Place) -> None:
    dead = place.take(phase="build")["deployment"]
    place.wait(901)
    taken = place.take(BOB)
    assert taken["holder"]["owner"] == BOB
    assert taken["took_over"]["deployment"] == dead
    assert taken["unfinished"]["deployment"] == dead
    assert place.events == ["begun", "taken over", "begun"]
    assert place.lines[1] == {
        "at": "2026-11-22T07:30:01Z",
        "deployment": dead,
        "event": "taken over",
        "phase": "build",
        "by": "bob on ops2 (process 22, job 77)",
    }
    # What is not dead after all learns it at its next step, and touches nothing of the other's.
    before = place.seen
    for state in ("held", "free"):
        with pytest.raises(LockHeld) as caught:
            place.call(state=state, deployment=dead, owner=ANN)
        assert caught.value.message.startswith(
            f"The deployment {dead} does not hold the lock of {place.root} any more: bob on ops2 (process 22, job 77) "
            "deploys since 2026-11-22T07:30:01Z"
        )
        assert caught.value.message.endswith("Nothing more is done in its name; begin a new deployment.")
    assert place.seen == before


def test_who_was_silent_for_too_long_goes_on_if_nobody_wanted_the_lock(place: Place) -> None:
    ours = place.take()["deployment"]
    place.wait(5000)
    assert place.call(state="held", deployment=ours)["deployment"] == ours


def test_a_lock_is_taken_over_by_its_name_only(place: Place) -> None:
    living = place.take()["deployment"]
    with pytest.raises(LockHeld):
        place.take(BOB, take_over="20261122T071500Z-9999")
    assert place.take(BOB, take_over=living)["took_over"]["deployment"] == living


def test_a_deployment_that_gave_its_lock_back_does_nothing_more(place: Place) -> None:
    ours = place.take()["deployment"]
    place.call(state="free", deployment=ours)
    with pytest.raises(LockHeld, match="any more: it is free"):
        place.call(state="held", deployment=ours, owner=ANN)


def test_giving_back_twice_is_giving_back_once(place: Place) -> None:
    ours = place.take()["deployment"]
    place.call(state="free", deployment=ours)
    assert not place.call(state="free", deployment=ours)["changed"]
    assert place.events == ["begun", "ended"]


def test_check_mode_foretells_and_writes_nothing(place: Place) -> None:
    assert place.call(check=True, state="held", owner=ANN)["changed"]
    assert place.seen == {}
    place.take()
    before = place.seen
    with pytest.raises(LockHeld):
        place.call(check=True, state="held", owner=BOB)
    assert place.seen == before


def test_gathering_tells_all_and_changes_nothing(place: Place) -> None:
    told = place.call()
    assert told.pop("machine")
    assert told == {
        "changed": False,
        "deployment": None,
        "holder": None,
        "running": None,
        "took_over": None,
        "live": None,
        "live_since": None,
        "live_by": None,
        "attested": [],
        "chores": {},
        "good": [],
        "releases": {},
        "unfinished": None,
        "deployments": [],
        "slot": None,
    }
    ours = place.take(phase="watch")["deployment"]
    place.wait(901)
    before = place.seen
    told = place.call()
    assert not told["changed"]
    assert told["holder"]["is_dead"]
    assert told["took_over"] is None
    assert told["unfinished"]["deployment"] == ours
    assert place.seen == before


def test_what_somebody_confirms_is_kept_with_the_deployment_of_which_it_is_said(place: Place) -> None:
    ours = place.take(attested=["no blocker is open"])
    place.wait(60)
    assert ours["attested"] == [{"name": "no blocker is open", "who": "ann on ops1", "when": "2026-11-22T07:15:00Z"}]
    live = {"at": "2026-11-22T07:16:00Z", "deployment": ours["deployment"], "release": "r1", "state": "live"}
    with (place.root / "deployments.jsonl").open("a") as journal:
        journal.write(json.dumps(live) + "\n")
    place.call(state="free", deployment=ours["deployment"])

    told = place.call(attested=["it looks right"], owner=BOB, check=True)
    assert told["changed"]
    assert "it looks right" not in (place.root / "deployments.jsonl").read_text()
    told = place.call(attested=["it looks right"], owner=BOB)
    assert told["changed"]
    assert told["live_by"] == ours["deployment"]
    later = {"name": "it looks right", "who": "bob on ops2", "when": "2026-11-22T07:16:00Z"}
    assert told["attested"] == [*ours["attested"], later]
    assert place.call()["attested"] == told["attested"]
    # It is said of that one, and of none after it.
    assert place.take()["attested"] == []


def test_of_a_chore_is_kept_when_it_was_done_last(place: Place) -> None:
    first = place.call(chores=["the log is read", "the backup is restored"], owner=ANN)
    assert first["changed"]
    place.wait(86400)
    foretold = place.call(chores=["the log is read"], owner=BOB, check=True)
    assert place.call()["chores"] == first["chores"]

    again = place.call(chores=["the log is read"], owner=BOB)

    assert again["chores"] == {
        "the log is read": {"who": "bob on ops2", "when": "2026-11-23T07:15:00Z"},
        "the backup is restored": {"who": "ann on ops1", "when": "2026-11-22T07:15:00Z"},
    }
    assert foretold["chores"] == again["chores"]
    assert not place.call()["changed"]


def test_where_nothing_is_live_nothing_can_be_confirmed_of_it(place: Place) -> None:
    with pytest.raises(InvalidInput, match="there is no deployment of which that could be said"):
        place.call(attested=["it looks right"], owner=ANN)
    assert place.seen == {}


def test_the_last_deployments_are_told_with_how_they_ended(place: Place) -> None:
    for number in range(11):
        taken = place.take(phase="deploy")
        place.call(state="free", deployment=taken["deployment"], verdict=f"verdict {number}")
    dead = place.take(phase="rollback", silent_for=1)["deployment"]
    place.wait(2)
    place.take(owner=BOB, phase="deploy")

    told = place.call()["deployments"]

    assert len(told) == 10
    assert [each["verdict"] for each in told[:3]] == [None, "died in the phase rollback", "verdict 10"]
    assert told[1] == {
        "deployment": dead,
        "what": "rollback",
        "by": "ann on ops1 (process 11)",
        "began": "2026-11-22T07:15:00Z",
        "ended": "2026-11-22T07:15:02Z",
        "verdict": "died in the phase rollback",
    }


def test_the_journal_also_tells_of_releases(place: Place) -> None:
    states = [("one", "good"), ("two", "live"), ("two", "bad"), ("one", "live"), ("three", "building")]
    lines = [json.dumps({"at": str(at), "release": name, "state": state}) for at, (name, state) in enumerate(states)]
    # A crash has cut off one line, and the next is whole all the same.
    (place.root / "deployments.jsonl").write_text("\n".join([*lines, '{"at": "x", "release": "four", "sta']))
    told = place.take()
    assert (told["live"], told["live_since"]) == ("one", "3")
    assert told["good"] == ["one"]
    assert told["releases"] == {"two": "bad", "one": "live", "three": "building"}
    assert place.call()["unfinished"]["event"] == "begun"


@pytest.mark.parametrize("content", ["[]", "{}", "no JSON", '{"owner": {}}', '{"owner": 1}'])
def test_a_lock_that_nobody_understands_is_nobodys_to_take(place: Place, content: str) -> None:
    (place.root / "deployment.lock").write_text(content)
    with pytest.raises(FileError, match="is not understood, so that it is not known who deploys: look, and remove it"):
        place.take()


def test_a_lock_with_a_moment_that_is_none_is_nobodys_to_take(place: Place) -> None:
    place.take()
    path = place.root / "deployment.lock"
    path.write_text(path.read_text().replace("2026-11-22T07:30:00Z", "soon"))
    with pytest.raises(FileError, match="is not understood"):
        place.take()


def test_a_root_that_is_not_there_is_told(place: Place) -> None:
    place.root /= "nowhere"
    with pytest.raises(FileError, match="nowhere is no directory: create the application's root first"):
        place.take()


def test_of_many_at_once_one_gets_the_lock(place: Place) -> None:
    won: list[str] = []

    def take() -> None:
        with contextlib.suppress(LockHeld):
            won.append(place.take()["deployment"])

    threads = [threading.Thread(target=take) for _number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert place.events == ["begun"]


def test_what_is_told_can_be_read_by_others(place: Place) -> None:
    place.take()
    assert {path.stat().st_mode & 0o777 for path in place.root.iterdir()} == {0o644}


@contextlib.contextmanager
def status_server(answers: str) -> Iterator[int]:
    """What nginx tells of the application shop, and of no other."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = (self.headers["Host"], self.path) == ("traffic.shop", "/traffic")
            self.send_response(200 if is_known else 404)
            self.end_headers()
            self.wfile.write(answers.encode() if is_known else b"no such server")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_nginx_tells_which_slot_has_the_requests(place: Place) -> None:
    with status_server('{"group": "green", "maintenance": "off"}') as port:
        assert place.take(traffic="shop", status_port=port)["slot"] == "green"
        assert place.call()["slot"] is None


def test_of_each_slot_it_tells_which_releases_run_there(place: Place) -> None:
    marked = [
        ("shop/blue/web", "/srv/shop/releases/r1"),
        ("shop/blue/worker", "/srv/shop/releases/r1"),
        ("shop/green/web", "/srv/shop/releases/r2"),
        ("shop/green/worker", "/srv/shop/releases/r3"),
        ("shopping/blue/web", "/srv/shopping/releases/r4"),
    ]
    with contextlib.ExitStack() as living, status_server('{"group": "green", "maintenance": "off"}') as port:
        for process, release in marked:
            living.enter_context(idle({"SHIPSHAPE_PROCESS": process, "SHIPSHAPE_RELEASE": release}))
        living.enter_context(idle({"SHIPSHAPE_PROCESS": "shop/green/other"}))
        told = place.take(traffic="shop", status_port=port)

    assert told["running"] == {"blue": ["r1"], "green": ["r2", "r3"]}
    assert place.call()["running"] is None


@contextlib.contextmanager
def idle(environment: dict[str, str]) -> Iterator[None]:
    """A process that waits, with this environment from its beginning."""
    process = subprocess.Popen(["/bin/cat"], env=environment, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.communicate()


def test_without_an_answer_of_nginx_nothing_begins(place: Place) -> None:
    with status_server("no JSON") as port:
        for name in ("shop", "other"):
            with pytest.raises(FileError, match=rf"nginx does not tell where the traffic of {name} goes, but answers"):
                place.take(traffic=name, status_port=port)
    with pytest.raises(HttpError, match=r"nginx does not tell where the traffic of shop goes: start it, or deploy"):
        place.take(traffic="shop", status_port=port)
    assert place.seen == {}
