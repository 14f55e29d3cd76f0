# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long 30 checks take in one task, beside playbooks that do nothing and beside 30 tasks with uri.

Each is run by turns against the same small server on this machine. What counts are the ratios.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.integration.machine import BIN, ROOT

ROUNDS = 5
CHECKS = 30

SERVER = """
require("http").createServer((request, answer) => {
  answer.setHeader("Content-Type", "application/json");
  answer.end(JSON.stringify({status: "ok", path: request.url, items: [{id: 1}, {id: 2}]}));
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
"""


@contextmanager
def served() -> Iterator[str]:
    """The address of a small server."""
    argv = [str(BIN / "node"), "-e", SERVER]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()


def playbooks(url: str) -> dict[str, list[dict[str, Any]]]:
    """The tasks of each playbook."""
    asserted = {"status": 200, "json": {"status": "ok", "items": {"len": 2}}}
    checks = [{"http": f"/api/{number}", "expect": asserted} for number in range(CHECKS)]
    uris = [
        {
            "ansible.builtin.uri": {"url": f"{url}/api/{number}", "return_content": True},
            "register": "answer",
            "failed_when": "answer.json.status != 'ok' or answer.json['items'] | length != 2",
        }
        for number in range(CHECKS)
    ]
    return {
        "a playbook without a module": [{"ansible.builtin.debug": {"msg": "nothing"}}],
        "a module that does nothing": [{"ansible.builtin.ping": {}}],
        f"{CHECKS} checks in one task": [{"shipshape.webapp.smoke_check": {"base_url": url, "checks": checks}}],
        f"{CHECKS} tasks with uri": uris,
    }


def seconds(path: Path) -> float:
    """How long a playbook takes."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    begun = time.perf_counter()
    ended = subprocess.run(
        [str(BIN / "ansible-playbook"), str(path)], env=environment, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begun
    if ended.returncode != 0:
        raise SystemExit(ended.stdout[-3000:] + ended.stderr[-3000:])
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, served() as url:
        paths = {}
        for number, (name, tasks) in enumerate(playbooks(url).items()):
            play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
            play["vars"] = {"ansible_python_interpreter": sys.executable}
            paths[name] = Path(folder) / f"{number}.yml"
            paths[name].write_text(yaml.safe_dump([play]))
        measured: dict[str, list[float]] = {name: [] for name in paths}
        for _round in range(ROUNDS):
            for name, path in paths.items():
                measured[name].append(seconds(path))
    empty, nothing, ours, uris = (statistics.median(values) for values in measured.values())
    for name, values in measured.items():
        print(f"{name:30} {statistics.median(values):6.2f} s")
    print(
        f"the checks take {ours / empty:.2f} times as long as no module, {ours / nothing:.2f} times as long as one",
        end="",
    )
    print(f" that does nothing, and uri takes {uris / ours:.1f} times as long")


if __name__ == "__main__":
    main()
