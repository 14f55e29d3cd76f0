# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role deployment finds wrong with an application's file, with the templates that are in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.machine import BIN, ROOT

CANARY = "canary-7d41"

SHOP = {
    "app_name": "shop",
    "app_root": "/srv/{{ app_name }}",
    "app_source": {"directory": "{{ app_root }}/source"},
    "app_processes": [{"name": "web", "script": "web.js", "ports": [3000, 3001]}],
    "app_backup": {"directory": "{{ app_root }}/backups"},
}


def mistakes(folder: Path, **fields: Any) -> list[str]:
    """What the role says of these fields and those of the shop."""
    here = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (folder / "fields.json").write_text(json.dumps({**here, **SHOP, **fields}))
    found = folder / "found.json"
    told = {"content": "{{ __deployment_mistakes | to_json }}", "dest": str(found), "mode": "0600"}
    tasks = [
        {"ansible.builtin.include_vars": str(ROOT / "roles/deployment/vars/main.yml")},
        {"ansible.builtin.copy": told},
    ]
    (folder / "play.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    ended = subprocess.run(
        [BIN / "ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "@fields.json", "-vvv", "play.json"],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert CANARY not in ended.stdout + ended.stderr
    sentences: list[str] = json.loads(found.read_text())
    return sentences


def test_templates_are_judged_by_what_comes_of_them(tmp_path: Path) -> None:
    (tmp_path / "gate.yml").write_text(f"- {{htp: {CANARY}}}\n")

    assert mistakes(
        tmp_path,
        app_backup={"directory": "{{ app_name }}", "name": "{{ app_name }}"},
        app_watch="{{ 30 * 2 }}",
        app_soak="{{ secret }}",
        app_gate="{{ playbook_dir }}/gate.yml",
        app_migrate={"directory": "m", "alow_destructive": ["{{ secret }}"]},
        secret=CANARY,
    ) == [
        "app_soak: this is no whole number.",
        "app_migrate.alow_destructive: there is no such field; did you mean allow_destructive?",
        "app_backup.directory is not absolute: which one it is depends on who runs the module.",
        "app_gate[1]: there is no kind htp. Did you mean http?",
    ]


def test_what_is_not_defined_yet_is_not_judged(tmp_path: Path) -> None:
    assert mistakes(
        tmp_path,
        app_url="{{ not_yet }}",
        app_source={"git": "{{ not_yet.url }}", "gti": 1},
        app_gate=[{"htp": "/"}, {"http": "{{ __deployment_release.path }}"}],
        app_check_secrets="{{ lookup('ansible.builtin.file', '/nowhere') }}",
        app_stabel="{{ not_yet }}",
        app_keep=0,
    ) == [
        "app_stabel: there is no such field; did you mean app_stable?",
        "app_keep: keep at least 1, to which one can go back.",
    ]
