# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.options import request_of, smoke_argument_spec
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.usecase import prove
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust
from tests.unit.smoke.fake_kinds import KINDS, FakeCrew, Stage, failed

REPORTS = {form: f"/r.{form}" for form in ("junit", "tap", "json", "textfile")}


def proved(stage: Stage, *checks: object, check_mode: bool = False, **options: Any) -> Result:
    spec = smoke_argument_spec().to_kwargs()["argument_spec"]
    params = {**{name: option.get("default") for name, option in spec.items()}, "checks": list(checks), **options}
    request = request_of(params, lambda path: None)
    return prove(request, kinds=KINDS, world=stage.world(), crew=FakeCrew(stage), check_mode=check_mode)


def refused(stage: Stage, *checks: object, **options: Any) -> ChecksFailed:
    with pytest.raises(ChecksFailed) as caught:
        proved(stage, *checks, **options)
    return caught.value


def test_a_suite_that_passes_is_a_result_without_change() -> None:
    found = proved(Stage(), {"probe": "a"})

    assert (found.changed, found.diff, found.warnings) == (False, None, [])
    assert set(found.data) == {"msg", "counts", "duration_ms", "failures", "checks"}
    assert found.data["msg"] == "1 passed in 0.0 s"


def test_a_suite_that_fails_gives_the_same_evidence() -> None:
    error = refused(Stage({"a": [failed()]}), {"probe": ["a", "b"]})

    assert error.message == "1 passed, 1 failed in 0.0 s\nprobe a: status: expected 200, got 500 (asked a)"
    assert set(error.details) == {"changed", "counts", "duration_ms", "failures", "checks"}
    assert error.details["changed"] is False


def test_what_only_warns_is_a_warning() -> None:
    found = proved(Stage({"a": [failed()]}), {"probe": "a", "severity": "warn"})

    assert found.warnings == ["probe a: status: expected 200, got 500 (asked a)"]


def test_the_settings_reach_the_checks() -> None:
    stage = Stage()

    proved(
        stage,
        {"probe": {"what": "${x}", "get": "/x"}, "as": "admin"},
        base_url="http://h",
        database="sqlite:///x.db",
        identities={"admin": {"bearer": "t0ken"}},
        vars={"x": "a"},
        ca="/ca.pem",
        timeout="3s",
    )

    [look] = stage.looks
    assert (look.options["what"], look.setting.base_url, look.setting.timeout) == ("a", "http://h", 3)
    assert (look.setting.trust, look.setting.headers) == (Trust("/ca.pem"), {"Authorization": "Bearer t0ken"})
    assert look.setting.database is not None
    assert look.setting.database.name == "/x.db"


def test_a_wrong_suite_sends_nothing_and_writes_nothing() -> None:
    stage = Stage()

    with pytest.raises(InvalidInput):
        proved(stage, {"probe": "a"}, {"prob": "b"}, report=REPORTS, memory="/m.json")

    assert (stage.looks, stage.marked, stage.files) == ([], [], {})


def test_tags_choose() -> None:
    stage = Stage()

    proved(stage, {"probe": "a", "tags": "x"}, {"probe": "b"}, only_tags=["x"])

    assert stage.asked() == ["a"]
    with pytest.raises(InvalidInput, match="no check has the tag y"):
        proved(stage, {"probe": "a"}, only_tags=["y"])


def test_tags_leave_out() -> None:
    stage = Stage()

    proved(stage, {"probe": "a", "tags": "x"}, {"probe": "b"}, except_tags=["x", "y"])

    assert stage.asked() == ["b"]


# Files.


def test_reports_are_written_for_everybody_whatever_the_verdict() -> None:
    stage = Stage({"a": [failed(), {}]})

    refused(stage, {"probe": "a"}, report=REPORTS)
    assert set(stage.files) == set(REPORTS.values())
    assert set(stage.modes.values()) == {0o644}
    assert json.loads(stage.files["/r.json"])["counts"]["failed"] == 1
    assert b"not ok 1" in stage.files["/r.tap"]
    assert b"<failure" in stage.files["/r.junit"]
    assert b"smoke_check_success" in stage.files["/r.textfile"]

    proved(stage, {"probe": "a"}, report={"json": "/r.json"})
    assert json.loads(stage.files["/r.json"])["counts"]["passed"] == 1


