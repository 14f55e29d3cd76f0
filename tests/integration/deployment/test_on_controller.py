# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible's own process does in the place of a module, where a task runs on the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.integration.machine import ROOT

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
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
        self.send_header("Content-Length", "0")
        self.end_headers()

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
    # Nothing is packed or started.
    assert "AnsiballZ_deployment_record" not in ended.stdout
    assert "AnsiballZ_availability" not in ended.stdout
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


def test_what_asks_lives_until_it_is_told_to_end(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    Thread(target=server.serve_forever, daemon=True).start()
    path = str(tmp_path / "samples")
    asked = {
        "path": path,
        "state": "started",
        "url": f"http://127.0.0.1:{server.server_port}/",
        "headers": {"X-Key": CANARY},
        "interval": 0.05,
    }
    try:
        [begun, _waited, ended, again] = results(
            tmp_path,
            {"shipshape.webapp.availability": asked},
            {"ansible.builtin.wait_for": {"path": path, "search_regex": " 200\n(?s:.*) 200\n"}},
            *[{"shipshape.webapp.availability": {"path": path, "state": "stopped"}}] * 2,
        )
    finally:
        server.shutdown()

    assert begun["changed"]
    assert ended["measured"]["requests"] > 1
    assert ended["measured"]["failed"] == 0
    assert again["measured"] is None
