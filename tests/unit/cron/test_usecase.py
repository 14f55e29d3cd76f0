# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._cron.usecase import ensure_jobs
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access
from tests.unit.cron.fake_host import FakeHost
from tests.unit.cron.options import job

PROGRAM = "/usr/local/lib/shipshape/job"
CRON = "/etc/cron.d"
DEFINITIONS = "/etc/shipshape/jobs"
METRICS = "/var/lib/shipshape/metrics"


@pytest.fixture
def fake() -> FakeHost:
    return FakeHost()


def ensure(fake: FakeHost, *jobs: dict[str, Any], program: str = "program", check: bool = False) -> Result:
    fake.acts, fake.locked = [], []
    return ensure_jobs(jobs, program.encode(), fake.host(), check_mode=check)


def gone(name: str) -> dict[str, Any]:
    return job(name=name, state="absent", at=None, run=None)


def test_job_comes_with_all_that_it_needs_before_cron_can_start_it(fake: FakeHost) -> None:
    result = ensure(fake, job(name="a"))
    assert result.changed
    assert fake.acts == [f"write {PROGRAM}", f"write {DEFINITIONS}/a.json", f"write {CRON}/a"]
    assert {path: state.access for path, state in fake.files.items()} == {
        PROGRAM: Access("root", "root", 0o755),
        f"{DEFINITIONS}/a.json": Access("root", "root", 0o600),
        f"{CRON}/a": Access("root", "root", 0o644),
    }
    assert fake.folders == {"/etc/shipshape": 0o755, DEFINITIONS: 0o700, "/usr/local/lib/shipshape": 0o755}
    assert result.data == {"jobs": [{"name": "a", "state": "present", "changed": True}]}
    assert result.warnings == []


def test_second_run_changes_nothing(fake: FakeHost) -> None:
    ensure(fake, job(name="a"), gone("b"))
    again = ensure(fake, job(name="a"), gone("b"))
    assert (again.changed, fake.acts, again.diffs) == (False, [], [])
    assert [found["changed"] for found in again.data["jobs"]] == [False, False]


@pytest.mark.parametrize("check", [False, True])
def test_job_goes_with_what_is_known_of_it_after_cron_cannot_start_it_any_more(fake: FakeHost, check: bool) -> None:
    ensure(fake, job(name="a"), job(name="b"))
    fake.put(f"{METRICS}/job_a.prom", "metrics")
    before = dict(fake.files)
    result = ensure(fake, gone("a"), job(name="b"), check=check)
    assert result.changed
    assert [(found["name"], found["changed"]) for found in result.data["jobs"]] == [("a", True), ("b", False)]
    if check:
        assert fake.files == before
    else:
        assert fake.acts == [
            f"remove {CRON}/a",
            f"remove {DEFINITIONS}/a.json",
            f"remove {METRICS}/job_a.prom",
        ]
        assert sorted(fake.files) == [f"{CRON}/b", f"{DEFINITIONS}/b.json", PROGRAM]


def test_program_is_not_installed_for_what_goes(fake: FakeHost) -> None:
    assert not ensure(fake, gone("a")).changed


def test_check_mode_foretells_exactly(fake: FakeHost) -> None:
    ensure(fake, job(name="a", at="@daily"), job(name="b"), program="old")
    fake.files[f"{CRON}/b"] = fake.files[f"{CRON}/a"]
    wanted = [job(name="a", at="@hourly"), job(name="b"), job(name="c", run="echo"), gone("d")]
    foretold, before = ensure(fake, *wanted, check=True), dict(fake.files)
    assert fake.acts == []
    really = ensure(fake, *wanted)
    assert foretold == really
    assert fake.files != before