def test_the_memory_is_private_and_is_given_to_the_next_run() -> None:
    stage = Stage({"a": [{"ms": 100, "remember": {"at": 1}}, {"ms": 130, "remember": {"at": 2}}, {"ms": 1}]})
    check = {"probe": "a", "baseline": {"ms": "20%"}}

    proved(stage, check, memory="/m.json", record=True)
    assert stage.modes == {"/m.json": 0o600}
    error = refused(stage, check, memory="/m.json")

    assert "expected at most 120 (20 % above the recorded 100), got 130" in error.message
    assert [look.setting.remembered for look in stage.looks] == [{}, {"at": 1}]
    assert json.loads(stage.files["/m.json"]) == {
        "remembered": {"probe a": {"at": 2}},
        "recorded": {"probe a": {"ms": 100.0}},
    }
    assert proved(stage, check, memory="/m.json").warnings == []


def test_a_memory_that_is_none_is_refused_before_anything_is_sent() -> None:
    stage = Stage(files={"/m.json": b"x"})

    with pytest.raises(InvalidInput, match="is no memory of smoke_check"):
        proved(stage, {"probe": "a"}, memory="/m.json")

    assert stage.looks == []


def test_check_mode_looks_at_what_only_reads_and_writes_nothing() -> None:
    stage = Stage()

    found = proved(stage, {"probe": "a"}, {"change": "b"}, check_mode=True, report=REPORTS, memory="/m.json")

    assert (stage.asked(), stage.files) == (["a"], {})
    assert found.data["msg"] == "1 passed, 1 skipped in 0.0 s"


@pytest.mark.parametrize("path", ["/r.tap", "/m.json"])
def test_what_cannot_be_written_does_not_cost_the_verdict(path: str) -> None:
    stage = Stage({"a": [{}, failed()]}, unwritable=[path])
    options = {"report": REPORTS, "memory": "/m.json"}

    error = refused(stage, {"probe": "a"}, **options)
    assert error.message == f"1 passed in 0.0 s\n{path} cannot be written."
    assert error.details["counts"] == {
        "passed": 1,
        "failed": 0,
        "errors": 0,
        "skipped": 0,
        "warned": 0,
        "inconclusive": 0,
    }
    assert set(stage.files) == {*REPORTS.values(), "/m.json"} - {path}

    assert refused(stage, {"probe": "a"}, **options).message.splitlines() == [
        "0 passed, 1 failed in 0.0 s",
        "probe a: status: expected 200, got 500 (asked a)",
        f"{path} cannot be written.",
    ]


# Secrets.


def test_secrets_are_in_no_result_and_no_report() -> None:
    stage = Stage({"a": [failed(json={"echo": "canary-1", "login": "Y2FuYXJ5LTE", "n": "canary-2 canary-3"})]})

    error = refused(
        stage,
        {"name": "canary-2", "probe": {"what": "a", "password": "canary-3"}, "as": "admin", "severity": "warn"},
        {"probe": "a", "expect": {"json.echo": "canary-2"}},
        identities={"admin": {"bearer": "canary-1"}},
        secrets=["canary-2"],
        report=REPORTS,
    )

    shown = error.message + json.dumps(error.details, default=str) + "".join(map(str, stage.files.values()))
    assert "canary" not in shown
    assert "Y2Fu" not in shown
    assert 'expected \\"********\\", got' in shown


def test_what_is_saved_under_the_name_of_a_secret_is_hidden_as_well() -> None:
    stage = Stage({"a": [{"json": {"jwt": "canary-4", "id": "number-7"}}], "b": [{"json": "canary-4"}]})
    scenario = [{"probe": "a", "save": {"token": "json.jwt", "id": "json.id"}}, {"probe": "b"}]

    found = proved(stage, {"scenario": scenario}, report=REPORTS)

    shown = json.dumps(found.data, default=str) + "".join(map(str, stage.files.values()))
    assert "canary-4" not in shown
    assert "number-7" in shown


def test_what_is_saved_for_an_identity_is_hidden_by_any_name() -> None:
    echoed = base64.b64encode(b"Bearer canary-5").decode()
    stage = Stage({"a": [{"json": "canary-5"}], "b": [{"json": ["canary-5", echoed]}]})
    checks = [{"probe": "a", "save": {"ticket": "json"}, "gate": True}, {"probe": "b", "as": "guest"}]

    found = proved(stage, *checks, identities={"guest": {"bearer": "${ticket}"}}, report=REPORTS)

    assert [look.setting.headers for look in stage.looks] == [{}, {"Authorization": "Bearer canary-5"}]
    shown = json.dumps(found.data, default=str) + "".join(map(str, stage.files.values()))
    assert [text for text in ("canary-5", echoed) if text in shown] == []
