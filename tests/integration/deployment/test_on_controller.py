# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible's own process does in the place of a module, where a task runs on the controller."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.integration.machine import ROOT

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
MODULES = ("availability", "deployment_record", "smoke_check")
CANARY = "canary-header"
FACTS = {
    "application": "shop",
    "deployment": "20261122T071500Z-4f2a",
    "verdict": "good",
    "sentence": "Version {{ 1 + 1 }} is live.",
    "began": "2026-11-22T07:15:00Z",
    "ended": "2026-11-22T07:17:05Z",
}


class Application(BaseHTTPRequestHandler):
    """Answers whoever shows the header."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["X-Key"] == CANARY else 401)
        self.send_header("Content-Length", str(len(CANARY)))
        self.end_headers()
        self.wfile.write(CANARY.encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def results(folder: Path, *tasks: dict[str, Any], check: bool = False) -> list[dict[str, Any]]:
    """What becomes of these tasks, of a playbook that lies in a folder of its own."""
    named = [{**task, "register": f"result_{number}", "ignore_errors": True} for number, task in enumerate(tasks)]
    kept = {
        "ansible.builtin.copy": {
            "content": f"{{{{ [{', '.join(task['register'] for task in named)}] | to_json }}}}",
            "dest": str(folder / "results.json"),
        },
        "check_mode": False,
    }
    (folder / "play").mkdir(exist_ok=True)
    playbook = folder / "play" / "play.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*named, kept]}]))
    ended = subprocess.run(
        [PLAYBOOK, "-vvvv", *(["--check"] if check else []), playbook],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    # It stands in the playbook, and nothing that is done with it may show it.
    assert CANARY not in ended.stdout
    # Nothing is packed or started, unless a task says that another Python or another environment is needed.
    packed = {name for name in MODULES if f"AnsiballZ_{name}.py" in ended.stdout}
    assert packed == {next(iter(task)).rpartition(".")[2] for task in tasks if task.keys() & {"vars", "environment"}}
    found: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())
    return found


def record(**options: Any) -> dict[str, Any]:
    return {"shipshape.webapp.deployment_record": options}


def test_paths_begin_where_the_playbook_is_and_templates_are_filled_in(tmp_path: Path) -> None:
    [foretold] = results(tmp_path, record(directory="records", facts=FACTS), check=True)
    assert foretold["changed"]
    assert not (tmp_path / "play" / "records").exists()

    [first, second] = results(tmp_path, *[record(directory="records", facts=FACTS)] * 2)

    written = tmp_path / "play" / "records" / FACTS["deployment"] / "record.json"
    assert first["record"] == str(written)
    assert json.loads(written.read_text())["sentence"] == "Version 2 is live."
    assert (first["changed"], second["changed"]) == (True, False)


def test_mistakes_are_told_as_by_a_module(tmp_path: Path) -> None:
    [missing, unknown, refused] = results(
        tmp_path,
        record(facts=FACTS),
        record(directory="records", facts=FACTS, place="here"),
        record(directory="records", facts={**FACTS, "verdict": "perfect"}),
    )
    assert missing["msg"] == "missing required arguments: directory"
    assert "place" in unknown["msg"]
    assert refused["failed"]
    assert "verdict" in refused["msg"]


@pytest.fixture
def url() -> Iterator[str]:
    """Where the application answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_what_asks_lives_until_it_is_told_to_end(url: str, tmp_path: Path) -> None:
    path = str(tmp_path / "samples")
    asked = {"path": path, "state": "started", "url": url, "headers": {"X-Key": CANARY}, "interval": 0.05}
    [begun, _waited, ended, again] = results(
        tmp_path,
        {"shipshape.webapp.availability": asked},
        {"ansible.builtin.wait_for": {"path": path, "search_regex": " 200\n(?s:.*) 200\n"}},
        *[{"shipshape.webapp.availability": {"path": path, "state": "stopped"}}] * 2,
    )

    assert begun["changed"]
    assert ended["measured"]["requests"] > 1
    assert ended["measured"]["failed"] == 0
    assert again["measured"] is None


def test_checks_are_proved_and_nobody_sees_who_asks(url: str, tmp_path: Path) -> None:
    checks = [
        {"http": "/", "as": "somebody"},
        {"command": "pwd", "expect": {"stdout": f"{tmp_path / 'play'}\n"}},
        {"name": "echo", "http": "/", "as": "somebody", "expect": {"body": "something else"}},
    ]
    given = {"base_url": url, "identities": {"somebody": {"headers": {"X-Key": CANARY}}}}
    suite = tmp_path / "suite.yml"
    suite.write_text(json.dumps({"checks": checks[:2]}))
    smoke = "shipshape.webapp.smoke_check"

    [good, of_file, bad, mistaken, elsewhere, otherwise] = results(
        tmp_path,
        {smoke: {**given, "checks": checks[:2]}},
        {smoke: {**given, "checks": str(suite)}},
        {smoke: {**given, "checks": checks}},
        {smoke: {**given, "checks": [{"htp": "/"}]}},
        {smoke: {**given, "checks": checks}, "vars": {"ansible_python_interpreter": sys.base_prefix + "/bin/python3"}},
        {smoke: {**given, "checks": checks[:2]}, "environment": {"LANG": "C.UTF-8"}},
    )

    assert [one["counts"]["passed"] for one in (good, of_file, bad, otherwise)] == [2] * 4
    assert not good["failed"]
    assert bad["failed"]
    assert "echo" in bad["msg"]
    assert "Did you mean http" in mistaken["msg"]
    alike = ("msg", "counts", "failures")
    assert {key: without_times(bad[key]) for key in alike} == {key: without_times(elsewhere[key]) for key in alike}


def without_times(told: object) -> str:
    return re.sub(r"\d+(\.\d+)? m?s", "", str(told))
