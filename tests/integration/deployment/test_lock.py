# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the next deployment knows of the last one whether it lives, as controllers come and go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.machine import ROOT

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"

TAKE = {"shipshape.webapp.deployment_lock": {"root": "{{ root }}", "state": "held", "phase": "build"}}
LIVE_ON = {"ansible.builtin.wait_for": {"path": "{{ root }}/go-on", "timeout": 120}}


def start(root: Path, *tasks: dict[str, Any], **environment: str) -> subprocess.Popen[str]:
    """A controller that carries out these tasks on this machine."""
    play = root.parent / "play.json"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return subprocess.Popen(
        [PLAYBOOK, "-i", "localhost,", "-c", "local", "-e", f"root={root}", "-e", f"@{root.parent}/vars.json", play],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(root.parent / "local"),
            "ANSIBLE_REMOTE_TEMP": str(root.parent / "remote"),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # So that it can be killed with all of its workers.
        start_new_session=True,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "vars.json").write_text(json.dumps({"ansible_python_interpreter": sys.executable}))
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def lines(root: Path) -> list[dict[str, Any]]:
    path = root / "deployments.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_until_taken(root: Path, by: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not (lines(root) and (root / "deployment.lock").exists()):
        assert by.poll() is None, by.communicate()[0]
        assert time.monotonic() < deadline, "nobody took the lock"
        time.sleep(0.05)


def test_a_deployment_keeps_others_out_until_its_controller_is_killed(root: Path) -> None:
    first = start(root, TAKE, LIVE_ON)
    try:
        wait_until_taken(root, first)
        held = json.loads((root / "deployment.lock").read_text())
        assert held["owner"]["pid"] == first.pid

        output = start(root, TAKE).communicate()[0]
        assert f"(process {first.pid}) deploys since {held['since']}" in output.replace("\n", " ")
        assert [line["event"] for line in lines(root)] == ["begun"]
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()

    # In check mode the next one sees that it could.
    check = start(root, {**TAKE, "check_mode": True})
    assert "failed=0" in check.communicate()[0]
    assert [line["event"] for line in lines(root)] == ["begun"]

    second = start(root, TAKE)
    assert "failed=0" in second.communicate()[0]
    assert [line["event"] for line in lines(root)] == ["begun", "taken over", "begun"]
    assert lines(root)[1]["deployment"] == held["deployment"]
    assert json.loads((root / "deployment.lock").read_text())["owner"]["pid"] == second.pid


@pytest.mark.parametrize("change", [{"controller": "elsewhere"}, {"machine": "another"}, {"began": None}])
def test_only_what_ran_here_is_known_to_be_dead(root: Path, change: dict[str, str | None]) -> None:
    start(root, TAKE).communicate()
    path = root / "deployment.lock"
    lock = json.loads(path.read_text())
    # A process that lives, which has begun when the lock says so or not.
    began = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    owner = {**lock["owner"], "pid": os.getpid(), "began": began} if "began" in change else {**lock["owner"], **change}
    path.write_text(json.dumps({**lock, "owner": owner}))

    output = start(root, TAKE).communicate()[0]

    assert "failed=1" in output
    assert f"set take_over to {lock['deployment']}" in " ".join(output.split())

    # The number of the dead process may be somebody else's by now.
    if "began" in change:
        path.write_text(json.dumps({**lock, "owner": {**owner, "began": "1"}}))
        assert "failed=0" in start(root, TAKE).communicate()[0]


def test_who_deploys_is_told(root: Path) -> None:
    start(root, TAKE, USER="ann", LOGNAME="ann", AWX_JOB_ID="77").communicate()
    assert lines(root)[0]["by"].startswith("ann on ")
    assert lines(root)[0]["by"].endswith(", job 77)")
