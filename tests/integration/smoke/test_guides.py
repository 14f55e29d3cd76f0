# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A suite of a guide, against a stand-in of its application: well, and misbehaving in one way after the other.

The suites of the other guides are proved in tests/integration/examples, against the real examples.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.integration import inside
from tests.integration.backup.test_secrets import watching
from tests.integration.machine import BIN, ROOT, Host
from tests.integration.smoke.guides.applications import (
    APPS,
    REDIS_PASSWORD,
    TOKENS,
    Applications,
)

REPORTS = {form: f"/srv/report.{form}" for form in ("junit", "tap", "json", "textfile")}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applications]:
    """All of them, on a host of their own: they have its nginx and its PM2 for themselves."""
    shared = tmp_path_factory.mktemp("guides")
    shared.chmod(0o755)
    # Which of the platforms it is makes no difference to a suite.
    host = inside.smoke_host("debian-12", f"shipshape-guides-{os.getpid()}", shared)
    try:
        host.wait_until_running()
        yield Applications(host)
    finally:
        host.remove()


@pytest.fixture
def guides(running: Applications) -> Iterator[Applications]:
    """All of them as they are at first."""
    running.reset()
    yield running
    running.misbehave()


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    """What became of each check."""
    return {check["name"]: check["outcome"] for check in result["checks"]}


def those(result: dict[str, Any], outcome: str) -> list[str]:
    """The checks of which this became."""
    return [name for name, became in outcomes(result).items() if became == outcome]


# Well


@pytest.mark.parametrize("app", APPS)
def test_suite_passes_each_time(guides: Applications, app: str) -> None:
    first, second = guides.prove(app), guides.prove(app)
    assert "failed" not in first, first["msg"]
    assert not first["changed"]
    assert first["counts"]["passed"] >= 15
    assert outcomes(second) == outcomes(first)
    assert guides.writes()
    assert first["counts"]["passed"] == len(first["checks"])


# Misbehaving


@dataclass(frozen=True)
class Misbehaviour:
    """What an application does wrong, and every line that has to be said of it; … stands for anything."""

    app: str
    faults: Sequence[str] = ()
    sql: str = ""
    told: Sequence[str] = ()
    # The checks that only warn, and do.
    warned: Sequence[str] = ()
    # The gate at which the suite ends.
    gate: str | None = None


MISBEHAVIOURS = {
    "faceshot": Misbehaviour(
        "faceshot",
        ["failing-calls", "reflecting", "open-admin", "breaker", "no-limiter", "bad-log"],
        told=[
            "at most 1 of the last 50 calls of A2E failed: json.calls[?success==`false` || success==`0`]: expected len"
            " le 1, got … (GET https://faceshot.test/api/monitoring/api-calls… answered 200:"
            ' {"calls":[{"success":0},…)',
            "no breaker is open: json.breakers[?state=='OPEN'].name: expected [], got [\"a2e\"]"
            " (GET https://faceshot.test/api/health/circuit-breakers answered 200:"
            ' {"breakers":[{"name":"a2e","state":"OPEN"}]})',
            "nobody gets in without a token: open: expected [],"
            ' got ["/api/a2e/credits", "/api/admin/skus/C1-15/config"]',
            "nobody gets in without a token: statuses.*.0: expected 401, got 200"
            ' (GET https://faceshot.test/api/a2e/credits answered 200: {"status":"ok"})',
            "markup is not sent back: reflected: expected [], got [\"<script>alert('shipshape')</script>\", … (5 items)"
            " (POST https://faceshot.test/api/skus/C1-15/validate answered 200:"
            ' {"script":"<script>alert(\'shipshape\')</script>"})',
            "no error in the application's log: forbidden: expected 0, got …"
            ' (Read /srv/faceshot/logs/application.log: {"level":"error","msg":"boom"})',
            "rate_limit /api/health/a2e: ok: expected le 60, got 66",
            "rate_limit /api/health/a2e: limited: expected ge 1, got 0"
            " (GET https://faceshot.test/api/health/a2e, sent 66 times: 66 x 200.)",
        ],
        warned=["rate limit hits are rare"],
    ),
    "faceshot's database": Misbehaviour(
        "faceshot",
        sql="""
            DROP TABLE job_steps;
            DELETE FROM sku_tool_configs WHERE sku_code = 'A4-BR';
            INSERT INTO jobs (status) VALUES ('failed');
            UPDATE jobs SET created_at = datetime('now', '-2 hours') WHERE status = 'processing';
            INSERT INTO a2e_api_calls (success) VALUES (0);
            INSERT INTO error_logs (severity) VALUES ('critical');
        """,
        told=[
            'sql: missing: expected [], got ["job_steps"] (/srv/faceshot/production.db has …)',
            "the nine SKUs: count: expected ge 9, got 8",
            'the nine SKUs: rows[].sku_code: expected superset ["C1-15", … (without ["A4-BR"])'
            " (/srv/faceshot/production.db answered with 8 rows)",
            "success of the jobs of a day in percent: value: expected gt 95, got 50.0"
            " (/srv/faceshot/production.db answered with 1 …)",
            "success of the A2E calls of an hour in percent: value: expected gt 98, got 66.66666666666666"
            " (/srv/faceshot/production.db answered with 1 …)",
            "no critical error in an hour: rows[?severity=='critical'].count: expected [], got [1]"
            " (/srv/faceshot/production.db answered with 2 rows)",
            'no job is stuck in processing: rows: expected [], got [{"id": 2, "type": "video", "created_at": "…"}]'
            " (/srv/faceshot/production.db answered with 1 …)",
        ],
    ),
    "faceshot is unhealthy": Misbehaviour(
        "faceshot",
        ["unhealthy"],
        told=[
            "http ${local}/health: status: expected lt 300, got 503 (GET http://localhost:3000/health answered 503:"
            ' {"status":"unhealthy"}) This was so at attempt …, after … s.'
        ],
        gate="http ${local}/health",
    ),
}