def test_diff_shows_files_with_their_access_and_the_program_by_its_digest(fake: FakeHost) -> None:
    ensure(fake, job(name="a", at="@daily"), program="one")
    fake.put(f"{CRON}/a", fake.files[f"{CRON}/a"].content.decode(), mode=0o666)
    program, definition, line = ensure(fake, job(name="a", at="@hourly"), program="two").diffs
    assert program.before == "# owner: root\n# group: root\n# mode: 0755\nthe program that runs jobs, 7692c3ad3540\n"
    assert program.after == "# owner: root\n# group: root\n# mode: 0755\nthe program that runs jobs, 3fc4ccfe7458\n"
    assert '  "at": "0 0 * * *",\n' in definition.before
    assert '  "at": "0 * * * *",\n' in definition.after
    assert line.before.startswith("# owner: root\n# group: root\n# mode: 0666\n# Ansible:")
    assert line.after.startswith("# owner: root\n# group: root\n# mode: 0644\n# Ansible:")
    assert line.path == f"{CRON}/a"
    removed = ensure(fake, gone("a")).diffs
    assert [diff.after for diff in removed] == ["", ""]
    assert [diff.before for diff in ensure(fake, job(name="a"), program="two").diffs] == ["", ""]


def test_file_that_is_open_to_others_is_closed(fake: FakeHost) -> None:
    ensure(fake, job(name="a"))
    state = fake.files[f"{DEFINITIONS}/a.json"]
    fake.put(f"{DEFINITIONS}/a.json", state.content.decode(), mode=0o644)
    assert ensure(fake, job(name="a")).changed
    assert fake.files[f"{DEFINITIONS}/a.json"] == state


def test_file_of_somebody_else_is_never_touched(fake: FakeHost) -> None:
    fake.put(f"{CRON}/theirs", "* * * * * root theirs\n")
    before = dict(fake.files)
    for check in (True, False):
        with pytest.raises(InvalidInput) as caught:
            ensure(fake, job(name="a"), job(name="theirs"), check=check)
        assert caught.value.details["problems"] == [
            f"{CRON}/theirs was not written by this module: move it away, or name the job otherwise."
        ]
    result = ensure(fake, gone("theirs"))
    assert (result.changed, result.warnings) == (False, [f"{CRON}/theirs is not this module's and stays."])
    assert fake.files == before


def test_what_a_check_may_come_before_is_refused_by_a_real_run_alone(fake: FakeHost) -> None:
    fake.has_cron = False
    jobs = [job(name="a", user="later"), job(name="b", user="holibot"), job(name="c", user="later"), gone("d")]
    missing = [
        "There is no /etc/cron.d on this host: install cron first.",
        "There is no user later on this host: create it first.",
    ]
    assert ensure(fake, *jobs, check=True).warnings == missing
    with pytest.raises(InvalidInput) as caught:
        ensure(fake, *jobs)
    assert caught.value.details["problems"] == missing
    assert fake.files == {}


def test_bad_option_changes_nothing(fake: FakeHost) -> None:
    with pytest.raises(InvalidInput):
        ensure(fake, job(name="a"), job(name="b", at="0 0 30 2 *"))
    assert (fake.files, fake.folders) == ({}, {})


@pytest.mark.parametrize("failing", range(1, 8))
def test_failure_leaves_all_jobs_as_they_were(fake: FakeHost, failing: int) -> None:
    ensure(fake, job(name="a"), job(name="b"), program="old")
    fake.put(f"{METRICS}/job_b.prom", "metrics")
    before, fake.failing = dict(fake.files), failing
    with pytest.raises(ShipshapeError) as caught:
        ensure(fake, job(name="a", at="@hourly"), gone("b"), job(name="c"), program="new")
    assert fake.files == before
    assert caught.value.message.endswith(" cannot be written. All jobs are as they were before.")


def test_failure_of_the_way_back_is_told(fake: FakeHost) -> None:
    ensure(fake, job(name="a"))
    fake.failing, fake.fails_on = 2, True
    with pytest.raises(ShipshapeError) as caught:
        ensure(fake, job(name="a", at="@hourly"))
    assert f"{CRON}/a cannot be written. The way back failed too: {DEFINITIONS}/a.json" in caught.value.message


def test_surprise_is_undone_too(fake: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(fake, job(name="a"))
    before, write = dict(fake.files), fake.write

    def stop_at_the_line(path: str, content: bytes, access: Access) -> None:
        if path == f"{CRON}/b":
            raise KeyboardInterrupt
        write(path, content, access)

    monkeypatch.setattr(fake, "write", stop_at_the_line)
    with pytest.raises(KeyboardInterrupt):
        ensure(fake, job(name="b"))
    assert fake.files == before
