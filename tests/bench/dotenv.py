# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long one dotenv task takes beside ansible.builtin.copy, which writes a text that somebody else made."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 10
VARIABLES = 50


def tasks(folder: str) -> list[dict[str, Any]]:
    """Both tasks, by turns, so that both see the same machine."""
    names = [f"VARIABLE_{number}" for number in range(VARIABLES)]
    dotenv = {
        "path": f"{folder}/dotenv",
        "schema": {name: {"type": "secret", "min_length": 8} for name in names},
        "values": dict.fromkeys(names, "two words"),
    }
    copy = {
        "dest": f"{folder}/copy",
        "content": "".join(f"{name}='two words'\n" for name in names),
        "mode": "0600",
    }
    pair = [{"name": "dotenv", "shipshape.webapp.dotenv": dotenv}, {"name": "copy", "ansible.builtin.copy": copy}]
    return pair * ROUNDS


def seconds(folder: str) -> dict[str, list[float]]:
    """The durations of each task, the first of each left out: it writes, the others find everything in place."""
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks(folder)}
    playbook = Path(folder, "play.json")
    playbook.write_text(json.dumps([play]))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    run = subprocess.run(
        [ROOT / ".venv" / "bin" / "ansible-playbook", playbook], env=environment, capture_output=True, check=True
    )
    durations: dict[str, list[float]] = {"dotenv": [], "copy": []}
    for task in json.loads(run.stdout)["plays"][0]["tasks"]:
        begin, end = task["task"]["duration"]["start"], task["task"]["duration"]["end"]
        durations[task["task"]["name"]].append(_seconds_of_day(end) - _seconds_of_day(begin))
    return {name: measured[1:] for name, measured in durations.items()}


def _seconds_of_day(moment: str) -> float:
    hours, minutes, rest = moment.partition("T")[2].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        medians = {name: statistics.median(measured) for name, measured in seconds(folder).items()}
    for name, median in medians.items():
        print(f"{name:8} {median * 1000:6.0f} ms a task, unchanged, {VARIABLES} variables, median of {ROUNDS - 1}")
    print(f"dotenv takes {medians['dotenv'] / medians['copy']:.2f} times as long as ansible.builtin.copy")


if __name__ == "__main__":
    main()