def is_told(line: str, expected: str) -> bool:
    """Whether a line is the expected one."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), line, re.DOTALL) is not None


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_misbehaviour_is_told_and_nothing_else(guides: Applications, name: str) -> None:
    what = MISBEHAVIOURS[name]
    if what.sql:
        guides.sql(what.app, what.sql, "production.db" if what.app == "faceshot" else "data.db")
    guides.misbehave(*what.faults)
    result = guides.prove(what.app)
    assert result["failed"]
    pairs = zip(result["failures"], what.told)
    assert [line for line, expected in pairs if not is_told(line, expected)] == []
    assert len(result["failures"]) == len(what.told), result["failures"]
    assert result["msg"].splitlines()[1:] == result["failures"]
    against = ("failed", "error")
    warned = [one for one in result["checks"] if one["severity"] == "warn" and one["outcome"] in against]
    assert [one["name"] for one in warned] == list(what.warned)
    names = list(outcomes(result))
    skipped = [] if what.gate is None else names[names.index(what.gate) + 1 :]
    # Gates come first, in the order of the suite.
    assert those(result, "skipped") == skipped


# Check mode: what only reads is carried out, and the rest is not.
CHANGING = {
    "faceshot": ["what npm installed", "markup is not sent back", "rate_limit /api/health/a2e"],
}


@pytest.mark.parametrize("app", APPS)
def test_check_mode_changes_nothing(guides: Applications, app: str) -> None:
    guides.host.run("rm", "-rf", "/srv/unwritten")
    result = guides.prove(app, check=True, report={"json": "/srv/unwritten"}, memory="/srv/unwritten")
    assert those(result, "skipped") == CHANGING[app]
    why = [check["failures"] for check in result["checks"] if check["outcome"] == "skipped"]
    assert why == [["it may change something, and nothing may be changed in check mode."]] * len(CHANGING[app])
    assert guides.writes() == []
    assert guides.host.run("sh", "-c", "ls /srv/unwritten || :") == b""


# Secrets


@pytest.mark.parametrize("app", APPS)
def test_no_secret_is_seen_even_if_the_server_echoes_it(guides: Applications, app: str) -> None:
    guides.misbehave("echo", "bad-log")
    with watching(guides.host, *TOKENS.values(), REDIS_PASSWORD) as watch:
        result = guides.prove(app, secrets=["boom"], report=REPORTS)
        reports = guides.host.run("cat", *REPORTS.values()).decode()
    assert watch.looks > 0
    assert watch.seen == []
    assert result["failed"]
    login = f"Bearer {TOKENS[app]}"
    for printed in (json.dumps(result), reports):
        assert "answered 418" in printed
        assert "********" in printed
        assert [word for word in ("canary", "boom", base64.b64encode(login.encode()).decode()) if word in printed] == []


# Reports


@pytest.mark.parametrize("fault", ["reflecting", "unhealthy"])
def test_reports_say_what_the_result_says(guides: Applications, fault: str) -> None:
    guides.misbehave(fault)
    result = guides.prove("faceshot", report=REPORTS)
    junit, tap, as_json, textfile = (guides.host.run("cat", path).decode() for path in REPORTS.values())
    checks = result["checks"]

    suite_of = ET.fromstring(junit)  # noqa: S314 (written by the module that is tested)
    counts = {name: int(suite_of.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {
        "tests": len(checks),
        "failures": result["counts"]["failed"],
        "errors": result["counts"]["errors"],
        "skipped": result["counts"]["skipped"] + result["counts"]["inconclusive"],
    }
    assert [case.attrib["name"] for case in suite_of] == [check["name"] for check in checks]
    assert [failure.text for failure in suite_of.iter("failure")] == [
        "\n".join(check["failures"]) for check in checks if check["outcome"] == "failed"
    ]

    lines = [line for line in tap.splitlines() if not line.startswith("#")]
    assert lines[:2] == ["TAP version 13", f"1..{len(checks)}"]
    assert len(lines) == 2 + len(checks)
    assert sum(line.startswith("not ok ") for line in lines) == result["counts"]["failed"]
    assert sum(" # SKIP " in line for line in lines) == result["counts"]["skipped"] + result["counts"]["inconclusive"]

    told = json.loads(as_json)
    assert {name: told[name] for name in ("counts", "failures", "checks")} == {
        name: result[name] for name in ("counts", "failures", "checks")
    }

    samples = [line for line in textfile.splitlines() if not line.startswith("#")]
    sample = re.compile(r'(\w+)(?:\{check="(.*)",kind="\w+",severity="(?:fail|warn)"\})? ([\d.]+)')
    found = [match.groups() for match in map(sample.fullmatch, samples) if match]
    assert len(found) == len(samples)
    assert [(name, value) for metric, name, value in found if metric == "smoke_check_success"] == [
        (check["name"], str(int(check["outcome"] == "passed"))) for check in checks if check["outcome"] != "skipped"
    ]
    assert [metric for metric, name, _value in found if name is None] == [
        "smoke_check_last_run_timestamp_seconds",
        "smoke_check_duration_seconds",
    ]


# The playbook


def verify(folder: Path, host: Host, **variables: Any) -> tuple[bool, str, str]:
    """Whether the playbook went well, its last word, and where that was said; the host is the only one of carloans."""
    reached = {"ansible_connection": "community.docker.docker", "ansible_python_interpreter": "/usr/bin/python3"}
    inventory = {"all": {"children": {"carloans": {"hosts": {host.name: reached}}}}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    (folder / "variables.json").write_text(json.dumps(variables))
    playbook = str(ROOT / "playbooks" / "verify.yml") if "app" in variables else "shipshape.webapp.verify"
    run = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "inventory.json", "-e", "@variables.json", playbook],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "canary" not in run.stdout + run.stderr
    document = json.loads(run.stdout[run.stdout.index("{\n") :])
    [(name, result)] = document["plays"][0]["tasks"][-1]["hosts"].items()
    return run.returncode == 0, result["msg"], name


def test_playbook_takes_a_suite_of_ones_own(guides: Applications, tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    checks = [{"http": "/health"}, {"tcp": "${address}:3000"}]
    own.write_text(json.dumps({"base_url": "http://${address}:3000", "checks": checks}))
    # On the controller, as nothing else is said.
    given = {"suite": "own.yml", "suite_vars": {"address": guides.host.ip()}}
    is_well, told, where = verify(tmp_path, guides.host, **given)
    assert (is_well, where) == (True, "localhost"), told

    is_well, told, where = verify(tmp_path, guides.host, suite="own.yml", suite_vars={"address": "127.0.0.1"})
    assert not is_well
    assert told.splitlines()[1:] == [
        "http /health: GET http://127.0.0.1:3000/health had no answer: nothing listens there.",
        "tcp ${address}:3000: open: expected true, got false (tcp 127.0.0.1:3000 has no connection: nothing listens"
        " there. Start the server, or correct the port.)",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {},
            "It is not said what is to be proved. Give app, which can be carloans, faceshot, holibot, lumiku,"
            " stacklens, or the path of your own file in suite.",
        ),
        (
            {"app": "hollibot"},
            "There is no suite for hollibot. Give app, which can be carloans, faceshot, holibot, lumiku, stacklens,"
            " or the path of your own file in suite.",
        ),
        (
            {"app": "holibot"},
            "The suite: 2 problems, nothing was changed. base_url: There is no variable domain. Known are: local,"
            " mistral_calls. database: There is no variable database. Known are: local, mistral_calls.",
        ),
        (
            {"suite": "own.yml"},
            "The suite: 2 problems, nothing was changed. check 1: there is no kind htp. Did you mean http? check 2: it"
            " has two kinds, http and sql. Make two checks of it, or a scenario of two steps.",
        ),
        (
            {"suite": "own.json"},
            "The suite: 1 problem, nothing was changed. checks: there is no option bas_url. Did you mean base_url?",
        ),
    ],
)
def test_playbook_says_what_is_wrong_before_anything_is_sent(
    guides: Applications, tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    (tmp_path / "own.yml").write_text("checks:\n  - {htp: /}\n  - {http: 'http://x/', sql: SELECT 1}\n")
    (tmp_path / "own.json").write_text('{"bas_url": "http://x", "checks": [{"tcp": "x:1"}]}')
    is_well, said, _where = verify(tmp_path, guides.host, **given)
    assert not is_well
    assert said == told
