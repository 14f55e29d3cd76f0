# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.machine import BIN, ROOT

# Without a single quote: beside it the other marks have no form that all readers know.
CANARY = 'canary-"-$ #;%-words'


class Ansible:
    """Runs tasks on this machine and keeps all that came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "ansible.log"
        self.printed = ""

    def play(
        self, tasks: list[dict[str, Any]], *options: str, variables: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The result of each task, failed ones included."""
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        (self.folder / "play.json").write_text(json.dumps([play]))
        always = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (self.folder / "variables.json").write_text(json.dumps({**always, **(variables or {})}))
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOG_PATH": str(self.log),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
        }
        command = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", "@variables.json"]
        run = subprocess.run(
            [*command, *options, "play.json"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += run.stdout + run.stderr
        try:
            document = json.loads(run.stdout[run.stdout.index("\n{") :] if "-v" in "".join(options) else run.stdout)
        except ValueError:
            raise AssertionError(run.stdout + run.stderr) from None
        return [task["hosts"]["localhost"] for task in document["plays"][0]["tasks"]]


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)


def dotenv(path: Path, **options: object) -> dict[str, Any]:
    schema = {
        "PORT": {"type": "port", "default": 3000},
        "API_KEY": {"type": "secret", "required": True},
        "SESSION_SECRET": {"type": "secret", "generate": True, "min_entropy": 32},
    }
    arguments = {"path": str(path), "schema": schema, "values": {"API_KEY": "{{ api_key }}"}, **options}
    return {"name": "Write the environment", "shipshape.webapp.dotenv": arguments, "ignore_errors": True}


def test_check_mode_foretells_exactly_and_the_second_run_changes_nothing(ansible: Ansible, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    variables = {"api_key": CANARY}
    foretold, really, again = ansible.play(
        [{**dotenv(file), "check_mode": True}, dotenv(file), dotenv(file)], "--diff", variables=variables
    )
    assert foretold["changed"]
    assert really["changed"]
    assert not again["changed"]
    assert foretold["diff"] == really["diff"]
    assert foretold["changes"] == really["changes"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_check_mode_before_the_directory_is_there(ansible: Ansible, tmp_path: Path) -> None:
    missing = tmp_path / "later" / ".env"
    foretold, really = ansible.play(
        [{**dotenv(missing, owner="nobody-yet"), "check_mode": True}, dotenv(missing)], variables={"api_key": CANARY}
    )
    assert foretold["changed"]
    assert really["failed"]
    assert "Its directory does not exist" in really["msg"]


def test_hosts_share_a_secret(ansible: Ansible, tmp_path: Path) -> None:
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    share = {**dotenv(first, return_secrets=True), "register": "first", "no_log": True}
    take = dotenv(second, values="{{ {'API_KEY': api_key} | combine(first.secrets) }}")
    ansible.play([share, take], "-vvvv", "--diff", variables={"api_key": CANARY})
    assert first.read_text() == second.read_text()
    made = next(line for line in first.read_text().splitlines() if line.startswith("SESSION_SECRET="))
    assert made.split("=")[1] not in ansible.printed + ansible.log.read_text()


def test_secrets_are_returned_only_where_nobody_sees_them(ansible: Ansible, tmp_path: Path) -> None:
    (refused,) = ansible.play([dotenv(tmp_path / ".env", return_secrets=True)], variables={"api_key": CANARY})
    assert "no_log: true" in refused["msg"]
    assert not (tmp_path / ".env").exists()


def test_a_masked_secret_of_another_task_is_not_taken_for_a_value(ansible: Ansible, tmp_path: Path) -> None:
    (refused,) = ansible.play([dotenv(tmp_path / ".env")], variables={"api_key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"})
    assert refused["problems"] == ["API_KEY is still a placeholder: give the real value."]


def test_problems_are_told_in_full_and_common_words_are_not_masked(ansible: Ansible, tmp_path: Path) -> None:
    values = {"API_KEY": CANARY, "PORT": "3000000", "PROT": "a", "LEVEL": "is"}
    (refused,) = ansible.play([dotenv(tmp_path / ".env", values=values)])
    assert refused["msg"].endswith(
        "PORT is not a port, a whole number from 1 to 65535. "
        "PROT is not in the schema. Did you mean PORT? "
        "LEVEL is not in the schema. Known are: API_KEY, PORT, SESSION_SECRET."
    )


def test_bad_options_are_refused(ansible: Ansible, tmp_path: Path) -> None:
    told = ansible.play(
        [
            dotenv(tmp_path / ".env", mode="0644"),
            dotenv(tmp_path / ".env", mode="rw"),
            dotenv(Path(".env")),
            dotenv(tmp_path / ".env", schema={"API_KEY": {"type": "sceret"}}),
            dotenv(tmp_path / ".env", owner="nobody-yet"),
        ],
        variables={"api_key": CANARY},
    )
    assert all(result["failed"] for result in told)
    assert "opens the file to every user" in told[0]["msg"]
    assert "not a quoted octal number" in told[1]["msg"]
    assert "path is not absolute" in told[2]["msg"]
    assert "Did you mean secret?" in told[3]["msg"]
    assert "There is no user nobody-yet" in told[4]["msg"]
    assert not (tmp_path / ".env").exists()


class Watch:
    """Looks for a word in the command line and environment of every process while it lasts."""

    def __init__(self, word: str) -> None:
        self.word = word.encode()
        self.seen: list[str] = []
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.005):
            self.looks += 1
            self.seen += [str(file) for file in _process_files() if self.word in _content(file)]


def _process_files() -> Iterator[Path]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            yield process / "cmdline"
            yield process / "environ"


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("is_right", [True, False])
def test_the_secret_is_nowhere_but_in_the_file(ansible: Ansible, tmp_path: Path, is_right: bool) -> None:
    file = tmp_path / "shared" / ".env"
    file.parent.mkdir()
    values = {"API_KEY": "{{ api_key }}", **({} if is_right else {"PORT": 0})}
    with Watch(CANARY) as watch:
        ansible.play([dotenv(file, values=values)] * 2, "-vvvv", "--diff", variables={"api_key": CANARY})
    assert watch.looks > 10
    assert watch.seen == []
    assert file.exists() is is_right
    (tmp_path / "variables.json").unlink()
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert holders == ([file] if is_right else [])
    assert CANARY not in ansible.printed
    assert json.dumps(CANARY)[1:-1] not in ansible.printed
