# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    Interrupted,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.plan import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.usecase import ensure_sites
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Process
from tests.unit.nginx.fake_nginx import HUP, Nginx


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    return Nginx(tmp_path)


def ensure(nginx: Nginx, text: str | None = "v1", *, check: bool = False, **options: Any) -> Result:
    request = Request(
        **{
            "name": "one",
            "files": {} if text is None else {"site.conf": text},
            "main": None,
            "is_wanted": text is not None,
            "directory": str(nginx.directory),
            "program": "nginx",
            "status_port": 8099,
            "gixy": False,
            "timeout": 10,
            **options,
        }
    )
    return ensure_sites(request, world=nginx.world(), check_mode=check)


def refused(nginx: Nginx, text: str | None = "v2", **options: Any) -> ShipshapeError:
    with pytest.raises(ShipshapeError) as caught:
        ensure(nginx, text, **options)
    return caught.value


def seen(nginx: Nginx) -> dict[str, Any]:
    return {
        str(path.relative_to(nginx.room)): (
            oct(path.lstat().st_mode),
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(nginx.room.rglob("*"))
        if path not in (nginx.log, nginx.room / "nginx.pid")
    }


def read(nginx: Nginx) -> str:
    return (nginx.directory / "applications/one/site.conf").read_text(encoding="utf-8")


def hups(nginx: Nginx) -> int:
    return [number for _pid, number in nginx.signals].count(HUP)


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize("text", ["v1", "v2", None])
def test_check_mode_foretells_what_a_run_does(nginx: Nginx, text: str | None, is_running: bool) -> None:
    ensure(nginx.start() if is_running else nginx)
    before, signals = seen(nginx), hups(nginx)

    foretold = ensure(nginx, text, check=True)
    assert (seen(nginx), hups(nginx)) == (before, signals)
    done = ensure(nginx, text)

    assert foretold == done
    assert done.changed is (text != "v1")
    assert done.data["running"] is is_running
    assert hups(nginx) == signals + (done.changed and is_running)
    assert not ensure(nginx, text).changed


def test_run_that_changes_nothing_asks_once_and_starts_no_program(nginx: Nginx) -> None:
    ensure(nginx.start())
    nginx.commands.clear()

    assert not ensure(nginx).changed
    assert nginx.commands == []


def test_what_a_test_makes_goes_and_what_was_there_stays(nginx: Nginx) -> None:
    text = f"access_log {nginx.room}/new.log; access_log {nginx.room}/old.log; access_log {nginx.room}/none/x.log;"
    (nginx.room / "old.log").touch()
    (nginx.room / "none").mkdir()

    ensure(nginx, text, check=True)

    assert sorted(path.name for path in nginx.room.glob("**/*.log")) == ["error.log", "old.log"]


@pytest.mark.parametrize("is_running", [True, False])
def test_test_makes_no_pid_file(nginx: Nginx, is_running: bool) -> None:
    if is_running:
        nginx.start()
    ensure(nginx)
    [test] = [argv for argv in nginx.commands if "-T" in argv]
    assert "-g" not in test

    nginx.main.write_text("http { include applications/*/*.conf; }", encoding="utf-8")
    ensure(nginx, "v2")

    assert nginx.commands[-1][4:] == ("-g", f"pid {Path(nginx.commands[-1][3]).parent}/nginx.pid;")


def test_broken_file_is_refused_with_its_place(nginx: Nginx) -> None:
    ensure(nginx.start())
    before = seen(nginx)

    error = refused(nginx, "\nbroken;")

    path = f"{nginx.directory}/applications/one/site.conf"
    assert error.message == (
        f'one: nginx does not take it: 1 problem, nothing was changed. {path}:2: unknown directive "broken".'
    )
    assert error.details == {
        "problems": [{"severity": "emerg", "message": 'unknown directive "broken"', "file": path, "line": 2}],
        "restored": False,
    }
    assert (seen(nginx), hups(nginx)) == (before, 1)


@pytest.mark.parametrize("text", ["v2", "broken;"])
def test_file_that_somebody_else_broke_is_told(nginx: Nginx, text: str) -> None:
    ensure(nginx.start(), name="two")
    other = nginx.directory / "applications/two/site.conf"
    other.write_text("broken;", encoding="utf-8")

    assert f"was broken already by {other}:1, not by one: " in refused(nginx, text, name="one").message


def test_own_broken_file_is_put_right(nginx: Nginx) -> None:
    ensure(nginx.start())
    (nginx.directory / "applications/one/site.conf").write_text("broken;", encoding="utf-8")

    assert "nginx does not take it" in refused(nginx, "broken;").message
    assert ensure(nginx).changed
    assert read(nginx) == "v1"


def test_main_file_can_put_right_what_somebody_else_broke(nginx: Nginx) -> None:
    (nginx.directory / "other.conf").write_text("broken;", encoding="utf-8")
    main = nginx.main.read_text(encoding="utf-8")
    nginx.main.write_text(f"{main} include other.conf;", encoding="utf-8")
    nginx.warnings = "nginx: [warn] something in /f:1\n"

    assert ensure(nginx, main=main).warnings == ["/f:1: something"]
    assert "nginx.conf:1: unknown directive" in refused(nginx, main=f"{main} broken;").message


def test_name_of_another_server_is_refused_and_a_warning_told(nginx: Nginx) -> None:
    nginx.start()
    nginx.warnings = "nginx: [warn] something in /f:1\n"
    assert ensure(nginx, check=True).warnings == []

    ensure(nginx, "v1")
    files = {"site.conf": "server_name a;"}
    nginx.warnings = 'nginx: [warn] conflicting server name "a" on 0.0.0.0:80, ignored\n'

    assert "site.conf:1: conflicting server name" in refused(nginx, files=files).message


def test_files_that_nginx_does_not_read_are_refused(nginx: Nginx) -> None:
    nginx.start().main.write_text(f"pid {nginx.room}/nginx.pid; http {{ }}", encoding="utf-8")
    before = seen(nginx)

    assert "add the line `include applications/*/*.conf;` to the http block" in refused(nginx).message
    assert seen(nginx) == before


def test_link_that_leads_elsewhere_is_refused(nginx: Nginx) -> None:
    (nginx.directory / "applications").mkdir()
    (nginx.directory / "applications/one").symlink_to("/srv")

    assert "leads to /srv and so was not made by this collection" in refused(nginx).message


@pytest.mark.parametrize("program", ["nginx", "gixy"])
def test_program_that_is_missing_is_told(nginx: Nginx, program: str) -> None:
    nginx.missing = (program,)

    assert f"{program} is not installed" in refused(nginx, gixy=True).message


def test_gixy_refuses_findings_in_own_files_and_warns_of_others(nginx: Nginx) -> None:
    finding = {"severity": "HIGH", "summary": "S", "plugin": "p", "reason": "r", "line": 1}
    nginx.findings = json.dumps([{**finding, "file": "STAGE/nginx.conf"}])
    assert ensure(nginx, gixy=True).warnings == [f"{nginx.main}:1: S (p): r"]

    for own in ({"file": "STAGE/applications/one/site.conf"}, {}):
        nginx.findings = json.dumps([{**finding, **own}])
        assert "gixy finds what an attacker could use: 1 problem" in refused(nginx, gixy=True).message

    nginx.findings = "Traceback"
    with pytest.raises(CommandError, match="gixy could not examine the configuration: trouble"):
        ensure(nginx, "v2", gixy=True)
    assert ensure(nginx, "v2").warnings == []


@pytest.mark.parametrize(
    ("manner", "told", "waits", "reloads"),
    [
        ("goes on|bind() to [::]:81 failed|still could not bind()", "site.conf:1: bind() to [::]:81 failed. E", 0, 1),
        ('goes on|open() "/x" failed', 'nginx does not take it: open() "/x" failed', 0, 1),
        ("leaves an old worker|open() failed", "nginx does not take it: open() failed", 0, 2),
        ("goes on|bind() to [::]:81 failed", "site.conf:1: bind() to [::]:81 failed", 1, 2),
        ("goes on", "did not answer with new workers alone on 127.0.0.1:8099 within 10 s", 1, 2),
        ("leaves an old worker", "did not answer with new workers alone", 1, 2),
        ("forgets the files", "did not answer with new workers alone", 1, 2),
    ],
)
def test_files_that_nginx_does_not_take_are_taken_back(
    nginx: Nginx, manner: str, told: str, waits: int, reloads: int
) -> None:
    ensure(nginx.start())
    before, workers = seen(nginx), nginx.workers()
    nginx.signals.clear()
    nginx.manners = [manner, "takes"]
    nginx.log.write_text("2026/11/21 23:09:27 [emerg] 41#0: of an earlier reload\n", encoding="utf-8")

    error = refused(nginx, "listen [::]:81;")

    assert told in error.message
    assert error.message.endswith("Everything is as it was before.")
    assert error.details["restored"] is True
    assert (seen(nginx), hups(nginx)) == (before, reloads)
    # One that gives up is not waited for.
    assert (nginx.seconds > 10) is bool(waits)
    assert (nginx.workers() == workers) is (reloads == 1)
    assert not ensure(nginx).changed


def test_log_that_is_new_is_read_from_its_beginning(nginx: Nginx) -> None:
    ensure(nginx.start())
    nginx.manners = ["goes on", "takes"]
    new = nginx.room / "new.log"

    assert "within 10 s" in refused(nginx, f"error_log {new};").message

    nginx.log, nginx.manners = new, ["goes on|open() failed", "takes"]
    assert "nginx does not take it: open() failed" in refused(nginx, f"error_log {new};").message


def test_first_application_is_taken_back_without_a_trace(nginx: Nginx) -> None:
    nginx.start().manners = ["goes on", "takes"]
    before = seen(nginx)

    assert refused(nginx, main="http { include applications/*/*.conf; }").details["restored"] is True

    assert seen(nginx) == before


def test_way_back_that_fails_is_told(nginx: Nginx) -> None:
    ensure(nginx.start())
    before = seen(nginx)
    nginx.manners = ["goes on"]

    error = refused(nginx)

    assert "The way back failed too: nginx did not answer" in error.message
    assert "within 30 s" in error.message
    assert error.details["restored"] is False
    assert seen(nginx) == before


def test_way_back_is_not_taken_for_gone_while_nginx_answers_otherwise(nginx: Nginx) -> None:
    ensure(nginx.start())
    nginx.manners = ["leaves an old worker", "forgets the files"]

    assert refused(nginx).details["restored"] is False


def test_wrong_request_is_refused_before_anything_is_looked_at(nginx: Nginx) -> None:
    assert "name may have" in refused(nginx, name="a/b").message
    assert nginx.held == []


def test_two_runs_never_work_at_once(nginx: Nginx) -> None:
    ensure(nginx, check=True)

    assert nginx.held == [(str(nginx.directory), 60)]


@pytest.mark.parametrize(("unit", "is_main"), [("nginx.service", True), ("cron.service", False), (None, False)])
def test_nginx_that_dies_is_brought_back_with_the_old_files(nginx: Nginx, unit: str | None, is_main: bool) -> None:
    nginx.unit, nginx.is_main = unit, is_main
    ensure(nginx.start())
    nginx.processes[7] = Process(7, "7", 1, "/usr/sbin/nginx", "nginx: worker process")
    nginx.processes[8] = Process(8, "9999", 1, "/usr/bin/other", "nginx: worker process")
    nginx.processes[9] = Process(9, "9999", 10, "/usr/sbin/nginx", "nginx: worker process")
    nginx.processes[10] = Process(10, "9998", 1, "/usr/sbin/nginx", "nginx: master process nginx")
    nginx.processes[43] = replace(nginx.processes[43], program="")
    others = {pid: nginx.processes[pid] for pid in (7, 8, 9, 10)}
    before, orphans = seen(nginx), {*nginx.workers(), *nginx.processes} - {*others, 41}
    nginx.manners = ["dies", "takes"]

    error = refused(nginx)

    assert "nginx died while it was reading its configuration. Everything is as it was before." in error.message
    assert seen(nginx) == before
    start = ("systemctl", "restart", unit) if is_main else ("nginx", "-c", str(nginx.main))
    assert nginx.commands[-1] == start
    assert {pid for pid, number in nginx.signals if number != HUP} == orphans
    assert {pid: nginx.processes[pid] for pid in others} == others


def test_nginx_of_before_that_left_by_itself_is_brought_back(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(nginx.start())
    before = seen(nginx)

    def gone(process: Process, number: int) -> bool:
        nginx.processes.clear()
        return False

    monkeypatch.setattr(nginx, "receive", gone)

    assert "nginx has died." in refused(nginx).message
    assert (seen(nginx), len(nginx.workers())) == (before, 2)


@pytest.mark.parametrize("error", [Interrupted("Stopped by SIGTERM."), KeyboardInterrupt()])
def test_interrupted_run_takes_everything_back(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    ensure(nginx.start())
    before, receive = seen(nginx), nginx.receive

    def interrupt(process: Process, number: int) -> bool:
        monkeypatch.setattr(nginx, "receive", receive)
        receive(process, number)
        raise error

    monkeypatch.setattr(nginx, "receive", interrupt)
    with pytest.raises(type(error)):
        ensure(nginx, "v2")

    assert seen(nginx) == before
    assert not ensure(nginx).changed


def test_file_that_cannot_be_written_leaves_all_as_it_was(nginx: Nginx) -> None:
    ensure(nginx.start())
    before = seen(nginx)

    class FullDisk(HostTrees):
        def point(self, path: str, target: str) -> None:
            raise FileError(f"{path} cannot be written. No space is left.")

    nginx.trees = FullDisk()
    error = refused(nginx)

    assert error.message.endswith("No space is left. Everything is as it was before.")
    assert (error.details["restored"], error.details["problems"]) == (True, [])
    assert (seen(nginx), hups(nginx)) == (before, 1)


def test_run_that_was_killed_before_the_reload_can_still_be_taken_back(nginx: Nginx) -> None:
    ensure(nginx.start())
    nginx.manners = ["goes on"]
    applications = nginx.directory / "applications"
    first = (applications / "one").readlink()
    refused(nginx)
    # As it is after SIGKILL between the exchange and the reload.
    (applications / ".one.0123456789ab").mkdir()
    (applications / "one").unlink()
    (applications / "one").symlink_to(".one.0123456789ab")
    nginx.manners = ["goes on|open() failed", "takes"]

    assert refused(nginx).details["restored"] is True

    assert (applications / "one").readlink() == first
    nginx.manners = ["takes"]
    ensure(nginx, "v2")
    assert sorted(path.name for path in applications.iterdir())[1:] == ["one"]


def test_main_file_is_exchanged_and_the_first_one_kept(nginx: Nginx) -> None:
    original = nginx.start().main.read_text(encoding="utf-8")
    nginx.main.chmod(0o640)

    for number in range(2):
        result = ensure(nginx, None, name="main", is_wanted=True, main=f"{original} # {number}")
        assert "nginx.conf" in result.data["files"]["changed"]

    assert nginx.main.read_text(encoding="utf-8") == f"{original} # 1"
    assert stat.S_IMODE(nginx.main.stat().st_mode) == 0o640
    assert (nginx.directory / "nginx.conf.original").read_text(encoding="utf-8") == original


@pytest.mark.parametrize("pid_file", ["", "1\n", "x", "43\n", None])
def test_master_is_found_by_its_log_where_its_own_file_does_not_tell(nginx: Nginx, pid_file: str | None) -> None:
    nginx.processes[7] = Process(7, "7", 1, "/usr/bin/tail", "tail -f error.log")
    path = nginx.start().room / "nginx.pid"
    if pid_file is None:
        path.unlink()
    else:
        path.write_text(pid_file, encoding="utf-8")

    assert ensure(nginx).data["reloaded"] is True
    assert nginx.signals[0][0] == 41


def test_file_of_the_program_itself_tells_the_master(nginx: Nginx) -> None:
    nginx.start().main.write_text("http { include applications/*/*.conf; } error_log stderr;", encoding="utf-8")

    assert ensure(nginx).data["reloaded"] is True
